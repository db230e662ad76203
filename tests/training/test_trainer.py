import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import VideoMAEConfig, VideoMAEForVideoClassification

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.configuration_logoformer import resnet18_to_stage3
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.data.sampler import ClipSampler
from logoformer_hf.training.arguments import RECIPES, LogoFormerTrainingArguments
from logoformer_hf.training.losses import center_compact_loss, margin_compact_loss
from logoformer_hf.training.trainer import LogoFormerTrainer


class RandomClips(torch.utils.data.Dataset):
    """Clips of noise in memory, with what the Trainer expects of `ClipDataset`."""

    def __init__(self, num_clips: int, num_classes: int = 7):
        self.frames = torch.randint(
            0, 256, (num_clips, 4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        self.labels = [index % num_classes for index in range(num_clips)]
        self.epochs = []

    def set_epoch(self, epoch):
        self.epochs.append(epoch)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {"frames": self.frames[index], "label": self.labels[index]}


def toy_model(**overrides) -> LogoFormerForVideoClassification:
    torch.manual_seed(0)
    config = LogoFormerConfig(
        num_frames=4,
        image_size=32,
        backbone_config=resnet18_to_stage3(embedding_size=4, hidden_sizes=[4, 6, 8], depths=[1, 1, 1]),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        window_size=(2, 2, 2),
        drop_path_rate=0.0,
        **overrides,
    )
    return LogoFormerForVideoClassification(config)


def make_trainer(tmp_path, num_clips=8, model=None, train_dataset=None, **arguments) -> LogoFormerTrainer:
    settings = {
        "output_dir": str(tmp_path),
        "use_cpu": True,
        "optim": "sgd",
        "learning_rate": 0.1,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 8,
        "eval_strategy": "no",
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "logging_steps": 1,
        "dataloader_num_workers": 0,
        "disable_tqdm": True,
        "freeze_batch_norm": True,
    }
    processor = LogoFormerVideoProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, num_frames=4
    )
    return LogoFormerTrainer(
        model=toy_model() if model is None else model,
        args=LogoFormerTrainingArguments(**settings | arguments),
        train_dataset=RandomClips(num_clips) if train_dataset is None else train_dataset,
        eval_dataset=RandomClips(5),
        data_collator=collate_clips,
        processing_class=processor,
    )


def weights_after_training(tmp_path, **arguments) -> torch.Tensor:
    trainer = make_trainer(tmp_path, **arguments)
    trainer.train()
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


@pytest.mark.parametrize("form", ["none", "margin"])
@pytest.mark.parametrize("num_clips", [8, 11], ids=["full batch", "uneven last batch"])
def test_gradient_accumulation_is_exact(tmp_path, form, num_clips):
    """4 x 2 equals 8 x 1: the same weights after an epoch of large SGD steps."""
    shared = {"num_clips": num_clips, "compact_loss": form, "compact_loss_weight": 0.5, "label_smoothing_factor": 0.1}
    at_once = weights_after_training(tmp_path, per_device_train_batch_size=8, **shared)
    in_parts = weights_after_training(tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2, **shared)
    start = torch.cat([parameter.detach().flatten() for parameter in toy_model().parameters()])
    assert (at_once - start).abs().max() > 1e-3
    torch.testing.assert_close(in_parts, at_once, rtol=0, atol=1e-5)


def test_center_over_micro_batches_is_their_mean_weighted_by_clips(tmp_path):
    """As documented, and not what one large batch gives: the classes of a micro-batch are compared with each other."""
    trainer = make_trainer(tmp_path, compact_loss="center", compact_loss_weight=1.0)
    outputs = {"logits": torch.randn(5, 7), "embedding": torch.randn(5, 16)}
    labels = torch.tensor([0, 1, 0, 1, 2])
    losses = trainer.clip_losses(outputs, labels)
    torch.testing.assert_close(losses["compact_loss"], 5 * center_compact_loss(outputs["embedding"], labels))


@pytest.mark.parametrize("form", ["margin", "center", "none"])
def test_the_loss_is_cross_entropy_plus_weighted_compact_loss(tmp_path, form):
    trainer = make_trainer(tmp_path, compact_loss=form, compact_loss_weight=0.3)
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
    trainer = make_trainer(tmp_path, num_clips=12, compact_loss_weight=0.5, per_device_train_batch_size=4)
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
    trainer = make_trainer(tmp_path, compact_loss="none")
    trainer.train()
    entry = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert "compact_loss" not in entry and entry["cross_entropy"] == pytest.approx(entry["loss"], abs=1e-4)


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_norm_statistics_are_frozen_on_request(tmp_path, frozen):
    trainer = make_trainer(tmp_path, freeze_batch_norm=frozen)
    norm = trainer.model.logoformer.backbone.embedder.embedder.normalization
    before, weight_before = norm.running_mean.clone(), norm.weight.detach().clone()
    trainer.train()
    assert torch.equal(norm.running_mean, before) == frozen
    assert not torch.equal(norm.weight.detach(), weight_before)  # the weights of the norm go on learning


def test_evaluation_keeps_the_logits_alone(tmp_path):
    prediction = make_trainer(tmp_path).predict(RandomClips(5))
    assert prediction.predictions.shape == (5, 7)
    assert prediction.label_ids.tolist() == [0, 1, 2, 3, 4]


def test_predictions_of_clips(tmp_path):
    """Each clip's logits and embedding, in order; and validation never keeps an embedding."""
    trainer = make_trainer(tmp_path, per_device_eval_batch_size=2)
    seen = []
    trainer.compute_metrics = lambda predictions: seen.append(predictions.predictions.shape) or {"uar": 0.5}
    clips = RandomClips(5)
    predictions = trainer.predict_clips(clips)
    with torch.inference_mode():
        inputs = trainer._prepare_inputs(collate_clips([clips[index] for index in range(5)]))
        outputs = trainer.model(pixel_values=inputs["pixel_values"])
    torch.testing.assert_close(torch.tensor(predictions.logits), outputs.logits)
    torch.testing.assert_close(torch.tensor(predictions.embeddings), outputs.embedding)
    assert predictions.labels.tolist() == [0, 1, 2, 3, 4]
    assert predictions.metrics["test_uar"] == 0.5
    assert not trainer.model.classifier._forward_pre_hooks
    trainer.evaluate()
    assert seen == [(5, 7)] * 2


PREDICT = """
import sys

sys.path.insert(0, {tests!r})
from test_trainer import predict_and_save

predict_and_save({folder!r}, dataloader_num_workers=1)
"""


def predict_and_save(folder: str, **arguments) -> None:
    trainer = make_trainer(folder, per_device_eval_batch_size=2, compact_loss_weight=0.5, **arguments)
    trainer.model.classifier.weight.data *= 20  # so that the clips' losses differ
    found = trainer.predict_clips(RandomClips(9, num_classes=5))
    losses = [found.metrics[f"test_{name}"] for name in ("loss", "cross_entropy", "compact_loss")]
    arrays = {"logits": found.logits, "embeddings": found.embeddings, "labels": found.labels, "losses": losses}
    np.savez(Path(folder) / f"{trainer.args.world_size}_{trainer.args.process_index}.npz", **arrays)


def test_predictions_are_the_same_from_one_and_two_processes(tmp_path):
    """Two real ones. The last of nine clips leaves one process half a batch, and the other one none."""
    predict_and_save(str(tmp_path))
    script = tmp_path / "predict.py"
    script.write_text(PREDICT.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    # Without --multi_gpu accelerate starts one process on a machine without a GPU; with it, two on the CPU.
    command = ["accelerate", "launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0", str(script)]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]

    one, *two = (np.load(tmp_path / name) for name in ("1_0.npz", "2_0.npz", "2_1.npz"))
    assert one["labels"].tolist() == [index % 5 for index in range(9)]
    assert one["logits"].shape == (9, 7) and one["embeddings"].shape == (9, 16)
    assert len(np.unique(one["logits"].round(5), axis=0)) == 9
    logits, labels = torch.tensor(one["logits"]), torch.tensor(one["labels"])
    cross_entropy = nn.functional.cross_entropy(logits, labels).item()
    compact_loss = margin_compact_loss(logits, labels).item()
    expected = [cross_entropy + 0.5 * compact_loss, cross_entropy, compact_loss]
    np.testing.assert_allclose(one["losses"], expected, rtol=1e-5)
    for process in two:
        assert np.array_equal(process["labels"], one["labels"])
        for name in ("logits", "embeddings", "losses"):
            np.testing.assert_allclose(process[name], one[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["margin", "center", "none"])
def test_no_clips_of_its_own_add_nothing(tmp_path, form):
    outputs = {"logits": torch.zeros(0, 7), "embedding": torch.zeros(0, 16)}
    losses = make_trainer(tmp_path, compact_loss=form).clip_losses(outputs, torch.zeros(0, dtype=torch.int64))
    assert losses == {"cross_entropy": 0, "compact_loss": 0}


def test_any_video_classifier_can_be_trained(tmp_path):
    model = VideoMAEForVideoClassification(
        VideoMAEConfig(
            image_size=32, num_frames=4, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_labels=7
        )
    )
    shared = {"model": model, "compact_loss": "margin", "compact_loss_weight": 0.5}
    trainer = make_trainer(tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2, **shared)
    trainer.train()
    entry = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert entry["loss"] == pytest.approx(entry["cross_entropy"] + 0.5 * entry["compact_loss"], abs=2e-4)


def test_center_without_an_embedding_is_refused(tmp_path):
    outputs = {"logits": torch.randn(4, 7)}
    with pytest.raises(ValueError, match=r"'center'.* LogoFormerForVideoClassification gives none: use 'margin'"):
        make_trainer(tmp_path, compact_loss="center").clip_losses(outputs, torch.arange(4))


# --- the order of clips


def test_sampler_is_a_function_of_seed_and_epoch():
    sampler, same = ClipSampler(25, seed=1), ClipSampler(25, seed=1)
    assert list(sampler) == list(same)
    assert sorted(sampler) == list(range(25))
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first
    sampler.set_epoch(0)
    assert list(sampler) == first
    assert list(ClipSampler(25, seed=2)) != first


def test_balanced_sampling_shows_every_class_equally_often():
    labels = [0] * 900 + [1] * 90 + [2] * 10
    drawn = torch.tensor(labels)[list(ClipSampler(1000, seed=0, labels=labels))]
    assert len(drawn) == 1000
    assert all(280 < count < 390 for count in drawn.bincount().tolist())


def test_data_set_and_sampler_hear_of_every_epoch(tmp_path):
    trainer = make_trainer(tmp_path, num_train_epochs=3)
    trainer.train()
    assert list(dict.fromkeys(trainer.train_dataset.epochs)) == [0, 1, 2]


def test_resuming_sees_the_same_clips(tmp_path):
    """The second half of a run, resumed from its checkpoint in the middle of an epoch, ends with the same weights."""
    shared = {
        "num_clips": 12,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "class_balanced_sampling": True,
    }
    shared |= {"save_strategy": "steps", "save_steps": 4}
    whole = make_trainer(tmp_path, **shared)
    whole.train()
    resumed = make_trainer(tmp_path, **shared)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert set(resumed.train_dataset.epochs) == {1}
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)


# --- recipes and learning rate


def test_paper_recipe(tmp_path):
    recipe = RECIPES["paper"] | {"num_train_epochs": 6, "lr_decay_epochs": 2, "per_device_train_batch_size": 4}
    assert (RECIPES["paper"]["num_train_epochs"], RECIPES["paper"]["lr_decay_epochs"]) == (100, 40)
    trainer = make_trainer(tmp_path, num_clips=10, **recipe)
    trainer.train()
    assert type(trainer.optimizer.optimizer) is torch.optim.SGD
    assert trainer.optimizer.param_groups[0]["momentum"] == 0.9
    assert trainer.optimizer.param_groups[0]["weight_decay"] == 1e-4
    rates = {}
    for entry in trainer.state.log_history:
        if "learning_rate" in entry:
            rates.setdefault(math.ceil(entry["epoch"]), set()).add(round(entry["learning_rate"], 8))
    assert rates == {1: {0.01}, 2: {0.01}, 3: {0.001}, 4: {0.001}, 5: {0.0001}, 6: {0.0001}}


def test_modern_recipe(tmp_path):
    trainer = make_trainer(tmp_path, **RECIPES["modern"] | {"num_train_epochs": 5})
    trainer.train()
    assert type(trainer.optimizer.optimizer) is torch.optim.AdamW
    rates = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    assert max(rates) == pytest.approx(RECIPES["modern"]["learning_rate"], rel=0.2) and rates[-1] < 0.2 * max(rates)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"compact_loss": "centre"}, ["compact_loss", "centre", "'margin', 'center' or 'none'"]),
        ({"compact_loss_weight": -1.0}, ["compact_loss_weight", "-1.0", "at least 0"]),
        ({"compact_loss_weight": math.nan}, ["compact_loss_weight", "nan"]),
        ({"lr_decay_epochs": -40}, ["lr_decay_epochs", "-40"]),
        ({"lr_decay_epochs": 40, "max_steps": 9}, ["lr_decay_epochs", "max_steps"]),
    ],
)
def test_impossible_arguments_are_named(tmp_path, settings, words):
    with pytest.raises(ValueError) as error:
        LogoFormerTrainingArguments(output_dir=str(tmp_path), **settings)
    for word in words:
        assert word in str(error.value)


