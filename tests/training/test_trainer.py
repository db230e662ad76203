"""The Trainer with toy models on noise: its losses, its gradients, what it predicts, and which clips it sees."""

from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from errors import raises_naming
from torch import nn
from torch._dynamo.utils import counters
from toys import RandomClips, toy_trainer, trainer_model
from video_models import KINDS, save

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.data.sampler import ClipSampler
from logoformer_hf.models.inputs import model_inputs
from logoformer_hf.models.loading import load_model, load_trained_model
from logoformer_hf.training.losses import center_compact_loss, margin_compact_loss
from logoformer_hf.training.trainer import LogoFormerTrainer


def weights_after_training(tmp_path, **arguments) -> torch.Tensor:
    trainer = toy_trainer(tmp_path, **arguments)
    trainer.train()
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


@pytest.mark.parametrize("form", ["none", "margin"])
@pytest.mark.parametrize("num_clips", [8, 11, 7], ids=["full batch", "uneven last batch", "uneven micro-batches"])
def test_gradient_accumulation_is_exact(tmp_path, form, num_clips):
    """4 x 2 equals 8 x 1: the same weights after an epoch of large SGD steps."""
    shared = {"num_clips": num_clips, "compact_loss": form, "compact_loss_weight": 0.5, "label_smoothing_factor": 0.1}
    at_once = weights_after_training(tmp_path, per_device_train_batch_size=8, **shared)
    in_parts = weights_after_training(tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2, **shared)
    start = torch.cat([parameter.detach().flatten() for parameter in trainer_model().parameters()])
    assert (at_once - start).abs().max() > 1e-3
    torch.testing.assert_close(in_parts, at_once, rtol=0, atol=1e-5)


def test_center_over_micro_batches_is_their_mean_weighted_by_clips(tmp_path):
    """As documented, and not what one large batch gives: the classes of a micro-batch are compared with each other."""
    trainer = toy_trainer(tmp_path, compact_loss="center", compact_loss_weight=1.0)
    outputs = {"logits": torch.randn(5, 7), "embedding": torch.randn(5, 16)}
    labels = torch.tensor([0, 1, 0, 1, 2])
    losses = trainer.clip_losses(outputs, labels)
    torch.testing.assert_close(losses["compact_loss"], 5 * center_compact_loss(outputs["embedding"], labels))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cross_entropy_with_label_smoothing_worked_out_by_hand(tmp_path, smoothing, dtype):
    """A smoothed label is `smoothing` / 3 of every class, and the rest of its own class."""
    trainer = toy_trainer(tmp_path, label_smoothing_factor=smoothing, compact_loss="none")
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]])
    logits, labels = probabilities.log().to(dtype), torch.tensor([1, 2])
    losses = trainer.clip_losses({"logits": logits}, labels)
    minus_log = -np.log([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]])
    own, uniform = minus_log[0, 1] + minus_log[1, 2], minus_log.sum() / 3  # sums over both clips
    expected = (1 - smoothing) * own + smoothing * uniform
    assert losses.keys() == {"cross_entropy"} and losses["cross_entropy"].dtype == torch.float32
    assert losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-6 if dtype == torch.float32 else 0.01)


def test_weighted_sum_of_losses_worked_out_by_hand(tmp_path):
    trainer = toy_trainer(tmp_path, compact_loss_weight=0.25)
    assert trainer.weigh_losses({"cross_entropy": 3.0, "compact_loss": 8.0}) == 3.0 + 0.25 * 8.0
    assert trainer.weigh_losses({"cross_entropy": 3.0}) == 3.0


@pytest.mark.parametrize(
    ("num_items", "num_processes", "divisor"),
    [
        (None, 1, 4),  # the clips of the batch
        (12, 1, 12),  # the clips of the whole step
        (12, 3, 4),  # the step's clips of all processes, whose gradients are averaged
        (0, 1, 1),  # no clip of the step could be read
    ],
)
def test_what_the_summed_loss_is_divided_by(tmp_path, num_items, num_processes, divisor):
    trainer = toy_trainer(tmp_path, compact_loss_weight=0.5)
    logits, labels = torch.randn(4, 7), torch.tensor([0, 3, 3, 6])
    trainer.accelerator = SimpleNamespace(num_processes=num_processes)
    model = Mock(return_value={"logits": logits}, training=True, modules=list)
    loss = trainer.compute_loss(model, {"pixel_values": 1, "labels": labels}, num_items_in_batch=num_items)
    margin = margin_compact_loss(logits, labels, reduction="sum")
    summed = nn.functional.cross_entropy(logits, labels, reduction="sum") + 0.5 * margin
    torch.testing.assert_close(loss, summed / divisor)
    model.assert_called_once_with(pixel_values=1)


