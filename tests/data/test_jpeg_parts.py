"""Of a JPEG that goes into shards nothing is kept but its picture, pixel by pixel."""

import io

import numpy as np
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf.data.jpeg_parts import check_is_plain, without_texts

TEXT = b"-----BEGIN OPENSSH PRIVATE KEY-----"
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (45, 67, 3), np.uint8))


def jpeg(mode: str = "RGB", **options) -> bytes:
    file = io.BytesIO()
    PICTURE.convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def part(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + (len(content) + 2).to_bytes(2, "big") + content


def with_part(kind: int, content: bytes) -> bytes:
    return jpeg()[:2] + part(kind, content) + jpeg()[2:]


EVERY = [
    {},
    {"mode": "L"},
    {"progressive": True},
    {"subsampling": 0, "optimize": True},
    {"restart_marker_blocks": 2},
    {"dpi": (72, 72)},
    {"keep_rgb": True},
]


@pytest.mark.parametrize("options", EVERY)
def test_pictures_are_plain(options):
    content = jpeg(**options)
    check_is_plain(content)
    assert without_texts(content) == content


@pytest.mark.parametrize("kind", [0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF, 0xFE])
@pytest.mark.parametrize("options", EVERY)
def test_texts_are_left_out_and_no_pixel_changes(kind, options):
    content = jpeg(**options)
    longer = content[:2] + part(kind, b"Exif\0\0" + TEXT) + content[2:] + TEXT
    with raises_naming(ValueError, f"{kind:02X}"):
        check_is_plain(longer)
    assert without_texts(longer) == content
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(without_texts(longer))) as after:
        assert np.array_equal(np.asarray(before), np.asarray(after))


@pytest.mark.parametrize(
    "content",
    [
        jpeg() + TEXT,
        jpeg() + jpeg(),
        with_part(0xDB, bytes(65) + TEXT),
        with_part(0xC4, bytes(17) + TEXT),
        with_part(0xDD, bytes(2) + TEXT),
        with_part(0xC0, TEXT),
        with_part(0xDA, b"\1\0\0\0\x3f\0" + TEXT),
        with_part(0xF0, TEXT),
        with_part(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1" + bytes(3)),
        jpeg()[:-2],
        jpeg()[:300],
        b"\xff\xd8" + TEXT,
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8",
        b"",
        TEXT,
        b"\xff\xd8" + part(0xDA, b"\1\0\0\0\x3f\0") + TEXT + b"\xff\xd9",
        b"\xff\xd8\xff\xe0\0\1",
    ],
)
def test_what_is_more_or_less_than_a_picture(content):
    with raises_naming(ValueError, "JPEG"):
        check_is_plain(content)


def test_cut_off_anywhere_it_is_refused():
    content = jpeg(restart_marker_blocks=3)
    for size in range(len(content)):
        with pytest.raises(ValueError):
            check_is_plain(content[:size])
