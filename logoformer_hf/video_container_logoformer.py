"""
Opens videos with PyAV, chooses the stream to read, decodes it, and converts its frames to RGB.

Everything that reads a video goes through `open_container`, `choose_stream`, `FrameDecoder` and `FrameConverter`, so
that clips and footage are read alike.
"""

import io
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import av.filter
import av.video.reformatter
import numpy as np

from .frame_times_logoformer import check_first_frame, errors_of_colours, square_size
from .image_reading_logoformer import BACKGROUND, HEAD_BYTES, NO_HEIC, is_heic
from .reading_limits_logoformer import (
    CHECKED_CODECS,
    LIMITS,
    ReadingBudget,
    VideoReadError,
    check_frame,
    check_headers,
    check_packet,
    counted_pixels,
    has_gif_picture,
    plain_reason,
    shrunk_size,
)

# What the libraries were seen to raise for damaged files, besides their own errors.
LIBRARY_ERRORS = (
    *(av.FFmpegError, OSError, ValueError, ArithmeticError, LookupError, RuntimeError, MemoryError),
    *(AttributeError, TypeError),  # PyAV has None for what a damaged file does not say
)

# A file whose first packets all fail is none; some files promise millions of packets that point at the same bytes.
MAX_FAILURES_BEFORE_FIRST_FRAME = 1000

# A display matrix of FFmpeg: nine 32-bit integers, row by row; the first four turn and mirror the picture.
DISPLAY_MATRIX_BYTES = 36

# VP8 and VP9 keep alpha beside the picture; FFmpeg's own decoders of them leave it out.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

# Usual endings of videos, which are known to be some without a look. A file with another ending is one by its content.
VIDEO_ENDINGS = "3g2 3gp asf avi f4v flv gif m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv qt ts vob webm wmv"
VIDEO_SUFFIXES = tuple(f".{ending}" for ending in VIDEO_ENDINGS.split())

# FFmpeg's names of texts that it draws as pictures; it takes any file with their endings for one.
TEXT_FORMATS = {"adf", "bin", "idf", "tty", "xbin"}

# Percent of the pixels of a picture that are coded at most: decoders round its sides up to whole blocks.
CODED_SHARE = 102


class EmbeddedVideo(io.BytesIO):
    """The content of a video file in memory, from a row for instance; error messages give its path if it has one."""

    def __init__(self, content: bytes, path: str | None = None):
        super().__init__(content)
        self.path = path

    def __str__(self) -> str:
        return "embedded video" + (f" ({self.path})" if self.path else "")


# A video in memory has a `str` for error messages.
VideoFile = Path | io.BytesIO


@contextmanager
def named_errors(video: object) -> Iterator[None]:
    """Gives whatever the libraries raise for a damaged file the name of the video: it becomes a `VideoReadError`."""
    try:
        yield
    except VideoReadError:
        raise
    except LIBRARY_ERRORS as error:
        raise VideoReadError(f"{video}: the file is not a readable video ({plain_reason(error)}).") from error


