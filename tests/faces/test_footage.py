"""Footage of every kind: its frames, and what is refused."""

import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from errors import raises_naming
from footages import read, times_of
from pictures import decode_all, marked_frames, save_frames
from web import serving

from logoformer_hf import VideoReadError
from logoformer_hf.faces import footage as footages
from logoformer_hf.faces.footage import Footage, MemoryFrame, camera_index

# --- pixels


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("h264.mp4", "libx264", "yuv420p"),
        ("ten_bits.mkv", "libx264", "yuv420p10le"),
        ("vp9.webm", "libvpx-vp9", "yuv420p"),
        ("animation.gif", "gif", "rgb8"),
        ("mpeg4.avi", "mpeg4", "yuv420p"),
        ("mpeg2.ts", "mpeg2video", "yuv420p"),
    ],
)
def test_frames_are_those_of_a_full_decode(name, codec, pix_fmt, tmp_path, write_video):
    path = write_video(tmp_path / name, 20, codec=codec, pix_fmt=pix_fmt)
    frames, footage = read(path)
    expected = decode_all(path)
    assert len(frames) == len(expected) == 20
    assert (footage.info.width_px, footage.info.height_px) == frames[0].size == (64, 48)
    for frame, pixels in zip(frames, expected, strict=True):
        assert np.array_equal(frame.pixels, pixels)
    assert [frame.index for frame in frames] == list(range(20))
    assert np.abs(np.diff(times_of(frames)) - 0.04).max() < 0.002 and times_of(frames)[0] == 0
    assert footage.notes == []


def test_a_reduced_frame_is_the_frame_in_small(media):
    with Footage(media / "face_frontal.mp4") as footage:
        frame = next(iter(footage))
    small = frame.reduced(320)
    assert small.shape == (180, 320, 3)
    expected = cv2.resize(frame.pixels, (320, 180), interpolation=cv2.INTER_AREA)
    assert np.array_equal(small, expected)
    assert frame.reduced(640).shape == frame.reduced(9999).shape == (360, 640, 3)
    assert frame.reduced(320) is small and frame.pixels is frame.pixels


