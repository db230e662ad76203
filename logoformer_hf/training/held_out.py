"""
Which clips of "train" a run holds out to choose its epoch, in a file of its folder. A resume holds out the same ones,
also where clips are left out that could be read before: a choice anew would mix clips to train on with them.
"""

from pathlib import Path

from datasets import DatasetDict

from .._files import read_json, write_json

HELD_OUT_FILE = "validation_clips.json"


def read_held_out(folder: Path) -> list[str] | None:
    """Names of the clips that the run in this folder holds out, None where it has not begun."""
    file = folder / HELD_OUT_FILE
    names: list[str] | None = read_json(file) if file.exists() else None
    return names


def keep_held_out(folder: Path, rows: DatasetDict) -> None:
    """Writes the names of the clips in "validation", once."""
    if not (folder / HELD_OUT_FILE).exists():
        write_json(folder / HELD_OUT_FILE, list(rows["validation"]["clip_id"]))
