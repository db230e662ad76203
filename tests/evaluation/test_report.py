"""The numbers of a report against the metric, and the flat form that programs read."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from errors import raises_naming
from predicted import COUNTS, fold_run, make_folds, make_run, measure

from logoformer_hf.data.published import METHODS
from logoformer_hf.evaluation.calibration import measure_calibration
from logoformer_hf.evaluation.compare import compare_runs
from logoformer_hf.evaluation.report import ProjectionNote, summarise_runs

NO_PICTURE = ProjectionNote(missing="not drawn")


def test_five_folds_agree_with_the_metric(tmp_path):
    runs = make_folds(tmp_path, folds=(1, 2, 4, 5))
    runs.insert(2, make_run(tmp_path, fold_run(3, left_out=["3-900", "3-901"])))
    report = summarise_runs(runs, NO_PICTURE)
    [seed] = report.seeds
    each, pooled = [measure(run) for run in runs], measure(*runs)
    for name in ("uar", "war"):
        values = [scores[name] for scores in each]
        assert [getattr(run, name).value for run in seed.runs] == pytest.approx(values)
        assert getattr(seed.mean_of_folds, name).value == pytest.approx(np.mean(values))
        of_pooled = getattr(seed.pooled, name)
        assert of_pooled.value == pytest.approx(pooled[name])
        assert of_pooled.low < pooled[name] < of_pooled.high
    assert [(run.fold, run.num_clips) for run in seed.runs] == [(fold, 95) for fold in range(1, 6)]
    assert {name: recall.value for name, recall in seed.pooled.recall.items()} == pytest.approx(pooled["recall"])
    assert seed.pooled.confusion_matrix == pooled["confusion_matrix"]
    assert np.sum(seed.pooled.confusion_matrix_normalised, axis=1) == pytest.approx(np.ones(7))
    clips = report.clips
    assert (clips.listed, clips.left_out, clips.tested, clips.left_out_ids) == (477, 2, 475, ["3-900", "3-901"])
    assert (report.complete, report.folds, report.over_seeds, report.beside) == (True, [1, 2, 3, 4, 5], None, None)
    assert report.run == runs[0].run and report.projection is NO_PICTURE
    assert {result.name for result in report.published} <= {method.name for method in METHODS} and report.published


def test_some_folds_are_never_called_all(tmp_path):
    report = summarise_runs(make_folds(tmp_path, folds=[1, 2, 4]), NO_PICTURE)
    assert (report.complete, report.folds) == (False, [1, 2, 4])


def test_one_split(tmp_path):
    run = fold_run(None, dataset="ferv39k", dataset_name="FERV39K")
    report = summarise_runs([make_run(tmp_path, run)], NO_PICTURE)
    assert (report.folds, report.complete, report.seeds[0].runs[0].fold) == ([None], True, None)


def test_seeds_have_mean_and_standard_deviation(tmp_path):
    runs = [run for seed in (1, 2, 3) for run in make_folds(tmp_path, folds=[1, 2], seed=seed)]
    report = summarise_runs(runs, NO_PICTURE)
    means = [np.mean([measure(run)["uar"] for run in runs[2 * n : 2 * n + 2]]) for n in range(3)]
    assert [seed.mean_of_folds.uar.value for seed in report.seeds] == pytest.approx(means)
    over = report.over_seeds
    assert (over.num_seeds, over.uar_mean) == (3, pytest.approx(np.mean(means)))
    assert over.uar_std == pytest.approx((np.square(means - np.mean(means)).sum() / 2) ** 0.5)
    assert report.clips.tested == 190  # each counts once


def test_seeds_with_other_folds_have_no_mean(tmp_path):
    runs = [*make_folds(tmp_path, folds=[1, 2]), make_run(tmp_path, fold_run(1, seed=7))]
    assert summarise_runs(runs, NO_PICTURE).over_seeds is None


def test_calibration_of_every_run_with_its_own_temperature(tmp_path):
    one = make_run(tmp_path, fold_run(1, score_temperature=0.5))
    two = make_run(tmp_path, fold_run(2, score_temperature=2.0))
    [seed] = summarise_runs([two, one], NO_PICTURE).seeds
    assert [run.score_temperature for run in seed.runs] == [0.5, 2.0]
    for run, scores in zip(seed.runs, (one, two), strict=True):
        assert run.calibration.raw == measure_calibration(scores.scores, scores.labels)
        after = torch.tensor(scores.scores, dtype=torch.float64).log().div(run.score_temperature).softmax(1).numpy()
        assert asdict(run.calibration.calibrated) == pytest.approx(asdict(measure_calibration(after, scores.labels)))
        assert run.calibration.raw.right == pytest.approx(measure(scores)["war"])
    nll = [run.calibration.calibrated.nll for run in seed.runs]
    assert seed.pooled.calibration.calibrated.nll == pytest.approx(np.mean(nll))  # 95 clips each
    assert seed.pooled.calibration.raw.num_bins == 9 and seed.runs[0].calibration.raw.num_bins == 4


def test_a_run_without_temperature_leaves_the_pooled_clips_without(tmp_path):
    runs = [make_run(tmp_path, fold_run(1, score_temperature=0.5)), make_run(tmp_path, fold_run(2))]
    [seed] = summarise_runs(runs, NO_PICTURE).seeds
    assert seed.runs[0].calibration.calibrated is not None
    assert (seed.runs[1].score_temperature, seed.runs[1].calibration.calibrated) == (None, None)
    assert seed.pooled.calibration.calibrated is None and seed.pooled.calibration.raw.nll > 0


def test_other_runs_beside(tmp_path):
    ours, theirs = make_folds(tmp_path, folds=[1, 2]), make_folds(tmp_path, [1, 2], strength=0.5, compact_loss="none")
    comparison = compare_runs(theirs, ours)
    report = summarise_runs(ours, NO_PICTURE, comparison)
    [pair] = report.beside.seeds
    assert (pair.war_a, pair.war_b) == pytest.approx((measure(*theirs)["war"], measure(*ours)["war"]))
    assert report.beside.name == comparison.name_a and report.beside.notes == []


def test_a_class_without_clips(tmp_path):
    counts = COUNTS.copy()
    counts[5] = 0
    run = fold_run(None, dataset="clips", dataset_name="mine")
    pooled = summarise_runs([make_run(tmp_path, run, counts=counts)], NO_PICTURE).seeds[0].pooled
    assert pooled.recall["disgust"] is None
    assert pooled.confusion_matrix_normalised[5] == [0] * 7


def test_runs_that_do_not_belong_together_are_refused(tmp_path):
    with pytest.raises(ValueError):
        summarise_runs([], NO_PICTURE)
    with raises_naming(ValueError, "compact_loss"):
        summarise_runs([*make_folds(tmp_path, [1]), *make_folds(tmp_path, [2], compact_loss="none")], NO_PICTURE)


# --- the flat form

FACTS = [
    "label_names",
    "seed",
    "selection",
    "model",
    "split",
    "fold",
    "trained_on",
    "compact_loss",
    "compact_loss_weight",
    "score_temperature",
    "faces",
    "dataset",
    "dataset_name",
    "num_folds",
    "setup",
    "left_out",
]
KEYS = {
    *(
        "version",
        "chosen_on_test_set",
        "train_share",
        "test_views",
        "seen_clips",
        "folds",
        "complete",
        "clips",
        "groups",
        "human",
        "seeds",
        "over_seeds",
        "projection",
        "beside",
    ),
    "published",
    *set(FACTS) - {"fold", "seed", "left_out", "score_temperature"},
}


def test_programs_read_the_same_keys_as_before(tmp_path):
    runs = [run for seed in (1, 2) for run in make_folds(tmp_path, folds=[1, 2], seed=seed)]
    beside = make_folds(tmp_path, [1, 2], seed=1, compact_loss="none")
    projection = ProjectionNote("projection.png", "fold 1, seed 1", 95, 0.25, 0.125)
    report = summarise_runs(runs, projection, compare_runs(beside, runs)).to_json()
    assert json.loads(json.dumps(report)) == report
    assert set(report) == KEYS and report["version"] == 1
    assert (report["dataset"], report["num_folds"], report["setup"]) == ("dfew", 5, None)
    assert set(report["clips"]) == {"listed", "left_out", "tested", "left_out_ids"}
    assert set(report["over_seeds"]) == {"num_seeds", "uar_mean", "uar_std", "war_mean", "war_std"}
    assert report["projection"] == {
        "picture": "projection.png",
        "run": "fold 1, seed 1",
        "num_clips": 95,
        "silhouette": 0.25,
        "silhouette_beside": 0.125,
    }
    seed = report["seeds"][0]
    assert set(seed) == {"seed", "runs", "mean_of_folds", "pooled"}
    assert set(seed["runs"][0]) == {"fold", "num_clips", "uar", "war", "score_temperature", "calibration"}
    assert set(seed["runs"][0]["uar"]) == {"value", "low", "high"}
    assert set(seed["mean_of_folds"]) == {"uar", "war"}
    assert set(seed["pooled"]) == {
        *("num_clips", "uar", "war", "recall", "confusion_matrix", "confusion_matrix_normalised"),
        "calibration",
    }
    assert set(seed["pooled"]["calibration"]) == {"raw", "calibrated"}
    assert set(seed["pooled"]["calibration"]["raw"]) == {"ece", "num_bins", "nll", "brier", "mean_score", "right"}
    assert set(report["beside"]) == {"name", "seeds", "notes"}
    assert {"seed_a", "seed_b", "num_clips", "uar_a", "war_difference", "recall_a", "mcnemar"} < set(
        report["beside"]["seeds"][0]
    )
    assert set(report["published"][0]) == {"name", "year", "paper", "uar", "war", "params_m", "gflops"}


def test_what_is_not_there_is_null(tmp_path):
    run = fold_run(None, dataset="clips", dataset_name="mine", selection="test")
    report = summarise_runs([make_run(tmp_path, run)], NO_PICTURE).to_json()
    assert (report["over_seeds"], report["beside"], report["published"]) == (None, None, [])
    assert report["projection"] == {"missing": "not drawn"}
    assert report["chosen_on_test_set"] is True and report["folds"] == [None]
