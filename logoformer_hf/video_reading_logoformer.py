"""
Reads clips from video files, addresses, folders of frames and images in memory.

Decodes with torchcodec where it can be loaded, else with PyAV; both give the same frames. Only the chosen frames are
kept in memory. In a container that can seek, decoding starts at the keyframe before a chosen frame.
"""

import io
import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import av
import av.video.reformatter
import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from transformers.video_utils import VideoMetadata

# Image formats for frames, all of which PIL reads without plug-ins.
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

NUMBERS = re.compile(r"(\d+)")

# FFmpeg's names of containers with a presentation time for every frame. In others (AVI, MPEG streams) torchcodec 0.17
# was seen to give neighbours of the frames that were asked for, so PyAV reads those everywhere.
TORCHCODEC_FORMATS = {"gif", "matroska", "mov"}

# A downloaded video is held in memory while it is read.
MAX_DOWNLOAD_MB = 1000
DOWNLOAD_TIMEOUT_SEC = 30  # without a byte received

# From the number of frames of a clip to the indices of the frames to read: sorted, repetitions allowed.
ChooseIndices = Callable[[int], Sequence[int]]

# A frame as an image file: its path, its content, or both, as the `Image` feature of `datasets` stores it undecoded
# (where `bytes` is None, the path is read).
EncodedFrame = str | Path | bytes | dict[str, Any]


class VideoReadError(ValueError):
    """A video that cannot be read; the message names the file and the reason."""


@cache
def torchcodec_decoder() -> Any:
    """torchcodec's `VideoDecoder`; None where torchcodec or the FFmpeg libraries that it loads are missing."""
    try:
        from torchcodec.decoders import VideoDecoder
    except (ImportError, RuntimeError, OSError):
        return None
    return VideoDecoder


class DownloadedVideo(io.BytesIO):
    """A downloaded video in memory; error messages name its address."""

    def __init__(self, url: str, content: bytes):
        super().__init__(content)
        self.url = url

    def __str__(self) -> str:
        return self.url


def download_video(url: str) -> DownloadedVideo:
    """
    Downloads a video into memory.

    Raises:
        VideoReadError: no answer, an HTTP error, more than `MAX_DOWNLOAD_MB`, an empty file, or a broken connection.
    """
    limit = MAX_DOWNLOAD_MB * 10**6
    try:
        request = Request(url, headers={"User-Agent": "logoformer"})  # some servers reject Python's default
        with urlopen(request, timeout=DOWNLOAD_TIMEOUT_SEC) as response:
            content = response.read(limit + 1)
            is_cut = bool(response.length)  # bytes announced and not sent
    except (OSError, HTTPException, ValueError) as error:
        raise VideoReadError(f"{url}: {first_line(getattr(error, 'reason', None) or error)}") from error
    if len(content) > limit:
        raise VideoReadError(f"{url}: more than {MAX_DOWNLOAD_MB} MB; download it and give the path of the file.")
    if is_cut:
        raise VideoReadError(f"{url}: the connection broke after {len(content)} bytes.")
    if not content:
        raise VideoReadError(f"{url}: the file is empty.")
    return DownloadedVideo(url, content)


@contextmanager
def open_container(video: Path | DownloadedVideo) -> Iterator[av.container.InputContainer]:
    """Opens this video only: FFmpeg must not open other files or addresses, which a playlist may name."""
    with nullcontext(video) if isinstance(video, DownloadedVideo) else video.open("rb") as file:
        file.seek(0)
        with av.open(file, options={"protocol_whitelist": "none"}) as container:
            yield container


