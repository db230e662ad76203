"""Tables that read well both on GitHub and in a terminal, and how numbers stand in them."""

from collections.abc import Sequence

from .significance import Estimate


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with padded cells: names in the first column, numbers, to the right, in all others."""
    widths = [max(3, *(len(row[column]) for row in [header, *rows])) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([cells[0].ljust(widths[0]), *numbers])} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def percent(share: float | None) -> str:
    """0.5421 as the field prints it: 54.21."""
    return "-" if share is None else f"{100 * share:.2f}"


def points(difference: float | None) -> str:
    """0.0312 as percentage points with their sign: +3.12."""
    return "-" if difference is None else f"{100 * difference:+.2f}"


def interval(estimate: Estimate | None) -> str:
    """The confidence interval in percent: 53.10 to 55.32."""
    return "-" if estimate is None else f"{percent(estimate.low)} to {percent(estimate.high)}"
