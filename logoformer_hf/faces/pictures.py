"""Reads footage that is made of images: folders of frames, single images, and animations that PIL reads."""

import io
from collections.abc import Iterator
from pathlib import Path

import cv2

from ..frame_times_logoformer import MIN_SIDE_PX
from ..image_reading_logoformer import (
    ANIMATED_FORMATS,
    HEAD_BYTES,
    VideoReadError,
    check_animation,
    decode_image,
    first_of_animation,
    frame_content,
    frame_files,
    is_image_file,
    is_image_head,
    opened_image,
    read_encoded_frames,
    upright_rgb,
)
from ..reading_limits_logoformer import LIMITS, plain_reason
from ..video_container_logoformer import VideoFile
from .container import FALLBACK_FPS, ContainerReader, sentence
from .frames import FootageFrame, MemoryFrame


class FolderReader:
    """
    A folder with one image per frame, in the order of the numbers in their names.

    Args:
        folder: the folder.
        fps: frames per second, which a folder does not say.

    Raises:
        VideoReadError: none of its images can be read.
    """

    start_sec = 0.0

    def __init__(self, folder: Path, fps: float):
        if not fps > 0:
            raise ValueError(f"fps={fps}: frames per second must be above zero.")
        self.name, self.fps, self._files = str(folder), fps, frame_files(folder)
        self.duration_sec = len(self._files) / fps
        self.notes: list[str] = []
        self._size: tuple[int, int] | None = None
        self._num_resized = 0
        self._opened = self._open()
        self._first = next(self._opened, None)
        if self._first is None:
            raise VideoReadError(f"{folder}: none of its images can be read ({self.notes[0].rstrip('.')}).")
        self.size = self._first.size

    def frames(self) -> Iterator[FootageFrame]:
        """The frames; `notes` is complete when they have ended."""
        if self._first is not None:
            yield self._first
            self._first = None
        yield from self._opened
        if self._num_resized:
            width, height = self.size
            resized = f"of another size {{was}} resized to {width}x{height}"
            self.notes.append(sentence(self._num_resized, "frame", resized))
        self.notes.append(f"a folder of frames says no rate; {self.fps:g} frames a second were taken.")

    def _open(self) -> Iterator[FootageFrame]:
        for index, file in enumerate(self._files):
            try:
                pixels = read_encoded_frames([file], lambda total: [0])[0][0]
            except VideoReadError as error:
                self.notes.append(f"{str(error).rstrip('.')}; this frame was left out.")
                continue
            size = (pixels.shape[1], pixels.shape[0])
            self._size = self._size or size
            if size != self._size:
                self._num_resized += 1
                pixels = cv2.resize(pixels, self._size, interpolation=cv2.INTER_AREA)
            yield MemoryFrame(index, index / self.fps, pixels)

    def close(self) -> None:
        """Ends the reading."""
        self._opened.close()  # type: ignore[attr-defined]


class PictureReader:
    """
    One image, or an animated PNG or WebP, whose frames are read one after the other.

    Raises:
        VideoReadError: no image, a damaged one, or one that passes a limit; by `frames`, too.
    """

    start_sec, fps, duration_sec = 0.0, None, None

    def __init__(self, image: VideoFile):
        self.name = str(image)
        self.notes: list[str] = []
        content = image.getvalue() if isinstance(image, io.BytesIO) else frame_content(image, 0)[0]
        self._frames = self._read(content)
        self._first = next(self._frames)
        self.size = self._first.size
        if min(self.size) < MIN_SIDE_PX:
            width, height = self.size
            raise VideoReadError(
                f"{self.name}: its pictures have {width}x{height} pixels; a side must have at least {MIN_SIDE_PX}."
            )

    def _read(self, content: bytes) -> Iterator[FootageFrame]:
        with opened_image(content, self.name) as file:
            start, num_frames = first_of_animation(file)
            if num_frames == 1 or file.format not in ANIMATED_FORMATS:
                yield MemoryFrame(0, 0.0, decode_image(content, self.name))
                return
            check_animation(file, self.name, len(content))
            time_sec = 0.0
            for index in range(num_frames):
                try:
                    file.seek(start + index)
                    pixels = upright_rgb(file, self.name, LIMITS.max_side_px)
                except Exception as error:
                    if not index:
                        raise
                    self.notes.append(f"the file breaks off after {time_sec:.2f} s ({plain_reason(error)}).")
                    return
                yield MemoryFrame(index, time_sec, pixels)
                time_sec += max(0.0, float(file.info.get("duration") or 0)) / 1000 or 1 / FALLBACK_FPS

    def frames(self) -> Iterator[FootageFrame]:
        """The frames with increasing times. `notes` is complete when they have ended."""
        yield self._first
        yield from self._frames

    def close(self) -> None:
        """Ends the reading."""
        self._frames.close()  # type: ignore[attr-defined]


FileReader = ContainerReader | FolderReader | PictureReader


def open_file(video: VideoFile, fps: float) -> FileReader:
    """
    The reader of a file, a downloaded one, or a folder of frames, which has `fps` frames per second.

    Raises:
        VideoReadError: it cannot be read.
    """
    if isinstance(video, io.BytesIO):
        return (
            PictureReader(video) if is_image_head(video.getbuffer()[:HEAD_BYTES].tobytes()) else ContainerReader(video)
        )
    if video.is_dir():
        return FolderReader(video, fps)
    return PictureReader(video) if is_image_file(video) else ContainerReader(video)
