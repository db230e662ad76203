"""Windows as a few arrays, for the saved state of a reading."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .window import UNSURE, Window


def windows_state(windows: Sequence[Window]) -> dict[str, Any]:
    """Windows of the same classes without their crops, one array for each attribute."""
    names = list(windows[0].scores) if windows else []
    numbers = {name: number for number, name in enumerate(names)}
    times = [window.frame_times_sec for window in windows]
    return {
        "label_names": names,
        "track_id": np.array([window.track_id for window in windows], dtype=np.int64),
        "span_sec": np.array([(window.start_sec, window.end_sec) for window in windows]).reshape(-1, 2),
        # -1 stands for "unsure".
        "label": np.array([numbers.get(window.label, -1) for window in windows], dtype=np.int64),
        "scores": np.array([list(window.scores.values()) for window in windows]).reshape(len(windows), len(names)),
        "box": np.array([window.box for window in windows]).reshape(-1, 4),
        "quality": np.array([window.quality for window in windows]),
        "is_short": np.array([window.is_short for window in windows], dtype=bool),
        "num_times": np.array([len(each) for each in times], dtype=np.int64),
        "times_sec": np.array([time_sec for each in times for time_sec in each]),
    }


def windows_from_state(state: Mapping[str, Any]) -> list[Window]:
    """The inverse of `windows_state`."""
    names = list(state["label_names"])
    counts = np.asarray(state["num_times"])
    times = np.split(np.asarray(state["times_sec"]), np.cumsum(counts)[:-1]) if len(counts) else []
    windows = []
    for row, frame_times in enumerate(times):
        label = int(state["label"][row])
        start_sec, end_sec = state["span_sec"][row].tolist()
        x, y, width, height = state["box"][row].tolist()
        windows.append(
            Window(
                track_id=int(state["track_id"][row]),
                start_sec=start_sec,
                end_sec=end_sec,
                label=UNSURE if label < 0 else names[label],
                scores=dict(zip(names, state["scores"][row].tolist(), strict=True)),
                box=(x, y, width, height),
                quality=float(state["quality"][row]),
                is_short=bool(state["is_short"][row]),
                frame_times_sec=tuple(frame_times.tolist()),
            )
        )
    return windows
