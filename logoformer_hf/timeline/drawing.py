"""Text and boxes on pictures in memory, fast enough for every frame of a video."""

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .fonts import font_for

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255


@lru_cache(maxsize=2048)
def _mask(text: str, size_px: int, is_bold: bool) -> np.ndarray:
    """A text as `(height, width)` uint8, 255 where the letters are; the height depends on the size alone."""
    font = font_for(text, size_px, is_bold)
    height = round(1.25 * size_px)
    picture = Image.new("L", (max(1, round(font.getlength(text)) + 2), height))
    ImageDraw.Draw(picture).text((1, height / 2), text, fill=255, font=font, anchor="lm")
    return np.asarray(picture)


def text_size(text: str, size_px: int, is_bold: bool = False) -> tuple[int, int]:
    """Width and height of a text in pixels."""
    height, width = _mask(text, size_px, is_bold).shape
    return width, height


def write(
    pixels: np.ndarray, text: str, left: int, top: int, size_px: int, colour: Colour, is_bold: bool = False
) -> None:
    """Writes a text onto `(height, width, 3)` uint8; what lies outside is cut off."""
    mask = _mask(text, size_px, is_bold)
    part = pixels[max(top, 0) : max(top + mask.shape[0], 0), max(left, 0) : max(left + mask.shape[1], 0)]
    mask = mask[max(-top, 0) :, max(-left, 0) :][: part.shape[0], : part.shape[1], None].astype(np.int32)
    part += ((np.array(colour, dtype=np.int32) - part) * mask // 255).astype(np.uint8)  # wraps around as it should


def fill(pixels: np.ndarray, left: int, top: int, width: int, height: int, colour: Colour) -> None:
    """Fills a rectangle; what lies outside is left out."""
    pixels[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = colour


def draw_box(
    pixels: np.ndarray, box: tuple[int, int, int, int], thickness: int, colour: Colour, edge: Colour, is_dashed: bool
) -> None:
    """Draws the frame of a box (x, y, width, height), inside of a thin edge that shows on any background."""
    left, top, width, height = box
    right, bottom = left + width, top + height
    cv2.rectangle(pixels, (left, top), (right, bottom), edge, thickness + 2)
    if not is_dashed:
        cv2.rectangle(pixels, (left, top), (right, bottom), colour, thickness)
        return
    dash = 4 * thickness
    for x in range(left, right, 2 * dash):
        for y in (top, bottom):
            cv2.line(pixels, (x, y), (min(x + dash, right), y), colour, thickness)
    for y in range(top, bottom, 2 * dash):
        for x in (left, right):
            cv2.line(pixels, (x, y), (x, min(y + dash, bottom)), colour, thickness)


def shortened_to(text: str, size_px: int, width_px: int, is_bold: bool = False) -> str:
    """The text, or its beginning and an ellipsis where it is wider than so many pixels."""
    if text_size(text, size_px, is_bold)[0] <= width_px:
        return text
    length = len(text)
    while length > 1 and text_size(text[:length] + "…", size_px, is_bold)[0] > width_px:
        length -= 1
    return text[:length].rstrip() + "…"
