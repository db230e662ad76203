"""Timelines that were never in a video: two people, one person whose names want escaping, nobody."""

import math
from collections.abc import Sequence

from logoformer_hf.timeline.segments import Segment
from logoformer_hf.timeline.timeline import Timeline
from logoformer_hf.timeline.window import UNSURE, Window

LABELS = ("happy", "sad")


def example_window(track_id: int, start_sec: float, label: str, names: Sequence[str] = LABELS, **changes) -> Window:
    """A window of two seconds with 0.75 for its label, and nothing but NaN for "unsure"."""
    scores = {name: 0.75 if name == label else 0.25 for name in names}
    if label == UNSURE:
        scores = dict.fromkeys(names, math.nan)
    values = {"box": (10.0, 20.5, 30.0, 40.0), "quality": 0.5, "frame_times_sec": (start_sec, start_sec + 1.9)}
    return Window(track_id, start_sec, start_sec + 1.9, label, scores, **values | changes)


def two_people(source: str = "interview.mp4", names: Sequence[str] = LABELS, **changes) -> Timeline:
    """
    Person 1 from 0 to 5 s, then nobody until 6 s, person 2 from 1.0004 to 3 s beside person 1.

    Person 1 is of the first class, then "unsure"; the boundary lies between two milliseconds.
    """
    first, second = names
    facts = {
        "duration_sec": 6.0,
        "fps": 29.97,
        "width_px": 640,
        "height_px": 360,
        "label_names": list(names),
        "model": "outputs/model",
        "notes": ["This model was trained on drawn faces; it does not read people."],
        "temperature": 1.5,
        "without_face": [(5.0, 6.0)],
    }
    windows = [
        example_window(1, 0.0, first, names),
        example_window(2, 1.0, second, names, is_short=True),
        example_window(1, 3.0, UNSURE, names, frame_times_sec=()),
    ]
    segments = [
        Segment(1, 0.0, 2.5004, first, 0.75),
        Segment(1, 2.5004, 5.0, UNSURE, math.nan),
        Segment(2, 1.0004, 3.0, second, 0.75),
    ]
    return Timeline(source, **facts | changes, windows=windows, segments=segments)


def nobody(duration_sec: float = 4.0) -> Timeline:
    """A video without a face."""
    return Timeline(
        "empty.mp4",
        duration_sec=duration_sec,
        fps=None,
        width_px=64,
        height_px=48,
        label_names=list(LABELS),
        model="outputs/model",
        notes=["No face was found."],
        without_face=[(0.0, duration_sec)] if duration_sec else [],
    )
