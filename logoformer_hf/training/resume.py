"""Which checkpoint the program `train_hf.py` goes on from."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import TrainingArguments

from ..saved_weights_logoformer import tensors_in, weight_files
from .checkpoints import (
    Checkpoint,
    check_state,
    checkpoint_folder,
    find_checkpoint,
    list_checkpoints,
    open_checkpoint,
)
from .runs import Run


def check_resume(training_args: TrainingArguments, runs: Sequence[Run]) -> None:
    """
    Checks `resume_from_checkpoint` against the runs.

    Raises:
        ValueError: False, which no run can follow, or one checkpoint for several runs.
    """
    which = training_args.resume_from_checkpoint
    if is_word(which, "false"):
        raise ValueError(
            f"`resume_from_checkpoint` is {which!r}, but an unfinished run always goes on: to train from the start "
            "choose another `output_dir`, or delete the folder of the run."
        )
    if which and not is_word(which, "true") and len(runs) > 1:
        raise ValueError(
            f"`resume_from_checkpoint` names one checkpoint, but there are {len(runs)} runs: leave it out, each run "
            "goes on from its own newest one."
        )


def choose_checkpoint(training_args: TrainingArguments, run_folder: Path, model: torch.nn.Module) -> Checkpoint | None:
    """
    The checkpoint that a run goes on from: the one that `resume_from_checkpoint` names, otherwise, and where
    it is True, the newest whole one of the run. None where there is none.

    One from another folder is copied to that of the run, with the best one so far. If the run already has checkpoints,
    the newest is the one: the same command goes on after a kill. `model` is the one that is trained.

    Raises:
        CheckpointError: the checkpoint is not whole or lacks a part of the state of a training.
        ValueError: the run has later checkpoints than the one that is named, or that one is of another model.
    """
    which, needs_best = training_args.resume_from_checkpoint, training_args.load_best_model_at_end
    named = None if not which or is_word(which, "true") else open_checkpoint(which, run_folder, needs_best)
    is_elsewhere = named is not None and named.folder.parent.resolve() != run_folder.resolve()
    if named is None or (is_elsewhere and list_checkpoints(run_folder)):
        newest = find_checkpoint(run_folder, needs_best)
        if newest is not None:
            check_state(newest.folder)
            return newest
    if named is None:
        return None
    if is_elsewhere:
        check_same_model(named.folder, model)
        return adopt(named, run_folder)
    if later := [path for step, path in list_checkpoints(run_folder).items() if step > named.step]:
        raise ValueError(
            f"`resume_from_checkpoint` is {which}, but the run has later checkpoints, which it would go on from the "
            f"next time: delete {', '.join(map(str, later))}, or leave `resume_from_checkpoint` out."
        )
    return named


def check_same_model(checkpoint: Path, model: torch.nn.Module) -> None:
    """Raises a `ValueError` where the weights of a checkpoint have other names or shapes than those of the model."""
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    saved = {name: shape for _, name, shape in tensors_in(weight_files(checkpoint))}
    if not saved or saved == wanted:
        return
    name = min(name for name in saved.keys() | wanted.keys() if saved.get(name) != wanted.get(name))
    theirs, ours = (f"of shape {shapes[name]}" if name in shapes else "not there" for shapes in (saved, wanted))
    raise ValueError(
        f"`resume_from_checkpoint` is {checkpoint}, a training of another model: its {name} is {theirs}, that of this "
        f"one {ours}. Name a checkpoint of the same command, or begin with a model by `model_name_or_path`."
    )


def adopt(checkpoint: Checkpoint, run_folder: Path) -> Checkpoint:
    """Copies a checkpoint of another folder to that of the run, after the best one at its time; returns the copy."""
    best, copy = checkpoint.best_folder, checkpoint_folder(run_folder, checkpoint.step)
    copies = {copy: checkpoint.folder}
    if checkpoint.best_step is not None and best is not None:
        copies = {checkpoint_folder(run_folder, checkpoint.best_step): best} | copies
    for target, folder in copies.items():
        partial = target.with_name(f".partial-{target.name}")
        shutil.rmtree(partial, ignore_errors=True)  # left over from a kill
        shutil.copytree(folder, partial)
        partial.rename(target)
    return replace(checkpoint, folder=copy)


def is_word(value: object, word: str) -> bool:
    """Whether a value of the command line, of a YAML file or of a Python call is this truth value."""
    return str(value).lower() in {"true": ("true", "yes", "on"), "false": ("false", "no", "off")}[word]
