"""
Footage in memory whose faces are known, a detector that finds them by their frame's number, and what windows are
checked for.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from logoformer_hf import LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.faces.detector import Face
from logoformer_hf.faces.geometry import CROP_LANDMARKS

WIDTH, HEIGHT, SIDE = 160, 120, 48
_PICTURE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def frame_pixels(number: int) -> np.ndarray:
    """
    `(120, 160, 3)` uint8: noise, that moves where `face_at(10)` and `face_at(90)` are, on a background that stands
    still as in one shot, and the frame's number in the first pixels.
    """
    pixels = _PICTURE.copy()
    for x_px in (10, 90):
        face = pixels[30 : 30 + SIDE, x_px : x_px + SIDE]
        face[:] = np.roll(face, 7 * number, axis=0)
    pixels[0, :2] = [[number // 256, 0, 0], [number % 256, 0, 0]]
    return pixels


def face_at(x_px: float, y_px: float = 30, side_px: float = SIDE, score: float = 0.9) -> Face:
    """An upright face in a square box; below a score of 0.5 it is not usable."""
    landmarks = (CROP_LANDMARKS * side_px + (x_px, y_px)).astype(np.float32)
    return Face(np.array([x_px, y_px, side_px, side_px], dtype=np.float32), landmarks, score)


class ScriptedDetector:
    """
    Finds the faces that a script has for a frame of `frame_pixels`.

    Args:
        script: number of a frame -> its faces; a frame that is not in it has `always`.
        always: the faces of all other frames.
    """

    def __init__(self, script: Mapping[int, Sequence[Face]] | None = None, always: Sequence[Face] = ()):
        self.script, self.always = script or {}, always
        self.numbers: list[int] = []  # frames that were looked at

    def detect(self, frame: np.ndarray) -> list[Face]:
        assert frame.shape == (HEIGHT, WIDTH, 3)
        number = 256 * int(frame[0, 0, 0]) + int(frame[0, 1, 0])
        self.numbers.append(number)
        return list(self.script.get(number, self.always))


# --- windows


def push_all(session, times_sec, numbers=None):
    numbers = range(len(times_sec)) if numbers is None else numbers
    windows = []
    for number, time_sec in zip(numbers, times_sec, strict=True):
        windows += session.push(frame_pixels(number), time_sec)
    return windows + session.close()


def times_at(fps, seconds):
    return [number / fps for number in range(round(fps * seconds))]


def check_scores(windows, folder, temperature=1.0):
    """The scores of windows with crops are those of the model, as it was saved, with its processor."""
    model = LogoFormerForVideoClassification.from_pretrained(folder).eval()
    processor = LogoFormerVideoProcessor.from_pretrained(folder)
    for window in windows:
        if window.is_classified:
            inputs = processor(window.crops, do_sample_frames=False, return_tensors="pt")
            assert inputs["pixel_values"].shape == (1, 16, 3, 32, 32)
            with torch.inference_mode():
                scores = (model(**inputs).logits / temperature).softmax(-1)[0].numpy()
            assert np.abs(scores - list(window.scores.values())).max() < 1e-4


def same(windows, others, tolerance=1e-5):
    """Whether two lists of windows are the same up to rounding of the scores."""
    assert len(windows) == len(others)
    for one, other in zip(windows, others, strict=True):
        assert list(one.scores.values()) == pytest.approx(list(other.scores.values()), abs=tolerance, nan_ok=True)
        for name in ("track_id", "start_sec", "end_sec", "label", "box", "quality", "is_short", "frame_times_sec"):
            assert getattr(one, name) == getattr(other, name), name
