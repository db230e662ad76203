"""A detector that knows where the faces are, and pictures in which it can tell which frame it is given.

With it the tracker is tested without a detector's file, in a fraction of the time that drawing and detecting take.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from ..data.synthetic.footage import DrawnFootage, background
from ..faces.detector import Face

SIZE_PX = (320, 180)
_BITS = 12  # of the frame's number, as black and white fields along the lower edge of the picture
_FIELD = 1 / 20  # of the picture's height

# As those of YuNet at 320 pixels on drawn faces, and more misses.
_MIDDLE_NOISE = 0.02  # of a side
_SIDE_NOISE = 0.03
_LANDMARK_NOISE = 0.02
_MISSED = 0.05  # share of the faces that are quite seen
_FALSE = 0.01  # faces that are none, in each detection
_HIDDEN, _QUITE_SEEN = 0.35, 0.75  # share of a face that is seen: below the first it is never found


class TrueDetector:
    """Finds the faces of `sketches` of the same footage, with noise, misses and a few faces that are none.

    Args:
        footage: planned for `SIZE_PX`.
        seed: of the noise.
    """

    def __init__(self, footage: DrawnFootage, seed: int) -> None:
        self.footage = footage
        self.seed = seed

    def detect(self, frame: np.ndarray) -> list[Face]:
        """The faces of a sketch (height, width, 3), in its pixels."""
        index, truth = _frame_number(frame), self.footage.truth
        rng = np.random.default_rng([self.seed, index])
        scale = frame.shape[0] / self.footage.size_px[1]
        faces = []
        for person, seen in enumerate(truth.seen[index]):
            chance = (1 - _MISSED) * np.clip((seen - _HIDDEN) / (_QUITE_SEEN - _HIDDEN), 0, 1)
            if rng.random() >= chance:
                continue
            x, y, width, height = truth.boxes_px[index, person]
            side = np.sqrt(width * height)
            middle = np.array((x + width / 2, y + height / 2)) + rng.normal(0, _MIDDLE_NOISE, 2) * side
            extent = np.array((width, height)) * np.exp(rng.normal(0, _SIDE_NOISE, 2))
            landmarks = truth.landmarks_px[index, person] + rng.normal(0, _LANDMARK_NOISE, (5, 2)) * side
            faces.append(_face(middle, extent, landmarks, scale, float(0.75 + 0.18 * seen)))
        if rng.random() < _FALSE:
            middle, extent = rng.random(2) * SIZE_PX, np.full(2, rng.uniform(15, 60))
            landmarks = middle + extent * ((-0.2, -0.1), (0.2, -0.1), (0, 0.1), (-0.15, 0.25), (0.15, 0.25))
            faces.append(_face(middle, extent, landmarks, scale, 0.65))
        return faces


def _face(middle: np.ndarray, extent: np.ndarray, landmarks: np.ndarray, scale: float, score: float) -> Face:
    box = np.concatenate([middle - extent / 2, extent]) * scale
    return Face(box.astype(np.float32), (landmarks * scale).astype(np.float32), score)


def sketches(footage: DrawnFootage) -> Iterator[np.ndarray]:
    """Flat pictures of the footage, uint8 RGB (height, width, 3): heads and shoulders in the people's colours before
    the background of each scene, which does not zoom, and the number of the frame."""
    width, height = footage.size_px
    backgrounds = [background(seed, width, height) for seed in footage.backgrounds]
    for frame, scene in enumerate(footage.scenes):
        picture = backgrounds[scene].copy()
        for role in sorted(footage.roles, key=lambda role: float(role.depths[frame])):
            if role.tracks[frame] == 0:
                continue
            (x, y), unit, who = role.middles_px[frame], role.unit_px[frame], role.actor.performance.identity
            for below, wide, high, colour in (
                (2.3, 1.75, 0.82, who.clothes),
                (-0.2, 1.1, 1.4, who.hair),
                (0.1, 0.95, 1.2, who.skin),
            ):
                middle, half = (round(x), round(y + below * unit)), (round(wide * unit), round(high * unit))
                cv2.ellipse(picture, middle, half, 0, 0, 360, colour, -1)
            if role.is_covered[frame]:
                left, top, box_width, box_height = np.rint(role.boxes_px[frame]).astype(int).tolist()
                cv2.rectangle(picture, (left, top), (left + box_width, top + box_height), (96, 88, 80), -1)
        field = round(height * _FIELD)
        for bit in range(_BITS):
            picture[-field:, bit * field : (bit + 1) * field] = 255 * (frame >> bit & 1)
        yield picture


def _frame_number(picture: np.ndarray) -> int:
    field = picture.shape[0] * _FIELD
    row = picture[int(-field / 2)]
    return sum((int(row[int((bit + 0.5) * field)].mean()) > 127) << bit for bit in range(_BITS))
