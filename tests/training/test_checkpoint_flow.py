"""Trainings that go on from a checkpoint: the best epoch, evaluations at their place, no step too many."""

import shutil

import pytest
import torch
from errors import raises_naming
from safetensors.torch import load_file
from toys import RandomClips, toy_model, toy_trainer

from logoformer_hf.training.checkpoints import CheckpointError, list_checkpoints

EPOCHS = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True, "save_total_limit": 2}


def scored(scores):
    """A metric that takes these values, one an evaluation."""
    values = iter(scores)
    return lambda predictions: {"uar": next(values)}


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def dropping_model() -> torch.nn.Module:
    """Its weights depend on the random numbers of every step."""
    return toy_model(image_size=32, num_hidden_layers=2, drop_path_rate=0.5)


@pytest.fixture
def moved(tmp_path):
    """A run that was stopped after its second epoch, the first being the best, in another folder than it began in."""
    trainer = toy_trainer(tmp_path / "a", num_train_epochs=3, compute_metrics=scored([0.9, 0.1, 0.2]), **EPOCHS)
    trainer.train()
    best = weights(trainer.model)
    shutil.rmtree(tmp_path / "a" / "checkpoint-3")
    again = toy_trainer(tmp_path / "a", num_train_epochs=2, compute_metrics=scored([0.9, 0.1]), **EPOCHS)
    again.train()
    (tmp_path / "a").rename(tmp_path / "b")
    return tmp_path / "b", best


def test_a_moved_run_ends_with_its_best_epoch(moved):
    folder, best = moved
    trainer = toy_trainer(folder, num_train_epochs=3, compute_metrics=scored([0.2]), **EPOCHS)
    trainer.train(resume_from_checkpoint=True)
    assert torch.equal(weights(trainer.model), best)
    assert trainer.state.best_model_checkpoint == str(folder / "checkpoint-1")
    assert set(list_checkpoints(folder)) == {1, 3}


def test_a_path_from_another_working_folder_finds_the_best_epoch(moved, tmp_path, monkeypatch):
    folder, best = moved
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    trainer = toy_trainer("../b", num_train_epochs=3, compute_metrics=scored([0.2]), **EPOCHS)
    trainer.train(resume_from_checkpoint=str(folder / "checkpoint-2"))
    assert torch.equal(weights(trainer.model), best)


def test_a_best_checkpoint_that_is_gone_stops(moved):
    folder, _ = moved
    shutil.rmtree(folder / "checkpoint-1")
    trainer = toy_trainer(folder, num_train_epochs=3, compute_metrics=scored([0.2]), **EPOCHS)
    with raises_naming(CheckpointError, folder / "checkpoint-1", "missing"):
        trainer.train(resume_from_checkpoint=True)


def test_a_best_checkpoint_that_is_deleted_during_the_training_stops(tmp_path):
    def delete_best(predictions):
        shutil.rmtree(tmp_path / "checkpoint-1", ignore_errors=True)
        return {"uar": next(scores)}

    scores = iter([0.9, 0.1])
    trainer = toy_trainer(tmp_path, num_train_epochs=2, compute_metrics=delete_best, **EPOCHS)
    with raises_naming(CheckpointError, tmp_path / "checkpoint-1"):
        trainer.train()


@pytest.mark.parametrize("max_steps", [-1, 3])
def test_a_checkpoint_after_the_last_step_of_an_epoch_has_its_evaluation(tmp_path, max_steps):
    """Two steps an epoch. A training from any checkpoint ends as the undisturbed one, also with `max_steps`."""

    def train(checkpoint=None):
        torch.manual_seed(7)
        trainer = toy_trainer(
            tmp_path / "run",
            model=dropping_model(),
            per_device_train_batch_size=4,
            num_train_epochs=2,
            max_steps=max_steps,
            eval_strategy="epoch",
            metric_for_best_model="eval_loss",
            save_strategy="steps",
            save_steps=1,
            save_total_limit=9,
        )
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer

    whole = train()
    evaluations = [entry["step"] for entry in whole.state.log_history if "eval_loss" in entry]
    for step in list_checkpoints(tmp_path / "run"):
        resumed = train(str(tmp_path / "run" / f"checkpoint-{step}"))
        assert resumed.state.global_step == whole.state.global_step
        assert torch.equal(weights(resumed.model), weights(whole.model)), step
        assert [entry["step"] for entry in resumed.state.log_history if "eval_loss" in entry] == evaluations


def test_a_best_evaluation_between_two_checkpoints_is_saved(tmp_path):
    """Otherwise another epoch, or the last one, is tested as the best."""
    trainer = toy_trainer(
        tmp_path,
        num_train_epochs=4,
        compute_metrics=scored([0.1, 0.2, 0.9, 0.1]),
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=2,
        load_best_model_at_end=True,
        save_total_limit=2,
    )
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-3")
    saved = load_file(tmp_path / "checkpoint-3" / "model.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in trainer.model.state_dict().items())


def test_another_training_with_the_same_trainer_starts_from_the_learning_rate(tmp_path):
    trainer = toy_trainer(tmp_path, num_train_epochs=4, lr_decay_epochs=2, train_dataset=RandomClips(4))

    def rates():
        trainer.train()
        return [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]

    assert rates() == rates() == pytest.approx([0.1, 0.1, 0.01, 0.01])
