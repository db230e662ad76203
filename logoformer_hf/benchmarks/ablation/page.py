"""Writes the page of an ablation: tables, pictures, and the commands that produce them."""

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..._files import write_text
from ...configuration_logoformer import EXPRESSIONS
from ...evaluation.plots import plot_projections
from ...evaluation.predictions import PREDICTIONS_FILE, read_predictions
from ...evaluation.projection import project
from ...evaluation.significance import CONFIDENCE, Estimate, uar_war_estimates
from ...evaluation.tables import markdown_table
from .benchmark import describe_difficulty
from .budget import BUDGETS, Budget
from .cells import against, corrected_p_values, effect, scores
from .choice_page import choice_sections
from .pictures import plot_costs, plot_differences
from .results import Results, mean_gain, num_seeds
from .training import RECIPE, TOKEN_LEARNING_RATE
from .variant import REFERENCE, Variant
from .variants import VARIANTS

GENERATED = "<!-- What stands above is written by hand, and kept when the page is written anew. -->"
EFFECTS = {
    "intra_class_distance": "intra-class distance",
    "inter_class_distance": "inter-class distance",
    "distance_ratio": "their ratio",
    "silhouette": "silhouette",
    "mean_average_precision": "retrieval",
    "calibration_error": "calibration error",
}
# Fields in which variants of the compact loss may differ from the reference.
TITLE = "# What does each part of the model contribute?"
AS_REFERENCE = {name: getattr(REFERENCE, name) for name in ("name", "title", "compact_loss", "compact_loss_weight")}


def write_page(page: Path, results: Results, output_dir: Path) -> None:
    """
    Writes the page and its pictures from the existing records.

    Args:
        page: Markdown file. Its text above the line `GENERATED` is kept.
        results: records of all runs so far.
        output_dir: folder with the predictions of the runs, for the projection; without them the picture is kept.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    budget = Budget(**results.facts["budget"])
    sections = choice_sections(results)
    if len(results.values(REFERENCE.name, "uar")):
        sections += [parts_section(page, budget, results), effects_section(page, results, output_dir)]
    sections += [models_section(page, budget, results)] if results.costs else []
    sections += [protocol(budget, results), how_to(budget, results)]
    above, found, _ = page.read_text().partition(GENERATED) if page.exists() else ("", "", "")
    above = above if found else f"{TITLE}\n\n"
    below = "\n\n".join(wrap(section) for section in sections if section)
    write_text(page, f"{above}{GENERATED}\n\n{below}\n")
    print(f"{page}: {len(results.records)} runs.")


def wrap(section: str) -> str:
    """Wraps paragraphs at 120 characters; headings, tables, pictures and commands are unchanged."""
    return "\n\n".join(
        part if part.startswith(("#", "|", "!", "```")) else textwrap.fill(part, 120, break_on_hyphens=False)
        for part in section.split("\n\n")
    )


def protocol(budget: Budget, results: Results) -> str:
    """How all runs were trained and compared, and how many there are."""
    planned = {(variant.name, seed) for variant in VARIANTS for seed in range(budget.seeds)}
    num_done = len(planned & {(each["variant"], each["seed"]) for each in results.records})
    num_more = len(results.records) - num_done
    return f"""## How it was measured

