"""One chart per person as HTML: what the face showed when, in step with the video above it."""

import html
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from pictures import data_uri

from logoformer_hf.timeline.colours import expression_colours, ink_on
from logoformer_hf.timeline.segments import Segment
from logoformer_hf.timeline.timeline import Timeline
from logoformer_hf.timeline.window import UNSURE, Window

WIDTH = 1000  # of a chart, in its own units, over the whole video
ROW_HEIGHT = 10
HIGHEST = 0.94  # of a row: where a score of 1 ends
MAX_POINTS = 1000  # of a curve; of more windows the highest scores are drawn
MOST_SUMMARY = 3  # expressions in the line beside a face
# In the place of a face that was never good enough to be classified.
NO_FACE = np.full((112, 112, 3), 215, np.uint8)


def people_charts(timeline: Timeline, faces: dict[int, np.ndarray], duration_sec: float, is_done: bool) -> str:
    """
    A chart for each person.

    Args:
        timeline: what was read so far.
        faces: a picture of each person, `(height, width, 3)` uint8, by track.
        duration_sec: what the charts' width stands for.
        is_done: whether the charts can be clicked: their values come with the page then.
    """
    windows: dict[int, list[Window]] = defaultdict(list)
    segments: dict[int, list[Segment]] = defaultdict(list)
    for window in timeline.windows:
        windows[window.track_id].append(window)
    for segment in timeline.segments:
        segments[segment.track_id].append(segment)
    shares = shares_of(timeline)
    colours = expression_colours(timeline.label_names)
    charts = (
        person_chart(
            track_id,
            windows[track_id],
            segments[track_id],
            summary_line(windows[track_id], shares[track_id]),
            colours,
            faces.get(track_id, NO_FACE),
            duration_sec,
            is_done,
        )
        for track_id in sorted(windows)
    )
    return "".join(charts)


def person_chart(
    track_id: int,
    windows: Sequence[Window],
    segments: Sequence[Segment],
    summary: str,
    colours: dict[str, str],
    face: np.ndarray,
    duration_sec: float,
    is_done: bool,
) -> str:
    """Face, summary, and chart of one person: a band of expressions, below it a curve of each expression's score."""
    names = [name for name in colours if name != UNSURE]
    name = f"Person {track_id}"
    rows = "".join(f"<span>{html.escape(label)}</span>" for label in names)
    curves = "".join(
        f'<path d="{curve(windows, label, duration_sec, row)}" fill="{colours[label]}"/>'
        f'<line x1="0" x2="{WIDTH}" y1="{(row + 1) * ROW_HEIGHT}" y2="{(row + 1) * ROW_HEIGHT}"/>'
        for row, label in enumerate(names)
    )
    band = "".join(segment_block(segment, duration_sec, colours) for segment in segments)
    slider = (
        f'role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="{duration_sec:.2f}" aria-valuenow="0" '
        f'aria-label="{name}, time in seconds. Arrow keys move, Enter shows the frames."'
        if is_done
        else ""
    )
    return (
        f'<section class="person" data-track="{track_id}" style="--duration: {max(duration_sec, 1e-3):.4f}; '
        f'--rows: {len(names)}" aria-label="{name}">'
        f'<header><img src="{data_uri(face)}" alt="Face of person {track_id}"><div><h3>{name}</h3>'
        f"<p>{html.escape(summary)}</p></div></header>"
        f'<div class="chart"><div class="names" aria-hidden="true"><span class="first">shows</span>{rows}</div>'
        f'<div class="plot" {slider}><div class="band" aria-hidden="true">{band}</div>'
        f'<svg viewBox="0 0 {WIDTH} {ROW_HEIGHT * len(names)}" preserveAspectRatio="none" aria-hidden="true">'
        f'{curves}</svg><i class="chosen"></i><i class="playhead"></i></div></div>'
        f"{segment_list(name, segments) + values_of(windows) if is_done else ''}</section>"
    )


def values_of(windows: Sequence[Window]) -> str:
    """Start, end, label and score of each window, for `page.js`."""
    values = [
        [round(window.start_sec, 3), round(window.end_sec, 3), window.label, rounded(window.score)]
        for window in windows
    ]
    return f'<textarea class="values" hidden aria-hidden="true">{html.escape(json.dumps(values))}</textarea>'


