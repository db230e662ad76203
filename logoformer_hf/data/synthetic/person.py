"""The person of a clip: everything about a face that does not change when it moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar, get_type_hints

import numpy as np

HAIR_STYLES = (
    "short", "parted", "fringe", "long", "bun", "curly", "bald", "receding", "bob", "afro", "headscarf", "cap"
)  # fmt: skip
BEARDS = ("none", "stubble", "moustache", "full")
GLASSES = ("none", "round", "square", "thick", "tinted")
COLLARS = ("plain", "crew", "shirt", "jacket")

Colour = tuple[float, float, float]
_Value = TypeVar("_Value", float, np.ndarray)

# How often each occurs at difficulty 0 and at difficulty 1, in the order above.
_HAIR_STYLE_SHARES = (
    (0.22, 0.2, 0.14, 0.16, 0.1, 0.12, 0.06, 0, 0, 0, 0, 0),
    (0.16, 0.13, 0.1, 0.13, 0.09, 0.08, 0.06, 0.07, 0.08, 0.04, 0.03, 0.03),
)
_GLASSES_SHARES = ((0.88, 0.12, 0, 0, 0), (0.74, 0.08, 0.07, 0.07, 0.04))
_BEARD_SHARES = ((1, 0, 0, 0), (0.6, 0.16, 0.09, 0.15))
_COLLAR_SHARES = ((1, 0, 0, 0), (0.25, 0.25, 0.25, 0.25))

_SKIN = ((252, 222, 198), (240, 198, 164), (222, 172, 132), (188, 134, 96), (146, 98, 68), (118, 76, 54), (92, 58, 44))
_HAIR = ((38, 30, 30), (62, 42, 32), (104, 66, 40), (158, 104, 54), (214, 172, 100), (172, 78, 42), (150, 148, 148))
_EYES = ((74, 48, 30), (110, 74, 40), (78, 104, 66), (70, 112, 150), (96, 112, 124))
_CLOTHES = ((88, 120, 160), (170, 92, 88), (92, 138, 112), (214, 178, 110), (120, 104, 150), (80, 84, 96))
_BACKDROP = ((208, 220, 228), (226, 214, 202), (204, 218, 202), (216, 206, 222), (160, 172, 184), (190, 178, 164))
_DARK_BACKDROP = ((92, 100, 112), (52, 58, 70), (110, 90, 74), (64, 78, 66), (128, 122, 118), (34, 34, 40))
_LIPSTICK = ((190, 40, 58), (206, 84, 104), (150, 40, 66), (196, 98, 84), (122, 40, 54))
_EYE_SHADOW = ((116, 92, 130), (126, 96, 78), (92, 112, 138), (96, 84, 84), (168, 112, 96))


@dataclass(frozen=True)
class Identity:
    """Everything about a face that does not change when it moves: colours as RGB from 0 to 255, lengths in face units.

    Each number has two ranges from which it is drawn: at difficulty 0, and at difficulty 1.
    """

    skin: Colour
    hair: Colour
    eye_colour: Colour
    clothes: Colour
    backdrop: Colour
    brow_colour: Colour
    lipstick: Colour
    eye_shadow: Colour
    hair_style: str
    beard: str
    glasses: str
    collar: str
    freckles: bool
    backdrop_seed: int
    clutter: Annotated[float, (0.0, 0.0), (0.0, 1.0)]
    age: Annotated[float, (0.0, 0.0), (0.0, 1.0)]
    make_up: Annotated[float, (0.0, 0.0), (0.0, 1.0)]
    blush: Annotated[float, (0.0, 1.0), (0.0, 1.0)]
    face_width: Annotated[float, (0.92, 1.06), (0.84, 1.1)]
    face_length: Annotated[float, (1.16, 1.32), (1.08, 1.38)]
    cheek_width: Annotated[float, (0.0, 0.0), (-0.03, 0.06)]
    jaw_taper: Annotated[float, (0.12, 0.34), (0.02, 0.42)]
    jaw_squareness: Annotated[float, (0.05, 0.28), (0.0, 0.4)]
    ear_size: Annotated[float, (1.0, 1.0), (0.8, 1.25)]
    hair_volume: Annotated[float, (1.0, 1.0), (0.97, 1.07)]
    eye_width: Annotated[float, (0.215, 0.255), (0.19, 0.265)]
    eye_height: Annotated[float, (0.125, 0.165), (0.1, 0.175)]
    eye_spacing: Annotated[float, (0.40, 0.46), (0.38, 0.47)]
    eye_tilt: Annotated[float, (-0.02, 0.045), (-0.045, 0.07)]
    lid_fold: Annotated[float, (1.0, 1.0), (0.0, 1.0)]
    brow_thickness: Annotated[float, (0.03, 0.062), (0.02, 0.085)]
    brow_height: Annotated[float, (0.30, 0.36), (0.26, 0.38)]
    brow_tilt: Annotated[float, (-0.05, 0.05), (-0.1, 0.1)]
    brow_arch: Annotated[float, (0.03, 0.09), (0.0, 0.12)]
    brow_peak: Annotated[float, (0.8, 0.8), (0.6, 1.5)]
    brow_length: Annotated[float, (0.55, 0.55), (0.46, 0.6)]
    nose_width: Annotated[float, (0.13, 0.21), (0.11, 0.25)]
    nose_length: Annotated[float, (0.26, 0.38), (0.22, 0.42)]
    mouth_width: Annotated[float, (0.32, 0.42), (0.27, 0.46)]
    mouth_curve: Annotated[float, (-0.03, 0.03), (-0.06, 0.045)]
    lip_thickness: Annotated[float, (0.055, 0.1), (0.03, 0.13)]
    upper_lip: Annotated[float, (1.0, 1.0), (0.6, 1.15)]

    @classmethod
    def draw(cls, rng: np.random.Generator, difficulty: float = 0.0) -> "Identity":
        """Draws a random person: at difficulty 0 with little variation, at 1 as varied as people in films."""

        def colour(palette: Sequence[Colour], spread: float) -> np.ndarray:
            return np.clip(palette[int(rng.integers(len(palette)))] + rng.normal(0, spread, 3), 5, 250)

        def kind(kinds: Sequence[str], shares: Sequence[Sequence[float]]) -> str:
            odds = _mix(np.array(shares[0], float), np.array(shares[1], float), difficulty)
            return str(rng.choice(kinds, p=odds / odds.sum()))

        numbers = {
            name: float(rng.uniform(_mix(tidy[0], wild[0], difficulty), _mix(tidy[1], wild[1], difficulty)))
            for name, (tidy, wild) in _ranges().items()
        }
        numbers["age"] **= 1.4  # fewer old people than young ones
        tone = rng.uniform(0, len(_SKIN) - 2 + difficulty)
        dark = tone > 3
        hair = colour(_HAIR[:3] if dark else _HAIR, 8 - 4 * difficulty)
        hair = np.minimum(hair * (1 + difficulty * rng.uniform(-0.4, -0.1 if dark else 0.2)), 250)
        brow = _mix(0.75 * hair, np.array((52, 38, 32)), 0.35)
        grey = np.clip(1.6 * numbers["age"] - 0.7, 0, 0.85)
        hair, brow = _mix(hair, np.array((196, 194, 192)), grey), _mix(brow, np.array((132, 128, 124)), 0.8 * grey)
        hair_style = kind(HAIR_STYLES, _HAIR_STYLE_SHARES)
        beard = kind(BEARDS, _BEARD_SHARES) if hair_style != "headscarf" else "none"
        made_up = beard == "none" and rng.random() < 0.7
        dim = rng.random() < 0.6 * difficulty
        return cls(
            skin=_rgb(np.array([np.interp(tone, range(len(_SKIN)), channel) for channel in zip(*_SKIN, strict=True)])),
            hair=_rgb(hair),
            eye_colour=_rgb(colour(_EYES[:2] if dark else _EYES, 8)),
            clothes=_rgb(colour(_CLOTHES, 12 + 24 * difficulty)),
            backdrop=_rgb(colour(_DARK_BACKDROP if dim else _BACKDROP, 12)),
            brow_colour=_rgb(brow),
            lipstick=_rgb(colour(_LIPSTICK, 8)),
            eye_shadow=_rgb(colour(_EYE_SHADOW, 8)),
            hair_style=hair_style,
            beard=beard,
            glasses=kind(GLASSES, _GLASSES_SHARES),
            collar=kind(COLLARS, _COLLAR_SHARES),
            freckles=bool(rng.random() < 0.12 * difficulty * (not dark)),
            backdrop_seed=int(rng.integers(2**31)),
            **numbers | {"make_up": numbers["make_up"] * made_up},
        )


def _ranges() -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
    hints = get_type_hints(Identity, include_extras=True)
    return {name: hint.__metadata__ for name, hint in hints.items() if hasattr(hint, "__metadata__")}


def _mix(start: _Value, end: _Value, amount: float) -> _Value:
    return start + (end - start) * amount


def _rgb(colour: np.ndarray) -> Colour:
    red, green, blue = colour.tolist()
    return red, green, blue
