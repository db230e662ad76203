"""
Polygons for all frames of a clip at once, and their projection into the picture.

Shapes are in face units: origin between eyes and nose, x to the right of the picture, y down, 1 = about half a face's
width. Arrays have a leading axis for the frames, so that numpy is called once per clip and shape, not once per frame;
only the polygons are filled frame by frame.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

Number = float | np.ndarray  # one for all frames and sides, or of shape (frames, 1) or (frames, sides, 1)
Point = tuple[Number, Number]

_FRACTION_BITS = 4
_ANGLE = np.linspace(0, 2 * np.pi, 28, endpoint=False)
_BEND = np.linspace(0, 1, 9)
_MIRRORED = np.array([[[-1.0, 1.0]], [[1.0, 1.0]]])  # the face's side on the picture's left, and on its right


def mix(colour: ArrayLike, other: ArrayLike, amount: ArrayLike) -> np.ndarray:
    """Colours between two, of the shape of `amount` with the three channels in place of its last axis, if it has
    one."""
    return np.asarray(colour) + (np.asarray(other) - np.asarray(colour)) * np.asarray(amount)


def times(colour: ArrayLike, factor: float) -> np.ndarray:
    """A colour times a factor, at most 255 in each channel."""
    return np.minimum(np.asarray(colour) * factor, 255.0)


def curve(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Points of shape (..., points, 2), from coordinates of shape (..., points)."""
    return np.stack(np.broadcast_arrays(x, y), axis=-1)


def between(x: ArrayLike, top: ArrayLike, bottom: ArrayLike) -> np.ndarray:
    """The polygon between two curves over the same `x`."""
    return np.concatenate(np.broadcast_arrays(curve(x, top), curve(x, bottom)[..., ::-1, :]), axis=-2)


def disc(x: Number, y: Number, width: Number, height: Number) -> np.ndarray:
    """An ellipse of 28 points around (x, y), shape (..., 28, 2); `width` and `height` are half its diameters."""
    return curve(x + width * np.cos(_ANGLE), y + height * np.sin(_ANGLE))


def bend(start: Point, handle: Point, end: Point) -> np.ndarray:
    """A smooth curve of 9 points from `start` (x, y) to `end`, bent towards `handle`; shape (..., 9, 2)."""
    t, rest = _BEND, 1 - _BEND
    x, y = (rest * rest * a + 2 * t * rest * b + t * t * c for a, b, c in zip(start, handle, end, strict=True))
    return curve(x, y)


