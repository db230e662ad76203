"""The parts of a face that action units move: eyes, brows, nose and mouth, each side separately.

`side[unit]` is an action unit's intensity of shape (frames, sides, 1), the picture's left side first.
"""

from typing import Any

import numpy as np

from .person import Identity
from .sketch import Sketch, bend, between, curve, disc, mix, times

SEGMENT = np.linspace(-1, 1, 15)
_OUTWARD = np.array([[-1.0], [1.0]])  # by side: 1 where a shift to the picture's right goes outwards, otherwise -1


def add_eyes(sketch: Sketch, who: Identity, side: dict[int, np.ndarray], gaze: np.ndarray) -> None:
    """Adds both eyes with lids, make-up and wrinkles. `gaze` has the shape (frames, 2)."""
    gaze_x, gaze_y = gaze[:, None, :1] * _OUTWARD, gaze[:, None, 1:]
    y = -0.12
    lower = who.eye_height * 0.72 * (1 - 0.42 * side[7] - 0.5 * side[6] + 0.12 * gaze_y)
    upper = who.eye_height * (1 + 0.72 * side[5] - 0.28 * side[7] - 0.12 * side[6] - 0.25 * side[9])
    upper = np.maximum(upper - who.eye_height * (0.28 * gaze_y + 0.15 * who.age), 0.02)
    upper = upper + (-0.85 * lower - upper) * side[45]  # the upper lid comes down to the lower one
    bow = 1 - SEGMENT**2
    x = who.eye_spacing + who.eye_width * SEGMENT
    corner = y - SEGMENT * who.eye_tilt
    top, bottom = corner - upper * bow**0.8, corner + lower * bow

    def seen(radius: float, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """A disc on the eyeball, clipped at the lids."""
        points = disc(who.eye_spacing + dx, y - 0.01 + dy, radius, radius)
        across = np.clip((points[..., 0] - who.eye_spacing) / who.eye_width, -1, 1)
        arch, level = 1 - across**2, y - across * who.eye_tilt
        points[..., 0] = who.eye_spacing + across * who.eye_width
        points[..., 1] = np.clip(points[..., 1], level - upper * arch**0.8, level + lower * arch)
        return points

    if who.make_up > 0.3:
        lid_top = top - (0.1 + 0.04 * bow) * bow**0.5 * (1 - 0.3 * side[5])
        sketch.fill(between(x, lid_top, top + 0.01), mix(who.skin, who.eye_shadow, 0.75 * who.make_up), both=True)
    sketch.fill(between(x, top, bottom), (246, 244, 240), both=True)
    looking = side[45][..., 0] < 0.9
    iris = min(who.eye_height, 0.155) * 0.98
    dx, dy = 0.5 * who.eye_width * gaze_x, 0.32 * who.eye_height * gaze_y
    sketch.fill(seen(iris, dx, dy), times(who.eye_colour, 0.6), both=True, shown=looking)
    sketch.fill(seen(iris * 0.82, dx, dy), times(who.eye_colour, 1.1), both=True, shown=looking)
    sketch.fill(seen(iris * 0.46, dx, dy), (18, 14, 14), both=True, shown=looking)
    # Both eyes reflect the same lamp.
    glint = seen(iris * 0.24, 0.8 * dx - 0.05 * _OUTWARD, 0.8 * dy - 0.05)
    sketch.fill(glint, (255, 255, 255), both=True, shown=looking)

    lid, rim = curve(x, top), curve(x, bottom)
    crease = mix(who.skin, times(who.skin, 0.55), 0.6)
    sketch.stroke(lid, 0.06 + 0.03 * who.make_up, (40, 28, 28), both=True)
    if who.make_up > 0.3:  # a wing of lashes at the outer corner
        end, lash = x[-1], corner[-1] - 0.02
        wing = bend((end - 0.07, lash - 0.03), (end + 0.02, lash - 0.03), (end + 0.07, lash - 0.1 + 0.06 * side[45]))
        sketch.stroke(wing, 0.05, (40, 28, 28), both=True)
    fold = lid - np.array((0, 0.075)) * (1 - 0.4 * who.age)
    if who.lid_fold > 0.15:
        sketch.stroke(fold, 0.022, mix(who.skin, crease, min(1.3 * who.lid_fold, 1)), both=True)
    sketch.stroke(rim, 0.026, crease, both=True)
    inner, outer, bag = x[0] + 0.05, x[-1] - 0.05, y + lower + 0.06
    squint = np.maximum(side[6], side[7])
    depth = np.maximum(0.5 * squint, 0.5 * who.age - 0.1)
    sketch.fold((inner, bag), (who.eye_spacing, bag + 0.08), (outer, bag), 0.034, depth)
    depth = np.maximum(0.55 * side[6], 0.5 * who.age - 0.15)
    for rise in (-0.06, 0.0, 0.06):  # wrinkles at the outer corner
        sketch.fold((outer + 0.1, y + rise), (outer + 0.15, y + rise), (outer + 0.22, y + rise * 2), 0.028, depth)


def add_brows(sketch: Sketch, who: Identity, side: dict[int, np.ndarray]) -> None:
    """Adds both brows."""
    u = np.linspace(0, 1, 11)  # from the nose outwards
    inner, outer = 1 - u, np.sin(np.pi * 0.72 * u) ** 2
    y = -0.12 - who.brow_height + who.brow_tilt * (u - 0.5)
    y = y - who.brow_arch * np.sin(np.pi * u**who.brow_peak) * (1 - 0.8 * side[4])
    y = y - 0.24 * side[1] * inner**1.3 - 0.2 * side[2] * outer
    # With AU1, AU4 does not lower the brow: it moves the raised inner end to the middle and lowers the outer end.
    y = y + side[4] * (1 - 0.9 * side[1]) * (0.05 + 0.19 * inner) + 0.07 * side[1] * side[4] * (1 - side[2]) * u
    y = y + 0.09 * side[9] * inner
    x = who.eye_spacing - 0.25 + who.brow_length * u - 0.08 * (side[4] + 0.4 * side[9]) * inner
    half = who.brow_thickness * (1.05 - 0.8 * u**1.6)
    sketch.fill(between(x, y - half, y + half), who.brow_colour, 0.05, both=True)


def add_nose(sketch: Sketch, who: Identity, side: dict[int, np.ndarray]) -> None:
    """Adds tip, wings and nostrils of the nose, and the wrinkles across its bridge."""
    line = times(who.skin, 0.58)
    width, lift = who.nose_width * (1 + 0.18 * side[9]), 0.07 * side[9] + 0.03 * side[10]
    tip = who.nose_length - 0.06 * side[9]
    left, right = -width[:, 0] * 0.6, width[:, 1] * 0.6
    low = tip.mean(axis=1)
    sketch.stroke(bend((left, tip[:, 0] + 0.03), (0, low + 0.1), (right, tip[:, 1] + 0.03)), 0.035, line, 0.3)
    wing = bend((width * 0.9, tip - 0.12 - lift), (width * 1.4, tip), (width * 0.7, tip + 0.04))
    sketch.stroke(wing, 0.038, line, 0.18, both=True)
    nostril = (width * 0.5, tip + 0.02 - 0.3 * lift, width * 0.24, 0.026)
    sketch.ellipse(*nostril, times(line, 0.7), 0.28, both=True)
    for y in (-0.3, -0.2, -0.1):  # wrinkles across the bridge
        sketch.fold((0, y + 0.02), (0.07, y - 0.03), (0.16, y + 0.06), 0.045, 0.9 * side[9], 0.1)


def mouth_curves(who: Identity, side: dict[int, np.ndarray]) -> dict[str, Any]:
    """The mouth's lines over `x`, of shape (frames, points) from the picture's left corner to the right one.

    `top` and `bottom` are the inner edges of the lips, `upper_rim` and `rim` the outer ones; `corner` is the height
    of the corners by side; `au` the action units along the mouth.
    """
    # From the left side's intensity to the right side's, smoothly through the middle.
    share = 0.25 * (SEGMENT + 1) ** 2 * (2 - SEGMENT)
    au = {unit: each[:, 0] * (1 - share) + each[:, 1] * share for unit, each in side.items()}
    for unit in (17, 25, 26, 18):  # units of the jaw and the middle, the same on both sides
        au[unit] = np.broadcast_to(side[unit].mean(axis=1), au[unit].shape)
    y = 0.42 + who.nose_length * 0.68
    half = 1 + 0.36 * au[12] + 0.42 * au[20] - 0.24 * au[23] - 0.26 * au[26] * (1 - au[20]) - 0.4 * au[18]
    half = who.mouth_width * np.maximum(half, 0.45)
    corner = y - who.mouth_curve - 0.17 * au[12] + 0.17 * au[15] + 0.05 * au[20] + 0.1 * au[26]
    thick = who.lip_thickness * (1 - 0.62 * au[23] - 0.25 * au[12] - 0.25 * au[20]) * (1 - 0.3 * who.age)
    thick = np.maximum(thick, 0.012) + 0.035 * au[18]
    # Heights of the inner edges of the two lips in the middle of the mouth.
    closed = y + 0.02 + 0.02 * au[12] - 0.05 * au[17] - 0.06 * au[15]
    upper = closed - 0.1 * au[10] - 0.05 * au[9] - 0.03 * au[25] - 0.06 * au[26]
    lower = closed + 0.13 * au[25] + 0.1 * au[16] + 0.4 * au[26] - 0.03 * au[10] - 0.05 * au[9]
    gap = np.maximum(lower - upper, 0.0)
    x, bow = half * SEGMENT, 1 - SEGMENT**2
    square = np.maximum(np.maximum(au[20], au[10]), au[16] * 0.8) * np.minimum(gap / 0.1, 1)
    shape = bow ** (0.75 - 0.4 * square)  # towards a rectangle
    top = corner + (upper - corner) * shape
    bottom = top + gap * shape
    cupid = 1 - 0.3 * np.exp(-((SEGMENT / 0.16) ** 2)) * (1 - 0.5 * au[18])
    upper_rim = top - thick * who.upper_lip * bow**0.7 * cupid
    rim = bottom + thick * (1.25 + 0.4 * au[17]) * bow**0.6
    curves = {"x": x, "top": top, "bottom": bottom, "upper_rim": upper_rim, "rim": rim, "half": half}
    return curves | {"corner": corner, "gap": gap, "shape": shape, "thick": thick, "au": au}


def add_mouth(sketch: Sketch, who: Identity, side: dict[int, np.ndarray], mouth: dict[str, Any]) -> None:
    """Adds lips, teeth, tongue and the folds around the mouth; `mouth` is from `mouth_curves`."""
    x, top, bottom, gap, shape, thick, au = (
        mouth[name] for name in ("x", "top", "bottom", "gap", "shape", "thick", "au")
    )
    bow = 1 - SEGMENT**2
    lips = mix(mix(who.skin, (196, 72, 84), 0.5), (110, 50, 50), 0.12)
    lips = mix(lips, who.lipstick, 0.85 * who.make_up)
    sketch.fill(between(x, mouth["upper_rim"], top), times(lips, 0.9))
    sketch.fill(between(x, bottom, mouth["rim"]), lips)
    gleam = curve(x, bottom + thick * 0.7 * bow)[:, 4:-4]
    sketch.stroke(gleam, thick[:, 4:-4] * 0.45, mix(lips, (255, 230, 225), 0.35))
    is_open = gap.max(axis=-1) > 0.03
    if is_open.any():
        sketch.fill(between(x, top, bottom), (92, 30, 36), shown=is_open)
        sketch.fill(between(x, bottom - 0.3 * gap * bow, bottom)[:, 2:-2], (196, 92, 92), shown=is_open)
        lower_teeth = np.minimum(0.07 * np.maximum(au[16], au[20] * 0.8) * bow**0.5, gap * shape)
        bared = is_open & (
            lower_teeth.max(axis=-1) > 0.012
        )  # without height they would still be drawn as a white line
        sketch.fill(between(x, bottom - lower_teeth, bottom), (240, 236, 228), shown=bared)
        upper_teeth = np.minimum(0.1 * (1 - 0.55 * au[26] * (1 - au[20])) * bow**0.35, gap * shape)
        sketch.fill(between(x, top, top + upper_teeth), (250, 248, 242), shown=is_open)
    line = mix(times(who.skin, 0.55), (80, 24, 30), 0.5)
    sketch.stroke(curve(x, top), 0.034, line, shown=~is_open)
    if who.beard != "full":
        _add_folds_round_the_mouth(sketch, side, mouth, who.age)


def add_cheek_folds(sketch: Sketch, who: Identity, side: dict[int, np.ndarray], mouth: dict[str, Any]) -> None:
    """Adds the folds from the wings of the nose to the corners of the mouth; a beard is drawn over them."""
    nose = who.nose_length
    half, corner = _corners(mouth)
    depths = (side[12] * 0.6, side[9] * 0.8, side[10] * 0.8, side[20] * 0.4, np.full_like(side[12], 0.45 * who.age))
    handle = (half * 0.75 + 0.2, nose - 0.02 - 0.06 * side[9])
    end = (half + 0.1 + 0.03 * side[12], corner + 0.02)
    start = (who.nose_width + 0.08, nose - 0.1 - 0.04 * side[9])
    sketch.fold(start, handle, end, 0.05, np.maximum.reduce(depths))


def _corners(mouth: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Distance from the middle and height of the corners, each of shape (frames, sides, 1)."""
    return tuple(np.stack([mouth[name][:, :1], mouth[name][:, -1:]], axis=1) for name in ("half", "corner"))


def _add_folds_round_the_mouth(sketch: Sketch, side: dict[int, np.ndarray], mouth: dict[str, Any], age: float) -> None:
    low = mouth["rim"].max(axis=-1, keepdims=True)[:, None]
    half, corner = _corners(mouth)
    depth = np.maximum(0.7 * side[15], 0.6 * age - 0.3)
    sketch.fold((half + 0.02, corner), (half + 0.1, corner + 0.06), (half + 0.08, corner + 0.18), 0.045, depth)
    bracket = (half + 0.05, corner - 0.07), (half + 0.1, corner), (half + 0.05, corner + 0.07)
    sketch.fold(*bracket, 0.045, np.maximum(0.75 * side[23], 0.6 * side[18]))
    bunched = np.broadcast_to(side[17].mean(axis=1, keepdims=True), side[17].shape)
    sketch.fold((0, low + 0.035), (0.08, low + 0.03), (0.17, low + 0.06), 0.03, 0.3 + 0.4 * bunched)
    sketch.fold((0.2, low + 0.07), (0.24, low + 0.13), (0.19, low + 0.2), 0.035, 0.6 * bunched)  # the chin
