"""Training arguments and recipes, by what a training does with them."""

import math

import pytest
import torch
from errors import raises_naming
from toys import toy_trainer, trainer_model

from logoformer_hf.training.arguments import RECIPES, LogoFormerTrainingArguments
from logoformer_hf.training.settings import parse_arguments, parse_overrides
from logoformer_hf.training.trainer import LogoFormerTrainer


def test_recipe_of_the_port(tmp_path):
    recipe = RECIPES["port"] | {"num_train_epochs": 6, "lr_decay_epochs": 2, "per_device_train_batch_size": 4}
    assert (RECIPES["port"]["num_train_epochs"], RECIPES["port"]["lr_decay_epochs"]) == (100, 40)
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


def decay_and_rates(trainer: LogoFormerTrainer, num_steps: int) -> tuple[dict[float, set[bool]], list[float]]:
    """
    What the optimiser does in a training of so many steps.

    Returns:
        the weight decays, each with whether its weights have more than one dimension (biases and scales have one);
        and the learning rate of every step.
    """
    trainer.create_optimizer_and_scheduler(num_training_steps=num_steps)
    decays = {}
    for group in trainer.optimizer.param_groups:
        decays.setdefault(group["weight_decay"], set()).update(weight.ndim > 1 for weight in group["params"])
    rates = []
    for _ in range(num_steps):
        rates.append(trainer.optimizer.param_groups[0]["lr"])
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    return decays, rates


def test_values_of_the_modern_recipe(tmp_path):
    """AdamW: a tenth of the steps from 0 up to 0.001, then half a cosine down to 0; 10 epochs of batches of 16."""
    trainer = toy_trainer(tmp_path, **RECIPES["modern"])
    decays, rates = decay_and_rates(trainer, 100)
    assert type(trainer.optimizer) is torch.optim.AdamW
    assert set(decays) == {0.3, 0.0} and decays[0.0] == {False} and True in decays[0.3]
    assert trainer.args.mixup_alpha == 0.4
    assert rates == pytest.approx(
        [0.001 * step / 10 for step in range(10)]
        + [0.001 * (1 + math.cos(math.pi * step / 90)) / 2 for step in range(90)]
    )
    assert (trainer.args.num_train_epochs, trainer.args.per_device_train_batch_size) == (10, 16)


def test_values_of_the_recipe_of_the_port(tmp_path):
    """SGD with momentum: 0.01, a tenth of it every 40 epochs; 100 epochs of batches of 32."""
    trainer = toy_trainer(tmp_path, **{"optim": "adamw_torch"} | RECIPES["port"])
    decays, rates = decay_and_rates(trainer, 200)
    assert type(trainer.optimizer) is torch.optim.SGD
    assert {group["momentum"] for group in trainer.optimizer.param_groups} == {0.9}
    assert set(decays) == {1e-4, 0.0} and decays[0.0] == {False} and True in decays[1e-4]
    assert rates == pytest.approx([0.01] * 80 + [0.001] * 80 + [0.0001] * 40)
    assert (trainer.args.num_train_epochs, trainer.args.per_device_train_batch_size) == (100, 32)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"compact_loss": "centre"}, ["compact_loss", "centre", "'margin'", "'center'", "'none'"]),
        ({"compact_loss_weight": -1.0}, ["compact_loss_weight", "-1.0", "0"]),
        ({"compact_loss_weight": math.nan}, ["compact_loss_weight", "nan"]),
        ({"mixup_alpha": -0.2}, ["mixup_alpha", "-0.2", "0"]),
        ({"mixup_kind": "frames"}, ["mixup_kind", "frames", "'sum'", "'time'", "'space'"]),
        ({"mixup_kind": "time", "mixup_alpha": 0.0}, ["mixup_kind", "'time'", "mixup_alpha", "0.4"]),
        ({"ema_decay": 1.0}, ["ema_decay", "1.0", "0"]),
        ({"ema_decay": -0.1}, ["ema_decay", "-0.1"]),
        ({"logit_adjustment": -1.0}, ["logit_adjustment", "-1.0"]),
        ({"logit_adjustment": math.nan}, ["logit_adjustment", "nan"]),
        ({"logit_adjustment": 0.5, "class_balanced_sampling": True}, ["logit_adjustment", "class_balanced_sampling"]),
        ({"mixup_alpha": math.inf}, ["mixup_alpha", "inf"]),
        ({"lr_decay_epochs": -40}, ["lr_decay_epochs", "-40"]),
        ({"lr_decay_epochs": 40, "max_steps": 1}, ["lr_decay_epochs", "max_steps", "num_train_epochs"]),
    ],
)
def test_impossible_arguments_are_named(tmp_path, settings, words):
    with raises_naming(ValueError, *words):
        LogoFormerTrainingArguments(output_dir=str(tmp_path), **settings)


def test_epochs_count_where_no_steps_are_set(tmp_path):
    arguments = LogoFormerTrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, lr_decay_epochs=40, max_steps=0, num_train_epochs=100
    )
    assert (arguments.lr_decay_epochs, arguments.num_train_epochs) == (40, 100)


def test_a_compact_loss_of_weight_zero_is_possible(tmp_path):
    arguments = LogoFormerTrainingArguments(output_dir=str(tmp_path), use_cpu=True, compact_loss_weight=0.0)
    assert arguments.compact_loss_weight == 0


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train_sampling_strategy", "group_by_length"),
        ("train_sampling_strategy", "sequential"),
        ("dataloader_drop_last", True),
        ("dataloader_in_order", False),
        ("average_tokens_across_devices", False),
        ("remove_unused_columns", True),
        ("prediction_loss_only", True),
        ("batch_eval_metrics", True),
        ("eval_do_concat_batches", False),
        ("accelerator_config", {"split_batches": True}),
        ("accelerator_config", {"dispatch_batches": True}),
        ("accelerator_config", {"even_batches": False}),
    ],
)
def test_what_would_be_ignored_or_end_in_an_error_is_refused_before_a_training(tmp_path, name, value):
    [field] = value if isinstance(value, dict) else [""]
    with raises_naming(ValueError, name, field, "must stay"):
        LogoFormerTrainingArguments(output_dir=str(tmp_path), use_cpu=True, **{name: value})


def test_a_drop_of_the_last_clips_is_refused_on_the_command_line(tmp_path):
    with raises_naming(ValueError, "dataloader_drop_last"):
        parse_arguments(["--dataloader_drop_last", "True", "--output_dir", str(tmp_path), "--use_cpu", "True"])


@pytest.mark.parametrize("problem_type", ["regression", "multi_label_classification"])
def test_a_model_for_another_task_is_refused(tmp_path, problem_type):
    """It would be trained with cross-entropy all the same."""
    with raises_naming(ValueError, "problem_type", problem_type, "cross-entropy"):
        toy_trainer(tmp_path, model=trainer_model(problem_type=problem_type))
    with raises_naming(ValueError, "config_overrides", "problem_type", problem_type):
        parse_overrides(f'{{"problem_type": "{problem_type}"}}')
    toy_trainer(tmp_path, model=trainer_model(problem_type="single_label_classification"))
    assert parse_overrides('{"problem_type": "single_label_classification"}')


@pytest.mark.parametrize("is_pinned", [True, False])
def test_copies_from_page_locked_memory_are_not_waited_for(tmp_path, is_pinned):
    args = LogoFormerTrainingArguments(output_dir=str(tmp_path), dataloader_pin_memory=is_pinned)
    assert args.accelerator_config.non_blocking is is_pinned
