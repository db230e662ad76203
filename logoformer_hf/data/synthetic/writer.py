"""
Draws clips and writes them as mp4 files. As a program, `python -m synthetic.writer` in the parent folder, it writes a
clip for every line of JSON on standard input.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import ArrayLike

from .camera import Camera, enlarge, shoot
from .occlusion import Occluder, add_captions, caption_layers, cover
from .person import Identity
from .rig import SUPERSAMPLING, render_faces

_TURN_PX = 0.3  # movement of the face's middle, in widths of the picture, for each radian that the head turns


def draw_frames(
    identity: Identity,
    action_units: ArrayLike,
    poses: ArrayLike,
    lights: ArrayLike,
    image_size: int,
    camera: Camera | None = None,
    occluders: Sequence[Occluder] = (),
    seed: int = 0,
) -> np.ndarray:
    """Draws the pictures of a clip.

    Args:
        identity: the person.
        action_units: intensities from 0 to 1 in the order of `ACTION_UNITS`, shape (frames, 18, 2): the picture's
            left side first.
        poses: the fields of `Pose`, shape (frames, 8).
        lights: the fields of `Light`, shape (frames, 5).
        image_size: height and width in pixels.
        camera: camera of the clip; by default one without defects.
        occluders: what hides parts of the face.
        seed: seed of the camera's noise.

    Returns:
        uint8 RGB pictures of shape (frames, height, width, 3).

    Raises:
        ValueError: different numbers of frames.
    """
    camera = camera or Camera()
    units, poses, lights = (np.asarray(each, dtype=float) for each in (action_units, poses, lights))
    if not len(units) == len(poses) == len(lights):
        lengths = f"{len(units)}, {len(poses)} and {len(lights)}"
        raise ValueError(f"action_units, poses and lights must have equally many frames, but have {lengths}")
    rng = np.random.default_rng(seed)
    size = min(camera.resolution or image_size, image_size)  # not more pixels than the camera has
    movements = np.diff(poses[:, 3:5] + _TURN_PX * poses[:, 1:3], axis=0, prepend=0) * size
    movements[:1] = 0
    layers = caption_layers(occluders, image_size)
    hide = cover(occluders, poses, size * SUPERSAMPLING)
    frames = np.empty((len(poses), image_size, image_size, 3), np.uint8)
    scenes = render_faces(identity, units, poses, lights, size, hide)
    for frame, scene, movement_px in zip(frames, scenes, movements, strict=True):
        frame[:] = enlarge(shoot(scene, camera, rng, movement_px), image_size)
        add_captions(frame, layers)
    return frames


def write_clip(
    path: str | Path,
    identity: Identity,
    action_units: ArrayLike,
    poses: ArrayLike,
    lights: ArrayLike,
    image_size: int,
    fps: int,
    camera: Camera | None = None,
    occluders: Sequence[Occluder] = (),
    seed: int = 0,
) -> None:
    """Draws a clip and writes it as mp4 (H.264, yuv420p). The same arguments give the same bytes.

    Args:
        path: file to write.
        image_size: height and width in pixels; even, as yuv420p requires.
        fps: frames per second.

    The other arguments are those of `draw_frames`.
    """
    frames = draw_frames(identity, action_units, poses, lights, image_size, camera, occluders, seed)
    crf = (camera or Camera()).crf
    with av.open(str(path), "w") as container:
        # One thread and no look-ahead: the bytes depend on how x264 distributes frames over threads, and for small
        # pictures sometimes on what its look-ahead reads beyond their edges.
        options = {"crf": str(crf), "preset": "veryfast", "g": "16", "threads": "1", "rc-lookahead": "0"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = image_size, image_size, "yuv420p"
        # One thread here, too: by itself PyAV starts one a core, and there is a process like this one per core.
        reformatter = VideoReformatter()
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(reformatter.reformat(picture, format="yuv420p", threads=1)))
        container.mux(stream.encode())


def serve() -> None:
    """Writes a clip for every line of JSON (the arguments of `write_clip`) on standard input; answers with a line."""
    cv2.setNumThreads(1)  # there is one of these processes per core already
    for line in sys.stdin:
        job = json.loads(line)
        job["identity"] = Identity(**job["identity"])
        if job.get("camera") is not None:
            job["camera"] = Camera(**job["camera"])
        job["occluders"] = [Occluder(**occluder) for occluder in job.get("occluders", ())]
        write_clip(**job)
        print(flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):  # the parent process has stopped
        serve()
