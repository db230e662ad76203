"""A few small pictures of each person's face for the picture of the timeline."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..faces.footage import Footage
from .timeline import Timeline
from .window import UNSURE, Window

SIDE_PX = 96
MAX_PER_TRACK = 64
Box = tuple[float, float, float, float]  # x, y, width, height in pixels
_MARGIN = 1.25  # side of the square around a face's box, in its longer sides


@dataclass(frozen=True)
class Thumbnail:
    """A face at a moment: `time_sec` from the start of the video, `pixels` `(96, 96, 3)` uint8 RGB."""

    time_sec: float
    pixels: np.ndarray


class Thumbnails:
    """Faces of the tracks of a timeline, in small."""

    def __init__(self) -> None:
        self._faces: dict[int, list[Thumbnail]] = {}

    @classmethod
    def from_crops(cls, timeline: Timeline) -> "Thumbnails":
        """Of the windows that have crops; none without."""
        found = cls()
        for window in sorted(_best_windows(timeline), key=lambda window: window.center_sec):
            if window.crops is not None and len(window.crops):
                found._add(window, window.crops[len(window.crops) // 2])
        return found

    @classmethod
    def from_footage(
        cls,
        source: str | Path | int,
        timeline: Timeline,
        progress: Callable[[float, float | None], object] | None = None,
    ) -> "Thumbnails":
        """
        Of the footage, which is read again, as far as needed. Memory is bounded: at most 64 faces of a track.

        Args:
            source: the footage.
            timeline: its timeline.
            progress: gets the seconds of footage that are done, and how many are read.

        Raises:
            VideoReadError: the footage cannot be read.
        """
        found = cls()
        waiting = [(window, *_moment(window, timeline)) for window in _best_windows(timeline)]
        waiting.sort(key=lambda each: -each[1])
        if not waiting:
            return found
        last_sec = waiting[0][1]
        with Footage(source) as footage:
            for frame in footage:
                if progress is not None:
                    progress(frame.time_sec, last_sec)
                while waiting and waiting[-1][1] <= frame.time_sec + 1e-3:
                    window, _, box = waiting.pop()
                    found._add(window, _square_around(frame.pixels, box))
                if not waiting:
                    break
        return found

    def _add(self, window: Window, pixels: np.ndarray) -> None:
        small = cv2.resize(np.ascontiguousarray(pixels), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        self._faces.setdefault(window.track_id, []).append(Thumbnail(window.center_sec, small))

    def of(self, track_id: int) -> list[Thumbnail]:
        """The thumbnails of a track in the order of their times."""
        return list(self._faces.get(track_id, ()))


def _best_windows(timeline: Timeline) -> Iterable[Window]:
    """Of the longest segments of each track, those with an expression first, the window that shows it best."""
    segments = sorted(timeline.segments, key=lambda s: (s.label == UNSURE, s.start_sec - s.end_sec))
    windows: dict[int, list[Window]] = {}
    for window in sorted(timeline.windows, key=lambda window: window.center_sec):
        windows.setdefault(window.track_id, []).append(window)
    centers = {track: np.array([w.center_sec for w in of_track]) for track, of_track in windows.items()}
    taken: dict[int, int] = {}
    for segment in segments:
        track = segment.track_id
        if taken.get(track, 0) == MAX_PER_TRACK or track not in windows:
            continue
        first, last = np.searchsorted(centers[track], (segment.start_sec, segment.end_sec))
        inside = windows[track][first : max(last, first + 1)] or windows[track][-1:]
        taken[track] = taken.get(track, 0) + 1
        yield max(inside, key=lambda window: (np.nan_to_num(window.scores.get(segment.label, 0.0)), window.quality))


def _moment(window: Window, timeline: Timeline) -> tuple[float, Box]:
    """
    When a window's face is cut out, and its box: of the frame nearest to the window's middle whose box is known, since
    a box of another frame may be that of somebody else who crosses.
    """
    boxes = timeline.boxes.get(window.track_id)
    if boxes is None or not len(boxes):
        return window.center_sec, window.box
    time_sec, x, y, width, height = boxes[np.abs(boxes[:, 0] - window.center_sec).argmin()].tolist()
    # The time was rounded to 32 bits; it must not be later than the frame's.
    return time_sec - float(np.spacing(np.float32(abs(time_sec)))), (x, y, width, height)


def _square_around(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The square around a box (x, y, width, height), with the last row or column repeated outside of the picture."""
    x, y, width, height = box
    side = max(2, round(min(_MARGIN * max(width, height), 2 * max(pixels.shape[:2]))))
    center = (x + width / 2, y + height / 2)
    return cv2.getRectSubPix(pixels, (side, side), center)
