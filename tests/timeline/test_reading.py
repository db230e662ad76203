"""Footage is read in a thread beside recognition: results, errors, an early end, resuming."""

import threading

import numpy as np
import pytest
from errors import raises_naming
from PIL import Image
from scripted_footage import ScriptedDetector, face_at, frame_pixels, push_all, same

TWO = (face_at(10), face_at(90))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """100 frames as files, which are read as 25 a second."""
    folder = tmp_path_factory.mktemp("frames")
    for number in range(100):
        Image.fromarray(frame_pixels(number)).save(folder / f"{number:03d}.png")
    return folder


def threads():
    return [thread for thread in threading.enumerate() if thread.name in ("footage", "faces")]


def test_reading_gives_what_pushing_gives(recognizer_of, folder):
    streamed = list(recognizer_of(ScriptedDetector(always=TWO)).stream(folder))
    pushed = push_all(recognizer_of(ScriptedDetector(always=TWO)).open(), [number / 25 for number in range(100)])
    same(streamed, pushed)
    assert threads() == []


def test_windows_come_before_the_end(recognizer_of, folder):
    detector = ScriptedDetector(always=TWO)
    recognizer = recognizer_of(detector, batch_size=2)
    stream = recognizer.stream(folder)
    window = next(stream)
    assert window.end_sec < 2 and threads()
    stream.close()
    assert threads() == []


def test_an_error_in_the_thread_comes_out(recognizer_of, folder):
    class Broken(ScriptedDetector):
        def detect(self, frame):
            if len(self.numbers) == 20:
                raise ValueError("the detector broke")
            return super().detect(frame)

    with raises_naming(ValueError, "the detector broke"):
        list(recognizer_of(Broken(always=TWO)).stream(folder))
    assert threads() == []


def test_reading_goes_on_from_a_state(recognizer_of, folder):
    states = []
    whole = recognizer_of(ScriptedDetector(always=TWO)).read(folder, on_state=states.append, state_every_sec=0.7)
    assert len(states) == 5
    for state in states:
        detector = ScriptedDetector(always=TWO)
        again = recognizer_of(detector).read(folder, resume=state)
        same(again.windows, whole.windows, tolerance=0)
        assert again.segments == whole.segments and again.without_face == whole.without_face
        np.testing.assert_equal(again.boxes, whole.boxes)
        assert (again.duration_sec, again.fps) == (whole.duration_sec, whole.fps)
        assert min(detector.numbers) / 25 > state["reader"]["last_sec"] - 0.2  # not looked at again
    streamed = []
    windows = []
    for window in recognizer_of(ScriptedDetector(always=TWO)).stream(
        folder, on_state=lambda state: streamed.append((len(windows), state)), state_every_sec=1.5
    ):
        windows.append(window)
    for num_before, state in streamed:
        assert "windows" not in state
        rest = list(recognizer_of(ScriptedDetector(always=TWO)).stream(folder, resume=state))
        same(rest, windows[num_before:], tolerance=0)


def test_a_state_of_other_footage_is_refused(recognizer_of, folder, tmp_path):
    states = []
    recognizer = recognizer_of(ScriptedDetector(always=TWO))
    recognizer.read(folder, on_state=states.append, state_every_sec=1)
    Image.fromarray(np.zeros((32, 48, 3), np.uint8)).save(tmp_path / "0.png")
    with raises_naming(ValueError, "160x120", "48x32", tmp_path):
        recognizer.read(tmp_path, resume=states[0])
    assert threads() == []


def test_progress_grows_to_the_end(recognizer_of, folder):
    steps = []
    recognizer_of(ScriptedDetector(always=TWO)).read(folder, progress=lambda done, total: steps.append((done, total)))
    done = [each for each, _ in steps]
    assert len(done) > 10 and done == sorted(done) and done[-1] == 99 / 25
    assert {total for _, total in steps} == {4.0}
