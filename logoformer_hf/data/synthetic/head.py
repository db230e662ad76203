"""The parts of a face besides its features: head, neck, hair, beard, glasses, and the soft shading of the skin."""

import numpy as np

from .person import Identity
from .sketch import Sketch, bend, between, curve, disc, mix, times

_BACK_HAIR = {  # middle's height, width and height of the ellipse behind the head
    "long": (0.35, 1.28, 1.55),
    "bun": (-1.42, 0.42, 0.32),
    "curly": (-0.35, 1.3, 1.22),
    "bob": (0.0, 1.27, 1.3),
    "afro": (-0.45, 1.5, 1.25),
    "headscarf": (0.3, 1.22, 1.72),
}
_ARC = np.linspace(np.pi * 0.98, np.pi * 2.02, 41)
_ACROSS = np.linspace(1, -1, 25)
_HAIRLINES = {
    "short": -0.98 + 0.06 * np.cos(_ACROSS * 9),
    "parted": -1.02 + 0.26 * np.abs(_ACROSS - 0.35) ** 0.8,
    "fringe": -0.7 + 0.03 * np.abs(np.sin(_ACROSS * 11)),
    "long": -1.05 + 0.3 * np.abs(_ACROSS + 0.1) ** 0.9,
    "bun": -1.0 + 0.12 * _ACROSS**2,
    "curly": -0.88 + 0.05 * np.abs(np.sin(_ACROSS * 8)),
    "receding": -1.08 - 0.13 * np.exp(-(((np.abs(_ACROSS) - 0.45) / 0.22) ** 2)),
    "bob": -0.84 + 0.16 * np.abs(_ACROSS - 0.2) ** 1.2,
    "afro": -0.92 + 0.04 * np.abs(np.sin(_ACROSS * 9)),
}


def face_outline(who: Identity, jaw_drop: np.ndarray) -> np.ndarray:
    """The outline of the face, shape (frames, 56, 2), from `jaw_drop` of shape (frames, 1)."""
    angle = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = who.face_width * np.sign(cos) * np.abs(cos) ** (1 - who.jaw_squareness * (sin > 0))
    x *= 1 - who.jaw_taper * np.maximum(sin, 0) ** 2 + who.cheek_width * np.exp(-(((sin - 0.25) / 0.25) ** 2))
    return curve(x, sin * np.where(sin < 0, 1.2, who.face_length + jaw_drop))


def add_head(sketch: Sketch, who: Identity, outline: np.ndarray) -> None:
    """Adds everything behind the features: hair at the back, shoulders, neck, ears and the skin of the face."""
    scarf = who.hair_style == "headscarf"
    if who.hair_style in _BACK_HAIR:
        y, width, height = _BACK_HAIR[who.hair_style]
        angle = np.linspace(0, 2 * np.pi, 56, endpoint=False)
        bumps = 1 + 0.03 * np.abs(np.sin(angle * 9)) * (who.hair_style in ("curly", "afro"))
        volume = who.hair_volume * bumps
        back = curve(width * volume * np.cos(angle), y + height * volume * np.sin(angle))
        sketch.fill(back, times(hair_colour(who), 0.78))
    sketch.ellipse(0, 2.3, 1.75, 0.82, who.clothes)
    neck = np.array([(-0.5, 0.7), (-0.52, 1.55), (0, 1.8), (0.52, 1.55), (0.5, 0.7)])
    sketch.fill(neck, times(hair_colour(who), 0.7) if scarf else times(who.skin, 0.8))
    if not scarf:
        _add_collar(sketch, who)
        width, height = 0.15 * who.ear_size, 0.25 * who.ear_size
        sketch.ellipse(who.face_width, 0.05, width, height, times(who.skin, 0.93), -0.2, both=True)
        sketch.ellipse(who.face_width, 0.06, 0.55 * width, 0.6 * height, times(who.skin, 0.78), -0.2, both=True)
    sketch.fill(outline, who.skin)


def _add_collar(sketch: Sketch, who: Identity) -> None:
    if who.collar == "crew":
        sketch.stroke(bend((-0.62, 1.5), (0, 2.2), (0.62, 1.5)), 0.16, times(who.clothes, 0.8))
    if who.collar in ("shirt", "jacket"):
        shade = (238, 238, 236) if who.collar == "jacket" else times(who.clothes, 1.18)
        flap = np.array([(0.45, 1.42), (0.74, 1.6), (0.42, 1.98), (0.02, 1.8)])
        if who.collar == "jacket":
            sketch.fill(np.array([(-0.5, 1.55), (0, 1.75), (0.5, 1.55), (0.2, 2.6), (-0.2, 2.6)]), (226, 226, 226))
            lapel = np.array([(0.55, 1.5), (0.9, 1.7), (0.3, 2.6), (0.08, 2.6)])
            sketch.fill(lapel, times(who.clothes, 0.75), both=True)
        sketch.fill(flap, shade, both=True)


