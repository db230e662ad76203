"""The report of one or several runs: `report.md` for people, `report.json` for programs, and pictures."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .compare import Comparison, compare_runs, plot_comparison
from .plots import plot_confusion_matrix, plot_projections, plot_recalls
from .predictions import Predictions, RunInfo, group_by_seed
from .projection import ProjectionError, project
from .published import published_beside
from .report_text import format_report, of_seed, report_title
from .significance import bootstrap_uar_war, recall_estimates

VERSION = 1  # of report.json
PROJECTION_FILE = "projection.png"
_SHARED_FACTS = (
    "dataset",
    "dataset_name",
    "setup",
    "split",
    "trained_on",
    "model",
    "compact_loss",
    "compact_loss_weight",
    "selection",
    "label_names",
    "num_folds",
)


def write_report(
    output_dir: str | Path, runs: Sequence[Predictions], beside: Sequence[Predictions] = ()
) -> dict[str, Any]:
    """
    Writes `report.md`, `report.json`, `confusion_matrix.png`, `recalls.png` and `projection.png`.

    With several seeds the confusion matrix, the recalls and the projection are those of the first; the projection is
    of the first fold alone, since every fold has a model of its own.

    Keys of `report.json` (shares from 0 to 1; an estimate is {value, low, high}, with a 95 % interval):
    - `version`: of these keys, 1;
    - `dataset`, `dataset_name`, `setup`, `split`, `trained_on`, `model`, `compact_loss`, `compact_loss_weight`,
      `selection`, `label_names`, `num_folds`: as in `RunInfo`;
    - `chosen_on_test_set`: whether `selection` is "test";
    - `folds`: those that were tested, `[None]` without folds; `complete`: whether these are all, with every seed;
    - `clips`: {listed, left_out, tested} with one seed, and `left_out_ids`;
    - `seeds`: for each seed {seed, runs, mean_of_folds, pooled}. `runs` are {fold, num_clips, uar, war},
      `mean_of_folds` {uar, war}, `pooled` {num_clips, uar, war, recall, confusion_matrix,
      confusion_matrix_normalised}; uar, war and the recall of each class are estimates;
    - `over_seeds`: {num_seeds, uar_mean, uar_std, war_mean, war_std} of the means of folds, or None with one seed or
      where seeds tested different folds;
    - `projection`: {picture, run, num_clips, silhouette, silhouette_beside}, or {missing: why};
    - `beside`: {name, seeds, notes} against other runs, A being the others and B these, or None; `seeds` as in
      `SeedComparison`;

    - `published`: [{name, year, paper, uar, war, params_m, gflops}], in percent as published; empty where our numbers
      cannot stand beside them.

    Args:
        output_dir: folder to write to.
        runs: predictions of all folds and seeds of one experiment.
        beside: predictions of another experiment to compare with, e.g. without compact loss. Where these tested other
            clips, those in common are compared and the report says so.

    Returns:
        What `report.json` holds.

    Raises:
        ValueError: no runs, runs that do not belong together (see `group_by_seed`), or `beside` cannot be compared
            (see `compare_runs`). Nothing is written then.
    """
    output_dir = Path(output_dir)
    by_seed = group_by_seed(runs)
    comparison = compare_runs(beside, runs, common=True) if beside else None
    output_dir.mkdir(parents=True, exist_ok=True)

    report = _facts(by_seed)
    report["seeds"] = [_summarise_seed(seed, of_seed) for seed, of_seed in by_seed.items()]
    report["over_seeds"] = _over_seeds(report["seeds"])
    first = next(iter(by_seed.values()))
    _draw_numbers(output_dir, report, first[0].run)
    report["projection"] = _draw_projection(output_dir / PROJECTION_FILE, first[0], comparison)
    report["beside"] = comparison and {
        "name": comparison.name_a,
        "seeds": [asdict(pair) for pair in comparison.seeds],
        "notes": comparison.notes,
    }
    report["published"] = [
        {
            "name": result.name,
            "year": result.year,
            "paper": result.paper,
            "uar": result.uar_war[report["dataset"]][0],
            "war": result.uar_war[report["dataset"]][1],
            "params_m": result.params_m,
            "gflops": result.gflops,
        }
        for result in published_beside(first[0].run)
    ]
    (output_dir / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (output_dir / "report.md").write_text(format_report(report, first[0].run, comparison))
    return report


def _facts(by_seed: dict[int, list[Predictions]]) -> dict[str, Any]:
    runs = [predictions for of_seed in by_seed.values() for predictions in of_seed]
    run, folds = runs[0].run, sorted({predictions.run.fold or 0 for predictions in runs})
    facts = {name: getattr(run, name) for name in _SHARED_FACTS}
    # Seeds test the same clips: those that any seed tested or left out are counted once.
    tested = {clip_id for predictions in runs for clip_id in predictions.clip_ids}
    left_out = sorted({clip_id for predictions in runs for clip_id in predictions.run.left_out} - tested)
    return (
        {"version": VERSION}
        | facts
        | {
            "chosen_on_test_set": run.selection == "test",
            "folds": [None] if run.fold is None else folds,
            "complete": all(len(of_seed) == (run.num_folds or 1) for of_seed in by_seed.values()),
            "clips": {
                "listed": len(tested) + len(left_out),
                "left_out": len(left_out),
                "tested": len(tested),
                "left_out_ids": left_out,
            },
        }
    )


def _summarise_seed(seed: int, runs: Sequence[Predictions]) -> dict[str, Any]:
    matrices = [predictions.confusion_matrix for predictions in runs]
    pooled = np.sum(matrices, axis=0)
    clips = pooled.sum(axis=1, keepdims=True)
    recalls = zip(runs[0].run.label_names, recall_estimates(pooled), strict=True)
    return {
        "seed": seed,
        "runs": [
            {"fold": predictions.run.fold, "num_clips": len(predictions.clip_ids)} | _uar_war([matrix])
            for predictions, matrix in zip(runs, matrices, strict=True)
        ],
        "mean_of_folds": _uar_war(matrices),
        "pooled": {"num_clips": int(pooled.sum())}
        | _uar_war([pooled])
        | {
            "recall": {name: None if estimate is None else asdict(estimate) for name, estimate in recalls},
            "confusion_matrix": pooled.tolist(),
            "confusion_matrix_normalised": (pooled / np.maximum(clips, 1)).tolist(),
        },
    }


def _uar_war(matrices: Sequence[np.ndarray]) -> dict[str, dict[str, float]]:
    uar, war = bootstrap_uar_war(matrices)
    return {"uar": asdict(uar), "war": asdict(war)}


def _over_seeds(seeds: Sequence[dict[str, Any]]) -> dict[str, float] | None:
    """Mean and standard deviation, over seeds, of the mean of folds."""
    folds = [[run["fold"] for run in summary["runs"]] for summary in seeds]
    if len(seeds) == 1 or any(other != folds[0] for other in folds):
        return None
    over: dict[str, float] = {"num_seeds": len(seeds)}
    for name in ("uar", "war"):
        values = [summary["mean_of_folds"][name]["value"] for summary in seeds]
        over |= {f"{name}_mean": float(np.mean(values)), f"{name}_std": float(np.std(values, ddof=1))}
    return over


def _draw_numbers(output_dir: Path, report: dict[str, Any], run: RunInfo) -> None:
    pooled = report["seeds"][0]["pooled"]
    matrix, names = np.array(pooled["confusion_matrix"]), report["label_names"]
    title = f"{report_title(report)}{of_seed(report)}{run.mark}"
    plot_confusion_matrix(matrix, names, output_dir / "confusion_matrix.png", title)
    plot_recalls(recall_estimates(matrix), matrix.sum(axis=1), names, output_dir / "recalls.png", title)


def _draw_projection(path: Path, first: Predictions, comparison: Comparison | None) -> dict[str, Any]:
    """The first run alone, or where both gave embeddings for a fold, the same clips as the others see them and we."""
    run = first.run
    try:
        if comparison is not None and comparison.embeddings is not None:
            theirs, ours = plot_comparison(comparison, path)
            name, beside = comparison.embeddings[0], theirs.silhouette
        elif first.embeddings is not None:
            name, beside = run.name, None
            [ours] = project([first.embeddings], first.labels)
            title = f"{run.dataset_name}, {name}: embeddings of {len(ours.labels):,} test clips{run.mark}"
            plot_projections([(run.description, ours)], run.label_names, path, title)
        else:
            return {"missing": "the model gives no embeddings"}
    except ProjectionError as error:
        return {"missing": str(error)}
    return {
        "picture": path.name,
        "run": name,
        "num_clips": len(ours.labels),
        "silhouette": ours.silhouette,
        "silhouette_beside": beside,
    }
