"""Formats the output of the model as HTML: rows of pictures, each with a text alternative."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from analyse import Reading
from PIL import Image

LOOKED_AT = np.array([255.0, 128.0, 0.0])  # orange on grey, distinguishable for colour-blind readers
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
MOST_COVER = 0.6  # opacity of the strongest colour
STRONGEST_AT = 4.0  # attention at which it is reached, in multiples of an even share

STYLE = """
#details .html-container { padding: 0 }
.strip { display: grid; grid-template-columns: repeat(8, 1fr); gap: 6px; list-style: none; margin: 8px 0; padding: 0 }
.strip li { margin: 0; text-align: center; font-size: 0.8rem; color: var(--body-text-color) }
.strip img { width: 100%; border-radius: 4px; display: block }
.scale { display: flex; align-items: center; gap: 8px; font-size: 0.85rem }
.scale span { flex: 0 1 160px; height: 12px; border-radius: 6px; background: linear-gradient(90deg, #888, #cf8336) }
.problem { border-left: 4px solid #d9480f; padding: 8px 12px; color: var(--body-text-color); overflow-wrap: anywhere }
@media (max-width: 640px) { .strip { grid-template-columns: repeat(4, 1fr) } }
"""


def seen_frames(reading: Reading) -> str:
    """The input frames of the model."""
    return strip(reading, reading.frames, [""] * len(reading.frames))


def looked_at(reading: Reading) -> str:
    """The same frames in grey, with orange on windows that get more than an even share of global attention."""
    places = [
        f"; highest attention, {looks.max():.1f} times an even share: {name_of_place(looks)}"
        for looks in reading.looks
    ]
    return strip(reading, overlay(reading.frames, reading.looks), places)


def overlay(frames: np.ndarray, looks: np.ndarray) -> np.ndarray:
    """
    Colours grey frames by attention.

    Args:
        frames: `(frames, height, width, 3)` uint8.
        looks: `(frames, grid height, grid width)`, 1 for an even share.

    Returns:
        `(frames, height, width, 3)` uint8. Windows have sharp edges, since attention is per window.
    """
    _, height, width, _ = frames.shape
    rows = np.arange(height) * looks.shape[1] // height
    columns = np.arange(width) * looks.shape[2] // width
    looks = looks[:, rows][:, :, columns]  # (frames, height, width)
    strength = np.log(np.clip(looks, 1, STRONGEST_AT)) / np.log(STRONGEST_AT)
    cover = MOST_COVER * strength[..., None]
    grey = (frames @ LUMA)[..., None]
    return np.round((1 - cover) * grey + cover * LOOKED_AT).astype(np.uint8)


def name_of_place(looks: np.ndarray) -> str:
    """The position of the highest value of `looks (grid height, grid width)` as text, e.g. "top left"."""
    # Mean position of the window's tokens from 0 to 1, in thirds of the picture.
    row, column = (
        int(3 * (indices.mean() + 0.5) / size)
        for indices, size in zip(np.nonzero(looks == looks.max()), looks.shape, strict=True)
    )
    return f"{('top', 'middle', 'bottom')[row]} {('left', 'centre', 'right')[column]}"


def strip(reading: Reading, pictures: np.ndarray, remarks: Sequence[str]) -> str:
    """A list of pictures as HTML; each remark is added to the text alternative of its picture."""
    items = "".join(
        f'<li><img src="{data_uri(picture)}" alt="Frame {index + 1} of {reading.num_frames}{remark}">{index + 1}</li>'
        for picture, index, remark in zip(pictures, reading.frame_indices, remarks, strict=True)
    )
    return f'<ol class="strip">{items}</ol>'


def data_uri(picture: np.ndarray) -> str:
    """The picture as a data URI, so that no file is written."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="WEBP", quality=90)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
