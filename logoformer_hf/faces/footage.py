"""Footage: the frames of a video, one after the other, with their presentation times."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from ..downloading_logoformer import download_video, is_address
from ..image_reading_logoformer import VideoReadError, first_line
from .frames import FootageFrame, MemoryFrame
from .opencv import quiet_opencv
from .pictures import open_file
from .safe_container import SafeContainerReader

__all__ = ["FOLDER_FPS", "Footage", "FootageFrame", "FootageInfo", "MemoryFrame"]

logger = logging.getLogger(__name__)

# The rate of a folder of frames, which says nothing about it.
FOLDER_FPS = 25.0


@dataclass(frozen=True)
class FootageInfo:
    """
    What is known about footage before its frames are read.

    Attributes:
        name: path, address, or "camera 0".
        width_px: width of the upright frames with square pixels.
        height_px: their height.
        fps: average frames per second; None where the file does not say.
        duration_sec: as the file says, which may be wrong; None where it does not.
        start_sec: the file's own time of the start of its presentation; time 0 of the frames.
        is_live: whether frames come from a camera.
    """

    name: str
    width_px: int
    height_px: int
    fps: float | None
    duration_sec: float | None
    start_sec: float
    is_live: bool = False


class _Reader(Protocol):
    """One kind of source."""

    info: FootageInfo
    notes: list[str]

    def frames(self) -> Iterator[FootageFrame]: ...

    def close(self) -> None: ...


class Footage:
    """
    Opens a file, a folder of frames, an address or a camera, and reads it once from start to end.

    Frames have increasing times. Damaged footage is read as far as it goes; what was lost stands in `notes`. Iterating
    a second time goes on where the first time ended. Nothing but the frames that the caller keeps stays in memory.

    Args:
        source: path of a file in any format of FFmpeg, folder with one image per frame, address (`http://`,
            `https://`), or number of a camera (an int, or digits that are no existing path).
        fps: frames per second of a folder of frames.
        safe_decode: reads files in a child process with limits on memory and time, see `safe_reading_logoformer.py`.

    Attributes:
        info: size, rate and duration.
        notes: sentences about what was lost or odd; complete when the frames have ended.

    Raises:
        VideoReadError: it cannot be opened, or has no frames; one sentence.
    """

    def __init__(self, source: str | Path | int, fps: float = FOLDER_FPS, safe_decode: bool = False):
        self._reader = _open_reader(source, fps, safe_decode)
        self.info, self.notes = self._reader.info, self._reader.notes
        self._frames = self._reader.frames()

    def __iter__(self) -> Iterator[FootageFrame]:
        return self._frames

    def __enter__(self) -> "Footage":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file or the camera."""
        self._reader.close()


def camera_index(source: str | Path | int) -> int | None:
    """The number of a camera: an int, or digits that are no existing path; None for other sources."""
    if isinstance(source, int):
        return source
    text = str(source)
    return int(text) if text.isascii() and text.isdigit() and not Path(text).exists() else None


def _open_reader(source: str | Path | int, fps: float, safe_decode: bool) -> _Reader:
    index = camera_index(source)
    if index is not None:
        if index < 0:  # OpenCV would take the first camera, or end the process
            raise VideoReadError(f"camera {index}: the number of a camera must be 0 or more.")
        return _CameraReader(index)
    if is_address(source):
        return _FileReader(download_video(str(source)), fps, safe_decode)
    if not str(source):
        raise VideoReadError("'' is the name of no video: give a file, a folder of frames, an address or a camera.")
    path = Path(str(source))
    try:
        if path.is_dir():
            return _FileReader(path, fps, safe_decode)
        if not path.exists():
            reason = "the link leads to nothing" if path.is_symlink() else "there is no such file or folder"
            raise VideoReadError(f"{path}: {reason}.")
        if not path.is_file():
            raise VideoReadError(f"{path}: it is a pipe or a device, not a file.")
        if path.stat().st_size == 0:
            raise VideoReadError(f"{path}: the file is empty.")
    except OSError as error:  # no permission
        raise VideoReadError(f"{path}: {first_line(error)}") from error
    return _FileReader(path, fps, safe_decode)


class _FileReader:
    """A file, a downloaded one, or a folder of frames."""

    def __init__(self, video: Any, fps: float, safe_decode: bool):
        self._container = SafeContainerReader(video, fps) if safe_decode else open_file(video, fps)
        width, height = self._container.size
        self.notes = self._container.notes
        self.info = FootageInfo(
            self._container.name,
            width,
            height,
            self._container.fps,
            self._container.duration_sec,
            self._container.start_sec,
        )

    def frames(self) -> Iterator[FootageFrame]:
        return self._container.frames()

    def close(self) -> None:
        self._container.close()


class _CameraReader:
    """A camera; times are those of a clock that starts with the first frame."""

    def __init__(self, index: int):
        self.notes: list[str] = []
        with quiet_opencv():
            self._camera = cv2.VideoCapture(index)
            is_read, first = self._camera.read() if self._camera.isOpened() else (False, None)
        self._name = f"camera {index}"
        if not is_read or first is None:
            self.close()
            raise VideoReadError(f"{self._name}: no such camera, or it gives no pictures; is it plugged in and free?")
        self._first: np.ndarray | None = first
        rate = float(self._camera.get(cv2.CAP_PROP_FPS))
        self._start = time.monotonic()
        self.info = FootageInfo(
            self._name, first.shape[1], first.shape[0], rate if rate > 0 else None, None, 0.0, is_live=True
        )

    def frames(self) -> Iterator[FootageFrame]:
        """Ends with a note when the camera gives no more frames: what was seen until then is kept."""
        index, last_sec = 0, -1.0
        while True:
            if self._first is not None:
                picture, time_sec, self._first = self._first, 0.0, None
            else:
                with quiet_opencv():
                    is_read, picture = self._camera.read()
                time_sec = time.monotonic() - self._start
                if not is_read or picture is None:
                    self.notes.append(f"{self._name} gave no more pictures after {max(last_sec, 0.0):.1f} s.")
                    return
            if time_sec <= last_sec:
                continue
            last_sec = time_sec
            yield MemoryFrame(index, time_sec, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            index += 1

    def close(self) -> None:
        self._camera.release()
