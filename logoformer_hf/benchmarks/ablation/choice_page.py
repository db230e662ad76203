"""The page's sections on what might become a default, and on what was chosen."""

from collections.abc import Sequence

import numpy as np

from ...configuration_logoformer import EXPRESSIONS
from ...evaluation.significance import CONFIDENCE, correct_p_values
from ...evaluation.tables import interval, markdown_table, percent, points
from .candidates import CANDIDATES, LEFT_OUT
from .cells import against, corrected_p_values, effect, scores, spread
from .comparison import compared_with
from .decays import DECAY_RULE, decay_rows
from .design import FIRST, RULE, SECOND, Design, choose, third_design
from .results import Results, mean_gain
from .variant import REFERENCE, Variant

CHOSEN_TEXT = """Trained on frame tokens, and tested on people that no choice has looked at. All but the first row are
trained by the new recipe where no row says otherwise, "joint attention" and the plain transformers with its dropout
and drop path too. "With a temperature" is the calibration error where each half of the clips gets the temperature
that fits the other half, as a training fits one to its validation clips."""
PIXELS_TEXT = "The frame encoder is trained with the rest. Tested on the same people."


def choice_sections(results: Results) -> list[str]:
    """The sections of everything that `--choose` has trained, empty without records."""
    # Names, titles and comparisons of these rows do not depend on what was chosen.
    compared = compared_with(REFERENCE)
    candidates, tokens, pixels = (
        [each for each in rows if len(results.values(each.name, "uar"))]
        for rows in (
            CANDIDATES,
            [each for each in compared if each.group == "chosen"],
            [each for each in compared if each.group == "pixels"],
        )
    )
    return [
        chosen_section(results, tokens, "What was chosen, beside other models", CHOSEN_TEXT),
        recalls_table(results, tokens) if tokens else "",
        chosen_section(results, pixels, "On pixels, from random weights", PIXELS_TEXT),
        designs_section(results),
        decays_section(results),
        left_out_section(results),
        candidates_section(results, candidates),
    ]


def designs_section(results: Results) -> str:
    """The designs with the effects of their factors, on validation people; empty before there are enough runs."""
    third = third_design(choose(SECOND.effects(results)))
    tables = [design_table(results, *each) for each in ((SECOND, "second"), (third, "third"))]
    if not any(tables):
        return ""
    return "\n\n".join(
        [
            f"""## What might become a default

Designed experiments. In every run half of the changes are made together, and every run has another seed; an effect is
the difference between the half of the runs with a change and the half without it (fractions of resolution IV: what two
changes do together is not mistaken for what one does, and is part of the noise). Tested on validation people. The
second experiment has what did no clear harm in the first one, and decides: {RULE} In the third one what the second
chose is always on; it decides nothing. The UAR is in points; "p" is corrected for the number of changes of the
experiment (Holm). {first_sentence(results)}""",
            *filter(None, tables),
        ]
    )


def first_sentence(results: Results) -> str:
    """What the first design found, in a sentence; empty before there are enough runs."""
    found = FIRST.effects(results)
    if not found:
        return ""
    p_values = correct_p_values([each.p_value for each in found])
    largest = max(found, key=lambda each: abs(each.uar.value))
    return f"""Of the {len(found)} changes of the first one ({len(FIRST.done(results))} of {FIRST.num_runs} runs)
{sum(p_value < 1 - CONFIDENCE for p_value in p_values)} are beyond chance; the largest effect has
"{largest.factor.title}": {points(largest.uar.value)} ({interval(largest.uar)}, not corrected)."""


def design_table(results: Results, design: Design, which: str) -> str:
    """The effects of a design's factors, and what the second one chooses; empty before there are enough runs."""
    found = design.effects(results)
    if not found:
        return ""
    p_values = correct_p_values([each.p_value for each in found])
    decides = design is SECOND
    chosen = choose(found)
    rows = [
        [
            each.factor.title,
            *against(each.uar),
            f"{p_value:.2f}",
            f"{each.calibration_error.value:+.3f}",
            f"{each.calibration_error.low:+.3f} to {each.calibration_error.high:+.3f}",
            *(["yes" if each.factor in chosen else "-"] if decides else []),
        ]
        for each, p_value in zip(found, p_values, strict=True)
    ]
    header = [f"{which} experiment", "UAR", "95 %", "p", "calibration error", "95 %", *(["chosen"] if decides else [])]
    done = len(design.done(results))
    return f"""The {which} one: {done} of {design.num_runs} runs.

{markdown_table(header, rows)}"""


