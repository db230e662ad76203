"""A drawn face that moves: a two-dimensional rig driven by action units, and the mp4 files made with it.

Action units (AU) are the single facial movements of the Facial Action Coding System (P. Ekman, W. Friesen, J. Hager,
*Facial Action Coding System*, 2002). All shapes are laid out in face units: origin between eyes and nose, x to the
right of the picture, y down, 1 = about half a face's width.

The file imports only numpy, OpenCV and PyAV, and nothing of this package, because it is also the program that the
generator starts once per core: it must be there in a fraction of a second, without torch.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_type_hints

import av
import cv2
import numpy as np

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 16, 17, 20, 23, 25, 26, 45)
HAIR_STYLES = ("short", "parted", "fringe", "long", "bun", "curly", "bald")

_SKIN = ((252, 222, 198), (240, 198, 164), (222, 172, 132), (188, 134, 96), (146, 98, 68), (118, 76, 54))
_HAIR = ((38, 30, 30), (62, 42, 32), (104, 66, 40), (158, 104, 54), (214, 172, 100), (172, 78, 42), (150, 148, 148))
_EYES = ((74, 48, 30), (110, 74, 40), (78, 104, 66), (70, 112, 150), (96, 112, 124))
_CLOTHES = ((88, 120, 160), (170, 92, 88), (92, 138, 112), (214, 178, 110), (120, 104, 150), (80, 84, 96))
_BACKDROP = ((208, 220, 228), (226, 214, 202), (204, 218, 202), (216, 206, 222), (160, 172, 184), (190, 178, 164))

_SUPERSAMPLING = 2  # drawn twice as large and averaged: even a hair-thin wrinkle moves smoothly
_FRACTION_BITS = 4
_SEGMENT = np.linspace(-1, 1, 15)
_ANGLE = np.linspace(0, 2 * np.pi, 28, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)


@dataclass(frozen=True)
class Identity:
    """Everything about a face that stays when it moves: colours as RGB from 0 to 255, and lengths in face units,
    each with the range that people are drawn from."""

    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    eye_colour: tuple[float, float, float]
    clothes: tuple[float, float, float]
    backdrop: tuple[float, float, float]
    hair_style: str
    glasses: bool
    blush: Annotated[float, 0.0, 1.0]
    face_width: Annotated[float, 0.92, 1.06]
    face_length: Annotated[float, 1.16, 1.32]
    jaw_taper: Annotated[float, 0.12, 0.34]
    jaw_squareness: Annotated[float, 0.05, 0.28]
    eye_width: Annotated[float, 0.215, 0.255]
    eye_height: Annotated[float, 0.125, 0.165]
    eye_spacing: Annotated[float, 0.40, 0.46]
    eye_tilt: Annotated[float, -0.02, 0.045]
    brow_thickness: Annotated[float, 0.03, 0.062]
    brow_height: Annotated[float, 0.30, 0.36]
    brow_tilt: Annotated[float, -0.05, 0.05]
    brow_arch: Annotated[float, 0.03, 0.09]
    nose_width: Annotated[float, 0.13, 0.21]
    nose_length: Annotated[float, 0.26, 0.38]
    mouth_width: Annotated[float, 0.32, 0.42]
    mouth_curve: Annotated[float, -0.03, 0.03]
    lip_thickness: Annotated[float, 0.055, 0.1]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Identity":
        """A random person."""

        def colour(palette: Sequence[tuple[int, int, int]], spread: float) -> tuple[float, ...]:
            return tuple(np.clip(palette[rng.integers(len(palette))] + rng.normal(0, spread, 3), 5, 250).tolist())

        tone = rng.uniform(0, len(_SKIN) - 1)
        dark = tone > 3
        ranges = {
            name: hint.__metadata__
            for name, hint in get_type_hints(cls, include_extras=True).items()
            if hasattr(hint, "__metadata__")
        }
        return cls(
            skin=tuple(float(np.interp(tone, range(len(_SKIN)), channel)) for channel in zip(*_SKIN, strict=True)),
            hair=colour(_HAIR[:3] if dark else _HAIR, 8),
            eye_colour=colour(_EYES[:2] if dark else _EYES, 8),
            clothes=colour(_CLOTHES, 12),
            backdrop=colour(_BACKDROP, 12),
            hair_style=str(rng.choice(HAIR_STYLES, p=(0.22, 0.2, 0.14, 0.16, 0.1, 0.12, 0.06))),
            glasses=bool(rng.random() < 0.12),
            **{name: rng.uniform(low, high) for name, (low, high) in ranges.items()},
        )


@dataclass(frozen=True)
class Pose:
    """Where the head is. Angles in radians; shifts as fractions of the picture; yaw > 0 turns to the picture's right,
    pitch > 0 nods down."""

    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Light:
    """How the face is lit: overall gain, the side it comes from (radians, 0 = the picture's right, clockwise), how
    much brighter that side is (0 to 1), and how warm it is (-1 bluish to 1 reddish)."""

    brightness: float = 1.0
    direction: float = -2.0
    contrast: float = 0.2
    warmth: float = 0.0


def _mix(colour: Sequence[float], other: Sequence[float], amount: float) -> tuple[float, ...]:
    return tuple(a + (b - a) * amount for a, b in zip(colour, other, strict=True))


def _times(colour: Sequence[float], factor: float) -> tuple[float, ...]:
    return tuple(min(a * factor, 255.0) for a in colour)


class _Sketch:
    """Polygons in painting order, collected in face units so that one projection serves them all.

    `both` adds the mirror image on the face's other side; `lift` is how far something stands out of the face, which
    shows when the head turns.
    """

    def __init__(self, skin: tuple[float, ...]) -> None:
        self.skin = skin
        self.shapes: list[np.ndarray] = []
        self.colours: list[Sequence[float]] = []
        self.lifts: list[float] = []

    def fill(self, points: np.ndarray, colour: Sequence[float], lift: float = 0.0, both: bool = False) -> None:
        for shape in (points, points * (-1, 1)) if both else (points,):
            self.shapes.append(shape)
            self.colours.append(colour)
            self.lifts.append(lift)

    def ellipse(self, x, y, width, height, colour, lift: float = 0.0, both: bool = False) -> None:
        self.fill(_CIRCLE * (width, height) + (x, y), colour, lift, both)

    def stroke(self, points: np.ndarray, width: float, colour, lift: float = 0.0, both: bool = False) -> None:
        """A line that is `width` thick in its middle and pointed at both ends."""
        along = np.empty_like(points)
        along[1:-1] = points[2:] - points[:-2]
        along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
        along /= np.sqrt((along * along).sum(axis=1, keepdims=True)) + 1e-9
        thickness = width * 0.5 * (1.0 - 0.85 * np.linspace(-1, 1, len(points)) ** 2)
        side = np.stack([-along[:, 1] * thickness, along[:, 0] * thickness], axis=1)
        self.fill(np.concatenate([points + side, (points - side)[::-1]]), colour, lift, both)

    def fold(self, start, handle, end, width: float, depth: float, lift: float = 0.0) -> None:
        """A wrinkle on either side of the face, the darker the deeper (0 to 1)."""
        if depth > 0.08:
            colour = _mix(self.skin, _times(self.skin, 0.52), depth)
            self.stroke(_bend(start, handle, end), width, colour, lift, both=True)

    def paint(self, image: np.ndarray, pose: Pose) -> None:
        """Turn the head, project, and paint everything on `image` (height, width, 3)."""
        points = np.concatenate(self.shapes)
        lengths = [len(shape) for shape in self.shapes]
        x, y = points.T
        depth = np.sqrt(np.maximum(1.0 - 0.8 * x * x - 0.45 * y * y, 0.0)) + np.repeat(self.lifts, lengths)
        x = x * math.cos(pose.yaw) + depth * math.sin(pose.yaw)
        y = y * math.cos(pose.pitch) + depth * math.sin(pose.pitch)
        size = image.shape[0]
        unit = 0.325 * pose.scale * size
        cos, sin = unit * math.cos(pose.roll), unit * math.sin(pose.roll)
        pixels = np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)
        # OpenCV's whole numbers are the middles of pixels: without the half, sizes would not line up.
        pixels += ((0.5 + pose.shift_x) * size - 0.5, (0.515 + pose.shift_y) * size - 0.5)
        pixels = np.rint(pixels * (1 << _FRACTION_BITS)).astype(np.int32)
        start = 0
        for length, colour in zip(lengths, self.colours, strict=True):
            cv2.fillPoly(image, [pixels[start : start + length]], colour, cv2.LINE_AA, _FRACTION_BITS)
            start += length


def _bend(*points: tuple[float, float]) -> np.ndarray:
    """A smooth curve of 9 points from the first of three points to the last, pulled towards the second."""
    start, handle, end = np.asarray(points, dtype=float)
    t = np.linspace(0, 1, 9)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * handle + t * t * end


def _between(x: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """The polygon between two curves over the same `x`."""
    return np.concatenate([np.stack([x, top], 1), np.stack([x, bottom], 1)[::-1]])


def _outline(who: Identity, jaw_drop: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = who.face_width * np.sign(cos) * np.abs(cos) ** (1 - who.jaw_squareness * (sin > 0))
    narrowing = 1 - who.jaw_taper * np.maximum(sin, 0) ** 2
    return np.stack([x * narrowing, sin * np.where(sin < 0, 1.2, who.face_length + jaw_drop)], 1)


def _head(sketch: _Sketch, who: Identity, outline: np.ndarray) -> None:
    """All that lies behind the features: hair at the back, shoulders, neck, ears and the skin of the face."""
    back_hair = {"long": (0.35, 1.28, 1.55), "bun": (-1.42, 0.42, 0.32), "curly": (-0.35, 1.3, 1.22)}
    if who.hair_style in back_hair:
        sketch.ellipse(0, *back_hair[who.hair_style], _times(who.hair, 0.78))
    sketch.ellipse(0, 2.3, 1.75, 0.82, who.clothes)
    neck = np.array([(-0.5, 0.7), (-0.52, 1.55), (0, 1.8), (0.52, 1.55), (0.5, 0.7)])
    sketch.fill(neck, _times(who.skin, 0.8))
    sketch.ellipse(who.face_width, 0.05, 0.15, 0.25, _times(who.skin, 0.93), both=True)
    sketch.ellipse(who.face_width, 0.06, 0.08, 0.15, _times(who.skin, 0.78), both=True)
    sketch.fill(outline, who.skin)


def _shade(sketch: _Sketch, who: Identity, au: Mapping[int, float], outline: np.ndarray) -> None:
    """What is blurred before it is laid over the skin: 128 leaves the skin as it is, more lightens, less darkens."""
    flat, dip, glow = (128, 128, 128), (112, 106, 104), (138, 138, 136)
    sketch.fill(outline * 1.04, dip)
    sketch.fill(outline * (0.82, 0.86), flat)
    sketch.ellipse(0, -0.78, 0.5, 0.2, glow)
    sketch.ellipse(0, outline[:, 1].max() - 0.17, 0.2, 0.1 - 0.02 * au[17], glow)
    sketch.ellipse(0, who.nose_length - 0.06, 0.07, 0.28, (144, 143, 140))
    socket = 112 - 10 * max(au[4], au[9])
    sketch.ellipse(who.eye_spacing, -0.2, 0.3, 0.22, (socket + 4, socket, socket), both=True)
    raised, redness = 0.13 * au[6] + 0.05 * au[12], 10 + 14 * who.blush + 10 * au[6]
    sketch.ellipse(0.58, 0.36 - raised, 0.25, 0.19, (136, 128 - redness, 128 - redness), both=True)
    cheek = _mix(glow, (154, 150, 146), au[6])
    sketch.ellipse(0.56, 0.22 - raised, 0.16, 0.07 + 0.05 * au[6], cheek, both=True)
    sketch.ellipse(0.16, 0.12, 0.05, 0.22, dip, both=True)


def _forehead(sketch: _Sketch, au: Mapping[int, float]) -> None:
    """Wrinkles across for raised brows, an upright furrow for lowered ones."""
    for y in (-0.8, -0.91):
        sketch.fold((0, y), (0.12, y), (0.28, y + 0.06 * (1 - au[2])), 0.03, 0.6 * au[1])
        sketch.fold((0.26, y + 0.02), (0.46, y - 0.09), (0.66, y + 0.07), 0.03, 0.6 * au[2])
    sketch.fold((0.09, -0.62), (0.055, -0.47), (0.08, -0.3), 0.05, 0.8 * au[4])


def _eyes(sketch: _Sketch, who: Identity, au: Mapping[int, float]) -> None:
    y = -0.12
    lower = who.eye_height * 0.72 * (1 - 0.42 * au[7] - 0.5 * au[6])
    upper = who.eye_height * (1 + 0.72 * au[5] - 0.28 * au[7] - 0.12 * au[6] - 0.25 * au[9])
    upper += (-0.85 * lower - upper) * au[45]  # the upper lid comes down to the lower one
    bow = 1 - _SEGMENT**2
    x = who.eye_spacing + who.eye_width * _SEGMENT
    corner = y - _SEGMENT * who.eye_tilt
    top, bottom = corner - upper * bow**0.8, corner + lower * bow

    def seen(radius: float, dx: float = 0.0, dy: float = 0.0) -> np.ndarray:
        """A disc on the eyeball, cut off by the lids."""
        disc = _CIRCLE * radius + (who.eye_spacing + dx, y - 0.01 + dy)
        disc[:, 1] = np.clip(disc[:, 1], np.interp(disc[:, 0], x, top), np.interp(disc[:, 0], x, bottom))
        return disc

    sketch.fill(_between(x, top, bottom), (246, 244, 240), both=True)
    if au[45] < 0.9:
        iris = who.eye_height * 0.98
        sketch.fill(seen(iris), _times(who.eye_colour, 0.6), both=True)
        sketch.fill(seen(iris * 0.82), _times(who.eye_colour, 1.1), both=True)
        sketch.fill(seen(iris * 0.46), (18, 14, 14), both=True)
        for side in (-1, 1):  # both eyes mirror the same lamp
            sketch.fill(seen(iris * 0.24, -0.05 * side, -0.05) * (side, 1), (255, 255, 255))
    lid, rim = np.stack([x, top], 1), np.stack([x, bottom], 1)
    crease = _mix(who.skin, _times(who.skin, 0.55), 0.6)
    sketch.stroke(lid, 0.06, (40, 28, 28), both=True)
    sketch.stroke(lid - np.array((0, 0.075)), 0.022, crease, both=True)
    sketch.stroke(rim, 0.026, crease, both=True)
    inner, outer, bag = x[0] + 0.05, x[-1] - 0.05, y + lower + 0.06
    squint = max(au[6], au[7])
    sketch.fold((inner, bag), (who.eye_spacing, bag + 0.08), (outer, bag), 0.034, 0.5 * squint)
    for dy in (-0.06, 0.0, 0.06):  # crow's feet
        sketch.fold((outer + 0.1, y + dy), (outer + 0.15, y + dy), (outer + 0.22, y + dy * 2), 0.028, 0.55 * au[6])


def _brows(sketch: _Sketch, who: Identity, au: Mapping[int, float]) -> None:
    u = np.linspace(0, 1, 11)  # from the nose outwards
    inner, outer = 1 - u, np.sin(np.pi * 0.72 * u) ** 2
    y = -0.12 - who.brow_height + who.brow_tilt * (u - 0.5)
    y -= who.brow_arch * np.sin(np.pi * u**0.8) * (1 - 0.8 * au[4])
    y -= 0.24 * au[1] * inner**1.3 + 0.2 * au[2] * outer
    # Beside AU1, AU4 no longer lowers the brow: it draws its raised inner end to the middle, and the outer end sags.
    y += au[4] * (1 - 0.9 * au[1]) * (0.05 + 0.19 * inner) + 0.07 * au[1] * au[4] * (1 - au[2]) * u
    y += 0.09 * au[9] * inner
    x = who.eye_spacing - 0.25 + 0.55 * u - 0.08 * (au[4] + 0.4 * au[9]) * inner
    half = who.brow_thickness * (1.05 - 0.8 * u**1.6)
    colour = _mix(_times(who.hair, 0.75), (52, 38, 32), 0.35)
    sketch.fill(_between(x, y - half, y + half), colour, 0.05, both=True)


def _nose(sketch: _Sketch, who: Identity, au: Mapping[int, float]) -> None:
    line = _times(who.skin, 0.58)
    width, lift = who.nose_width * (1 + 0.18 * au[9]), 0.07 * au[9] + 0.03 * au[10]
    tip = who.nose_length - 0.06 * au[9]
    sketch.stroke(_bend((-width * 0.6, tip + 0.03), (0, tip + 0.1), (width * 0.6, tip + 0.03)), 0.035, line, 0.3)
    wing = _bend((width * 0.9, tip - 0.12 - lift), (width * 1.4, tip), (width * 0.7, tip + 0.04))
    sketch.stroke(wing, 0.038, line, 0.18, both=True)
    sketch.ellipse(width * 0.5, tip + 0.02 - 0.3 * lift, width * 0.24, 0.026, _times(line, 0.7), 0.28, both=True)
    for y in (-0.3, -0.2, -0.1):  # wrinkles across the bridge
        sketch.fold((0, y + 0.02), (0.07, y - 0.03), (0.16, y + 0.06), 0.045, 0.9 * au[9], 0.1)


def _mouth(sketch: _Sketch, who: Identity, au: Mapping[int, float]) -> None:
    lips = _mix(_mix(who.skin, (196, 72, 84), 0.5), (110, 50, 50), 0.12)
    y = 0.42 + who.nose_length * 0.68
    half = who.mouth_width * (1 + 0.36 * au[12] + 0.42 * au[20] - 0.24 * au[23] - 0.26 * au[26] * (1 - au[20]))
    corner = y - who.mouth_curve - 0.17 * au[12] + 0.17 * au[15] + 0.05 * au[20] + 0.1 * au[26]
    thick = who.lip_thickness * (1 - 0.62 * au[23] - 0.25 * au[12] - 0.25 * au[20])
    # Heights of the inner edges of the two lips in the middle of the mouth.
    closed = y + 0.02 + 0.02 * au[12] - 0.05 * au[17] - 0.06 * au[15]
    upper = closed - 0.1 * au[10] - 0.05 * au[9] - 0.03 * au[25] - 0.06 * au[26]
    lower = closed + 0.13 * au[25] + 0.1 * au[16] + 0.4 * au[26] - 0.03 * au[10] - 0.05 * au[9]
    gap = max(lower - upper, 0.0)
    x, bow = half * _SEGMENT, 1 - _SEGMENT**2
    shape = bow ** (0.75 - 0.4 * max(au[20], au[10], au[16] * 0.8) * min(gap / 0.1, 1))  # towards a rectangle
    top = corner + (upper - corner) * shape
    bottom = top + gap * shape
    cupid = 1 - 0.3 * np.exp(-((_SEGMENT / 0.16) ** 2))
    rim = bottom + thick * (1.25 + 0.4 * au[17]) * bow**0.6

    sketch.fill(_between(x, top - thick * bow**0.7 * cupid, top), _times(lips, 0.9))
    sketch.fill(_between(x, bottom, rim), lips)
    gleam = np.stack([x, bottom + thick * 0.7 * bow], 1)[4:-4]
    sketch.stroke(gleam, thick * 0.45, _mix(lips, (255, 230, 225), 0.35))
    if gap > 0.03:
        sketch.fill(_between(x, top, bottom), (92, 30, 36))
        sketch.fill(_between(x, bottom - 0.3 * gap * bow, bottom)[2:-2], (196, 92, 92))
        lower_teeth = np.minimum(0.07 * max(au[16], au[20] * 0.8) * bow**0.5, gap * shape)
        sketch.fill(_between(x, bottom - lower_teeth, bottom), (240, 236, 228))
        upper_teeth = np.minimum(0.1 * (1 - 0.55 * au[26] * (1 - au[20])) * bow**0.35, gap * shape)
        sketch.fill(_between(x, top, top + upper_teeth), (250, 248, 242))
    else:
        sketch.stroke(np.stack([x, top], 1), 0.034, _mix(_times(who.skin, 0.55), (80, 24, 30), 0.5))

    # The folds that its movements draw in the skin round it.
    nose, low = who.nose_length, float(rim.max())
    nasolabial = max(au[12] * 0.6, au[9] * 0.8, au[10] * 0.8, au[20] * 0.4)
    handle = (half * 0.75 + 0.2, nose - 0.02 - 0.06 * au[9])
    end = (half + 0.1 + 0.03 * au[12], corner + 0.02)
    sketch.fold((who.nose_width + 0.08, nose - 0.1 - 0.04 * au[9]), handle, end, 0.05, nasolabial)
    sketch.fold((half + 0.02, corner), (half + 0.1, corner + 0.06), (half + 0.08, corner + 0.18), 0.045, 0.7 * au[15])
    sketch.fold((half + 0.05, corner - 0.07), (half + 0.1, corner), (half + 0.05, corner + 0.07), 0.045, 0.75 * au[23])
    sketch.fold((0, low + 0.035), (0.08, low + 0.03), (0.17, low + 0.06), 0.03, 0.3 + 0.4 * au[17])
    sketch.fold((0.2, low + 0.07), (0.24, low + 0.13), (0.19, low + 0.2), 0.035, 0.6 * au[17])  # the bunched chin


def _hair(sketch: _Sketch, who: Identity) -> None:
    if who.hair_style == "bald":
        return
    angle = np.linspace(np.pi * 0.98, np.pi * 2.02, 41)
    bumps = 1 + 0.035 * np.abs(np.sin(angle * 9)) * (who.hair_style == "curly")
    outer = np.stack([np.cos(angle) * who.face_width * 1.1 * bumps, np.sin(angle) * 1.36 * bumps], 1)
    across = np.linspace(1, -1, 25)
    hairline = {
        "short": -0.98 + 0.06 * np.cos(across * 9),
        "parted": -1.02 + 0.26 * np.abs(across - 0.35) ** 0.8,
        "fringe": -0.7 + 0.03 * np.abs(np.sin(across * 11)),
        "long": -1.05 + 0.3 * np.abs(across + 0.1) ** 0.9,
        "bun": -1.0 + 0.12 * across**2,
        "curly": -0.88 + 0.05 * np.abs(np.sin(across * 8)),
    }[who.hair_style]
    hairline = np.minimum(hairline + 0.95 * np.abs(across) ** 5, 0.0)  # down to the temples
    sketch.fill(np.concatenate([outer, np.stack([across * who.face_width * 1.04, hairline], 1)]), who.hair)
    shine = np.stack([np.cos(angle) * who.face_width * 0.86, np.sin(angle) * 1.2], 1)[8:20]
    sketch.stroke(shine, 0.09, _mix(who.hair, (255, 246, 232), 0.22))


def _glasses(sketch: _Sketch, who: Identity) -> None:
    colour, outer = (44, 40, 44), who.eye_spacing + 0.32
    ring = np.concatenate([_CIRCLE, _CIRCLE[:1]])
    ring = np.concatenate([ring * (0.33, 0.27), ring[::-1] * (0.3, 0.24)]) + np.array((who.eye_spacing, -0.1))
    sketch.fill(ring, colour, 0.15, both=True)
    sketch.stroke(_bend((outer, -0.14), (outer * 1.1, -0.15), (who.face_width, -0.12)), 0.05, colour, both=True)
    bridge = who.eye_spacing - 0.32
    sketch.stroke(_bend((-bridge, -0.12), (0, -0.2), (bridge, -0.12)), 0.06, colour, 0.15)


def _lit(image: np.ndarray, light: Light) -> np.ndarray:
    across = np.linspace(-1, 1, image.shape[0], dtype=np.float32)
    side = math.cos(light.direction) * across + math.sin(light.direction) * across[:, None]
    tint = np.array((1 + 0.1 * light.warmth, 1.0, 1 - 0.1 * light.warmth), np.float32)
    gain = light.brightness * (1 + 0.5 * light.contrast * side)[..., None] * tint
    return cv2.multiply(image, gain, dtype=cv2.CV_8U)


def render_face(
    identity: Identity, action_units: Mapping[int, float], pose: Pose, light: Light, image_size: int = 128
) -> np.ndarray:
    """Draw one picture of a face.

    Args:
        identity: whose face.
        action_units: intensity from 0 (rest) to 1 (as far as it goes) by action unit number, out of `ACTION_UNITS`;
            units that are left out are at rest. 45 is the blink.
        pose: where the head is.
        light: how it is lit.
        image_size: height and width in pixels.

    Returns:
        uint8 RGB picture of shape (height, width, 3).

    Raises:
        ValueError: for an action unit that the rig does not have.
    """
    unknown = sorted(set(action_units) - set(ACTION_UNITS))
    if unknown:
        raise ValueError(f"action_units has {unknown}, but the rig moves only the action units {ACTION_UNITS}")
    au = {unit: float(action_units.get(unit, 0.0)) for unit in ACTION_UNITS}
    size = image_size * _SUPERSAMPLING
    outline = _outline(identity, 0.2 * au[26] + 0.02 * au[25] - 0.03 * au[17])
    image = np.full((size, size, 3), np.rint(identity.backdrop), np.uint8)
    head, shade, features = (_Sketch(identity.skin) for _ in range(3))

    _head(head, identity, outline)
    head.paint(image, pose)

    _shade(shade, identity, au, outline)
    soft = np.full((size // 4, size // 4, 3), 128, np.uint8)
    shade.paint(soft, pose)
    soft = cv2.GaussianBlur(soft, (0, 0), size / 110)
    cv2.multiply(image, cv2.resize(soft, (size, size)), image, 1 / 128)

    _forehead(features, au)
    _hair(features, identity)
    _eyes(features, identity, au)
    _nose(features, identity, au)
    _mouth(features, identity, au)
    _brows(features, identity, au)
    if identity.glasses:
        _glasses(features, identity)
    features.paint(image, pose)
    return _lit(cv2.resize(image, (image_size, image_size), interpolation=cv2.INTER_AREA), light)


def write_clip(
    path: str | Path,
    identity: Identity,
    action_units: Sequence[Sequence[float]],
    poses: Sequence[Sequence[float]],
    lights: Sequence[Sequence[float]],
    image_size: int,
    fps: int,
) -> None:
    """Draw a clip and write it as mp4 (H.264, yuv420p). The same arguments give the same bytes.

    Args:
        path: file to write.
        identity: whose face.
        action_units: intensities in the order of `ACTION_UNITS`, shape (frames, 17).
        poses: the fields of `Pose`, shape (frames, 6).
        lights: the fields of `Light`, shape (frames, 4).
        image_size: height and width in pixels; even, as yuv420p wants it.
        fps: frames per second.
    """
    with av.open(str(path), "w") as container:
        # One thread: how x264 shares frames out between threads would otherwise show in the bytes.
        options = {"crf": "18", "preset": "veryfast", "g": "16", "threads": "1"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = image_size, image_size, "yuv420p"
        for intensities, pose, light in zip(action_units, poses, lights, strict=True):
            units = dict(zip(ACTION_UNITS, intensities, strict=True))
            image = render_face(identity, units, Pose(*pose), Light(*light), image_size)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def serve() -> None:
    """Write a clip for every line of JSON (the arguments of `write_clip`) on standard input; answer with a line."""
    cv2.setNumThreads(1)  # there is one of these processes per core already
    for line in sys.stdin:
        job = json.loads(line)
        write_clip(**job | {"identity": Identity(**job["identity"])})
        print(flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):  # whoever started us has stopped
        serve()
