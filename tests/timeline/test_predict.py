"""One video: its outputs, reading that goes on where it stopped, and cameras."""

import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf import ExpressionRecognizer, VideoReadError
from logoformer_hf.reading_limits_logoformer import LIMITS
from logoformer_hf.timeline import predict
from logoformer_hf.timeline.inputs import Input
from logoformer_hf.timeline.outputs import Job
from logoformer_hf.timeline.predict import EndingFootage, ended_by_ctrl_c, predict_video
from logoformer_hf.timeline.records import is_finished
from logoformer_hf.timeline.saved_state import load_state, save_state, state_file

SETTINGS = {"weights": "abc"}


class Stopped(Exception):
    """The program is ended here."""


@pytest.fixture(scope="module")
def recognizer(tiny_folder) -> ExpressionRecognizer:
    return ExpressionRecognizer(tiny_folder, detector="none", min_score=0.0)


@pytest.fixture(scope="module")
def video(tmp_path_factory, write_video) -> Input:
    """Twelve seconds."""
    return Input(str(write_video(tmp_path_factory.mktemp("videos") / "a.mp4", 300)), "a.mp4")


def job_in(folder: Path, video: Input) -> Job:
    return Job(video, {name: folder / f"a.mp4.{name}" for name in ("json", "csv")}, base=folder / "a.mp4")


def ignore(time_sec, is_earlier, of=""):
    """No progress."""


def stop_after(limit_sec):
    def report(time_sec, is_earlier, of=""):
        if time_sec > limit_sec:
            raise Stopped

    return report


def stopped(recognizer, job, limit_sec=7.0, settings=SETTINGS):
    with pytest.raises(Stopped):
        predict_video(recognizer, job, settings, stop_after(limit_sec), state_every_sec=2.0)
    return load_state(state_file(job.base))


@pytest.fixture(scope="module")
def whole(recognizer, video, tmp_path_factory) -> Path:
    """Outputs of a reading that was not stopped."""
    folder = tmp_path_factory.mktemp("whole")
    predict_video(recognizer, job_in(folder, video), SETTINGS, ignore)
    return folder


def test_stopped_and_gone_on_is_the_same_as_at_once(recognizer, video, tmp_path, whole):
    job, reported = job_in(tmp_path, video), []
    state = stopped(recognizer, job)
    assert not any(path.exists() for path in job.outputs) and len(state["reading"]["windows"]["track_id"]) > 0
    predict_video(recognizer, job, SETTINGS, lambda *report: reported.append(report), state_every_sec=2.0)
    assert reported[0][1] and reported[0][0] > 3 and all(time_sec > reported[0][0] for time_sec, _ in reported[1:])
    assert (tmp_path / "a.mp4.json").read_bytes() == (whole / "a.mp4.json").read_bytes()
    assert (tmp_path / "a.mp4.csv").read_bytes() == (whole / "a.mp4.csv").read_bytes()
    assert not state_file(job.base).exists()


def change_settings(state):
    state["of_settings"]["weights"] = "other"


def change_video(state):
    state["of_source"] |= {"size_bytes": 1, "path": "/other.mp4"}


def change_reading(state):
    state["reading"]["settings"]["pair_sec"] = 0.5


def drop_reading(state):
    state["reading"] = {}


@pytest.mark.parametrize(
    ("change", "word"),
    [(change_settings, "settings"), (change_video, "/other.mp4"), (change_reading, "pair_sec"), (drop_reading, "")],
)
def test_a_state_of_something_else_is_not_used_and_that_is_said(recognizer, video, tmp_path, whole, change, word):
    job = job_in(tmp_path, video)
    state = stopped(recognizer, job)
    change(state)
    save_state(state_file(job.base), state)
    timeline = predict_video(recognizer, job, SETTINGS, ignore)
    assert any("Saved work was not used" in note and word in note for note in timeline.notes)
    assert (tmp_path / "a.mp4.csv").read_bytes() == (whole / "a.mp4.csv").read_bytes()


def test_a_damaged_state_is_as_none(recognizer, video, tmp_path, whole):
    job = job_in(tmp_path, video)
    state_file(job.base).write_bytes(b"half")
    predict_video(recognizer, job, SETTINGS, ignore)
    assert (tmp_path / "a.mp4.json").read_bytes() == (whole / "a.mp4.json").read_bytes()


def test_a_video_that_cannot_be_read_leaves_no_output(recognizer, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"none")
    job = job_in(tmp_path, Input(str(tmp_path / "broken.mp4"), "a.mp4"))
    with raises_naming(VideoReadError, "broken.mp4"):
        predict_video(recognizer, job, SETTINGS, ignore)
    assert not any(path.exists() for path in job.outputs)


