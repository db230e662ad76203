"""A timeline as text for a terminal."""

import math

from .._text import shown_name
from .cues import NO_FACE, person_name
from .timeline import Timeline

_HEADER = ("person", "expression", "seconds", "share", "episodes", "mean score")
_MAX_LABEL = 32  # characters of a label in the table


def format_timeline(timeline: Timeline, name: str, with_segments: bool) -> str:
    """
    Facts, notes and the summary table; the segments before it, if they are wanted.

    Args:
        timeline: what was read.
        name: how the video is called.
        with_segments: whether each segment stands in a line.
    """
    people = len({window.track_id for window in timeline.windows})
    lines = [f"{shown_name(name, None)}: {_count_people(people)}, {timeline.duration_sec:.1f} s"]
    lines += [f"  note: {shown_name(note, None)}" for note in timeline.notes]
    if with_segments:
        lines += format_segments(timeline)
    return "\n".join([*lines, *format_summary(timeline)])


def format_segments(timeline: Timeline) -> list[str]:
    """A line for each segment and each span without a face, in the order of time."""
    lines = [(start_sec, end_sec, NO_FACE) for start_sec, end_sec in timeline.without_face]
    for segment in timeline.segments:
        score = f" {segment.mean_score:.2f}" if math.isfinite(segment.mean_score) else ""
        text = f"{person_name(segment.track_id)}: {shown_name(segment.label)}{score}"
        lines.append((segment.start_sec, segment.end_sec, text))
    return [f"  {start_sec:9.2f} - {end_sec:9.2f} s  {text}" for start_sec, end_sec, text in sorted(lines)]


def format_summary(timeline: Timeline) -> list[str]:
    """Seconds, share, episodes and mean score of each expression of each person; no lines without a person."""
    rows = [
        (
            str(row["track_id"]),
            shown_name(row["label"], _MAX_LABEL),
            f"{row['seconds']:.1f}",
            f"{row['share']:.0%}",
            str(row["episodes"]),
            "" if math.isnan(row["mean_score"]) else f"{row['mean_score']:.2f}",
        )
        for row in timeline.summary().to_dict("records")
    ]
    if not rows:
        return []
    widths = [max(len(row[column]) for row in (_HEADER, *rows)) for column in range(len(_HEADER))]
    return [
        "  " + "  ".join(cell.rjust(width) if column != 1 else cell.ljust(width) for column, (cell, width) in cells)
        for cells in (list(enumerate(zip(row, widths, strict=True))) for row in (_HEADER, *rows))
    ]


def _count_people(number: int) -> str:
    return "nobody" if number == 0 else "1 person" if number == 1 else f"{number} people"
