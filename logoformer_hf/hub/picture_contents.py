"""Checks that pictures, before they are published, have nothing in them but the picture."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ..image_reading_logoformer import first_line

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIZES = {b"IHDR": 13, b"pHYs": 9, b"IEND": 0}  # of the parts that have a fixed size
# What matplotlib writes into the pictures that it draws.
_SOFTWARE = re.compile(rb"Software\0Matplotlib version[0-9][\w.+]{0,40}, https://matplotlib\.org/")
_COLOURS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # values of a pixel, by the type of its colour
_MAX_DENSITY = 50_000  # pixels a metre, about 1,200 dots per inch
_MAX_BYTES = 2**28  # of the pixels


def check_picture(file: Path) -> None:
    """Raises a ValueError for a file that is no PNG, is damaged, or carries more than the picture."""
    content = file.read_bytes()
    if not content.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    header, pixels, known = b"", [], set()
    for kind, part in parts_of_png(content):
        is_text = kind == b"tEXt" and _SOFTWARE.fullmatch(part)
        if not is_text and kind != b"IDAT" and len(part) != _SIZES.get(kind):
            raise ValueError(f"a PNG with a part {kind.decode('latin-1')!r} besides the picture")
        if kind == b"pHYs" and not is_usual_resolution(part):
            raise ValueError("a PNG with a part 'pHYs', a resolution that is not usual")
        if kind in known and kind != b"IDAT":
            raise ValueError(f"a PNG with more than one part {kind.decode('latin-1')!r}")
        known.add(kind)
        header = part if kind == b"IHDR" else header
        if kind == b"IDAT":
            pixels.append(part)
    try:
        with Image.open(file, formats=["PNG"]) as picture:
            picture.verify()  # the checksum of each part
    except Exception as error:  # PIL raises what its parsers stumble over: SyntaxError, IndexError, ...
        raise ValueError(f"no intact PNG: {first_line(error)}") from error
    check_pixels(header, b"".join(pixels))


def is_usual_resolution(part: bytes) -> bool:
    """Whether pixels a metre are equal in both directions, and of a screen or a printer."""
    across, down = (int.from_bytes(part[place : place + 4], "big") for place in (0, 4))
    return 0 < across == down <= _MAX_DENSITY and part[8:] == b"\1"


def parts_of_png(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each part of a PNG. Raises a ValueError for bytes behind the last one."""
    place = len(_SIGNATURE)
    while place < len(content):
        size, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        yield kind, content[place + 8 : place + 8 + size]
        place += 12 + size
        if kind == b"IEND":
            break
    if place != len(content):
        raise ValueError("a PNG with something behind the picture")


def check_pixels(header: bytes, packed: bytes) -> None:
    """Raises a ValueError where the pixels of a PNG are more or fewer than its header says."""
    width, height = (int.from_bytes(header[place : place + 4], "big") for place in (0, 4))
    bits, colour, *_, interlacing = header[8:13]
    if bits != 8:  # rows of fewer bits end in some that no pixel shows
        raise ValueError(f"a PNG with {bits} bits a value, as no picture of this package; they have 8")
    num_bytes = height * (1 + width * _COLOURS.get(colour, 1))  # a row begins with its filter
    if interlacing or num_bytes > _MAX_BYTES:
        raise ValueError(f"a PNG of {width}x{height} pixels, or one that is interlaced, as no picture of this package")
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(packed, num_bytes + 1)
    except zlib.error as error:
        raise ValueError("no intact PNG: its pixels cannot be unpacked") from error
    if len(unpacked) != num_bytes or not unpacking.eof or unpacking.unused_data:
        raise ValueError("a PNG with something behind its pixels")
