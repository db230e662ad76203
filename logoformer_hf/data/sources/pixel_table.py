"""Stills as numbers in a CSV, as `fer2013.csv` has them: one row a still, its pixels as text."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict, Features, Image, List
from PIL import Image as Picture

from ..labels import match_label_names
from ..rows import clip_features
from .lists import ListError
from .split_folders import SPLITS
from .still_tree import known_class

SIDE_PX = 48
_LABEL, _PIXELS, _USAGE = "emotion", "pixels", "usage"
_SPLIT_OF = {"training": "train", "publictest": "validation", "privatetest": "test"}


@dataclass(frozen=True)
class PixelStill:
    """
    One row of the table.

    Attributes:
        clip_id: "train/00017", by its number in the split.
        split: "train", "validation" or "test".
        label: name of the class.
        content: the still as a PNG in grey.
    """

    clip_id: str
    split: str
    label: str
    content: bytes


def is_pixel_table(header: list[str]) -> bool:
    """Whether the columns of a CSV are those of a table of pixels."""
    return {_LABEL, _PIXELS} <= {name.lower() for name in header}


def read_pixel_table(file: Path, meanings: Mapping[str, str | None]) -> list[PixelStill]:
    """
    The stills of a table with the columns `emotion`, `pixels` and `Usage` (Training, PublicTest, PrivateTest).

    Raises:
        ListError: no column `Usage`, or a row that is cut off, or has another number of pixels, label or usage; the
            message names the line.
    """
    stills: list[PixelStill] = []
    numbers = dict.fromkeys(SPLITS, 0)
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = csv.reader(lines)
        columns = [name.strip().lower() for name in next(rows)]
        label_place, pixels_place = columns.index(_LABEL), columns.index(_PIXELS)
        if _USAGE not in columns:
            raise ListError(f"{file}: there is no column Usage, which says what is trained on and what is tested.")
        usage_place = columns.index(_USAGE)
        for row in rows:
            where = f"{file}, line {rows.line_num}"
            if len(row) != len(columns):
                raise ListError(f"{where}: {len(row)} fields, and the header has {len(columns)}: is the file cut off?")
            usage = row[usage_place].strip().lower()
            if usage not in _SPLIT_OF:
                raise ListError(f"{where}: Usage is {row[usage_place]!r:.60}; it must be {' or '.join(_SPLIT_OF)}.")
            split, label = _SPLIT_OF[usage], known_class(row[label_place], meanings, where) or ""
            stills.append(PixelStill(f"{split}/{numbers[split]:05d}", split, label, _as_png(row[pixels_place], where)))
            numbers[split] += 1
    return stills


def _as_png(text: str, where: str) -> bytes:
    """The pixels of a row as a PNG."""
    try:
        pixels = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise ListError(f"{where}: the pixels are not all whole numbers: {text!r:.60}.") from None
    if len(pixels) != SIDE_PX**2 or pixels.min() < 0 or pixels.max() > 255:
        values = f", from {pixels.min()} to {pixels.max()}" if len(pixels) else ""
        raise ListError(
            f"{where}: {len(pixels):,} pixels{values}; a row has {SIDE_PX**2:,}, {SIDE_PX} x {SIDE_PX}, from 0 to "
            "255. Is the file cut off?"
        )
    content = io.BytesIO()
    Picture.fromarray(pixels.astype(np.uint8).reshape(SIDE_PX, SIDE_PX)).save(content, "PNG", compress_level=1)
    return content.getvalue()


def rows_of(stills: list[PixelStill]) -> DatasetDict:
    """The stills as rows with embedded images, by split."""
    names = match_label_names(still.label for still in stills)[0]
    features = Features({**clip_features(names), "video": List(Image())})
    rows = {}
    for split in SPLITS:
        of_split = [still for still in stills if still.split == split]
        if of_split:
            columns = {
                "clip_id": [still.clip_id for still in of_split],
                "video": [[{"bytes": still.content, "path": None}] for still in of_split],
                "num_frames": [1] * len(of_split),
                "label": [names.index(still.label) for still in of_split],
            }
            rows[split] = Dataset.from_dict(columns, features, split=split)
    return DatasetDict(rows)
