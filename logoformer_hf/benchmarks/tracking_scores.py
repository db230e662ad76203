"""How well faces were followed, compared with known truth: identity switches, IDF1, and errors of the boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..data.synthetic.footage import FootageTruth

MIN_OVERLAP = 0.5  # intersection over union with which a box counts as that of a face
MIN_SEEN = 0.5  # faces of which less is seen need not be found; boxes on them are neither right nor wrong

FoundFaces = Sequence[tuple[int, np.ndarray]]  # of a frame: number of the track, and x, y, width, height


@dataclass
class TrackingScore:
    """Sums over sequences; `+=` adds those of more sequences.

    Attributes:
        sequences: number of sequences.
        tracks: number of true tracks.
        switches: how often a face's track had another number than when it was last found.
        id_right: boxes with the number that belongs to the face, by the best one-to-one assignment of numbers.
        true_boxes: faces to be found, one for each frame.
        found_boxes: boxes that were found, without those on faces that need not be found.
        missed: faces without a box.
        extra: boxes without a face.
        middle_errors: distance of the box's middle from the true one, as shares of the face's side.
        side_errors: the larger error of width and height, as shares of the face's side.
    """

    sequences: int = 0
    tracks: int = 0
    switches: int = 0
    id_right: int = 0
    true_boxes: int = 0
    found_boxes: int = 0
    missed: int = 0
    extra: int = 0
    middle_errors: list[float] = field(default_factory=list)
    side_errors: list[float] = field(default_factory=list)

    @property
    def idf1(self) -> float:
        """Share of boxes with the right identity: the harmonic mean of identity precision and recall (E. Ristani et
        al., *Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking*, ECCV workshops 2016)."""
        return 2 * self.id_right / max(self.true_boxes + self.found_boxes, 1)

    def __iadd__(self, other: "TrackingScore") -> "TrackingScore":
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self


def score_tracks(truth: FootageTruth, found: Mapping[int, FoundFaces]) -> TrackingScore:
    """Compares the faces that were found in frames of one sequence, by the frames' numbers, with the truth."""
    score = TrackingScore(sequences=1)
    together: dict[tuple[int, int], int] = {}  # frames in which a true track and a found one overlap
    last: dict[int, int] = {}  # the number with which each true track was last found
    seen_tracks: set[int] = set()
    for frame, faces in sorted(found.items()):
        present = np.flatnonzero(truth.tracks[frame] > 0)
        tracks, boxes = truth.tracks[frame, present].tolist(), truth.boxes_px[frame, present]
        is_wanted = truth.seen[frame, present] >= MIN_SEEN
        numbers = [number for number, _ in faces]
        overlaps = _overlaps(boxes, [box for _, box in faces])
        matches = _matches(overlaps, [last.get(track) for track in tracks], numbers)
        passed_over = {column for row, column in matches if not is_wanted[row]}
        matches = [(row, column) for row, column in matches if is_wanted[row]]
        for row, column in np.argwhere(overlaps >= MIN_OVERLAP).tolist():
            if is_wanted[row] and column not in passed_over:
                pair = tracks[row], numbers[column]
                together[pair] = together.get(pair, 0) + 1
        for row, column in matches:
            score.switches += last.get(tracks[row], numbers[column]) != numbers[column]
            last[tracks[row]] = numbers[column]
            middle, side = _box_errors(boxes[row], faces[column][1])
            score.middle_errors.append(middle)
            score.side_errors.append(side)
        seen_tracks |= {track for track, wanted in zip(tracks, is_wanted, strict=True) if wanted}
        score.true_boxes += int(is_wanted.sum())
        score.found_boxes += len(faces) - len(passed_over)
        score.missed += int(is_wanted.sum()) - len(matches)
        score.extra += len(faces) - len(passed_over) - len(matches)
    score.tracks = len(seen_tracks)
    score.id_right = _most_right(together)
    return score


def _matches(overlaps: np.ndarray, before: Sequence[int | None], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of a true face and a found one. A face keeps the number that it had as long as the boxes overlap enough;
    the others are assigned by overlap (K. Bernardin, R. Stiefelhagen, *Evaluating Multiple Object Tracking
    Performance: The CLEAR MOT Metrics*, 2008)."""
    kept = [
        (row, numbers.index(number))
        for row, number in enumerate(before)
        if number in numbers and overlaps[row, numbers.index(number)] >= MIN_OVERLAP
    ]
    rest = overlaps.copy()
    for row, column in kept:
        rest[row], rest[:, column] = 0, 0
    return kept + _assigned(rest)


def _assigned(overlaps: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of the best one-to-one assignment that overlap enough."""
    value = np.where(overlaps >= MIN_OVERLAP, 1 + overlaps, 0)  # as many pairs as possible come first
    rows, columns = linear_sum_assignment(value, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if value[row, column] > 0]


def _most_right(together: dict[tuple[int, int], int]) -> int:
    """Boxes with the right identity, when each true track has at most one number and each number one true track."""
    rows, columns = (sorted({pair[side] for pair in together}) for side in (0, 1))
    counts = np.zeros((len(rows), len(columns)), int)
    for (track, number), count in together.items():
        counts[rows.index(track), columns.index(number)] = count
    return int(counts[linear_sum_assignment(counts, maximize=True)].sum())


def _overlaps(boxes: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Intersection over union of every box with every other one, shape (boxes, others)."""
    one, two = boxes.reshape(-1, 1, 4), np.asarray(others, float).reshape(1, -1, 4)
    low = np.maximum(one[..., :2], two[..., :2])
    high = np.minimum(one[..., :2] + one[..., 2:], two[..., :2] + two[..., 2:])
    both = np.maximum(high - low, 0).prod(axis=-1)
    return both / (one[..., 2:].prod(axis=-1) + two[..., 2:].prod(axis=-1) - both)


def _box_errors(true_box: np.ndarray, box: np.ndarray) -> tuple[float, float]:
    side = float(np.sqrt(true_box[2] * true_box[3]))
    middle = np.hypot(*(box[:2] + box[2:] / 2 - true_box[:2] - true_box[2:] / 2))
    return float(middle) / side, float(np.abs(box[2:] - true_box[2:]).max()) / side
