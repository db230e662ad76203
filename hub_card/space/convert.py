"""Writes a video that browsers do not play as one that they do."""

from fractions import Fraction
from pathlib import Path

import av

from logoformer_hf.faces.footage import Footage

MAX_SIDE_PX = 1280
TICKS_PER_SEC = 90_000


def to_mp4(path: str) -> str:
    """
    Converts a video to H.264, without its sound; times of frames are kept.

    Returns:
        The new file, beside the old one.

    Raises:
        ValueError: not a readable video.
    """
    target = str(Path(path).with_suffix(".playable.mp4"))
    with Footage(path) as footage, av.open(target, "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "18", "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_SEC)
        for frame in footage:
            pixels = frame.reduced(MAX_SIDE_PX)
            pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]  # yuv420p needs even sides
            stream.height, stream.width = pixels.shape[:2]
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts, picture.time_base = round(frame.time_sec * TICKS_PER_SEC), Fraction(1, TICKS_PER_SEC)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return target
