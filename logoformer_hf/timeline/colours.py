"""One colour for each expression in the pictures of timelines, and the text that is written over it."""

from collections.abc import Sequence
from functools import cache

from matplotlib.colors import hsv_to_rgb, to_hex, to_rgb

from ..configuration_logoformer import EXPRESSIONS
from ..data.labels import canonical_expression
from ..evaluation.palette import CLASS_COLORS, INK, MUTED
from .window import UNSURE

UNSURE_COLOUR = MUTED  # drawn with hatching, as nothing else is

# The colours of the other pictures. The grey of "neutral" gives way: grey means "unsure" here. Simulated for the three
# kinds of colour blindness (Machado and others, 2009), beige is as far from the other colours as these are from one
# another, and it is light: most footage is neutral most of the time.
_BEIGE = "#D8CFC0"
_EXPRESSION_COLOURS = {
    name: _BEIGE if name == "neutral" else colour for name, colour in zip(EXPRESSIONS, CLASS_COLORS, strict=True)
}
_OTHERS = ("#332288", "#663311", "#EE7733", "#009988", "#DDAACC", "#000000")
_GOLDEN_RATIO = 0.618034


def expression_colours(label_names: Sequence[str]) -> dict[str, str]:
    """
    Colours of these labels and of "unsure".

    The seven expressions, also under their synonyms, always have the same colours. Other labels get those that are
    left, in their order, then further ones; from about the fourteenth label on, some are hard to tell apart.

    Returns:
        `{name: "#rrggbb"}` in the order of the names, "unsure" last.
    """
    known: dict[str, str | None] = {}
    for name in label_names:
        colour = _EXPRESSION_COLOURS.get(canonical_expression(name) or "")
        known[name] = None if colour in known.values() else colour  # a second synonym is a label of its own
    free = [colour for colour in (*_EXPRESSION_COLOURS.values(), *_OTHERS) if colour not in known.values()]
    colours: dict[str, str] = {}
    taken = 0
    for name, colour in known.items():
        if colour is None:
            colour = free[taken] if taken < len(free) else _further_colour(taken - len(free))
            taken += 1
        colours[name] = colour
    colours.setdefault(UNSURE, UNSURE_COLOUR)
    return colours


def _further_colour(number: int) -> str:
    """A colour for labels after the others: hues spread evenly, light and dark in turn."""
    red, green, blue = hsv_to_rgb((number * _GOLDEN_RATIO % 1, 0.75, (0.95, 0.6, 0.78)[number % 3]))
    return str(to_hex((red, green, blue)))


def ink_on(colour: str) -> str:
    """The colour of text that is readable on this one: dark or white, whichever has more contrast (WCAG 2)."""
    light = _luminance(colour)
    on_white = 1.05 / (light + 0.05)
    on_ink = (light + 0.05) / (_luminance(INK) + 0.05)
    return INK if on_ink >= on_white else "#ffffff"


def rgb_of(colour: str) -> tuple[int, int, int]:
    """A colour as red, green, blue from 0 to 255."""
    red, green, blue = to_rgb(colour)
    return round(255 * red), round(255 * green), round(255 * blue)


@cache
def _luminance(colour: str) -> float:
    """Relative luminance of sRGB, 0 to 1."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def paler(colour: str, share: float) -> str:
    """A colour mixed with white; `share` is that of white, 0 to 1."""
    red, green, blue = (share + (1 - share) * channel for channel in to_rgb(colour))
    return str(to_hex((red, green, blue)))
