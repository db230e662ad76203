"""
How much weight decay, where the second experiment chose more than before: its two levels do not say where the best one
is.
"""

from collections.abc import Sequence

from .design import SMALLEST_GAIN
from .factors import Factor, combine, factors
from .results import Results
from .variant import Variant

(HIGH_DECAY,) = factors("weight_decay")
_BEFORE = 0.05
_LEVELS = (_BEFORE, 0.15, 0.3, 0.5)
DECAY_RULE = (
    f"The smallest one is taken whose mean UAR is less than {100 * SMALLEST_GAIN:g} points below the highest mean."
)


def _decay(level: float) -> Factor:
    return Factor("", f"weight decay {level:g} instead of {_BEFORE:g}", recipe={"weight_decay": level})


def decay_rows(others: Sequence[Factor]) -> tuple[Variant, ...]:
    """
    A row for each weight decay.

    Args:
        others: factors that are on in all of them.
    """
    against = f"decay_{_BEFORE:g}"
    return tuple(
        combine(f"decay_{level:g}", f"{level:g}", [*others, _decay(level)], against=against) for level in _LEVELS
    )


def choose_decay(results: Results) -> list[Factor]:
    """The weight decay that becomes a default by `DECAY_RULE`; empty where it stays what it was."""
    means = [results.values(row.name, "uar").mean() for row in decay_rows(())]
    level = next(level for level, mean in zip(_LEVELS, means, strict=True) if mean > max(means) - SMALLEST_GAIN)
    return [] if level == _BEFORE else [_decay(level)]
