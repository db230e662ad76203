"""Formats a report as text and tables, for `report.md` and for a terminal."""

from collections.abc import Callable, Sequence

from .._text import shown_name
from .calibration import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, MIN_CLIPS, Calibration
from .compare import Comparison
from .compare_text import format_comparison
from .people_text import describe_people
from .predictions import RunInfo
from .published import HOW_CHOSEN
from .report import MeanScores, PooledScores, ProjectionNote, Report, RunScores, SeedReport
from .seen_text import describe_seen_clips
from .significance import CONFIDENCE
from .tables import interval, markdown_table, percent, plain_text

_SELECTION = {
    "validation": "The epoch was chosen on validation clips, apart from those that are tested.",
    "test": "**Chosen on the test set:** the epoch was chosen on the clips that are tested, so all numbers are too "
    "high by what that choice gains.",
    "last": "No epoch was chosen: the last one was tested.",
    "given": "The model came trained; nothing was chosen here.",
}

_ABOUT_CALIBRATION = (
    "Mean score: mean of the highest scores; of scores that can be taken at their word it equals the share that is "
    "right. Calibration error: distance between the two, in bins of equally many clips with similar highest scores; "
    "chance alone makes it more than 0, the more so the fewer clips there are. NLL: mean negative log-likelihood of "
    "the true class, in nats. Brier: squared distance to the truth, 0 to 2."
)


def report_title(report: Report, written: Callable[[str], str] = plain_text) -> str:
    """
    The tested data: "DFEW, 5 folds", or "DFEW, folds 1, 2 of 5".

    Args:
        report: the report.
        written: how the name of the data set is written: for Markdown, or `shown_name` for pictures and terminals.
    """
    name = written(", ".join(filter(None, (report.run.data.dataset_name, report.run.data.part))))
    if report.run.data.num_folds is None:
        return f"{name}, {report.run.split}"
    if report.complete:
        return f"{name}, {report.run.data.num_folds} folds"
    folds = ", ".join(map(str, report.folds))
    return f"{name}, fold{'s' if len(report.folds) > 1 else ''} {folds} of {report.run.data.num_folds}"


def of_seed(report: Report) -> str:
    """The first seed, for a heading, where there are several; else empty."""
    return f", seed {report.seeds[0].seed}" if len(report.seeds) > 1 else ""


def format_summary(report: Report) -> str:
    """The scores and recalls of the report, for a terminal."""
    run = report.run
    parts = [
        f"{report_title(report, shown_name)}, {report.clips.tested:,} clips tested{run.mark}, in percent",
        _format_scores(report),
        _format_recalls(report, shown_name),
        calibration_in_words(report.seeds[0]),
    ]
    return "\n\n".join(parts)


def format_report(report: Report, comparison: Comparison | None) -> str:
    """The whole report as Markdown."""
    run = report.run
    clips, num_seeds = report.clips, len(report.seeds)
    seeds = ", ".join(str(summary.seed) for summary in report.seeds)
    parts = [
        f"# {report_title(report)}{run.mark}",
        f"{plain_text(run.description)}; seed{'s' if num_seeds > 1 else ''} {seeds}. {_describe_selection(run)}",
        *describe_seen_clips(run),
        f"Clips: {clips.listed:,} listed, {clips.left_out:,} left out{_named(clips.left_out_ids)}, "
        f"{clips.tested:,} tested, each once{' with each seed' if report.over_seeds else ''}.",
    ]
    if not report.complete:
        parts.append(
            f"**Not all folds were tested:** no number here is the mean of {report.run.data.num_folds} folds that the "
            "protocol asks for."
        )
    if num_seeds > 1 and report.over_seeds is None:
        parts.append("Not every seed tested the same folds: there is no mean over seeds.")
    parts += [
        f"## UAR and WAR in percent{run.mark}",
        _format_scores(report),
        f"Intervals are {100 * CONFIDENCE:.0f} % intervals over clips, from the exact limits of each class "
        "(Clopper-Pearson): what these models would score on other clips of the kind. They do not cover another "
        "training.",
        f"## Recall in percent{of_seed(report)}{run.mark}",
        _format_recalls(report),
        "Intervals by Clopper and Pearson.",
        "![Recall of every class](recalls.png)",
        f"## Confusion matrix{of_seed(report)}{run.mark}",
        "![Confusion matrix, share and number of clips](confusion_matrix.png)",
        f"## Calibration{of_seed(report)}{run.mark}",
        calibration_in_words(report.seeds[0]),
        _format_calibration(report),
        _ABOUT_CALIBRATION,
        _describe_temperature(report),
        f"## Embeddings{run.mark}",
        _format_projection(report.projection),
    ]
    if comparison is not None:
        parts += [
            f"## Beside {plain_text(comparison.name_a)}{comparison.a.mark}",
            format_comparison(comparison).strip(),
        ]
    parts += describe_people(report)
    if report.published:
        parts += [
            f"## Published on {plain_text(run.data.dataset_name)}, in percent{run.mark and f'; ours{run.mark}'}",
            _format_published(report),
            HOW_CHOSEN,
        ]
    return "\n\n".join(parts) + "\n"


