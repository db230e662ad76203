"""The page that an ablation writes: tables, pictures, and how to make them again."""

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..._files import write_text
from ...configuration_logoformer import EXPRESSIONS
from ...evaluation.plots import plot_projections
from ...evaluation.predictions import PREDICTIONS_FILE, read_predictions
from ...evaluation.projection import project
from ...evaluation.significance import Estimate, bootstrap_uar_war
from ...evaluation.tables import interval, markdown_table, percent, points
from .benchmark import describe_difficulty
from .budget import BUDGETS, Budget
from .pictures import plot_costs, plot_differences
from .results import Results, Spread, mean_gain
from .training import TOKEN_LEARNING_RATE
from .variants import REFERENCE, VARIANTS, Variant

KEPT = "<!-- What stands below is written by hand, and kept when the page is written anew. -->"
EFFECTS = {
    "intra_class_distance": "intra-class distance",
    "inter_class_distance": "inter-class distance",
    "distance_ratio": "their ratio",
    "silhouette": "silhouette",
    "calibration_error": "calibration error",
}
# What a variant of the compact loss may change; alike in all else, it is one.
AS_REFERENCE = {name: getattr(REFERENCE, name) for name in ("name", "title", "compact_loss", "compact_loss_weight")}


def write_page(page: Path, results: Results, output_dir: Path) -> None:
    """
    Writes the page, and beside it its pictures, from the records that there are.

    Args:
        page: Markdown file. What stands in it below the line `KEPT` stays.
        results: of all runs so far.
        output_dir: with the runs' predictions, for the projection; without them the last one stays.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    budget = Budget(**results.facts["budget"])
    sections = [introduction(budget, results)]
    if len(results.values(REFERENCE.name, "uar")):
        sections += [parts_section(page, budget, results), effects_section(page, results, output_dir)]
    sections += [models_section(page, budget, results)] if results.costs else []
    sections.append(how_to(budget, results))
    below = page.read_text().partition(KEPT)[2] if page.exists() else "\n"
    write_text(page, "\n\n".join(wrap(section) for section in sections if section) + f"\n\n{KEPT}{below}")
    print(f"{page}: {len(results.records)} runs.")


def wrap(section: str) -> str:
    """Even lines, whatever numbers were filled in; headings, tables, pictures and commands stay as they are."""
    return "\n\n".join(
        part if part.startswith(("#", "|", "!", "```")) else textwrap.fill(part, 120, break_on_hyphens=False)
        for part in section.split("\n\n")
    )


def introduction(budget: Budget, results: Results) -> str:
    num_planned = len(VARIANTS) * budget.seeds
    num_done = len({(each["variant"], each["seed"]) for each in results.records if each["seed"] < budget.seeds})
    num_more = len(results.records) - num_done
    return f"""# Does each part earn its place?

Written by `python -m logoformer_hf.benchmarks.ablation{"" if budget.name == "full" else f" --{budget.name}"}` from
`{results.file.name}`, which has a line for every run: {num_done} of the
{num_planned} planned ones are there{f", and {num_more} further ones" if num_more else ""}.

