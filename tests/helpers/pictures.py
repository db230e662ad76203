"""Frames with known pixels, as arrays and as files."""

from pathlib import Path

import av
import numpy as np
from PIL import Image


def decode_all(path: Path) -> np.ndarray:
    """Every frame in order, nothing skipped: what the reader has to agree with."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def marked_frames(num_frames: int, height: int = 6, width: int = 8) -> np.ndarray:
    """Channels-last frames that show their number, with different channels."""
    frames = np.empty((num_frames, height, width, 3), dtype=np.uint8)
    frames[:] = np.arange(num_frames, dtype=np.uint8)[:, None, None, None] + np.array([0, 80, 160], dtype=np.uint8)
    frames[:, 0, 0] = 255  # so that turned or mirrored pictures differ
    return frames


def save_frames(folder: Path, frames: np.ndarray) -> list[Path]:
    """PNGs called frame1, frame2, ..."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"frame{number}.png" for number in range(1, len(frames) + 1)]
    for file, frame in zip(files, frames, strict=True):
        Image.fromarray(frame).save(file)
    return files


def smooth_pictures(num_frames: int, height: int, width: int) -> np.ndarray:
    """Waves of every colour, about as sharp as a face: JPEG keeps them within a few steps."""
    y, x = np.mgrid[:height, :width] * (256 / min(height, width))
    waves = [np.sin(x / 9 + number) + np.cos(y / 7 - number) for number in range(3 * num_frames)]
    pictures = 127.5 + 60 * np.stack(waves).reshape(num_frames, 3, height, width).transpose(0, 2, 3, 1)
    return pictures.round().astype(np.uint8)


def save_jpegs(folder: Path, frames: np.ndarray) -> list[Path]:
    """JPEGs called 0, 1, ..."""
    folder.mkdir()
    files = [folder / f"{number}.jpg" for number in range(len(frames))]
    for file, frame in zip(files, frames, strict=True):
        Image.fromarray(frame).save(file, quality=90)
    return files