def curve(windows: Sequence[Window], label: str, duration_sec: float, row: int) -> str:
    """The area below the scores of one label, as the data of an SVG path; gaps where nothing was classified."""
    bottom = (row + 1) * ROW_HEIGHT
    every = -(-len(windows) // MAX_POINTS)
    areas = []
    for run in classified_runs(windows):
        groups = [run[first : first + every] for first in range(0, len(run), every)]
        points = [(group[len(group) // 2].center_sec, max(each.scores[label] for each in group)) for group in groups]
        # A window speaks for the time around its middle; the first and the last of a person also for the ends.
        points.insert(0, (run[0].start_sec if run[0] is windows[0] else run[0].center_sec, points[0][1]))
        points.append((run[-1].end_sec if run[-1] is windows[-1] else run[-1].center_sec, points[-1][1]))
        line = " ".join(
            f"L{x_of(second, duration_sec):.1f} {bottom - score * HIGHEST * ROW_HEIGHT:.2f}"
            for second, score in points
        )
        first_x, last_x = (x_of(points[end][0], duration_sec) for end in (0, -1))
        areas.append(f"M{first_x:.1f} {bottom} {line} L{last_x:.1f} {bottom}Z")
    return "".join(areas)


def classified_runs(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Successive windows with scores, divided where the person was away."""
    run: list[Window] = []
    for window in windows:
        if run and (not window.is_classified or window.start_sec > run[-1].end_sec):
            yield run
            run = []
        if window.is_classified:
            run.append(window)
    if run:
        yield run


def x_of(second: float, duration_sec: float) -> float:
    """The place of a time in the chart."""
    return WIDTH * min(max(second / max(duration_sec, 1e-3), 0.0), 1.0)


def segment_block(segment: Segment, duration_sec: float, colours: dict[str, str]) -> str:
    """A segment in the band of expressions; its name shows where it has room."""
    left, right = x_of(segment.start_sec, duration_sec) / WIDTH, x_of(segment.end_sec, duration_sec) / WIDTH
    colour = colours[segment.label]
    kind = ' class="unsure"' if segment.label == UNSURE else ""
    return (
        f'<b{kind} style="left: {left:.3%}; width: {max(right - left, 0.002):.3%}; background-color: {colour}; '
        f'color: {ink_on(colour)}" title="{html.escape(segment_text(segment))}">{html.escape(segment.label)}</b>'
    )


def segment_list(name: str, segments: Sequence[Segment]) -> str:
    """The band of expressions as text, for those who do not see it, folded away."""
    items = "".join(f"<li>{html.escape(segment_text(segment))}</li>" for segment in segments)
    return f"<details><summary>{name} as text</summary><ol>{items}</ol></details>"


def segment_text(segment: Segment) -> str:
    """E.g. "0:01.2 to 0:04.0: happy, mean score 81 %"."""
    score = "" if segment.label == UNSURE else f", mean score {segment.mean_score:.0%}"
    return f"{clock(segment.start_sec)} to {clock(segment.end_sec)}: {segment.label}{score}"


def shares_of(timeline: Timeline) -> dict[int, list[str]]:
    """What each person shows for how much of the time, the longest first."""
    shares: dict[int, list[str]] = defaultdict(list)
    for row in timeline.summary().to_dict("records"):
        shares[row["track_id"]].append(f"{row['label']} {row['share']:.0%}")
    return shares


def summary_line(windows: Sequence[Window], shares: Sequence[str]) -> str:
    """When a person was seen, and what for how much of that time."""
    span = f"{clock(min(w.start_sec for w in windows))} to {clock(max(w.end_sec for w in windows))}"
    return f"{span} · {', '.join(shares[:MOST_SUMMARY])}" if shares else span


def clock(second: float) -> str:
    """Minutes, seconds and tenths: "1:02.5"."""
    tenths = round(10 * second)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def rounded(score: float) -> float | None:
    """A score for JSON, which knows no NaN."""
    return None if np.isnan(score) else round(score, 3)
