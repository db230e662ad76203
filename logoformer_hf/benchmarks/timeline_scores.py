"""How well a timeline tells who showed what and when, compared with known truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..configuration_logoformer import EXPRESSIONS
from ..data.synthetic.episodes import Episode
from ..data.synthetic.footage import FootageTruth
from ..timeline.segments import Segment
from ..timeline.window import UNSURE, Window

NOTHING = -1  # label of a frame for which the timeline has none, or "unsure"
_NEUTRAL = "neutral"
NEAR_SEC = 1.0  # half a window: a window whose middle is farther from an onset and an offset shows neither
_MIN_SHARE = 0.5  # of the shorter of an episode and a segment, that they must have in common to be the same


@dataclass
class TimelineScore:
    """Sums over videos; `+=` adds those of more videos.

    Attributes:
        confusion: frames by true label and label of the segment there, shape (classes, classes + 1); the last column
            is for frames without a label.
        window_confusion: the same with the label of the window whose middle is nearest.
        changing: frames of expressions at most `NEAR_SEC` from their onset or offset: right by the segments, and all.
        held: the other frames of expressions, right and all.
        onset_errors_sec: of each episode that was found, time of the segment's start minus the true one.
        offset_errors_sec: the same for the end.
        episodes: true episodes.
        missed: those without a segment of their label.
        extra: segments of an expression that are no episode.
    """

    confusion: np.ndarray = field(default_factory=lambda: np.zeros((len(EXPRESSIONS), len(EXPRESSIONS) + 1), int))
    window_confusion: np.ndarray = field(
        default_factory=lambda: np.zeros((len(EXPRESSIONS), len(EXPRESSIONS) + 1), int)
    )
    changing: np.ndarray = field(default_factory=lambda: np.zeros(2, int))
    held: np.ndarray = field(default_factory=lambda: np.zeros(2, int))
    onset_errors_sec: list[float] = field(default_factory=list)
    offset_errors_sec: list[float] = field(default_factory=list)
    episodes: int = 0
    missed: int = 0
    extra: int = 0

    def __iadd__(self, other: "TimelineScore") -> "TimelineScore":
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self


def recalls(confusion: np.ndarray) -> np.ndarray:
    """Share of the frames of each class that have its label, NaN for classes without frames."""
    with np.errstate(invalid="ignore"):
        return confusion.diagonal() / confusion.sum(axis=1)


def score_timeline(
    truth: FootageTruth, episodes: Sequence[Episode], windows: Sequence[Window], segments: Sequence[Segment]
) -> TimelineScore:
    """Compares the windows and segments of one video with the truth. A track counts for the person whose face its
    windows' boxes are nearest to."""
    score = TimelineScore(episodes=len(episodes))
    persons = {
        track: _person(truth, [window for window in windows if window.track_id == track])
        for track in {window.track_id for window in windows}
    }
    for person in range(truth.labels.shape[1]):
        own_windows = [window for window in windows if persons[window.track_id] == person]
        own_segments = [segment for segment in segments if persons[segment.track_id] == person]
        own_episodes = [episode for episode in episodes if episode.person == person]
        labels, said = truth.labels[:, person], _segment_labels(truth.times_sec, own_segments)
        np.add.at(score.confusion, (labels, said), 1)  # -1 is the last column
        np.add.at(score.window_confusion, (labels, _window_labels(truth.times_sec, own_windows)), 1)
        for episode in own_episodes:
            since_sec, left_sec = truth.times_sec - episode.onset_sec, episode.offset_sec - truth.times_sec
            inside = (since_sec >= 0) & (left_sec >= 0)
            is_near = np.minimum(since_sec, left_sec) <= NEAR_SEC
            score.changing += _right(labels, said, inside & is_near)
            score.held += _right(labels, said, inside & ~is_near)
        _score_episodes(score, own_episodes, own_segments)
    return score


def _person(truth: FootageTruth, windows: Sequence[Window]) -> int:
    """The person whose face is nearest to most windows of a track, at the windows' middles."""
    votes = np.zeros(truth.labels.shape[1])
    for window in windows:
        frame = int(np.abs(truth.times_sec - window.center_sec).argmin())
        boxes = truth.boxes_px[frame]
        middle = np.array(window.box[:2]) + np.array(window.box[2:]) / 2
        votes[np.hypot(*(boxes[:, :2] + boxes[:, 2:] / 2 - middle).T).argmin()] += 1
    return int(votes.argmax())


def _right(labels: np.ndarray, said: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """How many of the chosen frames have the right label, and how many there are."""
    return np.array([(labels == said)[chosen].sum(), chosen.sum()])


def _number(label: str) -> int:
    return NOTHING if label == UNSURE else EXPRESSIONS.index(label)


def _segment_labels(times_sec: np.ndarray, segments: Sequence[Segment]) -> np.ndarray:
    labels = np.full(len(times_sec), NOTHING)
    for segment in segments:
        labels[(times_sec >= segment.start_sec) & (times_sec < segment.end_sec)] = _number(segment.label)
    return labels


def _window_labels(times_sec: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    if not windows:
        return np.full(len(times_sec), NOTHING)
    centers = np.array([window.center_sec for window in windows])
    nearest = np.abs(times_sec[:, None] - centers).argmin(axis=1)
    numbers = np.array([_number(window.label) for window in windows])
    return numbers[nearest]


def _score_episodes(score: TimelineScore, episodes: Sequence[Episode], segments: Sequence[Segment]) -> None:
    """Assigns segments to episodes of the same label, one to one, by the time that they have in common."""
    segments = [segment for segment in segments if segment.label not in (UNSURE, _NEUTRAL)]
    common_sec = np.zeros((len(episodes), len(segments)))
    for row, episode in enumerate(episodes):
        for column, segment in enumerate(segments):
            common = min(episode.offset_sec, segment.end_sec) - max(episode.onset_sec, segment.start_sec)
            shorter = min(episode.offset_sec - episode.onset_sec, segment.duration_sec)
            if segment.label == episode.label and common > _MIN_SHARE * shorter:
                common_sec[row, column] = common
    pairs = [
        (row, column)
        for row, column in zip(*linear_sum_assignment(common_sec, maximize=True), strict=True)
        if common_sec[row, column] > 0
    ]
    for row, column in pairs:
        score.onset_errors_sec.append(segments[column].start_sec - episodes[row].onset_sec)
        score.offset_errors_sec.append(segments[column].end_sec - episodes[row].offset_sec)
    score.missed += len(episodes) - len(pairs)
    score.extra += len(segments) - len(pairs)
