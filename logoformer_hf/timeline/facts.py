"""The facts of a timeline, and its windows and segments, as values that JSON can store."""

import math
from collections.abc import Mapping
from typing import Any

from .._text import one_line, shown_name
from .segments import Segment
from .timeline import Timeline
from .window import Window

VERSION = 1


def timeline_facts(timeline: Timeline) -> dict[str, Any]:
    """What holds for the whole timeline: source, size, model, notes. Times are in seconds."""
    return {
        "version": VERSION,
        "source": one_line(str(timeline.source)),
        "duration_sec": number_or_none(timeline.duration_sec),
        "fps": number_or_none(timeline.fps),
        "width_px": timeline.width_px,
        "height_px": timeline.height_px,
        "model": shown_name(timeline.model, None),
        "label_names": list(timeline.label_names),
        "temperature": number_or_none(timeline.temperature),
        "notes": [shown_name(note, None) for note in timeline.notes],
        "without_face": [{"start_sec": start_sec, "end_sec": end_sec} for start_sec, end_sec in timeline.without_face],
    }


def window_values(window: Window) -> dict[str, Any]:
    """A window without its pixels."""
    return {
        "track_id": window.track_id,
        "start_sec": window.start_sec,
        "end_sec": window.end_sec,
        "label": window.label,
        "scores": numbers(window.scores),
        "box": dict(zip(("x_px", "y_px", "width_px", "height_px"), map(number_or_none, window.box), strict=True)),
        "quality": number_or_none(window.quality),
        "is_short": window.is_short,
        "frame_times_sec": [float(time_sec) for time_sec in window.frame_times_sec],
    }


def segment_values(segment: Segment) -> dict[str, Any]:
    """A segment."""
    return {
        "track_id": segment.track_id,
        "start_sec": segment.start_sec,
        "end_sec": segment.end_sec,
        "label": segment.label,
        "mean_score": number_or_none(segment.mean_score),
    }


def numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    """A dictionary of numbers, those that are not finite as None."""
    return {name: number_or_none(value) for name, value in values.items()}


def number_or_none(value: float | None) -> float | None:
    """A number of any type as a float, or None where it is missing or not finite, for which JSON has no number."""
    return None if value is None or not math.isfinite(value) else float(value)