def decays_section(results: Results) -> str:
    """Table of the weight decays with the seed that does worst; empty without at least two pairs."""
    rows = []
    for variant in decay_rows(()):
        gains = results.gains(variant.name, variant.against)
        if len(gains) < 2:
            continue
        worst = percent(results.values(variant.name, "uar").min())
        uar, _ = scores(results, variant)
        cells = ["-", "-"] if variant.name == variant.against else against(mean_gain(gains))
        error = effect(results, variant, "calibration_error")
        rows.append([variant.title, uar, worst, *cells, error, str(len(gains))])
    if not rows:
        return ""
    header = ["weight decay", "UAR", "lowest", "difference", "95 %", "calibration error", "seeds"]
    return f"""## How much weight decay

With what else the second experiment chose. Tested on validation people; differences, in points, from the first row.
{DECAY_RULE}

{markdown_table(header, rows)}"""


def left_out_section(results: Results) -> str:
    """Table of the compact losses where a class has no training clips; empty without at least two pairs."""
    rows = []
    for variant in LEFT_OUT:
        if len(results.values(variant.name, "uar")) < 2:
            continue
        measures = ("unknown_auroc", "uar", "mean_average_precision")
        cells = [variant.title.partition(", ")[2], *[effect(results, variant, key) for key in measures]]
        gain = mean_gain(results.gains(variant.name, variant.against, "unknown_auroc"))
        if gain is None or variant.name == variant.against:
            cells.append("-")
        else:
            cells.append(f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
        rows.append([*cells, str(len(results.values(variant.name, "uar")))])
    if not rows:
        return ""
    header = ["compact loss", "AUROC", "UAR of the others", "retrieval", "AUROC, difference (95 %)", "runs"]
    return f"""## A class that was not trained on

One class is left out of the training clips, another one with each seed. "AUROC" is how well the largest score tells
its clips from the others (0.5 by chance), "retrieval" the mean average precision of finding clips of the same class by
the cosine of embeddings. Tested on validation people.

{markdown_table(header, rows)}"""


def candidates_section(results: Results, candidates: Sequence[Variant]) -> str:
    """
    Table of the candidates with their differences from the old defaults, on validation people.

    Args:
        results: records of all runs.
        candidates: the rows, those that have at least two pairs.
    """
    candidates = [each for each in candidates if len(results.gains(each.name, each.against)) > 1]
    if not candidates:
        return ""
    p_values = corrected_p_values(results, candidates)
    rows = []
    for variant in candidates:
        gains = results.gains(variant.name, variant.against)
        error = spread(results, variant, "calibration_error").mean
        p_value = f"{p_values[variant.name]:.2f}"
        rows.append([variant.title, *against(mean_gain(gains)), p_value, f"{error:.3f}", str(len(gains))])
    return f"""## Single changes

Each row changes one thing of the old defaults; the difference in UAR, in points, is from these, where a title names
nothing else. All are tested on validation people, on {machines(results, candidates)}. "p" is corrected for
{len(p_values)} rows (Holm); "error" is the calibration error.

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
        rows.append(
            [
                variant.title,
                *scores(results, variant),
                f"{points(estimate.value)} ({interval(estimate)})" if estimate else "-",
                titles[variant.against] if estimate else "-",
                *[effect(results, variant, key) for key in ("calibration_error", "calibrated_error", "silhouette")],
                str(len(results.values(variant.name, "uar"))),
            ]
        )
    header = ["", "UAR", "WAR", "difference (95 %)", "from"]
    header += ["calibration error", "with a temperature", "silhouette", "seeds"]
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
