"""What headers promise, what a clip may cost, and what files of a few bytes cost then."""

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from errors import raises_naming
from PIL import Image
from processes import TIMEOUT_SEC, environment_with

from logoformer_hf import VideoReadError
from logoformer_hf import reading_limits_logoformer as limits
from logoformer_hf import video_container_logoformer as video_container
from logoformer_hf.faces.footage import Footage
from logoformer_hf.image_reading_logoformer import ORIENTATION_TAG, decode_image
from logoformer_hf.reading_limits_logoformer import file_content, has_orientation
from logoformer_hf.video_reading_logoformer import read_clip, read_frames

LIMITS = limits.LIMITS


# --- headers


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "BMP", "JPEG"])
def test_the_size_of_a_picture_by_its_header(format):
    for size in ((1, 1), (300, 7), (33, 1000)):
        file = io.BytesIO()
        Image.new("RGB", size).save(file, format)
        assert limits.picture_size(file) == size
        for length in range(0, 30, 3):  # a header that breaks off is no error
            limits.picture_size(io.BytesIO(file.getvalue()[:length]))


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0" + bytes(8)}, {"save_all": True}])
def test_the_size_of_a_webp_of_each_kind(options):
    file = io.BytesIO()
    Image.new("RGBA", (300, 7), (1, 2, 3, 4)).save(file, "WEBP", **options)
    assert limits.picture_size(file) == (300, 7)


