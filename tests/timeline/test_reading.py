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
    return [thread for thread in threading.enumerate() if thread.name in ("footage", "detection", "faces")]


def test_reading_gives_what_pushing_gives(recognizer_of, folder):
    ahead, pushing = ScriptedDetector(always=TWO), ScriptedDetector(always=TWO)
    streamed = list(recognizer_of(ahead).stream(folder))
    pushed = push_all(recognizer_of(pushing).open(), [number / 25 for number in range(100)])
    same(streamed, pushed)
    assert threads() == []
    assert sorted(ahead.numbers) == pushing.numbers  # what is searched ahead is searched once, and nothing else


def test_faces_are_searched_in_a_thread_before_the_one_that_follows_them(recognizer_of, folder):
    class Noting(ScriptedDetector):
        def detect(self, frame):
            names.append(threading.current_thread().name)
            return super().detect(frame)

    names: list[str] = []
    recognizer = recognizer_of(Noting(always=TWO))
    assert len(list(recognizer.stream(folder))) > 0
    assert names.count("detection") >= len(names) - 1  # the last frame shows only at the end that it is searched


def test_windows_come_before_the_end(recognizer_of, folder):
    has_window = threading.Event()

    class Waiting(ScriptedDetector):
        def detect(self, frame):
            if len(self.numbers) == 90:
                assert has_window.wait(60)
            return super().detect(frame)

    recognizer = recognizer_of(Waiting(always=TWO), batch_size=2)
    stream = recognizer.stream(folder)
    window = next(stream)
    assert window.end_sec < 2 and threads()
    has_window.set()
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
    looked = ScriptedDetector(always=TWO)
    whole = recognizer_of(looked).read(folder, on_state=states.append, state_every_sec=0.7)
    assert len(states) == 5
    for state in states:
        detector = ScriptedDetector(always=TWO)
        again = recognizer_of(detector).read(folder, resume=state)
        same(again.windows, whole.windows, tolerance=0)
        assert again.segments == whole.segments and again.without_face == whole.without_face
        np.testing.assert_equal(again.boxes, whole.boxes)
        assert (again.duration_sec, again.fps) == (whole.duration_sec, whole.fps)
        assert min(detector.numbers) / 25 > state["reader"]["last_sec"] - 0.2  # not looked at again
        assert sorted(detector.numbers) == sorted(looked.numbers)[-len(detector.numbers) :]
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
