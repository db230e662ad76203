"""What a window says about itself."""

import math

from logoformer_hf.timeline.window import UNSURE, Window


def test_a_window_speaks_for_its_middle_with_its_best_score():
    window = Window(1, 2.0, 3.8, "happy", {"happy": 0.6, "sad": 0.4}, (0, 0, 9, 9), 0.8)
    assert (window.center_sec, window.score, window.is_classified) == (2.9, 0.6, True)


def test_a_window_without_scores_has_no_score():
    window = Window(1, 2.0, 3.8, UNSURE, {"happy": math.nan, "sad": math.nan}, (0, 0, 9, 9), 0.1)
    assert not window.is_classified and math.isnan(window.score)
