"""Writes an mp4 file with H.264 pictures at given times, and the sound of another file."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.video.reformatter
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from .overlay_sound import Sound

TICKS_PER_SEC = 90_000  # of the presentation times
_ENCODER = "libx264"
# Without B-frames the order of decoding is that of showing; otherwise mp4 files tell a wrong length where the time
# between frames varies.
_OPTIONS = {"preset": "veryfast", "crf": "21", "bf": "0"}
# The most that the encoder takes for a side, and the largest picture of H.264's highest level (6.2), in macroblocks.
MAX_SIDE_PX, MAX_BLOCKS, _BLOCK_PX = 16_384, 139_264, 16
_BT709 = 1  # number of its primaries and of its transfer curve in the standards


def check_size(width_px: int, height_px: int) -> None:
    """
    Raises:
        ValueError: H.264 has no pictures of this size.
    """
    num_blocks = math.ceil(width_px / _BLOCK_PX) * math.ceil(height_px / _BLOCK_PX)
    if max(width_px, height_px) > MAX_SIDE_PX or num_blocks > MAX_BLOCKS:
        raise ValueError(
            f"an overlay video would have pictures of {width_px}x{height_px} pixels; H.264 allows at most "
            f"{MAX_SIDE_PX} pixels a side and {MAX_BLOCKS * _BLOCK_PX**2 / 1e6:.1f} million in all."
        )


def check_encoder() -> None:
    """
    Raises:
        ValueError: this installation of PyAV cannot write H.264.
    """
    if _ENCODER not in av.codecs_available:
        raise ValueError(
            f"PyAV {av.__version__} was built without the H.264 encoder {_ENCODER}, which an overlay video needs; "
            "the wheels on PyPI have it (pip install --force-reinstall --only-binary av av)."
        )


class OverlayFile:
    """
    An mp4 file that is being written.

    Args:
        path: the file.
        width_px, height_px: size of the pictures; odd ones are made even by repeating the last row or column.
        fps: average frames per second, which the encoder distributes bits by.
        sound: the sound, or None.
    """

    def __init__(self, path: Path, width_px: int, height_px: int, fps: float, sound: Sound | None):
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._padding = (height_px % 2, width_px % 2)
        stream: Any = self._container.add_stream(
            _ENCODER, rate=Fraction(fps).limit_denominator(1000), options=_OPTIONS
        )
        stream.width, stream.height, stream.pix_fmt = width_px + width_px % 2, height_px + height_px % 2, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_SEC)
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.colorspace = Colorspace.ITU709
        stream.codec_context.color_primaries = stream.codec_context.color_trc = _BT709
        self._stream, self._sound = stream, sound
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._last_pts = -1
        self._durations: dict[int, int] = {}  # in ticks, of the frames that are in the encoder, by their time
        if sound is not None:
            sound.add_to(self._container)

    def write(self, pixels: np.ndarray, time_sec: float, duration_sec: float) -> None:
        """Writes a picture, `(height, width, 3)` uint8 RGB, and the sound up to it; times increase."""
        if any(self._padding):
            bottom, right = self._padding
            pixels = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(pixels, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        self._last_pts = frame.pts = max(round(time_sec * TICKS_PER_SEC), self._last_pts + 1)
        frame.time_base = Fraction(1, TICKS_PER_SEC)
        self._durations[frame.pts] = max(1, round(duration_sec * TICKS_PER_SEC))
        self._write_sound(time_sec)
        self._encode(frame)

    def _encode(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            packet.duration = self._durations.pop(packet.pts)  # the encoder does not tell it
            self._container.mux(packet)

    def _write_sound(self, until_sec: float) -> None:
        if self._sound is not None:
            for packet in self._sound.packets_until(until_sec):
                self._container.mux(packet)

    def finish(self) -> None:
        """Writes what is left of the sound and completes the file."""
        self._encode(None)
        self._write_sound(float("inf"))
        self.close()

    def close(self) -> None:
        """Closes the file, complete or not."""
        self._container.close()
