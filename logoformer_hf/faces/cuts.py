"""
Finds cuts: whether two frames, some tenths of a second apart, are of one shot.

Measured on frames 0.1 s apart: a distance of at most 0.14 in one shot, also of drawn people who cross in 0.3 to 1 s,
and at most 0.23 where the camera pans by up to an eighth of the picture; at least 0.66 between two shots, of real
people and of drawn backgrounds.
"""

import cv2
import numpy as np

THUMBNAIL_PX = (64, 36)
# Shifts by a camera that pans are tried up to these, in pixels of thumbnails.
MAX_SHIFT_PX = (14, 4)
CUT_DISTANCE = 0.4
# A picture with less contrast than this (a white flash, a fade through black) is compared with nothing.
BLANK_DEVIATION = 6.0
# A flash that leaves something to see: so much more of the picture is white, and the rest is still like it was.
FLASH_SHARE, FLASH_CORRELATION = 0.2, 0.5
WHITE = 245
# A face at the next detection that is further away, in face sizes, or of another size, says nothing against a cut.
MAX_MOVE, MAX_GROWTH = 0.5, 1.3


def thumbnail(frame: np.ndarray) -> np.ndarray:
    """`(36, 64, 3)` uint8 of a frame `(height, width, 3)`, for the functions of this module."""
    # Without the finest detail, a shift by half a pixel changes little.
    return cv2.blur(cv2.resize(frame, THUMBNAIL_PX, interpolation=cv2.INTER_AREA), (3, 3))


def is_blank(picture: np.ndarray) -> bool:
    """Whether a thumbnail shows nothing."""
    return float(picture.mean(axis=2).std()) < BLANK_DEVIATION


def is_flash(before: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a thumbnail shows what the one before it shows, overexposed."""
    grown = (picture > WHITE).mean() - (before > WHITE).mean()
    return bool(grown > FLASH_SHARE and _correlation(before, picture) > FLASH_CORRELATION)


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    """The best correlation of brightness over shifts by up to an eighth."""
    grey = [picture.astype(np.float32).mean(axis=2) for picture in (one, two)]
    high, wide = grey[1].shape[0] // 8, grey[1].shape[1] // 8
    middle = np.ascontiguousarray(grey[1][high:-high, wide:-wide])
    return float(cv2.matchTemplate(grey[0], middle, cv2.TM_CCOEFF_NORMED).max())


def is_cut(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether there is a cut between two thumbnails; shifts are tried only where they do not match as they are."""
    one, two = _lab(before), _lab(after)
    if _median_difference(one, two, (0, 0)) <= CUT_DISTANCE:
        return False
    return _shifted_distance(one, two) > CUT_DISTANCE


def shot_distance(first: np.ndarray, second: np.ndarray) -> float:
    """
    How different two thumbnails are; 0 for equal ones, 1 to 2 for pictures that have nothing in common.

    The median over the picture of the difference of colours: somebody who moves changes less than half of it. Both are
    compared as they are and moved over each other, for a camera that pans, and without regard to brightness and
    contrast.
    """
    return _shifted_distance(_lab(first), _lab(second))


def is_nearer(picture: np.ndarray, after: np.ndarray, before: np.ndarray) -> bool:
    """Whether a thumbnail resembles that after a cut more than that before it."""
    return shot_distance(picture, after) < shot_distance(picture, before)


def is_near_box(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether two boxes (x, y, width, height) are of about the same size and place: if not, they say nothing."""
    sizes = [float(np.sqrt(np.prod(box[2:]))) for box in (before, after)]
    middles = [box[:2] + box[2:] / 2 for box in (before, after)]
    distance = float(np.linalg.norm(middles[1] - middles[0]))
    return distance < MAX_MOVE * sizes[0] and max(sizes) < MAX_GROWTH * min(sizes)


def _shifted_distance(one: np.ndarray, two: np.ndarray) -> float:
    """The least difference over shifts: first over even ones with a quarter of the pixels, then near the best."""
    wide, high = MAX_SHIFT_PX
    coarse = [(x, y) for y in range(-high, high + 1, 2) for x in range(-wide, wide + 1, 2)]
    small = one[::2, ::2], two[::2, ::2]
    best_x, best_y = min(coarse, key=lambda shift: _median_difference(*small, (shift[0] // 2, shift[1] // 2)))
    near = [(best_x + x, best_y + y) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return min(_median_difference(one, two, shift) for shift in [(0, 0), *near])


def _lab(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32))


def _median_difference(one: np.ndarray, two: np.ndarray, shift: tuple[int, int]) -> float:
    """Of the part that both have in common, each brought to mean 0 and its lightness to deviation 1."""
    height, width = one.shape[:2]
    x, y = shift
    first = one[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)].reshape(-1, 3)
    second = two[max(-y, 0) : height + min(-y, 0), max(-x, 0) : width + min(-x, 0)].reshape(-1, 3)
    # A flat picture is not blown up to noise.
    scaled = [(part - part.mean(axis=0)) / (part[:, 0].std() + 3) for part in (first, second)]
    return float(np.median(np.abs(scaled[0] - scaled[1]).sum(axis=1)))
