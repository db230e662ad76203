"""Folders that are named by a split, and what lies in folders besides a system's own files."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .inventory import PlannedClip

SPLITS = ("train", "validation", "test")
_SPLIT_OF = {
    **dict.fromkeys(("train", "training", "train_set"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "val_set", "validation_set"), "validation"),
    **dict.fromkeys(("test", "testing", "test_set"), "test"),
}
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")
SYSTEM_FILES = ("__MACOSX", "Thumbs.db", "desktop.ini")  # besides hidden ones, as .DS_Store and ._clip.mp4


def split_named(name: str) -> str | None:
    """The split that a name means, None for other names."""
    return _SPLIT_OF.get(name.strip().lower())


def is_split(folder: Path) -> bool:
    """Whether this is a folder that is named by a split."""
    return split_named(folder.name) is not None and folder.is_dir()


def visible(folder: Path) -> list[Path]:
    """What lies in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.name[0] != "." and path.name not in SYSTEM_FILES)


def visible_folders(folder: Path) -> list[Path]:
    """The folders in a folder, by name."""
    return [path for path in visible(folder) if path.is_dir()]


def find_archive(folder: Path) -> Path | None:
    """An archive in a folder or in those right below it, which may hold what is missing."""
    places = [folder, *visible_folders(folder)]
    files = (path for place in places for path in visible(place) if path.suffix.lower() in _ARCHIVES)
    return next((path for path in files if path.is_file()), None)


def count_splits(clips: Iterable[PlannedClip], noun: str = "clips") -> str:
    """How many clips each split has: "12 train clips, 3 test clips"."""
    counts = Counter(clip.split for clip in clips)
    return ", ".join(f"{counts[split]:,} {split} {noun}" for split in SPLITS if counts[split])
