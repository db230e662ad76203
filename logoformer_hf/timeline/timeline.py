"""The timeline of a video: facts, windows and segments, and both as tables."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .grid import PAIR_SEC
from .segments import Segment
from .summary import summary_of
from .window import Window


@dataclass
class Timeline:
    """
    What was read in a video. Times are presentation times in seconds from the start of the video.

    Attributes:
        source: the video as it was given.
        duration_sec: from the start of the video to the end of the last frame that was read.
        fps: mean number of frames a second, None for fewer than two frames.
        width_px, height_px: size of the pictures, upright.
        label_names: the model's classes in the order of their numbers.
        model: name or folder of the model.
        notes: sentences for people: what the model was trained on, what the file lacks, that no face was found.
        windows: in the order of their end.
        segments: sorted by track and time.
        temperature: what the logits were divided by, None for a model without a fitted temperature.
        without_face: the spans (start, end) in which no face is tracked.
        boxes: for each track `(frames, 5)` float32 in the order of time: time in seconds, then x, y, width and height
            in pixels. A row for every frame of the grid's pairs that has the face, and for the last frame of the
            video: eight rows a second of a track by default, 20 bytes each. Not written to files.
        pair_sec: seconds from pair to pair of the grid.
    """

    source: str
    duration_sec: float
    fps: float | None
    width_px: int
    height_px: int
    label_names: Sequence[str]
    model: str
    notes: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    temperature: float | None = None
    without_face: list[tuple[float, float]] = field(default_factory=list)
    boxes: dict[int, np.ndarray] = field(default_factory=dict)
    pair_sec: float = PAIR_SEC

    def frame(self) -> pd.DataFrame:
        """
        One row a window, in the order of their end: `track_id`, `start_sec`, `end_sec`, `label`, `score` (the
        highest), `score_<class>` for each class, `x_px`, `y_px`, `width_px`, `height_px` (the face's box), `quality`,
        `is_short`. Scores of a window that was not classified are NaN. The types are the same without any window.
        """
        return windows_frame(self.windows, self.label_names)

    def summary(self) -> pd.DataFrame:
        """
        One row per track and expression, sorted by track and then seconds: `track_id`, `label`, `seconds`, `share` of
        the track's time, `episodes` (segments), `mean_score` (NaN for "unsure").
        """
        return summary_of(self.segments)


def windows_frame(windows: Iterable[Window], label_names: Sequence[str]) -> pd.DataFrame:
    """The table of `Timeline.frame` for any windows, e.g. those of a stream so far."""
    names = {name: f"score_{name}" for name in label_names}
    rows = [
        {
            "track_id": window.track_id,
            "start_sec": window.start_sec,
            "end_sec": window.end_sec,
            "label": window.label,
            "score": window.score,
            **{column: window.scores.get(name, math.nan) for name, column in names.items()},
            **dict(zip(("x_px", "y_px", "width_px", "height_px"), window.box, strict=True)),
            "quality": window.quality,
            "is_short": window.is_short,
        }
        for window in windows
    ]
    types: dict[str, Any] = {
        "track_id": "int64",
        "start_sec": "float64",
        "end_sec": "float64",
        "label": "str",
        "score": "float64",
        **dict.fromkeys(names.values(), "float64"),
        **dict.fromkeys(("x_px", "y_px", "width_px", "height_px", "quality"), "float64"),
        "is_short": "bool",
    }
    return pd.DataFrame(rows, columns=list(types)).astype(types)
