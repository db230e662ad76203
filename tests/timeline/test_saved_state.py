"""The saved state of a reading: nested values and arrays, in one file without pickles."""

import numpy as np
import pytest

from logoformer_hf.timeline.saved_state import load_state, save_state, state_file

STATE = {
    "numbers": [1, 2.5, None, True, "é\udcff"],
    "inner": {"array": np.arange(6, dtype=np.float32).reshape(2, 3), "list": [np.zeros((0, 4), bool), {"x": []}]},
}


def test_a_state_is_read_as_it_was_written(tmp_path):
    path = state_file(tmp_path / "a.mp4")
    save_state(path, STATE)
    assert path.name.startswith(".") and list(tmp_path.iterdir()) == [path]
    state = load_state(path)
    assert state["numbers"] == STATE["numbers"] and state["inner"]["list"][1] == {"x": []}
    np.testing.assert_array_equal(state["inner"]["array"], STATE["inner"]["array"])
    assert state["inner"]["array"].dtype == np.float32 and state["inner"]["list"][0].dtype == bool


def test_numbers_of_numpy_become_those_of_python(tmp_path):
    save_state(tmp_path / "s.npz", {"a": np.float64(0.1), "b": (np.int64(3), 4)})
    assert load_state(tmp_path / "s.npz") == {"a": 0.1, "b": [3, 4]}


def test_a_state_is_written_whole_or_not_at_all(tmp_path):
    save_state(tmp_path / "s.npz", {"a": 1})
    for broken in ({"a": object()}, {"a": np.array([object()])}, {"a": {1: 2}}):
        with pytest.raises((TypeError, ValueError)):
            save_state(tmp_path / "s.npz", broken)
    assert load_state(tmp_path / "s.npz") == {"a": 1} and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("size", [None, 0, 10, 200])
def test_a_damaged_state_counts_as_none(tmp_path, size):
    path = tmp_path / "s.npz"
    if size is not None:
        save_state(path, STATE)
        path.write_bytes(path.read_bytes()[:size])
    assert load_state(path) is None


def test_a_state_with_pickles_is_not_read(tmp_path):
    np.savez(tmp_path / "s.npz", values=np.array([{"a": 1}], dtype=object))
    assert load_state(tmp_path / "s.npz") is None
