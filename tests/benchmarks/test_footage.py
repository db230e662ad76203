"""The benchmark of reading footage, and the memory that long footage takes."""

import sys

import pytest

from logoformer_hf.benchmarks import footage
from logoformer_hf.faces.footage import Footage


@pytest.fixture
def video(write_video, tmp_path):
    """50 frames at 25 a second."""
    return write_video(tmp_path / "short.mp4", 50, size=(64, 64))


def times_of(path):
    with Footage(path) as frames:
        return [frame.time_sec for frame in frames]


def test_a_repeated_video_goes_on_evenly(video, tmp_path):
    times = times_of(footage.loop_video(video, tmp_path / "long.mp4", 5.0))
    assert len(times) == 150
    assert times == pytest.approx([number / 25 for number in range(150)], abs=1e-3)


def test_a_small_video_has_ten_frames_a_second(video, tmp_path):
    small = footage.shrink_video(video, tmp_path / "small.mp4", seconds=4.0)
    assert times_of(small) == pytest.approx([number / 10 for number in range(40)], abs=1e-3)
    with Footage(small) as frames:
        assert (frames.info.width_px, frames.info.height_px) == footage.LONG_SIZE


def test_a_stage_inside_another_counts_once(monkeypatch):
    clock = iter([0.0, 1.0, 3.0, 7.0])
    monkeypatch.setattr(footage.time, "perf_counter", lambda: next(clock))
    watch = footage.Stopwatch("cpu")
    with watch.stage("outer"), watch.stage("inner"):
        pass
    assert watch.seconds == {"outer": 1.0 + 4.0, "inner": 2.0}


def test_the_program_prints_stages_speed_and_gain(video, monkeypatch, capsys):
    monkeypatch.setattr(footage, "print_reuse", lambda times, frames: print("gain", frames, sorted(times)))
    options = "--detector none --model tiny --seconds 3 --rounds 1 --reuse_rounds 1"
    monkeypatch.setattr(sys, "argv", ["footage", "--video", str(video), *options.split()])
    footage.main()
    printed = capsys.readouterr().out
    assert all(stage in printed for stage in footage.STAGES)
    assert "frames a second" in printed and "gain 16 ['encode', 'transformer', 'whole']" in printed


def test_the_bound_is_that_of_its_formula(capsys):
    footage.print_reuse({"encode": [1.0], "transformer": [2.0], "whole": [6.0]}, 16)
    printed = capsys.readouterr().out
    assert "2.00" in printed and f"{(8 + 2) / (1 + 2):.2f}" in printed


def test_what_was_patched_is_put_back(video):
    before = footage.FrameConverter.full
    recognizer = footage.ExpressionRecognizer(
        *footage.new_model("tiny", ["a", "b"])[:2], detector="none", device="cpu"
    )
    seconds = footage.stage_seconds(recognizer, video, "cpu")
    assert set(seconds) == set(footage.STAGES) and seconds["encode"] > 0 and seconds["decode"] > 0
    assert footage.FrameConverter.full is before and "encode" not in vars(recognizer.model)


@pytest.mark.slow
def test_two_hours_take_the_memory_of_two_minutes(media, detector_file, tmp_path):
    minute = footage.shrink_video(media / "face_frontal.mp4", tmp_path / "minute.mp4")
    memory_mb = {}
    for seconds in footage.LENGTHS_SEC:
        video = footage.loop_video(minute, tmp_path / f"{seconds}.mp4", seconds)
        result = footage.read_in_process(video, str(detector_file))
        assert result["windows"] > 3.9 * seconds
        memory_mb[seconds] = result["memory_mb"]
    assert memory_mb[7200] - memory_mb[120] < 50
