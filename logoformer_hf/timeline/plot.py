"""The picture of a timeline: a band for each person, coloured by expression, with faces where expressions begin."""

import textwrap
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MultipleLocator

from .._text import short_note, shown_name, shown_names
from ..evaluation.palette import EMPTY, INK, MUTED, MUTED_ON_PAPER
from ..evaluation.plots import legend_text, save_figure
from .colours import expression_colours, paler
from .fonts import families_for
from .segments import Segment
from .thumbnails import Thumbnail, Thumbnails
from .timeline import Timeline
from .window import UNSURE, Window

PICTURE_ENDINGS = (".png", ".pdf", ".svg")
MAX_BANDS = 12  # people in a picture; of more, those seen longest

# Sizes in inches.
_WIDTH, _LEFT, _RIGHT, _TOP = 12.0, 1.35, 0.45, 0.85
_FACE, _FACE_GAP, _BAND, _ROW_GAP, _NO_FACE = 0.56, 0.06, 0.5, 0.26, 0.16
_AXIS, _LEGEND_ROW, _NOTE_ROW, _BOTTOM = 0.42, 0.26, 0.19, 0.12
_PLOT_WIDTH = _WIDTH - _LEFT - _RIGHT

_DPI = 150
_COLUMNS = 700  # of the curve of the scores over the whole width
_THIN = 0.02  # inches; a narrower segment gets an outline, so that it stays visible
_MOMENT = 0.12  # inches of a segment without a length
_TICKS_SEC = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_MAX_TICKS = 12


def check_picture_path(path: str | Path) -> None:
    """
    Raises:
        ValueError: the name of the picture ends in none of `PICTURE_ENDINGS`.
    """
    if Path(path).suffix.lower() not in PICTURE_ENDINGS:
        raise ValueError(f"{path}: a picture's name must end in {', '.join(PICTURE_ENDINGS[:-1])} or .svg.")


def plot_timeline(timeline: Timeline, path: str | Path, thumbnails: Thumbnails | None = None) -> None:
    """
    Draws a timeline: a band for each person with the colours of the expressions, the height of the dark part being the
    score, hatched where the model is unsure, empty where the person is not seen; below, where no face is seen.

    Args:
        timeline: the timeline; its segments give the colours, its windows the scores.
        path: picture to write; the ending names the format (.png, .pdf, .svg).
        thumbnails: faces to show where expressions begin, `Thumbnails.from_footage(source, timeline)`; by default
            those of the windows that have crops.

    Raises:
        ValueError: the ending names no known format.
        OSError: the picture cannot be written.
    """
    check_picture_path(path)
    thumbnails = thumbnails or Thumbnails.from_crops(timeline)
    tracks, num_others = _tracks_to_show(timeline)
    faces = {track: thumbnails.of(track) for track in tracks}
    row = _BAND + (_FACE + _FACE_GAP if any(faces.values()) else 0)
    labels = [name for name in expression_colours(timeline.label_names) if name in _labels_of(timeline, tracks)]
    notes = _notes(timeline, num_others)
    height = max(1, len(tracks)) * (row + _ROW_GAP) + (_NO_FACE + 0.1 if timeline.without_face else 0)
    below = _AXIS + _legend_height(labels) + _NOTE_ROW * len(notes) + _BOTTOM

    total = _TOP + height + below
    figure = Figure(figsize=(_WIDTH, total), dpi=_DPI, facecolor="white")
    axes = figure.add_axes((_LEFT / _WIDTH, below / total, _PLOT_WIDTH / _WIDTH, height / total))
    end_sec = _end_sec(timeline)
    for number, track in enumerate(tracks):
        top = number * (row + _ROW_GAP)
        _draw_person(axes, timeline, track, top + row - _BAND, end_sec)
        _draw_faces(axes, timeline, faces[track], track, top, end_sec)
    if not tracks:
        middle = (end_sec / 2, (row + _ROW_GAP) / 2)
        _write(axes, *middle, "No face was found", size=18, color=MUTED_ON_PAPER, ha="center", va="center")
    if timeline.without_face:
        _draw_without_face(axes, timeline.without_face, height - _NO_FACE)
    _draw_time_axis(axes, end_sec, height)
    _write_around(figure, timeline, tracks, num_others, notes, total)
    _draw_legend(figure, timeline, labels, below, total)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # no installed font has a letter: a box is drawn for it
        save_figure(figure, path)


