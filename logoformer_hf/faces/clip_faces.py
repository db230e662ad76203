"""The crops of a clip's main person, one per frame, as models are trained with."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from logoformer_hf.faces.detector import FaceDetector
from logoformer_hf.faces.follow import FaceFollower, TrackedFrame, crop_of
from logoformer_hf.faces.footage import Footage, FootageFrame
from logoformer_hf.faces.geometry import CROP_SIDE_PX
from logoformer_hf.video_reading_logoformer import VideoReadError


class NoFaceError(VideoReadError):
    """A clip in which no face is found; the message names it."""


def main_track(tracked: list[TrackedFrame]) -> int | None:
    """The number of the person with the largest sum of face areas over all frames; None where there is nobody."""
    areas: dict[int, float] = {}
    for frame in tracked:
        for face in frame.faces:
            areas[face.track_id] = areas.get(face.track_id, 0.0) + float(face.face.box[2] * face.face.box[3])
    return max(areas, key=lambda number: (areas[number], -number), default=None)


def crop_clip(source: str | Path, detector: FaceDetector | None, side_px: int = CROP_SIDE_PX) -> Iterator[np.ndarray]:
    """
    Crops of the main person of a clip, one per frame: who is there longest and largest (`main_track`).

    The clip is read twice: once to find the faces, once for the crops, so that its frames need not fit into memory. A
    frame without this person's face is cropped where the face was in the nearest frame that has it.

    Args:
        source: file, folder of frames or address, as for `Footage`.
        detector: finds faces; None where every frame is one face already.
        side_px: side of the crops.

    Yields:
        `(side_px, side_px, 3)` uint8 RGB.

    Raises:
        NoFaceError: no face in any frame.
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
        raise NoFaceError(f"{source}: no face was found in any of its {len(found)} frames.")
    times_sec = np.array([time_sec for time_sec, _ in places])
    with Footage(source) as footage:
        for frame in footage:
            nearest = int(np.abs(times_sec - frame.time_sec).argmin())
            yield crop_of(places[nearest][1], frame, side_px)


def _without_pixels(tracked: TrackedFrame) -> TrackedFrame:
    """The same faces and time, without the decoded picture, which would stay in memory."""
    return replace(tracked, frame=FootageFrame(tracked.frame.index, tracked.frame.time_sec))
