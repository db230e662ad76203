"""The crops of a clip's main person, one per frame, as models are trained with."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..image_reading_logoformer import VideoReadError
from .detector import FaceDetector
from .follow import FaceFollower, TrackedFace, TrackedFrame, crop_of
from .footage import Footage, FootageFrame
from .geometry import CROP_SIDE_PX
from .quality import MIN_QUALITY


class NoFaceError(VideoReadError):
    """A clip in which no face is found, or none that can be read; the message names the clip."""


@dataclass(frozen=True)
class MainPerson:
    """
    The main person of a clip: who is there longest and largest (`main_track`).

    Attributes:
        times_sec: presentation times of the frames with this person's face, increasing, at least one.
        faces: the faces in these frames.
        num_people: the largest number of faces in a frame.
    """

    times_sec: np.ndarray
    faces: list[TrackedFace]
    num_people: int

    def face_at(self, time_sec: float) -> TrackedFace:
        """The face in the frame of this time, or in the nearest frame that has it."""
        return self.faces[int(np.abs(self.times_sec - time_sec).argmin())]


def main_track(tracked: list[TrackedFrame]) -> int | None:
    """The number of the person with the largest sum of face areas over all frames; None where there is nobody."""
    areas: dict[int, float] = {}
    for frame in tracked:
        for face in frame.faces:
            areas[face.track_id] = areas.get(face.track_id, 0.0) + float(face.face.box[2] * face.face.box[3])
    return max(areas, key=lambda number: (areas[number], -number), default=None)


def find_main_person(source: str | Path, detector: FaceDetector | None, min_quality: float = 0.0) -> MainPerson:
    """
    Follows the faces of a clip and chooses the main person. The frames are not kept in memory.

    Args:
        source: file, folder of frames or address, as for `Footage`.
        detector: finds faces; None where every frame is one face already.
        min_quality: the quality that this person's face must have in a frame at least, see `faces.quality`.

    Raises:
        NoFaceError: no face in any frame, or none of the main person with this quality.
        VideoReadError: a clip that cannot be read.
    """
    follower = FaceFollower(detector)
    found: list[TrackedFrame] = []
    with Footage(source) as footage:
        for frame in footage:
            found += [_without_pixels(tracked) for tracked in follower.push(frame, True)]
    found += [_without_pixels(tracked) for tracked in follower.finish()]
    number = main_track(found)
    places = [(tracked.frame.time_sec, face) for tracked in found for face in tracked.faces if face.track_id == number]
    if not places:
        raise NoFaceError(f"{source}: no face was found in {_frames(len(found), 'any')}.")
    best = max(face.quality for _, face in places)
    if best < min_quality:
        raise NoFaceError(
            f"{source}: the face is too small, blurred, turned away or half outside in "
            f"{_frames(len(found), 'all')} (quality {best:.2f} at best, and {min_quality:g} is needed)."
        )
    num_people = max(len(tracked.faces) for tracked in found)
    return MainPerson(np.array([time_sec for time_sec, _ in places]), [face for _, face in places], num_people)


def _frames(number: int, which: str) -> str:
    return "its only frame" if number == 1 else f"{which} of its {number} frames"


def crop_person(source: str | Path, person: MainPerson, side_px: int = CROP_SIDE_PX) -> Iterator[np.ndarray]:
    """The crops of a clip's main person, one per frame, `(side_px, side_px, 3)` uint8 RGB; see `crop_clip`."""
    with Footage(source) as footage:
        for frame in footage:
            yield crop_of(person.face_at(frame.time_sec), frame, side_px)


def crop_clip(
    source: str | Path,
    detector: FaceDetector | None,
    side_px: int = CROP_SIDE_PX,
    min_quality: float = MIN_QUALITY,
) -> Iterator[np.ndarray]:
    """
    Crops of the main person of a clip, one per frame: who is there longest and largest (`main_track`).

    The clip is read twice: once to find the faces, once for the crops, so that its frames need not fit into memory. A
    frame without this person's face is cropped where the face was in the nearest frame that has it.

    Args:
        source: file, folder of frames or address, as for `Footage`.
        detector: finds faces; None where every frame is one face already.
        side_px: side of the crops.
        min_quality: as for `find_main_person`.

    Yields:
        `(side_px, side_px, 3)` uint8 RGB.

    Raises:
        NoFaceError: no face in any frame, or none that can be read.
        VideoReadError: a clip that cannot be read.
    """
    yield from crop_person(source, find_main_person(source, detector, min_quality), side_px)


def _without_pixels(tracked: TrackedFrame) -> TrackedFrame:
    """The same faces and time, without the decoded picture, which would stay in memory."""
    return replace(tracked, frame=FootageFrame(tracked.frame.index, tracked.frame.time_sec))
