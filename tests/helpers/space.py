"""What tests of the Space share: its files, long videos, and waiting."""

import time
from collections.abc import Callable
from pathlib import Path

import av
from paths import HUB_CARD
from processes import TIMEOUT_SEC

SPACE = HUB_CARD / "space"
AWAY, ONE, TWO = EXAMPLES = sorted((SPACE / "examples").glob("*.mp4"))


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