@pytest.mark.parametrize(
    ("is_last", "remainder", "process", "expected"),
    [
        (False, 3, 0, 4),  # not the last step
        (True, -1, 0, 4),  # nothing was filled up, as accelerate says it
        (True, 0, 0, 4),
        (True, 1, 0, 1),
        (True, 3, 0, 3),
        (True, 3, 1, 0),  # all clips of the second process have been seen already
        (True, 6, 0, 4),
        (True, 6, 1, 2),
    ],
)
def test_clips_that_fill_up_the_last_step_do_not_count(tmp_path, is_last, remainder, process, expected):
    """Batches of 4; `remainder` is the number of clips in the last step of all processes."""
    trainer = toy_trainer(tmp_path)
    state = SimpleNamespace(end_of_dataloader=is_last, remainder=remainder)
    trainer.accelerator = SimpleNamespace(gradient_state=state, process_index=process)
    assert trainer.count_own_clips(4) == expected


@pytest.mark.parametrize("form", ["margin", "center", "none"])
def test_the_loss_is_cross_entropy_plus_weighted_compact_loss(tmp_path, form):
    trainer = toy_trainer(tmp_path, compact_loss=form, compact_loss_weight=0.3)
    batch = trainer._prepare_inputs(collate_clips([trainer.train_dataset[index] for index in range(8)]))
    trainer.model.eval()
    loss, outputs = trainer.compute_loss(trainer.model, batch, return_outputs=True)
    compact = {
        "margin": margin_compact_loss(outputs.logits, batch["labels"]),
        "center": center_compact_loss(outputs.embedding, batch["labels"]),
        "none": torch.tensor(0.0),
    }[form]
    expected = nn.functional.cross_entropy(outputs.logits, batch["labels"]) + 0.3 * compact
    torch.testing.assert_close(loss, expected)
    assert "labels" in batch  # Trainer still needs them for the metric


def test_both_losses_are_logged_apart(tmp_path):
    trainer = toy_trainer(tmp_path, num_clips=12, compact_loss_weight=0.5, per_device_train_batch_size=4)
    trainer.train()
    trainer.predict(RandomClips(8))  # leaves nothing behind in the losses of the evaluation
    trainer.evaluate()
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(logs) == 3
    for entry in logs:
        assert entry["loss"] == pytest.approx(entry["cross_entropy"] + 0.5 * entry["compact_loss"], abs=2e-4)
    evaluation = trainer.state.log_history[-1]
    expected = evaluation["eval_cross_entropy"] + 0.5 * evaluation["eval_compact_loss"]
    assert evaluation["eval_loss"] == pytest.approx(expected, abs=2e-4)
    assert set(evaluation) >= {"eval_cross_entropy", "eval_compact_loss"}


def test_without_compact_loss_none_is_logged(tmp_path):
    trainer = toy_trainer(tmp_path, compact_loss="none")
    trainer.train()
    entry = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert "compact_loss" not in entry and entry["cross_entropy"] == pytest.approx(entry["loss"], abs=1e-4)


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_norm_statistics_are_frozen_on_request(tmp_path, frozen):
    trainer = toy_trainer(tmp_path, freeze_batch_norm=frozen)
    norm = trainer.model.logoformer.backbone.embedder.embedder.normalization
    before, weight_before = norm.running_mean.clone(), norm.weight.detach().clone()
    trainer.train()
    assert torch.equal(norm.running_mean, before) == frozen
    assert not torch.equal(norm.weight.detach(), weight_before)  # the weights of the norm go on learning


