"""Windows as arrays and back."""

import math

import pytest

from logoformer_hf.timeline.window import UNSURE, Window
from logoformer_hf.timeline.windows_state import windows_from_state, windows_state

WINDOWS = [
    Window(1, 0.0, 1.8, "sad", {"happy": 0.25, "sad": 0.75}, (1.5, 2, 3, 4), 0.9, frame_times_sec=(0.0, 0.1, 1.8)),
    Window(2, 0.25, 0.5, UNSURE, {"happy": math.nan, "sad": math.nan}, (5, 6, 7, 8), 0.125, is_short=True),
    Window(1, 0.25, 2.0, UNSURE, {"happy": 0.5, "sad": 0.5}, (1.5, 2, 3, 4), 0.9, frame_times_sec=(0.5,)),
]


@pytest.mark.parametrize("windows", [WINDOWS, WINDOWS[:1], []])
def test_windows_come_back(windows):
    back = windows_from_state(windows_state(windows))
    assert len(back) == len(windows)
    for one, other in zip(back, windows, strict=True):
        assert list(one.scores.values()) == pytest.approx(list(other.scores.values()), nan_ok=True)
        for name in ("track_id", "start_sec", "end_sec", "label", "box", "quality", "is_short", "frame_times_sec"):
            assert getattr(one, name) == getattr(other, name)
