"""Opens video files and downloaded videos with PyAV, and converts their decoded frames to RGB."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

import av
import av.video.reformatter
import numpy as np

from .image_reading_logoformer import VideoReadError, first_line

# A downloaded video is held in memory while it is read.
MAX_DOWNLOAD_MB = 1000
DOWNLOAD_TIMEOUT_SEC = 30  # without a byte received


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
