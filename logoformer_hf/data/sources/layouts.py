"""Finds the parts of a data set in the folder that the user names, one folder below or one above."""

import os
from collections.abc import Iterator
from pathlib import Path

from ...video_container_logoformer import VIDEO_SUFFIXES
from ..labels import nfc


def existing_folder(folder: str | Path) -> Path:
    """The absolute path of a folder, `~` included.

    Raises:
        FileNotFoundError, NotADirectoryError: it does not exist, or is a file.
    """
    # Unlike `resolve`, this keeps links as the user names them.
    path = on_disk(Path(os.path.abspath(Path(folder).expanduser())), {})  # noqa: PTH100
    if not path.exists():
        raise FileNotFoundError(f"`data_dir` is {path}, but there is no such folder. Name the folder of the data set.")
    if not path.is_dir():
        raise NotADirectoryError(f"`data_dir` is {path}, a file. Name the folder of the data set.")
    return path


def on_disk(path: Path, listings: dict[Path, dict[str, str]]) -> Path:
    """
    The path as the disk spells it: an accent in the name of a file is one character on some systems, two on others.

    Args:
        path: the path; what does not exist of it stays as it is.
        listings: the names in folders that were looked at, by their composed form; empty for the first path.
    """
    if str(path).isascii() or os.path.exists(path):  # noqa: PTH110 (False for a name that is too long, too)
        return path
    found = Path(path.anchor)
    names = path.parts[len(found.parts) :]
    for place, name in enumerate(names):
        if not name.isascii():
            if found not in listings:
                if not found.is_dir():
                    return found.joinpath(*names[place:])
                listings[found] = {nfc(other.name): other.name for other in found.iterdir()}
            name = listings[found].get(nfc(name), name)
        found /= name
    return found


def find_nearby(data_dir: Path, relative: str) -> Path | None:
    """
    Finds a folder by its usual name below `data_dir`, below one of its subfolders, or beside it, in this order.

    Raises:
        ValueError: several subfolders have it.
    """
    listings: dict[Path, dict[str, str]] = {}
    if (inside := on_disk(data_dir / relative, listings)).is_dir():
        return inside
    candidates = (on_disk(folder / relative, listings) for folder in subfolders(data_dir))
    below = [folder for folder in candidates if folder.is_dir()]
    if len(below) > 1:
        raise ValueError(
            f"{relative} exists more than once: {', '.join(map(str, below))}. Name the folder of one data set with "
            "`data_dir`."
        )
    beside = on_disk(data_dir.parent / relative, listings)
    return below[0] if below else beside if beside.is_dir() else None


def is_file(path: Path) -> bool:
    """Whether a file is there, for modules whose `Path` a builder has replaced."""
    return path.is_file()


def subfolders(folder: Path) -> list[Path]:
    """The subfolders of a folder, in the order of their names."""
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir())


def numbered_clips(folder: Path) -> dict[int, Path]:
    """
    Folders of frames and video files that are named by a number, with or without leading zeros: `{number: path}`.

    Raises:
        ValueError: two of them have the same number.
    """
    clips: dict[int, Path] = {}
    for number, path in sorted(_numbered(folder)):
        if number in clips:
            raise ValueError(f"{clips[number]} and {path} are both clip {number}. Keep one of them.")
        clips[number] = path
    return clips


def has_numbered_clips(folder: Path) -> bool:
    """Whether a folder has a clip that is named by a number."""
    return next(_numbered(folder), None) is not None


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if path.stem.isdecimal() and (
                path.suffix.lower() in VIDEO_SUFFIXES or (path.suffix == "" and entry.is_dir())
            ):
                yield int(path.stem), path
