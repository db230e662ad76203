"""Checks names and short texts of a data set before they are published: one line, of usual length, and no place."""

import re
import unicodedata
from typing import Any

import pyarrow as pa

from ..data.json_fields import shown
from ..data.sources.list_paths import path_parts

MAX_CLIP_NAME = 1_000  # characters; it is the path of a clip below the folder of its data set
MAX_NAME = 255  # of a class, a person, a group or a scene; names of folders and files have at most so many
MAX_FOLDS = 1_000
MAX_TEXT = 2_000  # of a text about the data set, which may have the names of several lists
_JOINERS = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"  # without a picture, and usual in names of files
_DRIVE = re.compile(r"[A-Za-z]:")
_PLACE = re.compile(r"""(?:^|[\s"'`(\[{<=,:;|])(?:~?[/\\](?=\S)|[A-Za-z]:[/\\]|file:)""")


def check_text(text: str, max_length: int) -> None:
    """
    Checks a short text that goes to the Hub.

    Raises:
        ValueError: it is too long, has a line break or a character without a picture, or the path of a place on a
            machine. The message completes "the text is".
    """
    check_line(text, max_length)
    if _PLACE.search(text):
        raise ValueError(f"{shown(text)}, with a path of a machine")


def check_clip_name(name: str) -> None:
    """
    Checks the name of a clip, usually its path below the folder of its data set. Raises as `check_text`, and a
    ValueError for an empty name or a path that begins or ends elsewhere than in that folder.
    """
    check_line(name, MAX_CLIP_NAME)
    parts = path_parts(name)
    if not name:
        raise ValueError("empty")
    if not parts or parts[0] in ("", "~") or _DRIVE.fullmatch(parts[0]) or ".." in parts:
        raise ValueError(
            f"{shown(name)}, a path out of the folder of the data set; prepare the clips with the folder that holds "
            "all of them as `data_dir`"
        )


def check_line(text: str, max_length: int) -> None:
    """Raises a ValueError for a text that is too long, or that is not one printable line."""
    if len(text) > max_length:
        raise ValueError(f"{shown(text)}, {len(text):,} characters; at most {max_length:,} are sent")
    for letter in text:
        if not (letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) == "Zs"):
            raise ValueError(f"{shown(text)}, with the character U+{ord(letter):04X}, which cannot be shown in a line")


def check_range(value: Any, least: int, most: int, where: str) -> None:
    """Raises a ValueError for a whole number out of its range; None is a number that is not known."""
    if value is not None and not least <= value <= most:
        raise ValueError(f"`{where}` is {shown(value)}; it must be from {least:,} to {most:,}")


def check_names_in(column: pa.Array, where: str) -> None:
    """
    Checks a column of names in a table of clips, of persons, groups or scenes. A name may be unknown (None).

    Args:
        column: texts.
        where: the column, for the message.

    Raises:
        ValueError: a name that `check_text` refuses, or a column that holds no texts.
    """
    for name in column.unique().to_pylist():
        if not isinstance(name, str | None):
            raise ValueError(f"{where}: a value is {shown(name)}; it must be a text")
        try:
            check_text(name or "", MAX_NAME)
        except ValueError as error:
            raise ValueError(f"{where}: a name is {error}") from error
