"""Pictures inside videos that cost far more than their pixels, and images under the names of videos."""

import gc
import io
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf import VideoReadError
from logoformer_hf.faces.footage import Footage
from logoformer_hf.reading_limits_logoformer import LIMITS, MAX_CHUNK_BYTES, check_packet
from logoformer_hf.video_reading_logoformer import read_clip, read_frames

PACKED = zlib.compress(bytes(MAX_CHUNK_BYTES + 1), 9)
# As the chunks begin: a keyword, and the method; a text with languages has two more.
CHUNKS = {b"zTXt": b"k\0\0", b"iCCP": b"k\0\0", b"iTXt": b"k\0\1\0en\0k\0"}


def first(count: int) -> range:
    return range(1)


def png_with(kind: bytes, data: bytes) -> bytes:
    """A PNG with another chunk behind its header."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, "PNG")
    chunk = len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    return file.getvalue()[:33] + chunk + file.getvalue()[33:]


def jpeg_with_scans(number: int, side_px: int = 16) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    file = io.BytesIO()
    Image.new("RGB", (side_px, side_px), "red").save(file, "JPEG", progressive=True)
    content = file.getvalue()
    scan = content[content.rfind(b"\xff\xc4", 0, content.rfind(b"\xff\xda")) : -2]
    return content[:-2] + scan * number + content[-2:]


def write_packets(path: Path, tag: bytes, *packets: bytes) -> Path:
    """An AVI with these packets."""

    def part(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)

    header = struct.pack("<14I", 40_000, 0, 0, 0x10, len(packets), 0, 1, 0, 16, 16, 0, 0, 0, 0)
    stream = b"vids" + tag + struct.pack("<10I2I", 0, 0, 0, 1, 25, 0, len(packets), 0, 0, 0, 0, 0)
    format = struct.pack("<IiiHH4s5I", 40, 16, 16, 1, 24, tag, 768, 0, 0, 0, 0)
    lists = part(b"LIST", b"strl" + part(b"strh", stream) + part(b"strf", format))
    content = part(b"LIST", b"hdrl" + part(b"avih", header) + lists)
    content += part(b"LIST", b"movi" + b"".join(part(b"00dc", packet) for packet in packets))
    path.write_bytes(part(b"RIFF", b"AVI " + content))
    return path


@pytest.mark.parametrize("kind", sorted(CHUNKS))
def test_a_png_in_a_video_may_not_unpack_to_more_than_a_limit(kind, tmp_path):
    small = png_with(kind, CHUNKS[kind] + zlib.compress(b"a text"))
    path = write_packets(tmp_path / "read.avi", b"MPNG", small, small)
    assert read_frames(path, first)[0].shape == (1, 16, 16, 3)
    large = png_with(kind, CHUNKS[kind] + PACKED)
    for packets in ([large], [small, large]):
        path = write_packets(tmp_path / "refused.avi", b"MPNG", *packets)
        with raises_naming(VideoReadError, path, "8 MB"):
            read_frames(path, lambda count: range(count))
        with raises_naming(VideoReadError, path, "8 MB"), Footage(path) as footage:
            list(footage)


def test_a_colour_profile_with_a_name_does_not_crash_python(tmp_path):
    """PyAV frees the name twice where side data is asked for."""
    picture = png_with(b"iCCP", b"a name\0\0" + zlib.compress(b"a profile"))
    path = write_packets(tmp_path / "clip.avi", b"MPNG", picture, picture)
    for _ in range(20):
        assert len(read_frames(path, lambda count: range(count))[0]) == 2
        with Footage(path) as footage:
            assert len(list(footage)) == 2
        gc.collect()


def test_a_packet_with_thousands_of_parts_is_refused_at_once():
    many = b"".join(png_with(b"zTXt", b"k\0\0" + zlib.compress(b"a")) for _ in range(1_100))
    with raises_naming(VideoReadError, "clip.mov"):
        check_packet("clip.mov", "png", many)


def test_a_jpeg_in_a_video_may_not_have_thousands_of_scans(tmp_path):
    path = write_packets(tmp_path / "read.avi", b"MJPG", jpeg_with_scans(5))
    assert read_frames(path, first)[0].shape == (1, 16, 16, 3)
    path = write_packets(tmp_path / "refused.avi", b"MJPG", jpeg_with_scans(200))
    with raises_naming(VideoReadError, path, "scans"):
        read_frames(path, first)


def test_a_large_jpeg_may_have_fewer_scans(monkeypatch):
    content = jpeg_with_scans(80, side_px=64)
    read_clip([content], first)
    monkeypatch.setattr(LIMITS, "max_decoded_pixels", 80 * 64 * 64)
    with raises_naming(VideoReadError, "scans"):
        read_clip([content], first)


def test_covers_are_not_decoded(tmp_path, write_video):
    face = write_video(tmp_path / "face.mp4", 8)
    picture = write_video(tmp_path / "picture.mov", 1, codec="mjpeg", pix_fmt="yuvj420p")
    path = tmp_path / "cover.mp4"
    with av.open(str(face)) as video, av.open(str(picture)) as cover, av.open(str(path), "w") as target:
        sources = [each.streams.video[0] for each in (video, cover)]
        streams = [target.add_stream_from_template(source) for source in sources]
        streams[1].disposition = av.stream.Disposition.attached_pic.value
        for source, stream in zip(sources, streams, strict=True):
            for packet in source.container.demux(source):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    frames, metadata = read_frames(path, lambda count: range(count))
    assert len(frames) == metadata.total_num_frames == 8


@pytest.mark.parametrize("name", ["clip.mp4", "clip", "clip.PNG"])
def test_an_image_is_read_alike_under_every_name(name, tmp_path):
    values = np.arange(256, dtype=np.uint16).repeat(16).reshape(64, 64) * 257
    for format, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        path = tmp_path / name
        image = Image.fromarray(values) if format != "WEBP" else Image.fromarray((values >> 8).astype(np.uint8))
        image.save(path, format, **options)
        expected = (values >> 8).astype(np.uint8)[..., None].repeat(3, axis=2)
        assert np.array_equal(read_frames(path, first)[0][0], expected)
        assert np.array_equal(read_clip(path.read_bytes(), first)[0][0], expected)
        with Footage(path) as footage:
            assert np.array_equal(next(iter(footage)).pixels, expected)


def test_a_tiff_without_a_known_range_says_so_under_every_name(tmp_path):
    path = tmp_path / "depth.tif"
    Image.fromarray(np.ones((16, 16), np.float32)).save(path)
    for read in (lambda: read_frames(path, first), lambda: Footage(path)):
        with raises_naming(VideoReadError, path, "floating-point"):
            read()


@pytest.mark.parametrize("where", ["file", "bytes", "frame", "footage"])
def test_a_small_jpeg_2000_may_not_promise_many_pixels(where, tmp_path):
    path = tmp_path / "large.jp2"
    Image.new("RGB", (5_000, 5_000)).save(path)
    with raises_naming(VideoReadError, "5000x5000", "bytes"):
        {
            "file": lambda: read_frames(path, first),
            "bytes": lambda: read_clip(path.read_bytes(), first),
            "frame": lambda: read_clip([path], first),
            "footage": lambda: Footage(path),
        }[where]()


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_a_small_animation_may_not_promise_large_pictures(format, tmp_path, monkeypatch):
    path = tmp_path / f"clip.{format.lower()}"
    images = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (10, 20)]
    images[0].save(path, format, save_all=True, append_images=images[1:], duration=40)
    assert read_frames(path, first)[0].shape == (1, 64, 64, 3)
    monkeypatch.setattr(LIMITS, "max_frame_bytes", 64 * 64 * 4 - 1)
    for read in (lambda: read_frames(path, first), lambda: Footage(path)):
        with raises_naming(VideoReadError, path, "64x64"):
            read()
