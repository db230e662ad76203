"""The report: its numbers against the metric, its words, the marks it must bear, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.evaluation.metrics import ExpressionMetrics
from logoformer_hf.evaluation.predictions import PREDICTIONS_FILE, RunInfo, read_predictions, write_predictions
from logoformer_hf.evaluation.published import PUBLISHED, published_beside
from logoformer_hf.evaluation.report import write_report

RUN = RunInfo(
    EXPRESSIONS,
    "dfew",
    "DFEW",
    seed=42,
    selection="validation",
    model="LOGO-Former tiny",
    num_folds=5,
    fold=1,
    compact_loss="margin",
    compact_loss_weight=0.1,
)
ONE_SPLIT = replace(RUN, fold=None, num_folds=None)
COUNTS = np.array([20, 15, 21, 17, 12, 3, 7])  # DFEW's proportions, 95 clips


def make_run(folder, run=RUN, strength=2.0, embeddings=True, counts=COUNTS):
    """Predictions of a run; the clips and their noise are a function of the fold, the model's own of its seed."""
    fold = run.fold or 0
    of_clips, of_model = np.random.default_rng(fold), np.random.default_rng([fold, run.seed])
    labels = of_clips.permutation(np.repeat(np.arange(len(counts)), counts))
    logits = np.eye(len(counts))[labels] * strength + of_clips.normal(size=(len(labels), len(counts)))
    logits += of_model.normal(scale=0.3, size=logits.shape)
    ids = [f"{fold}-{number:03d}" for number in range(len(labels))]
    path = folder / f"{run.compact_loss}-{fold}-{run.seed}" / PREDICTIONS_FILE
    write_predictions(path, ids, labels, logits, logits if embeddings else None, run)
    return read_predictions(path)


def make_folds(folder, folds=range(1, 6), run=RUN, **kwargs):
    return [make_run(folder, replace(run, fold=fold), **kwargs) for fold in folds]


def measure(*runs):
    return ExpressionMetrics(keep_in_memory=True).compute(
        predictions=np.concatenate([run.predictions for run in runs]),
        references=np.concatenate([run.labels for run in runs]),
        label_names=EXPRESSIONS,
    )


def test_five_folds_agree_with_the_metric(tmp_path):
    runs = make_folds(tmp_path)
    runs[2] = replace(runs[2], run=replace(runs[2].run, left_out=["3-900", "3-901"]))
    report = write_report(tmp_path / "report", runs)
    [seed] = report["seeds"]
    each, pooled = [measure(run) for run in runs], measure(*runs)
    for name in ("uar", "war"):
        values = [scores[name] for scores in each]
        assert [run[name]["value"] for run in seed["runs"]] == pytest.approx(values)
        assert seed["mean_of_folds"][name]["value"] == pytest.approx(np.mean(values))
        assert seed["pooled"][name]["value"] == pytest.approx(pooled[name])
        assert seed["pooled"][name]["low"] < pooled[name] < seed["pooled"][name]["high"]
    assert {name: recall["value"] for name, recall in seed["pooled"]["recall"].items()} == pytest.approx(
        pooled["recall"]
    )
    assert seed["pooled"]["confusion_matrix"] == pooled["confusion_matrix"]
    assert np.sum(seed["pooled"]["confusion_matrix_normalised"], axis=1) == pytest.approx(np.ones(7))
    assert report["clips"] == {"listed": 477, "left_out": 2, "tested": 475, "left_out_ids": ["3-900", "3-901"]}
    assert (report["complete"], report["folds"], report["over_seeds"]) == (True, [1, 2, 3, 4, 5], None)
    assert report["projection"] | {"silhouette": None} == {
        "picture": "projection.png",
        "run": "fold 1, seed 42",
        "num_clips": 95,
        "silhouette": None,
        "silhouette_beside": None,
    }

    assert json.loads((tmp_path / "report" / "report.json").read_text()) == json.loads(json.dumps(report))
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "confusion_matrix.png",
        "projection.png",
        "recalls.png",
        "report.json",
        "report.md",
    ]
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith(
        "# DFEW, 5 folds\n\nLOGO-Former tiny, compact loss margin x 0.1; seed 42. The epoch was chosen on validation "
        "clips, apart from those that are tested.\n\n"
        "Clips: 477 listed, 2 left out (3-900, 3-901), 475 tested, each once.\n"
    )
    mean = 100 * np.mean([scores["uar"] for scores in each])
    assert f"| mean of 5 folds  |       | {mean:.2f} |" in text
    assert f"| all clips pooled |   475 | {100 * pooled['uar']:.2f} |" in text
    assert "| LOGO-Former (2023)    | 54.21 | 66.98 |      - |     - |" in text
    assert f"| ours, mean of 5 folds | {mean:.2f} |" in text
    assert "picks the best epoch on the test set" in text
    assert "(chosen on the test set)" not in text