def test_the_size_of_a_jpeg_behind_other_segments():
    file = io.BytesIO()
    Image.new("RGB", (300, 7)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content  # has a size of its own
    assert limits.picture_size(io.BytesIO(content[:2] + thumbnail + b"\xff\xff" + content[3:])) == (300, 7)
    assert limits.picture_size(io.BytesIO(b"\xff\xd8\xff\xda" + bytes(20))) is None


def box(kind: bytes, *content: bytes) -> bytes:
    inner = b"".join(content)
    return struct.pack(">I4s", 8 + len(inner), kind) + inner


def full_box(kind: bytes, *numbers: int) -> bytes:
    return box(kind, bytes(4), b"".join(struct.pack(">I", number) for number in numbers))


def track(samples: int, handler: bytes = b"vide", ticks: int = 512, edits: int = 0) -> bytes:
    table = box(b"stbl", full_box(b"stts", 1, samples, ticks), full_box(b"stsz", 0, samples))
    kind = box(b"hdlr", bytes(8), handler, bytes(12))
    edit_list = box(b"edts", full_box(b"elst", edits, *[1, 0, 1] * edits)) if edits else b""
    return box(b"trak", edit_list, box(b"mdia", kind, box(b"minf", table)))


def index_entries(content: bytes) -> int:
    return limits.mp4_index_entries(io.BytesIO(content), len(content))


def test_the_index_that_an_mp4_promises():
    head = box(b"ftyp", b"isom", bytes(4))
    assert index_entries(head + box(b"moov", track(72), track(100, b"soun"))) == 172
    assert index_entries(head + box(b"moov", track(4_000_000))) == 4_000_000
    # Uncompressed sound has no entry for each sample; who calls a video so gets no discount.
    assert index_entries(box(b"moov", track(48_000 * 600, b"soun", ticks=1))) == 48_000 * 600 // 1024
    assert index_entries(box(b"moov", track(1_000_000, ticks=1))) == 1_000_000
    # Each entry of an edit list may show all samples once more.
    assert index_entries(box(b"moov", track(1000, edits=30))) == 30_000
    fragment = box(b"moof", box(b"traf", full_box(b"trun", 3_000_000)))
    assert index_entries(head + box(b"moov", track(0)) + fragment * 2) == 6_000_000
    packed = zlib.compress(box(b"moov", track(5_000_000)))
    assert index_entries(box(b"moov", box(b"cmov", box(b"cmvd", bytes(4), packed)))) == 5_000_000


@pytest.mark.parametrize("content", [b"", b"ftyp", b"RIFF" + bytes(60), b"\0\0\0\1moov\xff", b"\0" * 100])
def test_what_is_no_mp4_promises_nothing(content):
    assert index_entries(content) == 0


def test_a_box_that_holds_itself_ends(write_video, tmp_path):
    deep = b""
    for _ in range(100):
        deep = box(b"moov", deep)
    assert index_entries(deep) == 0
    ordinary = write_video(tmp_path / "clip.mp4", 30)
    assert index_entries(ordinary.read_bytes()) == 30


# --- limits


def test_an_environment_variable_changes_a_limit(monkeypatch):
    assert limits.ReadingLimits.from_environment() == limits.ReadingLimits()
    monkeypatch.setenv("LOGOFORMER_MAX_SIDE_PX", "512")
    assert limits.ReadingLimits.from_environment() == limits.ReadingLimits(max_side_px=512)
    for wrong in ("", "0", "-1", "1e9", "many", "²"):
        monkeypatch.setenv("LOGOFORMER_MAX_SIDE_PX", wrong)
        with raises_naming(ValueError, "LOGOFORMER_MAX_SIDE_PX", repr(wrong)):
            limits.ReadingLimits.from_environment()


def test_frames_above_the_size_are_shrunk_and_all_others_keep_their_pixels(write_video, tmp_path, monkeypatch):
    clip = write_video(tmp_path / "clip.mp4", 5, size=(128, 96))
    full = read_frames(clip, range)[0]
    monkeypatch.setattr(LIMITS, "max_side_px", 128)
    assert np.array_equal(read_frames(clip, range)[0], full)
    monkeypatch.setattr(LIMITS, "max_side_px", 64)
    small = read_frames(clip, range)[0]
    assert small.shape == (5, 48, 64, 3)
    averaged = full.reshape(5, 48, 2, 64, 2, 3).mean(axis=(2, 4))
    assert np.abs(small - averaged).mean() < 16  # noise, of which wrong pixels differ by 80
    with Footage(clip) as footage:
        assert (footage.info.width_px, footage.info.height_px) == (64, 48)
        assert np.abs(next(iter(footage)).pixels - averaged[0]).mean() < 16


def test_a_rotated_video_above_the_size_stays_upright(write_video, tmp_path, monkeypatch):
    clip = write_video(tmp_path / "clip.mp4", 2, size=(128, 96), rotation=90)
    monkeypatch.setattr(LIMITS, "max_side_px", 64)
    assert read_frames(clip, range)[0].shape == (2, 64, 48, 3)


def test_pictures_too_large_or_too_narrow_are_refused_by_their_size(tmp_path, monkeypatch):
    narrow = tmp_path / "narrow.gif"
    Image.new("P", (4, 132)).save(narrow)
    for read in (lambda: read_clip(narrow, range), lambda: Footage(narrow)):
        with raises_naming(VideoReadError, narrow, "4x132", "32"):
            read()
    monkeypatch.setattr(LIMITS, "max_aspect_ratio", 33)
    read_clip(narrow, range)
    monkeypatch.setattr(LIMITS, "max_pixels", 527)
    with raises_naming(VideoReadError, narrow, "4x132", "527"):
        read_clip(narrow, range)


def test_a_video_of_large_frames_is_refused(write_video, tmp_path, monkeypatch):
    clip = write_video(tmp_path / "clip.mp4", 3, size=(128, 96))
    monkeypatch.setattr(LIMITS, "max_pixels", 128 * 96 - 1)
    for read in (lambda: read_clip(clip, range), lambda: Footage(clip)):
        with raises_naming(VideoReadError, clip, "128x96"):
            read()


def test_a_picture_has_one_limit_whichever_way_it_comes(tmp_path, monkeypatch):
    picture, video = tmp_path / "picture.webp", tmp_path / "clip"
    Image.new("RGB", (100, 80)).save(picture)
    video.write_bytes(picture.read_bytes())
    clips = {picture: picture, video: video, "embedded frame 0": [picture.read_bytes()]}
    monkeypatch.setattr(LIMITS, "max_frame_bytes", 1)  # is for videos alone
    monkeypatch.setattr(LIMITS, "max_pixels", 8000)
    for clip in clips.values():
        read_clip(clip, range)
    monkeypatch.setattr(LIMITS, "max_pixels", 7999)
    for name, clip in clips.items():
        with raises_naming(VideoReadError, f"{name}: its pictures have 100x80 pixels, more than the 7,999 that are"):
            read_clip(clip, range)


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv"])
def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(tmp_path, monkeypatch, name):
    clip = tmp_path / name
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(128, 96, "yuv420p")))
        container.mux(stream.encode())
    monkeypatch.setattr(LIMITS, "max_pixels", 128 * 96)
    assert read_clip(clip, range)[0].shape == (1, 96, 128, 3)
    monkeypatch.setattr(LIMITS, "max_pixels", 64 * 96)
    monkeypatch.setattr(video_container.FrameDecoder, "_decode", lambda *packet: pytest.fail("decoded"))
    for read in (lambda: read_clip(clip, range), lambda: Footage(clip)):
        with raises_naming(VideoReadError, clip, "pixels", "6,144"):
            read()


