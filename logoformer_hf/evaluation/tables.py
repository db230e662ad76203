"""Markdown tables with padded cells, the format of numbers in them, and texts of others in Markdown."""

import re
from collections.abc import Sequence

from .._text import shown_name
from .significance import Estimate

# What has a meaning in Markdown, HTML or on a page of the Hub, and how it is written to be shown as it is.
_ESCAPES = (
    (re.compile(r"\\(?=[!-/:-@\[-`{-~])"), r"\\\\"),
    (re.compile(r"[`*~$|#]|(?<!\w)_|_(?!\w)"), r"\\\g<0>"),  # an underscore inside a word says nothing
    (re.compile(r"&(?=[#\w])"), "&amp;"),
    (re.compile(r"<"), "&lt;"),
    (re.compile(r"\](?=[(\[:])"), r"\\]"),  # links and pictures
    (re.compile(r"(?<=\w):(?=//)"), "&#58;"),  # addresses become links by themselves
    (re.compile(r"(?i)(?<=www)\."), "&#46;"),
    (re.compile(r"@"), "&#64;"),
)


def plain_text(text: object) -> str:
    """
    A name or text of others as Markdown that shows it literally: no markup, HTML, link or picture, in one line.

    Names without such characters stay as they are.
    """
    shown = shown_name(text, None) if str(text).strip() else ""
    for pattern, replacement in _ESCAPES:
        shown = pattern.sub(replacement, shown)
    return shown


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with padded cells: names in the first column, right-aligned numbers in all others."""
    widths = [max(3, *(len(row[column]) for row in [header, *rows])) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([cells[0].ljust(widths[0]), *numbers])} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def percent(share: float | None) -> str:
    """A share from 0 to 1 in percent: 0.5421 becomes "54.21", None "-"."""
    return "-" if share is None else f"{100 * share:.2f}"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points with a sign: 0.0312 becomes "+3.12", None "-"."""
    return "-" if difference is None else f"{100 * difference:+.2f}"


def interval(estimate: Estimate | None) -> str:
    """The confidence interval in percent: "53.10 to 55.32", None "-"."""
    return "-" if estimate is None else f"{percent(estimate.low)} to {percent(estimate.high)}"
