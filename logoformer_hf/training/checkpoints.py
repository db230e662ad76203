"""
Which checkpoints of a run can be trusted.

The manifest of a checkpoint lists its files with sizes and digests, and is completed last. A checkpoint whose manifest
is not complete was not finished; one that differs from its manifest is damaged. Checkpoints of version 0.1 have no
manifest: theirs are whole if every file can be read.
"""

import json
import logging
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from .._files import digest_of, write_json

logger = logging.getLogger(__name__)

MANIFEST_FILE = "manifest.json"
STATE_FILE = "trainer_state.json"


class CheckpointError(ValueError):
    """A checkpoint that a training cannot go on from."""


class IncompleteCheckpoint(CheckpointError):
    """A checkpoint that was not written to its end."""


@dataclass(frozen=True)
class Checkpoint:
    """
    A whole checkpoint.

    Attributes:
        folder: its folder.
        step: number of optimiser steps of its training.
        best_step: the same of the checkpoint with the best validation score so far, None where none was chosen.
    """

    folder: Path
    step: int
    best_step: int | None

    @property
    def best_folder(self) -> Path | None:
        """
        Folder of the checkpoint with the best score so far: beside this one, wherever the folder of the run was moved
        to.
        """
        return None if self.best_step is None else checkpoint_folder(self.folder.parent, self.best_step)


def checkpoint_folder(run_folder: str | Path, step: int) -> Path:
    """Folder of the checkpoint after `step` optimiser steps."""
    return Path(run_folder) / f"{PREFIX_CHECKPOINT_DIR}-{step}"


def list_checkpoints(run_folder: str | Path) -> dict[int, Path]:
    """Folders of all checkpoints of a run, whole or not, by their steps; the latest comes first."""
    pattern = re.compile(rf"{PREFIX_CHECKPOINT_DIR}-(\d+)")
    found = {
        int(match[1]): path
        for path in Path(run_folder).glob(f"{PREFIX_CHECKPOINT_DIR}-*")
        if (match := pattern.fullmatch(path.name)) and path.is_dir()
    }
    return dict(sorted(found.items(), reverse=True))


# --- writing


def begin_checkpoint(folder: Path) -> None:
    """Creates the folder of a checkpoint, marked as incomplete; an older attempt there is deleted."""
    if folder.exists():
        delete_checkpoint(folder)
    folder.mkdir(parents=True)
    write_json(folder / MANIFEST_FILE, {"is_complete": False})


