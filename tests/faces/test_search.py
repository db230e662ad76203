"""Faces that are searched ahead are those that the follower finds itself, searched once."""

import cv2
import numpy as np
import pytest

from logoformer_hf.faces.detector import Face
from logoformer_hf.faces.follow import FaceFollower
from logoformer_hf.faces.footage import MemoryFrame
from logoformer_hf.faces.geometry import CROP_LANDMARKS
from logoformer_hf.faces.search import is_search_due, search_ahead

BACKGROUND = np.random.default_rng(0).integers(0, 100, (120, 320, 3), dtype=np.uint8)


class WhiteSquares:
    """Finds white squares of eight pixels or more in the searched picture; `sizes` of what was searched."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def detect(self, frame: np.ndarray) -> list[Face]:
        self.sizes.append(frame.shape[1])
        _, _, found, _ = cv2.connectedComponentsWithStats((frame.min(axis=2) > 240).astype(np.uint8))
        boxes = [row[:4].astype(np.float32) for row in found[1:] if row[2:4].min() >= 8]
        return [Face(box, (CROP_LANDMARKS * box[2:] + box[:2]).astype(np.float32), 0.9) for box in boxes]


def frames(sides_px: list[int], periods_sec: list[float]) -> list[MemoryFrame]:
    """Frames with a square of this side, none for 0, and these times from frame to frame."""
    made = []
    for number, (side, time_sec) in enumerate(zip(sides_px, np.cumsum(periods_sec), strict=True)):
        pixels = BACKGROUND.copy()
        pixels[40 : 40 + side, 100 + number % 5 : 100 + number % 5 + side] = 255
        made.append(MemoryFrame(number, float(time_sec), pixels))
    return made


def follow(footage, follower) -> list:
    tracked = [each for frame in footage for each in follower.push(frame)] + follower.finish()
    return [
        (
            each.frame.index,
            each.ended,
            each.is_cut,
            [(face.track_id, *face.face.box, face.quality) for face in each.faces],
        )
        for each in tracked
    ]


# Frames with their sides and periods, and how many searches may be for nothing.
FOOTAGE = {
    "regular": ([40] * 60, [0.04] * 60, 0),
    "slow": ([40] * 30, [0.12] * 30, 0),
    "variable": ([40] * 80, list(np.random.default_rng(1).uniform(0.005, 0.2, 80)), 0),
    "with holes": ([40] * 60, [0.04] * 20 + [3.0] + [0.04] * 20 + [9.0] + [0.04] * 18, 0),
    "nobody and small faces": ([0] * 40 + [12] * 60 + [40] * 60, [0.04] * 160, 20),
}


@pytest.mark.parametrize("name", FOOTAGE)
def test_what_is_searched_ahead_changes_no_result(name):
    sides_px, periods_sec, num_wasted = FOOTAGE[name]
    own, ahead = WhiteSquares(), WhiteSquares()
    expected = follow(frames(sides_px, periods_sec), FaceFollower(own, detection_side_px=160))
    follower = FaceFollower(ahead, detection_side_px=160)
    # As a thread does: some frames before the follower.
    footage = list(search_ahead(frames(sides_px, periods_sec), follower))
    assert follow(footage, follower) == expected
    assert any(faces for *_, faces in expected)
    assert len(own.sizes) <= len(ahead.sizes) <= len(own.sizes) + num_wasted
    assert set(own.sizes) == set(ahead.sizes)


def test_searches_are_due_by_frames_and_by_time():
    assert is_search_due(5.0, 0.0, None, 0, 3) and is_search_due(5.0, 0.01, 4.97, 3, 3)
    assert not is_search_due(5.0, 0.01, 4.97, 2, 3) and is_search_due(5.0, 0.1, 4.9, 1, 3)