@contextmanager
def open_container(video: VideoFile) -> Iterator[av.container.InputContainer]:
    """
    Opens this video only: FFmpeg must not open other files or addresses, which a playlist may name.

    Raises:
        VideoReadError: it is no video, it is damaged, or its headers promise more than `LIMITS` allow; errors of the
            libraries inside of the `with`, too.
    """
    with named_errors(video), nullcontext(video) if isinstance(video, io.BytesIO) else video.open("rb") as file:
        check_headers(video, file)
        if is_heic(file.read(HEAD_BYTES)):
            raise VideoReadError(f"{video}: {NO_HEIC}.")
        file.seek(0)
        # FFmpeg decodes a picture while it opens some files. Tags, a title for instance, may be in any encoding.
        options = {
            "protocol_whitelist": "none",
            "codec_whitelist": decoders_at_opening(),
            "max_pixels": str(LIMITS.max_pixels * CODED_SHARE // 100),
        }
        with av.open(file, options=options, metadata_errors="replace") as container:
            if container.format.name in TEXT_FORMATS:
                raise VideoReadError(f"{video}: it is a text, not a video.")
            yield container


@cache
def decoders_at_opening() -> str:
    """FFmpeg's decoders that may decode a picture while a file is opened, before its packets can be checked."""
    return ",".join(sorted(av.codecs_available - set(CHECKED_CODECS)))


def is_checked(stream: av.VideoStream) -> bool:
    """Whether the packets of a video stream must be checked by `check_packet`."""
    return has_decoder(stream) and stream.codec_context.name in CHECKED_CODECS


def why_no_video(video: VideoFile) -> str:
    """Why a file is no video, judged by its content; empty where it is one. A playlist and a picture are none."""
    try:
        with open_container(video) as container:
            if is_image_format(container.format.name):
                return "it is a picture"
            choose_stream(container, video)
    except VideoReadError as error:
        return str(error).removeprefix(f"{video}: ").rstrip(".")
    return ""


def is_image_format(name: str) -> bool:
    """Whether this is one of FFmpeg's names for a file with a single picture."""
    return name.endswith("_pipe") or name == "image2"


def has_decoder(stream: av.VideoStream) -> bool:
    """Whether a video stream can be decoded; PyAV gives those of an unknown codec no context."""
    context: Any = stream.codec_context
    return context is not None


def is_picture(stream: av.VideoStream) -> bool:
    """Whether a video stream is marked as a cover picture."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def choose_stream(container: av.container.InputContainer, video: VideoFile) -> av.VideoStream:
    """
    FFmpeg's best video stream, cover pictures left out, also those that lack their mark but have a single frame.

    Raises:
        VideoReadError: there is none.
    """
    streams = [stream for stream in container.streams.video if not is_picture(stream)]
    if not streams:
        raise VideoReadError(f"{video}: the file has no video stream.")
    streams = [stream for stream in streams if has_decoder(stream)]
    if not streams:
        raise VideoReadError(f"{video}: no decoder for its video stream is known.")
    if len(streams) > 1:
        moving = moving_streams(video)
        streams = [stream for stream in streams if stream.index in moving] or streams
    best = container.streams.best("video")
    return next((stream for stream in streams if best is not None and stream.index == best.index), streams[0])


def packets_of(container: av.container.InputContainer, *streams: Any) -> Iterator[Any]:
    """
    The packets of streams, without those that FFmpeg makes of comments behind the last picture of a GIF. At the first
    packet of a stream that a file shows late (sound in FLV), PyAV 18 raises an `IndexError`, and goes on behind it.
    """
    is_gif = container.format.name == "gif"
    while True:
        try:
            for packet in container.demux(*streams):
                if not is_gif or packet.size == 0 or has_gif_picture(bytes(packet)):
                    yield packet
            return
        except IndexError:
            continue


def moving_streams(video: VideoFile) -> set[int]:
    """Numbers of the video streams with more than one packet. Decodes nothing."""
    num_packets: Counter[int] = Counter()
    with open_container(video) as container:
        streams, budget = {stream.index for stream in container.streams.video}, ReadingBudget(container)
        for packet in packets_of(container, *container.streams.video):
            budget.take_packet(packet.size)
            num_packets[packet.stream.index] += packet.size > 0
            if all(num_packets[index] > 1 for index in streams):
                break
    return {index for index, number in num_packets.items() if number > 1}


def check_stream(container: av.container.InputContainer, stream: av.VideoStream, name: object) -> int | None:
    """
    Raises a `VideoReadError` where a stream promises frames that are too large; returns the size of the file that this
    is judged by, for `check_frame`: None for an image file, of which one picture is decoded.
    """
    is_quick = has_decoder(stream) and stream.codec_context.name != "jpeg2000"
    file_bytes = None if is_image_format(container.format.name) and is_quick else container.size
    if is_checked(stream):  # it may have no size before it is decoded
        return file_bytes
    if not stream.width or not stream.height:  # FFmpeg has none where they are above `max_pixels`
        raise VideoReadError(f"{name}: its pictures have no known size, or more than {LIMITS.max_pixels:,} pixels.")
    check_frame(name, stream, file_bytes)
    return file_bytes


def pixel_aspect_ratio(stream: av.VideoStream) -> float:
    """Width of a pixel divided by its height."""
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return float(ratio) if ratio and 0.1 < ratio < 10 else 1.0


class FrameDecoder:
    """
    Decodes a stream of an open container. Packets that cannot be decoded are counted and left out.

    It decodes on one thread. With more, what a damaged frame looks like would depend on how many cores there are, and
    on which thread is faster; and FFmpeg's decoder of H.264 would neither conceal damage nor say that there is some.

    Args:
        container: an open video.
        stream: its stream to decode.
        name: what error messages call the video.
        budget: what decoding may cost; None for footage, which is read to its end however long it is.

    Attributes:
        num_frames: that were decoded.
        num_failed: packets that could not be decoded.
        num_corrupt: frames that the decoder calls damaged.
        num_discarded: packets that the container marks as not to be shown.
        broke: why the file could not be read further; empty where it could.

    Raises:
        VideoReadError: by `frames`, where the first packets all fail; by all, where a limit is passed.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        name: object,
        budget: ReadingBudget | None = None,
    ):
        self.num_frames = self.num_failed = self.num_corrupt = self.num_discarded = 0
        self.broke = ""
        self._container, self._stream, self._name = container, stream, name
        self._budget, self._packets = budget, ReadingBudget(container)
        self._size_for_limits = check_stream(container, stream, name)
        self._checked_kind: tuple[int, int, str] | None = None  # of the frame before, which is within the limits
        self._counted_pixels = 0
        self._alpha_decoder = alpha_decoder(stream)
        self._is_checked = is_checked(stream)
        stream.codec_context.thread_count = 1

    @property
    def num_lost(self) -> int:
        """How many packets failed, and one more where the file breaks off."""
        return self.num_failed + bool(self.broke)

    def intact_frames(self, packets: Iterable[Any] | None = None) -> Iterator[av.VideoFrame]:
        """All frames, of packets in memory if given; raises `av.FFmpegError` or `OSError` at the first that fails."""
        for packet in packets_of(self._container, self._stream) if packets is None else packets:
            for frame in self._frames_of(packet):
                yield self._counted(frame)

    def _frames_of(self, packet: Any) -> list[Any]:
        if self._is_checked:
            check_packet(self._name, self._stream.codec_context.name, bytes(packet))
        if self._alpha_decoder is not None:
            return list(self._alpha_decoder.decode(packet if packet.size else None))
        return list(packet.decode())

    def _counted(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame, if it and those before it are within the limits."""
        kind = (frame.width, frame.height, frame.format.name)
        if kind != self._checked_kind:
            check_frame(self._name, frame, self._size_for_limits)
            self._checked_kind, self._counted_pixels = kind, counted_pixels(frame)
        if self._budget is not None:
            self._budget.take_frame(self._counted_pixels)
        return frame

    def seek(self, pts: int) -> None:
        """Both kinds of frames then begin at the keyframe at this time, or before it."""
        self._container.seek(pts, stream=self._stream)
        if self._alpha_decoder is not None:
            self._alpha_decoder.flush_buffers()

    def frames(self) -> Iterator[av.VideoFrame]:
        """All frames that decode. The last packet is empty and brings the delayed frames."""
        packets = packets_of(self._container, self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self.broke = plain_reason(error)
                return
            if packet is None:
                return
            self._packets.take_packet(packet.size)
            self.num_discarded += bool(packet.size and packet.is_discard)
            for frame in self._decode(packet):
                self.num_frames += 1
                self.num_corrupt += bool(frame.is_corrupt)
                yield self._counted(frame)

    def _decode(self, packet: Any) -> list[Any]:
        try:
            return self._frames_of(packet)
        except av.EOFError:
            return []
        except av.FFmpegError as error:
            self.num_failed += 1
            if self.num_frames == 0 and self.num_failed >= MAX_FAILURES_BEFORE_FIRST_FRAME:
                raise VideoReadError(
                    f"{self._name}: none of the first {self.num_failed} packets can be decoded "
                    f"({plain_reason(error)})."
                ) from error
            return []


def alpha_decoder(stream: av.VideoStream) -> Any:
    """A decoder of a VP8 or VP9 stream that has alpha; None for others, which their own decoder reads."""
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    if name is None or not has_alpha_beside(stream) or name not in av.codecs_available:
        return None
    decoder = av.CodecContext.create(name, "r")
    decoder.extradata = stream.codec_context.extradata
    decoder.thread_count = 1
    return decoder


def has_alpha_beside(stream: av.VideoStream) -> bool:
    """Whether a stream of Matroska or WebM says that its packets have alpha beside the picture."""
    return any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())


@dataclass(frozen=True)
class Orientation:
    """
    How a decoded picture is brought upright: mirrored left to right first, then turned anticlockwise.

    Attributes:
        is_mirrored: whether the picture is mirrored.
        quarter_turns: number of anticlockwise turns by 90 degrees.
    """

    is_mirrored: bool = False
    quarter_turns: int = 0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The upright picture, a contiguous array, of `(height, width, 3)`."""
        if self.is_mirrored:
            pixels = pixels[:, ::-1]
        if self.quarter_turns:
            pixels = np.rot90(pixels, k=self.quarter_turns)
        return np.ascontiguousarray(pixels)

    @property
    def is_turned(self) -> bool:
        """Whether width and height are exchanged."""
        return self.quarter_turns % 2 == 1


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """
    The orientation by a frame's display matrix; angles are rounded to quarter turns.

    The matrix [a b; c d] takes a row vector (x, y) with y downwards, so a picture that is mirrored has a negative
    determinant.
    """
    data: Any = with_known_side_data(frame).side_data.get("DISPLAYMATRIX")
    content = b"" if data is None else bytes(data)[:DISPLAY_MATRIX_BYTES]
    if len(content) < DISPLAY_MATRIX_BYTES:
        return turned_by(frame.rotation)
    matrix = np.frombuffer(content, dtype=np.int32).reshape(3, 3)[:2, :2].astype(float)
    is_mirrored = bool(np.linalg.det(matrix) < 0)
    if is_mirrored:
        matrix = np.diag([-1.0, 1.0]) @ matrix  # what is left after mirroring left to right is a turn
    angle = np.degrees(np.arctan2(-matrix[0, 1], matrix[0, 0]))  # y points downwards
    return turned_by(angle, is_mirrored)


def turned_by(angle: float, is_mirrored: bool = False) -> Orientation:
    """The orientation that is nearest to an angle in degrees."""
    return Orientation(is_mirrored, round(angle / 90) % 4)


def with_known_side_data(frame: av.VideoFrame) -> av.VideoFrame:
    """
    The same frame without the side data that PyAV cannot read.

    Of the name of a colour profile, which a PNG has, PyAV 18 frees the memory twice: Python crashes. Of kinds that it
    has no name for (EXIF), it gives none at all.
    """
    unknown = "ICC_PROFILE"
    while True:
        frame = without_side_data(frame, unknown)
        try:
            frame.side_data.get("DISPLAYMATRIX")
            return frame
        except ValueError as error:  # "31 is not a valid Type"
            if unknown == (unknown := str(error).split()[0]):
                raise


def without_side_data(frame: av.VideoFrame, kind: str) -> av.VideoFrame:
    """The same frame without side data of a kind, which is FFmpeg's name or number."""
    graph = av.filter.Graph()
    if hasattr(graph, "threads"):  # PyAV 17 has no such setting; starting others takes longer than all the rest
        graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000))
    graph.link_nodes(source, graph.add("sidedata", f"mode=delete:type={kind}"), graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    return graph.vpull()


class FrameConverter:
    """
    Converts the decoded frames of one video to RGB: upright, with square pixels, in the first frame's size, on a white
    background where they are transparent. Frames with a side above `LIMITS.max_side_px` are shrunk to it.

    Attributes:
        size: width and height in pixels of the upright frames.

    Raises:
        VideoReadError: a side of less than `MIN_SIDE_PX`, or a colour space that cannot be converted.
    """

    def __init__(self, first: av.VideoFrame, aspect_ratio: float, name: object):
        check_first_frame(first, name)
        self._name = name
        self._first_size = (first.width, first.height)
        square = square_size(first.width, first.height, aspect_ratio)
        self._stored_size = shrunk_size(*square, LIMITS.max_side_px)  # before it is turned
        self._orientation = orientation_of(first)
        self.size = self._stored_size[::-1] if self._orientation.is_turned else self._stored_size
        # One conversion is set up for all frames of a size; setting it up takes longer than converting a small frame.
        # It works in memory of its own and serves one thread at a time, so each thread has one.
        self._of_thread = threading.local()

    def has_first_size(self, frame: av.VideoFrame) -> bool:
        """Whether a frame has the size of the first one."""
        return (frame.width, frame.height) == self._first_size

    def full(self, frame: av.VideoFrame) -> np.ndarray:
        """`(height, width, 3)` uint8 RGB, upright, in the first frame's size."""
        width, height = self._stored_size
        is_plain = is_opaque(frame) and (width, height) == (frame.width, frame.height)
        kind = "rgba" if not is_plain and has_alpha(frame.format.name) else "rgb24"
        reformatter = self._of_thread.__dict__.setdefault("reformatter", av.video.reformatter.VideoReformatter())
        with errors_of_colours(frame, self._name):
            converted = reformatter.reformat(frame, width=width, height=height, format=kind, threads=1)
        return self._orientation.apply(on_background(converted.to_ndarray()))


@cache
def has_alpha(pixels: str) -> bool:
    """Whether pixels of this format, by FFmpeg's name, can be transparent."""
    return pixels == "pal8" or any(component.is_alpha for component in av.VideoFormat(pixels).components)


def is_opaque(frame: av.VideoFrame) -> bool:
    """Whether a frame of GIF's format is opaque; False for others."""
    if frame.format.name != "bgra":
        return False
    plane: Any = frame.planes[0]
    pixels = np.frombuffer(plane, "<u4").reshape(frame.height, plane.line_size // 4)[:, : frame.width]
    return bool(pixels.min() >= 0xFF000000)


def on_background(pixels: np.ndarray) -> np.ndarray:
    """Lays `(height, width, 4)` uint8 with alpha on the background; `(height, width, 3)` is returned as it is."""
    if pixels.shape[2] == 3:
        return pixels
    colours, alpha = pixels[..., :3], pixels[..., 3:]
    if alpha.min() == 255:
        return colours
    opaque = alpha.astype(np.uint16)
    behind = np.array(BACKGROUND, dtype=np.uint16)
    return ((colours * opaque + behind * (255 - opaque) + 127) // 255).astype(np.uint8)
