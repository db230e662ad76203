"""The state of a run in its folder: its settings, whether it is finished, its newest checkpoint."""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from .._files import write_json
from ..evaluation.predictions import PREDICTIONS_FILE

logger = logging.getLogger(__name__)

SETTINGS_FILE = "run.json"
# Training arguments that do not change the result of a run: output, logging, and how clips are loaded.
_HOUSEKEEPING = re.compile(
    r"output_dir|report_to|run_name|project|disable_tqdm|log.*|trackio.*|push_to_hub|hub_.*|resume_from_checkpoint|"
    r"save_total_limit|per_device_eval_batch_size|dataloader_(num|pin|persistent|prefetch|multiprocessing|in)_.*|"
    r"use_cpu|local_rank|ddp_.*|accelerator_config|debug|skip_memory_metrics|do_(train|eval|predict)"
)


def deciding_arguments(training_args: TrainingArguments) -> dict[str, Any]:
    """The training arguments that the result of a run depends on, and the number of processes, as JSON values."""
    arguments = training_args.to_dict() | {"num_processes": training_args.world_size}
    return {name: value for name, value in arguments.items() if not _HOUSEKEEPING.fullmatch(name)}


def open_run_folder(folder: Path, settings: Mapping[str, Any], write: bool = True) -> None:
    """
    Creates the folder of a run, or checks that an existing one was created with the same settings.

    Args:
        folder: folder of the run.
        settings: all settings that the result depends on, as JSON values.
        write: whether this process writes the file. With several processes one writes and all check.

    Raises:
        ValueError: the folder holds a run with other settings. Nothing in it is changed.
    """
    settings = json.loads(json.dumps(settings))  # tuples become lists, as they do in the file
    file = folder / SETTINGS_FILE
    if file.exists():
        known = json.loads(file.read_text())
        differing = [name for name in sorted({*known, *settings}) if known.get(name) != settings.get(name)]
        if differing:
            shown = ", ".join(f"{name} {known.get(name)!r} (now {settings.get(name)!r})" for name in differing[:3])
            raise ValueError(
                f"{folder} holds a run with other settings: {shown}{', …' if len(differing) > 3 else ''}. Choose "
                "another `output_dir`, or delete that folder to start again."
            )
    elif write:
        write_json(file, settings)


def is_finished(folder: Path) -> bool:
    """Whether the run was trained and tested. Its predictions are the last file that is written."""
    return (folder / PREDICTIONS_FILE).exists()


def find_checkpoint(folder: Path) -> str | None:
    """Path of the newest complete checkpoint of the run, None where there is none."""
    numbers = {
        int(match[1]): path for path in folder.glob("*") if (match := re.fullmatch(r"checkpoint-(\d+)", path.name))
    }
    for _, checkpoint in sorted(numbers.items(), reverse=True):
        if (checkpoint / "trainer_state.json").exists():  # what Trainer writes last
            return str(checkpoint)
        logger.warning("%s is incomplete and is skipped.", checkpoint)
    return None
