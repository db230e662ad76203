"""What tests of the Space share: its files, long videos, and waiting."""

import time
from collections.abc import Callable
from pathlib import Path

import av
import torch
from paths import HUB_CARD
from processes import TIMEOUT_SEC
from toys import save_model

from logoformer_hf import LogoFormerConfig, LogoFormerVideoProcessor

SPACE = HUB_CARD / "space"
AWAY, ONE, TWO = EXAMPLES = sorted((SPACE / "examples").glob("*.mp4"))


def save_sure_model(folder: Path) -> None:
    """A model that was not trained, and yet names several expressions in drawn footage; its card says drawn faces."""
    config = LogoFormerConfig.tiny(window_size=(4, 3, 3))  # windows that do not divide the grid
    model = save_model(folder, config)
    clips = sorted((HUB_CARD / "examples").glob("*.mp4"))
    with torch.inference_mode():
        embeddings = model(**LogoFormerVideoProcessor.from_config(config)(clips, return_tensors="pt")).embedding
    with torch.no_grad():  # scores follow what differs from clip to clip
        model.classifier.weight *= 200
        model.classifier.bias.copy_(-(model.classifier.weight @ embeddings.clone().mean(0)))
    model.save_pretrained(folder)
    (folder / "README.md").write_text("This model was trained on drawn faces.\n")


def loop(video: Path, path: Path, times: int) -> Path:
    """The same video several times in a row, as a new file."""
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        shift = 0
        for _ in range(times):
            source.seek(0)
            end = 0
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    end = max(end, packet.pts + packet.duration)
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    target.mux(packet)
            shift += end
    return path


def wait_until(condition: Callable[[], bool], timeout_sec: float = TIMEOUT_SEC) -> None:
    end_sec = time.monotonic() + timeout_sec
    while not condition():
        assert time.monotonic() < end_sec, f"nothing happened in {timeout_sec} s"
        time.sleep(0.05)
