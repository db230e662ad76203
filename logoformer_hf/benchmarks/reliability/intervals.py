"""How often the confidence intervals hold the truth, in test sets that are drawn with known recalls."""

import functools
import math
from collections.abc import Iterator

from ..coverage import measure_coverage
from .cases import LOSS, RIGHT, Case, Kind, Tally, Workshop

LEAST = 0.93  # of the intervals of 95 %
REPETITIONS, SHORT_REPETITIONS = 10_000, 300


def interval_cases(workshop: Workshop) -> Iterator[Case]:
    """All cells of `docs/interval_coverage.md`, in the short form those of two numbers of clips."""
    repetitions, sizes = (SHORT_REPETITIONS, (2, 20)) if workshop.is_short else (REPETITIONS, None)
    attempt = functools.partial(count_coverage, repetitions, sizes)
    yield Case("intervals that hold the truth", f"seed 1, {repetitions:,} test sets each", attempt)


def count_coverage(repetitions: int, sizes: tuple[int, ...] | None) -> Tally:
    """Counts the intervals that hold the truth often enough, and those that do not."""
    chosen = {} if sizes is None else {"clips_per_class": sizes}
    tables = measure_coverage(repetitions, seed=1, **chosen)
    least = LEAST - 3 * math.sqrt(LEAST * (1 - LEAST) / repetitions)  # what is measured has an error of its own
    tally = Tally()
    for table in tables:
        for name, cells in table.rows:
            for cell in cells:
                tally.add(RIGHT if cell.share >= least else LOSS, f"{table.title} {name}: {cell}")
    return tally


INTERVALS = Kind(
    "intervals",
    "Intervals",
    "Test sets are drawn with known recalls, as for [interval_coverage.md](interval_coverage.md), with another seed. "
    f"An attempt is one of its cells; it is as it should be if at least {100 * LEAST:.0f} % of the intervals hold the "
    "truth, less three standard errors of the measurement.",
    interval_cases,
)