def read_frames(
    path: str | Path, choose_indices: ChooseIndices, min_decoded_side_px: int | None = None
) -> tuple[np.ndarray, VideoMetadata]:
    """
    Reads the chosen frames of a video file, of a video on the web, or of a folder of frames.

    The number of frames is counted, never taken from the header. Frames are rotated by the display matrix of the file.

    Args:
        path: a file (mp4, mkv, avi, mov, webm, gif, any format that FFmpeg reads), a folder with one image per frame
            in the order of the numbers in their names, or the address of a file (`http://`, `https://`).
        choose_indices: function from the number of frames to sorted indices.
        min_decoded_side_px: for a folder of frames, see `read_encoded_frames`.

    Returns:
        frames `(chosen, height, width, 3)` uint8 RGB, and the metadata with the chosen `frames_indices`.

    Raises:
        VideoReadError: missing, unreadable, without a video stream or without frames.
    """
    if str(path).startswith(("http://", "https://")):
        return read_with_pyav(download_video(str(path)), choose_indices)
    path = Path(path)
    try:
        if path.is_dir():
            return read_encoded_frames(frame_files(path), choose_indices, min_decoded_side_px)
        if not path.exists():
            raise VideoReadError(f"{path}: there is no such file or folder.")
        if path.stat().st_size == 0:
            raise VideoReadError(f"{path}: the file is empty.")
    except OSError as error:  # no permission
        raise VideoReadError(f"{path}: {first_line(error)}") from error
    decoder_class = torchcodec_decoder()
    if decoder_class is not None and suits_torchcodec(path):
        return read_with_torchcodec(decoder_class, path, choose_indices)
    return read_with_pyav(path, choose_indices)


def suits_torchcodec(path: Path) -> bool:
    """
    Whether torchcodec gives the same frames as PyAV, judged by the content of the file, not by its name.

    With more than 8 bits per colour it does not: it uses another version of FFmpeg, which rounds differently.
    """
    try:
        with open_container(path) as container:
            streams = container.streams.video
            return (
                not TORCHCODEC_FORMATS.isdisjoint(container.format.name.split(","))
                and len(streams) > 0
                and streams[0].format is not None
                and all(component.bits == 8 for component in streams[0].format.components)
            )
    except (av.FFmpegError, OSError):
        return False


def read_with_torchcodec(
    decoder_class: type, path: Path, choose_indices: ChooseIndices
) -> tuple[np.ndarray, VideoMetadata]:
    """As `read_frames`, for a file. Falls back to PyAV where torchcodec fails."""
    # PyAV reads some damaged files that torchcodec rejects, and its errors name the reason for the others.
    try:
        decoder = decoder_class(str(path), seek_mode="exact", dimension_order="NHWC")
    except (RuntimeError, ValueError):
        return read_with_pyav(path, choose_indices)
    if len(decoder) == 0:
        return read_with_pyav(path, choose_indices)
    indices = list(choose_indices(len(decoder)))
    distinct = sorted(set(indices))
    try:
        frames = decoder.get_frames_at(distinct).data.numpy()  # (distinct, height, width, 3)
    except (RuntimeError, IndexError):
        # The indices are chosen once: a generator would draw other ones the second time.
        return read_with_pyav(path, lambda count: indices if count == len(decoder) else choose_indices(count))
    return repeat_frames(path, dict(zip(distinct, frames, strict=True)), indices), describe(
        len(decoder), decoder.metadata.average_fps, indices, "torchcodec"
    )


def read_with_pyav(path: Path | DownloadedVideo, choose_indices: ChooseIndices) -> tuple[np.ndarray, VideoMetadata]:
    """As `read_frames`, for a file or a downloaded video."""
    try:
        with open_container(path) as container:
            if not container.streams.video:
                raise VideoReadError(f"{path}: the file has no video stream.")
            fps = container.streams.video[0].average_rate
            frames_pts, keyframes_pts = scan_packets(container)
        frames = {}
        if frames_pts:
            indices = list(choose_indices(len(frames_pts)))
            with open_container(path) as container:
                frames = decode_near(container, frames_pts, keyframes_pts, set(indices))
        if not frames:  # no usable index to seek by, or a wrong one: decode from the start
            with open_container(path) as container:
                num_frames = sum(1 for _ in container.decode(video=0))
            if num_frames == 0:
                raise VideoReadError(f"{path}: the video has no frames.")
            indices = list(choose_indices(num_frames))
            to_rgb, wanted = RGBConverter(), set(indices)
            with open_container(path) as container:
                for index, frame in enumerate(container.decode(video=0)):
                    if index in wanted:
                        frames[index] = to_rgb(frame)
        else:
            num_frames = len(frames_pts)
    except (av.FFmpegError, OSError) as error:
        raise VideoReadError(f"{path}: the file is not a readable video ({first_line(error)}).") from error
    return repeat_frames(path, frames, indices), describe(num_frames, float(fps) if fps else None, indices, "pyav")


