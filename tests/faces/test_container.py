"""Video files: the times of their frames, and what is noted of damage."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from errors import check_named
from footages import read, times_of

from logoformer_hf.faces.container import sentence
from logoformer_hf.faces.footage import Footage

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
