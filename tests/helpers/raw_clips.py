"""Raw footage for tests: drawn faces that move over a plain background, at places that are known."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from logoformer_hf.data import face_crops
from logoformer_hf.data.synthetic.plan import plan_clip
from logoformer_hf.data.synthetic.writer import draw_frames
from logoformer_hf.faces.detector import Face

WIDTH_PX, HEIGHT_PX, FACE_PX, NUM_FRAMES = 320, 240, 112, 12
DRAWN_FRAMES = 3  # which are repeated
BACKGROUND = (40, 60, 200)
# Of a drawn face in its picture of 112 pixels, in the mean.
LANDMARKS = np.array([(40.7, 49.2), (71.6, 49.8), (55.7, 66.0), (41.6, 79.2), (68.3, 79.9)], np.float32)


def places_px(num_frames: int = NUM_FRAMES, lane: int = 0) -> np.ndarray:
    """Upper left corners of the face's picture, `(frames, 2)`, x and y; the two lanes do not meet."""
    steps = np.arange(num_frames)
    return np.stack([10 + 160 * lane + 3 * steps, 20 + 5 * steps], axis=1)


@cache
def footage(index: int, num_frames: int = NUM_FRAMES, lanes: tuple[int, ...] = (0,)) -> np.ndarray:
    """Frames `(frames, height, width, 3)` uint8 with one drawn face in each lane."""
    frames = np.empty((num_frames, HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    frames[:] = BACKGROUND
    for lane in lanes:
        plan = plan_clip("train", index + 7 * lane)
        poses = plan.poses[[0] * DRAWN_FRAMES]  # the head keeps still in its picture
        drawn = draw_frames(
            plan.identity, plan.action_units[:DRAWN_FRAMES], poses, plan.lights[:DRAWN_FRAMES], FACE_PX
        )
        for number, (x, y) in enumerate(places_px(num_frames, lane)):
            frames[number, y : y + FACE_PX, x : x + FACE_PX] = drawn[number % DRAWN_FRAMES]
    return frames


def write_raw_clip(path: Path, frames: np.ndarray) -> Path:
    """An mp4 file of 25 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_raw_tree(root: Path, labels: Iterable[str] = ("happy", "sad"), clips_per_label: int = 2) -> Path:
    """Own clips in folders: `train/happy/0.mp4`, ...; no two are alike."""
    index = 0
    for split in ("train", "validation", "test"):
        for label in labels:
            for number in range(clips_per_label):
                write_raw_clip(root / split / label / f"{number}.mp4", footage(index))
                index += 1
    return root


class PlainBackgroundDetector:
    """Finds the drawn faces by what is not the background: for machines without a detector's file."""

    def detect(self, frame: np.ndarray) -> list[Face]:
        """At most one face in each half of the picture, which may be a reduced frame."""
        scale, half = frame.shape[1] / WIDTH_PX, frame.shape[1] // 2
        faces = []
        for lane in (0, 1):
            part = frame[:, lane * half : (lane + 1) * half].astype(int)
            differs = np.abs(part - BACKGROUND).max(axis=2) > 40
            columns, rows = (np.flatnonzero(differs.mean(axis=axis) > 0.2) for axis in (0, 1))
            if len(columns) and len(rows):
                corner = np.array([columns[0] + lane * half, rows[0]], np.float32) / scale
                box = np.array([*(corner + 0.2 * FACE_PX), 0.6 * FACE_PX, 0.65 * FACE_PX], np.float32)
                landmarks = (LANDMARKS * FACE_PX / 112 + corner).astype(np.float32)
                faces.append(Face(box, landmarks, 0.9).scaled(scale, scale))
        return faces


def use_plain_detector(set_attribute: Callable[..., None], folder: Path) -> str:
    """Puts `PlainBackgroundDetector` in the place of YuNet; returns a file that takes the place of its own."""
    file = folder / "plain.onnx"
    if not file.exists():
        file.write_bytes(b"plain background")
    set_attribute(face_crops, "load_detector", lambda where: PlainBackgroundDetector())
    set_attribute(face_crops, "detector_file", lambda where: Path(where))
    return str(file)
