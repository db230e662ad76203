import os
import signal
from pathlib import Path

# Processes that tests start import the package from this checkout, whichever is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")))
)
os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported
# The tests' tensors are so small that sharing one out between threads can take longer than computing it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell without job control starts programs in the background (`&`) with SIGINT ignored, and so would be what tests
# start, also those processes that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import random
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
import transformers
from dataset_trees import write_dfew_annotation, write_dfew_frames, write_ferv39k
from paths import ROOT
from toys import save_model


@pytest.fixture(autouse=True)
def global_state_kept() -> Iterator[None]:
    """
    What a test, or a library for it, changes in this process is put back: environment, folder, random states, and what
    Ctrl-C does.
    """
    environment, folder = os.environ.copy(), Path.cwd()
    verbosity, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, on_ctrl_c)
    for name in {*environment, *os.environ} - {"PYTEST_CURRENT_TEST"}:
        if name not in environment:
            del os.environ[name]
        elif os.environ.get(name) != environment[name]:
            os.environ[name] = environment[name]
    os.chdir(folder)
    transformers.logging.set_verbosity(verbosity)
    (transformers.logging.enable_progress_bar if bars else transformers.logging.disable_progress_bar)()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """A folder with a tiny model and its processor, to read from."""
    folder = tmp_path_factory.mktemp("tiny")
    save_model(folder)
    return folder


@pytest.fixture(scope="session")
def dfew_tree(tmp_path_factory) -> Path:
    """DFEW with 35 clips of 18 frames, to read from."""
    root = write_dfew_annotation(tmp_path_factory.mktemp("trees") / "DFEW")
    write_dfew_frames(root / "Clip" / "jpg_256", num_frames=18)
    return root


@pytest.fixture(scope="session")
def ferv39k_tree(tmp_path_factory) -> Path:
    """FERV39K with 42 clips of 3 frames in two scenes, to read from."""
    return write_ferv39k(tmp_path_factory.mktemp("trees") / "FERV39K")


@pytest.fixture
def media() -> Path:
    """Clips of real people, which live beside the project."""
    beside = ROOT.parent / "shared" / "media"
    folder = Path(os.environ.get("LOGOFORMER_TEST_MEDIA", beside))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: LOGOFORMER_TEST_MEDIA names the one with the real clips")
    return folder


@pytest.fixture(scope="session")
def detector_file() -> Path:
    """A face detector, which lives beside the project."""
    file = ROOT.parent / "shared" / "models" / "face_detection_yunet.onnx"
    if not file.is_file():
        pytest.skip(f"no file {file}: the face detector for tests")
    return file


@pytest.fixture
def inputs() -> Path:
    """Small inputs that are easily read wrong, which live beside the project."""
    folder = ROOT.parent / "shared" / "inputs"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: inputs that are easily read wrong")
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
