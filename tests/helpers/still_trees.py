"""Writes small sets of stills in the layouts that people have on their disks."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

EXPRESSIONS = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")
AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")  # by number from 0
RAF_DB = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")  # from 1
FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # from 0
TABLE = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


def still(number: int, size: tuple[int, int] = (16, 16), mode: str = "RGB", kind: str = "JPEG", **options) -> bytes:
    """An image of one grey, its own for each of 256 numbers."""
    file = io.BytesIO()
    Image.new("RGB", size, (number % 256,) * 3).convert(mode).save(file, kind, **options)
    return file.getvalue()


def write_stills(root: Path, splits: Sequence[str], labels: Iterable[str], each: int = 2) -> Path:
    """`root/<split>/<label>/0.jpg`, every picture with a content of its own; without splits `root/<label>/`."""
    number, labels = 0, list(labels)
    for split in splits or [""]:
        for label in labels:
            folder = root / split / label
            folder.mkdir(parents=True, exist_ok=True)
            for place in range(each):
                (folder / f"{place}.jpg").write_bytes(still(number))
                number += 1
    return root


def write_raf_db(root: Path, kind: str = "aligned", each: int = 2) -> Path:
    """`basic/EmoLabel/list_patition_label.txt` and `basic/Image/aligned` or `original`, half of it to test on."""
    lines, number = [], 0
    images = root / "basic" / "Image" / kind
    images.mkdir(parents=True)
    for split in ("train", "test"):
        for place in range(7 * each):
            name = f"{split}_{place + 1:05d}"
            (images / f"{name}{'_aligned' * (kind == 'aligned')}.jpg").write_bytes(still(number))
            lines.append(f"{name}.jpg {place % 7 + 1}")
            number += 1
    (root / "basic" / "EmoLabel").mkdir()
    (root / "basic" / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")
    return root


def write_affectnet_tables(root: Path, each: int = 2) -> Path:
    """`training.csv` and `validation.csv` with images in `Manually_Annotated_Images/7/`; all labels from 0 to 10."""
    number = 0
    for split in ("training", "validation"):
        lines = [TABLE]
        for place in range(11 * each):
            path = root / "Manually_Annotated_Images" / f"{number}" / f"{split}{place}.jpg"
            path.parent.mkdir(parents=True)
            path.write_bytes(still(number))
            lines.append(f"{number}/{split}{place}.jpg,0,0,16,16,1;2;3,{place % 11},0.1,-0.2")
            number += 1
        (root / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return root


def write_affectnet_annotations(root: Path, each: int = 2) -> Path:
    """`train_set/images/17.jpg` with `train_set/annotations/17_exp.npy` and others, and `val_set` the same way."""
    number = 0
    for split in ("train_set", "val_set"):
        for part in ("images", "annotations"):
            (root / split / part).mkdir(parents=True)
        for place in range(8 * each):
            (root / split / "images" / f"{number}.jpg").write_bytes(still(number))
            np.save(root / split / "annotations" / f"{number}_exp.npy", np.array(str(place % 8)))
            np.save(root / split / "annotations" / f"{number}_val.npy", np.array("0.5"))
            number += 1
    return root


def pixel_row(number: int, usage: str, label: object | None = None, pixels: int = 48 * 48) -> str:
    """A row of `fer2013.csv`: all pixels but the first are `number`."""
    return f"{number % 7 if label is None else label},{' '.join(['255', *[str(number % 256)] * (pixels - 1)])},{usage}"


def write_fer2013(root: Path, each: int = 2, header: str = "emotion,pixels,Usage") -> Path:
    """`fer2013.csv` with `each` rows of each class and usage."""
    rows = [header]
    for usage in ("Training", "PublicTest", "PrivateTest"):
        rows += [pixel_row(number, usage) for number in range(7 * each)]
    root.mkdir(parents=True, exist_ok=True)
    (root / "fer2013.csv").write_text("\n".join(rows) + "\n")
    return root
