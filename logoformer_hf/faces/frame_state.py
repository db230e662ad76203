"""Frames that wait as plain data."""

from typing import Any

from .frames import FootageFrame, MemoryFrame


def frame_state(frame: FootageFrame, is_needed: bool) -> dict[str, Any]:
    """A frame as plain data; without its pixels where they are not needed."""
    return {
        "index": frame.index,
        "time_sec": frame.time_sec,
        "pixels": frame.pixels if is_needed else None,
    }


def frame_from(state: dict[str, Any]) -> FootageFrame:
    """The inverse of `frame_state`."""
    if state["pixels"] is None:
        return FootageFrame(state["index"], state["time_sec"])
    return MemoryFrame(state["index"], state["time_sec"], state["pixels"])
