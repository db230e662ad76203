"""What a face looks like, in a few numbers, to tell people apart; and how alike two pictures are, to find cuts."""

import cv2
import numpy as np

from logoformer_hf.faces.detector import Face
from logoformer_hf.faces.geometry import crop_matrix

# The picture that a signature is made from: the crop and as much around it, for hair and clothes.
SIGNATURE_SIDE_PX = 24
AROUND = 0.25  # of the crop's side, on each side
NUM_BINS = 8


def face_signature(frame: np.ndarray, face: Face) -> np.ndarray:
    """
    A face's colours: soft histograms of lightness and of both colour axes in four parts of the crop.

    Args:
        frame: `(height, width, 3)` uint8 RGB, as the detector saw it.
        face: the face, in pixels of this frame.

    Returns:
        `(signature,)` float32; `signature_distance` compares two of them.
    """
    side = SIGNATURE_SIDE_PX
    matrix = crop_matrix(face.landmarks, side / (1 + 2 * AROUND))
    matrix[:, 2] += AROUND * side / (1 + 2 * AROUND)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    picture = cv2.warpAffine(frame, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    third = side // 3
    # Hair, face, and what is below it.
    parts = (lab[:third], lab[third : 2 * third, side // 4 : -side // 4], lab[2 * third :])
    return np.concatenate([_histograms(part.reshape(-1, 3)) for part in parts])


def _histograms(colours: np.ndarray) -> np.ndarray:
    """Histograms `(3 * NUM_BINS,)` of `(pixels, 3)` Lab colours, each of sum 1; a value counts for two bins."""
    # Skin, hair and clothes differ in a narrow range of the colour axes.
    scaled = np.clip((colours.astype(np.float32) - (0, 98, 98)) / (255, 80, 80), 0, 1) * (NUM_BINS - 1)
    low = np.minimum(scaled.astype(int), NUM_BINS - 2)
    share = scaled - low
    bins = low + NUM_BINS * np.arange(3)  # (pixels, 3): all three histograms are counted at once
    counts = np.bincount(bins.ravel(), (1 - share).ravel(), 3 * NUM_BINS)
    counts += np.bincount(bins.ravel() + 1, share.ravel(), 3 * NUM_BINS)
    return (counts / len(colours)).astype(np.float32)


def signature_distance(first: np.ndarray, second: np.ndarray) -> float:
    """0 for equal signatures, 1 for signatures without a colour in common."""
    return float(np.abs(first - second).sum() / (first.sum() + second.sum()))


# --- cuts

THUMBNAIL_PX = (32, 18)
# A picture with less contrast than this (a flash, a fade through black) is compared with nothing.
BLANK_DEVIATION = 6.0
# Two pictures are of different shots where both differ by more than this.
STRUCTURE_LIMIT = 0.5
COLOUR_LIMIT = 0.35


def thumbnail(frame: np.ndarray) -> np.ndarray:
    """`(18, 32, 3)` uint8 of a frame `(height, width, 3)`, for `is_other_shot`."""
    return cv2.resize(frame, THUMBNAIL_PX, interpolation=cv2.INTER_AREA)


def is_blank(picture: np.ndarray) -> bool:
    """Whether a thumbnail shows nothing: a white flash, black between two shots."""
    return float(picture.mean(axis=2).std()) < BLANK_DEVIATION


def shot_distance(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """
    How different two thumbnails are, in structure and in colours, each from 0 (equal) to 1.

    Structure is 1 - the correlation of their brightness, the best over shifts: a pan shifts the picture, a flash
    brightens it, and neither changes the correlation much. Colours are compared without regard to their place.
    """
    return _structure_distance(first, second), _colour_distance(first, second)


def _structure_distance(first: np.ndarray, second: np.ndarray) -> float:
    one, two = (picture.astype(np.float32).mean(axis=2) for picture in (first, second))
    height, width = one.shape
    high, wide = height // 4, width // 4
    middle = two[high:-high, wide:-wide]
    if min(float(one.std()), float(middle.std())) < 1.0:
        return 1.0
    matches = cv2.matchTemplate(one, np.ascontiguousarray(middle), cv2.TM_CCOEFF_NORMED)
    return float(np.clip(1 - matches.max(), 0.0, 1.0))


def _colour_distance(first: np.ndarray, second: np.ndarray) -> float:
    histograms = [_histograms(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).reshape(-1, 3)) for picture in (first, second)]
    return signature_distance(*histograms)


def is_other_shot(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether there is a cut between two thumbnails that are not blank."""
    structure, colour = shot_distance(first, second)
    return structure > STRUCTURE_LIMIT and colour > COLOUR_LIMIT
