import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported
# The tests' tensors are so small that sharing one out between threads can take longer than computing it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from paths import ROOT


@pytest.fixture
def media() -> Path:
    """Clips of real people, which live beside the project."""
    beside = ROOT.parent / "shared" / "media"
    folder = Path(os.environ.get("LOGOFORMER_TEST_MEDIA", beside))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: LOGOFORMER_TEST_MEDIA names the one with the real clips")
    return folder


@pytest.fixture(scope="session")
def write_video():
    """Function that writes a video in which no two frames are alike."""
    return _write_video


def _write_video(
    path: Path,
    num_frames: int,
    codec: str = "libx264",
    size: tuple[int, int] = (64, 48),
    pix_fmt: str = "yuv420p",
    container_format: str | None = None,
    rotation: int = 0,
    seed: int = 0,
    **options: str,
) -> Path:
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV's FFmpeg has no encoder {codec}")
    width, height = size
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    picture = blocks.repeat(8, axis=0).repeat(8, axis=1)
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=Fraction(25), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(num_frames):
            frame = np.roll(picture, 3 * number, axis=1)
            frame[:8] = 255 * number // num_frames
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path
