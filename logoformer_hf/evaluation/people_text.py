"""The parts of a report on people: scores by groups of those in the clips, and what people see in them."""

from .groups import ALL, GroupScores
from .report import Report
from .tables import markdown_table, percent, plain_text

_COLUMNS = {ALL: "all", "sex": "sex", "age_group": "age", "race": "race"}


def describe_people(report: Report) -> list[str]:
    """The sections, as Markdown; none for data sets that do not say who is in their clips."""
    seed = f", seed {report.seeds[0].seed}" if len(report.seeds) > 1 else ""
    parts = []
    if report.groups:
        rows = [_group_cells(group) for group in report.groups]
        parts += [
            f"## UAR by groups of people, in percent{seed}{report.run.mark}",
            markdown_table(["", "people", "clips", "classes", "UAR", "95 % interval"], rows),
            "All folds pooled; UAR is the mean over the classes that have clips in a group. Intervals are over people "
            "(delete-one jackknife, Student's quantile), or over clips where these are wider: what these models would "
            "score on other such people. They do not cover another training. Groups are those that the data set "
            "gives; a difference between two of them may come from a few people.",
        ]
    if report.human is not None:
        recalls = report.seeds[0].pooled.recall
        rows = [
            [
                plain_text(name),
                percent(None if (ours := recalls.get(name)) is None else ours.value),
                f"{theirs:.1f}",
            ]
            for name, theirs in report.human.recalls.items()
        ]
        rows.append(["**UAR**", percent(report.seeds[0].pooled.uar.value), f"{report.human.uar:.1f}"])
        parts += [
            f"## Beside people, in percent{seed}{report.run.mark}",
            markdown_table(["recall", "model, all clips pooled", "people"], rows),
            report.human.about,
        ]
    return parts


def _group_cells(group: GroupScores) -> list[str]:
    name = _COLUMNS[group.column] + (f": {plain_text(group.value)}" if group.value else "")
    limits = "-"
    if group.low is not None and group.high is not None:
        limits = f"{percent(group.low)} to {percent(group.high)}"
    counts = [str(group.num_people), f"{group.num_clips:,}", str(group.num_classes)]
    return [name, *counts, percent(group.uar), limits]
