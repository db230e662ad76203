"""
The geometry of a face's crop: where the eyes, the nose and the mouth lie in it. Everything that crops a face uses it.

`docs/face_crop.png` shows it.
"""

import math

import cv2
import numpy as np

CROP_SIDE_PX = 112

# Where the five landmarks lie in a crop of side 1: eye, eye, nose, mouth corner, mouth corner; pairs from the left.
#
# The shape is that of ArcFace's alignment template, five points in a crop of 112: (38.29, 51.70), (73.53, 51.50),
# (56.03, 71.74), (41.55, 92.37), (70.73, 92.20). Models that read expressions are trained with more room around the
# face than ArcFace's crop leaves, so its points are scaled by 0.8 about their mean, and the mean is put where it is in
# the crops that the drawn faces are trained with: (55.58, 64.82), measured with YuNet on 24 clips. The factor is the
# least-squares one from the template to the mean landmarks of these clips, (40.7, 49.2), (71.6, 49.8), (55.7, 66.0),
# (41.6, 79.2), (68.3, 79.9).
ARCFACE_LANDMARKS_PX = np.array([(38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)])
TEMPLATE_SCALE = 0.8
TEMPLATE_MEAN_PX = np.array([55.58, 64.82])
CROP_LANDMARKS = (
    (ARCFACE_LANDMARKS_PX - ARCFACE_LANDMARKS_PX.mean(axis=0)) * TEMPLATE_SCALE + TEMPLATE_MEAN_PX
) / CROP_SIDE_PX  # (5, 2)

_AS_COMPLEX = np.array([1, 1j])
_TARGETS_MIDDLE = complex((CROP_LANDMARKS @ _AS_COMPLEX).mean())
_CENTRED_TARGETS = CROP_LANDMARKS @ _AS_COMPLEX - _TARGETS_MIDDLE

# A face that is shrunk is drawn this many times as large at most, then averaged.
MAX_OVERSAMPLING = 16


def crop_matrix(landmarks: np.ndarray, side_px: float) -> np.ndarray:
    """
    The similarity (turn, scale, shift; never mirrored) that brings landmarks nearest to `CROP_LANDMARKS`, by least
    squares (Umeyama 1991, for points in a plane).

    Coordinates are continuous: the pixel in column 0 reaches from 0 to 1.

    Args:
        landmarks: `(5, 2)`, in pixels of the frame.
        side_px: side of the square crop.

    Returns:
        `(2, 3)` float64: from (x, y, 1) in the frame to (x, y) in the crop.

    Raises:
        ValueError: landmarks that are not finite, or all in one point.
    """
    points = np.asarray(landmarks, dtype=np.float64) @ _AS_COMPLEX  # as complex numbers, a similarity is a x + b
    middle = points.sum() / len(points)
    centred = points - middle
    spread = np.vdot(centred, centred).real
    if not np.isfinite(spread):
        raise ValueError("the landmarks of a face must be finite numbers.")
    if spread < 1e-6:
        raise ValueError("the landmarks of a face lie in one point; no crop can be placed by them.")
    factor = complex(side_px * np.vdot(centred, _CENTRED_TARGETS) / spread)
    shift = side_px * _TARGETS_MIDDLE - factor * complex(middle)
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def crop_face(frame: np.ndarray, landmarks: np.ndarray, side_px: int = CROP_SIDE_PX) -> np.ndarray:
    """
    The aligned crop of a face.

    A face that is larger than the crop is averaged, not sampled. Outside of the frame, the pixels of its border are
    repeated: a hard edge would be the strongest feature of the picture.

    Args:
        frame: `(height, width, 3)` uint8.
        landmarks: `(5, 2)`, in pixels of the frame.
        side_px: side of the crop.

    Returns:
        `(side_px, side_px, 3)` uint8.

    Raises:
        ValueError: landmarks that are not finite, or all in one point.
    """
    matrix = crop_matrix(landmarks, side_px)
    # Pixels of the frame per pixel of the crop.
    shrinking = 1 / max(math.hypot(*matrix[0, :2]), 1 / MAX_OVERSAMPLING)
    # Bilinear interpolation leaves nothing out when its samples are up to a quarter more than a pixel apart.
    oversampling = max(math.ceil(shrinking - 0.25), 1)
    large = oversampling * side_px
    matrix *= oversampling
    # From continuous coordinates to OpenCV's, in which the middle of the first pixel is 0.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    crop = cv2.warpAffine(frame, matrix, (large, large), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return crop if oversampling == 1 else cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA)


def crop_corners(landmarks: np.ndarray) -> np.ndarray:
    """`(4, 2)`: where the corners of the crop lie in the frame, clockwise from the upper left one of the crop."""
    matrix = crop_matrix(landmarks, 1.0)
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    return np.asarray((corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def whole_frame_crop(frame: np.ndarray, side_px: int = CROP_SIDE_PX) -> np.ndarray:
    """`(side_px, side_px, 3)`: the square in the middle of a frame `(height, width, 3)` that is a face already."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = frame[top : top + side, left : left + side]
    if side == side_px:
        return np.ascontiguousarray(square)
    interpolation = cv2.INTER_AREA if side > side_px else cv2.INTER_LINEAR
    return cv2.resize(square, (side_px, side_px), interpolation=interpolation)
