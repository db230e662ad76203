"""
The designed experiment: 32 runs in each of which half of the factors are on. Every run says something of every factor,
so that a difference is one of 16 runs from 16 others, where rows that change one thing would need 16 pairs each.

The design is a fraction of 2^16 of resolution IV (Box, Hunter and Hunter, *Statistics for Experimenters*, chapter 6):
no factor is confounded with another one, or with what two factors do together. The first 16 runs are a balanced
experiment of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from ...evaluation.significance import CONFIDENCE, Estimate
from .factors import FACTORS, Factor, combine
from .results import Results
from .variant import Variant

NUM_RUNS = 32
_NUM_BASIC = 5
_FEWEST_SPARE = 5  # runs more than there are unknowns, by which the noise is known


def levels() -> np.ndarray:
    """Whether a factor is on (1) or off (-1) in a run, `(NUM_RUNS, 16)`: products of 1, 3 or 5 basic columns."""
    numbers = np.arange(NUM_RUNS)
    bits = 1 - 2 * ((numbers[:, None] >> np.arange(_NUM_BASIC)) & 1)  # (runs, basic columns)
    words = [word for length in (1, 3, 5) for word in combinations(range(_NUM_BASIC), length)]
    columns = np.stack([bits[:, word].prod(axis=1) for word in words], axis=1)
    # By the last column, the product of all basic ones, which no factor uses: each half of the runs is balanced.
    return columns[np.argsort(-columns[:, -1], kind="stable")]


def runs() -> list[tuple[Variant, int]]:
    """The variant of every run and its seed, another one for each."""
    design = levels()
    planned = []
    for number in range(NUM_RUNS):
        on = [factor for factor, level in zip(FACTORS, design[number], strict=False) if level > 0]
        name = run_name(number)
        planned.append((combine(name, f"run {number + 1} of the design", on, against=name), number))
    return planned


def run_name(number: int) -> str:
    """Name of the variant of a run."""
    return f"design_{number:02d}"


def num_done(results: Results) -> int:
    """How many runs of the design there are."""
    names = {each["variant"] for each in results.records}
    return sum(run_name(number) in names for number in range(NUM_RUNS))


@dataclass(frozen=True)
class Effect:
    """
    What a factor does: mean of the runs with it minus mean of the runs without it.

    Attributes:
        factor: the factor.
        uar: its effect on the UAR, 0 to 1, with Student's interval.
        p_value: of no effect on the UAR, not corrected.
        calibration_error: its effect on the expected calibration error.
    """

    factor: Factor
    uar: Estimate
    p_value: float
    calibration_error: Estimate


def effects(results: Results) -> list[Effect]:
    """
    The effects of all factors by least squares over the runs that there are; what factors do together is part of the
    noise. Empty where the runs are hardly more than the factors.
    """
    records = {each["variant"]: each for each in results.records}
    done = [number for number in range(NUM_RUNS) if run_name(number) in records]
    if len(done) < len(FACTORS) + 1 + _FEWEST_SPARE:
        return []
    design = levels()[done][:, : len(FACTORS)]

    def estimate(key: str) -> tuple[list[Estimate], np.ndarray]:
        return least_squares(design, np.array([records[run_name(number)][key] for number in done]))

    (uars, p_values), (errors, _) = estimate("uar"), estimate("calibration_error")
    return [Effect(*each) for each in zip(FACTORS, uars, map(float, p_values), errors, strict=True)]


def least_squares(design: np.ndarray, values: np.ndarray) -> tuple[list[Estimate], np.ndarray]:
    """
    Effects of columns, the difference between 1 and -1, with Student's intervals, and their p values `(columns,)`.

    Args:
        design: `(runs, columns)` of 1 and -1, with more runs than columns and one.
        values: `(runs,)`.
    """
    with_mean = np.column_stack([np.ones(len(design)), design])
    solved, *_ = np.linalg.lstsq(with_mean, values, rcond=None)
    freedom = len(values) - with_mean.shape[1]
    variance = ((values - with_mean @ solved) ** 2).sum() / freedom
    errors = 2 * np.sqrt(variance * np.linalg.inv(with_mean.T @ with_mean).diagonal())[1:]
    found = 2 * solved[1:]
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * errors
    p_values = 2 * stats.t.sf(np.abs(found / errors), freedom)
    return [Estimate(*map(float, each)) for each in zip(found, found - reach, found + reach, strict=True)], p_values


SMALLEST_GAIN = 0.005  # of UAR, 0 to 1
LARGEST_LOSS, CALIBRATION_GAIN = 0.0025, 0.02
RULE = (
    f"A factor becomes a default where its effect on the UAR is at least {100 * SMALLEST_GAIN:g} points, or where it "
    f"lowers the calibration error by {CALIBRATION_GAIN:g} and does not cost {100 * LARGEST_LOSS:g} points of UAR."
)


def choose(found: Sequence[Effect]) -> list[Factor]:
    """The factors that become defaults by `RULE`, which was fixed before the runs."""
    return [
        each.factor
        for each in found
        if each.uar.value >= SMALLEST_GAIN
        or (each.calibration_error.value <= -CALIBRATION_GAIN and each.uar.value > -LARGEST_LOSS)
    ]
