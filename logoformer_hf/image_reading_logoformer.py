"""
Reads clips from images: folders of frames, lists of image files and encoded images, and frames in memory.

JPEGs are decoded with simplejpeg where it is installed, all others with PIL.
"""

import io
import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from transformers.video_utils import VideoMetadata

# Image formats for frames, all of which PIL reads without plug-ins.
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

NUMBERS = re.compile(r"(\d+)")

# From the number of frames of a clip to the indices of the frames to read: sorted, repetitions allowed.
ChooseIndices = Callable[[int], Sequence[int]]

# A frame as an image file: its path, its content, or both, as the `Image` feature of `datasets` stores it undecoded
# (where `bytes` is None, the path is read).
EncodedFrame = str | Path | bytes | dict[str, Any]


class VideoReadError(ValueError):
    """A video that cannot be read; the message names the file and the reason."""


def read_encoded_frames(
    frames: Sequence[EncodedFrame], choose_indices: ChooseIndices, min_decoded_side_px: int | None = None
) -> tuple[np.ndarray, VideoMetadata]:
    """
    Decodes the chosen images of a clip. A frame of another size than the first chosen one is resized to that size.

    Args:
        frames: one image per frame, in order.
        choose_indices: function from the number of frames to sorted indices.
        min_decoded_side_px: JPEGs are decoded at a half, a quarter or an eighth of their size where this factor
            divides both sides and the shorter side keeps at least this many pixels; None decodes all at full size.

    Returns:
        frames `(chosen, height, width, 3)` uint8 RGB, and the metadata with the chosen `frames_indices`.

    Raises:
        VideoReadError: an image that is missing or unreadable.
    """
    indices = list(choose_indices(len(frames)))
    decoded = {}
    size = None
    for index in sorted(set(indices)):
        content, name = frame_content(frames[index], index)
        pixels = decode_jpeg(content, min_decoded_side_px)  # (height, width, 3)
        if pixels is None:
            pixels = decode_with_pillow(content, name, min_decoded_side_px)
        size = size or pixels.shape[1::-1]
        if pixels.shape[1::-1] != size:
            pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
        decoded[index] = pixels
    # (chosen, height, width, 3)
    return np.stack([decoded[index] for index in indices]), describe(len(frames), None, indices, "pillow")


@cache
def simplejpeg_library() -> Any:
    """The module simplejpeg, or None where it is not installed: PIL gives the same pixels in twice the time."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def decode_jpeg(content: bytes, min_side_px: int | None) -> np.ndarray | None:
    """`(height, width, 3)` uint8 of a JPEG in YCbCr or grey; None for other or damaged files, which PIL then reads."""
    library = simplejpeg_library()
    if library is None or not content.startswith(b"\xff\xd8"):
        return None
    try:
        height, width, color_space, _ = library.decode_jpeg_header(content)
        if color_space not in ("YCbCr", "Gray"):
            return None
        if min_side_px is None:
            return library.decode_jpeg(content)
        width, height = reduced_size((width, height), min_side_px)
        return library.decode_jpeg(content, min_height=height, min_width=width)
    except ValueError:
        return None


def decode_with_pillow(content: bytes, name: str, min_side_px: int | None) -> np.ndarray:
    """`(height, width, 3)` uint8 of an image that PIL can read; a `VideoReadError` calls it `name`."""
    try:
        with Image.open(io.BytesIO(content)) as file:
            if min_side_px is not None:
                file.draft(None, reduced_size(file.size, min_side_px))  # other formats than JPEG ignore it
            return np.asarray(file.convert("RGB"))
    except UnidentifiedImageError as error:
        raise VideoReadError(f"{name}: the format of the image is unknown.") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # PIL raises a SyntaxError for a broken PNG
        raise VideoReadError(f"{name}: {first_line(error)}") from error


def reduced_size(size: tuple[int, int], min_side_px: int) -> tuple[int, int]:
    """
    The smallest size (width, height) that a JPEG of this size should be decoded at.

    The factor must divide both sides: with another aspect ratio, resizing would shift the image by up to a pixel.
    """
    for scale in (8, 4, 2):
        if min(size) // scale >= min_side_px and all(side % scale == 0 for side in size):
            return size[0] // scale, size[1] // scale
    return size


def frame_content(frame: EncodedFrame, index: int) -> tuple[bytes, str]:
    """The content of a frame's image file, and its name for error messages."""
    if isinstance(frame, dict):
        content, path = frame["bytes"], frame["path"]
    elif isinstance(frame, bytes):
        content, path = frame, None
    else:
        content, path = None, frame
    if content is not None:
        return content, f"embedded frame {index}" + (f" ({path})" if path else "")
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a `Path` takes as long as the reading)
            return file.read(), str(path)
    except OSError as error:
        raise VideoReadError(f"{path}: {first_line(error)}") from error


