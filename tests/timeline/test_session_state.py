"""A saved session goes on with the same windows."""

import json

import numpy as np
import pytest
from errors import raises_naming
from scripted_footage import ScriptedDetector, face_at, frame_pixels, same


# A hole after 66 frames.
def time_of(number, fps):
    return number / fps + (4.0 if number > 65 else 0.0)


SCRIPT = {number: [face_at(10)] for number in range(22, 31)} | {number: [] for number in range(50, 60)}


def plain(value, arrays):
    """As `json` and `npz` files would keep it: nothing but numbers, strings, lists and arrays may be inside."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, dict):
        assert all(isinstance(name, str) for name in value)
        return {name: plain(each, arrays) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, arrays) for each in value]
    assert value is None or isinstance(value, (bool, int, float, str)), type(value)
    return value


def restored(value, arrays):
    if isinstance(value, dict):
        return (
            arrays[value["array"]] if set(value) == {"array"} else {k: restored(v, arrays) for k, v in value.items()}
        )
    return [restored(each, arrays) for each in value] if isinstance(value, list) else value


def session_of(recognizer_of, **arguments):
    recognizer = recognizer_of(ScriptedDetector(SCRIPT, always=(face_at(10), face_at(90))), batch_size=6)
    return recognizer.open(max_delay_sec=0.6, **arguments)


@pytest.mark.parametrize("fps", [5, 20])
@pytest.mark.parametrize("keep_crops", [False, True])
def test_a_session_goes_on_from_any_frame_bit_for_bit(recognizer_of, fps, keep_crops):
    keep = {"keep_crops": keep_crops, "keep_boxes": True}
    session, states, windows = session_of(recognizer_of, **keep), {}, []
    for number in range(80):
        if number % 7 == 3:
            arrays = []
            text = json.dumps(plain(session.state_dict(), arrays), allow_nan=False)
            states[number] = len(windows), text, [array.copy() for array in arrays]
        windows += session.push(frame_pixels(number), time_of(number, fps))
    windows += session.close()
    without_face, boxes = session.without_face, session.boxes.arrays()
    assert {track_id: rows.shape[1] for track_id, rows in boxes.items()} == dict.fromkeys(boxes, 5) and len(boxes) > 1
    for number, (num_before, text, arrays) in states.items():
        other = session_of(recognizer_of, **keep)
        other.load_state_dict(restored(json.loads(text), arrays))
        after = [
            window for later in range(number, 80) for window in other.push(frame_pixels(later), time_of(later, fps))
        ]
        after += other.close()
        same(after, windows[num_before:], tolerance=0)
        assert other.without_face == without_face and other.ends == session.ends != []
        np.testing.assert_equal(other.boxes.arrays(), boxes)
        if keep_crops:
            for one, there in zip(after, windows[num_before:], strict=True):
                assert (one.crops is None) == (there.crops is None)
                assert one.crops is None or np.array_equal(one.crops, there.crops)


def test_a_state_does_not_change_with_the_session(recognizer_of):
    session = session_of(recognizer_of)
    for number in range(30):
        session.push(frame_pixels(number), number / 20)
    state = session.state_dict()
    first, later = [], []
    text = json.dumps(plain(state, first))
    first = [array.copy() for array in first]
    for number in range(30, 60):
        session.push(frame_pixels(number), number / 20)
    assert json.dumps(plain(state, later)) == text
    assert all(np.array_equal(one, other) for one, other in zip(first, later, strict=True))


def test_other_settings_are_refused(recognizer_of):
    state = session_of(recognizer_of).state_dict()
    with raises_naming(ValueError, "pair_sec", 0.25, 0.5):
        recognizer_of(ScriptedDetector(), pair_sec=0.5).open().load_state_dict(state)
    with raises_naming(ValueError, "version", None):
        session_of(recognizer_of).load_state_dict({})
