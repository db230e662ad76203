"""Of a JPEG that goes into shards nothing is kept but its picture, pixel by pixel."""

import io
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf.data.jpeg_parts import check_is_plain, parts_of_jpeg, without_texts

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


# Bytes that no reader of the pixels needs, in places where decoders pass over them.

END = b"\xff\xd9"
BEFORE_PIXELS = jpeg().index(b"\xff\xda")


def with_bytes(place: int, content: bytes, **options) -> bytes:
    return jpeg(**options)[:place] + content + jpeg(**options)[place:]


def tables(kind: int, number: int) -> bytes:
    """A second table of this kind under another number, with the values of one that is there."""
    return next(
        part(kind, bytes([number]) + content[1:])
        for content in (jpeg()[start + 4 : end] for found, start, end in parts_of_jpeg(jpeg()) if found == kind)
    )


@pytest.mark.parametrize(
    "content",
    [
        *(with_bytes(BEFORE_PIXELS, tables(0xDB, number)) for number in (0, 2, 3, 0x10)),
        *(with_bytes(BEFORE_PIXELS, tables(0xC4, number)) for number in (0x00, 0x02, 0x12, 0x20)),
        with_bytes(BEFORE_PIXELS, part(0xDB, b"\2" + TEXT + bytes([1] * (64 - len(TEXT))))),
        with_bytes(BEFORE_PIXELS, part(0xDD, b"\0\7")),
        with_bytes(BEFORE_PIXELS, part(0xDD, b"\0\0")),
        with_bytes(2, part(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")),
        *(jpeg(**options)[:-2] + extra + END for options in EVERY for extra in (b"a", b"\0", b"\xff\0", TEXT)),
        *(jpeg(**options)[:-2] + extra + END for options in EVERY for extra in (b"\xff\xd0", b"\xff\xd5\xff\xd6")),
        jpeg(restart_marker_blocks=3).replace(b"\xff\xd1", b"\xff\xd2", 1),
        jpeg(restart_marker_blocks=3).replace(b"\xff\xd1", b"\0\xff\xd1", 1),
        jpeg(restart_marker_blocks=3).replace(b"\xff\xd1", b"\xff\0\xff\xd1", 1),
        jpeg(restart_marker_blocks=3).replace(b"\xff\xd1", b"\xff\xd1\xff\xd2", 1),
        with_bytes(BEFORE_PIXELS, jpeg(progressive=True)[jpeg(progressive=True).index(b"\xff\xda") :][:40]),
    ],
)
def test_bytes_that_no_reader_of_the_pixels_needs(content):
    for check in (check_is_plain, without_texts):
        with raises_naming(ValueError, "JPEG"):
            check(content)


def test_numbers_that_say_nothing_of_the_pixels():
    """Flags for printing, and a resolution that none has."""
    plain = jpeg(keep_rgb=True)
    at = plain.index(b"Adobe")
    flags = plain[: at + 7] + b"se\x80\0" + plain[at + 11 :]
    density = jpeg().replace(b"JFIF\0\1\1\0\0\1\0\1", b"JFIF\0\1\1\0sesa")
    for content, kind in ((flags, "EE"), (density, "E0")):
        with raises_naming(ValueError, kind):
            check_is_plain(content)
        with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(without_texts(content))) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after))
    assert without_texts(flags) == plain


def test_a_scan_that_is_there_twice():
    content = jpeg(progressive=True)
    scans = [(start, end) for kind, start, end in parts_of_jpeg(content) if kind == 0xDA]
    for start, end in scans:
        with raises_naming(ValueError, "JPEG"):
            check_is_plain(content[:end] + content[start:end] + content[end:])


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("blocks", [1, 2, 5, 100])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_intervals_are_counted_in_every_kind(mode, blocks, subsampling, progressive):
    content = jpeg(mode, restart_marker_blocks=blocks, subsampling=subsampling, progressive=progressive)
    check_is_plain(content)
    assert without_texts(content) == content


def test_intervals_that_take_too_long_to_look_at():
    file = io.BytesIO()
    Image.new("L", (2_048, 1_024)).save(file, "JPEG", restart_marker_blocks=8)
    with raises_naming(ValueError, "2048x1024", "intervals"):
        check_is_plain(file.getvalue())


def test_pictures_of_other_encoders():
    pixels = np.asarray(PICTURE)
    for options in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_OPTIMIZE, 1]):
        content = cv2.imencode(".jpg", pixels, options)[1].tobytes()
        assert without_texts(content) == content
    for huffman in ("default", "optimal"):  # of FFmpeg, which writes its name as a comment
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = PICTURE.width, PICTURE.height, "yuvj420p"
        encoder.time_base, encoder.options = Fraction(1, 25), {"huffman": huffman}
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
        [packet] = [*encoder.encode(frame), *encoder.encode(None)]
        with raises_naming(ValueError, "comment"):
            check_is_plain(bytes(packet))
        check_is_plain(without_texts(bytes(packet)))
