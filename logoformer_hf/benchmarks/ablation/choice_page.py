"""The page's sections on candidates for the defaults, and on what was chosen."""

from collections.abc import Sequence

import numpy as np

from ...configuration_logoformer import EXPRESSIONS
from ...evaluation.tables import interval, markdown_table, percent, points
from .candidates import CANDIDATES
from .cells import against, corrected_p_values, plus_minus, scores, spread
from .choice import COMBINATIONS, RULE, combine, compared_with
from .results import Results, mean_gain
from .variant import REFERENCE, Variant

CHOSEN_TEXT = """Trained on frame tokens, and tested on people that no choice has looked at. All but the first row are
trained by the new recipe, "joint attention" and the plain transformers with its dropout and drop path too."""
PIXELS_TEXT = "The frame encoder is trained with the rest. Tested on the same people."


def choice_sections(results: Results) -> list[str]:
    """The sections of everything that `--choose` has trained, empty without records."""
    candidates = [*CANDIDATES, *(combine(name, title, []) for name, title in COMBINATIONS.items())]
    # Names, titles and comparisons of these rows do not depend on what was chosen.
    compared = compared_with(REFERENCE)
    candidates, tokens, pixels = (
        [each for each in rows if len(results.values(each.name, "uar"))]
        for rows in (
            candidates,
            [each for each in compared if each.group == "chosen"],
            [each for each in compared if each.group == "pixels"],
        )
    )
    return [
        chosen_section(results, tokens, "What was chosen, beside other models", CHOSEN_TEXT),
        recalls_table(results, tokens) if tokens else "",
        chosen_section(results, pixels, "On pixels, from random weights", PIXELS_TEXT),
        candidates_section(results, candidates),
    ]


def candidates_section(results: Results, candidates: Sequence[Variant]) -> str:
    """
    Table of the candidates with their differences from the old defaults, on validation people.

    Args:
        results: records of all runs.
        candidates: the rows, those that have records.
    """
    if not candidates:
        return ""
    p_values = corrected_p_values(results, candidates)
    rows = []
    for variant in candidates:
        estimate = mean_gain(results.gains(variant.name, variant.against))
        calibration = spread(results, variant, "calibration_error")
        rows.append(
            [
                variant.title,
                *against(estimate),
                f"{p_values[variant.name]:.2f}" if variant.name in p_values else "-",
                f"{calibration.mean:.3f}",
                str(len(results.gains(variant.name, variant.against))),
            ]
        )
    return f"""## What might become a default

Each row changes one thing of the old defaults; the difference in UAR, in points, is from these, where a title names
nothing else. All are tested on validation people, on {machines(results, candidates)}. {RULE} A candidate that was
worse in both of its first seeds has no third one. "p" is corrected for {len(p_values)} rows (Holm); "error" is the
calibration error.

{markdown_table(["", "difference", "95 %", "p", "error", "seeds"], rows)}"""


def chosen_section(results: Results, variants: Sequence[Variant], heading: str, text: str) -> str:
    """
    Table of what was chosen beside other models, on people that no choice has looked at.

    Args:
        results: records of all runs.
        variants: the rows, those that have records.
        heading: heading of the section.
        text: what the rows have in common.
    """
    if not variants:
        return ""
    rows, titles = [], {variant.name: variant.title for variant in variants}
    for variant in variants:
        is_compared = variant.against != variant.name and variant.against in titles
        estimate = mean_gain(results.gains(variant.name, variant.against)) if is_compared else None
        effects = [spread(results, variant, key) for key in ("calibration_error", "silhouette")]
        rows.append(
            [
                variant.title,
                *scores(results, variant),
                f"{points(estimate.value)} ({interval(estimate)})" if estimate else "-",
                titles[variant.against] if estimate else "-",
                *[f"{each.mean:.3f}{plus_minus(each, '.3f')}" for each in effects],
                str(len(results.values(variant.name, "uar"))),
            ]
        )
    header = ["", "UAR", "WAR", "difference (95 %)", "from", "calibration error", "silhouette", "seeds"]
    return f"""## {heading}

{text} Trained on {machines(results, variants)}.

{markdown_table(header, rows)}"""


def recalls_table(results: Results, variants: Sequence[Variant]) -> str:
    """Mean recall of each class in percent, a row for every variant."""
    rows = []
    for variant in variants:
        confusions = [
            np.array(each["confusion_matrix"]) for each in results.records if each["variant"] == variant.name
        ]
        recalls = np.mean([each.diagonal() / each.sum(axis=1) for each in confusions], axis=0)
        rows.append([variant.title, *[percent(each) for each in recalls]])
    return markdown_table(["recall", *EXPRESSIONS], rows)


def machines(results: Results, variants: Sequence[Variant]) -> str:
    """The machines that trained the variants, as text."""
    names = {variant.name for variant in variants}
    found = sorted({each.get("machine", "") for each in results.records if each["variant"] in names} - {""})
    return " and ".join(found) or "an unknown machine"
