"""Training arguments that are faster on this machine's GPU; a recipe has them as defaults there."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from .loader_wait import CORES_LEFT
from .run_folder import SETTINGS_FILE, read_settings

# The first GPUs that multiply in bfloat16 and TF32 (Ampere).
_MIN_CAPABILITY = (8, 0)
# Workers of one process at most: more clips than these read, no model of ours trains on.
_MAX_WORKERS = 16


def device_defaults(given: Namespace, capability: tuple[int, int] | None, num_cores: int) -> dict[str, Any]:
    """
    Values of training arguments for a GPU, which replace those of the recipe.

    A run that was begun keeps the numbers that it was begun with.

    Args:
        given: all arguments, with the recipe's values where none was given.
        capability: of the GPU, `torch.cuda.get_device_capability()`; None without one: nothing is replaced.
        num_cores: for each process of the training.
    """
    if capability is None or given.use_cpu:
        return {}
    defaults: dict[str, Any] = {"dataloader_num_workers": min(max(num_cores - CORES_LEFT, 2), _MAX_WORKERS)}
    if given.optim == "adamw_torch":
        defaults["optim"] = "adamw_torch_fused"
    if capability >= _MIN_CAPABILITY:
        defaults |= {"tf32": True, "bf16": not given.fp16}
    begun = begun_settings(Path(given.output_dir))
    return {name: begun.get(name, value) for name, value in defaults.items()}


def begun_settings(output_dir: Path) -> dict[str, Any]:
    """The settings of a run that was begun in an output folder; empty where there is none."""
    files = [output_dir / SETTINGS_FILE, *sorted(output_dir.glob(f"*/{SETTINGS_FILE}"))]
    return next((read_settings(file) for file in files if file.exists()), {})


def gpu_capability() -> tuple[int, int] | None:
    """Of the GPU that is trained on; None where there is none."""
    return torch.cuda.get_device_capability() if torch.cuda.is_available() else None


def cores_per_process() -> int:
    """Processor cores that this process may use, shared with the other processes of a training on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)


def describe_numbers(args: TrainingArguments) -> str:
    """The GPU, and the options of what is computed there in which numbers."""
    values = {name: getattr(args, name) for name in ("bf16", "tf32", "optim", "torch_compile")}
    chosen = " ".join(f"--{name} {getattr(value, 'value', value)}" for name, value in values.items())
    return f"{torch.cuda.get_device_name(args.device)}: {chosen}, {args.dataloader_num_workers} workers."