def add_shade(sketch: Sketch, who: Identity, side: dict[int, np.ndarray], outline: np.ndarray) -> None:
    """Adds the shading, which is blurred before it is applied to the skin: 128 has no effect, more lightens, less
    darkens.

    `side` has an array of shape (frames, sides, 1) for each action unit.
    """
    flat, dip, glow = np.full(3, 128.0), np.array((112.0, 106, 104)), np.array((138.0, 138, 136))
    chin = outline[..., 1].max(axis=-1, keepdims=True)
    sketch.fill(outline * 1.04, dip)
    sketch.fill(outline * (0.82, 0.86), flat)
    if who.beard == "stubble":
        sketch.fill(_beard_area(outline, who.nose_length + 0.14, 0.14), mix(flat, (84, 86, 92), 0.75))
    sketch.ellipse(0, -0.78, 0.5, 0.2, glow)
    bunched = side[17].mean(axis=1)
    sketch.ellipse(0, chin - 0.17, 0.2, 0.1 - 0.02 * bunched, glow if who.beard != "stubble" else (108, 108, 110))
    sketch.ellipse(0, who.nose_length - 0.06, 0.07, 0.28, (144, 143, 140))
    lowered = np.maximum(side[4], side[9])
    socket = np.array((116.0, 112, 112)) - 10 * lowered - 8 * who.age
    sketch.ellipse(who.eye_spacing, -0.2, 0.3, 0.22, socket, both=True)
    if who.age > 0.3:  # hollow cheeks and shadows under the eyes
        tired = mix(flat, (102, 98, 100), min(1.3 * (who.age - 0.3), 1.0))
        sketch.ellipse(0.66, 0.56, 0.13, 0.2, tired, both=True)
        sketch.ellipse(who.eye_spacing - 0.04, 0.08, 0.2, 0.07, tired, both=True)
    raised, redness = 0.13 * side[6] + 0.05 * side[12], 10 + 14 * who.blush + 8 * who.make_up + 10 * side[6]
    cheek = np.array((136.0, 128, 128)) - redness * (0, 1, 1)
    sketch.ellipse(0.58, 0.36 - raised, 0.25, 0.19, cheek, both=True)
    lifted = mix(glow, (154, 150, 146), side[6])
    sketch.ellipse(0.56, 0.22 - raised, 0.16, 0.07 + 0.05 * side[6], lifted, both=True)
    sketch.ellipse(0.16, 0.12, 0.05, 0.22, dip, both=True)


def add_forehead(sketch: Sketch, who: Identity, side: dict[int, np.ndarray]) -> None:
    """Adds horizontal wrinkles for raised brows and for age, vertical ones for lowered brows, and freckles."""
    for number, y in enumerate((-0.8, -0.91)):
        old = max(0.5 * who.age - 0.1 * (number + 1), 0)
        rise = y + 0.06 * (1 - side[2])
        sketch.fold((0, y), (0.12, y), (0.28, rise), 0.03, np.maximum(0.6 * side[1], old))
        depth = np.maximum(0.6 * side[2], 0.8 * old)
        sketch.fold((0.26, y + 0.02), (0.46, y - 0.09), (0.66, y + 0.07), 0.03, depth)
    sketch.fold((0.09, -0.62), (0.055, -0.47), (0.08, -0.3), 0.05, np.maximum(0.8 * side[4], 0.3 * who.age - 0.1))
    if who.freckles:
        rng = np.random.default_rng(who.backdrop_seed)
        for x, y in zip(rng.uniform(0.2, 0.7, 9), rng.uniform(0.1, 0.4, 9), strict=True):
            sketch.fill(disc(x, y, 0.018, 0.016)[::3], mix(who.skin, (150, 84, 50), 0.5), 0, True)


def _beard_area(outline: np.ndarray, top: float, sideburn: float) -> np.ndarray:
    """Jaw and cheeks up to the ears, and the upper lip; shape (frames, points, 2)."""
    jaw = outline[:, 1:28]  # from the picture's right, over the chin, to its left
    across = np.linspace(-1, 1, 19)
    edge = top + 0.02 - 0.05 * np.exp(-((across / 0.3) ** 2)) + 0.1 * np.abs(across) * (1 - np.abs(across))
    edge = edge + (sideburn - 0.25 - top) * np.abs(across) ** 6
    inner = curve(across * np.abs(jaw[:1, :1, 0]) * 0.97, edge[None])
    return np.concatenate([jaw, np.broadcast_to(inner, (len(jaw), *inner.shape[1:]))], axis=1)


def add_beard(sketch: Sketch, who: Identity, outline: np.ndarray, mouth: dict[str, np.ndarray]) -> None:
    """Adds a full beard or a moustache. `mouth` has curves of shape (frames, points): `x`, and `upper_rim`."""
    colour = mix(who.hair, who.skin, 0.12)
    if who.beard == "full":
        full = _beard_area(outline * (1.0, 1.035), who.nose_length + 0.16, 0.1)
        sketch.fill(full, colour)
    if who.beard in ("full", "moustache"):
        u, rim = np.linspace(-1, 1, mouth["x"].shape[-1]), mouth["upper_rim"]
        x, bottom = mouth["x"] * 1.1, rim + 0.025 + 0.05 * np.abs(u) ** 3
        top = rim - 0.015 - 0.11 * (1 - u * u) + 0.035 * np.exp(-((u / 0.14) ** 2)) + 0.03 * np.abs(u) ** 3
        sketch.fill(between(x, top, bottom), times(colour, 0.92), 0.05)


