"""Averages of the weights: their values, what is evaluated and saved, and that a resume changes no bit."""

import pytest
import torch
from errors import raises_naming
from safetensors.torch import load_file
from toys import RandomClips, toy_trainer

DECAY = 0.5


def weights_of(model) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def make(folder, **arguments):
    """Of 6 steps in two epochs."""
    options = {"train_dataset": RandomClips(11), "num_train_epochs": 2, "per_device_train_batch_size": 4}
    saving = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": 9, "ema_decay": DECAY}
    return toy_trainer(folder, **options | saving | arguments)


def check_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_the_result_is_the_average_of_the_weights_after_each_step(tmp_path):
    plain = make(tmp_path / "plain", ema_decay=0.0)
    expected = weights_of(plain.model)
    plain.train()
    trainer = make(tmp_path / "averaged")
    trainer.train()
    for step in range(1, 7):
        trained = load_file(tmp_path / "plain" / f"checkpoint-{step}" / "model.safetensors")
        # The training itself is the same.
        check_equal(load_file(tmp_path / "averaged" / f"checkpoint-{step}" / "trained_weights.safetensors"), trained)
        decay = min(DECAY, (1 + step) / (10 + step))
        expected = {name: decay * value + (1 - decay) * trained[name] for name, value in expected.items()}
        saved = load_file(tmp_path / "averaged" / f"checkpoint-{step}" / "model.safetensors")
        for name, value in expected.items():
            torch.testing.assert_close(saved[name], value, rtol=0, atol=1e-6, msg=name)
    check_equal(weights_of(trainer.model), saved)
    assert not torch.equal(plain.model.classifier.weight, trainer.model.classifier.weight)
    assert not (tmp_path / "plain" / "checkpoint-1" / "trained_weights.safetensors").exists()


@pytest.mark.parametrize("step", [2, 3])  # in the middle and at the end of an epoch
def test_a_resume_changes_no_bit(tmp_path, step):
    whole = make(tmp_path)
    whole.train()
    resumed = make(tmp_path / "resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{step}"))
    check_equal(weights_of(whole.model), weights_of(resumed.model))
    for name in ("model.safetensors", "trained_weights.safetensors"):
        check_equal(
            load_file(tmp_path / "checkpoint-6" / name), load_file(tmp_path / "resumed" / "checkpoint-6" / name)
        )


def test_what_is_evaluated_is_what_is_saved(tmp_path):
    """Also where the best epoch is kept, and after the training."""
    trainer = make(
        tmp_path,
        eval_strategy="steps",
        eval_steps=1,
        compute_metrics=lambda predictions: {"uar": float(-abs(trainer.state.global_step - 4))},  # the fourth is best
        load_best_model_at_end=True,
    )
    trainer.train()
    logged = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    check_equal(weights_of(trainer.model), load_file(tmp_path / "checkpoint-4" / "model.safetensors"))
    assert trainer.evaluate()["eval_loss"] == pytest.approx(logged[3], abs=1e-6)
    assert logged[3] != pytest.approx(logged[5], abs=1e-5)


@pytest.mark.parametrize("library", ["fsdp", "deepspeed"])
def test_a_model_in_parts_is_refused(tmp_path, library):
    trainer = make(tmp_path)
    setattr(trainer, f"is_{library}_enabled", True)
    with raises_naming(ValueError, "ema_decay", "0.5", "FSDP", "DeepSpeed"):
        trainer.train()