def _describe_selection(run: RunInfo) -> str:
    """What the epoch was chosen on."""
    if run.selection == run.split == "validation":
        return (
            "**Chosen on the tested clips:** the epoch was chosen on these very clips, so all numbers are too high by "
            "what that choice gains."
        )
    return _SELECTION[run.selection]


def _named(clip_ids: Sequence[str]) -> str:
    if not clip_ids:
        return ""
    return f" ({', '.join(map(plain_text, clip_ids[:5]))}{', ...; all in report.json' if len(clip_ids) > 5 else ''})"


def _mean_name(summary: SeedReport, report: Report) -> str:
    tested, all_folds = len(summary.runs), report.run.data.num_folds
    if tested == 1:
        return f"fold {summary.runs[0].fold} of {all_folds}"
    return f"mean of {tested} folds" if tested == all_folds else f"mean of {tested} of {all_folds} folds"


def _format_scores(report: Report) -> str:
    rows = []
    for summary in report.seeds:
        seed = f"seed {summary.seed}, " if len(report.seeds) > 1 else ""
        for run in summary.runs:
            name = report.run.split if run.fold is None else f"fold {run.fold}"
            rows.append([f"{seed}{name}", f"{run.num_clips:,}", *_score_cells(run)])
        if len(summary.runs) > 1:
            pooled = summary.pooled
            rows.append([f"{seed}{_mean_name(summary, report)}", "", *_score_cells(summary.mean_of_folds)])
            rows.append([f"{seed}all clips pooled", f"{pooled.num_clips:,}", *_score_cells(pooled)])
    if (over := report.over_seeds) is not None:
        name = f"mean of {over.num_seeds} seeds, standard deviation"
        uar, war = (
            (percent(over.uar_mean), f"± {percent(over.uar_std)}"),
            (percent(over.war_mean), f"± {percent(over.war_std)}"),
        )
        rows.append([name, "", *uar, *war])
    return markdown_table(["", "clips", "UAR", "95 % interval", "WAR", "95 % interval"], rows)


def _score_cells(scores: RunScores | MeanScores | PooledScores) -> list[str]:
    return [percent(scores.uar.value), interval(scores.uar), percent(scores.war.value), interval(scores.war)]


def _format_recalls(report: Report, written: Callable[[str], str] = plain_text) -> str:
    pooled = report.seeds[0].pooled
    rows = []
    for (name, estimate), counts in zip(pooled.recall.items(), pooled.confusion_matrix, strict=True):
        rows.append(
            [
                written(name),
                f"{sum(counts):,}",
                percent(None if estimate is None else estimate.value),
                interval(estimate),
            ]
        )
    return markdown_table(["", "clips", "recall", "95 % interval"], rows)


def calibration_in_words(summary: SeedReport) -> str:
    """One sentence on the calibration of all clips of a seed, for the report and for a terminal."""
    raw, calibrated = summary.pooled.calibration.raw, summary.pooled.calibration.calibrated
    said = f"Highest scores say {percent(raw.mean_score)} % on average, {percent(raw.right)} % of the clips are right"
    if calibrated is None:
        return f"{said}: calibration error {percent(raw.ece)} %. The scores are not calibrated."
    return (
        f"{said}: calibration error {percent(raw.ece)} %; with the temperature they say "
        f"{percent(calibrated.mean_score)} %: {percent(calibrated.ece)} %."
    )


