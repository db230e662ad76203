"""The panel below the picture of an overlay: the scores of the last seconds of each person, and the legend."""

from collections.abc import Sequence

import numpy as np

from .._text import short_note, shown_name
from ..evaluation.palette import CARD, EMPTY, INK, LINE, MUTED_ON_PAPER
from .colours import UNSURE_COLOUR, expression_colours, paler, rgb_of
from .drawing import Colour, fill, shortened_to, text_size, write
from .overlay_person import Person
from .plot import clock
from .timeline import Timeline
from .window import UNSURE

CHART_SEC = 10.0
MAX_ROWS = 4
_MAX_NOTE_LINES = 3
_MAX_LEGEND_LINES = 4

_CARD, _INK, _MUTED, _LINE = (rgb_of(colour) for colour in (CARD, INK, MUTED_ON_PAPER, LINE))
_UNSURE, _PALE = rgb_of(UNSURE_COLOUR), rgb_of(paler(UNSURE_COLOUR, 0.75))
_NOT_SEEN = rgb_of(EMPTY)


class Panel:
    """
    Draws the panel for any moment.

    Args:
        timeline: what is shown.
        people: its tracks.
        width_px: width of the picture.
        text_px: size of the text.
        max_height_px: height that the rows of people should not exceed; there is room for one at least.

    Attributes:
        height_px: height of the panel.
    """

    def __init__(self, timeline: Timeline, people: Sequence[Person], width_px: int, text_px: int, max_height_px: int):
        self._text_px, self._small_px = text_px, max(10, round(0.85 * text_px))
        self._pad, self._line = text_px // 2, round(1.4 * text_px)
        self._row, self._gap = 4 * text_px, max(2, text_px // 3)
        self._width = width_px
        most = min(MAX_ROWS, max(1, max_height_px // (self._row + self._gap)))
        self._rows, self._num_left_out = _rows_of(people, most)
        colours = expression_colours(timeline.label_names)
        # A row for every class, one for "not seen" after them.
        self._lookup = np.array([*(rgb_of(colours[name]) for name in timeline.label_names), _NOT_SEEN], dtype=np.uint8)
        numbers = [f"Person {person.track_id}" for row in self._rows for person in row]
        names = max((text_size(number, text_px, True)[0] for number in numbers), default=0)
        self._chart_left = self._pad + min(names, width_px // 3) + self._pad
        self._chart_width = width_px - self._chart_left - self._pad
        self._people, self._without_face = list(people), list(timeline.without_face)
        self._blank = self._draw_blank(timeline, {name: rgb_of(colour) for name, colour in colours.items()})
        self.height_px = self._blank.shape[0]

    def _draw_blank(self, timeline: Timeline, colours: dict[str, Colour]) -> np.ndarray:
        """What is the same in every frame: legend, notes, time axis."""
        legend = self._place_legend([*colours])
        note_lines = self._wrap_notes(timeline)
        top = self._pad + len(self._rows) * (self._row + self._gap)
        axis = self._line if self._rows else 0
        lines = 1 + (legend[-1][2] + 1 if legend else 0) + len(note_lines)
        height = top + axis + lines * self._line + self._pad
        blank = np.full((height + height % 2, self._width, 3), _CARD, dtype=np.uint8)
        if self._rows:
            self._draw_axis(blank, top)
        self._status_top = top + axis
        top = self._status_top + self._line
        for name, left, line in legend:
            y = top + line * self._line
            side = round(0.8 * self._text_px)
            swatch = blank[y + (self._line - side) // 2 :][:side, left : left + side]
            swatch[:] = colours[name]
            if name == UNSURE:
                swatch[_hatch(*swatch.shape[:2])] = _PALE
            label = shortened_to(shown_name(name), self._small_px, self._width // 2)
            write(blank, label, left + side + self._pad // 2, y + self._middle(self._small_px), self._small_px, _INK)
        top += (lines - 1 - len(note_lines)) * self._line
        for number, text in enumerate(note_lines):
            write(blank, text, self._pad, top + number * self._line, self._small_px, _MUTED)
        return blank

    def _middle(self, size_px: int) -> int:
        """Where in a line of the panel text of a size begins."""
        return (self._line - round(1.25 * size_px)) // 2

    def _place_legend(self, names: Sequence[str]) -> list[tuple[str, int, int]]:
        """Name, left edge and line of each entry of the legend, as many as there is room for."""
        if not self._rows:
            return []
        placed, left, line = [], self._pad, 0
        for name in names:
            label = shortened_to(shown_name(name), self._small_px, self._width // 2)
            width = round(0.8 * self._text_px) + self._pad // 2 + text_size(label, self._small_px)[0]
            if left + width > self._width - self._pad and left > self._pad:
                left, line = self._pad, line + 1
            if line == _MAX_LEGEND_LINES:
                break
            placed.append((name, left, line))
            left += width + 2 * self._pad
        return placed

    def _wrap_notes(self, timeline: Timeline) -> list[str]:
        """The notes of the timeline in lines; what does not fit is left out, word by word from the end."""
        notes = [short_note(str(note), str(timeline.source)) for note in timeline.notes]
        words = " ".join(notes).split()
        lines = self._wrap(words)
        if len(lines) <= _MAX_NOTE_LINES:
            return lines
        words = " ".join(lines[:_MAX_NOTE_LINES]).split()
        while len(words) > 1 and len(lines := self._wrap([*words, "…"])) > _MAX_NOTE_LINES:
            words.pop()
        return lines[:_MAX_NOTE_LINES]

    def _wrap(self, words: Sequence[str]) -> list[str]:
        """Words in lines as wide as the panel; a longer word loses its end."""
        width, lines = self._width - 2 * self._pad, [""]
        for word in words:
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and text_size(longer, self._small_px)[0] > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return [shortened_to(line, self._small_px, width) for line in lines if line]

    def _draw_axis(self, blank: np.ndarray, top: int) -> None:
        """The times below the charts."""
        for ago_sec in (10, 5, 0):
            text = f"\N{MINUS SIGN}{ago_sec} s" if ago_sec else "now"
            width = text_size(text, self._small_px)[0]
            x = self._chart_left + round((1 - ago_sec / CHART_SEC) * (self._chart_width - 1))
            fill(blank, x, top - self._gap, 1, self._gap + 2, _MUTED)
            left = min(max(x - width // 2, self._chart_left), self._width - self._pad - width)
            write(blank, text, left, top + 1, self._small_px, _MUTED)

    def draw(self, pixels: np.ndarray, time_sec: float) -> None:
        """Draws the panel of a moment into `(height_px, width_px, 3)` uint8."""
        pixels[:] = self._blank
        for number, row in enumerate(self._rows):
            begun = [person for person in row if person.start_sec <= time_sec]
            if not begun or begun[-1].end_sec < time_sec - CHART_SEC:
                continue
            top = self._pad + number * (self._row + self._gap)
            self._draw_row(pixels[top : top + self._row], begun[-1], time_sec)
        write(pixels, self._status(time_sec), self._pad, self._status_top, self._text_px, _INK)

    def _status(self, time_sec: float) -> str:
        """The time, and what the charts do not show."""
        parts = [clock(time_sec, 1)]
        if not self._people:
            parts.append("No face was found")
        elif any(start_sec <= time_sec < end_sec for start_sec, end_sec in self._without_face):
            parts.append("no face")
        if self._num_left_out:
            parts.append(f"without a chart: {self._num_left_out}")
        return "   ".join(parts)

    def _draw_row(self, pixels: np.ndarray, person: Person, time_sec: float) -> None:
        """Number, label and chart of a person; pale while the person is not seen."""
        label = person.label_at(time_sec)
        width = self._chart_left - 2 * self._pad
        name = shortened_to(f"Person {person.track_id}", self._text_px, width, True)
        middle = self._row // 2 - self._line
        write(pixels, name, self._pad, middle, self._text_px, _INK if label else _MUTED, True)
        state = shortened_to(shown_name(label or "not seen"), self._small_px, width)
        write(pixels, state, self._pad, middle + self._line, self._small_px, _INK if label else _MUTED)
        chart = pixels[:, self._chart_left : self._chart_left + self._chart_width]
        # The columns stay where they are in time and move as a whole: nothing flickers.
        per_sec = self._chart_width / CHART_SEC
        columns = int(np.floor(time_sec * per_sec)) - np.arange(self._chart_width)[::-1]
        self._draw_chart(chart, *person.scores_at(columns / per_sec), columns)

    def _draw_chart(self, chart: np.ndarray, scores: np.ndarray, is_unsure: np.ndarray, columns: np.ndarray) -> None:
        """
        The scores of all classes, one above the other from the first class at the bottom, hatched where unsure.

        Args:
            chart: `(height, columns, 3)` to draw into.
            scores: `(columns, classes)`, NaN where there are none.
            is_unsure: `(columns,)`.
            columns: numbers of the columns since the start of the video.
        """
        height = chart.shape[0]
        from_bottom = height - np.arange(height, dtype=np.float32)[:, None] - 0.5  # (height, 1)
        tops = np.cumsum(scores, axis=1, dtype=np.float32) * height  # (columns, classes)
        index = (from_bottom > tops.T[:-1, None]).sum(axis=0, dtype=np.uint8)  # (height, columns)
        index[:, np.isnan(tops[:, 0])] = len(self._lookup) - 1
        chart[:] = self._lookup[index]
        if is_unsure.any():
            is_line = (np.arange(height)[:, None] + columns) % 8 < 4
            is_blank = is_unsure & np.isnan(tops[:, 0])
            chart[is_line & is_unsure] = _PALE
            chart[~is_line & is_blank] = _UNSURE
        chart[[0, -1]] = _LINE


def _hatch(height: int, width: int) -> np.ndarray:
    """Slanted stripes, `(height, width)` bool."""
    return np.asarray(np.add.outer(np.arange(height), np.arange(width)) % 8 < 4)


def _rows_of(people: Sequence[Person], most: int) -> tuple[list[list[Person]], int]:
    """
    Distributes people over rows: those who are seen longest first, one after the other where they are never seen at
    the same time.

    Returns:
        the people of each row in the order of time, and how many had no room.
    """
    rows: list[list[Person]] = []
    num_left_out = 0
    for person in sorted(people, key=lambda each: (each.start_sec - each.end_sec, each.track_id)):
        free = [row for row in rows if all(_are_apart(person, other) for other in row)]
        if free:
            free[0].append(person)
        elif len(rows) < most:
            rows.append([person])
        else:
            num_left_out += 1
    for row in rows:
        row.sort(key=lambda each: each.start_sec)
    return sorted(rows, key=lambda row: row[0].track_id), num_left_out


def _are_apart(person: Person, other: Person) -> bool:
    return person.start_sec > other.end_sec or other.start_sec > person.end_sec