def _tracks_to_show(timeline: Timeline) -> tuple[list[int], int]:
    """The tracks seen longest, in the order of their numbers, and how many others there are."""
    seen = _seen_sec(timeline)
    longest = sorted(seen, key=lambda track: (-seen[track], track))[:MAX_BANDS]
    return sorted(longest), len(seen) - len(longest)


def _seen_sec(timeline: Timeline) -> dict[int, float]:
    """For how many seconds each track is seen; 0 for one without segments."""
    seen = {window.track_id: 0.0 for window in timeline.windows}
    for segment in timeline.segments:
        seen[segment.track_id] = seen.get(segment.track_id, 0.0) + segment.end_sec - segment.start_sec
    return seen


def _labels_of(timeline: Timeline, tracks: Sequence[int]) -> set[str]:
    return {segment.label for segment in timeline.segments if segment.track_id in tracks}


def _end_sec(timeline: Timeline) -> float:
    """The end of the time axis: that of the video, or of what was seen if its duration is not known."""
    ends = [segment.end_sec for segment in timeline.segments] + [end for _, end in timeline.without_face]
    return max([timeline.duration_sec or 0.0, *ends, 0.1])


def _draw_person(axes: Axes, timeline: Timeline, track: int, top: float, end_sec: float) -> None:
    """A band: each segment pale over the whole height, dark up to the score."""
    bottom = top + _BAND
    scores_of = _scores_of([window for window in timeline.windows if window.track_id == track])
    segments = sorted(
        (segment for segment in timeline.segments if segment.track_id == track),
        key=lambda segment: segment.start_sec - segment.end_sec,  # the shortest on top
    )
    seen_sec = sum(segment.end_sec - segment.start_sec for segment in segments)
    colours = expression_colours(timeline.label_names)
    axes.hlines(bottom, 0, end_sec, color="#d9dbe1", linewidth=0.8, zorder=1)
    thin_sec = _THIN * end_sec / _PLOT_WIDTH
    segments = [_with_extent(segment, end_sec) for segment in segments]
    for is_unsure in (False, True):
        shown = [segment for segment in segments if (segment.label == UNSURE) == is_unsure]
        pale = [_box(segment.start_sec, segment.end_sec, top, bottom) for segment in shown]
        lines = [0.9 if segment.end_sec - segment.start_sec < thin_sec else 0.0 for segment in shown]
        ink = [colours.get(segment.label, INK) for segment in shown]
        faces = [paler(colour, 0.8 if is_unsure else 0.65) for colour in ink]
        axes.add_collection(
            PolyCollection(
                pale,
                facecolors=faces,
                edgecolors=ink if is_unsure else faces,
                linewidths=lines,
                hatch="/////" if is_unsure else None,
                zorder=2,
            )
        )
        if not is_unsure:
            areas = [_score_area(segment, scores_of, bottom, end_sec) for segment in shown]
            axes.add_collection(PolyCollection(areas, facecolors=ink, edgecolors=ink, linewidths=lines, zorder=3))
    _name_segments(axes, segments, bottom, end_sec)
    left = -0.14 * end_sec / _PLOT_WIDTH
    _write(axes, left, bottom - 0.3, f"Person {track}", size=11, ha="right", va="center", weight="bold")
    _write(
        axes, left, bottom - 0.1, f"seen {clock(seen_sec)}", size=8.5, ha="right", va="center", color=MUTED_ON_PAPER
    )


def _with_extent(segment: Segment, end_sec: float) -> Segment:
    """The segment; one of a single moment, as in a video of one frame, gets a length that can be seen."""
    if segment.end_sec > segment.start_sec:
        return segment
    length_sec = _MOMENT * end_sec / _PLOT_WIDTH
    start_sec = max(0.0, min(segment.start_sec, end_sec - length_sec))
    return replace(segment, start_sec=start_sec, end_sec=start_sec + length_sec)


def _box(start_sec: float, end_sec: float, top: float, bottom: float) -> np.ndarray:
    """The corners of a rectangle, `(4, 2)`."""
    return np.array([(start_sec, bottom), (start_sec, top), (end_sec, top), (end_sec, bottom)])