def hair_colour(who: Identity) -> np.ndarray:
    """RGB colour of what covers the head, hair or cloth, shape (3,)."""
    if who.hair_style in ("headscarf", "cap"):
        return np.array(who.clothes)[[1, 2, 0]]
    return np.array(who.hair)


def add_hair(sketch: Sketch, who: Identity) -> None:
    """Adds the hair in front of the head, for hair styles that have any."""
    if who.hair_style not in _HAIRLINES:
        return
    colour, volume = hair_colour(who), who.hair_volume
    bumps = 1 + 0.035 * np.abs(np.sin(_ARC * 9)) * (who.hair_style in ("curly", "afro"))
    flat = 0.955 if who.hair_style == "receding" else 1.0
    outer = curve(np.cos(_ARC) * who.face_width * 1.1 * bumps * volume, np.sin(_ARC) * 1.36 * flat * bumps * volume)
    hairline = _HAIRLINES[who.hair_style] + 0.95 * np.abs(_ACROSS) ** 5  # down to the temples
    # Not outside the skull, where the backdrop would be visible between hair and skin.
    hairline = np.maximum(hairline, -1.17 * np.sqrt(np.maximum(1 - (1.04 * _ACROSS) ** 2, 0)))
    hairline = np.minimum(hairline, 0.0)
    sketch.fill(np.concatenate([outer, curve(_ACROSS * who.face_width * 1.04, hairline)]), colour)
    shine = curve(np.cos(_ARC) * who.face_width * 0.86, np.sin(_ARC) * 1.2)[8:20]
    if who.hair_style != "receding":
        sketch.stroke(shine, 0.09, mix(colour, (255, 246, 232), 0.22))


def add_headwear(sketch: Sketch, who: Identity, outline: np.ndarray) -> None:
    """Adds a headscarf or a cap. `outline` has the shape (frames, points, 2)."""
    colour = hair_colour(who)
    if who.hair_style == "headscarf":
        outer = np.concatenate([outline, outline[:, :1]], axis=1)
        sketch.fill(np.concatenate([outer * 1.16, outer[:, ::-1] * (0.97, 0.92)], axis=1), colour)
        sketch.stroke(bend((-0.8, 0.91), (0, 1.78), (0.85, 0.86)), 0.06, times(colour, 0.8))
    if who.hair_style == "cap":
        rim, width = -0.74 - 0.1 * (1 - _ACROSS**2), who.face_width * 1.1
        dome = np.linspace(np.pi, 2 * np.pi, 31)
        sketch.fill(curve(np.cos(dome) * width, -0.74 + 0.68 * who.hair_volume * np.sin(dome)), colour)
        band = between(_ACROSS * width, rim - 0.16, rim + 0.04 + 0.02 * (1 - _ACROSS**2))
        sketch.fill(band, times(colour, 0.8), 0.06)


_FRAMES = {  # half the width and height of a rim, how thick it is, exponent of its roundness, colour
    "round": (0.33, 0.27, 0.03, 1.0, (44, 40, 44)),
    "square": (0.33, 0.25, 0.026, 0.55, (70, 54, 46)),
    "thick": (0.345, 0.27, 0.055, 0.62, (30, 26, 28)),
    "tinted": (0.345, 0.28, 0.045, 0.7, (36, 32, 34)),
}


def add_glasses(sketch: Sketch, who: Identity) -> None:
    """Adds the glasses that a person wears."""
    half_width, half_height, rim, roundness, colour = _FRAMES[who.glasses]
    outer = who.eye_spacing + half_width - 0.01
    circle = disc(0, 0, 1, 1)
    circle = np.sign(circle) * np.abs(circle) ** roundness
    ring = np.concatenate([circle, circle[:1]])
    inside = ring[::-1] * (half_width - rim, half_height - rim)
    middle = np.array((who.eye_spacing, -0.1))
    if who.glasses == "tinted":
        sketch.fill(circle * (half_width - rim, half_height - rim) + middle, (58, 48, 52), 0.15, both=True)
        glint = bend((-0.2, 0.02), (-0.16, -0.12), (0.0, -0.18)) + middle
        sketch.stroke(glint, 0.05, (120, 112, 118), 0.15, both=True)
    sketch.fill(np.concatenate([ring * (half_width, half_height), inside]) + middle, colour, 0.15, both=True)
    temple = bend((outer, -0.14), (outer * 1.1, -0.15), (who.face_width, -0.12))
    sketch.stroke(temple, 0.02 + rim, colour, both=True)
    bridge = who.eye_spacing - half_width + 0.01
    sketch.stroke(bend((-bridge, -0.12), (0, -0.2), (bridge, -0.12)), 0.03 + rim, colour, 0.15)