@contextmanager
def errors_of_writing(folder: Path) -> Iterator[None]:
    """Turns the errors of a disk that is full or cannot be written to into an OSError that says what to do."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "inline_container" not in str(error):  # not the writer of torch.save
            raise
        reason = " ".join(str(error).split())
        raise OSError(
            f"{folder} could not be written ({reason:.200}). Make room or make it writable, and give the same command "
            "again: it goes on from the newest whole checkpoint."
        ) from error


def complete_checkpoint(folder: Path, state: TrainerState) -> None:
    """
    Writes the manifest of a checkpoint whose other files are all there. The path of the best checkpoint is taken out
    of the state that Trainer saved: it is found by its step, wherever the folder of the run is moved to.
    """
    replace(state, best_model_checkpoint=None).save_to_json(str(folder / STATE_FILE))
    step = state.global_step
    files = {name: describe_file(folder / name) for name in list_files(folder)}
    write_json(folder / MANIFEST_FILE, {"is_complete": True, "step": step, "files": files})


def delete_old_checkpoints(run_folder: str | Path, newest: int, limit: int | None) -> None:
    """
    Deletes checkpoints of a run beyond `limit`, the oldest first. The newest one and its best one are always kept, and
    an older one only together with the one that was the best at its time: a training can go on from each that is left.

    Args:
        run_folder: folder of the run.
        newest: step of the checkpoint that was just completed. Those of later steps, left over from before the run
            went on from an older one, are deleted first.
        limit: number of checkpoints that are kept; None or 0 keeps all.
    """
    if not limit or limit < 0:
        return
    folders = list_checkpoints(run_folder)
    kept: set[int] = set()
    older_first = [step for step in folders if step <= newest]
    for step in older_first + [step for step in folders if step > newest]:
        best = best_step(folders[step])
        group = {step} if best is None else {step, best}
        if step == newest or len(kept | group) <= limit:
            kept |= group
    for step, folder in folders.items():
        if step not in kept:
            delete_checkpoint(folder)


def delete_checkpoint(folder: Path) -> None:
    """Deletes a checkpoint. It is renamed first, so that no half of it is ever taken for a whole one."""
    deleted = folder.with_name(f".deleted-{folder.name}")
    shutil.rmtree(deleted, ignore_errors=True)  # left over from a killed deletion
    folder.rename(deleted)
    shutil.rmtree(deleted, ignore_errors=True)


def best_step(folder: Path) -> int | None:
    """Step of the best checkpoint so far as the state of Trainer in a checkpoint has it; None if it cannot be read."""
    try:
        state: TrainerState = TrainerState.load_from_json(str(folder / STATE_FILE))
    except (OSError, ValueError, TypeError):
        return None
    return state.best_global_step


# --- reading


def open_checkpoint(
    which: Checkpoint | str | Path | bool | None, run_folder: str | Path, needs_best: bool
) -> Checkpoint | None:
    """
    The checkpoint that a training goes on from.

    Args:
        which: its folder, or True for the newest of the run; None or False for none. One that was opened before is
            not read again.
        run_folder: folder of the run.
        needs_best: check also that its best checkpoint is whole.

    Raises:
        CheckpointError: it is not whole or lacks a part of the state of a training, or there is none.
    """
    if which is None or which is False:
        return None
    if isinstance(which, Checkpoint):
        return which
    if which is True:
        checkpoint = find_checkpoint(run_folder, needs_best)
        if checkpoint is None:
            raise CheckpointError(f"{run_folder} has no checkpoint to go on from.")
    else:
        checkpoint = read_checkpoint(Path(which))
        if needs_best:
            check_best(checkpoint)
    check_state(checkpoint.folder)
    return checkpoint


def check_state(folder: Path) -> None:
    """
    Checks that a checkpoint has the states of optimiser, schedule and random numbers; Trainer goes on without them,
    and to another result.

    Raises:
        CheckpointError: one is missing, as after a training with `save_only_model`.
    """
    parts = {"*optim*": "the optimiser", "scheduler.pt": "the schedule", "rng_state*": "random numbers"}
    for pattern, state in parts.items():
        if not any(folder.glob(pattern)):
            raise CheckpointError(
                f"{folder} has no state of {state}, so a training cannot go on from it (`save_only_model` saves "
                "models only): choose another `output_dir`, or delete it to train from the start."
            )


def find_checkpoint(run_folder: str | Path, needs_best: bool = True) -> Checkpoint | None:
    """
    The newest whole checkpoint of a run. One that is incomplete or damaged is skipped with a warning.

    Args:
        run_folder: folder of the run.
        needs_best: skip also those whose best checkpoint is missing or not whole.

    Returns:
        The checkpoint, or None if no checkpoint was ever completed.

    Raises:
        CheckpointError: there are checkpoints, and none of them is whole.
    """
    damaged = []
    for folder in list_checkpoints(run_folder).values():
        try:
            checkpoint = read_checkpoint(folder)
            if needs_best:
                check_best(checkpoint)
            return checkpoint
        except IncompleteCheckpoint as error:
            logger.warning("%s It is skipped.", error)
        except CheckpointError as error:
            logger.warning("%s It is skipped.", error)
            damaged.append((folder, error))
    if damaged:
        folders = ", ".join(str(folder) for folder, _ in damaged)
        raise CheckpointError(
            f"{damaged[0][1]} There is no other checkpoint to go on from: delete {folders} to train from the start."
        )
    return None


def check_best(checkpoint: Checkpoint) -> None:
    """
    Checks that the best checkpoint so far is whole.

    Raises:
        CheckpointError: it is missing or not whole.
    """
    best = checkpoint.best_folder
    if best is None or best == checkpoint.folder:
        return
    if not best.is_dir():
        raise CheckpointError(f"{checkpoint.folder}: the best epoch so far was saved in {best}, which is missing.")
    try:
        read_checkpoint(best)
    except CheckpointError as error:
        raise CheckpointError(f"{checkpoint.folder}: the best epoch so far cannot be used: {error}") from error


def read_checkpoint(folder: Path) -> Checkpoint:
    """
    Facts of a checkpoint all of whose files are as they were written.

    Raises:
        IncompleteCheckpoint: it was not written to its end.
        CheckpointError: it was damaged or changed since then; the message names the file.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: there is no such checkpoint.")
    if (folder / MANIFEST_FILE).exists():
        step = check_manifest(folder)
    elif not (folder / STATE_FILE).exists():  # what Trainer writes last
        raise IncompleteCheckpoint(f"{folder} is incomplete: it has no {STATE_FILE}.")
    else:
        step = None
        check_readable(folder)
    try:
        state = TrainerState.load_from_json(str(folder / STATE_FILE))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{folder} is damaged: {STATE_FILE} is not a state of Trainer ({error}).") from error
    named = next((number for number, path in list_checkpoints(folder.parent).items() if path == folder), None)
    for other in (step, named):
        if other not in (None, state.global_step):
            raise CheckpointError(
                f"{folder} is put together from two checkpoints: {STATE_FILE} is of step {state.global_step}, the "
                f"rest of step {other}."
            )
    return Checkpoint(folder, state.global_step, state.best_global_step)


