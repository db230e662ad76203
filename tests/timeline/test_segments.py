"""From scores of windows to segments: smoothing, hysteresis, times."""

import math

import numpy as np
import pytest
from errors import raises_naming
from work import executed_lines

from logoformer_hf.timeline.segments import Segment, best_path, segments_of, smooth
from logoformer_hf.timeline.window import UNSURE, Window

NAMES = ("happy", "sad", "neutral")
NOTHING = (math.nan,) * 3
HAPPY, SAD, NEUTRAL = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9)


def windows_of(scores, track_id=1, first_sec=0.0, length_sec=1.8):
    return [
        Window(
            track_id,
            first_sec + 0.25 * number,
            first_sec + 0.25 * number + length_sec,
            UNSURE if math.isnan(each[0]) else NAMES[int(np.argmax(each))],
            dict(zip(NAMES, each, strict=True)),
            (0, 0, 1, 1),
            1.0,
        )
        for number, each in enumerate(scores)
    ]


def labels_of(segments):
    return [segment.label for segment in segments]


def test_a_change_is_half_way_between_the_centres_and_the_ends_are_those_of_the_track():
    segments = segments_of(windows_of([HAPPY] * 8 + [SAD] * 8))
    assert labels_of(segments) == ["happy", "sad"]
    # The eighth window's centre is at 7 * 0.25 + 0.9 s, the ninth's a quarter of a second later.
    assert segments[0].start_sec == 0 and segments[0].end_sec == pytest.approx(7.5 * 0.25 + 0.9)
    assert segments[1].start_sec == segments[0].end_sec and segments[1].end_sec == 15 * 0.25 + 1.8
    assert segments[0].mean_score == pytest.approx(0.9)


def test_an_onset_is_not_shifted_by_the_length_of_a_window():
    """Scores of a model that sees what part of its window shows the new expression, from 6 s on."""
    starts = np.arange(60) * 0.25
    share = np.clip((starts + 1.8 - 6.0) / 1.8, 0, 1)
    scores = [(0.05 + 0.9 * (1 - each), 0.05 + 0.9 * each, 0.0) for each in share]
    before, second = segments_of(windows_of(scores))
    assert (before.label, second.label) == ("happy", "sad")
    assert abs(second.start_sec - 6.0) <= 0.125


def test_a_short_or_weak_lead_does_not_change_the_label():
    doubtful = (0.4, 0.5, 0.1)
    for lead in ([SAD], [doubtful], [doubtful] * 4):
        assert labels_of(segments_of(windows_of([HAPPY] * 10 + lead + [HAPPY] * 10))) == ["happy"]


def test_a_strong_or_a_long_lead_does():
    for lead in ([SAD] * 4, [(0.25, 0.65, 0.1)] * 8):
        labels = labels_of(segments_of(windows_of([HAPPY] * 10 + lead + [HAPPY] * 10)))
        assert labels == ["happy", "sad", "happy"]


def test_without_smoothing_and_cost_every_window_counts():
    windows = windows_of([HAPPY, SAD, HAPPY])
    segments = segments_of(windows, smoothing_windows=1, switch_cost=0)
    assert labels_of(segments) == ["happy", "sad", "happy"]


def test_forwards_and_backwards_give_the_same_path():
    scores = np.random.default_rng(0).dirichlet([0.5] * 4, size=200)
    there = best_path(scores, 1.5, 0.1)
    back = best_path(scores[::-1], 1.5, 0.1)[::-1]
    assert np.array_equal(there, back) and len(np.unique(there)) > 1


def test_the_path_is_the_best_of_all():
    rng = np.random.default_rng(1)
    for _ in range(20):
        scores = rng.dirichlet([1.0] * 2, size=5)
        costs = -np.log(np.concatenate([scores, np.full((5, 1), 0.35)], axis=1))

        def cost(path, costs=costs):
            return costs[range(5), path].sum() + 0.7 * np.count_nonzero(np.diff(path))

        paths = np.stack(np.meshgrid(*[range(3)] * 5), axis=-1).reshape(-1, 5)
        assert cost(best_path(scores, 0.7, 0.35)) == pytest.approx(min(cost(path) for path in paths))


def test_low_scores_and_windows_that_were_not_classified_are_unsure():
    low = (0.34, 0.33, 0.33)
    segments = segments_of(windows_of([HAPPY] * 8 + [low] * 40 + [HAPPY] * 8), min_score=0.5)
    assert labels_of(segments) == ["happy", UNSURE, "happy"]
    assert math.isnan(segments[1].mean_score)
    segments = segments_of(windows_of([HAPPY] * 8 + [NOTHING] + [HAPPY] * 8))
    assert labels_of(segments) == ["happy", UNSURE, "happy"]
    assert segments[1].end_sec - segments[1].start_sec == pytest.approx(0.25)
    assert labels_of(segments_of(windows_of([NOTHING] * 3))) == [UNSURE]


def test_tracks_are_apart_and_a_hole_ends_a_segment():
    windows = [*windows_of([HAPPY] * 8, track_id=2), *windows_of([SAD] * 8)]
    windows += windows_of([SAD] * 8, first_sec=60.0)
    windows.sort(key=lambda window: window.end_sec)
    assert segments_of(windows) == [
        Segment(1, 0.0, 3.55, "sad", pytest.approx(0.9)),
        Segment(1, 60.0, 63.55, "sad", pytest.approx(0.9)),
        Segment(2, 0.0, 3.55, "happy", pytest.approx(0.9)),
    ]


def test_nothing_and_a_single_window():
    assert segments_of([]) == []
    assert segments_of(windows_of([HAPPY])) == [Segment(1, 0.0, 1.8, "happy", 0.9)]


def test_smoothing_leaves_out_what_was_not_classified():
    scores = np.array([[1.0, 0.0], [0.4, 0.6], [math.nan, math.nan], [0.0, 1.0], [0.2, 0.8]])
    smoothed = smooth(scores, 3)
    assert smoothed[0].tolist() == [1.0, 0.0]  # as many on both sides: none
    assert smoothed[1] == pytest.approx([0.7, 0.3])
    assert np.isnan(smoothed[2]).all()
    assert smoothed[3] == pytest.approx([0.1, 0.9])


def test_settings_have_ranges():
    with raises_naming(ValueError, "smoothing_windows", 2, "odd"):
        segments_of([], smoothing_windows=2)
    with raises_naming(ValueError, "switch_cost", -1):
        segments_of([], switch_cost=-1)


def test_the_last_segment_before_an_end_reaches_it():
    windows = windows_of([HAPPY] * 8)
    (segment,) = segments_of(windows)
    for end_sec, expected_sec in ((segment.end_sec + 0.2, segment.end_sec + 0.2), (0.5, segment.end_sec)):
        (other,) = segments_of(windows, ends=[(1, end_sec), (2, 99.0)])
        assert (other.start_sec, other.end_sec, other.label) == (segment.start_sec, expected_sec, "happy")


def test_the_work_of_many_tracks_grows_with_their_number_and_no_faster():
    def divide(number):
        windows = [window for track in range(number) for window in windows_of([HAPPY], track, float(track))]
        ends = [(track, 3.0 + track) for track in range(number)]
        assert all(segment.end_sec == 3 + segment.track_id for segment in segments_of(windows, ends=ends))

    assert executed_lines(lambda: divide(400)) < 4.4 * executed_lines(lambda: divide(100))
