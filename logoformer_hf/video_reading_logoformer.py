"""
Reads clips from video files and addresses; `image_reading_logoformer.py` reads those that are images.

Decodes with PyAV. Only the chosen frames are kept in memory. In a container that can seek, decoding starts at the
keyframe before a chosen frame.
"""

import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from av.video.frame import PictureType
from transformers.video_utils import VideoMetadata

from .downloading_logoformer import download_video, is_address
from .frame_times_logoformer import (
    ClipMetadata,
    FrameCount,
    count_frames,
    oddities,
)
from .image_reading_logoformer import (
    IMAGE_SUFFIXES,
    ChooseIndices,
    FrameStack,
    VideoReadError,
    first_line,
    frame_files,
    is_image_file,
    is_image_head,
    read_encoded_frames,
    read_frames_in_memory,
    read_image_file,
)
from .reading_limits_logoformer import ReadingBudget
from .video_container_logoformer import (
    EmbeddedVideo,
    FrameConverter,
    FrameDecoder,
    VideoFile,
    check_stream,
    choose_stream,
    named_errors,
    open_container,
    packets_of,
    pixel_aspect_ratio,
)

# Packets are kept for decoding up to this size; larger ones are read again.
MAX_KEPT_BYTES = 16 * 10**6

# What a damaged frame looks like depends on those that were decoded before. A video with one is decoded from its start
# then, unless it has more frames than this: that would take minutes.
MAX_FRAMES_FROM_START = 3000

# FFmpeg's names of containers in which every frame has its time and seeking to the first one brings it again.
REWINDABLE_FORMATS = {"matroska", "mov"}

# Kinds of pictures that are decoded with the help of others.
DEPENDENT = {PictureType.P, PictureType.B, PictureType.S, PictureType.SP}
# The same where a file marks all frames as keyframes, and its codec need not mean that: its decoder may name no kinds.
DEPENDENT_OR_UNKNOWN = DEPENDENT | {PictureType.NONE}

# How images in memory begin, besides those of `is_image_head`: JPEG, BMP.
IMAGE_BEGINNINGS = (b"\xff\xd8", b"BM")


class DamagedVideoWarning(UserWarning):
    """A video of which something was lost; the message names it and says what."""


def read_frames(
    path: str | Path, choose_indices: ChooseIndices, min_decoded_side_px: int | None = None
) -> tuple[np.ndarray, VideoMetadata]:
    """
    Reads the chosen frames of a video file, of a video on the web, or of a folder of frames.

    The number of frames is counted, never taken from the header. Frames are upright, with square pixels, in the size
    of the first chosen one. What a damaged file lost is left out, and a `DamagedVideoWarning` says so.

    Args:
        path: a file (mp4, mkv, avi, mov, webm, gif, any format that FFmpeg reads, or one image), a folder with one
            image per frame in the order of the numbers in their names, or the address of a file (`http://`,
            `https://`).
        choose_indices: function from the number of frames, a `FrameCount`, to sorted indices.
        min_decoded_side_px: for a folder of frames, see `read_encoded_frames`.

    Returns:
        frames `(chosen, height, width, 3)` uint8 RGB, and the metadata with the chosen `frames_indices`.

    Raises:
        VideoReadError: missing, unreadable, without a video stream or without frames.
    """
    if is_address(path):
        return read_video(download_video(str(path)), choose_indices)
    path = Path(path)
    try:
        if path.is_dir():
            return read_encoded_frames(frame_files(path), choose_indices, min_decoded_side_px)
        if not path.exists():
            reason = "the link leads to nothing" if path.is_symlink() else "there is no such file or folder"
            raise VideoReadError(f"{path}: {reason}.")
        if not path.is_file():
            raise VideoReadError(f"{path}: it is a pipe or a device, not a file.")
        if path.stat().st_size == 0:
            raise VideoReadError(f"{path}: the file is empty.")
        is_image = is_image_file(path)
    except OSError as error:  # no permission
        raise VideoReadError(f"{path}: {first_line(error)}") from error
    if is_image:
        return read_image_file(path, choose_indices, min_decoded_side_px)
    return read_video(path, choose_indices)


