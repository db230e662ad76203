"""Whether a file is there and whole: downloads and copies that were interrupted end in the middle."""

import os
from pathlib import Path
from typing import BinaryIO

_FLV_TAG, _FLV_HEADER = 11, 9  # bytes of the header of a tag, and of the file
_TAG_TYPES = (8, 9, 18)  # sound, picture, script
_POINTER, _MAX_POINTER_BYTES = b"version https://git-lfs", 1024
IS_POINTER = "is a pointer of Git LFS: run `git lfs pull` in its folder"


class UnusableClip(Exception):
    """A clip that cannot be used; the message is the reason alone, without the path."""


def check_file(file: Path) -> None:
    """Raises an `UnusableClip` where there is no file, or an empty one."""
    if not file.exists():
        raise UnusableClip("the link leads to nothing" if file.is_symlink() else "there is no such file or folder")
    if not file.is_file():
        raise UnusableClip("it is a pipe or a device, not a file")
    if file.stat().st_size == 0:
        raise UnusableClip("the file is empty")
    if is_pointer(file):
        raise UnusableClip(f"it {IS_POINTER}")


def is_pointer(file: Path) -> bool:
    """Whether this is the text that Git leaves in the place of a file where Git LFS is not installed."""
    if not file.is_file() or file.stat().st_size > _MAX_POINTER_BYTES:  # a pipe, or a link that leads to nothing
        return False
    with file.open("rb") as content:
        return content.read(len(_POINTER)) == _POINTER


def ends_early(path: Path) -> bool:
    """
    Whether a video in FLV or MP4 ends before its last part does. False for other formats and for folders.

    Raises:
        OSError: it cannot be read.
    """
    kind = path.suffix.lower()
    if kind not in (".flv", ".f4v", ".mp4", ".m4v", ".mov") or not path.is_file():
        return False
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        is_flv = _read(file, 0, 3) == b"FLV"
        return not _is_whole_flv(file, size) if is_flv else not _is_whole_mp4(file, size)


def _is_whole_flv(file: BinaryIO, size: int) -> bool:
    """
    A tag has its length in front and, as long as all before it, behind: usually the last four bytes lead to the start
    of the last tag. Some programs leave them out at the end, so that the tags are followed from the start.
    """
    length = int.from_bytes(_read(file, size - 4, 4), "big")
    if _FLV_TAG <= length <= size - _FLV_HEADER:
        tag = _read(file, size - 4 - length, 4)
        if tag[:1] and tag[0] & 0x1F in _TAG_TYPES and int.from_bytes(tag[1:4], "big") == length - _FLV_TAG:
            return True
    place = int.from_bytes(_read(file, 5, 4), "big") + 4
    while place < size:
        tag = _read(file, place, 4)
        place += _FLV_TAG + int.from_bytes(tag[1:4], "big")
        if place == size:
            return True
        place += 4
    return place == size


def _is_whole_mp4(file: BinaryIO, size: int) -> bool:
    """The boxes of the file one after another: the last one must end where the file does."""
    place = 0
    while place < size:
        header = _read(file, place, 16)
        if len(header) < 8:
            return False
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:  # to the end of the file
            return True
        if length < 8:
            return True  # no MP4 after all: nothing is known of it
        place += length
    return place == size


def _read(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(max(place, 0))
    return file.read(length)