@pytest.mark.parametrize("form", ["margin", "center", "none"])
def test_no_clips_of_its_own_add_nothing(tmp_path, form):
    outputs = {"logits": torch.zeros(0, 7), "embedding": torch.zeros(0, 16)}
    losses = toy_trainer(tmp_path, compact_loss=form).clip_losses(outputs, torch.zeros(0, dtype=torch.int64))
    assert losses == {"cross_entropy": 0} | ({} if form == "none" else {"compact_loss": 0})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_trains_with_the_compact_loss_and_predicts(kind, tmp_path):
    model, processor, _ = load_model(save(tmp_path / "model", kind), EXPRESSIONS)
    nn.init.normal_(model.classifier.weight)  # new ones are so small that the compact loss would be logged as 0
    clips = RandomClips(3, num_frames=KINDS[kind][2])
    trainer = toy_trainer(
        tmp_path,
        model=model,
        processor=processor,
        train_dataset=clips,
        eval_dataset=clips,
        compute_metrics=lambda predictions: {"uar": float(predictions.predictions.shape == (3, 7))},
        compact_loss="margin",
        compact_loss_weight=0.5,
        max_steps=1,
        per_device_train_batch_size=2,
        per_device_eval_batch_size=2,
        gradient_accumulation_steps=2,
        eval_strategy="steps",
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
    )
    before = model.classifier.weight.detach().clone()
    trainer.train()
    assert not torch.equal(trainer.model.classifier.weight, before)
    log = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert log["compact_loss"] > 0
    assert log["loss"] == pytest.approx(log["cross_entropy"] + 0.5 * log["compact_loss"], abs=2e-4)
    assert trainer.state.best_metric == 1.0  # validation gathered logits alone

    predictions = trainer.predict_clips(clips)
    assert predictions.labels.tolist() == [0, 1, 2]
    with torch.inference_mode():
        inputs = model_inputs(processor, clips.frames)
        torch.testing.assert_close(torch.tensor(predictions.logits), trainer.model.eval()(**inputs).logits)
        from_embeddings = trainer.model.classifier(torch.tensor(predictions.embeddings))
    torch.testing.assert_close(torch.tensor(predictions.logits), from_embeddings)

    # What was saved along the way loads again, with its processor and labels.
    again, processor_again, class_numbers = load_trained_model(tmp_path / "checkpoint-1", EXPRESSIONS)
    assert type(again) is type(model) and type(processor_again) is type(processor)
    assert class_numbers == list(range(7))


def test_center_without_an_embedding_is_refused(tmp_path):
    outputs = {"logits": torch.randn(4, 7)}
    with raises_naming(ValueError, "compact_loss", "'center'", "LogoFormerForVideoClassification", "'margin'"):
        toy_trainer(tmp_path, compact_loss="center").clip_losses(outputs, torch.arange(4))


def test_positions_and_weights_of_summaries_need_not_decay(tmp_path):
    model = trainer_model(use_summary_positions=True)
    decayed, fewer = (
        set(toy_trainer(tmp_path, model=model, decay_positions=each).get_decay_parameter_names(model))
        for each in (True, False)
    )
    attention = "logoformer.layers.0.global_attention"
    embeddings = {
        f"{part}.{kind}_embeddings" for part in ("logoformer.embeddings", attention) for kind in ("space", "time")
    }
    assert decayed - fewer == {f"{attention}.summary_weight", *embeddings} and fewer < decayed
    assert not any("bias" in name for name in decayed)


# --- the order of clips


def test_loaders_draw_the_seeds_of_their_workers_from_generators_of_their_own(tmp_path):
    trainer, other = toy_trainer(tmp_path, seed=5), RandomClips(3)
    loaders = trainer.get_train_dataloader(), trainer.get_eval_dataloader(other), trainer.get_test_dataloader(other)
    for loader in loaders:
        assert loader.base_dataloader.generator.initial_seed() == 5  # accelerate's loader iterates over this one
    assert [len(loader.dataset) for loader in loaders] == [8, 3, 3]


@pytest.mark.parametrize(
    ("settings", "seed"), [({}, 42), ({"seed": 5}, 5), ({"data_seed": 9}, 9), ({"seed": 5, "data_seed": 9}, 9)]
)
@pytest.mark.parametrize("balanced", [False, True])
def test_the_order_of_clips_is_that_of_the_seed(tmp_path, settings, seed, balanced):
    trainer = toy_trainer(tmp_path, num_clips=10, class_balanced_sampling=balanced, **settings)
    clips, other = trainer.train_dataset, RandomClips(25)
    for sampler, dataset in ((trainer._get_train_sampler(), clips), (trainer._get_train_sampler(other), other)):
        assert list(sampler) == list(ClipSampler(len(dataset), seed, dataset.labels if balanced else None))


