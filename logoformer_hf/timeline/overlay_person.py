"""What is known of one person at any moment of the video: box, label, scores."""

import math
from collections.abc import Sequence

import numpy as np

from .segments import Segment
from .timeline import Timeline
from .window import UNSURE, Window


class Person:
    """
    A track of a timeline.

    Between the middles of windows boxes and scores are interpolated; before the first and after the last one they stay
    as they are.

    Attributes:
        track_id: number of the track.
        start_sec, end_sec: when it is seen first and last.
    """

    def __init__(
        self, track_id: int, windows: Sequence[Window], segments: Sequence[Segment], label_names: Sequence[str]
    ):
        self.track_id = track_id
        windows = sorted(windows, key=lambda window: window.center_sec)
        self._segments = sorted(segments, key=lambda segment: segment.start_sec)
        self._starts = np.array([segment.start_sec for segment in self._segments])
        self._ends = np.array([segment.end_sec for segment in self._segments])
        self._is_unsure = np.array([segment.label == UNSURE for segment in self._segments])
        self.start_sec, self.end_sec = float(self._starts.min()), float(self._ends.max())
        self._box_times = np.array([_box_time(window) for window in windows])
        self._boxes = np.array([window.box for window in windows], dtype=float)  # (windows, 4)
        self._centers = np.array([window.center_sec for window in windows])
        self._is_classified = np.array([window.is_classified for window in windows])
        classified = [window for window in windows if window.is_classified]
        self._score_times = np.array([window.center_sec for window in classified])
        self._scores = np.array([[window.scores[name] for name in label_names] for window in classified], dtype=float)
        self._columns = {name: number for number, name in enumerate(label_names)}

    def _segment_at(self, times_sec: np.ndarray) -> np.ndarray:
        """Number of the segment at each time, -1 where the person is not seen."""
        found = np.searchsorted(self._starts, times_sec, side="right") - 1
        return np.where((found >= 0) & (times_sec <= self._ends[found]), found, -1)

    def label_at(self, time_sec: float) -> str | None:
        """The label of the segment at a time; None where the person is not seen."""
        number = int(self._segment_at(np.array([time_sec]))[0])
        return None if number < 0 else self._segments[number].label

    def box_at(self, time_sec: float) -> np.ndarray:
        """x, y, width, height in pixels."""
        return np.array([np.interp(time_sec, self._box_times, column) for column in self._boxes.T])

    def score_at(self, time_sec: float, label: str) -> float:
        """The score of a label; NaN for "unsure", or where nothing was classified."""
        if label not in self._columns or not len(self._score_times):
            return math.nan
        return float(np.interp(time_sec, self._score_times, self._scores[:, self._columns[label]]))

    def scores_at(self, times_sec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        The scores of all classes at many times.

        Returns:
            scores `(times, classes)`, NaN where the person is not seen or the nearest window was not classified; and
            `(times,)` bool, whether the label is "unsure".
        """
        segment = self._segment_at(times_sec)
        is_seen = segment >= 0
        scores = np.full((len(times_sec), len(self._columns)), np.nan)
        nearest = np.searchsorted((self._centers[:-1] + self._centers[1:]) / 2, times_sec)
        has_scores = is_seen & self._is_classified[nearest]
        if has_scores.any():
            seen = times_sec[has_scores]
            classes = [np.interp(seen, self._score_times, each) for each in self._scores.T]
            scores[has_scores] = np.stack(classes, axis=1)
        return scores, is_seen & self._is_unsure[segment]


def _box_time(window: Window) -> float:
    """When the box of a window was there: its middle usable frame."""
    times = window.frame_times_sec
    return times[len(times) // 2] if times else window.center_sec


def people_of(timeline: Timeline) -> list[Person]:
    """The tracks of a timeline by their numbers, those with segments."""
    windows: dict[int, list[Window]] = {}
    segments: dict[int, list[Segment]] = {}
    for window in timeline.windows:
        windows.setdefault(window.track_id, []).append(window)
    for segment in timeline.segments:
        segments.setdefault(segment.track_id, []).append(segment)
    return [Person(track, windows[track], segments[track], timeline.label_names) for track in sorted(segments)]
