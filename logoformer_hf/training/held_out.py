"""
Which clips of "train" a run trains on, and which it holds out to choose its epoch, in files of its folder. A resume
takes the same ones, also where clips are left out that could be read before: a choice anew would mix them.
"""

from pathlib import Path

from datasets import Dataset

from .._files import read_json, write_json

HELD_OUT_FILE = "validation_clips.json"
SHARE_FILE = "training_clips.json"  # with a `train_share` of less than 1


def read_names(file: Path) -> list[str] | None:
    """Names of the clips that were chosen, None where the run has not begun."""
    names: list[str] | None = read_json(file) if file.exists() else None
    return names


def keep_names(file: Path, clips: Dataset) -> None:
    """Writes the names of the clips, once."""
    if not file.exists():
        write_json(file, list(clips["clip_id"]))