@dataclass
class Survey:
    """
    What the packets of a video say, before the frames that are wanted are decoded.

    Attributes:
        frames_pts: timestamps of all frames, sorted; empty where they cannot be used.
        keyframes_pts: those at which decoding can start, sorted; empty where it has to start at the first packet of
            a file that was just opened.
        end_pts: the end of the last frame.
        fps: average frames per second, as the file says.
        tick_sec: unit of the timestamps in seconds.
        packets: all of the stream, where they take little memory and have to be decoded from the first one on.
    """

    frames_pts: list[int] = field(default_factory=list)
    keyframes_pts: list[int] = field(default_factory=list)
    end_pts: int = 0
    fps: float | None = None
    tick_sec: float = 0.0
    packets: list[Any] | None = None

    @property
    def count(self) -> FrameCount:
        """The number of frames, with their times where the rate varies."""
        return count_frames(self.frames_pts, self.end_pts, self.tick_sec)


def scan_packets(container: av.container.InputContainer, stream: av.VideoStream) -> Survey:
    """
    Reads the packets of a stream, and decodes nothing.

    There are no timestamps of frames where a packet has none of its own; where frames are out of order and the
    timestamps are not (AVI, for which FFmpeg invents them, and what was copied from a stream without any); and where
    the first packet is no keyframe, since how many frames are lost then depends on where decoding begins. Packets that
    the container marks to be discarded (edit lists) give no frame and are not counted.
    """
    rate, unit = stream.average_rate, stream.time_base
    facts: dict[str, Any] = {"fps": float(rate) if rate else None, "tick_sec": float(unit or 0)}
    survey, without_times = Survey(**facts), Survey(**facts)
    has_reordered_frames = bool(stream.codec_context.has_b_frames)
    if container.format.name == "avi" and has_reordered_frames:
        return without_times
    packets = iter(partial(next_packet, packets_of(container, stream)), None)
    are_usable = add_packets(survey, packets, ReadingBudget(container), has_reordered_frames)
    return survey if are_usable else without_times


def next_packet(packets: Any) -> Any:
    """The next packet of PyAV; None at the end, also where a damaged file breaks off."""
    try:
        return next(packets, None)
    except (av.FFmpegError, OSError):
        return None


def add_packets(survey: Survey, packets: Iterator[Any], budget: ReadingBudget, has_reordered_frames: bool) -> bool:
    """Adds what the packets of a stream say to an empty survey, and returns whether its timestamps can be used."""
    is_first, are_reordered, has_palette, num_bytes = True, False, False, 0
    kept = []
    for packet in packets:
        budget.take_packet(packet.size)
        num_bytes += packet.size
        has_palette = has_palette or packet.has_sidedata("palette")
        if len(survey.keyframes_pts) <= 1 and num_bytes <= MAX_KEPT_BYTES:
            kept.append(packet)
        if packet.size and is_first and not packet.is_keyframe:
            return False
        is_first = is_first and not packet.size
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None:
            return False
        are_reordered = are_reordered or packet.pts != packet.dts
        survey.frames_pts.append(packet.pts)
        survey.end_pts = max(survey.end_pts, packet.pts + (packet.duration or 0))
        if packet.is_keyframe:
            survey.keyframes_pts.append(packet.pts)
    if len(set(survey.frames_pts)) != len(survey.frames_pts) or (has_reordered_frames and not are_reordered):
        return False
    survey.frames_pts.sort()
    survey.keyframes_pts.sort()
    if survey.keyframes_pts == survey.frames_pts[:1] and num_bytes <= MAX_KEPT_BYTES:
        survey.packets = kept
    if has_palette:  # it comes once, and is neither there again after seeking nor after reading to the end
        survey.keyframes_pts.clear()
    return True


def read_video(video: VideoFile, choose_indices: ChooseIndices) -> tuple[np.ndarray, ClipMetadata]:
    """As `read_frames`, for a file, a downloaded or an embedded video."""
    frames, metadata = decode_video(video, choose_indices)
    lost, damaged = metadata.num_lost, metadata.num_damaged
    if lost:
        total = metadata.total_num_frames + lost
        metadata.notes.insert(0, f"{lost:,} of {total:,} frames could not be decoded and are left out.")
    if damaged:
        metadata.notes.insert(0, f"{damaged:,} of the chosen frames are damaged.")
    warn_of_damage(video, metadata)
    return frames, metadata


def warn_of_damage(video: object, metadata: ClipMetadata) -> None:
    """Warns of a video of which something was lost."""
    if metadata.num_lost or metadata.num_damaged:
        warnings.warn(f"{video}: {' '.join(metadata.notes)}", DamagedVideoWarning, stacklevel=3)


