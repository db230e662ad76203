"""The table of file formats that a timeline can be written in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .elan import write_elan
from .json_file import write_json_file
from .subtitles import write_srt, write_vtt
from .tables import write_csv, write_parquet
from .timeline import Timeline


@dataclass(frozen=True)
class Format:
    """
    A file format.

    Attributes:
        write: writes a timeline to a path, completely or not at all.
        content: what the file holds.
    """

    write: Callable[[Timeline, Path], None]
    content: str


# by the ending of the file
FORMATS = {
    "parquet": Format(write_parquet, "windows, with the facts of the timeline in the file's metadata"),
    "csv": Format(write_csv, "windows"),
    "json": Format(write_json_file, "windows, segments, summary and facts"),
    "srt": Format(write_srt, "segments as subtitles"),
    "vtt": Format(write_vtt, "segments as subtitles for web pages"),
    "eaf": Format(write_elan, "segments as annotations of ELAN"),
}


def format_of(path: str | Path) -> str:
    """
    The format that the ending of a file stands for, one of `FORMATS`.

    Raises:
        ValueError: no format has this ending.
    """
    ending = Path(path).suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise ValueError(f"{path}: no format has the ending {ending!r}; there are {', '.join(FORMATS)}.")
    return ending


def write_timeline(timeline: Timeline, path: str | Path) -> None:
    """
    Writes a timeline to a file, whose ending chooses the format. The file is written completely or not at all.

    Raises:
        ValueError: no format has this ending.
        OSError: the file cannot be written.
    """
    FORMATS[format_of(path)].write(timeline, Path(path))
