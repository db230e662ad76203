"""Frames of footage: upright RGB pixels with square pixels, converted only when they are asked for."""

from dataclasses import dataclass
from typing import Any

import av
import av.video.reformatter
import cv2
import numpy as np

# A display matrix of FFmpeg: nine 32-bit integers, row by row; the first four turn and mirror the picture.
DISPLAY_MATRIX_BYTES = 36


@dataclass(frozen=True)
class Orientation:
    """
    How a decoded picture is brought upright: mirrored left to right first, then turned anticlockwise.

    Attributes:
        is_mirrored: whether the picture is mirrored.
        quarter_turns: number of anticlockwise turns by 90 degrees.
    """

    is_mirrored: bool = False
    quarter_turns: int = 0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The upright picture, a contiguous array, of `(height, width, 3)`."""
        if self.is_mirrored:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(np.rot90(pixels, k=self.quarter_turns))

    @property
    def is_turned(self) -> bool:
        """Whether width and height are exchanged."""
        return self.quarter_turns % 2 == 1


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """
    The orientation by a frame's display matrix; angles are rounded to quarter turns.

    The matrix [a b; c d] takes a row vector (x, y) with y downwards, so a picture that is mirrored has a negative
    determinant.
    """
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # side data of a kind that PyAV has no name for
        data = None
    content = b"" if data is None else bytes(data)[:DISPLAY_MATRIX_BYTES]
    if len(content) < DISPLAY_MATRIX_BYTES:
        return Orientation(quarter_turns=round(frame.rotation / 90) % 4)
    matrix = np.frombuffer(content, dtype=np.int32).reshape(3, 3)[:2, :2].astype(float)
    is_mirrored = bool(np.linalg.det(matrix) < 0)
    if is_mirrored:
        matrix = np.diag([-1.0, 1.0]) @ matrix  # what is left after mirroring left to right is a turn
    angle = np.degrees(np.arctan2(-matrix[0, 1], matrix[0, 0]))  # y points downwards
    return Orientation(is_mirrored, round(angle / 90) % 4)


def reduced_size(width_px: int, height_px: int, max_side_px: int) -> tuple[int, int]:
    """Width and height of which the longer is at most `max_side_px`, with the same shape; never larger than given."""
    scale = min(1.0, max_side_px / max(width_px, height_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


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
            size = reduced_size(*self.size, max_side_px)
            is_small = size == self.size
            self._reduced[max_side_px] = (
                self.pixels if is_small else cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA)
            )
        return self._reduced[max_side_px]

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


class FrameConverter:
    """
    Converts the decoded frames of one video: colours, square pixels, the first frame's size, orientation.

    Attributes:
        size: width and height in pixels of the upright frames.
        num_resized: frames of another size or shape of pixels than the first one.
    """

    def __init__(self, first: av.VideoFrame, aspect_ratio: float):
        self._first_size = (first.width, first.height)
        self._stored_size = self._square_size(first.width, first.height, aspect_ratio)  # before it is turned
        self._orientation = orientation_of(first)
        self.size = self._stored_size[::-1] if self._orientation.is_turned else self._stored_size
        self.num_resized = 0
        # One conversion is set up for all frames of a size; setting it up takes longer than converting a small frame.
        self._reformatter = av.video.reformatter.VideoReformatter()

    @staticmethod
    def _square_size(width: int, height: int, aspect_ratio: float) -> tuple[int, int]:
        """Wide pixels are made by widening the picture and high ones by heightening it: nothing is thrown away."""
        if aspect_ratio >= 1:
            return max(1, round(width * aspect_ratio)), height
        return width, max(1, round(height / aspect_ratio))

    def has_first_size(self, frame: av.VideoFrame) -> bool:
        """Whether a frame has the size of the first one."""
        return (frame.width, frame.height) == self._first_size

    def full(self, frame: av.VideoFrame) -> np.ndarray:
        """`(height, width, 3)` uint8 RGB, upright, in the first frame's size."""
        width, height = self._stored_size
        rgb = self._reformatter.reformat(frame, width=width, height=height, format="rgb24", threads=1)
        return self._orientation.apply(rgb.to_ndarray())


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
