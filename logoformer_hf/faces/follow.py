"""
Follows the faces of footage: detects on every k-th frame, tracks, and says for any frame between where each face was.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .appearance import FaceLook, face_look, is_same_face
from .cuts import is_blank, is_cut, is_flash, is_near_box, is_nearer, thumbnail
from .detector import Face, FaceDetector, whole_frame_face
from .frame_state import frame_from, frame_state
from .frames import FootageFrame
from .geometry import CROP_SIDE_PX, crop_face, whole_frame_crop
from .holes import HoleFinder
from .quality import face_quality
from .search import is_search_due
from .tilt import Tilt, with_tilt
from .tracker import MIN_HITS, FaceTracker, Track

DETECT_EVERY = 3
DETECTION_SIDE_PX = 320
MAX_GAP_SEC = 0.5
# Where no face is found, every tenth detection looks at this many times as large a picture, and stays with it as long
# as it finds only faces that are too small for the usual one.
SECOND_LOOK_SCALE, SECOND_LOOK_EVERY = 2, 10
SMALL_FACE_PX = 20.0  # of the box's shorter side, in the usual picture
# A flash, or black between two shots, is at most this long.
MAX_FLASH_SEC = 0.5
# Wanted frames that wait for what comes after them; then they are given out with what is known.
MAX_HELD_FRAMES = 128


@dataclass(frozen=True)
class TrackedFace:
    """
    A face of a person in one frame.

    Attributes:
        track_id: number of the person in this shot, from 1.
        face: box and landmarks in pixels of the frame.
        quality: 0 to 1, see `faces.quality`.
        is_interpolated: whether it was not detected on this frame but lies between detections.
        crop: the crop that the quality was rated by, which `crop_of` gives back; None where there is none.
    """

    track_id: int
    face: Face
    quality: float
    is_interpolated: bool
    crop: np.ndarray | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class TrackedFrame:
    """
    A wanted frame with its faces.

    Attributes:
        frame: the frame.
        faces: its faces, in the order of their numbers.
        ended: tracks that ended since the frame before, before or at this one; they do not come back.
        is_cut: whether it is the first wanted frame after a cut or a hole (see `holes`).
        is_last: it is the last frame before a cut and comes back for that; it was not wanted.
    """

    frame: FootageFrame
    faces: tuple[TrackedFace, ...]
    ended: tuple[int, ...]
    is_cut: bool
    is_last: bool = False


def crop_of(tracked: TrackedFace, frame: FootageFrame, side_px: int = CROP_SIDE_PX) -> np.ndarray:
    """`(side_px, side_px, 3)` uint8: the face as the model sees it."""
    if tracked.crop is not None and len(tracked.crop) == side_px:
        return tracked.crop
    if np.isfinite(tracked.face.landmarks).all():
        return crop_face(frame.pixels, tracked.face.landmarks, side_px)
    return whole_frame_crop(frame.pixels, side_px)


@dataclass
class _Held:
    """
    A frame that waits, one that is not wanted only for a cut that may come after it; `lookup_sec` is the time at which
    its faces are looked up, None while unknown.
    """

    frame: FootageFrame
    is_wanted: bool = True
    lookup_sec: float | None = None
    is_moved: bool = False
    shot: int = 0


@dataclass
class _History:
    """A track and its detections that may still be needed."""

    track: Track
    shot: int
    times: list[float] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    is_over: bool = False
    is_reported: bool = False
    look: FaceLook | None = None  # at the last detection
    tilt: Tilt = field(default_factory=Tilt)


class FaceFollower:
    """
    Takes the frames of footage one after the other and gives back the wanted ones with their faces.

    A person has a face from the first detection on, in no frame before it: whoever comes in between two detections is
    without a face in the frames before the second one, at most `detect_every - 1`.

    A wanted frame waits until every person in it was seen after it, or is unseen for `max_gap_sec`: at most
    `MAX_HELD_FRAMES` wait.

    A hole ends all tracks. One detection makes a track only as the last one of footage that has no more than two.

    Args:
        detector: finds faces; None where every frame is one face already.
        detect_every: faces are detected on every k-th frame; on more of them where they would be more than
            `MAX_DETECTION_PERIOD_SEC` apart.
        detection_side_px: longer side of the picture that faces are detected in.
        max_gap_sec: between two detections of a person that are further apart, it is nowhere. Where detections are
            rare, this limit grows with the time between them, up to `tracker.MAX_STRETCHED_SEC`.
        wants: whether a frame with this time comes back, for `push` without `is_wanted`; all do by default.

    Raises:
        ValueError: an argument that is not positive.
    """

    def __init__(
        self,
        detector: FaceDetector | None,
        detect_every: int = DETECT_EVERY,
        detection_side_px: int = DETECTION_SIDE_PX,
        max_gap_sec: float = MAX_GAP_SEC,
        wants: Callable[[float], bool] | None = None,
    ):
        for name, value in {"detect_every": detect_every, "detection_side_px": detection_side_px}.items():
            if value < 1:
                raise ValueError(f"{name}={value}: it must be at least 1.")
        if not max_gap_sec >= 0:
            raise ValueError(f"max_gap_sec={max_gap_sec}: it must not be negative.")
        self.detector, self.detect_every, self.detection_side_px = detector, detect_every, detection_side_px
        self.max_gap_sec, self.wants = max_gap_sec, wants
        self.tracker = FaceTracker()
        self._holes = HoleFinder()
        self._held: list[_Held] = []
        self._recent: list[_Held] = []  # the last frame with detection and those after it, wanted or not
        self._histories: dict[int, _History] = {}
        self._last: FootageFrame | None = None  # the last frame pushed
        self._since_detection = 0
        self._detection_sec: float | None = None
        self._thumbnail: np.ndarray | None = None  # of the last frame with detection that is no flash
        self._thumbnail_sec = 0.0
        self._shot = self._given_shot = 0
        self._num_empty = 0
        self._is_second_look = False
        self._num_detections = 0
        self._is_whole_ended = False  # without a detector: there was a hole since the last wanted frame

    @property
    def last_search(self) -> tuple[float | None, float | None, int]:
        """Time of the last frame and of the last one that was searched (None before), and frames pushed since that."""
        return None if self._last is None else self._last.time_sec, self._detection_sec, self._since_detection

    @property
    def search_side_px(self) -> int:
        """Longer side of the picture in which faces are searched at present."""
        return self.detection_side_px * (SECOND_LOOK_SCALE if self._is_second_look else 1)

    def push(self, frame: FootageFrame, is_wanted: bool | None = None) -> list[TrackedFrame]:
        """
        Takes a frame that is later than the one before.

        Returns:
            Wanted frames whose faces are known by now, in their order; each comes once.

        Raises:
            ValueError: a frame that is not later than the one before.
        """
        if self._last is not None and frame.time_sec <= self._last.time_sec:
            raise ValueError(
                f"a frame at {frame.time_sec:.3f} s was pushed after one at {self._last.time_sec:.3f} s; "
                "frames must be pushed in the order of their times."
            )
        if is_wanted is None:
            is_wanted = self.wants is None or self.wants(frame.time_sec)
        is_after_hole = self._holes.push(frame.time_sec)
        if self.detector is None:
            self._last = frame
            is_ended = self._is_whole_ended or is_after_hole
            self._is_whole_ended = is_ended and not is_wanted
            return [_whole(frame, is_ended)] if is_wanted else []
        if is_after_hole:
            self._end_at_hole()
        period_sec = frame.time_sec - self._last.time_sec if self._last is not None else 0.0
        self._last = frame
        self._recent.append(_Held(frame, is_wanted))
        if is_wanted:
            self._held.append(self._recent[-1])
        self._since_detection += 1
        if is_search_due(frame.time_sec, period_sec, self._detection_sec, self._since_detection, self.detect_every):
            self._detect(frame)
            return self._give_out()
        return self._give_out() if len(self._held) > MAX_HELD_FRAMES else []

    def finish(self) -> list[TrackedFrame]:
        """The wanted frames that are left, when no more frames come."""
        if self.detector is None or self._last is None:
            return []
        if self._detection_sec != self._last.time_sec:
            self._detect(self._last)
        if self._num_detections <= MIN_HITS:
            self.tracker.confirm_new()
        for history in self._histories.values():
            history.is_over = True
        return self._give_out()

    def _end_at_hole(self) -> None:
        """Looks at the last frame before a hole and ends all tracks; what comes is not compared with what was."""
        assert self._last is not None
        if self._detection_sec != self._last.time_sec:
            self._detect(self._last)
        self.tracker.end_at_hole()
        for history in self._histories.values():
            history.is_over = True
        self._shot += 1
        self._thumbnail, self._recent = None, []

    def _detect(self, frame: FootageFrame) -> None:
        """Detects on a frame, looks for a cut before it, and takes the faces into the tracks."""
        assert self.detector is not None
        small = frame.reduced(self.detection_side_px)
        found, picture = self._find(frame, small)
        looks = [face_look(picture, face) for face in found]
        signatures = [look.signature for look in looks]
        width, height = frame.size
        scales = width / picture.shape[1], height / picture.shape[0]
        faces = [face.scaled(*scales) for face in found]
        self._look_for_cut(frame.time_sec, thumbnail(small), lambda: self._goes_on(faces, looks))
        update = self.tracker.update(frame.time_sec, faces, signatures)
        for track in update.ended:
            self._histories[track.key].is_over = True
        for index, seen in enumerate(update.seen):
            if seen is not None:
                history = self._histories.setdefault(seen.key, _History(seen, self._shot))
                history.times.append(frame.time_sec)
                history.faces.append(with_tilt(self.detector, picture, found[index], history.tilt).scaled(*scales))
                history.look = looks[index]
        for held in self._recent:
            if held.lookup_sec is None:
                held.lookup_sec, held.shot = held.frame.time_sec, self._shot
        self._recent = self._recent[-1:]
        self._detection_sec, self._since_detection = frame.time_sec, 0
        self._num_detections += 1

    def _find(self, frame: FootageFrame, picture: np.ndarray) -> tuple[list[Face], np.ndarray]:
        """The faces of a frame and the picture that they were found in, of which the larger one costs more."""
        assert self.detector is not None
        larger_px = self.detection_side_px * SECOND_LOOK_SCALE
        if self._is_second_look:
            larger, faces = frame.reduced(larger_px), frame.faces(self.detector, larger_px)
            ratio = picture.shape[1] / larger.shape[1]
            self._is_second_look = (
                bool(faces) and min(float(face.box[2:].min()) for face in faces) * ratio < SMALL_FACE_PX
            )
            return faces, larger
        faces = frame.faces(self.detector, self.detection_side_px)
        if faces or max(frame.size) <= self.detection_side_px:
            self._num_empty = 0
            return faces, picture
        self._num_empty += 1
        if self._num_empty % SECOND_LOOK_EVERY != 1:
            return faces, picture
        larger, faces = frame.reduced(larger_px), frame.faces(self.detector, larger_px)
        self._is_second_look = bool(faces)
        return faces, larger

    def _goes_on(self, faces: list[Face], looks: list[FaceLook]) -> bool:
        """Whether somebody who was seen at the last detection is still at the same place."""
        return any(
            history.times[-1] == self._detection_sec
            and is_near_box(history.faces[-1].box, face.box)
            and history.look is not None
            and is_same_face(history.look, look)
            for history in self._histories.values()
            if not history.is_over
            for face, look in zip(faces, looks, strict=True)
        )

    def _look_for_cut(self, time_sec: float, current: np.ndarray, goes_on: Callable[[], bool]) -> None:
        """
        Compares a frame with the last one that could be compared; for a short time, a flash is no frame. Where a face
        goes on before a background that changes completely (a screen, a stroboscope, noise), there is no cut.
        """
        before = self._thumbnail
        is_short = time_sec - self._thumbnail_sec <= MAX_FLASH_SEC
        if before is not None and is_short and (is_blank(current) or is_flash(before, current)):
            return
        if before is not None and is_cut(before, current) and not goes_on():
            self._cut(time_sec, self._detection_sec, current)
        self._thumbnail, self._thumbnail_sec = current, time_sec

    def _cut(self, time_sec: float, before_sec: float | None, current: np.ndarray) -> None:
        """Ends all tracks; frames since the last detection go to the side that they resemble, see `is_last`."""
        assert self._thumbnail is not None
        for track in self.tracker.end_all():
            self._histories[track.key].is_over = True
        is_after, last = False, self._recent[0]
        for held in self._recent:
            if held.lookup_sec is None:
                picture = thumbnail(held.frame.pixels)
                is_after = is_after or held.frame.time_sec >= time_sec or is_nearer(picture, current, self._thumbnail)
                held.is_moved = held.frame.time_sec != time_sec
                held.lookup_sec = time_sec if is_after or before_sec is None else before_sec
                held.shot = self._shot + is_after
                last = last if is_after else held
        if not last.is_wanted:
            place = sum(held.frame.time_sec < last.frame.time_sec for held in self._held)
            self._held.insert(place, last)
        self._shot += 1

    def _give_out(self) -> list[TrackedFrame]:
        """The first frames held whose faces are known."""
        given = []
        while self._held and (len(self._held) > MAX_HELD_FRAMES or self._is_known(self._held[0])):
            given.append(self._tracked(self._held.pop(0)))
        self._forget()
        return given

    def _is_known(self, held: _Held) -> bool:
        lookup_sec = held.lookup_sec
        if lookup_sec is None:
            return False
        return not any(self._may_change(history, held, lookup_sec) for history in self._histories.values())

    def _may_change(self, history: _History, held: _Held, lookup_sec: float) -> bool:
        """Whether a later detection can change where a track is in a frame."""
        if history.is_over or history.shot != held.shot:
            return False
        if not history.track.is_confirmed:
            return history.track.first_sec <= lookup_sec
        assert self._detection_sec is not None
        is_lost = self._detection_sec - history.track.last_sec > self.tracker.stretched(self.max_gap_sec)
        return history.track.last_sec < lookup_sec and not is_lost

    def _tracked(self, held: _Held) -> TrackedFrame:
        lookup_sec = held.frame.time_sec if held.lookup_sec is None else held.lookup_sec
        faces = []
        for history in self._histories.values():
            if history.track.is_confirmed and history.shot == held.shot:
                found = self._face_at(history, lookup_sec)
                if found is not None:
                    faces.append(self._rated(held, history.track.track_id, *found))
        ended = []
        for history in self._histories.values():
            is_before = history.shot < held.shot or history.track.last_sec < lookup_sec
            if history.is_over and not history.is_reported and is_before:
                history.is_reported = True
                if history.track.is_confirmed:
                    ended.append(history.track.track_id)
        is_cut = held.shot != self._given_shot
        self._given_shot = held.shot
        faces.sort(key=lambda face: face.track_id)
        return TrackedFrame(held.frame, tuple(faces), tuple(sorted(ended)), is_cut, is_last=not held.is_wanted)

    def _face_at(self, history: _History, time_sec: float) -> tuple[Face, bool] | None:
        """A track's face at a time, and whether it lies between detections; None where it was not there."""
        after = int(np.searchsorted(history.times, time_sec - 1e-9))
        if after == len(history.times):
            return None
        if abs(history.times[after] - time_sec) < 1e-9:
            return history.faces[after], False
        gap_sec = self.tracker.stretched(self.max_gap_sec)
        if after == 0 or history.times[after] - history.times[after - 1] > gap_sec + 1e-6:
            return None
        first, second = history.faces[after - 1], history.faces[after]
        share = (time_sec - history.times[after - 1]) / (history.times[after] - history.times[after - 1])
        box = (1 - share) * first.box + share * second.box
        landmarks = (1 - share) * first.landmarks + share * second.landmarks
        score = min(first.score, second.score)
        return Face(box.astype(np.float32), landmarks.astype(np.float32), score), True

    @staticmethod
    def _rated(held: _Held, track_id: int, face: Face, is_between: bool) -> TrackedFace:
        crop = crop_face(held.frame.pixels, face.landmarks)
        quality = face_quality(face, held.frame.size, crop).value
        return TrackedFace(track_id, face, quality, is_between or held.is_moved, crop)

    def _forget(self) -> None:
        """Drops what no frame can need any more."""
        if self._held:
            oldest = self._held[0]
            oldest_sec = (
                oldest.frame.time_sec if oldest.lookup_sec is None else min(oldest.lookup_sec, oldest.frame.time_sec)
            )
        else:
            oldest_sec = self._detection_sec or 0.0
        for key, history in list(self._histories.items()):
            first = max(int(np.searchsorted(history.times, oldest_sec, side="right")) - 1, 0)
            del history.times[:first], history.faces[:first]
            is_useless = history.is_reported or not history.track.is_confirmed
            if history.is_over and is_useless and history.track.last_sec < oldest_sec:
                del self._histories[key]

    def state_dict(self) -> dict[str, Any]:
        """
        Everything that the next results depend on: numbers, strings, lists, dictionaries and arrays.

        Frames that wait are kept with all their pixels.
        """
        return {
            "tracker": self.tracker.state_dict(),
            "holes": self._holes.state_dict(),
            "held": [
                {**vars(held), "frame": frame_state(held.frame, is_needed=True)}  # also when it is the last one
                for held in self._held
            ],
            "recent": [
                {**vars(held), "frame": frame_state(held.frame, is_needed=number > 0 or not held.is_wanted)}
                for number, held in enumerate(self._recent)
            ],
            "histories": [
                {
                    "track": self.tracker.track_state(history.track),
                    "shot": history.shot,
                    "times": list(history.times),
                    "faces": [[face.box, face.landmarks, face.score] for face in history.faces],
                    "is_over": history.is_over,
                    "is_reported": history.is_reported,
                    "look": None if history.look is None else [history.look.signature, history.look.pattern],
                    "tilt": [history.tilt.known_deg, history.tilt.num_seen],
                }
                for history in self._histories.values()
            ],
            "last": self._last_state(),
            "counts": {name: getattr(self, name) for name in _STATE_NAMES},
        }

    def _last_state(self) -> dict[str, Any] | None:
        """The last frame; its pixels are needed only where faces may yet be detected on it."""
        if self._last is None:
            return None
        is_needed = self.detector is not None and self._detection_sec != self._last.time_sec
        return frame_state(self._last, is_needed)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from the `state_dict` of a follower with the same settings."""
        self.tracker.load_state_dict(state["tracker"])
        self._holes.load_state_dict(state["holes"])
        tracks = {track.key: track for track in self.tracker.tracks}
        self._held = [_Held(**{**held, "frame": frame_from(held["frame"])}) for held in state["held"]]
        recent = [_Held(**{**held, "frame": frame_from(held["frame"])}) for held in state["recent"]]
        waiting = {held.frame.index: held for held in self._held}
        self._recent = [waiting.get(held.frame.index, held) for held in recent]
        self._histories = {}
        for saved in state["histories"]:
            track = Track(**saved["track"])
            faces = [Face(box, landmarks, score) for box, landmarks, score in saved["faces"]]
            self._histories[track.key] = _History(
                tracks.get(track.key, track),
                saved["shot"],
                list(saved["times"]),
                faces,
                saved["is_over"],
                saved["is_reported"],
                look=None if saved["look"] is None else FaceLook(*saved["look"]),
                tilt=Tilt(*saved["tilt"]),
            )
        self._last = None if state["last"] is None else frame_from(state["last"])
        for name, value in state["counts"].items():
            setattr(self, name, value)


# What a follower remembers besides its tracks and frames.
_STATE_NAMES = (
    "_since_detection",
    "_detection_sec",
    "_thumbnail",
    "_thumbnail_sec",
    "_shot",
    "_given_shot",
    "_num_empty",
    "_is_second_look",
    "_num_detections",
    "_is_whole_ended",
)


def _whole(frame: FootageFrame, is_after_hole: bool) -> TrackedFrame:
    faces = (TrackedFace(1, whole_frame_face(frame.size), 1.0, False),)
    return TrackedFrame(frame, faces, (1,) if is_after_hole else (), is_after_hole)