# --- batches


def test_a_trainer_without_a_processor_is_refused(tmp_path):
    arguments = make_trainer(tmp_path).args
    with pytest.raises(ValueError, match="`processing_class` is missing: the model's own video processor"):
        LogoFormerTrainer(model=toy_model(), args=arguments)


def test_a_batch_stays_uint8_up_to_the_device():
    clips = [{"frames": torch.full((4, 3, 8, 8), value, dtype=torch.uint8), "label": value} for value in (3, 0)]
    batch = collate_clips(clips)
    assert set(batch) == {"frames", "labels"}
    assert batch["frames"].shape == (2, 4, 3, 8, 8) and batch["frames"].dtype == torch.uint8
    assert batch["labels"].tolist() == [3, 0] and batch["labels"].dtype == torch.int64


def test_collator_names_clips_that_do_not_fit():
    clips = [{"frames": torch.zeros(count, 3, 8, 8, dtype=torch.uint8), "label": 0} for count in (4, 5)]
    with pytest.raises(ValueError, match=r"\(4, 3, 8, 8\).*\(5, 3, 8, 8\)"):
        collate_clips(clips)


def test_the_device_makes_the_pixel_values_of_the_processor(tmp_path):
    """Bit for bit what the processor gives for every clip alone."""
    trainer = make_trainer(tmp_path)
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


def test_arguments_come_from_the_library_where_it_has_them():
    """Label smoothing is Trainer's own; nothing is declared a second time."""
    own = set(LogoFormerTrainingArguments.__annotations__)
    assert {"compact_loss", "compact_loss_weight", "class_balanced_sampling", "freeze_batch_norm"} <= own
    assert "label_smoothing_factor" not in own
