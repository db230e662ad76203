"""The whole timeline as one JSON file."""

import json
from pathlib import Path
from typing import Any

from .._files import write_text
from .facts import number_or_none, segment_values, timeline_facts, window_values
from .timeline import Timeline


def write_json_file(timeline: Timeline, path: Path) -> None:
    """Writes facts, tracks, windows, segments and summary. What is not a number is null."""
    write_text(path, json.dumps(timeline_values(timeline), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def timeline_values(timeline: Timeline) -> dict[str, Any]:
    """The content of the file."""
    windows, segments = timeline.windows, timeline.segments
    return {
        **timeline_facts(timeline),
        "tracks": sorted({window.track_id for window in windows}),
        "segments": [segment_values(segment) for segment in segments],
        "summary": summary_values(timeline),
        "windows": [window_values(window) for window in windows],
    }


def summary_values(timeline: Timeline) -> list[dict[str, Any]]:
    """The rows of the summary table."""
    rows = timeline.summary().to_dict("records")
    return [{str(name): json_value(value) for name, value in row.items()} for row in rows]


def json_value(value: Any) -> Any:
    """A value of a table: numbers of numpy as those of Python, what is not a number as None."""
    value = value.item() if hasattr(value, "item") else value
    return number_or_none(value) if isinstance(value, float) else value
