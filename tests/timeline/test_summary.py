"""How long and how often each person showed each expression."""

import math

import pandas as pd

from logoformer_hf.timeline.segments import Segment
from logoformer_hf.timeline.summary import summary_of
from logoformer_hf.timeline.window import UNSURE


def test_a_row_per_track_and_expression_the_longest_first():
    segments = [
        Segment(2, 0.0, 1.0, "sad", 0.5),
        Segment(1, 0.0, 1.0, "happy", 0.9),
        Segment(1, 1.0, 4.0, "sad", 0.6),
        Segment(1, 4.0, 4.5, UNSURE, math.nan),
        Segment(1, 4.5, 8.0, "happy", 0.5),
    ]
    table = summary_of(segments)
    assert table[["track_id", "label", "seconds", "episodes"]].values.tolist() == [
        [1, "happy", 4.5, 2],
        [1, "sad", 3.0, 1],
        [1, UNSURE, 0.5, 1],
        [2, "sad", 1.0, 1],
    ]
    assert table.share.tolist() == [4.5 / 8, 3 / 8, 0.5 / 8, 1.0]
    assert table.mean_score.iloc[0] == (1.0 * 0.9 + 3.5 * 0.5) / 4.5
    assert math.isnan(table.mean_score.iloc[2])


def test_a_track_of_one_frame_counts_without_seconds():
    table = summary_of([Segment(1, 3.0, 3.0, "happy", 0.9)])
    assert table.values.tolist() == [[1, "happy", 0.0, 1.0, 1, 0.9]]


def test_types_without_segments():
    full = summary_of([Segment(1, 0.0, 1.0, "happy", 0.9)])
    pd.testing.assert_series_equal(full.dtypes, summary_of([]).dtypes)
