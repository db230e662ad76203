"""Cells of the page's tables."""

from collections.abc import Sequence

from scipy.stats import ttest_1samp

from ...evaluation.significance import Estimate, correct_p_values
from ...evaluation.tables import interval, percent, points
from .results import Results, Spread
from .variant import Variant


def corrected_p_values(results: Results, compared: Sequence[Variant]) -> dict[str, float]:
    """Of Student's paired t-test for each variant with at least two seeds, by its name; corrected for their number."""
    gains = {variant.name: results.gains(variant.name, variant.against) for variant in compared}
    p_values = {name: float(ttest_1samp(each, 0).pvalue) for name, each in gains.items() if len(each) > 1}
    return dict(zip(p_values, correct_p_values(list(p_values.values())), strict=True)) if p_values else {}


def spread(results: Results, variant: Variant, key: str) -> Spread:
    """Mean and standard deviation of one number over the runs of a variant."""
    return Spread.of(results.values(variant.name, key))


def plus_minus(spread: Spread, form: str, factor: float = 1.0) -> str:
    """The standard deviation as " ± ...", empty for one run."""
    return "" if spread.deviation is None else f" ± {factor * spread.deviation:{form}}"


def effect(results: Results, variant: Variant, key: str) -> str:
    """Mean and standard deviation of a number of `measure_effects`, "-" where no run has it."""
    if not len(results.values(variant.name, key)):
        return "-"
    found = spread(results, variant, key)
    return f"{found.mean:.3f}{plus_minus(found, '.3f')}"


def scores(results: Results, variant: Variant) -> list[str]:
    """UAR and WAR in percent, mean and standard deviation."""
    both = [spread(results, variant, key) for key in ("uar", "war")]
    return [f"{percent(each.mean)}{plus_minus(each, '.2f', 100)}" for each in both]


def against(estimate: Estimate | None) -> list[str]:
    """A difference in points and its interval, as two cells."""
    return ["-", "-"] if estimate is None else [points(estimate.value), interval(estimate)]
