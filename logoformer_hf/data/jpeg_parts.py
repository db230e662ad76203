"""The parts of a JPEG file: which of them the picture needs, and which may say where and by whom it was taken."""

import re
from collections.abc import Iterator

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_TABLES = (0xDB, 0xC4)  # of quantisation, and of codes
_FRAMES = (0xC0, 0xC1, 0xC2)  # size and colours; baseline, extended and progressive
_RESTARTS = 0xDD
_JFIF, _ADOBE = 0xE0, 0xEE
_TEXTS = (*range(0xE0, 0xF0), 0xFE)  # of applications, as EXIF, and comments
# The first byte behind a scan that is none of it.
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")


def without_texts(content: bytes) -> bytes:
    """
    A JPEG with nothing but its picture: without EXIF, comments, small pictures, and whatever comes behind its end. The
    pixels stay as they are.

    Raises:
        ValueError: no JPEG, or one whose parts are damaged or of rare kinds.
    """
    return b"".join(
        content[start:end] for kind, start, end in parts_of_jpeg(content) if is_of_picture(content, kind, start, end)
    )


def check_is_plain(content: bytes) -> None:
    """Raises a ValueError for a JPEG with more than its picture, or for no JPEG."""
    end = 0
    for kind, start, end in parts_of_jpeg(content):
        if not is_of_picture(content, kind, start, end):
            raise ValueError(f"a JPEG with a part of the kind {kind:02X} besides the picture, as EXIF or a comment")
    if end != len(content):
        raise ValueError("a JPEG with something behind the picture")


def parts_of_jpeg(content: bytes) -> Iterator[tuple[int, int, int]]:
    """
    The parts of a JPEG up to its end.

    Yields:
        kind of the part, and where it begins and ends.

    Raises:
        ValueError: no JPEG, or one that is damaged.
    """
    place, kind, num_scans, num_frames = 0, 0, 0, 0
    while kind != _END:
        start, head = place, content[place : place + 2]
        kind = head[1] if len(head) == 2 and head[0] == 0xFF else 0
        if (kind == _START) != (start == 0):
            raise ValueError("no JPEG, or a damaged one")
        if kind in (_START, _END):
            place = start + 2
        else:
            size = int.from_bytes(content[start + 2 : start + 4], "big")
            place = start + 2 + size
            check_part(kind, content[start + 4 : place], size - 2)
        if kind == _SCAN:
            behind = _BEHIND_SCAN.search(content, place)
            place = len(content) if behind is None else behind.start()
        num_scans, num_frames = num_scans + (kind == _SCAN), num_frames + (kind in _FRAMES)
        yield kind, start, place
    if not num_scans or num_frames != 1:
        raise ValueError("a JPEG without a picture, or with several")


def check_part(kind: int, part: bytes, size: int) -> None:
    """Raises a ValueError for a part that is cut off, of an unknown kind, or longer than what it says."""
    if len(part) != size:
        expected = -1
    elif kind in _FRAMES:
        expected = 6 + 3 * part[5] if size > 5 and part[5] in (1, 3) else -1
    elif kind == _SCAN:
        expected = 4 + 2 * part[0] if part else -1
    elif kind in _TABLES:
        expected = size_of_tables(kind, part)
    elif kind == _RESTARTS:
        expected = 2
    else:
        expected = size if kind in _TEXTS else -1
    if size != expected:
        raise ValueError(f"a JPEG with a part of the kind {kind:02X} that is damaged or of a rare kind")


def size_of_tables(kind: int, part: bytes) -> int:
    """How long the tables in a part are together; -1 where they are cut off."""
    place = 0
    while place < len(part):
        if kind == 0xDB:
            place += 65 + 64 * (part[place] >> 4 != 0)  # 8 or 16 bits for each of 64 frequencies
        else:
            place += 17 + sum(part[place + 1 : place + 17])  # how many codes of each length, and their values
    return place if place == len(part) else -1


def is_of_picture(content: bytes, kind: int, start: int, end: int) -> bool:
    """Whether a part is needed to see the picture: all but texts, and of these the colours and the resolution."""
    if kind == _JFIF:
        return end - start == 18 and content[start + 4 : start + 9] == b"JFIF\0"  # with no small picture in it
    if kind == _ADOBE:
        return end - start == 16 and content[start + 4 : start + 9] == b"Adobe"
    return kind not in _TEXTS