def decode_video(video: VideoFile, choose_indices: ChooseIndices) -> tuple[np.ndarray, ClipMetadata]:
    """As `read_video`, in the quickest way that is right for this video."""
    with closing(ExitStack()) as stack:  # errors of `choose_indices` are not taken for those of the file
        container = stack.enter_context(open_container(video))
        with named_errors(video):
            stream = choose_stream(container, video)
            check_stream(container, stream, video)
            survey = scan_packets(container, stream)
        if survey.frames_pts:
            count = survey.count
            indices = list(choose_indices(count))
            with named_errors(video):
                if survey.packets is None and not can_rewind(container, survey, indices):
                    stack.close()
                    container = stack.enter_context(open_container(video))
                    stream = choose_stream(container, video)
                near = decode_near(container, stream, video, survey, indices)
            if near is not None:
                frames, to_rgb = near
                metadata = describe_video(count, survey, indices, to_rgb.notes)
                metadata.num_damaged = to_rgb.num_damaged
                return frames, metadata
    # No usable index to seek by, a wrong one, or damage: from the start.
    return decode_through(video, survey, choose_indices)


def can_rewind(container: av.container.InputContainer, survey: Survey, indices: list[int]) -> bool:
    """Whether seeking in a container that was read to its end brings the frames as opening it again does."""
    if REWINDABLE_FORMATS.isdisjoint(container.format.name.split(",")) or not indices:
        return False
    return bool(survey.keyframes_pts) and survey.keyframes_pts[0] <= survey.frames_pts[min(indices)]


class ToRGB:
    """
    Converts the chosen frames of a video, all in the size of the first one.

    Attributes:
        notes: sentences about what looks other than in a player.
        num_damaged: frames that the decoder calls damaged.
    """

    def __init__(self, stream: av.VideoStream, video: VideoFile):
        self.notes: list[str] = []
        self.num_damaged = 0
        self._aspect_ratio, self._video = pixel_aspect_ratio(stream), video
        self._converter: FrameConverter | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """`(height, width, 3)` uint8."""
        if self._converter is None:
            self._converter = FrameConverter(frame, self._aspect_ratio, self._video)
            self.notes = oddities(frame)
        self.num_damaged += bool(frame.is_corrupt)
        return self._converter.full(frame)


def decode_near(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    video: VideoFile,
    survey: Survey,
    indices: list[int],
) -> tuple[np.ndarray, ToRGB] | None:
    """
    Decodes the wanted frames; seeks to the nearest keyframe before each where that saves decoding.

    Args:
        container: the video, just opened, or read to its end where `can_rewind` says so.
        stream: its stream to decode.
        video: what messages call it.
        survey: of its packets.
        indices: of the wanted frames.

    Returns:
        `(indices, height, width, 3)` and what converted them; None where a wanted frame does not appear at its
        timestamp, frames come in another order than their timestamps, a packet cannot be decoded, a frame of a short
        video is damaged, or what the file marks as a keyframe is none.
    """
    decoder, to_rgb = FrameDecoder(container, stream, video, ReadingBudget(container)), ToRGB(stream, video)
    frames = FrameStack(indices)
    decoded = decoder.intact_frames(survey.packets)
    is_at_end = survey.packets is None and can_rewind(container, survey, indices)
    position = -2 if is_at_end else -1  # index of the last decoded frame
    index_of = {pts: index for index, pts in enumerate(survey.frames_pts)}
    is_entered = False  # whether the next frame is the first one after a seek
    start_pts = survey.frames_pts[0]  # before it, frames may lack those that they need
    is_short = len(survey.frames_pts) <= MAX_FRAMES_FROM_START
    is_doubtful = survey.keyframes_pts == survey.frames_pts and not stream.codec_context.codec.intra_only
    dependent, keyframes = DEPENDENT_OR_UNKNOWN if is_doubtful else DEPENDENT, set(survey.keyframes_pts)
    for index in sorted(set(indices)):
        pts = survey.frames_pts[index]
        before = bisect_right(survey.keyframes_pts, pts)  # how many keyframes are not after the wanted frame
        if before and index_of[survey.keyframes_pts[before - 1]] > position + 1:
            try:
                decoder.seek(start_pts := survey.keyframes_pts[before - 1])
            except (av.FFmpegError, OSError):  # JPEGs one after another have times, but no index
                return None
            decoded, position = decoder.intact_frames(), -1
            is_entered = True
        while True:
            try:
                frame = next(decoded, None)
            except (av.FFmpegError, OSError):
                return None
            if frame is None or frame.pts is None or frame.pts > pts:
                return None
            if is_short and frame.is_corrupt and frame.pts >= start_pts:
                return None
            # Some decoders begin at a frame that needs others without a complaint; and in an MPEG program stream, what
            # is left of the frame before may take the timestamp of the keyframe, whose own one is then the next.
            if is_entered and (frame.pict_type in dependent or frame.pts not in keyframes):
                return None
            is_entered, before_it = False, position
            position = index_of.get(frame.pts, position)
            if position < before_it:
                return None
            if frame.pts == pts:
                frames[index] = to_rgb(frame)
                break
    return frames.pixels, to_rgb


