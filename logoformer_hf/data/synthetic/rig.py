"""
Draws a moving face: a two-dimensional rig that is controlled by action units.

Action units (AU) are the single facial movements of the Facial Action Coding System (P. Ekman, W. Friesen, J. Hager,
*Facial Action Coding System*, 2002).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache

import cv2
import numpy as np

from .features import add_brows, add_cheek_folds, add_eyes, add_mouth, add_nose, mouth_curves
from .head import (
    add_beard,
    add_forehead,
    add_glasses,
    add_hair,
    add_head,
    add_headwear,
    add_shade,
    face_outline,
)
from .person import Identity
from .sketch import Sketch

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 16, 17, 18, 20, 23, 25, 26, 45)

SUPERSAMPLING = 2  # drawn twice as large and averaged, so that thin lines move smoothly


@dataclass(frozen=True)
class Pose:
    """Pose of the head. Angles in radians; shifts as fractions of the picture; yaw > 0 turns to the picture's right,
    pitch > 0 nods down. The gaze goes from -1 to 1: `gaze_x` > 0 to the picture's right, `gaze_y` > 0 down."""

    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0


@dataclass(frozen=True)
class Light:
    """How the face is lit: overall gain, the side it comes from (radians, 0 = the picture's right, clockwise), how
    much brighter that side is (0 to 1), how warm it is (-1 bluish to 1 reddish), and how dark a shadow with a hard
    edge lies on the other side (0 to 1)."""

    brightness: float = 1.0
    direction: float = -2.0
    contrast: float = 0.2
    warmth: float = 0.0
    shadow: float = 0.0


def render_face(
    identity: Identity,
    action_units: Mapping[int, float | tuple[float, float]],
    pose: Pose,
    light: Light,
    image_size: int = 128,
) -> np.ndarray:
    """Draws one picture of a face.

    Args:
        identity: the person.
        action_units: intensity from 0 (rest) to 1 (strongest) by action unit number, out of `ACTION_UNITS`; a number
            for both sides, or a pair for the picture's left side and its right side. Units that are left out are at
            rest. 45 is the blink.
        pose: pose of the head.
        light: light on the face.
        image_size: height and width in pixels.

    Returns:
        uint8 RGB picture of shape (height, width, 3).

    Raises:
        ValueError: an action unit that the rig does not have.
    """
    unknown = sorted(set(action_units) - set(ACTION_UNITS))
    if unknown:
        raise ValueError(f"action_units has {unknown}, but the rig moves only the action units {ACTION_UNITS}")
    units = np.zeros((1, len(ACTION_UNITS), 2))
    for unit, intensity in action_units.items():
        units[0, ACTION_UNITS.index(unit)] = intensity
    return next(render_faces(identity, units, np.array([astuple(pose)]), np.array([astuple(light)]), image_size))


