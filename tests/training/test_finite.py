"""A training stops at the first loss, gradient or weight that is infinite or NaN, before it is saved."""

import math
from pathlib import Path

import pytest
import torch
from errors import check_named, raises_naming
from safetensors.torch import load_file
from toys import RandomClips, poison, toy_trainer

from logoformer_hf.data.clips import NOT_COUNTED
from logoformer_hf.models.finite import NonFiniteError
from logoformer_hf.training import finite
from logoformer_hf.training.trainer import LogoFormerTrainer

STEPS = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": 9}


def clips_of_step(trainer: LogoFormerTrainer, step: int, size: int) -> list[str]:
    order = list(trainer._get_train_sampler())
    return [f"clip {index}" for index in order[(step - 1) * size : step * size]]


@pytest.mark.parametrize("optim", ["sgd", "adamw_torch_fused"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_first_such_loss_stops_names_its_clips_and_keeps_what_was_before(tmp_path, value, optim):
    """
    Steps of 2 x 2 clips; the only clip with label 0 comes in the second. Where the optimiser leaves out such a step
    itself, this is seen in the third.
    """
    trainer = toy_trainer(
        tmp_path,
        num_clips=12,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        max_grad_norm=1.0,
        optim=optim,
        learning_rate=0.01,
        **STEPS,
    )
    order = list(trainer._get_train_sampler())
    trainer.train_dataset.labels = [int(index != order[6]) for index in range(12)]  # in the second step
    poison(trainer, 0, value)
    with raises_naming(NonFiniteError, "loss of step 2", tmp_path, "learning_rate") as caught:
        trainer.train()
    check_named(str(caught.value), ", ".join(clips_of_step(trainer, 2, 4)) + ".")
    saved = load_file(tmp_path / "checkpoint-1" / "model.safetensors")
    assert not (tmp_path / "checkpoint-2").exists()
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, saved[name]), name  # the weights were not changed by it


@pytest.mark.parametrize("max_grad_norm", [0.0, 1.0])
def test_a_gradient_stops_too(tmp_path, max_grad_norm):
    trainer = toy_trainer(tmp_path, max_grad_norm=max_grad_norm, **STEPS)
    trainer.model.classifier.weight.register_hook(lambda gradient: gradient * math.inf)
    before = trainer.model.classifier.bias.detach().clone()
    with raises_naming(NonFiniteError, "gradient of step 1", "clip 7"):
        trainer.train()
    assert torch.equal(trainer.model.classifier.bias, before)


@pytest.mark.parametrize("num_clips", [2, 6])
def test_a_step_that_a_fused_optimiser_leaves_out_is_seen(tmp_path, num_clips):
    """Without saving or evaluation: by the next step, and by the end of the epoch after the last one."""
    trainer = toy_trainer(
        tmp_path, num_clips=num_clips, per_device_train_batch_size=2, optim="adamw_torch_fused", num_train_epochs=3
    )
    before = trainer.model.classifier.bias.detach().clone()
    poison(trainer, trainer.train_dataset.labels[next(iter(trainer._get_train_sampler()))])
    with raises_naming(NonFiniteError, "loss of step 1"):
        trainer.train()
    assert torch.equal(trainer.model.classifier.bias, before)
    assert trainer.state.global_step == 1


def test_reading_the_check_later_changes_no_bit_of_the_weights(tmp_path, monkeypatch):
    def train(folder):
        trainer = toy_trainer(folder, optim="adamw_torch_fused", learning_rate=0.01, num_train_epochs=3)
        trainer.train()
        return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])

    later = train(tmp_path / "later")
    monkeypatch.setattr(finite, "can_leave_out_steps", lambda optimizer: False)
    assert torch.equal(train(tmp_path / "at once"), later)


def test_weights_that_overflow_are_not_saved(tmp_path):
    """Loss and gradient of the first step are numbers; its learning rate makes the weights infinite."""
    trainer = toy_trainer(tmp_path, learning_rate=1e38, num_train_epochs=5, **STEPS)
    trainer.model.classifier.weight.register_hook(lambda gradient: gradient.sign() * 100)
    with raises_naming(NonFiniteError, "after step 1", "classifier.weight", "clip 0"):
        trainer.train()
    assert not list(tmp_path.glob("checkpoint-*"))


def with_scaler(folder: Path, scale: float, **arguments) -> LogoFormerTrainer:
    """A trainer whose gradients are scaled as those in float16 are."""
    trainer = toy_trainer(folder, num_clips=16, per_device_train_batch_size=2, **arguments)
    scaler = trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    # accelerate does this in float16 alone, which it refuses on a CPU.
    trainer.accelerator.unscale_gradients = lambda: scaler.unscale_(trainer.optimizer.optimizer)
    return trainer


def test_a_step_that_a_scaler_skips_is_no_error(tmp_path):
    """Losses times 2**127 overflow in float32: some steps are skipped, and the others are made."""
    trainer = with_scaler(tmp_path, 2.0**127, num_train_epochs=4)
    with torch.no_grad():
        trainer.model.classifier.weight.mul_(100)  # so that some losses are above 2
    before = trainer.model.classifier.weight.detach().clone()
    trainer.train()
    assert trainer.state.global_step == 32
    assert 1 <= trainer.accelerator.scaler.get_scale() < 2.0**127
    assert not torch.equal(trainer.model.classifier.weight, before)
    assert all(bool(tensor.isfinite().all()) for tensor in trainer.model.parameters())


def test_a_scaler_hides_neither_losses_nor_gradients_that_are_never_finite(tmp_path):
    trainer = with_scaler(tmp_path, 4.0)
    trainer.model.classifier.weight.register_hook(lambda gradient: gradient * math.nan)
    with raises_naming(NonFiniteError, "gradient of step 3"):
        trainer.train()
    trainer = with_scaler(tmp_path, 4.0)
    poison(trainer, 0)
    with raises_naming(NonFiniteError, "loss of step"):
        trainer.train()


def test_an_evaluation_names_the_clips(tmp_path):
    trainer = toy_trainer(tmp_path)

    def spoil(module, inputs, outputs):
        outputs.logits[2] = math.nan

    trainer.model.register_forward_hook(spoil)
    with raises_naming(NonFiniteError, "1 of 5 clips", "clip 2"):
        trainer.predict_clips(RandomClips(5))
    with raises_naming(NonFiniteError, "loss", "5 clips"):
        trainer.evaluate()  # without a metric it keeps no scores


def test_clips_without_names_are_no_error_of_their_own(tmp_path):
    class Nameless(RandomClips):
        def __getitem__(self, index):
            return {name: value for name, value in super().__getitem__(index).items() if name != "clip_id"}

    trainer = toy_trainer(tmp_path, train_dataset=Nameless(8))
    poison(trainer, 0)
    with raises_naming(NonFiniteError, "loss of step 1", "no names"):
        trainer.train()


def test_clips_that_do_not_count_cannot_stop_a_training(tmp_path):
    """A step without any clip that counts has a loss of zero, and not 0 / 0."""
    clips = RandomClips(8)
    clips.labels = [NOT_COUNTED] * 8
    trainer = toy_trainer(tmp_path, train_dataset=clips)
    before = trainer.model.classifier.weight.detach().clone()
    trainer.train()
    assert torch.equal(trainer.model.classifier.weight, before)
