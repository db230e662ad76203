"""The state of a run in its folder: its settings, and whether it is finished."""

import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from .._files import write_json
from ..evaluation.predictions import PREDICTIONS_FILE
from ..saved_settings_logoformer import CONFIG_FILES
from ..saved_weights_logoformer import names_of_weights
from .checkpoints import list_checkpoints

SETTINGS_FILE = "run.json"
# Which clips: compared by `run_clips.check_same_clips`, once they are gathered.
DATA_DIGEST = "data_digest"
# Where the clips are, which says nothing where they are compared themselves: their folder may have been moved.
PLACES_OF_CLIPS = ("data_dir", "list_file", "clip_root", "frames")
# The training arguments that the result of a run depends on. All others, and those that a library adds, say where, how
# fast or how talkatively something runs.
DECIDING_ARGUMENTS = (
    *("seed", "data_seed", "num_train_epochs", "max_steps", "per_device_train_batch_size", "auto_find_batch_size"),
    *("gradient_accumulation_steps", "average_tokens_across_devices", "dataloader_drop_last", "ignore_data_skip"),
    *("train_sampling_strategy", "class_balanced_sampling", "freeze_batch_norm", "neftune_noise_alpha"),
    *("learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "lr_decay_epochs", "warmup_steps", "warmup_ratio"),
    *("optim", "optim_args", "optim_target_modules", "weight_decay", "decay_positions", "max_grad_norm"),
    *("adam_beta1", "adam_beta2", "adam_epsilon"),
    *("compact_loss", "compact_loss_weight", "label_smoothing_factor", "mixup_alpha", "mixup_kind", "ema_decay"),
    "logit_adjustment",
    *("bf16", "fp16", "bf16_full_eval", "fp16_full_eval", "tf32", "deepspeed", "fsdp", "fsdp_config"),
    *("eval_strategy", "eval_steps", "eval_delay", "eval_on_start", "save_strategy", "save_steps"),
    *("load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
)
MODEL_FILES = (*CONFIG_FILES, *names_of_weights())
# Settings that are paths: two spellings of one path are the same setting.
PATHS = ("data_dir", "list_file", "clip_root", "model_name_or_path", "backbone_checkpoint", "detector", "frames")
# Settings that are JSON: blanks and the order of fields say nothing.
JSON_TEXTS = ("config_overrides", "lr_scheduler_kwargs")


def deciding_arguments(training_args: TrainingArguments) -> dict[str, Any]:
    """The training arguments that the result of a run depends on, and the number of processes, as JSON values."""
    arguments = training_args.to_dict()
    deciding = {name: arguments[name] for name in DECIDING_ARGUMENTS if name in arguments}
    return deciding | {"num_processes": training_args.world_size}


def default_settings(*groups: type[Any]) -> dict[str, Any]:
    """The defaults of all settings of these dataclasses: what a run used whose file lacks a setting that is new."""
    return {each.name: each.default for group in groups for each in fields(group) if each.default is not MISSING}


def open_run_folder(
    folder: Path, settings: Mapping[str, Any], write: bool = True, defaults: Mapping[str, Any] | None = None
) -> None:
    """
    Creates the folder of a run, or checks that an existing one was created with the same settings.

    Args:
        folder: folder of the run.
        settings: all settings that the result depends on, as JSON values. Others in the file, which an earlier version
            also wrote there, are not compared.
        write: whether this process writes the file. With several processes one writes and all check.
        defaults: values of settings that the file of an earlier version lacks.

    Raises:
        ValueError: the folder holds a run with other settings, or checkpoints or a model without settings, or its
            file of settings is damaged. Nothing in it is changed.
    """
    settings = comparable(settings)
    file = folder / SETTINGS_FILE
    if file.exists():
        known = comparable(dict(defaults or {}) | read_settings(file))
        compared = settings.keys() - {DATA_DIGEST}
        if known.get(DATA_DIGEST) is not None:
            compared -= set(PLACES_OF_CLIPS)
        differing = [name for name in sorted(compared) if known.get(name) != settings[name]]
        if differing:
            shown = ", ".join(f"{name} {known.get(name)!r} (now {settings[name]!r})" for name in differing[:3])
            raise ValueError(
                f"{folder} holds a run with other settings: {shown}{', …' if len(differing) > 3 else ''}. Choose "
                "another `output_dir`, or delete that folder to start again."
            )
    elif list_checkpoints(folder):
        raise ValueError(
            f"{folder} has checkpoints and no {SETTINGS_FILE}, so it is not known which settings they were trained "
            "with: choose another `output_dir`, or delete that folder to start again."
        )
    elif is_finished(folder):
        raise ValueError(
            f"{folder} holds {PREDICTIONS_FILE}, but no {SETTINGS_FILE}: results of something else than a training, "
            "as of `logoformer evaluate`. Choose another `output_dir`."
        )
    elif models := [name for name in MODEL_FILES if (folder / name).exists()]:
        raise ValueError(
            f"{folder} holds {models[0]}, but no {SETTINGS_FILE}: a model of something else than this training, which "
            "would replace it. Choose another `output_dir`."
        )
    elif write:
        write_json(file, settings)


def read_settings(file: Path) -> dict[str, Any]:
    """
    The settings in the file of a run.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise ValueError("it holds no JSON object")
    except ValueError as error:
        raise ValueError(
            f"{file} is damaged ({error}), so it is not known which settings this run was started with: put it back, "
            "choose another `output_dir`, or delete that folder to start again."
        ) from error
    return settings


def comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON values, with paths resolved, JSON texts parsed, and the items of `label_map` in one order."""
    values: dict[str, Any] = json.loads(json.dumps(dict(settings)))  # tuples become lists, as they do in the file
    for name in PATHS:
        value = values.get(name)
        if isinstance(value, str):
            values[name] = comparable_path(value)
        elif isinstance(value, list):
            values[name] = [comparable_path(path) for path in value]
    if isinstance(values.get("label_map"), list):
        values["label_map"] = sorted("=".join(map(str.strip, str(each).split("="))) for each in values["label_map"])
    for name in JSON_TEXTS:
        if isinstance(values.get(name), str):
            try:
                values[name] = json.loads(values[name])
            except ValueError:  # left as it is: whoever uses it says what is wrong
                continue
    return values


def comparable_path(path: str) -> str:
    """An absolute path without links where there is such a file or folder; a name on the Hub stays as it is."""
    place = Path(path).expanduser()
    return str(place.resolve()) if place.exists() else os.path.normpath(path)


def is_finished(folder: Path) -> bool:
    """Whether the run was trained and tested. Its predictions are the last file that is written."""
    return (folder / PREDICTIONS_FILE).exists()