def test_a_small_file_may_not_promise_frames_of_many_bytes(write_video, tmp_path, monkeypatch):
    clip = write_video(tmp_path / "clip.mp4", 3, size=(128, 96))
    monkeypatch.setattr(LIMITS, "max_frame_bytes", 128 * 96 * 3 // 2)
    read_clip(clip, range)
    monkeypatch.setattr(LIMITS, "max_frame_bytes", 128 * 96 * 3 // 2 - 1)
    for read in (lambda: read_clip(clip, range), lambda: Footage(clip)):
        with raises_naming(VideoReadError, clip, "128x96", "18,432", "18,431", f"{clip.stat().st_size:,}"):
            read()
    clip.write_bytes(clip.read_bytes() + box(b"free", bytes(1_000_000)))
    read_clip(clip, range)


def test_decoding_has_a_limit_that_grows_with_the_file(write_video, tmp_path, monkeypatch):
    clip = write_video(tmp_path / "clip.mp4", 40, g="250")
    monkeypatch.setattr(LIMITS, "max_decoded_pixels", 64 * 48 * 30)
    read_clip(clip, lambda count: [0, 29])
    with raises_naming(VideoReadError, clip, f"{64 * 48 * 30:,}", f"{clip.stat().st_size:,}"):
        read_clip(clip, lambda count: [0, 39])
    large = tmp_path / "large.mp4"
    large.write_bytes(clip.read_bytes() + box(b"free", bytes(1_000_000)))
    read_clip(large, lambda count: [0, 39])


def test_packets_may_not_have_more_bytes_than_the_file():
    budget = limits.ReadingBudget(SimpleNamespace(name="clip.mp4", size=1_000_000))
    for _ in range(5):
        budget.take_packet(10**6)
    with raises_naming(VideoReadError, "clip.mp4", "1,000,000"):
        budget.take_packet(1)


def test_the_number_of_frames_and_the_time_have_limits(write_video, tmp_path, monkeypatch):
    clip = write_video(tmp_path / "clip.mp4", 12)
    monkeypatch.setattr(LIMITS, "max_frames", 11)
    with raises_naming(VideoReadError, clip, "11 frames"):
        read_clip(clip, range)
    monkeypatch.setattr(LIMITS, "max_frames", 20)
    monkeypatch.setattr(LIMITS, "max_reading_sec", 0)
    with raises_naming(VideoReadError, clip, "0 seconds"):
        read_clip(clip, range)


# --- what files of a few bytes cost

# Reads each file in a process of its own, forked from one that has all imports, and prints what it took.
MEASURE = """
import json, os, resource, sys
from logoformer_hf import LogoFormerVideoProcessor, VideoReadError
from logoformer_hf.faces.footage import Footage

def read(path):
    shape = LogoFormerVideoProcessor()(path, return_tensors="pt")["pixel_values"].shape
    assert tuple(shape) == (1, 16, 3, 112, 112), shape

def take_frames(path):
    with Footage(path) as footage:
        for frame, _ in zip(footage, range(16)):
            frame.pixels

def cost(act, path):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act(path)
            said = "read"
        except VideoReadError as error:
            said = str(error)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    _, status, usage = os.wait4(pid, 0)
    os.close(writing)
    said = os.read(reading, 10_000).decode()
    return {"said": said, "status": status, "mb": usage.ru_maxrss / 1000, "sec": usage.ru_utime + usage.ru_stime}

nothing = cost(lambda path: None, "")["mb"]
answers = []
for path in sys.argv[1:]:
    for act in (read, take_frames):
        taken = cost(act, path)
        more_mb = taken["mb"] - nothing
        answers.append([path, act.__name__, taken["said"], taken["status"], more_mb, taken["mb"], taken["sec"]])
print(json.dumps(answers))
"""
MAX_MB = 600


def costs(*files: Path) -> list:
    finished = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, files)],
        env=environment_with(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SEC,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return json.loads(finished.stdout.splitlines()[-1])


def gif_of(width: int, height: int, num_frames: int = 1) -> bytes:
    """A GIF whose frames have one pixel each, on a canvas of any size."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * num_frames + b"\x3b"


@pytest.fixture(scope="module")
def small_bombs(tmp_path_factory) -> list[Path]:
    """Files of a few bytes that ask for much."""
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "narrow.gif").write_bytes(gif_of(1, 16384))
    (folder / "square.gif").write_bytes(gif_of(4000, 4000, num_frames=20))
    (folder / "huge.gif").write_bytes(gif_of(65535, 65535))
    (folder / "long.gif").write_bytes(gif_of(4000, 4000, num_frames=30_000))
    moov = box(b"moov", full_box(b"mvhd", *[0] * 24), track(20_000_000))
    (folder / "index.mp4").write_bytes(box(b"ftyp", b"isom", bytes(4)) + moov + box(b"mdat", bytes(50_000)))
    for name, size in (("large.png", (6000, 6000)), ("large.webp", (8000, 6000)), ("long.jpg", (6001, 8001))):
        Image.new("L" if name.endswith("png") else "RGB", size).save(folder / name)
    with av.open(str(folder / "square.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "30"})
        stream.width = stream.height = 4096
        stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame(4096, 4096, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes(plane.buffer_size))
        for number in range(20):
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return sorted(folder.iterdir())


@pytest.mark.slow
def test_no_file_of_under_a_megabyte_takes_gigabytes(small_bombs):
    for path, act, said, status, more_mb, _, _ in costs(*small_bombs):
        assert status == 0 and (said == "read" or said.startswith(f"{path}: ")), (path, act, said)
        assert more_mb < MAX_MB, (path, act, said, more_mb)


@pytest.mark.slow
def test_no_input_that_is_known_to_take_gigabytes_does(inputs):
    files = [file for file in sorted(inputs.iterdir()) if file.suffix != ".md"]
    for path, act, said, status, more_mb, _, _ in costs(*files):
        assert status == 0 and (said == "read" or said.startswith(f"{path}: ")), (path, act, said)
        assert more_mb < MAX_MB, (path, act, said, more_mb)


# --- files


def test_the_content_of_a_file_is_read_to_its_end(tmp_path):
    for size in (0, 1, 100_000):
        (tmp_path / "file").write_bytes(bytes(size))
        assert file_content(str(tmp_path / "file")) == bytes(size)
    if Path("/proc/self/cmdline").is_file():  # the system says that it is empty
        assert file_content("/proc/self/cmdline") == Path("/proc/self/cmdline").read_bytes() != b""


def test_what_grows_or_is_read_in_parts(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"0123456789")
    read = os.read
    monkeypatch.setattr(limits.os, "read", lambda file, size: read(file, 3))
    assert file_content(str(tmp_path / "file")) == b"0123456789"


SOS = b"\xff\xda"  # as the pixels of a JPEG begin


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"\xff\xfe\0\x0c" + SOS + b" comment",  # its length counts itself
        b"\xff\xe5\0\x0a" + 4 * SOS,
        b"\xff\xed\0\x06" + 2 * SOS,
        b"\xff\xff\xff",
    ],
)
def test_an_orientation_is_seen_whatever_stands_before_it(before):
    image = Image.new("RGB", (32, 16))
    image.paste((255, 255, 255), (0, 0, 16, 16))
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6  # a quarter turn
    content = io.BytesIO()
    image.save(content, "JPEG", exif=exif)
    head, rest = content.getvalue()[:2], content.getvalue()[2:]
    pixels = decode_image(head + before + rest, "turned.jpg")
    assert pixels.shape == (32, 16, 3)
    assert pixels[:12].min() > 200
    assert pixels[20:].max() < 50


def test_names_of_orientation_in_other_parts_of_a_jpeg_are_none():
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "JPEG", comment=b"Exif\0\0 http://ns.adobe.com/xap/")
    assert not has_orientation(content.getvalue())
    assert not has_orientation(content.getvalue() + b"Exif\0\0")  # behind the pixels
