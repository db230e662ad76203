"""
How well a face can be read: its size and sharpness, whether it is turned away, and how much is in the frame.

Measured on clips of real people, as they are and made worse (blur: deviation in pixels of a crop of 112):

| face | eyes apart, px | sharpness | turn | inside | quality |
| --- | --- | --- | --- | --- | --- |
| as filmed, frontal | 27 to 70 | 0.16 to 0.24 | 0.07 to 0.11 | 1 | 1 |
| as filmed, heads turned and tilted | 23 to 29 | 0.10 to 0.14 | 0.09 to 0.36 | 1 | 0.98 to 1 |
| 30 px wide | 12 to 15 | 0.11 to 0.17 | | 1 | 0.46 to 0.64 |
| 20 px wide | 8 to 10 | 0.09 to 0.12 | | 1 | 0.16 to 0.25 |
| 13 px wide | 6 to 7 | 0.07 to 0.10 | | 1 | 0 to 0.07 |
| blur of 2 px | 27 to 69 | 0.07 to 0.12 | | 1 | 0.8 to 1 |
| blur of 4 px | 24 to 28 | 0.04 to 0.05 | | 1 | 0.1 to 0.4 |
| blur of 8 px | 20 to 27 | 0.01 to 0.02 | | 1 | 0 |
| cut off by the border at the eyes | 61 | | | 0.59 | 0 |
| cut off at the mouth | 60 | | | 0.78 | 0.6 |

The size alone says little about sharpness: a face is blurred by movement, by focus, or by enlarging a small picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .detector import Face
from .geometry import CROP_LANDMARKS, CROP_SIDE_PX, crop_corners, crop_matrix

# Faces below are left out of windows.
MIN_QUALITY = 0.4

# Each part grows linearly from 0 at the first value to 1 at the second.
EYE_DISTANCE_PX = (6.0, 20.0)  # in the frame; of 29 in the crop of 112
SHARPNESS = (0.03, 0.075)
FRONTAL = (0.75, 0.35)  # how far the nose is off its place between eyes and mouth, in eye distances: see `turn`
INSIDE = (0.6, 0.9)  # share of the crop that lies in the frame
SCORE = (0.4, 0.75)  # the detector's


@dataclass(frozen=True)
class Quality:
    """
    The parts of a face's quality, each 0 (unusable) to 1 (nothing to say against it).

    Attributes:
        size: by the distance of the eyes in pixels of the frame.
        sharpness: by the fine detail in the crop.
        frontal: by the place of the nose between eyes and mouth.
        inside: by the share of the crop that is in the frame.
        score: by the detector's score.
    """

    size: float
    sharpness: float
    frontal: float
    inside: float
    score: float

    @property
    def value(self) -> float:
        """The worst part: what spoils a face is not made up for by the rest."""
        return min(self.size, self.sharpness, self.frontal, self.inside, self.score)


def face_quality(face: Face, frame_size_px: tuple[int, int], crop: np.ndarray) -> Quality:
    """
    The quality of a face with landmarks.

    Args:
        face: the face, in pixels of the frame.
        frame_size_px: width and height of the frame.
        crop: its crop `(side, side, 3)` uint8 RGB by `crop_face`.
    """
    return Quality(
        size=_grade(eye_distance_px(face.landmarks), EYE_DISTANCE_PX),
        sharpness=_grade(sharpness(crop), SHARPNESS),
        frontal=_grade(turn(face.landmarks), FRONTAL),
        inside=_grade(share_inside(face.landmarks, frame_size_px), INSIDE),
        score=_grade(face.score, SCORE),
    )


def _grade(value: float, limits: tuple[float, float]) -> float:
    zero, one = limits
    return float(np.clip((value - zero) / (one - zero), 0.0, 1.0))


def eye_distance_px(landmarks: np.ndarray) -> float:
    """
    Size of a face as the distance that its eyes have in the crop, in pixels of the frame.

    By all five landmarks: the eyes alone come close to each other when a head turns.
    """
    scale = float(np.linalg.norm(crop_matrix(landmarks, 1.0)[0, :2]))
    return float(np.linalg.norm(CROP_LANDMARKS[1] - CROP_LANDMARKS[0])) / scale


def sharpness(crop: np.ndarray) -> float:
    """
    Fine detail inside of the face: the deviation of what lies between blurs of 1 and of 2 pixels of a crop of 112,
    over that of the brightness. Finer detail than that is noise of the camera and of rounding.
    """
    grey: np.ndarray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if crop.shape[0] != CROP_SIDE_PX:
        grey = cv2.resize(grey, (CROP_SIDE_PX, CROP_SIDE_PX), interpolation=cv2.INTER_AREA)
    fine = cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.GaussianBlur(grey, (0, 0), 2.0)
    inner = slice(CROP_SIDE_PX // 4, -CROP_SIDE_PX // 4)
    return float(fine[inner, inner].std()) / (float(grey[inner, inner].std()) + 3.0)


def turn(landmarks: np.ndarray) -> float:
    """
    How far a head is turned away: distance of the nose from where it is in a frontal face, in eye distances.

    Sideways, it is measured along the line of the eyes from the middle of eyes and mouth; up and down, along the line
    from the eyes to the mouth. 0 is frontal, 0.5 about half a profile.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    eyes, mouth, nose = points[:2].mean(axis=0), points[3:].mean(axis=0), points[2]
    down = mouth - eyes
    height = float(np.linalg.norm(down))
    if height < 1e-6:
        return 10.0
    down = down / height
    across = np.array([down[1], -down[0]])  # to the right of an upright face
    width = max(float((points[1] - points[0]) @ across), float((points[4] - points[3]) @ across), 0.2 * height)
    sideways = float((nose - (eyes + mouth) / 2) @ across) / width
    expected = _expected_nose_share()
    upwards = float((nose - eyes) @ down) / height - expected
    return float(np.hypot(sideways, upwards))


def _expected_nose_share() -> float:
    """How far down from the eyes to the mouth the nose is in the crop's template."""
    eyes, mouth = CROP_LANDMARKS[:2, 1].mean(), CROP_LANDMARKS[3:, 1].mean()
    return float((CROP_LANDMARKS[2, 1] - eyes) / (mouth - eyes))


def share_inside(landmarks: np.ndarray, frame_size_px: tuple[int, int]) -> float:
    """Share of the crop's area that lies in a frame of this width and height."""
    width, height = frame_size_px
    crop = crop_corners(landmarks).astype(np.float32)
    frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    common, _ = cv2.intersectConvexConvex(crop, frame)
    return float(np.clip(common / max(abs(cv2.contourArea(crop)), 1e-6), 0.0, 1.0))
