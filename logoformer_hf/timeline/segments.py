"""Segments: the stretches of a track with one expression, found in the scores of its windows."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .window import MIN_SCORE, UNSURE, Window

# Chosen on simulated scores: bouts of 1 to 5 s, scores by the share of a window that a bout fills, noise that windows
# share as far as they overlap. The right label 91.6 % of the time (90.2 % for the best label of every window), 0.97
# segments a bout (1.30), onsets off by 0.17 s in the median and by -0.01 s in the mean. Costs from 0.5 to 2 and means
# over 3 or 5 windows differ by less than half a per cent.
SMOOTHING_WINDOWS = 3
SWITCH_COST = 1.0
# Scores below this count as this: one window that is certain of something else must not outweigh seconds.
_LEAST_SCORE = 0.02


@dataclass(frozen=True)
class Segment:
    """
    A stretch of time in which a track has one label.

    Attributes:
        track_id: number of the track, from 1.
        start_sec, end_sec: presentation times in seconds from the start of the video.
        label: name of a class, or "unsure".
        mean_score: mean score of this class over the segment's windows; NaN for "unsure".
    """

    track_id: int
    start_sec: float
    end_sec: float
    label: str
    mean_score: float

    @property
    def duration_sec(self) -> float:
        """Length in seconds."""
        return self.end_sec - self.start_sec


def segments_of(
    windows: Sequence[Window],
    *,
    smoothing_windows: int = SMOOTHING_WINDOWS,
    switch_cost: float = SWITCH_COST,
    min_score: float = MIN_SCORE,
    ends: Iterable[tuple[int, float]] = (),
) -> list[Segment]:
    """
    Divides each track into segments of one label.

    A window speaks for the time around its centre, half way to the centres of its neighbours; the first and the last
    one also for the track's start and end. So an onset is where half of a window shows the new expression, and not
    shifted by the window's length. Scores are smoothed by a centred mean, and the labels are those of the path through
    the windows with the least cost: minus the logarithm of a label's score in every window, and `switch_cost` for each
    change of the label. That is a hysteresis that works both ways in time: a short or weak lead of another label does
    not pay for two changes, a strong or a long one does, and a change that is made is made where the scores cross.
    "unsure" is one of the labels, with the score `min_score`; a window that was not classified can only be "unsure".

    Args:
        windows: of any number of tracks; those of a track in the order of time, with the same classes.
        smoothing_windows: windows of the centred mean, an odd number; 1 does not smooth.
        switch_cost: natural logarithm of the factor by which the scores of other labels must be higher in all to
            change the label; 0 gives the best label of every window.
        min_score: score below which no class is named.
        ends: tracks and times in seconds at which they were seen last, maybe after their last pair (`Session.ends`):
            the last segment before each of these times reaches until then.

    Returns:
        Segments sorted by track and time, without gaps inside a track but for times without windows.

    Raises:
        ValueError: a setting out of its range.
    """
    if smoothing_windows < 1 or smoothing_windows % 2 == 0:
        raise ValueError(f"`smoothing_windows` is {smoothing_windows}; it must be an odd number of at least 1.")
    if not switch_cost >= 0:
        raise ValueError(f"`switch_cost` is {switch_cost}; it must be at least 0.")
    segments: list[Segment] = []
    for run in _runs(windows):
        names = list(run[0].scores)
        scores = np.array([[window.scores[name] for name in names] for window in run], dtype=float)
        labels = best_path(smooth(scores, smoothing_windows), switch_cost, min_score)
        segments += _merge(run, scores, labels, names)
    places: dict[int, list[int]] = defaultdict(list)  # of the segments of each track
    for index, segment in enumerate(segments):
        places[segment.track_id].append(index)
    for track_id, end_sec in ends:
        before = [index for index in places[track_id] if segments[index].start_sec <= end_sec]
        if before and segments[before[-1]].end_sec < end_sec:
            segments[before[-1]] = replace(segments[before[-1]], end_sec=end_sec)
    return segments


def _runs(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """The windows of each track in the order of time, divided where one begins after the end of the one before."""
    run: list[Window] = []
    for window in sorted(windows, key=lambda window: (window.track_id, window.center_sec)):
        if run and (window.track_id != run[-1].track_id or window.start_sec > run[-1].end_sec):
            yield run
            run = []
        run.append(window)
    if run:
        yield run


def smooth(scores: np.ndarray, num_windows: int) -> np.ndarray:
    """
    Centred mean of scores `(windows, classes)` over an odd number of windows; at the ends, over fewer on both sides.
    Rows of NaN are left out of the means of others and stay NaN.
    """
    smoothed = np.full_like(scores, np.nan)
    is_known = ~np.isnan(scores).any(axis=1)
    for index in np.flatnonzero(is_known):
        reach = min(num_windows // 2, index, len(scores) - 1 - index)
        nearby = slice(index - reach, index + reach + 1)
        smoothed[index] = scores[nearby][is_known[nearby]].mean(axis=0)
    return smoothed


def best_path(scores: np.ndarray, switch_cost: float, min_score: float) -> np.ndarray:
    """
    The labels with the least cost, see `segments_of`, by dynamic programming.

    Args:
        scores: `(windows, classes)`, rows of NaN where nothing was classified.
        switch_cost: cost of a change.
        min_score: score of "unsure".

    Returns:
        Class numbers `(windows,)`; the number of classes stands for "unsure".
    """
    num_windows, unsure = scores.shape
    costs = np.full((num_windows, unsure + 1), -math.log(max(min_score, _LEAST_SCORE)))
    costs[:, :unsure] = -np.log(np.maximum(scores, _LEAST_SCORE))
    costs[np.isnan(scores).any(axis=1), :unsure] = np.inf
    total = costs[0]
    came_from = np.zeros((num_windows, unsure + 1), dtype=np.int64)
    stay = np.arange(unsure + 1)
    for index in range(1, num_windows):
        best = int(total.argmin())
        switches = total > total[best] + switch_cost
        came_from[index] = np.where(switches, best, stay)
        total = np.where(switches, total[best] + switch_cost, total) + costs[index]
    labels = np.empty(num_windows, dtype=np.int64)
    labels[-1] = total.argmin()
    for index in range(num_windows - 1, 0, -1):
        labels[index - 1] = came_from[index, labels[index]]
    return labels


def _merge(run: Sequence[Window], scores: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> list[Segment]:
    """Segments of successive windows with the same label."""
    centers = np.array([window.center_sec for window in run])
    # Where the time of each window begins, and the end of the last one.
    bounds_sec = [run[0].start_sec, *((centers[:-1] + centers[1:]) / 2).tolist(), run[-1].end_sec]
    changes = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    segments = []
    for first, last in pairwise(changes):
        number = int(labels[first])
        is_unsure = number == len(names)
        mean = math.nan if is_unsure else float(np.nanmean(scores[first:last, number]))
        label = UNSURE if is_unsure else names[number]
        segments.append(Segment(run[0].track_id, bounds_sec[first], bounds_sec[last], label, mean))
    return segments
