"""Pictures leave with nothing in them but the picture."""

import struct
import zlib

import numpy as np
import pytest
from errors import raises_naming
from PIL import Image, PngImagePlugin

from logoformer_hf.evaluation.plots import plot_confusion_matrix
from logoformer_hf.hub.picture_contents import check_picture

TEXT = b"-----BEGIN OPENSSH PRIVATE KEY-----"
RESOLUTION = struct.pack(">IIB", 3937, 3937, 1)  # 100 dots per inch, as matplotlib writes it


def part(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.fixture
def picture(tmp_path) -> bytes:
    Image.effect_noise((40, 41), 50).save(tmp_path / "a.png")
    return (tmp_path / "a.png").read_bytes()


def check(tmp_path, content: bytes) -> None:
    (tmp_path / "b.png").write_bytes(content)
    check_picture(tmp_path / "b.png")


def test_what_this_package_draws_leaves(tmp_path):
    plot_confusion_matrix(np.eye(3, dtype=int), ["a", "b", "c"], tmp_path / "matrix.png", "title")
    assert b"Software" in (tmp_path / "matrix.png").read_bytes()
    check_picture(tmp_path / "matrix.png")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pictures_of_every_kind_leave(tmp_path, mode):
    Image.new(mode, (13, 7)).save(tmp_path / "a.png")
    check_picture(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["1", "I;16"])
def test_other_bits_than_eight_a_value(tmp_path, mode):
    Image.new(mode, (13, 7)).save(tmp_path / "a.png")
    with raises_naming(ValueError, "bits", "8"):
        check_picture(tmp_path / "a.png")


def test_bits_that_no_pixel_shows(tmp_path):
    header = struct.pack(">IIBBBBB", 1, len(TEXT), 1, 0, 0, 0, 0)
    rows = b"".join(bytes([0, letter]) for letter in TEXT)  # of which one bit is a pixel
    content = part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    with raises_naming(ValueError, "bits"):
        check(tmp_path, b"\x89PNG\r\n\x1a\n" + content)


def test_something_behind_the_picture(tmp_path, picture):
    with raises_naming(ValueError, "behind"):
        check(tmp_path, picture + TEXT)


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "eXIf", "tIME", "iCCP", "gAMA", "pHYs"])
def test_parts_besides_the_picture(tmp_path, picture, kind):
    content = {"tEXt": b"Software\0" + TEXT, "tIME": bytes(7)}.get(kind, TEXT)
    with raises_naming(ValueError, kind):
        check(tmp_path, picture[:33] + part(kind.encode(), content) + picture[33:])


def test_a_text_of_matplotlib_with_more_in_it(tmp_path, picture):
    line = b"Software\0Matplotlib version3.9.0, https://matplotlib.org/"
    check(tmp_path, picture[:33] + part(b"tEXt", line) + picture[33:])
    with raises_naming(ValueError, "tEXt"):
        check(tmp_path, picture[:33] + part(b"tEXt", line + b" " + TEXT) + picture[33:])


@pytest.mark.parametrize(
    ("kind", "content"),
    [("pHYs", RESOLUTION), ("tEXt", b"Software\0Matplotlib version3.9.0, https://matplotlib.org/")],
)
def test_a_part_that_is_there_twice(tmp_path, picture, kind, content):
    once = part(kind.encode(), content)
    check(tmp_path, picture[:33] + once + picture[33:])
    with raises_naming(ValueError, kind):
        check(tmp_path, picture[:33] + once * 2 + picture[33:])


@pytest.mark.parametrize("behind", ["pixels", "rows", "fewer"])
def test_something_behind_the_pixels(tmp_path, behind):
    header = part(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    rows = bytes(20) + (TEXT if behind == "rows" else b"")
    packed = zlib.compress(rows[:10] if behind == "fewer" else rows) + (TEXT if behind == "pixels" else b"")
    content = b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", packed) + part(b"IEND", b"")
    with raises_naming(ValueError, "PNG"):
        check(tmp_path, content)


def test_a_large_one_takes_no_memory(tmp_path):
    Image.new("1", (12_000, 12_000)).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[24:26] = b"\x08\x06"  # four values for each pixel
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    with raises_naming(ValueError, "12000x12000"):
        check(tmp_path, bytes(content))


def test_other_formats_and_damaged_ones(tmp_path, picture):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a")
    Image.new("RGB", (8, 8)).save(tmp_path / "c.png", pnginfo=text)
    damaged = bytearray(picture)
    damaged[-30] ^= 1
    for content in (
        (tmp_path / "a.jpg").read_bytes(),
        picture[:60],
        TEXT,
        bytes(damaged),
        b"\x89PNG\r\n\x1a\n" + bytes(9),
    ):
        with pytest.raises(ValueError):
            check(tmp_path, content)
    with raises_naming(ValueError, "tEXt"):
        check_picture(tmp_path / "c.png")


@pytest.mark.parametrize(
    "resolution", [b"a secret!", struct.pack(">IIB", 3937, 3938, 1), struct.pack(">IIB", 9, 9, 2)]
)
def test_a_resolution_that_says_something_else(tmp_path, picture, resolution):
    check(tmp_path, picture[:33] + part(b"pHYs", RESOLUTION) + picture[33:])
    with raises_naming(ValueError, "pHYs"):
        check(tmp_path, picture[:33] + part(b"pHYs", resolution) + picture[33:])


@pytest.mark.parametrize("content", [b"", bytes(3), b"\xff" * 13], ids=len)
@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"IEND", b"pHYs"])
def test_damage_of_every_kind_is_told(tmp_path, picture, kind, content):
    with raises_naming(ValueError, "PNG"):
        check(tmp_path, picture[:8] + part(kind, content) + picture[8:33] + part(kind, content) + picture[33:])


def test_a_picture_without_pixels(tmp_path, picture):
    """PIL raises an `IndexError`."""
    with raises_naming(ValueError, "PNG"):
        check(tmp_path, picture[:33] + part(b"IEND", b""))
