"""Footage of every kind: frames, times, notes, and what is refused."""

import os
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from errors import check_named, raises_naming
from pictures import decode_all, marked_frames, save_frames
from web import serving

from logoformer_hf import VideoReadError
from logoformer_hf.faces import footage as footages
from logoformer_hf.faces.container import sentence
from logoformer_hf.faces.footage import Footage, FootageFrame, MemoryFrame, camera_index


def read(source, **options) -> tuple[list[FootageFrame], Footage]:
    with Footage(source, **options) as footage:
        return list(footage), footage


def times_of(frames) -> list[float]:
    return [frame.time_sec for frame in frames]


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


# --- times


@pytest.mark.parametrize("name", ["face_frontal.mp4", "face_far.mkv", "no_face.mp4", "two_faces.gif"])
def test_times_of_real_clips_are_those_of_the_container(name, media):
    frames, footage = read(media / name)
    with av.open(str(media / name)) as container:
        expected = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
        start = container.start_time / av.time_base
    assert np.allclose(np.array(times_of(frames)) + footage.info.start_sec, expected, atol=1e-6)
    assert footage.info.start_sec == start
    assert 0 <= times_of(frames)[0] < 0.02


def write_timed(path: Path, pts: list[int], rate: int = 1000, audio_sec: float = 0.0, **options) -> Path:
    """A video with a frame at each of these times (ms), and sound from time 0."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, rate)
        if audio_sec:
            sound = container.add_stream("aac", rate=16000)
            sound.layout = "mono"
            for number in range(int(audio_sec * 16000 / 1024)):
                block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = 16000, 1024 * number, Fraction(1, 16000)
                container.mux(sound.encode(block))
            container.mux(sound.encode())
        for number, place in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 9 % 256, np.uint8), format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_variable_rate(suffix, tmp_path):
    pts = [0, 40, 80, 300, 310, 900, 2000]
    frames, _ = read(write_timed(tmp_path / f"clip.{suffix}", pts))
    assert np.allclose(times_of(frames), np.array(pts) / 1000, atol=0.002)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_a_picture_that_begins_after_the_sound(suffix, tmp_path):
    path = write_timed(tmp_path / f"clip.{suffix}", list(range(600, 1600, 40)), audio_sec=2.0)
    frames, _ = read(path)
    assert abs(times_of(frames)[0] - 0.6) < 0.07  # the sound's encoder begins up to 1024 samples before 0
    assert np.allclose(np.diff(times_of(frames)), 0.04, atol=0.002)


def test_a_presentation_that_begins_later_begins_at_zero(tmp_path):
    frames, footage = read(write_timed(tmp_path / "clip.mkv", list(range(5000, 6000, 40))))
    assert times_of(frames)[0] == 0 and abs(footage.info.start_sec - 5) < 0.001


def test_without_times_the_average_rate_counts(tmp_path, write_video):
    path = write_video(tmp_path / "raw.h264", 20, container_format="h264", bf="2")
    frames, _ = read(path)
    assert len(frames) == 20 and times_of(frames)[0] == 0
    assert (np.diff(times_of(frames)) > 0).all() and np.allclose(np.diff(times_of(frames)), 0.04, atol=0.021)


class WithTimes:
    """A decoded frame with another presentation time."""

    def __init__(self, frame, pts):
        self._frame, self.pts, self.dts = frame, pts, None

    def __getattr__(self, name):
        return getattr(self._frame, name)


@pytest.mark.parametrize(
    ("pts_ms", "expected_sec", "word"),
    [
        ([0, 40, 20, 80], [0, 0.04, 0.08], "1 frame"),  # out of order
        ([0, 40, 40, 80], [0, 0.04, 0.08], "1 frame"),  # twice
        ([0, 40, None, 120], [0, 0.04, 0.08, 0.12], "without a usable time"),
        ([90000, 90040, 0, 40], [90, 90.04, 90.08, 90.12], "without a usable time"),  # files that were joined
        ([None, None, None], [0, 0.04, 0.08], "3 frames"),
    ],
)
def test_times_that_go_back_or_are_missing(pts_ms, expected_sec, word, tmp_path, monkeypatch):
    path = write_timed(tmp_path / "clip.mkv", [40 * number for number in range(len(pts_ms))])
    with Footage(path) as footage:
        container = footage._reader._container
        decoded = [container._first, *container._decoded]
        changed = [WithTimes(frame, pts) for frame, pts in zip(decoded, pts_ms, strict=True)]
        container._first, container._decoded, container._base, container.fps = changed[0], iter(changed[1:]), 0.001, 25
        frames = list(footage)
    assert np.allclose(times_of(frames), expected_sec)
    assert any(word in note for note in footage.notes)


# --- damage


def test_a_header_that_promises_more_is_noted(media):
    frames, footage = read(media / "no_face.mp4")
    (note,) = footage.notes
    assert len(frames) == 95 and "98" in note and "95" in note


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_truncated_files_are_read_as_far_as_they_go(suffix, tmp_path, write_video):
    options = {} if suffix != "mp4" else {"movflags": "faststart"}
    path = tmp_path / f"half.{suffix}"
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for pixels in np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    whole, complete = read(path)
    assert len(whole) == 60 and complete.notes == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, footage = read(path)
    assert 15 < len(frames) < 45
    assert np.array_equal(frames[3].pixels, whole[3].pixels)
    if suffix != "ts":  # a stream that promises nothing
        assert footage.notes


def test_packets_that_do_not_decode_are_skipped_and_noted_each_time_alike(tmp_path, write_video):
    path = write_video(tmp_path / "clip.mkv", 60, codec="libx264", g="10", size=(128, 96))
    content = bytearray(path.read_bytes())
    damage = np.random.default_rng(0).integers(0, 256, 2000, dtype=np.uint8).tobytes()
    middle = len(content) // 2
    content[middle : middle + len(damage)] = damage
    path.write_bytes(content)
    (first, footage), (second, _) = read(path), read(path)
    assert 30 < len(first) <= 60 and footage.notes
    assert times_of(first) == times_of(second)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("audio_sec", [0.0, 3.0])
@pytest.mark.parametrize("num_lost", [4, 8])
def test_an_end_that_is_lost_is_noted_however_short(num_lost, audio_sec, tmp_path):
    path = write_timed(tmp_path / "clip.mkv", list(range(0, 2400, 40)), audio_sec=audio_sec)
    whole, complete = read(path)
    assert len(whole) == 60 and complete.notes == []  # also where the sound is longer
    with av.open(str(path)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: places[-num_lost]])
    frames, footage = read(path)
    assert 60 - num_lost - 2 <= len(frames) <= 60 - num_lost
    check_named(" ".join(footage.notes), f"{times_of(frames)[-1]:.2f} s")


def test_sound_that_is_longer_is_no_early_end_of_the_picture(tmp_path):
    path = tmp_path / "clip.flv"
    with av.open(str(path), "w") as container:
        stream, sound = container.add_stream("flv", rate=25), container.add_stream("aac", rate=44100)
        stream.width, stream.height, stream.pix_fmt, sound.layout = 64, 48, "yuv420p", "mono"
        for number in range(58):  # 1.35 s
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = 44100, 1024 * number, Fraction(1, 44100)
            container.mux(sound.encode(block))
        for _ in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux([*sound.encode(), *stream.encode()])
    frames, footage = read(path)
    assert len(frames) == 25 and footage.notes == []


def test_an_intact_file_that_begins_later_ends_where_it_should(tmp_path):
    assert read(write_timed(tmp_path / "clip.mkv", list(range(5000, 6000, 40))))[1].notes == []


@pytest.mark.parametrize(
    ("number", "verbs"), [(1, "1 frame is damaged and was"), (2, "2 frames are damaged and were")]
)
def test_notes_are_in_the_singular_or_plural(number, verbs):
    assert sentence(number, "frame", "{is_} damaged and {was} left out") == f"{verbs} left out."


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
