"""The tables of a timeline."""

import math

import pandas as pd

from logoformer_hf.timeline.timeline import Timeline
from logoformer_hf.timeline.window import UNSURE, Window

COLUMNS = "track_id start_sec end_sec label score score_happy score_sad x_px y_px width_px height_px quality is_short"


def timeline_of(windows):
    return Timeline("a.mp4", 9.0, 25.0, 64, 48, ("happy", "sad"), "model", windows=windows)


def test_a_row_a_window():
    windows = [
        Window(1, 0.0, 1.8, "sad", {"happy": 0.2, "sad": 0.8}, (1, 2, 3, 4), 0.9),
        Window(2, 0.25, 0.5, UNSURE, {"happy": math.nan, "sad": math.nan}, (5, 6, 7, 8), 0.1, is_short=True),
    ]
    frame = timeline_of(windows).frame()
    assert " ".join(frame.columns) == COLUMNS
    assert frame.iloc[0].tolist() == [1, 0.0, 1.8, "sad", 0.8, 0.2, 0.8, 1, 2, 3, 4, 0.9, False]
    assert frame.label.tolist() == ["sad", UNSURE] and frame.is_short.tolist() == [False, True]
    assert frame[["score", "score_happy", "score_sad"]].iloc[1].isna().all()


def test_types_do_not_depend_on_the_content():
    full = timeline_of([Window(1, 0, 2, "sad", {"happy": 0, "sad": 1}, (1, 2, 3, 4), 1)])
    empty = timeline_of([])
    pd.testing.assert_series_equal(full.frame().dtypes, empty.frame().dtypes)
    assert len(empty.frame()) == 0 and len(empty.summary()) == 0
    assert {str(empty.frame().dtypes[name]) for name in ("score", "x_px", "start_sec")} == {"float64"}
