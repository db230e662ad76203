"""A few small crops of each person's face, kept while windows stream by, for the picture of the timeline."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from .window import Window

SIDE_PX = 96
MAX_PER_TRACK = 96


@dataclass(frozen=True)
class Thumbnail:
    """A face at a moment: `time_sec` from the start of the video, `pixels` `(96, 96, 3)` uint8 RGB."""

    time_sec: float
    pixels: np.ndarray


class Thumbnails:
    """
    Keeps a face where the label of a person changes, of windows that have crops.

    Memory is bounded: of a track with more than `MAX_PER_TRACK` changes every second thumbnail is dropped, and then
    only every second change is kept, and so on.
    """

    def __init__(self, windows: Iterable[Window] = ()):
        self._kept: dict[int, list[Thumbnail]] = {}
        self._labels: dict[int, str] = {}
        self._changes: dict[int, int] = {}
        self._every: dict[int, int] = {}
        for window in windows:
            self.add(window)

    def add(self, window: Window) -> None:
        """Looks at the next window of a track; windows of a track come in the order of their times."""
        track = window.track_id
        if window.crops is None or not len(window.crops) or self._labels.get(track) == window.label:
            return
        self._labels[track] = window.label
        number = self._changes.get(track, 0)
        self._changes[track] = number + 1
        every = self._every.setdefault(track, 1)
        if number % every:
            return
        kept = self._kept.setdefault(track, [])
        middle = np.ascontiguousarray(window.crops[len(window.crops) // 2])
        kept.append(Thumbnail(window.center_sec, cv2.resize(middle, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)))
        if len(kept) > MAX_PER_TRACK:
            del kept[1::2]
            self._every[track] = 2 * every

    def of(self, track_id: int) -> list[Thumbnail]:
        """The thumbnails of a track in the order of their times."""
        return list(self._kept.get(track_id, ()))