class Sketch:
    """Polygons in painting order.

    `both` adds the mirror image on the face's other side; the axis before the points is then for the two sides, the
    picture's left first. `lift` is the distance of a shape in front of the face, which is visible when the head turns.
    """

    def __init__(self, skin: ArrayLike, num_frames: int) -> None:
        self.skin = np.asarray(skin)
        self.num_frames = num_frames
        self.shapes: list[np.ndarray] = []
        self.colours: list[list[Sequence[float]]] = []
        self.lifts: list[float] = []
        self.shown: list[list[bool] | None] = []

    def fill(
        self,
        points: np.ndarray,
        colour: ArrayLike,
        lift: float = 0.0,
        both: bool = False,
        shown: np.ndarray | None = None,
    ) -> None:
        """Adds a filled polygon.

        Args:
            points: shape (points, 2) or (frames, points, 2), for both sides (frames, sides, points, 2).
            colour: shape (3,) or (frames, 3), for both sides also (frames, sides, 3).
            lift: in face units.
            both: on both sides.
            shown: None for always, or shape (frames,), for both sides (frames, sides).
        """
        colour = np.asarray(colour, dtype=float)
        if both:
            points = points * _MIRRORED
        for side in range(2) if both else (None,):
            shape = points[..., side, :, :] if both else points
            self.shapes.append(shape.reshape(-1, *shape.shape[-2:]))
            tone = colour[:, side] if colour.ndim == 3 else colour
            self.colours.append(np.broadcast_to(tone, (self.num_frames, 3)).tolist())
            self.lifts.append(lift)
            seen = shown if shown is None or np.ndim(shown) == 1 else shown[:, side]
            self.shown.append(None if seen is None else np.broadcast_to(seen, self.num_frames).tolist())

    def ellipse(
        self,
        x: Number,
        y: Number,
        width: Number,
        height: Number,
        colour: ArrayLike,
        lift: float = 0.0,
        both: bool = False,
    ) -> None:
        """Adds an ellipse; see `disc` and `fill`."""
        self.fill(disc(x, y, width, height), colour, lift, both)

    def stroke(
        self,
        points: np.ndarray,
        width: Number,
        colour: ArrayLike,
        lift: float = 0.0,
        both: bool = False,
        shown: np.ndarray | None = None,
    ) -> None:
        """Adds a line that is `width` thick in its middle and thin at both ends; see `fill`."""
        along = np.empty_like(points)
        along[..., 1:-1, :] = points[..., 2:, :] - points[..., :-2, :]
        along[..., 0, :] = points[..., 1, :] - points[..., 0, :]
        along[..., -1, :] = points[..., -1, :] - points[..., -2, :]
        along /= np.sqrt((along * along).sum(axis=-1, keepdims=True)) + 1e-9
        thickness = width * 0.5 * (1.0 - 0.85 * np.linspace(-1, 1, points.shape[-2]) ** 2)
        side = np.stack([-along[..., 1] * thickness, along[..., 0] * thickness], axis=-1)
        self.fill(np.concatenate([points + side, (points - side)[..., ::-1, :]], axis=-2), colour, lift, both, shown)

    def fold(
        self,
        start: Point,
        handle: Point,
        end: Point,
        width: float,
        depth: Number,
        lift: float = 0.0,
        both: bool = True,
    ) -> None:
        """Adds a wrinkle, which is darker with larger `depth` (0 to 1): on both sides of the face, with `depth` of
        shape (frames, sides, 1), or in its middle, with `depth` of shape (frames, 1)."""
        depth = np.broadcast_to(depth, (self.num_frames, 2, 1) if both else (self.num_frames, 1))
        shown = depth[..., 0] > 0.08
        if shown.any():
            colour = mix(self.skin, times(self.skin, 0.52), np.clip(depth, 0, 1))
            self.stroke(bend(start, handle, end), width, colour, lift, both, shown)

    def project(self, poses: np.ndarray, size: int) -> None:
        """Projects all shapes, with the head in its pose, to a picture of `size` pixels per side; `poses` has the
        shape (frames, 8)."""
        self.lengths = [shape.shape[-2] for shape in self.shapes]
        roll, yaw, pitch, shift_x, shift_y, scale = (poses[:, field, None] for field in range(6))
        shape = (self.num_frames, sum(self.lengths))
        x, y = np.empty(shape), np.empty(shape)
        end = 0
        for points, length in zip(self.shapes, self.lengths, strict=True):
            start, end = end, end + length
            x[:, start:end], y[:, start:end] = points[..., 0], points[..., 1]
        # Depth of an ellipsoid with a smooth edge, so that shapes across its edge (ears, hair) have no steps.
        square = 1.0 - 0.8 * x * x - 0.45 * y * y
        depth = np.sqrt(0.5 * (square + np.sqrt(square * square + 0.03))) + np.repeat(self.lifts, self.lengths)
        x = x * np.cos(yaw) + depth * np.sin(yaw)
        y = y * np.cos(pitch) + depth * np.sin(pitch)
        unit = 0.325 * scale * size
        cos, sin = unit * np.cos(roll), unit * np.sin(roll)
        # OpenCV's whole numbers are the middles of pixels: without the half, pictures of other sizes would be shifted.
        x, y = cos * x - sin * y + (0.5 + shift_x) * size - 0.5, sin * x + cos * y + (0.515 + shift_y) * size - 0.5
        self.pixels = np.rint(np.stack([x, y], axis=-1) * (1 << _FRACTION_BITS)).astype(np.int32)

    def paint(self, image: np.ndarray, frame: int) -> None:
        """Paints the projected shapes of one frame on `image` (height, width, 3), in place."""
        pixels, end = self.pixels[frame], 0
        for length, colours, shown in zip(self.lengths, self.colours, self.shown, strict=True):
            start, end = end, end + length
            if shown is None or shown[frame]:
                cv2.fillPoly(image, [pixels[start:end]], colours[frame], cv2.LINE_AA, _FRACTION_BITS)