def _format_calibration(report: Report) -> str:
    summary = report.seeds[0]
    rows = []
    for run in summary.runs:
        name = report.run.split if run.fold is None else f"fold {run.fold}"
        rows.append([f"{name}, scores of the model", *_calibration_cells(run.calibration.raw)])
        if run.calibration.calibrated is not None:
            after = f"{name}, with temperature {run.score_temperature:.3f}"
            rows.append([after, *_calibration_cells(run.calibration.calibrated)])
    if len(summary.runs) > 1:
        pooled = summary.pooled.calibration
        rows.append(["all clips pooled, scores of the models", *_calibration_cells(pooled.raw)])
        if pooled.calibrated is not None:
            rows.append(["all clips pooled, with their temperatures", *_calibration_cells(pooled.calibrated)])
    header = ["", "right, %", "mean score, %", "calibration error, %", "bins", "NLL", "Brier"]
    return markdown_table(header, rows)


def _calibration_cells(calibration: Calibration) -> list[str]:
    shares = [percent(share) for share in (calibration.right, calibration.mean_score, calibration.ece)]
    return [*shares, str(calibration.num_bins), f"{calibration.nll:.4f}", f"{calibration.brier:.4f}"]


def _describe_temperature(report: Report) -> str:
    """Where the temperatures of the first seed come from, or why there are none."""
    temperatures = [run.score_temperature for run in report.seeds[0].runs]
    known = [temperature for temperature in temperatures if temperature is not None]
    if not known and report.run.selection == "test":
        return "No temperature: the epoch was chosen on the clips that are tested, and no others were left."
    if not known:
        return (
            f"No temperature: training fits one where it has at least {MIN_CLIPS} validation clips apart from the "
            "tested ones."
        )
    if report.run.selection == "given":
        origin = "came with the model"
    elif report.run.split == "validation" and report.run.trained_on is None:
        origin = "was fitted on clips of this very split, so the numbers with it are too good"
    else:
        origin = "was fitted on validation clips of the training, apart from the tested ones"
    sentence = (
        f"The temperature {origin}; the logits are divided by it before the softmax, which changes no class. It is "
        "`score_temperature` in the model's configuration; the model and its pipeline give the scores without it."
    )
    if any(temperature in (LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE) for temperature in known):
        sentence += (
            f" **A temperature is at a limit of the fit** ({LOWEST_TEMPERATURE:g} to {HIGHEST_TEMPERATURE:g}): the "
            "validation clips were all right, or the scores worth nothing; do not rely on it."
        )
    missing = len(temperatures) - len(known)
    return sentence + (f" {missing} of {len(temperatures)} runs have none." if missing else "")


def _format_projection(projection: ProjectionNote) -> str:
    if projection.missing is not None:
        return f"No picture: {plain_text(projection.missing)}."
    shown = f"{projection.num_clips:,} test clips of {plain_text(projection.run)}, projected by t-SNE."
    if projection.silhouette is not None:
        shown += f" Silhouette of the true classes, -1 to 1: {projection.silhouette:.3f}"
        beside = projection.silhouette_beside
        shown += "." if beside is None else f", and {beside:.3f} in the runs beside (A in the picture)."
    return f"{shown}\n\n![Embeddings of the test clips]({projection.picture})"


def _format_published(report: Report) -> str:
    rows = [
        [
            result.name if result.year is None else f"{result.name} ({result.year})",
            f"{result.uar:.2f}",
            f"{result.war:.2f}",
            "-" if result.params_m is None else f"{result.params_m} M",
            "-" if result.gflops is None else f"{result.gflops} G",
        ]
        for result in report.published
    ]
    summary, over = report.seeds[0], report.over_seeds
    name = f"ours{of_seed(report)}" if over is None else f"ours, mean of {over.num_seeds} seeds"
    if report.run.data.num_folds is not None:
        name += f", {_mean_name(summary, report)}"
    uar, war = summary.mean_of_folds.uar.value, summary.mean_of_folds.war.value
    if over is not None:
        uar, war = over.uar_mean, over.war_mean
    ours = [name + report.run.mark, percent(uar), percent(war), "", ""]
    return markdown_table(["", "UAR", "WAR", "params", "FLOPs"], [*rows, ours])
