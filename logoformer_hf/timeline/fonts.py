"""Fonts for names in any script: DejaVu, which comes with matplotlib, else an installed font with the letters."""

from functools import cache, lru_cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontEntry, fontManager, get_font
from PIL import ImageFont

_DEJAVU = "DejaVu Sans"
_LAST_RESORT = "Last Resort"


@lru_cache(maxsize=1024)
def families_for(text: str) -> list[str]:
    """Names of the fonts to write a text with in matplotlib, which takes each letter from the first that has it."""
    entry = _other_font(text)
    return [_DEJAVU] if entry is None else [_DEJAVU, entry.name]


@lru_cache(maxsize=64)
def font_for(text: str, size_px: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font to write a text with in pillow."""
    entry = _other_font(text)
    dejavu = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(dejavu if entry is None else entry.fname, size_px)


def _other_font(text: str) -> FontEntry | None:
    """An installed font with all letters of a text; None if DejaVu has them, or if no font has them."""
    letters = frozenset(ord(letter) for letter in text if not letter.isspace())
    if letters <= _letters_of(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")):
        return None
    entries = sorted(fontManager.ttflist, key=lambda entry: (entry.style != "normal", str(entry.weight) != "400"))
    return next((entry for entry in entries if _is_real(entry) and letters <= _letters_of(entry.fname)), None)


def _is_real(entry: FontEntry) -> bool:
    """Whether a font draws letters; matplotlib brings one that has a box with a name for each letter that there is."""
    return not entry.name.startswith(_LAST_RESORT)


@cache
def _letters_of(path: str) -> frozenset[int]:
    """Code points that a font file has letters for; none if it cannot be read."""
    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):  # a font removed since matplotlib's list was made, or a broken one
        return frozenset()
