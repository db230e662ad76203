"""
Reads clips from images: folders of frames, lists of image files and encoded images, and frames in memory.

JPEGs are decoded with simplejpeg where it is installed, all others with PIL. All images come out upright (by their
EXIF orientation), in 8 bits per colour, and on a white background where they are transparent.
"""

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from transformers.video_utils import VideoMetadata

from .frame_times_logoformer import describe
from .reading_limits_logoformer import (
    JPEG_HEAD,
    LIMITS,
    check_frame_bytes,
    check_scans,
    check_size,
    file_content,
    has_orientation,
    max_decoded_pixels,
    picture_size,
    plain_reason,
    shrunk_size,
)
from .reading_limits_logoformer import VideoReadError as VideoReadError
from .reading_limits_logoformer import first_line as first_line

# Image formats for frames, all of which PIL reads without plug-ins.
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
# PIL's names of the formats that images in memory may have, too.
IMAGE_FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Of the images that may move, as PIL calls them; FFmpeg reads the others, GIF and AVIF.
ANIMATED_FORMATS = ("PNG", "WEBP")
# How many bytes of a file `is_image_head` looks at: the first box of an AVIF.
HEAD_BYTES = 256
HEIC_BRANDS = (b"heic", b"heix", b"mif1")
# A HEIC of a phone is a mosaic of tiles, each of which FFmpeg takes for a video: one of them would be read.
NO_HEIC = "HEIC is not read; convert it to JPEG"
HEIC_SUFFIXES = (".heic", ".heif")
# Frames of a folder where PIL reads AVIF and no other images are there. A file of this ending may be a video, too.
AVIF_SUFFIXES = (".avif",)
# How the images begin that PIL reads under every name. A JPEG may be the first of many (Motion JPEG), and a BMP has
# two letters alone.
IMAGE_HEADS = (b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*")
# Of a pixel of an animation: all of them are put together with transparency.
BITS_OF_ANIMATION = 32

# Of the places where an image is transparent: white, which FFmpeg gives for those of a GIF.
BACKGROUND = (255, 255, 255)
# Modes of PIL with 16 bits per pixel: grey, in any order of bytes. Old versions of PIL open such a PNG as "I".
DEEP_GREY_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
ORIENTATION_TAG = 0x0112
# What brings an image upright, by its EXIF orientation.
TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

NUMBERS = re.compile(r"(\d+)")
DIGITS_TO_ZERO = str.maketrans("123456789", "0" * 9)

# From the number of frames of a clip to the indices of the frames to read: sorted, repetitions allowed.
ChooseIndices = Callable[[int], Sequence[int]]

# A frame as an image file: its path, its content, or both, as the `Image` feature of `datasets` stores it undecoded
# (where `bytes` is None, the path is read).
EncodedFrame = str | Path | bytes | dict[str, Any]


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
    decoded = FrameStack(indices)
    size = None
    for index in sorted(set(indices)):
        content, name = frame_content(frames[index], index)
        pixels = decode_image(content, name, min_decoded_side_px, decoded.place_of(index))  # (height, width, 3)
        size = size or pixels.shape[1::-1]
        if pixels.shape[1::-1] != size:
            pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
        decoded[index] = pixels
    return decoded.pixels, describe(len(frames), None, indices, "pillow")


def read_image_file(
    image: EncodedFrame, choose_indices: ChooseIndices, min_decoded_side_px: int | None = None
) -> tuple[np.ndarray, VideoMetadata]:
    """
    As `read_encoded_frames`, for one image file: all frames of an animation (PNG, WebP), which are decoded from the
    first one on, or the one of others.

    Raises:
        VideoReadError: an image that is unreadable, or an animation that passes a limit.
    """
    content, name = frame_content(image, 0)
    with opened_image(content, name) as file:
        start, num_frames = first_of_animation(file)
        if num_frames > 1 and file.format in ANIMATED_FORMATS:
            check_animation(file, name, len(content))
            indices = list(choose_indices(num_frames))
            num_pixels = (max(indices, default=-1) + 1 + start) * file.width * file.height
            if num_pixels > max_decoded_pixels(len(content)):
                raise VideoReadError(
                    f"{name}: {num_pixels:,} pixels would have to be decoded, which is too much for a file of "
                    f"{len(content):,} bytes."
                )
            decoded = FrameStack(indices)
            for index in sorted(set(indices)):
                file.seek(start + index)
                decoded[index] = upright_rgb(file, name, LIMITS.max_side_px)
            return decoded.pixels, describe(num_frames, None, indices, "pillow")
    return read_encoded_frames([image], choose_indices, min_decoded_side_px)


def first_of_animation(image: Image.Image) -> tuple[int, int]:
    """The number of the first frame of an image, and how many there are."""
    start = int(bool(image.info.get("default_image")))  # shown where the animation cannot be
    return start, getattr(image, "n_frames", 1) - start


def check_animation(image: Image.Image, name: str, file_bytes: int) -> None:
    """Raises a `VideoReadError` for an animation whose pictures are too large for its file."""
    check_frame_bytes(name, *image.size, BITS_OF_ANIMATION, file_bytes)


class FrameStack:
    """
    The chosen frames of a clip in one array, into which each is copied when it is decoded: none is in memory twice.

    Args:
        indices: of the frames; an index may occur more than once, as in short clips.
    """

    def __init__(self, indices: Sequence[int]):
        self._places: dict[int, list[int]] = {}
        for place, index in enumerate(indices):
            self._places.setdefault(index, []).append(place)
        self._count = len(indices)
        self.pixels = np.empty((0, 0, 0, 3), np.uint8)  # (indices, height, width, 3) from the first frame on

    def __contains__(self, index: int) -> bool:
        return index in self._places

    def __setitem__(self, index: int, frame: np.ndarray) -> None:
        if not len(self.pixels):
            self.pixels = np.empty((self._count, *frame.shape), np.uint8)
        for place in self._places[index]:
            if not np.may_share_memory(frame, self.pixels[place]):
                self.pixels[place] = frame

    def place_of(self, index: int) -> np.ndarray | None:
        """Where a frame belongs, `(height, width, 3)`: it may be decoded there. None before the first frame."""
        return self.pixels[self._places[index][0]] if len(self.pixels) else None


def decode_image(
    content: bytes, name: str, min_side_px: int | None = None, place: np.ndarray | None = None
) -> np.ndarray:
    """
    `(height, width, 3)` uint8 RGB of an image file, upright, with a longer side of at most `LIMITS.max_side_px`.

    Args:
        content: of the file.
        name: what error messages call it.
        min_side_px: see `read_encoded_frames`.
        place: where the pixels may be written if they have its shape.

    Raises:
        VideoReadError: no image, a damaged one, or one that passes a limit.
    """
    pixels = decode_jpeg(content, name, min_side_px, place)
    if pixels is None and content.startswith(JPEG_HEAD):
        check_scans(name, content, picture_size(io.BytesIO(content)))
    return decode_with_pillow(content, name, min_side_px) if pixels is None else pixels


@cache
def simplejpeg_library() -> Any:
    """The module simplejpeg, or None where it is not installed: PIL gives the same pixels in twice the time."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def decode_jpeg(
    content: bytes, name: str, min_side_px: int | None, place: np.ndarray | None = None
) -> np.ndarray | None:
    """
    `(height, width, 3)` uint8 of a JPEG in YCbCr or grey that is upright and need not be shrunk; None for others, for
    damaged ones, which PIL then reads, and for those that pass a limit, which are then refused.
    """
    library = simplejpeg_library()
    if library is None or not content.startswith(JPEG_HEAD) or has_orientation(content):
        return None
    try:
        height, width, color_space, _ = library.decode_jpeg_header(content)
        size = reduced_size((width, height), min_side_px)
        if color_space not in ("YCbCr", "Gray") or max(size) > LIMITS.max_side_px:
            return None
        check_size(name, width, height)
        check_scans(name, content, (width, height))
        buffer = place if place is not None and place.shape == (size[1], size[0], 3) else None
        return library.decode_jpeg(content, min_height=size[1], min_width=size[0], buffer=buffer)
    except ValueError:
        return None


def decode_with_pillow(content: bytes, name: str, min_side_px: int | None) -> np.ndarray:
    """`(height, width, 3)` uint8 of an image that PIL can read; a `VideoReadError` calls it `name`."""
    with opened_image(content, name) as file:
        size = shrunk_size(*reduced_size(file.size, min_side_px), LIMITS.max_side_px)
        if size != file.size:
            file.draft(None, size)  # not smaller than this; other formats than JPEG ignore it
        return upright_rgb(file, name, LIMITS.max_side_px)


@contextmanager
def opened_image(content: bytes, name: str) -> Iterator[Image.Image]:
    """An image that PIL can read; whatever it raises for a damaged one becomes a `VideoReadError` with this name."""
    size = picture_size(io.BytesIO(content))
    if size is not None:
        check_size(name, *size)
    try:
        with Image.open(io.BytesIO(content), formats=image_formats()) as file:
            check_size(name, *file.size)
            if file.format == "JPEG2000":  # takes ten times as long as others
                check_frame_bytes(name, *file.size, 24, len(content))
            yield file
    except UnidentifiedImageError as error:
        reason = NO_HEIC if is_heic(content) else "the format of the image is unknown"
        raise VideoReadError(f"{name}: {reason}.") from error
    except VideoReadError:
        raise
    except Exception as error:  # PIL raises what its parsers stumble over: SyntaxError, struct.error, EOFError, ...
        raise VideoReadError(f"{name}: the image cannot be decoded ({plain_reason(error)}).") from error


@cache
def image_formats() -> tuple[str, ...]:
    """The formats of PIL that are opened: no old ones that nobody uses, and none that starts another program."""
    Image.init()
    return tuple(name for name in IMAGE_FORMATS if name in Image.OPEN)


def upright_rgb(image: Image.Image, name: str, max_side_px: int) -> np.ndarray:
    """
    The pixels of an image, `(height, width, 3)` uint8 RGB.

    16-bit grey is divided by 256, so that its full range becomes the full range of 8 bits. What is transparent is laid
    on `BACKGROUND`. The image is turned and mirrored by its EXIF orientation.

    Args:
        image: of any mode.
        name: what error messages call it.
        max_side_px: a longer side than this is shrunk to it; other images keep their size.

    Raises:
        VideoReadError: values without a known range.
    """
    image.load()
    orientation = exif_orientation(image)
    image = with_eight_bits(image, name)
    is_transparent = image.has_transparency_data
    # As colours, since neither the numbers of a palette nor transparent colours can be averaged.
    if is_transparent:
        image = to_rgba(image)
    elif image.mode != "RGB":
        image = image.convert("RGB")
    if max(image.size) > max_side_px:
        image = image.resize(shrunk_size(*image.size, max_side_px), Image.Resampling.BOX)
    if is_transparent:
        background = Image.new("RGB", image.size, BACKGROUND)
        background.paste(image, mask=image.getchannel("A"))
        image = background
    if orientation in TO_UPRIGHT:
        image = image.transpose(TO_UPRIGHT[orientation])
    return np.asarray(image)


def with_eight_bits(image: Image.Image, name: str) -> Image.Image:
    """An image with 8 bits per colour. Raises a `VideoReadError` where nothing says what is white."""
    if image.mode in DEEP_GREY_MODES:
        values = np.asarray(image)
        if values.size and (values.min() < 0 or values.max() > 65535):
            raise VideoReadError(
                f"{name}: a grey image with values from {values.min()} to {values.max()}; convert it to 8 bits, or to "
                "16 bits (0 to 65535)."
            )
        grey = Image.fromarray((values >> 8).astype(np.uint8))
        clear = image.info.get("transparency")
        if clear is not None:  # one value of 16 bits
            grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
        return grey
    if image.mode == "F":
        raise VideoReadError(f"{name}: floating-point pixels have no known range; convert the image to 8 bits.")
    return image


def to_rgba(image: Image.Image) -> Image.Image:
    """A transparent image in mode "RGBA"."""
    if image.mode == "La":  # PIL converts grey with multiplied alpha in steps alone
        image = image.convert("LA")
    return image if image.mode == "RGBA" else image.convert("RGBA")  # which would copy it


def exif_orientation(image: Image.Image) -> int:
    """The EXIF orientation of an image, 1 to 8; 1, upright, where there is none or EXIF is damaged."""
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # its parser raises what it stumbles over; viewers show such an image as it is stored
        return 1
    return orientation if isinstance(orientation, int) else 1


def is_heic(content: bytes) -> bool:
    """Whether this begins a picture in HEIC."""
    brands = content[8 : min(int.from_bytes(content[:4], "big"), HEAD_BYTES)]
    return content[4:8] == b"ftyp" and brands[:4] in HEIC_BRANDS and b"avif" not in brands


def is_still_avif(content: bytes) -> bool:
    """Whether this begins an AVIF of one picture that PIL can read: FFmpeg leaves out alpha, and mirrors otherwise."""
    if content[4:12] != b"ftypavif" or "AVIF" not in image_formats():
        return False
    return b"avis" not in content[: min(int.from_bytes(content[:4], "big"), HEAD_BYTES)]


def is_image_head(content: bytes) -> bool:
    """Whether this begins an image that PIL reads, whatever the file is called; FFmpeg reads such images worse."""
    is_webp = content.startswith(b"RIFF") and content[8:12] == b"WEBP"
    return is_webp or content.startswith(IMAGE_HEADS) or is_still_avif(content)


def is_image_file(path: Path) -> bool:
    """
    Whether PIL reads this file: an image by its name, or by its content.

    Raises:
        OSError: it cannot be opened.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    with path.open("rb") as file:
        return is_image_head(file.read(HEAD_BYTES))


def reduced_size(size: tuple[int, int], min_side_px: int | None) -> tuple[int, int]:
    """
    The smallest size (width, height) that a JPEG of this size should be decoded at; its own for None.

    The factor must divide both sides: with another aspect ratio, resizing would shift the image by up to a pixel.
    """
    for scale in (8, 4, 2):
        if min_side_px is None:
            break
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
        return file_content(os.fspath(path)), str(path)
    except (TypeError, ValueError) as error:  # no path, or one with a NUL
        if isinstance(error, VideoReadError):
            raise
        raise VideoReadError(f"frame {index}: {path!r} is no path of an image.") from error
    except OSError as error:
        raise VideoReadError(f"{path}: {first_line(error)}") from error


def frame_entries(folder: Path) -> list[os.DirEntry[str]]:
    """The images of a folder, in no particular order. Raises a `VideoReadError` where there are none."""
    with os.scandir(folder) as entries:
        # Archives made on macOS contain a hidden `._frame1.jpg`, which is not an image, for every `frame1.jpg`.
        visible = [entry for entry in entries if entry.name[0] != "."]

    def ending_in(suffixes: tuple[str, ...]) -> list[os.DirEntry[str]]:
        return [entry for entry in visible if entry.name.lower().endswith(suffixes)]

    images = ending_in(IMAGE_SUFFIXES) or (ending_in(AVIF_SUFFIXES) if "AVIF" in image_formats() else [])
    if not images:
        reason = f"{NO_HEIC}; " if ending_in(HEIC_SUFFIXES) else ""
        endings = ", ".join(IMAGE_SUFFIXES)
        raise VideoReadError(f"{folder}: {reason}the folder has no frames (files that end in {endings}).")
    return images


def frame_files(folder: Path) -> list[str]:
    """Paths of the images of a folder in the order of the numbers in their names."""
    entries = frame_entries(folder)
    # Names that differ in digits alone, as usual, are in this order when they are sorted as texts, which is quicker.
    is_usual = len({entry.name.translate(DIGITS_TO_ZERO) for entry in entries}) == 1
    return [entry.path for entry in sorted(entries, key=attrgetter("name") if is_usual else number_order)]


def number_order(entry: os.DirEntry[str]) -> list[str | int]:
    """Sort key by the numbers in a name: frame2 comes before frame10."""
    parts = NUMBERS.split(entry.name)  # text, number, text, ...
    parts[1::2] = map(int, parts[1::2])
    return parts


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
    frames = {index: frame_pixels(clip[index], index) for index in sorted(set(indices))}
    shapes = {tuple(frame.shape) for frame in frames.values()}
    if len(shapes) > 1:
        raise ValueError(f"the frames of a clip have different shapes: {sorted(shapes)}.")
    stack: Any = torch.stack if isinstance(frames[indices[0]], torch.Tensor) else np.stack
    return stack([frames[index] for index in indices]), metadata


def frame_pixels(frame: Any, index: int) -> np.ndarray | torch.Tensor:
    """The pixels of one frame in memory: of a PIL image `(height, width, 3)` uint8 RGB, of others what they are."""
    if not isinstance(frame, Image.Image):
        return frame
    name = f"frame {index}"
    check_size(name, *frame.size)
    try:
        return upright_rgb(frame, name, LIMITS.max_side_px)
    except VideoReadError:
        raise
    except Exception as error:  # of an image that PIL opened and has not read before
        raise VideoReadError(f"{name}: the image cannot be decoded ({plain_reason(error)}).") from error
