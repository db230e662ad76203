"""The parts of a JPEG file: which of them the picture needs, and which may say where and by whom it was taken."""

import re
from collections.abc import Iterator

import simplejpeg

from .jpeg_tables import check_tables

START, END, SCAN = 0xD8, 0xD9, 0xDA
QUANTISATION, CODES, RESTARTS = 0xDB, 0xC4, 0xDD
FRAMES = (0xC0, 0xC1, 0xC2)  # size and colours; baseline, extended and progressive
_JFIF, _ADOBE = 0xE0, 0xEE
_TEXTS = (*range(0xE0, 0xF0), 0xFE)  # of applications, as EXIF, and comments
# The first byte behind a scan that is none of it.
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_MAX_DENSITY = 1_200  # dots per inch


def without_texts(content: bytes) -> bytes:
    """
    A JPEG with nothing but its picture: without EXIF, comments, small pictures, and whatever comes behind its end. The
    pixels stay as they are.

    Raises:
        ValueError: no JPEG, or one with something else in it that no reader of its pixels needs, is damaged, or is of
            a rare kind.
    """
    plain = []
    for kind, start, end in parts_of_jpeg(content):
        part = content[start:end]
        if kind == _ADOBE and len(part) == 16 and part[4:9] == b"Adobe":  # how colours are stored, the last byte
            part = part[:9] + b"\0\x64" + bytes(4) + part[-1:]
        if is_of_picture(part, kind, 0, len(part)):
            plain.append(part)
    check_is_plain(b"".join(plain))
    return b"".join(plain)


def check_is_plain(content: bytes) -> None:
    """
    Checks that a JPEG has no byte that a reader of its pixels does not read.

    What the values of its tables, and its pixels, mean cannot be told.

    Raises:
        ValueError: no JPEG, or one with more than its picture: a part besides it, a table that no scan uses, a mark
            that belongs to no interval, or bytes behind the last block of a scan.
    """
    end, parts = 0, []
    for kind, start, end in parts_of_jpeg(content):
        if not is_of_picture(content, kind, start, end):
            what = "EXIF or a comment" if kind not in (_JFIF, _ADOBE) else "a resolution or a flag that is not usual"
            raise ValueError(f"a JPEG with a part of the kind {kind:02X} besides the picture, as {what}")
        parts.append((kind, start, end))
    if end != len(content):
        raise ValueError("a JPEG with something behind the picture")
    kinds = [kind for kind, _, _ in parts]
    if twice := [kind for kind in (_JFIF, _ADOBE, RESTARTS) if kinds.count(kind) > 1]:
        raise ValueError(f"a JPEG with more than one part of the kind {twice[0]:02X}")
    numbers = check_tables([(kind, content[start + 4 : end]) for kind, start, end in parts])
    scans = [(start, end) for kind, start, end in parts if kind == SCAN]
    ends: list[int] = []
    for (start, end), number in zip(scans, numbers, strict=True):
        ends += ends_of_intervals(content, start, end, number)
    check_ends(content, ends)


def ends_of_intervals(content: bytes, start: int, end: int, number: int) -> list[int]:
    """
    Where the intervals of a scan end, behind each of which but the last is a mark.

    Args:
        content: the JPEG.
        start: where the scan begins, with its own part.
        end: where it ends.
        number: how many intervals it must have.

    Raises:
        ValueError: more or fewer, or another order of their marks.
    """
    start += 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    marks = list(_RESTART.finditer(content, start, end))
    if [mark[1][0] for mark in marks] != [0xD0 + place % 8 for place in range(number - 1)]:
        raise ValueError("a JPEG with marks inside its pixels that belong to no interval, or without some")
    ends = [*(mark.start() for mark in marks), end]
    if any(first == last for first, last in zip([start, *(mark.end() for mark in marks)], ends, strict=True)):
        raise ValueError("a JPEG with an interval without pixels")
    return ends