def test_every_table_and_picture_of_a_choice_on_the_test_set_is_marked(tmp_path):
    runs = make_folds(tmp_path, run=replace(RUN, selection="test"))
    report = write_report(tmp_path / "report", runs)
    assert report["chosen_on_test_set"] is True
    lines = (tmp_path / "report" / "report.md").read_text().splitlines()
    assert "**Chosen on the test set:** the epoch was chosen on the clips that are tested" in "\n".join(lines[:5])
    headings = [line for line in lines if line.startswith("#")]
    assert len(headings) == 6
    assert all(heading.endswith("(chosen on the test set)") for heading in headings)
    [ours] = [line for line in lines if line.startswith("| ours")]
    assert "mean of 5 folds (chosen on the test set)" in ours


@pytest.mark.parametrize("selection", ["test", "validation"])
def test_titles_of_pictures_bear_the_mark(tmp_path, monkeypatch, selection):
    titles = {}
    for name in ("plot_confusion_matrix", "plot_recalls", "plot_projections"):
        monkeypatch.setattr(f"logoformer_hf.report.{name}", lambda *args, name=name: titles.update({name: args[-1]}))
    write_report(tmp_path / "report", make_folds(tmp_path, run=replace(RUN, selection=selection)))
    marked = [title.endswith(" (chosen on the test set)") for title in titles.values()]
    assert marked == [selection == "test"] * 3


def test_some_folds_are_never_called_all(tmp_path):
    report = write_report(tmp_path / "report", make_folds(tmp_path, folds=[1, 2, 4]))
    assert (report["complete"], report["folds"]) == (False, [1, 2, 4])
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith("# DFEW, folds 1, 2, 4 of 5\n")
    assert "**Not all folds were tested:** no number here is the mean of 5 folds that the protocol asks for." in text
    assert "| mean of 3 of 5 folds |" in text
    assert "| ours, mean of 3 of 5 folds |" in text


def test_one_fold_has_no_mean(tmp_path):
    write_report(tmp_path / "report", make_folds(tmp_path, folds=[3]))
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith("# DFEW, fold 3 of 5\n")
    assert "| fold 3 |" in text
    assert "| ours, fold 3 of 5 " in text
    assert "pooled" not in text
    assert "mean of 1" not in text


def test_one_split(tmp_path):
    run = replace(ONE_SPLIT, dataset="ferv39k", dataset_name="FERV39K")
    report = write_report(tmp_path / "report", [make_run(tmp_path, run)])
    assert (report["folds"], report["complete"]) == ([None], True)
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith("# FERV39K, test\n")
    assert "| LOGO-Former (2023)    | 38.22 | 48.13 |" in text
    assert "fold" not in text


def test_seeds_have_mean_and_standard_deviation(tmp_path):
    runs = [run for seed in (1, 2, 3) for run in make_folds(tmp_path, folds=[1, 2], run=replace(RUN, seed=seed))]
    report = write_report(tmp_path / "report", runs)
    means = [np.mean([measure(run)["uar"] for run in runs[2 * n : 2 * n + 2]]) for n in range(3)]
    assert [seed["mean_of_folds"]["uar"]["value"] for seed in report["seeds"]] == pytest.approx(means)
    over = report["over_seeds"]
    assert (over["num_seeds"], over["uar_mean"]) == (3, pytest.approx(np.mean(means)))
    assert over["uar_std"] == pytest.approx((np.square(means - np.mean(means)).sum() / 2) ** 0.5)
    text = (tmp_path / "report" / "report.md").read_text()
    assert "; seeds 1, 2, 3. " in text
    assert "190 tested, each once with each seed." in text
    assert f"| mean of 3 seeds, standard deviation |       | {100 * over['uar_mean']:.2f} |" in text
    assert f"± {100 * over['uar_std']:.2f} |" in text
    assert "## Recall in percent, seed 1" in text
    assert "| ours, mean of 3 seeds, mean of 2 of 5 folds |" in text