@pytest.mark.parametrize("lr_decay_epochs", [0, 2])
def test_the_learning_rate_of_an_optimizer_that_is_given_is_scheduled(tmp_path, lr_decay_epochs):
    trainer = toy_trainer(tmp_path, lr_decay_epochs=lr_decay_epochs, num_train_epochs=4)
    optimizer = torch.optim.SGD(trainer.model.parameters(), lr=0.5)
    scheduler = trainer.create_scheduler(8, optimizer)
    assert scheduler.optimizer is optimizer
    for _ in range(4):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05 if lr_decay_epochs else 0.5)


class ClipsWithoutLabels(torch.utils.data.Dataset):
    """A data set that does not know its classes without reading its clips."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return RandomClips(4)[index]


def test_balanced_sampling_needs_labels(tmp_path):
    trainer = toy_trainer(tmp_path, train_dataset=ClipsWithoutLabels(), class_balanced_sampling=True)
    with raises_naming(ValueError, "class_balanced_sampling", "labels", "ClipsWithoutLabels"):
        trainer.train()
    toy_trainer(tmp_path, train_dataset=ClipsWithoutLabels()).train()  # which needs no labels


# --- batches


def test_a_trainer_without_a_processor_is_refused(tmp_path):
    arguments = toy_trainer(tmp_path).args
    with raises_naming(ValueError, "processing_class"):
        LogoFormerTrainer(model=trainer_model(), args=arguments)


def test_several_gpus_in_one_process_are_refused(tmp_path):
    trainer = toy_trainer(tmp_path)
    arguments, processor = trainer.args, trainer.processing_class
    arguments._n_gpu = 1
    assert LogoFormerTrainer(trainer_model(), arguments, processing_class=processor).args is arguments
    arguments._n_gpu = 2
    with raises_naming(ValueError, "2 GPUs", "accelerate launch --multi_gpu", "CUDA_VISIBLE_DEVICES"):
        LogoFormerTrainer(trainer_model(), arguments, processing_class=processor)


def test_the_device_makes_the_pixel_values_of_the_processor(tmp_path):
    """Bit for bit what the processor gives for every clip alone."""
    trainer = toy_trainer(tmp_path)
    trainer.processing_class.image_mean, trainer.processing_class.image_std = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
    clips = [trainer.train_dataset[index] for index in range(3)]
    inputs = trainer._prepare_inputs(collate_clips(clips))
    assert set(inputs) == {"pixel_values", "labels"}
    for pixel_values, clip in zip(inputs["pixel_values"], clips, strict=True):
        expected = trainer.processing_class(clip["frames"], do_sample_frames=False, return_tensors="pt")
        assert torch.equal(pixel_values, expected["pixel_values"][0])
    white = torch.full((1, 4, 3, 32, 32), 255, dtype=torch.uint8)
    pixel_values = trainer._prepare_inputs({"frames": white, "labels": torch.zeros(1)})["pixel_values"]
    torch.testing.assert_close(pixel_values[0, 0, :, 0, 0], torch.tensor([0.9 / 0.4, 0.8 / 0.5, 0.7 / 0.6]))


def test_a_compiled_model_takes_full_batches_alone(tmp_path):
    """Neither the last batch of an epoch, of another size, nor an evaluation is compiled."""

    def graphs(num_clips, **arguments) -> int:
        torch.compiler.reset()
        counters.clear()
        trainer = toy_trainer(
            tmp_path,
            num_clips=num_clips,
            per_device_train_batch_size=4,
            torch_compile=True,
            torch_compile_backend="eager",
            **arguments,
        )
        trainer.train()
        assert trainer.state.global_step == -(-num_clips // 4)
        return int(counters["stats"]["unique_graphs"])

    full = graphs(8)
    assert full > 0
    evaluated = {"eval_dataset": RandomClips(5), "eval_strategy": "epoch", "metric_for_best_model": "eval_loss"}
    assert graphs(11, **evaluated) == full