def frame_entries(folder: Path) -> list[os.DirEntry[str]]:
    """The images of a folder, in no particular order. Raises a `VideoReadError` where there are none."""
    with os.scandir(folder) as entries:
        # Archives made on macOS contain a hidden `._frame1.jpg`, which is not an image, for every `frame1.jpg`.
        images = [entry for entry in entries if entry.name.lower().endswith(IMAGE_SUFFIXES) and entry.name[0] != "."]
    if not images:
        raise VideoReadError(f"{folder}: the folder has no frames (files that end in {', '.join(IMAGE_SUFFIXES)}).")
    return images


def frame_files(folder: Path) -> list[str]:
    """Paths of the images of a folder in the order of the numbers in their names."""
    return [entry.path for entry in sorted(frame_entries(folder), key=number_order)]


def number_order(entry: os.DirEntry[str]) -> list[str | int]:
    """Sort key by the numbers in a name: frame2 comes before frame10."""
    parts = NUMBERS.split(entry.name)  # text, number, text, ...
    parts[1::2] = map(int, parts[1::2])
    return parts


def describe(num_frames: int, fps: float | None, indices: list[int], backend: str) -> VideoMetadata:
    """Metadata of a clip: its frames, frames per second, duration in seconds, and the chosen indices."""
    return VideoMetadata(
        total_num_frames=num_frames,
        fps=fps,
        duration=num_frames / fps if fps else None,
        video_backend=backend,
        frames_indices=indices,
    )


def first_line(error: Exception) -> str:
    """The reason of an error in one line, without the number and the path that an `OSError` adds."""
    return getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]


def is_frame(item: Any) -> bool:
    """Whether this is one frame: a PIL image, an encoded image in memory, or an array of three axes."""
    return isinstance(item, (Image.Image, bytes, dict)) or (
        isinstance(item, (np.ndarray, torch.Tensor)) and item.ndim == 3
    )


def read_frames_in_memory(clip: Any, choose_indices: ChooseIndices) -> tuple[np.ndarray | torch.Tensor, VideoMetadata]:
    """
    The chosen frames of a clip in memory: one frame, a list of frames, or all frames as one array or tensor.

    Raises:
        ValueError: no frames, or frames of different shapes.
    """
    if is_frame(clip):
        clip = [clip]
    if len(clip) == 0:
        raise ValueError(f"a clip has shape {tuple(clip.shape)}; it must have at least one frame.")
    indices = list(choose_indices(len(clip)))
    metadata = describe(len(clip), None, indices, "memory")
    if isinstance(clip, (np.ndarray, torch.Tensor)):
        return clip[indices], metadata
    frames = [clip[index] for index in indices]
    frames = [np.asarray(frame.convert("RGB")) if isinstance(frame, Image.Image) else frame for frame in frames]
    shapes = {tuple(frame.shape) for frame in frames}
    if len(shapes) > 1:
        raise ValueError(f"the frames of a clip have different shapes: {sorted(shapes)}.")
    stack = torch.stack if isinstance(frames[0], torch.Tensor) else np.stack
    return stack(frames), metadata
