"""
Landmarks of tilted heads.

A detector that was trained with upright faces draws the landmarks of a tilted one towards upright ones. Here the face
is turned upright by the angle that is known so far and searched again, until it comes out upright.

Measured by turning whole frames of real people (clips with a face of 75 and of 31 px in the searched picture) and
drawn people in steps of 10 degrees, against the turned landmarks of the upright frame, which are uncertain by about
0.06 eye distances themselves:

| turned by | error before, eye distances | error after | angle's error before, degrees | after |
| --- | --- | --- | --- | --- |
| 0 | 0.07 | 0.07 | 2 | 3 |
| 10 | 0.09 | 0.08 | 5 | 3 |
| 20 | 0.14 | 0.08 | 10 | 4 |
| 30 | 0.22 | 0.09 | 17 | 5 |
| 40 | 0.31 | 0.10 | 24 | 6 |
| 50 | 0.45 | 0.09 | 35 | 5 |
| 60 | 0.51 | 0.13 | 42 | 9 |

Before that, a face must be detected: 37 of 44 were at 50 degrees, 19 at 60; heads that lie are not. An upright face
costs one small detection in five, a tilted one at least one with each.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .detector import Face, FaceDetector
from .geometry import crop_matrix

# The picture of one face, and the face's size in it: in smaller ones, landmarks hardly follow a tilt.
SIDE_PX, FACE_PX = 160, 64
# Landmarks follow a tilt by about this share of it.
FOLLOWED_SHARE = 0.65
MAX_STEPS, MAX_STEP_DEG = 4, 45.0
# What is left of a tilt when the face counts as upright.
UPRIGHT_DEG = 5.0
# Where the middle of the face may be, as a share of the picture's side from its middle.
MAX_OFFSET = 0.2
# A face that is found again with a score so much lower is another one, or none.
MAX_SCORE_LOSS = 0.1

# A head is tilted from the first angle on, until it is below the second.
TILTED_DEG, NO_LONGER_TILTED_DEG = 10.0, 6.0
# Every so many detections, a face that seems upright is searched again, too: small ones seem so up to 30 degrees.
LOOK_EVERY = 5


@dataclass
class Tilt:
    """
    What is known about the tilt of a person's head.

    Attributes:
        known_deg: the tilt at the last detection, see `roll_deg`; 0 where the head was upright.
        num_seen: detections so far.
    """

    known_deg: float = 0.0
    num_seen: int = 0


def roll_deg(landmarks: np.ndarray) -> float:
    """The tilt of a face towards its shoulder, clockwise in the picture: -180 to 180, 0 upright."""
    matrix = crop_matrix(landmarks, 1.0)
    return float(np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0])))


def with_tilt(detector: FaceDetector, picture: np.ndarray, face: Face, tilt: Tilt) -> Face:
    """
    A detection with the landmarks of a tilted head where it is one; `tilt` is brought up to date.

    Args:
        detector: finds faces.
        picture: `(height, width, 3)` uint8 RGB.
        face: a detection, in pixels of this picture.
        tilt: of this person.
    """
    if not face.leans_upright:
        return face
    seems_deg = roll_deg(face.landmarks)
    is_due = tilt.num_seen % LOOK_EVERY == 0
    tilt.num_seen += 1
    seems_tilted = abs(seems_deg) >= TILTED_DEG
    if not (is_due or tilt.known_deg or seems_tilted):
        return face
    found = find_tilted(detector, picture, face, tilt.known_deg or (seems_deg if seems_tilted else 0.0))
    if found is None and tilt.known_deg:
        found = find_tilted(detector, picture, face, seems_deg)
    if found is None:
        tilt.known_deg = 0.0
        return face
    angle_deg = roll_deg(found.landmarks)
    is_tilted = abs(angle_deg) >= (NO_LONGER_TILTED_DEG if tilt.known_deg else TILTED_DEG)
    tilt.known_deg = angle_deg if is_tilted else 0.0
    return found if is_tilted or seems_tilted else face


def find_tilted(detector: FaceDetector, picture: np.ndarray, face: Face, tilt_deg: float) -> Face | None:
    """
    Searches a face again in a picture that is turned so that it is upright.

    Args:
        detector: finds faces.
        picture: `(height, width, 3)` uint8 RGB.
        face: the face, in pixels of this picture.
        tilt_deg: its tilt as far as it is known, see `roll_deg`.

    Returns:
        The face with its box as it was, better landmarks, and the better score; None where it is not found again, or
        does not come out upright.
    """
    for _ in range(MAX_STEPS):
        matrix = _upright_matrix(face.box, tilt_deg)
        turned = cv2.warpAffine(
            picture, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        found = _middle_face(detector.detect(turned))
        if found is None or found.score < face.score - MAX_SCORE_LOSS:
            return None
        left_deg = roll_deg(found.landmarks)
        if abs(left_deg) <= UPRIGHT_DEG:
            back = cv2.invertAffineTransform(matrix)
            landmarks = found.landmarks @ back[:, :2].T + back[:, 2]
            return replace(face, landmarks=landmarks.astype(np.float32), score=max(face.score, found.score))
        tilt_deg += float(np.clip(left_deg / FOLLOWED_SHARE, -MAX_STEP_DEG, MAX_STEP_DEG))
    return None


def _upright_matrix(box: np.ndarray, tilt_deg: float) -> np.ndarray:
    """`(2, 3)`: from a picture to that of one face, turned back by its tilt."""
    x, y, width, height = (float(value) for value in box)
    scale, angle = FACE_PX / np.sqrt(width * height), np.radians(-tilt_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([x + width / 2, y + height / 2])
    return np.column_stack([turn, SIDE_PX / 2 - turn @ middle])


def _middle_face(faces: list[Face]) -> Face | None:
    """The best face of those near the middle."""

    def is_near(face: Face) -> bool:
        middle = face.box[:2] + face.box[2:] / 2
        return bool(np.linalg.norm(middle - SIDE_PX / 2) <= MAX_OFFSET * SIDE_PX)

    return max((face for face in faces if is_near(face)), key=lambda face: face.score, default=None)