def test_threads_may_ask_for_pixels_at_the_same_time(media):
    with Footage(media / "face_frontal.mp4") as footage:
        frames = [frame for _, frame in zip(range(32), footage, strict=False)]
        with ThreadPoolExecutor(4) as threads:
            pixels = list(threads.map(lambda frame: frame.pixels, frames))
    for frame, made in zip(frames, pixels, strict=True):
        assert np.array_equal(made, frame._converter.full(frame._frame))  # by this thread alone


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_frames_are_turned_as_the_file_says(rotation, tmp_path, write_video):
    path = write_video(tmp_path / "turned.mp4", 3, rotation=rotation)
    frames, footage = read(path)
    expected = np.rot90(decode_all(path), k=rotation // 90, axes=(1, 2))
    assert (footage.info.height_px, footage.info.width_px) == expected.shape[1:3]
    for frame, pixels in zip(frames, expected, strict=True):
        assert np.array_equal(frame.pixels, pixels)
        assert frame.reduced(32).shape[:2] == ((32, 24) if rotation % 180 else (24, 32))


# The four numbers of a display matrix that turn and mirror, and what they do to a picture.
MATRICES = {
    "as it is": ((1, 0, 0, 1), lambda pixels: pixels),
    "left to right": ((-1, 0, 0, 1), lambda pixels: pixels[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda pixels: pixels[::-1]),
    "both": ((-1, 0, 0, -1), lambda pixels: pixels[::-1, ::-1]),
    "clockwise": ((0, 1, -1, 0), lambda pixels: np.rot90(pixels, -1)),
    "anticlockwise": ((0, -1, 1, 0), lambda pixels: np.rot90(pixels)),
    "transposed": ((0, 1, 1, 0), lambda pixels: pixels.transpose(1, 0, 2)),
    "the other diagonal": ((0, -1, -1, 0), lambda pixels: np.rot90(pixels.transpose(1, 0, 2), 2)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_display_matrix_turns_and_mirrors(name, tmp_path, write_video):
    """The matrix in the track header maps (x, y), y downwards, from the stored to the shown picture."""
    (a, b, c, d), expected = MATRICES[name]
    path = write_video(tmp_path / "clip.mp4", 2)
    content = bytearray(path.read_bytes())
    unit = 0x10000
    plain = struct.pack(">9i", unit, 0, 0, 0, unit, 0, 0, 0, 0x40000000)
    header = content.index(b"tkhd")
    place = content.index(plain, header)
    content[place : place + 36] = struct.pack(">9i", a * unit, b * unit, 0, c * unit, d * unit, 0, 0, 0, 0x40000000)
    stored = decode_all(path)
    path.write_bytes(content)
    frames, _ = read(path)
    assert np.array_equal(frames[1].pixels, expected(stored[1]))


def test_wide_pixels_become_square(inputs, media):
    frames, footage = read(inputs / "anam.mp4")
    assert (footage.info.width_px, footage.info.height_px) == frames[0].size == (640, 360)
    with Footage(media / "face_frontal.mp4") as original:
        expected = next(iter(original)).pixels
    assert np.abs(frames[0].pixels.astype(int) - expected).mean() < 6
    assert frames[0].reduced(320).shape == (180, 320, 3)


@pytest.mark.parametrize(
    ("name", "num_frames", "size"),
    [
        ("covr_udta_first.mp4", 72, (640, 360)),
        ("two_video.mkv", 72, (640, 360)),
        ("latin1_title.mp4", 41, (640, 360)),
        ("vfr.mp4", 28, (160, 120)),
    ],
)
def test_odd_inputs(name, num_frames, size, inputs):
    frames, footage = read(inputs / name)
    assert len(frames) == num_frames and frames[0].size == size
    assert footage.notes == []


def test_a_picture_that_is_too_narrow_is_refused(inputs):
    with raises_naming(VideoReadError, inputs / "aspect_1x16384.gif", "1x16384"):
        Footage(inputs / "aspect_1x16384.gif")


def test_frames_keep_the_first_size(inputs):
    frames, footage = read(inputs / "reschange.webm")
    assert {frame.pixels.shape for frame in frames} == {(120, 160, 3)}
    assert {frame.reduced(80).shape for frame in frames} == {(60, 80, 3)}
    assert len(frames) == 50
    (note,) = footage.notes
    assert "25 frames" in note and "160x120" in note


# --- what is no video


def test_what_is_no_file_is_refused_in_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "self.mp4").symlink_to("self.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    for name, words in {"pipe.mp4": "pipe", "self.mp4": "link", "gone.mp4": "link"}.items():
        with raises_naming(VideoReadError, tmp_path / name, words):
            Footage(tmp_path / name)
    with raises_naming(VideoReadError, "''"):
        Footage("")


def test_a_pipe_among_frames_is_left_out(tmp_path):
    save_frames(tmp_path, marked_frames(3))
    os.mkfifo(tmp_path / "frame99.png")
    frames, footage = read(tmp_path)
    assert len(frames) == 3 and any("frame99.png" in note for note in footage.notes)


# --- folders, addresses, memory, cameras


def test_a_folder_of_frames(tmp_path):
    pictures = marked_frames(12)
    save_frames(tmp_path, pictures)
    frames, footage = read(tmp_path)
    assert np.allclose(times_of(frames), np.arange(12) / 25) and footage.info.fps == 25
    assert all(np.array_equal(frame.pixels, picture) for frame, picture in zip(frames, pictures, strict=True))
    assert any("25 frames a second" in note for note in footage.notes)
    frames, footage = read(tmp_path, fps=10)
    assert np.allclose(times_of(frames), np.arange(12) / 10)
    with raises_naming(ValueError, "fps=0"):
        Footage(tmp_path, fps=0)


def test_a_broken_frame_of_a_folder_is_left_out_and_noted(tmp_path):
    files = save_frames(tmp_path, marked_frames(6, 30, 40))
    files[2].write_bytes(b"broken")
    cv2.imwrite(str(files[4]), np.zeros((60, 80, 3), np.uint8))
    frames, footage = read(tmp_path)
    assert [round(time * 25) for time in times_of(frames)] == [0, 1, 3, 4, 5]
    assert {frame.pixels.shape for frame in frames} == {(30, 40, 3)}
    assert any("frame3.png" in note for note in footage.notes)
    assert any("1 frame" in note and "40x30" in note for note in footage.notes)


def test_pixels_in_memory():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    frame = MemoryFrame(3, 0.5, pixels)
    assert frame.pixels is pixels and frame.size == (40, 30)
    assert frame.reduced(20).shape == (15, 20, 3) and frame.reduced(40) is pixels
    for wrong in (pixels[..., :2], pixels.astype(float), pixels[0], pixels[:0]):
        with raises_naming(ValueError, "shape"):
            MemoryFrame(0, 0.0, wrong)


class Counting:
    """Finds as many faces as it was called."""

    def __init__(self):
        self.sizes: list[tuple[int, ...]] = []

    def detect(self, frame: np.ndarray) -> list:
        self.sizes.append(frame.shape)
        return [None] * len(self.sizes)


def test_a_detector_searches_a_frame_once():
    frame, one, other = MemoryFrame(0, 0.0, np.zeros((48, 64, 3), np.uint8)), Counting(), Counting()
    assert [len(frame.faces(one, side)) for side in (32, 64, 32, 64)] == [1, 2, 1, 2]
    assert one.sizes == [(24, 32, 3), (48, 64, 3)]
    assert len(frame.faces(other, 32)) == 1 and other.sizes == [(24, 32, 3)]


@pytest.mark.parametrize(("source", "expected"), [(0, 0), ("0", 0), ("12", 12), ("clip.mp4", None), ("-1", None)])
def test_what_is_a_camera(source, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with raises_naming(VideoReadError, "camera -1", "0 or more"):
        Footage(-1)
    assert camera_index(source) == expected
    Path("12").mkdir()
    assert camera_index("12") is None


class Camera:
    """A camera that is unplugged after three pictures."""

    def __init__(self, index):
        self.left, self.is_open = (3 if index == 0 else 0), index == 0

    def isOpened(self):
        return self.is_open

    def read(self):
        self.left -= 1
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[..., 0] = 200  # blue
        return (True, picture) if self.left >= 0 else (False, None)

    def get(self, name):
        return 30.0

    def release(self):
        self.is_open = False


def test_a_camera_that_is_unplugged(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    frames, footage = read("0")
    assert len(frames) == 3 and frames[0].pixels[0, 0].tolist() == [0, 0, 200]
    assert footage.info.is_live and footage.info.fps == 30
    assert times_of(frames)[0] == 0 and (np.diff(times_of(frames)) > 0).all()
    (note,) = footage.notes
    assert "camera 0" in note
    assert not footage._reader._camera.is_open


def test_a_camera_that_is_not_there_is_one_sentence():
    """Also what OpenCV and the system print themselves."""
    code = """
from logoformer_hf.faces.footage import Footage
try:
    Footage(97)
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("camera 97") and done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_memory_is_bounded_by_what_the_caller_keeps(tmp_path, write_video):
    path = write_video(tmp_path / "clip.mp4", 200)
    with Footage(path) as footage:
        iterator = iter(footage)
        first = next(iterator)
        again = [frame.index for frame in footage]
    assert first.index == 0 and again == list(range(1, 200))  # a second iteration goes on


# --- what cannot be read


def sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


BAD_FILES = {
    "missing.mp4": lambda path: None,
    "empty.mp4": lambda path: path.touch(),
    "text.mp4": lambda path: path.write_text("Dear diary"),
    "sound.mp4": sound_only,
    "folder": lambda path: path.mkdir(),
    "list.m3u8": lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nother.mkv\n#EXT-X-ENDLIST\n"),
    "list.ffconcat": lambda path: path.write_text("ffconcat version 1.0\nfile other.mkv\n"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_cannot_be_read_is_named_in_one_sentence(name, tmp_path, write_video):
    write_video(tmp_path / "other.mkv", 5)  # a playlist must not open it
    path = tmp_path / name
    BAD_FILES[name](path)
    with raises_naming(VideoReadError, path) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["amp_4M.mp4"])
def test_millions_of_packets_of_the_same_bytes_are_refused(name, inputs):
    with raises_naming(VideoReadError, name):
        Footage(inputs / name)


def test_an_address(tmp_path, write_video):
    path = write_video(tmp_path / "clip.mp4", 5)
    with serving(tmp_path) as address:
        frames, footage = read(f"{address}/clip.mp4")
        assert len(frames) == 5 and footage.info.name.endswith("/clip.mp4")
        with raises_naming(VideoReadError, "gone.mp4"):
            Footage(f"{address}/gone.mp4")
    assert np.array_equal(frames[2].pixels, decode_all(path)[2])


def test_the_names_of_the_module_are_what_others_import():
    assert set(footages.__all__) >= {"Footage", "FootageFrame", "FootageInfo", "MemoryFrame"}
