"""Frames of footage: upright RGB pixels with square pixels, converted only when they are asked for."""

import av
import cv2
import numpy as np

from ..reading_limits_logoformer import shrunk_size
from ..video_container_logoformer import FrameConverter
from .detector import Face, FaceDetector


class FootageFrame:
    """
    One frame of footage. Cheap: its pixels are converted when they are asked for, and then kept.

    Attributes:
        index: number of the frame among those that were read, from 0.
        time_sec: when it is shown, in seconds from the start of the footage.
    """

    def __init__(self, index: int, time_sec: float):
        self.index, self.time_sec = index, time_sec
        self._pixels: np.ndarray | None = None
        self._reduced: dict[int, np.ndarray] = {}
        self._faces: dict[int, tuple[FaceDetector, list[Face]]] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(index={self.index}, time_sec={self.time_sec:.3f})"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def pixels(self) -> np.ndarray:
        """`(height, width, 3)` uint8 RGB, upright, with square pixels; not to be written to."""
        if self._pixels is None:
            self._pixels = self._convert()
        return self._pixels

    def reduced(self, max_side_px: int) -> np.ndarray:
        """
        `(height, width, 3)` uint8 RGB with a longer side of at most `max_side_px`; never enlarged.

        Always made of `pixels`: FFmpeg could make it of the decoder's own colours, but not to the same values, and a
        detector that is given other values finds landmarks elsewhere. So a frame that was decoded and one whose pixels
        were pushed give the same faces.
        """
        if max_side_px not in self._reduced:
            size = shrunk_size(*self.size, max_side_px)
            is_small = size == self.size
            self._reduced[max_side_px] = (
                self.pixels if is_small else cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA)
            )
        return self._reduced[max_side_px]

    def faces(self, detector: FaceDetector, max_side_px: int) -> list[Face]:
        """The faces that a detector finds in `reduced(max_side_px)`, in its pixels; it searches them once."""
        by, faces = self._faces.get(max_side_px, (None, []))
        if by is not detector:
            faces = detector.detect(self.reduced(max_side_px))
            self._faces[max_side_px] = detector, faces
        return faces

    def _convert(self) -> np.ndarray:
        raise NotImplementedError


class MemoryFrame(FootageFrame):
    """
    A frame whose pixels are already there.

    Args:
        index: number of the frame.
        time_sec: when it is shown, in seconds.
        pixels: `(height, width, 3)` uint8 RGB.

    Raises:
        ValueError: pixels of another shape or type.
    """

    def __init__(self, index: int, time_sec: float, pixels: np.ndarray):
        super().__init__(index, time_sec)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise ValueError(
                f"a frame has shape {pixels.shape} and type {pixels.dtype}; "
                "it must have shape (height, width, 3) and type uint8 (RGB)."
            )
        self._pixels = pixels

    def _convert(self) -> np.ndarray:
        assert self._pixels is not None
        return self._pixels


class DecodedFrame(FootageFrame):
    """A frame that FFmpeg decoded, kept in the decoder's own colours until its pixels are asked for."""

    def __init__(self, index: int, time_sec: float, frame: av.VideoFrame, converter: FrameConverter):
        super().__init__(index, time_sec)
        self._frame, self._converter = frame, converter

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._converter.size

    def _convert(self) -> np.ndarray:
        return self._converter.full(self._frame)
