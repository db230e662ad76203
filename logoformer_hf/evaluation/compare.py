"""Compares two models on the same clips: differences with paired intervals, and McNemar's test."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .plots import plot_projections
from .predictions import Predictions, RunInfo, group_by_seed, joint_info, load_runs
from .projection import Projection, ProjectionError, project
from .significance import Estimate, McNemar, mcnemar, uar_p_value, uar_war_differences
from .uar import uar_and_war


@dataclass(frozen=True)
class SeedComparison:
    """A and B with one seed each, on the same clips, all folds pooled. Numbers from 0 to 1.

    Attributes:
        seed_a, seed_b: seeds of the two trainings.
        num_clips: number of clips that both were tested on.
        uar_a, uar_b, war_a, war_b: scores on the pooled clips.
        uar_difference, war_difference: B - A, with the 95 % interval for paired differences.
        uar_p_value: of the difference of UAR; less than 0.05 where its interval leaves out zero.
        recall_a, recall_b: by class, None for a class without a clip.
        mcnemar: test on the clips that exactly one of the two classifies correctly.
    """

    seed_a: int
    seed_b: int
    num_clips: int
    uar_a: float
    uar_b: float
    war_a: float
    war_b: float
    uar_difference: Estimate
    war_difference: Estimate
    uar_p_value: float
    recall_a: dict[str, float | None]
    recall_b: dict[str, float | None]
    mcnemar: McNemar


@dataclass(frozen=True)
class Comparison:
    """Two models on the same clips.

    Attributes:
        a, b: facts of the first run of each.
        name_a, name_b: descriptions for reports.
        seeds: one comparison for each pair of seeds.
        notes: sentences on seeds and clips that were left out.
        embeddings: for the first fold that both tested: its name, the labels (clips,), the embeddings of A and of B,
            each (clips, width). None where there is no such fold or a model has no embeddings.
    """

    a: RunInfo
    b: RunInfo
    name_a: str
    name_b: str
    seeds: list[SeedComparison]
    notes: list[str]
    embeddings: tuple[str, np.ndarray, np.ndarray, np.ndarray] | None


def compare(a_folder: str | Path, b_folder: str | Path, common: bool = False) -> Comparison:
    """
    Compares the predictions of two output folders, see `compare_runs`.

    Raises:
        FileNotFoundError: a folder is missing or has no predictions.
        ValueError: as `compare_runs`.
    """
    comparison = compare_runs(load_runs(a_folder), load_runs(b_folder), common)
    return replace(
        comparison,
        name_a=f"{a_folder} ({comparison.name_a})",
        name_b=f"{b_folder} ({comparison.name_b})",
    )


def compare_runs(a_runs: Sequence[Predictions], b_runs: Sequence[Predictions], common: bool = False) -> Comparison:
    """
    Compares two models clip by clip.

    The folds of a seed are pooled, since each clip is tested in one of them. Runs with the same seed are paired; where
    each model has a single seed, these two are paired even if they differ. Classes are matched by name, clips by their
    content: two clips of one name are not paired where their files differ. Where the predictions of A or
    B have no `content_id`, as those of version 0.1, clips are paired by name, and a note says so.

    Args:
        a_runs: runs of A: any folds, any seeds.
        b_runs: runs of B.
        common: compare on the clips that both were tested on, where the tested clips differ.

    Raises:
        ValueError: different data sets, splits or classes, different clips (without `common`), different labels for a
            clip, or no seed in common.
    """
    a_seeds, b_seeds = group_by_seed(a_runs), group_by_seed(b_runs)
    a, b = joint_info(a_runs), joint_info(b_runs)
    for fact, in_a, in_b in (
        ("dataset", a.data.dataset, b.data.dataset),
        ("setup", a.data.setup, b.data.setup),
        ("split", a.split, b.split),
    ):
        if in_a != in_b:
            raise ValueError(f"{fact} is {in_a!r} in A and {in_b!r} in B; both must be tested on the same clips")
    if odd := sorted(set(a.label_names) ^ set(b.label_names)):
        raise ValueError(
            f"A has the classes {', '.join(a.label_names)} and B {', '.join(b.label_names)}; they differ in "
            f"{', '.join(odd)}"
        )
    notes = []
    if a.data.faces != b.data.faces:
        said = [f"crops of faces ({run.data.faces})" if run.data.faces else "clips as they are" for run in (a, b)]
        notes.append(f"A was tested on {said[0]}, B on {said[1]}.")
    if a.test_views != b.test_views:
        numbers = [f"{run.test_views or 1} view{'s' if run.test_views else ''}" for run in (a, b)]
        notes.append(f"A was tested on {numbers[0]} of each clip, B on {numbers[1]}, which alone may change scores.")
    if unknown := [name for name, runs in (("A", a_runs), ("B", b_runs)) if not _content_is_known(runs)]:
        notes.append(
            f"Clips were paired by their names: the predictions of {' and '.join(unknown)} have no identifiers of "
            "their content, as those of version 0.1."
        )
    if len(a_seeds) == len(b_seeds) == 1:
        pairs = [(next(iter(a_seeds)), next(iter(b_seeds)))]
    else:
        pairs = [(seed, seed) for seed in a_seeds if seed in b_seeds]
        for name, own, others in (("A", a_seeds, b_seeds), ("B", b_seeds, a_seeds)):
            if lone := [str(seed) for seed in own if seed not in others]:
                notes.append(f"Only {name} has seed {', '.join(lone)}: not compared.")
    if not pairs:
        raise ValueError(
            f"A has seeds {', '.join(map(str, a_seeds))} and B {', '.join(map(str, b_seeds))}: none in common to pair"
        )
    seeds = []
    for seed_a, seed_b in pairs:
        clips, note = _pair_clips(a_seeds[seed_a], b_seeds[seed_b], common)
        seeds.append(_compare_seed(seed_a, seed_b, *clips, a.label_names))
        if note and note not in notes:
            notes.append(note)
    embeddings = _pair_embeddings(a_seeds[pairs[0][0]], b_seeds[pairs[0][1]])
    return Comparison(a, b, a.description, b.description, seeds, notes, embeddings)


def plot_comparison(comparison: Comparison, path: str | Path) -> list[Projection]:
    """
    Draws the embeddings of the same clips by A and by B, and returns both projections.

    Raises:
        ProjectionError: no embeddings, no fold that both tested, too few clips, or the same embedding for all clips.
    """
    if comparison.embeddings is None:
        raise ProjectionError("A and B have no run of the same fold whose embeddings could be shown")
    run_name, labels, *embeddings = comparison.embeddings
    projections = project(embeddings, labels)
    panels = [
        (f"{letter}: {run.description}{run.mark}", projection)
        for letter, run, projection in zip("AB", (comparison.a, comparison.b), projections, strict=True)
    ]
    title = f"{comparison.a.data.dataset_name}, {run_name}: embeddings of {len(projections[0].labels):,} test clips"
    plot_projections(panels, comparison.a.label_names, path, title)
    return projections


def _compare_seed(
    seed_a: int, seed_b: int, labels: np.ndarray, a: np.ndarray, b: np.ndarray, label_names: Sequence[str]
) -> SeedComparison:
    """Compares one pair of seeds. Labels and predictions of A and B have the class numbers of A, each (clips,)."""
    a_right, b_right = a == labels, b == labels
    uar_a, war_a, recall_a = _scores(labels, a_right, label_names)
    uar_b, war_b, recall_b = _scores(labels, b_right, label_names)
    uar_difference, war_difference = uar_war_differences(labels, a_right, b_right)
    return SeedComparison(
        seed_a=seed_a,
        seed_b=seed_b,
        num_clips=len(labels),
        uar_a=uar_a,
        uar_b=uar_b,
        war_a=war_a,
        war_b=war_b,
        uar_difference=uar_difference,
        war_difference=war_difference,
        uar_p_value=uar_p_value(labels, a_right, b_right),
        recall_a=recall_a,
        recall_b=recall_b,
        mcnemar=mcnemar(a_right, b_right),
    )


def _scores(
    labels: np.ndarray, right: np.ndarray, label_names: Sequence[str]
) -> tuple[float, float, dict[str, float | None]]:
    """UAR, WAR and recall by class."""
    of_class = [right[labels == number] for number in range(len(label_names))]
    uar, war = uar_and_war(np.array([[(~clips).sum(), clips.sum()] for clips in of_class]))
    recalls = [float(clips.mean()) if clips.size else None for clips in of_class]
    return float(uar), float(war), dict(zip(label_names, recalls, strict=True))


def _renumber(numbers: np.ndarray, old: Sequence[str], new: Sequence[str]) -> np.ndarray:
    renumbered: np.ndarray = np.array([list(new).index(name) for name in old])[numbers]
    return renumbered


@dataclass(frozen=True)
class _Clip:
    """A tested clip; those with the same `key` are the same."""

    key: tuple[str, ...]
    name: str = field(compare=False)


def _clip_keys(a_runs: Sequence[Predictions], b_runs: Sequence[Predictions]) -> list[list[_Clip]]:
    """
    The clips of A and of B, with keys by which those of one are found in the other: the content; with the name where
    several clips of A or of B have it; the name alone where the contents are not known.
    """
    names = [[clip_id for run in runs for clip_id in run.clip_ids] for runs in (a_runs, b_runs)]
    if not _content_is_known([*a_runs, *b_runs]):
        return [[_Clip((name,), name) for name in of_one] for of_one in names]
    contents = [[content for run in runs for content in run.content_ids or ()] for runs in (a_runs, b_runs)]
    several = {content for of_one in contents for content, count in Counter(of_one).items() if count > 1}
    return [
        [
            _Clip((content, name) if content in several else (content,), name)
            for content, name in zip(of_one, their_names, strict=True)
        ]
        for of_one, their_names in zip(contents, names, strict=True)
    ]


def _content_is_known(runs: Sequence[Predictions]) -> bool:
    return all(run.content_ids is not None for run in runs)


def _pair_clips(
    a_runs: Sequence[Predictions], b_runs: Sequence[Predictions], common: bool
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], str | None]:
    """Labels and both predictions for the clips of two seeds, in the class numbers of A; note on left-out clips."""
    label_names = a_runs[0].run.label_names
    keys, tables = _clip_keys(a_runs, b_runs), []
    for runs, ids in zip((a_runs, b_runs), keys, strict=True):
        pooled = [np.concatenate([getattr(run, name) for run in runs]) for name in ("labels", "predictions")]
        labels, predictions = (_renumber(numbers, runs[0].run.label_names, label_names) for numbers in pooled)
        tables.append(dict(zip(ids, zip(labels, predictions, strict=True), strict=True)))
    a, b = tables
    shared = [clip for clip in a if clip in b]
    note = None
    if len(shared) < max(len(a), len(b)):
        only_a, only_b = ([clip.name for clip in one if clip not in other] for one, other in ((a, b), (b, a)))
        differing = "; ".join(
            f"{len(only)} only by {name} ({', '.join(only[:3])}{', ...' if len(only) > 3 else ''})"
            for name, only in (("A", only_a), ("B", only_b))
            if only
        )
        if alike := set(only_a) & set(only_b):
            differing += f"; {len(alike)} have the same name in both and other content"
        if not shared or not common:
            mend = ". To compare on those in common: --common" if shared else ""
            raise ValueError(f"{len(shared)} clips were tested by both, {differing}{mend}")
        note = f"Compared on the {len(shared):,} clips that both tested; {differing}."
    (labels, a_predictions), (b_labels, b_predictions) = (
        np.array([table[clip] for clip in shared]).T for table in tables
    )
    if (contradicting := np.flatnonzero(labels != b_labels)).size:
        first = contradicting[0]
        raise ValueError(
            f"A and B have different labels for {contradicting.size} of {len(shared)} clips, e.g. "
            f"{shared[first].name}: {label_names[labels[first]]} in A, {label_names[b_labels[first]]} in B"
        )
    return (labels, a_predictions, b_predictions), note


def _pair_embeddings(
    a_runs: Sequence[Predictions], b_runs: Sequence[Predictions]
) -> tuple[str, np.ndarray, np.ndarray, np.ndarray] | None:
    """The first fold that both tested. Each fold has its own model, so embeddings of several folds are not mixed."""
    for a in a_runs:
        for b in b_runs:
            if a.run.fold == b.run.fold and a.embeddings is not None and b.embeddings is not None:
                a_keys, b_keys = _clip_keys([a], [b])
                position = {clip: index for index, clip in enumerate(b_keys)}
                in_a = [index for index, clip in enumerate(a_keys) if clip in position]
                in_b = [position[a_keys[index]] for index in in_a]
                name = a.run.split if a.run.fold is None else f"fold {a.run.fold}"
                return name, a.labels[in_a], a.embeddings[in_a], b.embeddings[in_b]
    return None
