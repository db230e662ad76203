"""
Reads clips from video files and addresses; `image_reading_logoformer.py` reads those that are images.

Decodes with torchcodec where it can be loaded, else with PyAV; both give the same frames. Only the chosen frames are
kept in memory. In a container that can seek, decoding starts at the keyframe before a chosen frame.
"""

from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from transformers.video_utils import VideoMetadata

from .image_reading_logoformer import (
    ChooseIndices,
    VideoReadError,
    describe,
    first_line,
    frame_files,
    read_encoded_frames,
    read_frames_in_memory,
)
from .video_container_logoformer import DownloadedVideo, RGBConverter, download_video, open_container

# FFmpeg's names of containers with a presentation time for every frame. In others (AVI, MPEG streams) torchcodec 0.17
# was seen to give neighbours of the frames that were asked for, so PyAV reads those everywhere.
TORCHCODEC_FORMATS = {"gif", "matroska", "mov"}


@cache
def torchcodec_decoder() -> Any:
    """torchcodec's `VideoDecoder`; None where torchcodec or the FFmpeg libraries that it loads are missing."""
    try:
        from torchcodec.decoders import VideoDecoder
    except (ImportError, RuntimeError, OSError):
        return None
    return VideoDecoder


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


def repeat_frames(path: Path | DownloadedVideo, frames: dict[int, np.ndarray], indices: list[int]) -> np.ndarray:
    """`(indices, height, width, 3)`; an index may occur more than once, as in short clips."""
    sizes = {frame.shape[:2] for frame in frames.values()}
    if len(sizes) > 1:
        raise VideoReadError(
            f"{path}: the frame size changes within the video, between {sorted(sizes)} (height, width)."
        )
    return np.stack([frames[index] for index in indices])


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
    return read_frames_in_memory(clip, choose_indices)
