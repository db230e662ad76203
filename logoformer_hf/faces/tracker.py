"""
Follows faces over time: which detection belongs to which person.

Motion (a Kalman filter of constant velocity), overlap, size and colours give the cost of every pair of a track and a
detection; scipy finds the assignment of least cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from .appearance import signature_distance
from .detector import Face
from .holes import MAX_STRETCHED_SEC, NUM_PERIODS, PERIODS_UNSEEN

# A track that is unseen for longer ends; whoever comes back later is a new track.
MAX_UNSEEN_SEC = 1.2
# A track is one with its second detection: detectors see faces in single frames of wallpaper.
MIN_HITS = 2
# A track that is no track yet ends when it is unseen for longer.
MAX_TENTATIVE_UNSEEN_SEC = 0.3
# Both limits are longer where detections are rare: see `holes`.

# Detections of the same face: the worse one is left out.
DUPLICATE_IOU = 0.45
DUPLICATE_INSIDE = 0.75  # share of the smaller box that lies in the larger one

# Noise of the filter, in face sizes: of a detection, and of the velocity's change in a second.
MEASUREMENT_NOISE = 0.06
ACCELERATION_NOISE = 2.5
START_VELOCITY_NOISE = 1.5
# The velocity stays for the first time unseen and fades with the second as its time constant.
MAX_STEADY_SEC, FADING_SEC = 0.2, 0.8

# Cost of a pair, in parts that are about 1 for what cannot be: more than this is no pair.
MAX_COST = 1.0
DISTANCE_WEIGHT, SIZE_WEIGHT, APPEARANCE_WEIGHT = 0.4, 0.25, 1.2
# Distances that are possible at once, in face sizes, and the part that is added for every second unseen.
GATE_SIZES, GATE_SIZES_PER_SEC = 1.0, 2.5
MAX_SIZE_RATIO = 1.7
MAX_APPEARANCE_DISTANCE = 0.6
APPEARANCE_MEMORY = 0.8  # share of the old signature that is kept
# A detection between two people, see `_is_of_both`: how much better it may fit one of them, and how long ago the other
# was seen at most.
MAX_COST_DIFFERENCE, MAX_UNSEEN_BESIDE_SEC = 0.1, 0.6


@dataclass
class Track:
    """
    A person in one shot.

    Attributes:
        track_id: from 1; 0 while it has too few detections.
        state: `(3, 2)`: position x, position y and log size, each with its velocity a second; px and log px.
        covariance: `(3, 2, 2)`, of each row of the state.
        filter_sec: time of the state.
        first_sec: time of the first detection.
        last_sec: time of the last detection.
        hits: number of detections.
        signature: the colours, averaged over time.
    """

    track_id: int
    state: np.ndarray
    covariance: np.ndarray
    filter_sec: float
    first_sec: float
    last_sec: float
    hits: int
    signature: np.ndarray
    key: int = 0

    @property
    def is_confirmed(self) -> bool:
        """Whether it has a number."""
        return self.track_id > 0


@dataclass
class TrackerUpdate:
    """
    What an update found.

    Attributes:
        seen: the track of every face, None for a duplicate and for one that may be of either of two people.
        ended: tracks that ended.
    """

    seen: list[Track | None]
    ended: list[Track] = field(default_factory=list)


class FaceTracker:
    """
    Assigns detections to tracks, one update a detection. Deterministic.

    Args:
        max_unseen_sec: a track that is unseen for longer ends; more where detections are rare, see `stretched`.
        min_hits: detections that make a track.

    Attributes:
        tracks: those that have not ended, also those that are no tracks yet.
    """

    def __init__(self, max_unseen_sec: float = MAX_UNSEEN_SEC, min_hits: int = MIN_HITS):
        self.max_unseen_sec, self.min_hits = max_unseen_sec, min_hits
        self.tracks: list[Track] = []
        self._next_id = self._next_key = 1
        self._update_sec: float | None = None
        self._periods_sec: list[float] = []

    def stretched(self, limit_sec: float) -> float:
        """A limit of time unseen, for the rate at which detections come; see `PERIODS_UNSEEN`."""
        if not self._periods_sec:
            return limit_sec
        usual_sec = median(self._periods_sec)
        return max(limit_sec, min(PERIODS_UNSEEN * usual_sec, MAX_STRETCHED_SEC))

    def update(
        self, time_sec: float, faces: Sequence[Face], signatures: Sequence[np.ndarray] | None = None
    ) -> TrackerUpdate:
        """
        Assigns the faces of a frame.

        Args:
            time_sec: time of the frame, later than that of the update before.
            faces: the faces, in pixels that are the same for all updates.
            signatures: `face_signature` of each; None to go without colours.
        """
        if signatures is None:
            signatures = [np.zeros(0, dtype=np.float32)] * len(faces)
        if self._update_sec is not None:
            self._periods_sec = [*self._periods_sec, time_sec - self._update_sec][-NUM_PERIODS:]
        self._update_sec = time_sec
        ended = self._end_unseen(time_sec)
        for track in self.tracks:
            _predict(track, time_sec)
        kept = without_duplicates(faces)
        seen: list[Track | None] = [None] * len(faces)
        pairs = self._assign(time_sec, [faces[index] for index in kept], [signatures[index] for index in kept])
        for position, index in enumerate(kept):
            if position not in pairs:
                seen[index] = new = self._start(time_sec, faces[index], signatures[index])
                self.tracks.append(new)
            elif (found := pairs[position]) is not None:
                _correct(found, time_sec, faces[index], signatures[index])
                seen[index] = found
        for track in self.tracks:  # in the order of their first detections
            if track.hits >= self.min_hits and not track.is_confirmed:
                track.track_id = self._next_id
                self._next_id += 1
        return TrackerUpdate(seen, ended)

    def end_all(self) -> list[Track]:
        """Ends all tracks, as a cut does."""
        ended, self.tracks = self.tracks, []
        return ended

    def end_at_hole(self) -> list[Track]:
        """Ends all tracks; the time until the next update is not one between detections."""
        self._update_sec = None
        return self.end_all()

    def confirm_new(self) -> None:
        """Makes tracks of those that were first detected in the last update, where none can come after it."""
        for track in self.tracks:
            if not track.is_confirmed and track.first_sec == self._update_sec:
                track.track_id, self._next_id = self._next_id, self._next_id + 1

    def _end_unseen(self, time_sec: float) -> list[Track]:
        confirmed_sec, tentative_sec = self.stretched(self.max_unseen_sec), self.stretched(MAX_TENTATIVE_UNSEEN_SEC)

        def is_over(track: Track) -> bool:
            limit_sec = confirmed_sec if track.is_confirmed else tentative_sec
            return time_sec - track.last_sec > limit_sec + 1e-6

        ended = [track for track in self.tracks if is_over(track)]
        self.tracks = [track for track in self.tracks if not is_over(track)]
        return ended

    def _start(self, time_sec: float, face: Face, signature: np.ndarray) -> Track:
        measured = _measurement(face)
        size = float(np.exp(measured[2]))
        state = np.stack([measured, np.zeros(3)], axis=1)
        deviations = np.array([size, size, 1.0])
        covariance = np.zeros((3, 2, 2))
        covariance[:, 0, 0] = (MEASUREMENT_NOISE * deviations) ** 2
        covariance[:, 1, 1] = (START_VELOCITY_NOISE * deviations * (1, 1, 0.3)) ** 2
        key, self._next_key = self._next_key, self._next_key + 1
        return Track(0, state, covariance, time_sec, time_sec, time_sec, 1, signature.copy(), key)

    def _assign(
        self, time_sec: float, faces: Sequence[Face], signatures: Sequence[np.ndarray]
    ) -> dict[int, Track | None]:
        """The track of each face that has one, and None for a face that may be of either of two people."""
        if not self.tracks or not faces:
            return {}
        costs = np.array(
            [
                [_cost(track, time_sec, face, mark) for face, mark in zip(faces, signatures, strict=True)]
                for track in self.tracks
            ]
        )  # (tracks, faces)
        # A pair that cannot be costs more than leaving both alone, in any number.
        impossible = 1e3
        rows, columns = linear_sum_assignment(np.where(costs <= MAX_COST, costs - MAX_COST, impossible))
        pairs: dict[int, Track | None] = {
            int(column): self.tracks[row]
            for row, column in zip(rows, columns, strict=True)
            if costs[row, column] <= MAX_COST
        }
        for row, column in zip(rows, columns, strict=True):
            if column in pairs and self._is_of_both(time_sec, faces[column], row, costs[:, column], pairs):
                pairs[int(column)] = None
        return pairs

    def _is_of_both(
        self, time_sec: float, face: Face, row: int, costs: np.ndarray, pairs: Mapping[int, Track | None]
    ) -> bool:
        """
        Whether a detection may as well be of another person who was just seen beside the one it is assigned to:
        detectors find a single face between two that overlap. Its box has the middles of both.

        Args:
            time_sec: time of the update.
            face: the detection.
            row: index of the track that it is assigned to.
            costs: of the detection and each track, `(tracks,)`.
            pairs: all assignments.
        """
        if not (self.tracks[row].is_confirmed and _holds_middle(face, self.tracks[row])):
            return False
        return any(
            other.is_confirmed
            and not any(track is other for track in pairs.values())
            and time_sec - other.last_sec <= MAX_UNSEEN_BESIDE_SEC
            and cost - costs[row] <= MAX_COST_DIFFERENCE
            and _holds_middle(face, other)
            for other, cost in zip(self.tracks, costs, strict=True)
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next updates depend on, as plain numbers, lists and arrays."""
        return {
            "tracks": [self.track_state(track) for track in self.tracks],
            "next_id": self._next_id,
            "next_key": self._next_key,
            "update_sec": self._update_sec,
            "periods_sec": list(self._periods_sec),
        }

    @staticmethod
    def track_state(track: Track) -> dict[str, Any]:
        """The fields of a track."""
        return {name: _copy(value) for name, value in vars(track).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self.tracks = [Track(**track) for track in state["tracks"]]  # updates replace arrays, they change none
        self._next_id, self._next_key = state["next_id"], state["next_key"]
        self._update_sec, self._periods_sec = state["update_sec"], list(state["periods_sec"])


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _measurement(face: Face) -> np.ndarray:
    """Middle of the box in x and y, and the logarithm of its size; px."""
    x, y, width, height = (float(value) for value in face.box)
    return np.array([x + width / 2, y + height / 2, 0.5 * np.log(max(width * height, 1.0))])


def _predict(track: Track, time_sec: float) -> None:
    """Moves the filter of a track to a later time."""
    seconds = time_sec - track.filter_sec
    moved, kept = seconds, 1.0  # the way by a velocity of 1, and what is left of it
    # A face that is out of sight does not go on growing or flying: its velocity fades within about a second.
    if time_sec - track.last_sec > MAX_STEADY_SEC:
        kept = float(np.exp(-seconds / FADING_SEC))
        moved = FADING_SEC * (1 - kept)
    transition = np.array([[1.0, moved], [0.0, kept]])
    track.state = track.state @ transition.T
    size = float(np.exp(track.state[2, 0]))
    noise = (ACCELERATION_NOISE * np.array([size, size, 0.3])) ** 2
    shape = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
    track.covariance = transition @ track.covariance @ transition.T + noise[:, None, None] * shape
    track.filter_sec = time_sec


def _correct(track: Track, time_sec: float, face: Face, signature: np.ndarray) -> None:
    """Takes a detection into a track that was moved to its time."""
    measured = _measurement(face)
    size = float(np.exp(measured[2]))
    noise = (MEASUREMENT_NOISE * np.array([size, size, 1.0])) ** 2
    gain = track.covariance[:, :, 0] / (track.covariance[:, 0, 0] + noise)[:, None]  # (3, 2)
    track.state = track.state + gain * (measured - track.state[:, 0])[:, None]
    track.covariance = track.covariance - gain[:, :, None] * track.covariance[:, None, 0, :]
    track.signature = APPEARANCE_MEMORY * track.signature + (1 - APPEARANCE_MEMORY) * signature
    track.last_sec, track.hits = time_sec, track.hits + 1


def _cost(track: Track, time_sec: float, face: Face, signature: np.ndarray) -> float:
    """How little a detection fits a track: 0 for a perfect fit, infinite for one that cannot be."""
    measured = _measurement(face)
    size = float(np.exp((track.state[2, 0] + measured[2]) / 2))
    distance = float(np.hypot(*(measured[:2] - track.state[:2, 0]))) / size
    gate = GATE_SIZES + GATE_SIZES_PER_SEC * (time_sec - track.last_sec)
    growth = abs(float(measured[2] - track.state[2, 0])) / np.log(MAX_SIZE_RATIO)
    if distance > gate or growth > 1:
        return float("inf")
    colours = 0.0
    if track.signature.size and signature.size:
        colours = signature_distance(track.signature, signature)
        if colours > MAX_APPEARANCE_DISTANCE:
            return float("inf")
    return DISTANCE_WEIGHT * distance / gate + SIZE_WEIGHT * float(growth) + APPEARANCE_WEIGHT * colours


def _holds_middle(face: Face, track: Track) -> bool:
    """Whether the middle of a track lies in the box of a detection."""
    x, y, width, height = face.box
    middle_x, middle_y = track.state[:2, 0]
    return bool(x <= middle_x <= x + width and y <= middle_y <= y + height)


def without_duplicates(faces: Sequence[Face]) -> list[int]:
    """Indices of the faces that are left when the worse of two that cover each other are dropped; in their order."""
    kept: list[int] = []
    for index in sorted(range(len(faces)), key=lambda index: -faces[index].score):
        if not any(_cover(faces[index].box, faces[other].box) for other in kept):
            kept.append(index)
    return sorted(kept)


def _cover(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two boxes are of one face."""
    corner = np.maximum(first[:2], second[:2])
    common = float(np.prod(np.maximum(np.minimum(first[:2] + first[2:], second[:2] + second[2:]) - corner, 0)))
    areas = float(np.prod(first[2:])), float(np.prod(second[2:]))
    return common > DUPLICATE_IOU * (sum(areas) - common) or common > DUPLICATE_INSIDE * min(areas)
