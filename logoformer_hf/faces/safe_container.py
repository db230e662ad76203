"""Reads the frames of a video file in a child process, with the limits of `safe_reading_logoformer.py`."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..downloading_logoformer import DownloadedVideo
from ..reading_limits_logoformer import VideoReadError
from ..safe_reading_logoformer import Channel, return_child, take_child
from .frames import FootageFrame
from .pictures import open_file


class SafeContainerReader:
    """
    As `open_file`, in a child process. The pixels of a frame come over when they are asked for.

    Raises:
        VideoReadError: as `open_file`; also by `frames` and a frame's pixels where reading needs too much time
            or memory, or ends the child.
    """

    def __init__(self, video: Path | DownloadedVideo, fps: float):
        self.name = str(video)
        self.notes: list[str] = []
        self._dropped: list[int] = []  # frames that nobody has any more
        self._kept: weakref.WeakSet[SafeFrame] = weakref.WeakSet()
        self._child = take_child()
        self._child.name = self.name
        self._is_open = True
        self._lock = threading.Lock()  # frames are decoded in one thread, and their pixels asked for in another
        content = video.getvalue() if isinstance(video, DownloadedVideo) else None
        try:
            answer = self._ask(self.name, content, fps)
        except BaseException:
            self.close()
            raise
        self.size: tuple[int, int] = (answer["width_px"], answer["height_px"])
        self.fps: float | None = answer["fps"]
        self.duration_sec: float | None = answer["duration_sec"]
        self.start_sec: float = answer["start_sec"]

    def _ask(self, *call: Any) -> dict[str, Any]:
        self._child.call("faces.safe_container", "serve_footage", *call)
        return self._child.receive()[0]

    def _request(self, request: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
        with self._lock:
            self._child.send(request)
            return self._child.receive()

    def frames(self) -> Iterator[FootageFrame]:
        """The frames with increasing times. `notes` is complete when they have ended."""
        while True:
            dropped, self._dropped = self._dropped, []
            answer, _ = self._request({"next": dropped})
            if "notes" in answer:
                self.notes += answer["notes"]
                return
            frame = SafeFrame(answer["index"], answer["time_sec"], self)
            self._kept.add(frame)
            weakref.finalize(frame, self._dropped_later, answer["index"])
            yield frame
            del frame

    def _dropped_later(self, index: int) -> None:
        self._dropped.append(index)

    def pixels_of(self, index: int) -> np.ndarray:
        """`(height, width, 3)` of a frame that is still there."""
        if not self._is_open:
            raise VideoReadError(f"{self.name}: it was closed, and this frame was not read.")
        return self._request({"pixels": index})[1]

    def close(self) -> None:
        """Ends the reading. Frames that somebody still has keep their pixels."""
        if not self._is_open:
            return
        with suppress(VideoReadError):  # it has ended before
            for frame in list(self._kept) if self._child.is_waiting else []:
                frame.pixels  # noqa: B018
        self._is_open = False
        with suppress(VideoReadError):
            if self._child.is_waiting:
                self._request({"close": True})
        return_child(self._child)


class SafeFrame(FootageFrame):
    """A frame in a child process."""

    def __init__(self, index: int, time_sec: float, reader: SafeContainerReader):
        super().__init__(index, time_sec)
        self._reader = reader

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._reader.size

    def _convert(self) -> np.ndarray:
        return self._reader.pixels_of(self.index)


def serve_footage(channel: Channel, name: str, content: bytes | None, fps: float) -> None:
    """In a child: reads a file, or a downloaded video, frame by frame as the other process asks for them."""
    reader = open_file(Path(name) if content is None else DownloadedVideo(name, content), fps)
    width, height = reader.size
    channel.send(
        {
            "width_px": width,
            "height_px": height,
            "fps": reader.fps,
            "duration_sec": reader.duration_sec,
            "start_sec": reader.start_sec,
        }
    )
    frames = reader.frames()
    kept: dict[int, FootageFrame] = {}
    while "close" not in (request := channel.receive()):
        if "pixels" in request:
            channel.send({}, kept[request["pixels"]]._convert())  # the other process keeps them
            continue
        for index in request["next"]:
            kept.pop(index, None)
        frame = next(frames, None)
        if frame is None:
            channel.send({"notes": reader.notes})
        else:
            kept[frame.index] = frame
            channel.send({"index": frame.index, "time_sec": frame.time_sec})
    reader.close()
    channel.send({"is_ready": True})