def render_faces(
    identity: Identity,
    action_units: np.ndarray,
    poses: np.ndarray,
    lights: np.ndarray,
    image_size: int,
    paint_over: Callable[[np.ndarray, int], None] | None = None,
) -> Iterator[np.ndarray]:
    """Draws the pictures of a clip one after the other.

    Args:
        identity: the person.
        action_units: intensities in the order of `ACTION_UNITS`, shape (frames, 18, 2): the picture's left side first.
        poses: the fields of `Pose`, shape (frames, 8).
        lights: the fields of `Light`, shape (frames, 5).
        image_size: height and width in pixels.
        paint_over: function that paints occluders in place, given the picture at twice its size and the number of the
            frame.

    Yields:
        uint8 RGB pictures of shape (height, width, 3).
    """
    size = image_size * SUPERSAMPLING
    side = dict(zip(ACTION_UNITS, np.moveaxis(action_units, 1, 0)[..., None], strict=True))
    middle = {unit: side[unit].mean(axis=1) for unit in (17, 25, 26)}
    outline = face_outline(identity, 0.2 * middle[26] + 0.02 * middle[25] - 0.03 * middle[17])
    head, shade, features = (Sketch(identity.skin, len(poses)) for _ in range(3))
    add_head(head, identity, outline)
    head.project(poses, size)
    add_shade(shade, identity, side, outline)
    shade.project(poses, size // 4)
    mouth = mouth_curves(identity, side)
    add_forehead(features, identity, side)
    add_hair(features, identity)
    add_eyes(features, identity, side, poses[:, 6:])
    if identity.beard == "stubble":  # wrinkles in it are darker than in bare skin
        features.skin = features.skin * 0.82
    add_cheek_folds(features, identity, side, mouth)
    if identity.beard in ("full", "moustache"):
        add_beard(features, identity, outline, mouth)
    add_nose(features, identity, side)
    add_mouth(features, identity, side, mouth)
    add_brows(features, identity, side)
    add_headwear(features, identity, outline)
    if identity.glasses != "none":
        add_glasses(features, identity)
    features.project(poses, size)

    backdrop = _backdrop(identity, size)
    soft = np.empty((size // 4, size // 4, 3), np.uint8)
    for frame, (pose, light) in enumerate(zip(poses, lights, strict=True)):
        image = backdrop.copy()
        head.paint(image, frame)
        soft[:] = 128
        shade.paint(soft, frame)
        blurred = cv2.GaussianBlur(soft, (0, 0), size / 110)
        cv2.multiply(image, cv2.resize(blurred, (size, size)), image, 1 / 128)
        features.paint(image, frame)
        if paint_over is not None:
            paint_over(image, frame)
        image = cv2.resize(image, (image_size, image_size), interpolation=cv2.INTER_AREA)
        yield _lit(image, Light(*light), Pose(*pose))


def _backdrop(who: Identity, size: int) -> np.ndarray:
    """The backdrop behind the head, with blurred shapes on it."""
    image: np.ndarray = np.full((64, 64, 3), np.rint(who.backdrop), np.uint8)
    if who.clutter > 0.2:
        rng = np.random.default_rng(who.backdrop_seed)
        for _ in range(rng.integers(2, 7)):
            shade = rng.normal(-10, 55 * who.clutter) + rng.normal(0, 22 * who.clutter, 3)
            colour = np.clip(np.array(who.backdrop) + shade, 0, 255)
            corner, extent = rng.integers(-10, 60, 2), rng.integers(6, 36, 2)
            if rng.random() < 0.5:
                cv2.rectangle(image, corner.tolist(), (corner + extent).tolist(), colour.tolist(), -1)
            else:
                cv2.circle(image, corner.tolist(), int(extent[0] // 2), colour.tolist(), -1)
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.7, 3.0))
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)


@lru_cache(maxsize=4)
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    across = np.linspace(-1, 1, size, dtype=np.float32)
    return np.meshgrid(across, across)


def _lit(image: np.ndarray, light: Light, pose: Pose) -> np.ndarray:
    x, y = _grid(image.shape[0])
    cos, sin = np.float32(np.cos(light.direction)), np.float32(np.sin(light.direction))
    gain = light.brightness * (1 + 0.5 * light.contrast * (cos * x + sin * y))
    if light.shadow > 0:
        gain *= 1 - 0.55 * light.shadow * _shadow(x, y, cos, sin, pose)
    warmth = 0.1 * light.warmth
    return cv2.multiply(image, cv2.merge([gain * (1 + warmth), gain, gain * (1 - warmth)]), dtype=cv2.CV_8U)


def _shadow(x: np.ndarray, y: np.ndarray, cos: float, sin: float, pose: Pose) -> np.ndarray:
    """The shadow of an object outside the picture, shape (height, width): 0 or 1, other values at its edge only."""
    unit = 0.65 * pose.scale
    x, y = (x - 2 * pose.shift_x) / unit, (y - 2 * pose.shift_y) / unit
    toward, beside = cos * x + sin * y, cos * y - sin * x
    edge = -0.12 + 0.1 * np.sin(2.3 * beside + 0.7)
    pixels = 0.5 * unit * len(x)  # in a face unit
    return np.clip((edge - toward) * np.float32(pixels / 1.6) + 0.5, 0, 1)