The clips are drawn faces ({describe_difficulty("`")}), not photographs: the results apply to them only. There are
{budget.num_train_clips:,} to train on, with the class frequencies of DFEW, and {budget.num_test_clips:,} each of
other people to choose by (validation) and of people that no choice has looked at (test),
{budget.num_test_clips // len(EXPRESSIONS)} of each class. All train by the recipe `modern`, with every class
equally often in an epoch, at a learning rate of {TOKEN_LEARNING_RATE:g} on frame tokens; where no row says
otherwise, as that recipe was before these choices: no mixtures of clips, a weight decay of {RECIPE["weight_decay"]:g},
and keys without places of summaries. The last epoch is tested. UAR is
the mean of the recalls; WAR weighs them by the frequencies of the training clips. "±" is the standard deviation over
runs. A difference, in points, is the mean over the seeds that both have on the same frame encoder (over several ones,
of the mean over these), with Student's 95 % interval; it is not always the difference of the two means.
{beyond_chance(results)}{noise(results)}

Frame tokens are those of a frozen frame encoder, a small ResNet that was trained to predict action units from single
frames of other people and replaces the field's pretraining on faces: the variants differ only in what follows it.
{encoder_sentence(results)}Models are 32 wide, on the grid of `base`, 16 x 7 x 7 tokens.

Written by `python -m logoformer_hf.benchmarks.ablation{"" if budget.name == "full" else f" --{budget.name}"}` from
`{results.file.name}`, which has a line for every run: {num_done} of the
{len(planned)} planned ones are there{f", and {num_more} further ones" if num_more else ""}."""


def beyond_chance(results: Results) -> str:
    """Sentences on significance when corrected for the number of parts, and on the seeds that a difference takes."""
    p_values = parts_p_values(results)
    if not p_values:
        return ""
    found = [f'"{variant.title}"' for variant in VARIANTS if p_values.get(variant.name, 1) < 1 - CONFIDENCE]
    said = f"those of {' and '.join(found)} are" if found else "none is"
    return f"""The interval of a row is of that row alone, and "p" is corrected for {len(p_values)} differences of
parts (Holm): {said} beyond chance at 5 %. {seeds_needed(results)}"""


def seeds_needed(results: Results) -> str:
    """A sentence on how many seeds a difference takes, empty where pairs do not scatter."""
    if not (deviation := pair_deviation(results)):
        return ""
    seeds = [num_seeds(difference, deviation) for difference in (0.01, 0.02, 0.03)]
    return f"""The differences of seeds scatter by {100 * deviation:.1f} points (standard deviation, pooled over the
rows): one planned comparison, not corrected, finds a true difference of 1, 2 or 3 points in 80 of 100 cases with
{seeds[0]}, {seeds[1]} or {seeds[2]} seeds. """


def parts_p_values(results: Results) -> dict[str, float]:
    """`corrected_p_values` of the parts."""
    return corrected_p_values(results, [variant for variant in trained(results, "parts") if variant is not REFERENCE])


def pair_deviation(results: Results) -> float:
    """Standard deviation of paired differences of UAR, pooled over all parts with at least two pairs."""
    compared = [variant for variant in trained(results, "parts") if variant is not REFERENCE]
    gains = [results.gains(variant.name, variant.against) for variant in compared]
    squares = [((each - each.mean()) ** 2).sum() for each in gains if len(each) > 1]
    return float(np.sqrt(sum(squares) / sum(len(each) - 1 for each in gains if len(each) > 1)))


def noise(results: Results) -> str:
    """A sentence on the uncertainty by the choice of test clips, from the first run of the reference."""
    records = [record for record in results.records if record["variant"] == REFERENCE.name]
    if not records:
        return ""
    uar, _ = uar_war_estimates([np.array(records[0]["confusion_matrix"])])
    half = 50 * (uar.high - uar.low)
    return f"Other test clips would change a UAR by ±{half:.1f} points (95 % interval), for all models together."


def parts_section(page: Path, budget: Budget, results: Results) -> str:
    """Table and picture of the group "parts"."""
    table, lines = compare_parts(results)
    if lines:
        plot_differences(lines, page.with_name("ablation_parts.png"), "One thing changed at a time")
    return f"""## The parts

Each row changes only what its title names, and is compared with the first row; where its title has an "and", with the
row that is named before it. All are trained for {budget.part_epochs} epochs and tested on validation people. "One
repeated frame" shows the middle frame 16 times, in training and in testing; "frames shuffled" shows the 16 frames in
an order that is another one for every clip. With "a fifth of the clips" each is seen five times as often.

{table}

{picture(page, "parts", "What every change does to the UAR") if lines else ""}""".rstrip()


def compare_parts(results: Results) -> tuple[str, list[tuple[str, np.ndarray, Estimate | None]]]:
    """The table of the parts, and for each variant except the reference: title, differences, and their mean."""
    rows, lines, p_values = [], [], parts_p_values(results)
    for variant in trained(results, "parts"):
        gains = results.gains(variant.name, variant.against)
        estimate = None if variant is REFERENCE else mean_gain(gains)
        p_value = f"{p_values[variant.name]:.3f}" if variant.name in p_values else "-"
        rows.append(
            [variant.title, *scores(results, variant), *against(estimate), p_value, runs_and_seeds(results, variant)]
        )
        if variant is not REFERENCE and len(gains):
            lines.append((variant.title, gains, estimate))
    return markdown_table(["", "UAR", "WAR", "difference", "95 %", "p", "runs (seeds)"], rows), lines


def runs_and_seeds(results: Results, variant: Variant) -> str:
    """How many runs of a variant there are; where these are of fewer seeds, the number of seeds in brackets."""
    seeds = [record["seed"] for record in results.records if record["variant"] == variant.name]
    return str(len(seeds)) if len(set(seeds)) == len(seeds) else f"{len(seeds)} ({len(set(seeds))})"


def encoder_sentence(results: Results) -> str:
    """A sentence on the explained variance of the frame encoders, empty without records."""
    encoders = results.encoders()
    if not encoders:
        return ""
    if len(encoders) == 1:
        return f"It explains {encoders[0]:.0%} of the action units' variance on clips that it has not seen. "
    *others, last = (f"{100 * encoder:.2f}" for encoder in encoders)
    explained = f"{', '.join(others)} and {last}"
    return f"""There are {len(encoders)} of them, because machines round differently; they explain {explained} % of the
action units' variance on clips that they have not seen. """


def effects_section(page: Path, results: Results, output_dir: Path) -> str:
    """Table and picture of the embeddings without and with the compact loss."""
    plot_loss_projections(page.with_name("ablation_compact.png"), output_dir)
    return f"""## What the compact loss does

Measured on the embeddings of the validation clips. Distances are root mean squares, to the own class centre and
between class centres, in units of the embedding: only their ratio is comparable over models. The silhouette is of the
true classes; "retrieval" the mean average precision of finding clips of the same class by the cosine of embeddings,
in runs that have it; the calibration error the expected one over 15 bins.

{effects_table(results)}

{picture(page, "compact", "Test embeddings without and with the compact loss, by t-SNE")}""".rstrip()


def effects_table(results: Results) -> str:
    """The table of the variants that differ from the reference in the compact loss only."""
    rows = []
    for variant in trained(results, "parts"):
        if replace(variant, **AS_REFERENCE) == REFERENCE:
            numbers = [effect(results, variant, key) for key in EFFECTS]
            rows.append([title_of_loss(variant), *numbers])
    return markdown_table(["compact loss", *EFFECTS.values()], rows)


def models_section(page: Path, budget: Budget, results: Results) -> str:
    """Table and picture of the group "models"."""
    variants = trained(results, "models")
    if not variants:
        return ""
    first, costs = next(variant for variant in VARIANTS if variant.name == variants[0].against), results.costs
    rows, dots = [], []
    for variant in variants:
        uars, cost = results.values(variant.name, "uar"), costs[variant.name]
        estimate = None if variant is first else mean_gain(results.gains(variant.name, variant.against))
        rows.append(
            [
                variant.title,
                *scores(results, variant),
                *against(estimate),
                str(len(uars)),
                f"{cost['num_parameters'] / 1e3:.0f} k",
                f"{cost['gflops']:.2f}",
                f"{cost['train_clips_per_sec']:.0f} ({cost['train_ratio']:.2f})",
                f"{cost['test_clips_per_sec']:.0f} ({cost['test_ratio']:.2f})",
            ]
        )
        dots.append((variant.title, uars, 1000 / cost["test_clips_per_sec"]))
    header = ["", "UAR", "WAR", f"against {first.title}", "95 %", "runs", "params", "GFLOPs"]
    plot_costs(dots, page.with_name("ablation_models.png"), "Models from random weights, same clips and epochs")
    return f"""## Beside other models

All from random weights, on pixels, for {budget.model_epochs} epochs of the same clips at the recipe's own learning
rate, and at a matched size. Tested on validation people. Clips per second are those of one core, medians of
interleaved rounds, with the ratio to {first.title}'s in brackets.

{markdown_table([*header, "training, clips/s", "testing, clips/s"], rows)}

![UAR of the models over what they cost](ablation_models.png)"""


def how_to(budget: Budget, results: Results) -> str:
    """The commands that repeat the ablation."""
    quick = BUDGETS["quick"]
    return f"""## Make it again

```
python -m logoformer_hf.benchmarks.ablation          # {budget.seeds} seeds; stops and goes on at will
python -m logoformer_hf.benchmarks.ablation --quick  # {quick.num_train_clips} clips, minutes: a check that it runs
python -m logoformer_hf.benchmarks.ablation --choose # the designs, the choice, and the comparison on test people
```

`--device cuda`, the default where there is a GPU, keeps all clips in its memory and replays CUDA graphs; `--workers`
is the number of runs at a time. `--only without_local former_dfer` trains those alone, `--seeds 5` adds seeds,
`--page_only` writes this page anew. Runs that `{results.file.name}` has are not done again, those of the parts only on
another frame encoder, that is, on another machine: move the file away to begin from nothing."""


def picture(page: Path, name: str, text: str) -> str:
    """Markdown of a picture, empty where its file does not exist."""
    file = page.with_name(f"ablation_{name}.png")
    return f"![{text}]({file.name})" if file.exists() else ""


def trained(results: Results, group: str) -> list[Variant]:
    """The variants of a group that have a record."""
    return [v for v in VARIANTS if v.group == group and len(results.values(v.name, "uar"))]


def title_of_loss(variant: Variant) -> str:
    """Form and weight of the compact loss, or "none"."""
    return "none" if variant.compact_loss == "none" else f"{variant.compact_loss} x {variant.compact_loss_weight:g}"


def plot_loss_projections(picture: Path, output_dir: Path) -> None:
    """Draws the test embeddings of seed 0 without and with the compact loss, if `output_dir` has both predictions."""
    names = {"without_compact": "cross-entropy alone", REFERENCE.name: "with the compact loss (margin x 0.1)"}
    files = [output_dir / "runs" / name / "seed-0" / PREDICTIONS_FILE for name in names]
    if not all(file.exists() for file in files):
        return
    predictions = [read_predictions(file) for file in files]
    embeddings = [each.embeddings for each in predictions if each.embeddings is not None]
    projections = project(embeddings, predictions[0].labels)
    panels = list(zip(names.values(), projections, strict=True))
    plot_projections(panels, EXPRESSIONS, picture, "Embeddings of the test clips")
