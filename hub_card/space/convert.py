"""Writes a video that browsers do not play as one that they do."""

import math
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from logoformer_hf.faces.footage import Footage
from logoformer_hf.reading_limits_logoformer import VideoReadError, shrunk_size

MAX_SIDE_PX = 1280
TICKS_PER_SEC = 90_000


def to_mp4(path: str, max_sec: float = math.inf) -> str:
    """
    Converts a video to H.264, without its sound; times of frames are kept.

    Args:
        path: the video.
        max_sec: seconds that this may take.

    Returns:
        The new file, beside the old one.

    Raises:
        VideoReadError: not a readable video, or it takes too long.
    """
    target = str(Path(path).with_suffix(".playable.mp4"))
    try:
        write_mp4(path, target, time.monotonic() + max_sec)
    except BaseException:
        Path(target).unlink(missing_ok=True)
        raise
    return target


def write_mp4(path: str, target: str, end_sec: float) -> None:
    """Writes the file of `to_mp4`, until a time of the monotonic clock."""
    with Footage(path, safe_decode=True) as footage, av.open(target, "w") as container:
        # yuv420p needs even sides: the last row or column is left out, and a single one is doubled.
        width, height = (
            max(2, side // 2 * 2) for side in shrunk_size(footage.info.width_px, footage.info.height_px, MAX_SIDE_PX)
        )
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_SEC)
        for frame in footage:
            if time.monotonic() > end_sec:
                raise VideoReadError(f"{path}: converting it takes too long; upload a shorter video.")
            pixels = frame.reduced(MAX_SIDE_PX)[:height, :width]
            missing = [(0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0)]
            picture = av.VideoFrame.from_ndarray(np.pad(pixels, missing, mode="edge"), format="rgb24")
            picture.pts, picture.time_base = round(frame.time_sec * TICKS_PER_SEC), Fraction(1, TICKS_PER_SEC)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