def test_seeds_with_other_folds_have_no_mean(tmp_path):
    runs = [*make_folds(tmp_path, folds=[1, 2]), make_run(tmp_path, replace(RUN, seed=7))]
    report = write_report(tmp_path / "report", runs)
    assert report["over_seeds"] is None
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Not every seed tested the same folds: there is no mean over seeds." in text
    assert "standard deviation" not in text


def test_with_and_without_compact_loss(tmp_path):
    without = replace(RUN, compact_loss="none", compact_loss_weight=None, seed=7)
    ours, theirs = make_folds(tmp_path, folds=[1, 2]), make_folds(tmp_path, [1, 2], run=without, strength=0.5)
    report = write_report(tmp_path / "report", ours, beside=theirs)
    [pair] = report["beside"]["seeds"]
    assert (pair["war_a"], pair["war_b"]) == pytest.approx((measure(*theirs)["war"], measure(*ours)["war"]))
    projection = report["projection"]
    assert (projection["run"], projection["num_clips"]) == ("fold 1", 95)
    assert projection["silhouette"] > projection["silhouette_beside"]
    text = (tmp_path / "report" / "report.md").read_text()
    assert "## Beside LOGO-Former tiny, no compact loss\n" in text
    assert "B: LOGO-Former tiny, compact loss margin x 0.1" in text
    assert "B is better by" in text
    assert "in the runs beside (A in the picture)." in text


def test_beside_runs_of_other_folds_the_common_clips_are_compared(tmp_path):
    without = replace(RUN, compact_loss="none")
    write_report(tmp_path / "report", make_folds(tmp_path), beside=[make_run(tmp_path, without)])
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Compared on the 95 clips that both tested; 380 only by B (2-000, 2-001, 2-002, ...)." in text


def test_runs_that_cannot_be_beside_leave_nothing_behind(tmp_path):
    other = replace(ONE_SPLIT, dataset="ferv39k")
    with pytest.raises(ValueError, match="dataset is 'ferv39k' in A and 'dfew' in B"):
        write_report(tmp_path / "report", make_folds(tmp_path), beside=[make_run(tmp_path, other)])
    with pytest.raises(ValueError, match="no runs"):
        write_report(tmp_path / "report", [])
    assert not (tmp_path / "report").exists()


def test_a_model_without_embeddings_and_a_class_without_clips(tmp_path):
    counts = COUNTS.copy()
    counts[5] = 0
    runs = [make_run(tmp_path, replace(ONE_SPLIT, dataset="clips", dataset_name="mine"), 2.0, False, counts)]
    report = write_report(tmp_path / "report", runs)
    assert report["projection"] == {"missing": "the model gives no embeddings"}
    assert report["seeds"][0]["pooled"]["recall"]["disgust"] is None
    text = (tmp_path / "report" / "report.md").read_text()
    assert "No picture: the model gives no embeddings." in text
    assert "| disgust  |     0 |      - |              - |" in text
    assert "ublished" not in text


@pytest.mark.parametrize(
    "facts",
    [
        {"dataset": "clips"},
        {"setup": "Action"},
        {"split": "train"},
        {"trained_on": "FERV39K"},
        {"label_names": EXPRESSIONS[:5]},
    ],
)
def test_published_numbers_stand_only_beside_their_like(facts):
    assert published_beside(ONE_SPLIT) == PUBLISHED
    assert published_beside(replace(ONE_SPLIT, label_names=EXPRESSIONS[::-1])) == PUBLISHED
    assert published_beside(replace(ONE_SPLIT, **facts)) == ()


def test_selections_in_words(tmp_path):
    for selection, words in (("last", "the last one was tested"), ("given", "The model came trained")):
        write_report(tmp_path / selection, [make_run(tmp_path, replace(ONE_SPLIT, selection=selection))])
        assert words in (tmp_path / selection / "report.md").read_text()
