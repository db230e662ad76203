"""The tables of a JPEG file and its scans: each table is used by one, and each scan gives something of the picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_FRAMES, _PROGRESSIVE, _SCAN = (0xC0, 0xC1, 0xC2), 0xC2, 0xDA
_QUANTISATION, _CODES, _RESTARTS = 0xDB, 0xC4, 0xDD
_MAX_PIXELS = 2**25
_MAX_DECODED = 2**29  # pixels times intervals, each of whose ends is looked at by decoding the picture
# Names of the colours: those of JFIF, those that some cameras count from 0, and letters.
_COLOURS = ((1,), (0,), (1, 2, 3), (0, 1, 2), tuple(b"RGB"))
_NO_CODE = -1  # of a frequency: no scan has had it yet


@dataclass
class Picture:
    """
    What the parts of a JPEG have said so far.

    Attributes:
        size: height and width in pixels; None before the frame.
        colours: for each its samples across and down, and its table of quantisation.
        is_progressive: whether the scans come by frequencies and bits.
        interval: blocks between two marks, 0 without marks.
        quantisation: numbers of the tables that were given.
        codes: class and number of each table of codes; whether a scan has used it.
        bits: for each colour and frequency the bit down to which it is known; `_NO_CODE` before its first scan.
    """

    size: tuple[int, int] | None = None
    colours: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    is_progressive: bool = False
    interval: int = 0
    quantisation: set[int] = field(default_factory=set)
    codes: dict[tuple[int, int], bool] = field(default_factory=dict)
    bits: dict[int, list[int]] = field(default_factory=dict)


def check_tables(parts: Sequence[tuple[int, bytes]]) -> list[int]:
    """
    Checks the tables and scans of a JPEG.

    Args:
        parts: kind and content of each part; the content of a scan may have its pixels behind it.

    Returns:
        For each scan, how many intervals with a mark between them it has.

    Raises:
        ValueError: a table that no scan uses, that is there twice or has impossible values, or a scan that is not of
            this picture.
    """
    picture, numbers = Picture(), []
    for kind, part in parts:
        if kind in _FRAMES:
            take_frame(picture, kind, part)
        elif kind == _QUANTISATION:
            take_quantisation(picture, part)
        elif kind == _CODES:
            take_codes(picture, part)
        elif kind == _RESTARTS:
            picture.interval = int.from_bytes(part, "big")
            if not picture.interval:
                raise ValueError("a JPEG with an interval of no blocks")
        elif kind == _SCAN:
            numbers.append(take_scan(picture, part))
    used = {table for _, _, table in picture.colours.values()}
    if picture.quantisation != used:
        raise ValueError("a JPEG with a table of quantisation that its picture does not use, or without one")
    if unused := [number for number, is_used in picture.codes.items() if not is_used]:
        raise ValueError(f"a JPEG with a table of codes, {unused[0]}, that its picture does not use")
    if any(known[0] == _NO_CODE for known in picture.bits.values()):
        raise ValueError("a JPEG without the scan of a colour")
    height, width = picture.size or (0, 0)
    if sum(numbers) * height * width > _MAX_DECODED:
        raise ValueError(f"a JPEG of {width}x{height} pixels in {sum(numbers):,} intervals, which are too many")
    return numbers


def take_frame(picture: Picture, kind: int, part: bytes) -> None:
    """Raises a ValueError for a frame of a rare kind: not 8 bits, no size, or other colours."""
    height, width = (int.from_bytes(part[place : place + 2], "big") for place in (1, 3))
    colours = [part[place : place + 3] for place in range(6, len(part), 3)]
    for name, samples, table in colours:
        picture.colours[name] = (samples >> 4, samples & 15, table)
        picture.bits[name] = [_NO_CODE] * 64
    is_usual = all(
        1 <= across <= 4 and 1 <= down <= 4 and table < 4 for across, down, table in picture.colours.values()
    )
    if part[0] != 8 or not height * width or not is_usual or tuple(name for name, _, _ in colours) not in _COLOURS:
        raise ValueError("a JPEG of a rare kind")
    if height * width > _MAX_PIXELS:
        raise ValueError(f"a JPEG of {width}x{height} pixels; at most {_MAX_PIXELS:,}")
    picture.size, picture.is_progressive = (height, width), kind == _PROGRESSIVE


def take_quantisation(picture: Picture, part: bytes) -> None:
    """Raises a ValueError for a table of quantisation that is there twice, or whose values are none."""
    place = 0
    while place < len(part):
        size, number = 1 + (part[place] >> 4), part[place] & 15
        values = part[place + 1 : place + 1 + 64 * size]
        is_divisor = all(any(values[start : start + size]) for start in range(0, len(values), size))
        if size > 2 or number in picture.quantisation or not is_divisor:
            raise ValueError("a JPEG with a table of quantisation that is there twice, or with values that are none")
        picture.quantisation.add(number)
        place += 1 + 64 * size


def take_codes(picture: Picture, part: bytes) -> None:
    """Raises a ValueError for a table of codes in the place of one that no scan has used, or with impossible ones."""
    place = 0
    while place < len(part):
        kind, end = divmod(part[place], 16), place + 17 + sum(part[place + 1 : place + 17])
        if picture.codes.get(kind) is False:
            raise ValueError(f"a JPEG with a table of codes, {kind}, that its picture does not use")
        if max(kind) > 3 or not are_codes(kind[0], part[place + 1 : end], picture.is_progressive):
            raise ValueError(f"a JPEG with a table of codes, {kind}, that has impossible values")
        picture.codes[kind] = False
        place = end


@lru_cache(maxsize=1_000)  # the same in every frame of most encoders
def are_codes(kind: int, table: bytes, is_progressive: bool) -> bool:
    """Whether these are codes of their kind, 0 or 1: how many of each length from 1 to 16 bits, and what they mean."""
    counts, values = table[:16], table[16:]
    room = sum(count << (15 - bits) for bits, count in enumerate(counts))  # of the 65,536 codes of 16 bits
    is_possible = kind < 2 and 0 < len(values) == len(set(values)) and room <= 2**16
    return is_possible and all(is_symbol(value, kind == 1, is_progressive) for value in values)


def is_symbol(value: int, is_frequency: bool, is_progressive: bool) -> bool:
    """Whether a code can stand for this: the bits of a number, with the zeros before it where it is of a frequency."""
    zeros, bits = divmod(value, 16)
    if not is_frequency:
        return value <= 11
    return bits <= 10 if bits else is_progressive or zeros in (0, 15)


def take_scan(picture: Picture, part: bytes) -> int:
    """How many intervals a scan has. Raises a ValueError for a scan that is not of the picture, or gives it twice."""
    number = part[0]
    colours = [(part[place], *divmod(part[place + 1], 16)) for place in range(1, 1 + 2 * number, 2)]
    first, last, steps = part[1 + 2 * number : 4 + 2 * number]
    before, after = divmod(steps, 16)
    names = [name for name, _, _ in colours]
    is_known = picture.size is not None and 0 < number == len(set(names)) and set(names) <= set(picture.colours)
    if picture.is_progressive:
        is_known = is_known and first <= last < 64 and (last == 0 if first == 0 else number == 1)
        is_known = is_known and (not before or before == after + 1)
    else:
        is_known = is_known and (first, last, steps) == (0, 63, 0)
    if not is_known:
        raise ValueError("a JPEG with a scan that is not of its picture")
    for name, table, table_of_frequencies in colours:
        known = picture.bits[name]
        if any(known[place] != (before or _NO_CODE) for place in range(first, last + 1)):
            raise ValueError("a JPEG with a scan of what it has already")
        known[first : last + 1] = [after] * (last + 1 - first)
        needed = [(0, table)] if first == 0 and not before else []
        for kind in [*needed, *([(1, table_of_frequencies)] if last else [])]:
            if kind not in picture.codes:
                raise ValueError(f"a JPEG without a table of codes, {kind}, that its picture needs")
            picture.codes[kind] = True
    return -(-blocks_of_scan(picture, names) // picture.interval) if picture.interval else 1


def blocks_of_scan(picture: Picture, names: Sequence[int]) -> int:
    """How many units of blocks a scan has: of one colour its own blocks, of several the blocks of all in one place."""
    assert picture.size is not None
    most = [max(samples[axis] for samples in picture.colours.values()) for axis in (1, 0)]  # down, across
    number = 1
    for axis, pixels in enumerate(picture.size):
        if len(names) == 1:
            samples = -(-pixels * picture.colours[names[0]][1 - axis] // most[axis])
            number *= -(-samples // 8)
        else:
            number *= -(-pixels // (8 * most[axis]))
    return number