def check_ends(content: bytes, ends: list[int]) -> None:
    """
    Checks that the pixels need all bytes up to the end of each interval: without the last one they are cut off.

    Raises:
        ValueError: they do not, or are damaged.
    """
    if problem := problem_of(content):
        raise ValueError(f"a damaged JPEG, or one with something behind its pixels ({problem})")
    for end in ends:
        size = 2 if content[end - 2 : end] == b"\xff\x00" else 1
        if problem_of(content[: end - size] + content[end:]) is None:
            raise ValueError("a JPEG with something behind its pixels")


def problem_of(content: bytes) -> str | None:
    """What a strict decoder objects to in a JPEG, if anything: bytes that are too many, or missing."""
    try:
        simplejpeg.decode_jpeg(content, "RGB", fastdct=True, fastupsample=True, strict=True)
    except ValueError as error:
        return " ".join(str(error).split())[:200]
    return None


def parts_of_jpeg(content: bytes) -> Iterator[tuple[int, int, int]]:
    """
    The parts of a JPEG up to its end.

    Yields:
        kind of the part, and where it begins and ends.

    Raises:
        ValueError: no JPEG, or one that is damaged.
    """
    place, kind, num_scans, num_frames = 0, 0, 0, 0
    while kind != END:
        start, head = place, content[place : place + 2]
        kind = head[1] if len(head) == 2 and head[0] == 0xFF else 0
        if (kind == START) != (start == 0):
            raise ValueError("no JPEG, or a damaged one")
        if kind in (START, END):
            place = start + 2
        else:
            size = int.from_bytes(content[start + 2 : start + 4], "big")
            place = start + 2 + size
            check_part(kind, content[start + 4 : place], size - 2)
        if kind == SCAN:
            behind = _BEHIND_SCAN.search(content, place)
            place = len(content) if behind is None else behind.start()
        num_scans, num_frames = num_scans + (kind == SCAN), num_frames + (kind in FRAMES)
        yield kind, start, place
    if not num_scans or num_frames != 1:
        raise ValueError("a JPEG without a picture, or with several")


def check_part(kind: int, part: bytes, size: int) -> None:
    """Raises a ValueError for a part that is cut off, of an unknown kind, or longer than what it says."""
    if len(part) != size:
        expected = -1
    elif kind in FRAMES:
        expected = 6 + 3 * part[5] if size > 5 and part[5] in (1, 3) else -1
    elif kind == SCAN:
        expected = 4 + 2 * part[0] if part else -1
    elif kind in (QUANTISATION, CODES):
        expected = size_of_tables(kind, part)
    elif kind == RESTARTS:
        expected = 2
    else:
        expected = size if kind in _TEXTS else -1
    if size != expected:
        raise ValueError(f"a JPEG with a part of the kind {kind:02X} that is damaged or of a rare kind")


def size_of_tables(kind: int, part: bytes) -> int:
    """How long the tables in a part are together; -1 where they are cut off."""
    place = 0
    while place < len(part):
        if kind == QUANTISATION:
            place += 65 + 64 * (part[place] >> 4 != 0)  # 8 or 16 bits for each of 64 frequencies
        else:
            place += 17 + sum(part[place + 1 : place + 17])  # how many codes of each length, and their values
    return place if place == len(part) else -1


def is_of_picture(content: bytes, kind: int, start: int, end: int) -> bool:
    """Whether a part is needed to see the picture: all but texts, and of these the colours and the resolution."""
    part = content[start + 4 : end]
    if kind == _JFIF:  # version 1.00 to 1.02, unit, dots in each direction, and no small picture
        across, down = (int.from_bytes(part[place : place + 2], "big") for place in (8, 10))
        is_usual = part[5:6] == b"\1" and part[6:7] <= b"\2" and part[7:8] <= b"\2" and part[12:14] == b"\0\0"
        return len(part) == 14 and part[:5] == b"JFIF\0" and is_usual and across == down <= _MAX_DENSITY
    if kind == _ADOBE:  # version, two fields of flags for printing, and how colours are stored
        is_usual = part[5:7] in (b"\0\x64", b"\0\x65") and part[7:11] == bytes(4) and part[11:12] <= b"\2"
        return len(part) == 12 and part[:5] == b"Adobe" and is_usual
    return kind not in _TEXTS