The clips are drawn faces ({describe_difficulty("`")}), not photographs: what is said here is said of them. There are
{budget.num_train_clips:,} to train on, with the class frequencies of DFEW, and {budget.num_test_clips:,} of other
people to test on, {budget.num_test_clips // len(EXPRESSIONS)} of each class, so that every recall is measured equally
well. All train by the recipe `modern`, with every class equally often in an epoch. The last epoch is tested: nothing
is chosen, neither on test clips nor on others. UAR is the mean of the recalls; WAR weighs them by the frequencies of
the training clips. "±" is the standard deviation over runs. A difference, in points,
is the mean over the pairs of runs with the same seed and the same frame encoder, because these are good or bad for
every variant; it comes with Student's 95 % interval of the paired differences, and counts where that leaves out zero.
It is therefore not always the difference of the two means. {noise(results)}"""


def noise(results: Results) -> str:
    records = [record for record in results.records if record["variant"] == REFERENCE.name]
    if not records:
        return ""
    uar, _ = bootstrap_uar_war([np.array(records[0]["confusion_matrix"])])
    half = 50 * (uar.high - uar.low)
    return f"Drawing the test clips anew would move a UAR by ±{half:.1f} points (bootstrap, 95 %), all models alike."


def parts_section(page: Path, budget: Budget, results: Results) -> str:
    table, lines = compare_parts(results)
    if lines:
        plot_differences(lines, page.with_name("ablation_parts.png"), "One thing changed at a time")
    return f"""## The parts

Each row changes what it names and nothing else, and is compared with the first one; where it says "and", with the
row that is named before it. All are trained for {budget.part_epochs} epochs at a learning rate of
{TOKEN_LEARNING_RATE:g} on the frame tokens of a frozen frame encoder, a small ResNet that has learnt to read action
units off single frames of other people, the stand-in for the field's pretraining on faces: what differs is only what
happens after it. {encoder_sentence(results)}Two layers of 32 stand on the grid of `base`, 16 x 7 x 7 tokens. "One
repeated frame" shows the middle frame 16 times, in training and in testing; "frames shuffled" shows the 16 frames in
an order that is another one for every clip. "A fifth of the clips" are seen five times as often.

{table}

{picture(page, "parts", "What every change does to the UAR") if lines else ""}""".rstrip()


def compare_parts(results: Results) -> tuple[str, list[tuple[str, np.ndarray, Estimate | None]]]:
    """The table of the parts, and of every variant but the reference its title, differences and their mean."""
    rows, lines = [], []
    for variant in trained(results, "parts"):
        gains = results.gains(variant.name, variant.against)
        estimate = None if variant is REFERENCE else mean_gain(gains)
        num_runs = len(results.values(variant.name, "uar"))
        rows.append([variant.title, *scores(results, variant), *against(estimate), str(num_runs)])
        if variant is not REFERENCE and len(gains):
            lines.append((variant.title, gains, estimate))
    return markdown_table(["", "UAR", "WAR", "difference", "95 %", "runs"], rows), lines


def encoder_sentence(results: Results) -> str:
    encoders = results.encoders()
    if not encoders:
        return ""
    if len(encoders) == 1:
        return f"It explains {encoders[0]:.0%} of the action units' variance on clips that it has not seen. "
    explained = " and ".join(f"{100 * encoder:.2f}" for encoder in encoders)
    return f"""There are {len(encoders)} of them, because machines round differently; they explain {explained} % of the
action units' variance on clips that they have not seen. """


def effects_section(page: Path, results: Results, output_dir: Path) -> str:
    plot_loss_projections(page.with_name("ablation_compact.png"), output_dir)
    return f"""## What the compact loss does

Measured on the embeddings of the test clips. Distances are root mean squares, to the own class centre and between
class centres, in units of the embedding: only their ratio compares models. The silhouette is of the true classes, the
calibration error the expected one over 15 bins.

{effects_table(results)}

{picture(page, "compact", "Test embeddings without and with the compact loss, by t-SNE")}""".rstrip()


def effects_table(results: Results) -> str:
    """Of the variants that differ in their compact loss at most."""
    rows = []
    for variant in trained(results, "parts"):
        if replace(variant, **AS_REFERENCE) == REFERENCE:
            spreads = [spread(results, variant, key) for key in EFFECTS]
            numbers = [f"{each.mean:.3f}{plus_minus(each, '.3f')}" for each in spreads]
            rows.append([title_of_loss(variant), *numbers])
    return markdown_table(["compact loss", *EFFECTS.values()], rows)


def models_section(page: Path, budget: Budget, results: Results) -> str:
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
rate, and at a matched size. Clips per second are those of one core, medians of interleaved rounds, with the ratio to
{first.title}'s in brackets.

{markdown_table([*header, "training, clips/s", "testing, clips/s"], rows)}

![UAR of the models over what they cost](ablation_models.png)"""


def how_to(budget: Budget, results: Results) -> str:
    quick = BUDGETS["quick"]
    return f"""## Make it again

```
python -m logoformer_hf.benchmarks.ablation          # {budget.seeds} seeds; stops and goes on at will
python -m logoformer_hf.benchmarks.ablation --quick  # {quick.num_train_clips} clips, minutes: a check that it runs
```

`--only without_local former_dfer` trains those alone, `--seeds 5` adds seeds, `--page_only` writes this page anew.
Runs that `{results.file.name}` has are not done again, those of the parts only on another frame encoder, that is, on
another machine: move the file away to begin from nothing."""


def picture(page: Path, name: str, text: str) -> str:
    file = page.with_name(f"ablation_{name}.png")
    return f"![{text}]({file.name})" if file.exists() else ""


def trained(results: Results, group: str) -> list[Variant]:
    return [v for v in VARIANTS if v.group == group and len(results.values(v.name, "uar"))]


def spread(results: Results, variant: Variant, key: str) -> Spread:
    return Spread.of(results.values(variant.name, key))


def plus_minus(spread: Spread, form: str, factor: float = 1.0) -> str:
    return "" if spread.deviation is None else f" ± {factor * spread.deviation:{form}}"


def scores(results: Results, variant: Variant) -> list[str]:
    """UAR and WAR in percent, mean and deviation."""
    both = [spread(results, variant, key) for key in ("uar", "war")]
    return [f"{percent(each.mean)}{plus_minus(each, '.2f', 100)}" for each in both]


def against(estimate: Estimate | None) -> list[str]:
    return ["-", "-"] if estimate is None else [points(estimate.value), interval(estimate)]


def title_of_loss(variant: Variant) -> str:
    return "none" if variant.compact_loss == "none" else f"{variant.compact_loss} x {variant.compact_loss_weight:g}"


def plot_loss_projections(picture: Path, output_dir: Path) -> None:
    """Test embeddings of seed 0 without and with the compact loss, where both runs' predictions lie on this disk."""
    names = {"without_compact": "cross-entropy alone", REFERENCE.name: "with the compact loss (margin x 0.1)"}
    files = [output_dir / "runs" / name / "seed-0" / PREDICTIONS_FILE for name in names]
    if not all(file.exists() for file in files):
        return
    predictions = [read_predictions(file) for file in files]
    embeddings = [each.embeddings for each in predictions if each.embeddings is not None]
    projections = project(embeddings, predictions[0].labels)
    panels = list(zip(names.values(), projections, strict=True))
    plot_projections(panels, EXPRESSIONS, picture, "Embeddings of the test clips")
