"""Finding the parts of a data set in a user's folder, however deep it was unpacked."""

import os
from collections.abc import Iterator
from pathlib import Path

VIDEO_SUFFIXES = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


def existing_folder(folder: str | Path) -> Path:
    """The absolute path of a folder, `~` included.

    Raises:
        FileNotFoundError, NotADirectoryError: it is none.
    """
    # Unlike `resolve` this keeps links, which people name on purpose.
    path = Path(os.path.abspath(Path(folder).expanduser()))  # noqa: PTH100
    if not path.exists():
        raise FileNotFoundError(f"`data_dir` is {path}, but there is no such folder. Name the one of the data set.")
    if not path.is_dir():
        raise NotADirectoryError(f"`data_dir` is {path}, a file. Name the folder of the data set.")
    return path


def find_nearby(data_dir: Path, relative: str) -> Path | None:
    """
    A folder by its usual name below `data_dir`, below one of its subfolders, or beside it; the first of these.

    Raises:
        ValueError: several subfolders have one.
    """
    if (data_dir / relative).is_dir():
        return data_dir / relative
    below = [folder / relative for folder in subfolders(data_dir) if (folder / relative).is_dir()]
    if len(below) > 1:
        raise ValueError(
            f"{relative} is there more than once: {', '.join(map(str, below))}. Name the folder of one data set with "
            "`data_dir`."
        )
    beside = data_dir.parent / relative
    return below[0] if below else beside if beside.is_dir() else None


def subfolders(folder: Path) -> list[Path]:
    """In the order of their names."""
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir())


def numbered_clips(folder: Path) -> dict[int, Path]:
    """
    Folders of frames and video files that are called by a number, zeros in front or not: `{number: path}`.

    Raises:
        ValueError: a number that two of them have.
    """
    clips: dict[int, Path] = {}
    for number, path in sorted(_numbered(folder)):
        if number in clips:
            raise ValueError(f"{clips[number]} and {path} are both clip {number}. Leave one of them.")
        clips[number] = path
    return clips


def has_numbered_clips(folder: Path) -> bool:
    return next(_numbered(folder), None) is not None


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if path.stem.isdecimal() and (
                path.suffix.lower() in VIDEO_SUFFIXES or (path.suffix == "" and entry.is_dir())
            ):
                yield int(path.stem), path
