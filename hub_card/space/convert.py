"""Writes a video that browsers do not play as one that they do."""

from fractions import Fraction
from pathlib import Path

import av

from logoformer_hf.faces.footage import Footage
from logoformer_hf.faces.frames import reduced_size

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
        # yuv420p needs even sides.
        width, height = (
            side // 2 * 2 for side in reduced_size(footage.info.width_px, footage.info.height_px, MAX_SIDE_PX)
        )
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_SEC)
        for frame in footage:
            picture = av.VideoFrame.from_ndarray(frame.reduced(MAX_SIDE_PX)[:height, :width], format="rgb24")
            picture.pts, picture.time_base = round(frame.time_sec * TICKS_PER_SEC), Fraction(1, TICKS_PER_SEC)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return target
