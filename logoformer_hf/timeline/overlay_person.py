"""What is known of one person at any moment of the video: box, label, scores."""

import math
from collections.abc import Sequence

import numpy as np

from ..faces.follow import MAX_GAP_SEC
from .segments import Segment
from .timeline import Timeline
from .window import UNSURE, Window

_SAME_SEC = 0.001  # so near to a row of the boxes, a frame is that of the row


class Person:
    """
    A track of a timeline.

    Between the middles of windows scores are interpolated; before the first and after the last one they stay as they
    are. Boxes are interpolated between the frames that were looked at.

    Args:
        track_id: number of the track.
        windows, segments: of the track.
        boxes: `(frames, 5)` float32, time in seconds and x, y, width, height, in the order of time.
        label_names: the classes in the order of their numbers.
        max_gap_sec: from one row of the boxes to the next; in longer gaps the face is not seen.

    Attributes:
        track_id: number of the track.
        start_sec, end_sec: when it is seen first and last.
    """

    def __init__(
        self,
        track_id: int,
        windows: Sequence[Window],
        segments: Sequence[Segment],
        boxes: np.ndarray,
        label_names: Sequence[str],
        max_gap_sec: float = MAX_GAP_SEC,
    ):
        self.track_id = track_id
        windows = sorted(windows, key=lambda window: window.center_sec)
        self._segments = sorted(segments, key=lambda segment: segment.start_sec)
        self._starts = np.array([segment.start_sec for segment in self._segments])
        self._ends = np.array([segment.end_sec for segment in self._segments])
        if len(boxes):  # the last frame of a video may come after the last window; its time was rounded
            self._ends[-1] = max(self._ends[-1], float(np.nextafter(boxes[-1, 0], np.float32(np.inf))))
        self._is_unsure = np.array([segment.label == UNSURE for segment in self._segments])
        self.start_sec, self.end_sec = float(self._starts.min()), float(self._ends.max())
        self._box_times, self._boxes = boxes[:, 0].astype(float), boxes[:, 1:].astype(float)
        self._max_gap_sec = max_gap_sec
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

    def box_at(self, time_sec: float) -> np.ndarray | None:
        """x, y, width, height in pixels; None where the face is not seen."""
        same_sec = _SAME_SEC + float(np.spacing(np.float32(time_sec)))
        after = int(np.searchsorted(self._box_times, time_sec - same_sec))
        if after == len(self._boxes):
            return None
        after_sec, box = self._box_times[after], self._boxes[after]
        if after_sec <= time_sec + same_sec:
            return np.asarray(box)
        if after == 0 or after_sec - self._box_times[after - 1] > self._max_gap_sec:
            return None
        share = (time_sec - self._box_times[after - 1]) / (after_sec - self._box_times[after - 1])
        return np.asarray((1 - share) * self._boxes[after - 1] + share * box)

    def score_at(self, time_sec: float, label: str) -> float:
        """The score of a label; NaN for "unsure", or where nothing was classified."""
        if label not in self._columns or not len(self._score_times):
            return math.nan
        return float(np.interp(time_sec, self._score_times, self._scores[:, self._columns[label]]))

    def best_at(self, time_sec: float) -> tuple[str, float]:
        """The label with the highest score, and the score, where `score_at` of any label is not NaN."""
        scores = {name: self.score_at(time_sec, name) for name in self._columns}
        best = max(scores, key=scores.__getitem__)
        return best, scores[best]

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


def people_of(timeline: Timeline) -> list[Person]:
    """The tracks of a timeline by their numbers, those with segments."""
    windows: dict[int, list[Window]] = {}
    segments: dict[int, list[Segment]] = {}
    for window in timeline.windows:
        windows.setdefault(window.track_id, []).append(window)
    for segment in timeline.segments:
        segments.setdefault(segment.track_id, []).append(segment)
    no_boxes = np.empty((0, 5), dtype=np.float32)
    # Frames of two pairs are less than a step of the grid apart.
    max_gap_sec = max(MAX_GAP_SEC, timeline.pair_sec)
    return [
        Person(
            track,
            windows[track],
            segments[track],
            timeline.boxes.get(track, no_boxes),
            timeline.label_names,
            max_gap_sec,
        )
        for track in sorted(segments)
    ]