def _scores_of(windows: Sequence[Window]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each label, the times in seconds and the scores of the windows that were classified, both `(windows,)`."""
    classified = sorted((window for window in windows if window.is_classified), key=lambda window: window.center_sec)
    times = np.array([window.center_sec for window in classified])
    names = classified[0].scores if classified else ()
    return {name: (times, np.array([window.scores[name] for window in classified])) for name in names}


def _score_area(
    segment: Segment, scores_of: Mapping[str, tuple[np.ndarray, np.ndarray]], bottom: float, end_sec: float
) -> np.ndarray:
    """
    The area below the score of the segment's label, in columns, each as high as the mean of the score in it.

    Returns:
        corners `(2 * columns + 2, 2)`.
    """
    length_sec = segment.end_sec - segment.start_sec
    columns = max(1, int(np.ceil(_COLUMNS * length_sec / end_sec)))
    times, scores = scores_of.get(segment.label, (np.empty(0), np.empty(0)))
    if columns == 1 or len(times) < 2 or length_sec <= 0:
        means = np.full(1, segment.mean_score)
    else:
        fine = np.linspace(segment.start_sec, segment.end_sec, 8 * columns, endpoint=False)
        means = np.interp(fine + length_sec / (16 * columns), times, scores).reshape(columns, 8).mean(axis=1)
    edges = np.linspace(segment.start_sec, segment.end_sec, len(means) + 1)
    tops = bottom - _BAND * np.nan_to_num(means)
    upper = np.stack([edges.repeat(2)[1:-1], tops.repeat(2)], axis=1)
    return np.concatenate([[(edges[0], bottom)], upper, [(edges[-1], bottom)]])


def _name_segments(axes: Axes, segments: Sequence[Segment], bottom: float, end_sec: float) -> None:
    """Writes the label into each segment that is wide enough for it."""
    for segment in segments:
        name = shown_name(segment.label)
        width = (segment.end_sec - segment.start_sec) * _PLOT_WIDTH / end_sec
        if width > 0.1 + 0.085 * len(name):
            x = max(segment.start_sec, 0.0) + 0.06 * end_sec / _PLOT_WIDTH
            text = _write(axes, x, bottom - 0.05, name, size=8.5, va="bottom", zorder=5)
            text.set_path_effects([withStroke(linewidth=2.2, foreground="white", alpha=0.85)])


def _draw_faces(
    axes: Axes, timeline: Timeline, faces: Sequence[Thumbnail], track: int, top: float, end_sec: float
) -> None:
    """The face at the onset of episodes, the longest ones first, as many as fit side by side."""
    per_inch = end_sec / _PLOT_WIDTH
    colours = expression_colours(timeline.label_names)
    taken: list[float] = []
    segments = [segment for segment in timeline.segments if segment.track_id == track]
    for segment in sorted(segments, key=lambda s: (s.label == UNSURE, s.start_sec - s.end_sec)):
        inside = [face for face in faces if segment.start_sec <= face.time_sec <= segment.end_sec]
        left = min(segment.start_sec, end_sec - _FACE * per_inch)
        if not inside or any(abs(left - other) < (_FACE + 0.06) * per_inch for other in taken):
            continue
        taken.append(left)
        colour = colours.get(segment.label, INK)
        box = (left, left + _FACE * per_inch, top + _FACE, top)
        axes.imshow(inside[0].pixels, extent=box, aspect="auto", zorder=4, interpolation="antialiased")
        axes.add_collection(
            PolyCollection(
                [_box(box[0], box[1], box[3], box[2])], facecolors="none", edgecolors=colour, linewidths=2, zorder=5
            )
        )


def _draw_without_face(axes: Axes, spans: Sequence[tuple[float, float]], top: float) -> None:
    """A row with the spans in which nobody is seen."""
    boxes = [_box(start, end, top, top + _NO_FACE) for start, end in spans]
    axes.add_collection(PolyCollection(boxes, facecolors="#5b606d", edgecolors="#5b606d", linewidths=0.6, zorder=2))
    axes.text(
        -0.14 / _PLOT_WIDTH,
        top + _NO_FACE / 2,
        "no face",
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="center",
        fontsize=8.5,
        color=MUTED_ON_PAPER,
    )


def _draw_time_axis(axes: Axes, end_sec: float, height: float) -> None:
    """Ticks at round times, as minutes and seconds."""
    step = next((tick for tick in _TICKS_SEC if end_sec / tick <= _MAX_TICKS), end_sec / _MAX_TICKS)
    axes.set_xlim(0, end_sec)
    axes.set_ylim(height, 0)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    digits = 1 if step < 1 else 0
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time_sec, _: clock(time_sec, digits, end_sec >= 3600)))
    axes.set_yticks([])
    axes.grid(axis="x", color=EMPTY, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=9.5)


def clock(time_sec: float, digits: int = 0, with_hours: bool = False) -> str:
    """A time as minutes and seconds, `1:05`; from one hour on, or with `with_hours`, as `0:01:05`."""
    units = 10**digits
    whole = round(max(time_sec, 0) * units)
    minutes, rest = divmod(whole, 60 * units)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // units:02d}" + (f".{rest % units:0{digits}d}" if digits else "")
    return f"{hours}:{minutes:02d}:{seconds}" if hours or with_hours else f"{minutes}:{seconds}"


def _notes(timeline: Timeline, num_others: int) -> list[str]:
    """The lines at the bottom: what is not shown, and what the reader has to know."""
    notes = []
    if num_others:
        people = "1 more person was" if num_others == 1 else f"{num_others} more people were"
        notes.append(f"{people} seen for a shorter time and {'is' if num_others == 1 else 'are'} not shown.")
    notes += [short_note(str(note), str(timeline.source)) for note in timeline.notes]
    return [line for note in notes for line in textwrap.wrap(note, 150)]


def _write_around(
    figure: Figure, timeline: Timeline, tracks: Sequence[int], num_others: int, notes: Sequence[str], total: float
) -> None:
    """Title above, notes below."""
    number = len(tracks) + num_others
    people = "nobody" if not number else "1 person" if number == 1 else f"{number} people"
    name = shown_name(Path(str(timeline.source)).name or str(timeline.source), None)
    facts = [clock(_end_sec(timeline)), people, f"model {shown_name(Path(str(timeline.model)).name)}"]
    left = 0.25 / _WIDTH
    lines = [(total - 0.3, _shortened(name, 95), 13.0, INK), (total - 0.56, " · ".join(facts), 9.5, MUTED_ON_PAPER)]
    lines += [
        (_BOTTOM + _NOTE_ROW * (len(notes) - number - 0.5), note, 8.5, MUTED_ON_PAPER)
        for number, note in enumerate(notes)
    ]
    for y, text, size, colour in lines:
        figure.text(
            left,
            y / total,
            text,
            fontsize=size,
            color=colour,
            va="center",
            parse_math=False,
            family=families_for(text),
        )


def _shortened(text: str, length: int) -> str:
    """A text of at most so many characters, its middle left out."""
    return text if len(text) <= length else f"{text[: length - length // 3 - 1]}…{text[-(length // 3) :]}"


def _legend_names(labels: Sequence[str]) -> list[str]:
    """The labels as the legend has them."""
    return [legend_text(name) for name in shown_names(labels, 24)]


def _legend_columns(labels: Sequence[str]) -> int:
    """How many entries of the legend fit side by side."""
    longest = max(map(len, _legend_names(labels)))
    fitting = max(1, int((_WIDTH - 0.6) / (0.6 + 0.08 * longest)))
    rows = -(-len(labels) // fitting)
    return -(-len(labels) // rows)


def _legend_height(labels: Sequence[str]) -> float:
    """Inches that the legend needs: a line of text and its rows."""
    if not labels:
        return 0
    return _LEGEND_ROW * ((_legend_title(labels) is not None) + -(-len(labels) // _legend_columns(labels))) + 0.1


def _legend_title(labels: Sequence[str]) -> str | None:
    """What the height of a band means; None where no band has a dark part."""
    return None if set(labels) == {UNSURE} else "Height of the dark part: score of the expression, up to 100 %"


def _draw_legend(figure: Figure, timeline: Timeline, labels: Sequence[str], below: float, total: float) -> None:
    """The colours of the expressions that occur, and what the height means."""
    if not labels:
        return
    colours = expression_colours(timeline.label_names)
    handles = [
        Patch(
            facecolor=paler(colours[name], 0.8) if name == UNSURE else colours[name],
            edgecolor=colours[name],
            hatch="/////" if name == UNSURE else None,
            linewidth=0,
            label=shown,
        )
        for name, shown in zip(labels, _legend_names(labels), strict=True)
    ]
    legend = figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.12 / _WIDTH, (below - _AXIS + 0.02) / total),
        ncols=_legend_columns(labels),
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
        title=_legend_title(labels),
        title_fontsize=9,
        alignment="left",
        handlelength=1.5,
        columnspacing=1.6,
    )
    legend.get_title().set_color(MUTED_ON_PAPER)
    for text in legend.get_texts():
        text.set_parse_math(False)
        text.set_fontfamily(families_for(text.get_text()))


def _write(axes: Axes, x: float, y: float, text: str, size: float = 9, **style: Any) -> Text:
    """Writes text as it is, without formulas, in a font that has its characters."""
    style.setdefault("color", INK)
    return axes.text(x, y, text, fontsize=size, parse_math=False, family=families_for(text), **style)
