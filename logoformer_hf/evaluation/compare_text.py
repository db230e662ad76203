"""Formats a comparison of two models as sentences and tables."""

from collections.abc import Callable, Sequence

import numpy as np

from .compare import Comparison, SeedComparison
from .significance import Estimate, correct_p_values
from .tables import markdown_table, percent, plain_text, points

SIGNIFICANT = 0.05  # a difference with a smaller p value is significant; 1 - CONFIDENCE


def format_comparison(comparison: Comparison, written: Callable[[str], str] = plain_text) -> str:
    """
    The comparison as Markdown with padded tables, also for a terminal.

    Args:
        comparison: the comparison.
        written: how names are written: for Markdown, or `shown_name` for a terminal.
    """
    a, b = comparison.a, comparison.b
    chosen = "".join(f", {letter}{run.mark}" for letter, run in (("A", a), ("B", b)) if run.mark)
    lines = [f"A: {written(comparison.name_a)}{a.mark}  ", f"B: {written(comparison.name_b)}{b.mark}", ""]
    lines += [f"{written(note)}\n" for note in comparison.notes]
    if a.selection != b.selection:
        lines += [f"A's epoch was chosen otherwise ({a.selection}) than B's ({b.selection}): that alone can matter.\n"]
    num_pairs = len(comparison.seeds)
    of_war = correct_p_values([pair.mcnemar.p_value for pair in comparison.seeds])
    of_uar = correct_p_values([pair.uar_p_value for pair in comparison.seeds])
    for pair, war_p_value, uar_p_value in zip(comparison.seeds, of_war, of_uar, strict=True):
        seed = f"seed {pair.seed_a}" if pair.seed_a == pair.seed_b else f"seed {pair.seed_a} and {pair.seed_b}"
        lines += [
            f"{written(a.data.dataset_name)}, {seed}, {pair.num_clips:,} clips, percent{chosen}:",
            "",
            _table(pair, written),
            "",
        ]
        lines += [*_verdict(pair, war_p_value, uar_p_value), ""]
    if num_pairs > 1:
        lines += [f"The p values are corrected for {num_pairs} pairs of seeds (Holm), the intervals are not.\n"]
        lines += [_over_seeds(comparison.seeds), ""]
    return "\n".join(lines)


def _verdict(pair: SeedComparison, war_p_value: float, uar_p_value: float) -> list[str]:
    """
    One sentence on WAR and one on UAR: which model is better, and whether the difference is significant. The p values
    are corrected for the number of pairs of seeds.
    """
    said = []
    for name, difference, p_value, reason in (
        ("WAR", pair.war_difference, war_p_value, "McNemar"),
        ("UAR", pair.uar_difference, uar_p_value, f"95 % interval {_interval(pair.uar_difference)}"),
    ):
        p = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
        if p_value < SIGNIFICANT:
            said.append(f"{_better(difference)} points of {name}, more than chance would give ({p}, {reason}).")
        else:
            tied = f"{points(difference.value)} points, {p}, {reason}"
            said.append(f"By {name} they cannot be told apart ({tied}).")
    return said


def _interval(difference: Estimate) -> str:
    return f"{points(difference.low)} to {points(difference.high)}"


def _better(difference: Estimate) -> str:
    return f"{'B' if difference.value > 0 else 'A'} is better by {100 * abs(difference.value):.2f}"


def _over_seeds(seeds: Sequence[SeedComparison]) -> str:
    parts = []
    for name in ("uar", "war"):
        differences = [getattr(pair, f"{name}_difference").value for pair in seeds]
        deviation = percent(np.std(differences, ddof=1))
        parts.append(f"{points(np.mean(differences))} points of {name.upper()} (standard deviation {deviation})")
    return f"Mean of B - A over {len(seeds)} seeds: {', '.join(parts)}."


def _table(pair: SeedComparison, written: Callable[[str], str]) -> str:
    rows = [
        [name, percent(a), percent(b), points(difference.value), _interval(difference)]
        for name, a, b, difference in (
            ("UAR", pair.uar_a, pair.uar_b, pair.uar_difference),
            ("WAR", pair.war_a, pair.war_b, pair.war_difference),
        )
    ]
    for name, a in pair.recall_a.items():
        b = pair.recall_b[name]
        rows.append(
            [
                f"recall of {written(name)}",
                percent(a),
                percent(b),
                points(None if a is None or b is None else b - a),
                "",
            ]
        )
    test = pair.mcnemar
    rows.append(["clips only it has right", str(test.only_a), str(test.only_b), f"{test.only_b - test.only_a:+d}", ""])
    return markdown_table(["", "A", "B", "B - A", "95 % interval"], rows)