def decode_through(video: VideoFile, survey: Survey, choose_indices: ChooseIndices) -> tuple[np.ndarray, ClipMetadata]:
    """Decodes the video from its start twice: to count the frames that can be decoded, and to take the chosen ones."""
    with open_container(video) as container:
        decoder = FrameDecoder(container, choose_stream(container, video), video, ReadingBudget(container))
        frames_pts = [frame.pts for frame in decoder.frames()]
        num_frames = len(frames_pts)
        num_lost = decoder.num_lost
        if num_lost or decoder.num_corrupt:
            num_lost = max(num_lost, len(survey.frames_pts) - num_frames)
    if num_frames == 0:
        reason = f" that can be decoded ({decoder.broke or f'{num_lost} failed'})" if num_lost else ""
        raise VideoReadError(f"{video}: the video has no frames{reason}.")
    count = count_frames(frames_pts, survey.end_pts, survey.tick_sec)
    indices = list(choose_indices(count))
    frames, last = FrameStack(indices), max(indices, default=-1)
    with open_container(video) as container:
        stream = choose_stream(container, video)
        to_rgb = ToRGB(stream, video)
        decoder = FrameDecoder(container, stream, video, ReadingBudget(container))
        for index, frame in enumerate(decoder.frames()):
            if index in frames:
                frames[index] = to_rgb(frame)
            if index == last:
                break
    metadata = describe_video(count, survey, indices, to_rgb.notes)
    metadata.num_lost, metadata.num_damaged = num_lost, to_rgb.num_damaged
    return frames.pixels, metadata


def describe_video(count: FrameCount, survey: Survey, indices: list[int], notes: list[str]) -> ClipMetadata:
    """Metadata of a clip: its frames, frames per second, duration in seconds, and the chosen indices."""
    fps, times_sec = survey.fps, count.times_sec
    if times_sec is not None and times_sec[-1] > 0:
        fps = len(times_sec[:-1]) / times_sec[-1]
    return ClipMetadata(
        total_num_frames=int(count),
        fps=fps,
        duration=count / fps if fps else None,
        video_backend="pyav",
        frames_indices=indices,
        times_sec=times_sec,
        notes=notes,
    )


def is_embedded_video(item: Any) -> bool:
    """
    Whether this is the content of a video file, or a row of a `datasets.Video` column, and not of an image file, which
    is one frame.
    """
    if isinstance(item, dict):
        content, path = item.get("bytes"), item.get("path")
        return not is_image_content(content) if content else Path(path or "").suffix.lower() not in IMAGE_SUFFIXES
    return isinstance(item, bytes) and not is_image_content(item)


def are_embedded_videos(items: Sequence[Any]) -> bool:
    """Whether those of several inputs that are encoded are videos: each is then a clip, not a frame of one clip."""
    encoded = [item for item in items if isinstance(item, (bytes, dict))]
    return bool(encoded) and all(map(is_embedded_video, encoded))


def is_image_content(content: bytes) -> bool:
    """Whether an image file begins like this."""
    return content.startswith(IMAGE_BEGINNINGS) or is_image_head(content)


def read_embedded(
    clip: bytes | dict[str, Any], choose_indices: ChooseIndices, min_decoded_side_px: int | None
) -> tuple[np.ndarray, VideoMetadata]:
    """As `read_frames`, for the content of a file in memory, or a row `{"bytes": ..., "path": ...}`."""
    if not is_embedded_video(clip):
        return read_image_file(clip, choose_indices, min_decoded_side_px)
    content, path = (clip, None) if isinstance(clip, bytes) else (clip.get("bytes"), clip.get("path"))
    if content is None and path:
        return read_frames(path, choose_indices, min_decoded_side_px)
    if not content:
        raise VideoReadError(f"{EmbeddedVideo(b'', path)}: it is empty.")
    return read_video(EmbeddedVideo(content, path), choose_indices)


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
    if isinstance(clip, (bytes, dict)):
        return read_embedded(clip, choose_indices, min_decoded_side_px)
    if isinstance(clip, (list, tuple)) and isinstance(clip[0], (str, Path, bytes, dict)):
        return read_encoded_frames(clip, choose_indices, min_decoded_side_px)
    return read_frames_in_memory(clip, choose_indices)
