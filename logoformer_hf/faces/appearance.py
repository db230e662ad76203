"""What a face looks like, in a few numbers, to tell people apart."""

from dataclasses import dataclass

import cv2
import numpy as np

from .detector import Face
from .geometry import crop_face

# A signature is made from two parts of the crop in this size: hair and forehead, and eyes to mouth. Nothing of the
# background belongs to them, since it changes when a person moves. On 60 pairs of drawn people who cross, 99 of 100
# pairs of signatures of one person are nearer than 0.24, and 99 of 100 of two people further than 0.29.
SIGNATURE_SIDE_PX = 32
HAIR = (slice(0, 8), slice(9, 23))
FACE = (slice(10, 26), slice(10, 22))
NUM_BINS = 16
# The pattern of a face, in the same crop. A part with less deviation is flat.
PATTERN = (slice(6, 28), slice(7, 25))
MIN_DEVIATION = 3.0
MAX_SAME_DISTANCE, MIN_SAME_CORRELATION = 0.2, 0.75
# Skin, hair and clothes differ in a narrow range of both colour axes of Lab.
LOWEST_LAB, RANGE_LAB = np.array((0, 98, 98), np.float32), np.array((255, 80, 80), np.float32)


@dataclass(frozen=True, eq=False)
class FaceLook:
    """
    What a face looks like in one picture.

    Attributes:
        signature: `(signature,)` float32, see `face_signature`.
        pattern: `(22, 18)` float32 of mean 0 and norm 1: eyes, nose and mouth as a small grey picture; all 0 for one
            that is flat.
    """

    signature: np.ndarray
    pattern: np.ndarray


def face_look(frame: np.ndarray, face: Face) -> FaceLook:
    """The look of a face in pixels of a frame `(height, width, 3)` uint8 RGB."""
    crop = crop_face(frame, face.landmarks, SIGNATURE_SIDE_PX)
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)
    signature = np.concatenate([_histograms(lab[part].reshape(-1, 3)) for part in (HAIR, FACE)])
    return FaceLook(signature, _pattern(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[PATTERN]))


def face_signature(frame: np.ndarray, face: Face) -> np.ndarray:
    """
    A face's colours: soft histograms of lightness and of both colour axes in two parts of the crop.

    Args:
        frame: `(height, width, 3)` uint8 RGB, as the detector saw it.
        face: the face, in pixels of this frame.

    Returns:
        `(signature,)` float32; `signature_distance` compares two of them.
    """
    return face_look(frame, face).signature


def _histograms(colours: np.ndarray) -> np.ndarray:
    """Histograms `(3 * NUM_BINS,)` of `(pixels, 3)` Lab colours, each of sum 1; a value counts for two bins."""
    scaled = np.clip((colours.astype(np.float32) - LOWEST_LAB) / RANGE_LAB, 0, 1) * (NUM_BINS - 1)
    low = np.minimum(scaled.astype(int), NUM_BINS - 2)
    share = scaled - low
    bins = low + NUM_BINS * np.arange(3)  # (pixels, 3): all three histograms are counted at once
    counts = np.bincount(bins.ravel(), (1 - share).ravel(), 3 * NUM_BINS)
    counts += np.bincount(bins.ravel() + 1, share.ravel(), 3 * NUM_BINS)
    return (counts / len(colours)).astype(np.float32)


def signature_distance(first: np.ndarray, second: np.ndarray) -> float:
    """0 for equal signatures, 1 for signatures without a colour in common."""
    return float(np.abs(first - second).sum() / (first.sum() + second.sum()))


def _pattern(grey: np.ndarray) -> np.ndarray:
    blurred = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0)
    blurred -= blurred.mean()
    norm = float(np.linalg.norm(blurred))
    is_flat = norm < MIN_DEVIATION * np.sqrt(blurred.size)
    return np.asarray(np.zeros_like(blurred) if is_flat else blurred / norm, dtype=np.float32)


def is_same_face(first: FaceLook, second: FaceLook) -> bool:
    """
    Whether two detections that follow each other closely are of one person, by colours and by pattern.

    Stricter than what tracks are assigned by. Of 177 pairs of looks 0.1 s apart of real and drawn people, 98 of 100
    are the same face by it; of 1338 pairs of two people, none.
    """
    if signature_distance(first.signature, second.signature) > MAX_SAME_DISTANCE:
        return False
    if not (first.pattern.any() and second.pattern.any()):
        return True  # a flat picture says nothing
    return float((first.pattern * second.pattern).sum()) > MIN_SAME_CORRELATION
