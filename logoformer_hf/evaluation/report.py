"""
The report on one or several runs: its numbers as dataclasses. `report_files.py` writes them and their pictures,
`report_text.py` formats them as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..data.published import HumanScores
from .calibration import BeforeAndAfter, measure_before_and_after
from .compare import Comparison, SeedComparison
from .groups import GroupScores, score_groups
from .predictions import FACTS_OF_ONE_RUN, Predictions, RunInfo, group_by_seed, joint_info
from .published import PublishedResult, human_beside, published_beside
from .significance import Estimate, recall_estimates, uar_war_estimates

VERSION = 1  # of report.json


@dataclass(frozen=True)
class RunScores:
    """
    UAR and WAR of one run, 0 to 1, with 95 % intervals; `fold` is None without folds. `calibration` has its second
    part where the model has a `score_temperature`.
    """

    fold: int | None
    num_clips: int
    uar: Estimate
    war: Estimate
    score_temperature: float | None
    calibration: BeforeAndAfter


@dataclass(frozen=True)
class MeanScores:
    """UAR and WAR as means over the folds of a seed, 0 to 1, with 95 % intervals."""

    uar: Estimate
    war: Estimate


@dataclass(frozen=True)
class PooledScores:
    """
    All clips of the folds of a seed as one set.

    Attributes:
        num_clips: number of clips.
        uar, war: 0 to 1, with 95 % intervals.
        recall: by class, None for a class without a clip.
        confusion_matrix: numbers of clips, one list per true class, one column per predicted class.
        confusion_matrix_normalised: the same as shares of the true class, 0 to 1.
        calibration: every clip with the temperature of its own run; without the second part where a run has none.
    """

    num_clips: int
    uar: Estimate
    war: Estimate
    recall: Mapping[str, Estimate | None]
    confusion_matrix: list[list[int]]
    confusion_matrix_normalised: list[list[float]]
    calibration: BeforeAndAfter


@dataclass(frozen=True)
class SeedReport:
    """The runs of one seed, one per fold."""

    seed: int
    runs: list[RunScores]
    mean_of_folds: MeanScores
    pooled: PooledScores


@dataclass(frozen=True)
class OverSeeds:
    """Mean and standard deviation (with n - 1) over seeds of the mean over folds, 0 to 1."""

    num_seeds: int
    uar_mean: float
    uar_std: float
    war_mean: float
    war_std: float


@dataclass(frozen=True)
class TestedClips:
    """Numbers of clips per seed: listed by the data set, left out because they could not be used, tested."""

    listed: int
    left_out: int
    tested: int
    left_out_ids: list[str]


@dataclass(frozen=True)
class ProjectionNote:
    """
    The content of the picture of the embeddings, or the reason for its absence.

    Attributes:
        picture: name of the file, None without a picture.
        run: name of the run in the picture.
        num_clips: clips in the picture.
        silhouette: of the true classes, -1 to 1, None where it is not defined.
        silhouette_beside: silhouette of the runs that are compared with.
        missing: reason for the absence of the picture.
    """

    picture: str | None = None
    run: str | None = None
    num_clips: int | None = None
    silhouette: float | None = None
    silhouette_beside: float | None = None
    missing: str | None = None


@dataclass(frozen=True)
class BesideRuns:
    """A comparison with other runs: A are the other runs, B the runs of the report."""

    name: str
    seeds: list[SeedComparison]
    notes: list[str]


@dataclass(frozen=True)
class Report:
    """
    The report on all runs of an experiment.

    Attributes:
        run: facts of the first run. The others differ in fold, seed and the clips that were left out only. Its
            `seen_clips` are those of all runs together.
        folds: the tested folds, `[None]` without folds.
        complete: whether every seed tested all folds of the protocol.
        clips: numbers of tested and left-out clips.
        seeds: one entry per seed.
        over_seeds: None with one seed, or where seeds tested different folds.
        projection: about the picture of the embeddings.
        beside: comparison with other runs, or None.
        published: published results, in percent; empty where the scores cannot be compared with them.
        groups: UAR of the first seed by groups of people, empty where nothing is known of them.
        human: what people reach on the clips, or None.
    """

    run: RunInfo
    folds: list[int | None]
    complete: bool
    clips: TestedClips
    seeds: list[SeedReport]
    over_seeds: OverSeeds | None
    projection: ProjectionNote
    beside: BesideRuns | None
    published: list[PublishedResult]
    groups: list[GroupScores]
    human: HumanScores | None

    def to_json(self) -> dict[str, Any]:
        """
        The content of `report.json`, described in `docs/outputs.md`. Scores are from 0 to 1; an estimate is {value,
        low, high} with a 95 % interval.
        """
        facts = {name: value for name, value in self.run.to_json().items() if name not in FACTS_OF_ONE_RUN}
        projection = asdict(self.projection)
        missing = projection.pop("missing")
        return {
            "version": VERSION,
            **facts,
            "chosen_on_test_set": self.run.selection == "test",
            "seen_clips": self.run.seen_clips and asdict(self.run.seen_clips),
            "folds": self.folds,
            "complete": self.complete,
            "clips": asdict(self.clips),
            "seeds": [asdict(summary) for summary in self.seeds],
            "over_seeds": self.over_seeds and asdict(self.over_seeds),
            "projection": projection if missing is None else {"missing": missing},
            "beside": self.beside and asdict(self.beside),
            "published": [asdict(result) for result in self.published],
            "groups": [asdict(group) for group in self.groups],
            "human": self.human and asdict(self.human),
        }


def summarise_runs(
    runs: Sequence[Predictions], projection: ProjectionNote, comparison: Comparison | None = None
) -> Report:
    """
    Computes the report on one experiment.

    Args:
        runs: predictions of all folds and seeds.
        projection: about the picture of the embeddings.
        comparison: comparison with other runs as A and these as B.

    Raises:
        ValueError: no runs, or runs that cannot be grouped (see `group_by_seed`).
    """
    by_seed = group_by_seed(runs)
    first = joint_info([predictions for of_seed in by_seed.values() for predictions in of_seed])
    seeds = [_summarise_seed(seed, of_seed) for seed, of_seed in by_seed.items()]
    beside = None
    if comparison is not None:
        beside = BesideRuns(comparison.name_a, comparison.seeds, comparison.notes)
    return Report(
        run=first,
        folds=[None] if first.fold is None else [*sorted({predictions.run.fold or 0 for predictions in runs})],
        complete=all(len(of_seed) == (first.data.num_folds or 1) for of_seed in by_seed.values()),
        clips=_count_clips(runs),
        seeds=seeds,
        over_seeds=_over_seeds(seeds),
        projection=projection,
        beside=beside,
        published=published_beside(first),
        groups=score_groups(next(iter(by_seed.values()))),
        human=human_beside(first),
    )


def _count_clips(runs: Sequence[Predictions]) -> TestedClips:
    # Seeds test the same clips: those that any seed tested or left out are counted once.
    tested = {clip_id for predictions in runs for clip_id in predictions.clip_ids}
    left_out = sorted({clip_id for predictions in runs for clip_id in predictions.run.left_out} - tested)
    return TestedClips(len(tested) + len(left_out), len(left_out), len(tested), left_out)


def _summarise_seed(seed: int, runs: Sequence[Predictions]) -> SeedReport:
    matrices = [predictions.confusion_matrix for predictions in runs]
    pooled = np.sum(matrices, axis=0)
    clips = pooled.sum(axis=1, keepdims=True)
    return SeedReport(
        seed=seed,
        runs=[
            RunScores(
                predictions.run.fold,
                len(predictions.clip_ids),
                *uar_war_estimates([matrix]),
                predictions.run.score_temperature,
                _measure_calibration([predictions]),
            )
            for predictions, matrix in zip(runs, matrices, strict=True)
        ],
        mean_of_folds=MeanScores(*uar_war_estimates(matrices)),
        pooled=PooledScores(
            int(pooled.sum()),
            *uar_war_estimates([pooled]),
            recall=dict(zip(runs[0].run.label_names, recall_estimates(pooled), strict=True)),
            confusion_matrix=pooled.tolist(),
            confusion_matrix_normalised=(pooled / np.maximum(clips, 1)).tolist(),
            calibration=_measure_calibration(runs),
        ),
    )


def _measure_calibration(runs: Sequence[Predictions]) -> BeforeAndAfter:
    return measure_before_and_after(
        [predictions.scores for predictions in runs],
        [predictions.labels for predictions in runs],
        [predictions.run.score_temperature for predictions in runs],
    )


def _over_seeds(seeds: Sequence[SeedReport]) -> OverSeeds | None:
    folds = [[run.fold for run in summary.runs] for summary in seeds]
    if len(seeds) == 1 or any(other != folds[0] for other in folds):
        return None
    uar, war = (
        [getattr(summary.mean_of_folds, name).value for summary in seeds] for name in ("uar", "war")
    )  # each (seeds,)
    return OverSeeds(
        num_seeds=len(seeds),
        uar_mean=float(np.mean(uar)),
        uar_std=float(np.std(uar, ddof=1)),
        war_mean=float(np.mean(war)),
        war_std=float(np.std(war, ddof=1)),
    )