def check_manifest(folder: Path) -> int:
    """Compares the files of a checkpoint with its manifest and returns its step. Raises as `read_checkpoint`."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        if not manifest["is_complete"]:
            raise IncompleteCheckpoint(f"{folder} is incomplete: the program ended while it was written.")
        step, files = int(manifest["step"]), dict(manifest["files"])
    except IncompleteCheckpoint:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} is damaged: {MANIFEST_FILE} is no manifest of a checkpoint.") from error
    for name, facts in files.items():
        file = folder / name
        if not file.is_file():
            raise CheckpointError(f"{folder} is damaged: {name} is missing.")
        if (found := file.stat().st_size) != facts["bytes"]:
            raise CheckpointError(f"{folder} is damaged: {name} has {found:,} bytes instead of {facts['bytes']:,}.")
        if digest_of(file) != facts["sha256"]:
            raise CheckpointError(f"{folder} is damaged: {name} was changed after it was written.")
    return step


def check_readable(folder: Path) -> None:
    """Reads every file of a checkpoint without a manifest. Raises CheckpointError at the first that is damaged."""
    for name in list_files(folder):
        file = folder / name
        try:
            if file.suffix == ".safetensors":
                with safe_open(file, framework="pt"):  # compares the size of the file with its header
                    pass
            elif file.suffix in (".pt", ".pth", ".bin"):  # torch writes zip files
                with zipfile.ZipFile(file) as archive:
                    archive.testzip()
            elif file.suffix == ".json":
                json.loads(file.read_text(encoding="utf-8"))
            elif file.stat().st_size == 0:
                raise ValueError("it is empty")
        except (SafetensorError, zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{folder} is damaged: {name} cannot be read ({reason:.120}).") from error


def list_files(folder: Path) -> list[str]:
    """Names of all files of a checkpoint but the manifest, with `/` between folders."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST_FILE
    )


def describe_file(file: Path) -> dict[str, Any]:
    """Size and digest of a file."""
    return {"bytes": file.stat().st_size, "sha256": digest_of(file)}
