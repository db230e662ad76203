"""Formats what the model saw in a window as HTML: rows of pictures, each with a text alternative."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from looks import Look
from PIL import Image

LOOKED_AT = np.array([255.0, 128.0, 0.0])  # orange on grey, distinguishable for colour-blind readers
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
MOST_COVER = 0.6  # opacity of the strongest colour
STRONGEST_AT = 4.0  # attention at which it is reached, in multiples of an even share


def seen_frames(look: Look, times_sec: Sequence[float]) -> str:
    """The input frames of the model, which are at these times in the video."""
    return strip(look.frames, times_sec, [""] * len(look.frames))


def looked_at(look: Look, times_sec: Sequence[float]) -> str:
    """The same frames in grey, with orange on windows that get more than an even share of global attention."""
    assert look.shares is not None
    places = [
        f"; highest attention, {shares.max():.1f} times an even share: {name_of_place(shares)}"
        for shares in look.shares
    ]
    return strip(overlay(look.frames, look.shares), times_sec, places)


def overlay(frames: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """
    Colours grey frames by attention.

    Args:
        frames: `(frames, height, width, 3)` uint8.
        shares: `(frames, grid height, grid width)`, 1 for an even share.

    Returns:
        `(frames, height, width, 3)` uint8. Windows have sharp edges, since attention is per window.
    """
    _, height, width, _ = frames.shape
    rows = np.arange(height) * shares.shape[1] // height
    columns = np.arange(width) * shares.shape[2] // width
    shares = shares[:, rows][:, :, columns]  # (frames, height, width)
    strength = np.log(np.clip(shares, 1, STRONGEST_AT)) / np.log(STRONGEST_AT)
    cover = MOST_COVER * strength[..., None]
    grey = (frames @ LUMA)[..., None]
    return np.round((1 - cover) * grey + cover * LOOKED_AT).astype(np.uint8)


def name_of_place(shares: np.ndarray) -> str:
    """The position of the highest value of `shares (grid height, grid width)` as text, e.g. "top left"."""
    # Mean position of the window's tokens from 0 to 1, in thirds of the picture.
    row, column = (
        int(3 * (indices.mean() + 0.5) / size)
        for indices, size in zip(np.nonzero(shares == shares.max()), shares.shape, strict=True)
    )
    return f"{('top', 'middle', 'bottom')[row]} {('left', 'centre', 'right')[column]}"


def strip(pictures: np.ndarray, times_sec: Sequence[float], remarks: Sequence[str]) -> str:
    """A list of pictures as HTML; each remark is added to the text alternative of its picture."""
    items = "".join(
        f'<li><img src="{data_uri(picture)}" alt="Frame at {second:.2f} seconds{remark}">{second:.2f} s</li>'
        for picture, second, remark in zip(pictures, times_sec, remarks, strict=True)
    )
    return f'<ol class="strip">{items}</ol>'


def data_uri(picture: np.ndarray) -> str:
    """The picture as a data URI, so that no file is written."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="WEBP", quality=90)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
