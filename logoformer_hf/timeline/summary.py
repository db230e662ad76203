"""The table of how long and how often each person showed each expression."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pandas as pd

from .segments import Segment

_TYPES: dict[str, Any] = {
    "track_id": "int64",
    "label": "str",
    "seconds": "float64",
    "share": "float64",
    "episodes": "int64",
    "mean_score": "float64",
}


def summary_of(segments: Sequence[Segment]) -> pd.DataFrame:
    """
    One row per track and label: `seconds`, `share` of the time of all segments of the track, `episodes` (number of
    segments), `mean_score` (mean over the segments by their length; NaN for "unsure").

    Args:
        segments: in any order; of any number of tracks.

    Returns:
        Rows sorted by track, then seconds, the longest first. The types are the same without any segment.
    """
    grouped: dict[tuple[int, str], list[Segment]] = defaultdict(list)
    track_sec: dict[int, float] = defaultdict(float)
    for segment in segments:
        grouped[segment.track_id, segment.label].append(segment)
        track_sec[segment.track_id] += segment.duration_sec
    rows: list[dict[str, Any]] = []
    for (track_id, label), group in grouped.items():
        seconds = sum(segment.duration_sec for segment in group)
        # A track of one frame has segments without length: then all count alike.
        weights = [segment.duration_sec if seconds > 0 else 1.0 for segment in group]
        weighted = sum(weight * segment.mean_score for weight, segment in zip(weights, group, strict=True))
        rows.append(
            {
                "track_id": track_id,
                "label": label,
                "seconds": seconds,
                "share": seconds / track_sec[track_id] if track_sec[track_id] > 0 else 1.0,
                "episodes": len(group),
                "mean_score": weighted / sum(weights),
            }
        )
    rows.sort(key=lambda row: (row["track_id"], -row["seconds"], row["label"]))
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)
