"""Checks single images without decoding those that look whole."""

import os
from pathlib import Path

from PIL import Image

from ...image_reading_logoformer import (
    ANIMATED_FORMATS,
    VideoReadError,
    decode_image,
    image_formats,
)
from ...reading_limits_logoformer import check_size
from .whole_files import UnusableClip, check_file

# What an image of a format ends with, in its last bytes: some programs write more behind it.
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_TAIL_BYTES = 4096


def check_still(file: Path, check: str) -> int:
    """
    Number of pictures of an image file: 1, or more for an animation (PNG, WebP).

    "quick" reads its header and its end, and decodes it only where the end is not what it should be; "full" always.

    Raises:
        UnusableClip: missing, empty, no image, damaged, cut off, or larger than a limit.
        VideoReadError, OSError: it passes a limit, or cannot be read.
    """
    check_file(file)
    try:
        with Image.open(file, formats=image_formats()) as image:
            check_size(str(file), *image.size)
            kind, num_frames = image.format or "", getattr(image, "n_frames", 1)
    except VideoReadError:
        raise
    except Exception as error:  # PIL raises what its parsers stumble over
        raise UnusableClip(f"it is no image that can be read ({type(error).__name__})") from None
    end = _ENDS.get(kind)
    if check == "full" or (end is not None and end not in _tail(file)):
        decode_image(file.read_bytes(), str(file))
    return num_frames if kind in ANIMATED_FORMATS else 1


def _tail(file: Path) -> bytes:
    with file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(max(0, size - _TAIL_BYTES))
        return content.read()
