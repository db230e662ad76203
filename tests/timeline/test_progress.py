"""Progress in seconds of video."""

import os
import select
import sys

import pytest
from processes import TIMEOUT_SEC

from logoformer_hf.timeline.progress import Progress, Throttle


@pytest.fixture
def shown(capsys):
    return lambda: capsys.readouterr().err.split("\r")


def test_seconds_speed_and_time_left(shown):
    progress = Progress(1, 40.0, is_shown=True)
    progress.report("a.mp4")(10.0, False)
    progress.done("a.mp4", 40.0)
    progress.close()
    [last] = shown()[-1:]
    assert "10/10 s" in last and "times real time" in last and "left" in last


def test_the_count_of_several_videos(shown):
    progress = Progress(2, 20.0, is_shown=True)
    progress.report("a.mp4")(10.0, False)
    progress.done("a.mp4", 10.0)
    progress.close()
    assert "1/2" in shown()[-1]


def test_an_unknown_length_has_no_end(shown):
    progress = Progress(1, None, is_shown=True)
    progress.report("camera-0")(75.0, False)
    progress.close()  # without `done`, the name of the video stays
    [last] = shown()[-1:]
    assert "camera-0" in last and "75 s" in last and "%" not in last


def test_a_video_that_is_longer_than_it_says_stays_below_all(shown):
    progress = Progress(1, 1.0, is_shown=True)
    progress.report("a.mp4")(30.0, False)
    progress.close()
    assert "100%" in shown()[-1]


def test_what_was_read_before_is_no_speed(shown):
    progress = Progress(1, 1000.0, is_shown=True)
    report = progress.report("a.mp4")
    report(900.0, True)
    assert any("a.mp4: goes on at 900 s" in line for line in shown())
    report(901.0, False)
    values = progress._bar.format_dict
    assert values["n"] == 901.0 and float(values["speed"]) * values["elapsed"] < 1.5
    progress.close()


def test_times_that_go_back_are_not_counted():
    progress = Progress(1, 10.0, is_shown=True)
    report = progress.report("a.mp4")
    report(5.0, False)
    report(4.0, False)
    progress.report("a.mp4")(6.0, False)
    assert progress._bar.n == 6.0
    progress.close()


def test_what_is_made_of_a_video_stands_beside_the_bar(shown):
    progress = Progress(1, 10.0, is_shown=True)
    report = progress.report("a.mp4")
    report(10.0, False)
    report(4.0, False, "overlay")
    assert "a.mp4: overlay at 4 s" in shown()[-1] and progress._bar.n == 10.0
    progress.close()


def test_a_terminal_without_a_size_has_a_bar(monkeypatch):
    ours, theirs = os.openpty()
    assert tuple(os.get_terminal_size(theirs)) == (0, 0)
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        progress = Progress(1, 40.0)
        progress.report("a.mp4")(10.0, False)
        progress.close()
        with os.fdopen(ours, "rb", buffering=0) as screen:  # what was written reaches it in parts, at times late
            seen = b""
            while b"10/40 s" not in seen:
                assert select.select([screen], [], [], TIMEOUT_SEC)[0], seen
                seen += screen.read(100_000)


def test_nothing_is_shown_where_stderr_is_no_terminal(shown, monkeypatch):
    assert not sys.stderr.isatty()
    progress = Progress(3, 10.0)
    progress.report("a.mp4")(5.0, True)
    progress.report("a.mp4")(6.0, False)
    progress.done("a.mp4", 10.0)
    progress.close()
    assert shown() == ["a.mp4: goes on at 5 s\n"]


def test_lines_are_printed_at_once(capsys):
    progress = Progress(1, 10.0)
    progress.print("result")
    progress.print("problem", is_error=True)
    captured = capsys.readouterr()
    assert captured.out == "result\n" and captured.err == "problem\n"


def test_a_throttle_lets_the_first_call_through():
    throttle = Throttle(1000.0)
    assert throttle.is_due() and not throttle.is_due()
    assert all(Throttle(0.0).is_due() for _ in range(3))
