"""
Designed experiments: runs in each of which half of the factors are on. Every run says something of every factor, so
that a difference is one between both halves of all runs; rows that change one thing would need as many pairs each.

A design is a fraction of resolution IV (Box, Hunter and Hunter, *Statistics for Experimenters*, chapter 6): no factor
is confounded with another one, or with what two factors do together, which is part of the noise. Hence two of them:
the first one finds what does harm, and the second one is without that. The third one asks what else pays beside what
the second one chose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from ...evaluation.significance import CONFIDENCE, Estimate
from .factors import Factor, combine, factors
from .results import Results
from .variant import Variant

_FEWEST_SPARE = 5  # runs more than there are unknowns, by which the noise is known


@dataclass(frozen=True)
class Design:
    """
    A designed experiment.

    Attributes:
        name: beginning of its runs' names.
        factors: its factors, fewer than half of its runs.
        num_runs: number of runs, a power of 2.
        first_seed: seed of its first run; every run has another one.
        base: factors that are on in all runs.
    """

    name: str
    factors: tuple[Factor, ...]
    num_runs: int
    first_seed: int
    base: tuple[Factor, ...] = ()

    def levels(self) -> np.ndarray:
        """
        Whether a factor is on (1) or off (-1) in a run, `(runs, factors)`: products of an odd number of basic columns.
        """
        numbers, num_basic = np.arange(self.num_runs), self.num_runs.bit_length() - 1
        bits = 1 - 2 * ((numbers[:, None] >> np.arange(num_basic)) & 1)  # (runs, basic columns)
        words = [word for length in range(1, num_basic + 1, 2) for word in combinations(range(num_basic), length)]
        columns = np.stack([bits[:, word].prod(axis=1) for word in words], axis=1)
        # By the last column, which no factor uses: each half of the runs is balanced.
        return columns[np.argsort(-columns[:, -1], kind="stable")][:, : len(self.factors)]

    def run_name(self, number: int) -> str:
        """Name of the variant of a run, counted from 0."""
        return f"{self.name}_{number:02d}"

    def runs(self) -> list[tuple[Variant, int]]:
        """The variant of every run and its seed."""
        planned = []
        for number, row in enumerate(self.levels()):
            on = [*self.base, *(factor for factor, level in zip(self.factors, row, strict=True) if level > 0)]
            name = self.run_name(number)
            planned.append(
                (combine(name, f"run {number + 1} of {self.name}", on, against=name), self.first_seed + number)
            )
        return planned

    def done(self, results: Results) -> list[int]:
        """The numbers of the runs that there are."""
        names = {each["variant"] for each in results.records}
        return [number for number in range(self.num_runs) if self.run_name(number) in names]

    def effects(self, results: Results) -> list["Effect"]:
        """
        The effects of all factors by least squares over the runs that there are. Empty where these are hardly more
        than the factors.
        """
        done = self.done(results)
        if len(done) < len(self.factors) + 1 + _FEWEST_SPARE:
            return []
        records = {each["variant"]: each for each in results.records}

        def estimate(key: str) -> tuple[list[Estimate], np.ndarray]:
            values = np.array([records[self.run_name(number)][key] for number in done])
            return least_squares(self.levels()[done], values)

        (uars, p_values), (errors, _) = estimate("uar"), estimate("calibration_error")
        return [Effect(*each) for each in zip(self.factors, uars, map(float, p_values), errors, strict=True)]


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


FIRST = Design(
    "design",
    factors(
        *("mixup", "frame_windows", "frame_summaries", "offsets", "summary_places", "content", "average", "compact"),
        *("smoothing", "dropout", "drop_path", "weight_decay", "free_positions", "start"),
    ),
    num_runs=32,
    first_seed=0,
)
SECOND = Design(
    "second",
    factors("mixup", "average", "summary_places", "weight_decay", "dropout", "no_drop_path", "frame_windows"),
    num_runs=16,
    first_seed=100,
)


def third_design(chosen: Sequence[Factor]) -> Design:
    """The third experiment, beside what the second one chose: what was not in that, or lost among more."""
    tried = factors("second_mlp", "wide_mlp", "cutmix_time", "erasing", "unit_center", "offsets", "content")
    return Design("third", tried, num_runs=16, first_seed=200, base=tuple(chosen))


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
    f"A change becomes a default where its effect on the UAR is at least {100 * SMALLEST_GAIN:g} points, or where it "
    f"lowers the calibration error by {CALIBRATION_GAIN:g} and does not cost {100 * LARGEST_LOSS:g} points of UAR."
)


def choose(found: Sequence[Effect]) -> list[Factor]:
    """The factors that become defaults by `RULE`."""
    return [
        each.factor
        for each in found
        if each.uar.value >= SMALLEST_GAIN
        or (each.calibration_error.value <= -CALIBRATION_GAIN and each.uar.value > -LARGEST_LOSS)
    ]
