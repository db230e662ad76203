"""Training arguments and recipes, by what a training does with them."""

import math

import pytest
import torch
from errors import raises_naming
from toys import toy_trainer

from logoformer_hf.training.arguments import RECIPES, LogoFormerTrainingArguments


def test_paper_recipe(tmp_path):
    recipe = RECIPES["paper"] | {"num_train_epochs": 6, "lr_decay_epochs": 2, "per_device_train_batch_size": 4}
    assert (RECIPES["paper"]["num_train_epochs"], RECIPES["paper"]["lr_decay_epochs"]) == (100, 40)
    trainer = toy_trainer(tmp_path, num_clips=10, **recipe)
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
    trainer = toy_trainer(tmp_path, **RECIPES["modern"] | {"num_train_epochs": 5})
    trainer.train()
    assert type(trainer.optimizer.optimizer) is torch.optim.AdamW
    rates = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    assert max(rates) == pytest.approx(RECIPES["modern"]["learning_rate"], rel=0.2) and rates[-1] < 0.2 * max(rates)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"compact_loss": "centre"}, ["compact_loss", "centre", "'margin'", "'center'", "'none'"]),
        ({"compact_loss_weight": -1.0}, ["compact_loss_weight", "-1.0", "0"]),
        ({"compact_loss_weight": math.nan}, ["compact_loss_weight", "nan"]),
        ({"lr_decay_epochs": -40}, ["lr_decay_epochs", "-40"]),
        ({"lr_decay_epochs": 40, "max_steps": 9}, ["lr_decay_epochs", "max_steps", "num_train_epochs"]),
    ],
)
def test_impossible_arguments_are_named(tmp_path, settings, words):
    with raises_naming(ValueError, *words):
        LogoFormerTrainingArguments(output_dir=str(tmp_path), **settings)


def test_arguments_come_from_the_library_where_it_has_them():
    """Label smoothing is Trainer's own; nothing is declared a second time."""
    own = set(LogoFormerTrainingArguments.__annotations__)
    assert {"compact_loss", "compact_loss_weight", "class_balanced_sampling", "freeze_batch_norm"} <= own
    assert "label_smoothing_factor" not in own


@pytest.mark.parametrize(("num_workers", "persistent"), [(None, True), (1, True), (0, False)])
def test_workers_stay_alive_where_there_are_some(tmp_path, num_workers, persistent):
    settings = {} if num_workers is None else {"dataloader_num_workers": num_workers}
    arguments = LogoFormerTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **settings)
    assert arguments.dataloader_persistent_workers is persistent
    off = LogoFormerTrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, dataloader_persistent_workers=False, **settings
    )
    assert off.dataloader_persistent_workers is False
