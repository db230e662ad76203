"""
What is known about a clip that was read: its frames, when they are shown, what was lost of it, what looks other than
in a player, and what cannot be shown at all.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import av
import numpy as np
from transformers.video_utils import VideoMetadata

from .reading_limits_logoformer import VideoReadError

# The rate of a video varies where a frame is shown further than this from its place in an even row, in frames ...
MAX_UNEVENNESS = 0.5
# ... or where the last one is shown longer than this. Files often have no true duration of their last frame.
MAX_LAST_FRAMES = 2.5

# A picture of a video must have so many pixels a side: of 1 or 3 rows, FFmpeg mixes up the colours.
MIN_SIDE_PX = 4

# FFmpeg's numbers of transfer characteristics: SMPTE ST 2084 (PQ), ARIB STD-B67 (HLG).
HDR_CURVES = {16: "PQ", 18: "HLG"}

# FFmpeg's numbers of the ways to store colours as brightness and two differences that it does not convert.
UNREAD_COLOURS = {
    **{8: "YCgCo", 11: "SMPTE 2085", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro"},
    10: "BT.2020 with constant luminance",
    12: "chromaticity-derived differences",
    13: "chromaticity-derived differences with constant luminance",
}


class FrameCount(int):
    """
    The number of frames of a clip, which also knows when they are shown if their rate varies.

    Attributes:
        times_sec: when each frame is shown, and last the end, in seconds from the first frame: one more than frames.
            None where the rate is constant or not known.
    """

    times_sec: tuple[float, ...] | None

    def __new__(cls, number: int, times_sec: tuple[float, ...] | None = None) -> "FrameCount":
        count = super().__new__(cls, number)
        count.times_sec = times_sec
        return count


@dataclass
class ClipMetadata(VideoMetadata):
    """
    What is known about a clip after it was read.

    Attributes:
        times_sec: as of `FrameCount`.
        num_lost: frames that could not be decoded.
        num_damaged: chosen frames that the decoder calls damaged.
        notes: sentences about what was lost or looks other than in a player.
    """

    times_sec: tuple[float, ...] | None = None
    num_lost: int = 0
    num_damaged: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def timestamps(self) -> list[float]:
        """When the chosen frames are shown, in seconds from the first frame."""
        if self.times_sec is None or self.frames_indices is None:
            return super().timestamps
        return [self.times_sec[index] for index in self.frames_indices]


def count_frames(frames_pts: Sequence[int | None], end_pts: int, tick_sec: float) -> FrameCount:
    """
    The number of frames, with their times where the rate varies.

    Args:
        frames_pts: timestamps of the frames in order, None for a frame without.
        end_pts: the end of the last frame, anything smaller where it is not known.
        tick_sec: unit of the timestamps in seconds.
    """
    number = len(frames_pts)
    if number < 2 or None in frames_pts:
        return FrameCount(number)
    ticks = np.array(frames_pts, dtype=np.float64)  # (frames,)
    ticks -= ticks[0]
    end, period = float(end_pts - (frames_pts[0] or 0)), ticks[-1] / (number - 1)
    is_even = np.abs(ticks - period * np.arange(number)).max() <= MAX_UNEVENNESS * period
    if (is_even and end - ticks[-1] <= MAX_LAST_FRAMES * period) or (np.diff(ticks) <= 0).any():
        return FrameCount(number)
    if end <= ticks[-1]:
        end = float(ticks[-1]) + period
    return FrameCount(number, tuple((np.append(ticks, end) * tick_sec).tolist()))


def describe(num_frames: int, fps: float | None, indices: list[int], backend: str) -> VideoMetadata:
    """Metadata of a clip: its frames, frames per second, duration in seconds, and the chosen indices."""
    return VideoMetadata(
        total_num_frames=num_frames,
        fps=fps,
        duration=num_frames / fps if fps else None,
        video_backend=backend,
        frames_indices=indices,
    )


def oddities(frame: av.VideoFrame) -> list[str]:
    """Sentences about what is read, but looks other than in a player."""
    notes = []
    if curve := HDR_CURVES.get(frame.color_trc):
        notes.append(f"the video is HDR ({curve}); its colours are read as they are, and look pale.")
    if frame.interlaced_frame:
        notes.append("the video is interlaced; what moves has combed edges.")
    return notes


def square_size(width_px: int, height_px: int, aspect_ratio: float) -> tuple[int, int]:
    """Wide pixels are made by widening the picture and high ones by heightening it: nothing is thrown away."""
    if aspect_ratio >= 1:
        return max(1, round(width_px * aspect_ratio)), height_px
    return width_px, max(1, round(height_px / aspect_ratio))


def check_first_frame(frame: av.VideoFrame, name: object) -> None:
    """Raises a `VideoReadError` for pictures that are too small."""
    if min(frame.width, frame.height) < MIN_SIDE_PX:
        raise VideoReadError(
            f"{name}: its pictures have {frame.width}x{frame.height} pixels; a side must have at least {MIN_SIDE_PX}."
        )


@contextmanager
def errors_of_colours(frame: av.VideoFrame, name: object) -> Iterator[None]:
    """An error of FFmpeg in converting a frame becomes a `VideoReadError` that names its colours."""
    try:
        yield
    except av.FFmpegError as error:
        raise unreadable_colours(frame, name) from error


def unreadable_colours(frame: av.VideoFrame, name: object) -> VideoReadError:
    """The error of a frame whose colours cannot be converted to RGB."""
    number = int(frame.colorspace)
    space = UNREAD_COLOURS.get(number, f"with FFmpeg's number {number}")
    return VideoReadError(
        f"{name}: its pictures are stored in the colour space {space} (pixels {frame.format.name}), which is not "
        "read; accepted are RGB, BT.601, BT.709, BT.2020, FCC and SMPTE 240M."
    )