def test_without_outputs_nothing_is_written(recognizer, video, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(Path(video.source).parent.iterdir())
    timeline = predict_video(recognizer, Job(video), SETTINGS, ignore, state_every_sec=1.0)
    assert len(timeline.windows) > 30 and list(tmp_path.iterdir()) == []
    assert set(Path(video.source).parent.iterdir()) == before


def test_overlay_and_picture(recognizer, video, tmp_path):
    overlay, plot = tmp_path / "a.overlay.mp4", tmp_path / "a.png"
    made = []

    def report(time_sec, is_earlier, of=""):
        made.append((of, time_sec))

    timeline = predict_video(recognizer, Job(video, {}, overlay, plot, tmp_path / "a"), SETTINGS, report)
    assert list(dict.fromkeys(of for of, _ in made)) == ["", "picture", "overlay"]
    assert max(time_sec for of, time_sec in made if of == "overlay") == pytest.approx(299 / 25)
    assert overlay.stat().st_size > 10_000 and plot.stat().st_size > 10_000
    assert len(timeline.notes) == len(set(timeline.notes))


class Camera:
    """A camera of noise; calls `at_frame` with the number of each frame."""

    def __init__(self, at_frame):
        self._at_frame, self._number = at_frame, 0

    def isOpened(self):
        return True

    def get(self, what):
        return 100.0

    def read(self):
        self._number += 1
        if self._at_frame(self._number) is False:
            return False, None
        return True, np.full((48, 64, 3), self._number % 256, np.uint8)

    def release(self):
        """Nothing to release."""


@pytest.mark.parametrize("end", ["ctrl-c", "unplugged"])
def test_what_a_camera_showed_until_its_end_is_written(recognizer, tmp_path, monkeypatch, end):
    def at_frame(number):
        if number == 50 and end == "ctrl-c":
            os.kill(os.getpid(), signal.SIGINT)
        return number < 50 or end == "ctrl-c"

    monkeypatch.setattr(cv2, "VideoCapture", lambda index: Camera(at_frame))
    before = signal.getsignal(signal.SIGINT)
    timeline = predict_video(recognizer, job_in(tmp_path, Input(0, "camera-0")), SETTINGS, ignore)
    assert (tmp_path / "a.mp4.json").exists() and timeline.source == "camera 0" and len(timeline.windows) == 1
    assert signal.getsignal(signal.SIGINT) == before


def test_a_second_ctrl_c_stops_the_program(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda index: Camera(lambda number: None))
    with EndingFootage(0) as footage, pytest.raises(KeyboardInterrupt), ended_by_ctrl_c(footage):
        os.kill(os.getpid(), signal.SIGINT)
        assert footage.is_ended
        os.kill(os.getpid(), signal.SIGINT)


def test_a_state_that_cannot_be_saved_ends_no_reading(recognizer, video, tmp_path, whole, monkeypatch):
    def refuse(*arguments):
        raise OSError(28, "No space left on device", "state")

    monkeypatch.setattr(predict, "save_state", refuse)
    job = job_in(tmp_path, video)
    timeline = predict_video(recognizer, job, SETTINGS, ignore, state_every_sec=2.0)
    assert len([note for note in timeline.notes if "No space left" in note and "state" in note]) == 1
    assert (tmp_path / "a.mp4.csv").read_bytes() == (whole / "a.mp4.csv").read_bytes()


def test_a_video_that_changes_while_it_is_read_is_not_finished(recognizer, video, tmp_path):
    source = tmp_path / "a.mp4"
    source.write_bytes(Path(video.source).read_bytes())
    job = job_in(tmp_path / "out", Input(str(source), "a.mp4"))

    def append(time_sec, is_earlier, of=""):
        with source.open("ab") as file:
            file.write(b"more")

    predict_video(recognizer, job, SETTINGS, append)
    assert not is_finished(job, SETTINGS, overwrite=False)
    predict_video(recognizer, job, SETTINGS, ignore)
    assert is_finished(job, SETTINGS, overwrite=False)


def test_an_overlay_that_cannot_be_is_refused_before_the_video_is_read(recognizer, tmp_path, monkeypatch):
    monkeypatch.setattr(LIMITS, "max_aspect_ratio", 100)
    Image.new("RGB", (16, 1280)).save(tmp_path / "narrow.gif")
    video = Input(str(tmp_path / "narrow.gif"), "narrow.gif")
    job = Job(video, {"csv": tmp_path / "narrow.csv"}, overlay=tmp_path / "narrow.mp4", base=tmp_path / "narrow")
    with raises_naming(ValueError, "16x1280", "overlay"):
        predict_video(recognizer, job, SETTINGS, lambda *report: pytest.fail("it is read"))