def scan_packets(container: av.container.InputContainer) -> tuple[list[int], list[int]]:
    """
    Timestamps of all frames and of the keyframes, at which decoding can start; both sorted. Decodes nothing.

    Both are empty where a packet has no timestamp of its own, and for AVI with frames out of order: FFmpeg invents
    their timestamps, so they cannot be used for seeking. Packets that the container marks to be discarded (edit lists)
    give no frame and are not counted.
    """
    frames_pts, keyframes_pts = [], []
    if container.format.name == "avi" and container.streams.video[0].codec_context.has_b_frames:
        return [], []
    for packet in container.demux(video=0):
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None:
            return [], []
        frames_pts.append(packet.pts)
        if packet.is_keyframe:
            keyframes_pts.append(packet.pts)
    if len(set(frames_pts)) != len(frames_pts):
        return [], []
    return sorted(frames_pts), sorted(keyframes_pts)


def decode_near(
    container: av.container.InputContainer, frames_pts: list[int], keyframes_pts: list[int], wanted: set[int]
) -> dict[int, np.ndarray]:
    """
    Decodes the wanted frames; seeks to the nearest keyframe before each where that saves decoding.

    Returns:
        `{index: (height, width, 3)}`, empty where a wanted frame does not appear at its timestamp.
    """
    stream = container.streams.video[0]
    to_rgb = RGBConverter()
    frames = {}
    decoded = container.decode(stream)
    position = -1  # index of the last decoded frame
    index_of = {pts: index for index, pts in enumerate(frames_pts)}
    for index in sorted(wanted):
        pts = frames_pts[index]
        before = bisect_right(keyframes_pts, pts)  # how many keyframes are not after the wanted frame
        if before and index_of[keyframes_pts[before - 1]] > position + 1:
            container.seek(keyframes_pts[before - 1], stream=stream)
            decoded = container.decode(stream)
        for frame in decoded:
            if frame.pts is None:
                return {}
            position = index_of.get(frame.pts, position)
            if frame.pts == pts:
                frames[index] = to_rgb(frame)
                break
            if frame.pts > pts:
                return {}
        else:
            return {}
    return frames


class RGBConverter:
    """
    Converts a decoded frame to `(height, width, 3)` uint8 RGB, rotated by the display matrix of the file.

    One instance serves all frames of a video: `frame.to_ndarray("rgb24")` would set up a new conversion for each
    frame, which takes longer than converting a small frame.
    """

    def __init__(self) -> None:
        self.reformatter = av.video.reformatter.VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        rgb = self.reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return np.rot90(rgb, k=round(frame.rotation / 90))


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


def repeat_frames(path: Path | DownloadedVideo, frames: dict[int, np.ndarray], indices: list[int]) -> np.ndarray:
    """`(indices, height, width, 3)`; an index may occur more than once, as in short clips."""
    sizes = {frame.shape[:2] for frame in frames.values()}
    if len(sizes) > 1:
        raise VideoReadError(
            f"{path}: the frame size changes within the video, between {sorted(sizes)} (height, width)."
        )
    return np.stack([frames[index] for index in indices])


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


def read_clip(
    clip: Any, choose_indices: ChooseIndices, min_decoded_side_px: int | None = None
) -> tuple[np.ndarray | torch.Tensor, VideoMetadata]:
    """
    The chosen frames of one clip: `(frames, height, width, 3)` from files, arrays in memory in their own channel
    order.

    Args:
        clip: anything that `LogoFormerVideoProcessor` accepts as one clip.
        choose_indices: function from the number of frames to sorted indices.
        min_decoded_side_px: for frames as image files, see `read_encoded_frames`.

    Raises:
        VideoReadError: a file that cannot be read.
        ValueError: no frames, or frames of different shapes.
    """
    if isinstance(clip, (str, Path)):
        return read_frames(clip, choose_indices, min_decoded_side_px)
    if isinstance(clip, (list, tuple)) and isinstance(clip[0], (str, Path, bytes, dict)):
        return read_encoded_frames(clip, choose_indices, min_decoded_side_px)
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
