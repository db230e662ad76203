"""The report in words: each number in its place, and the marks that it must bear."""

import re

import numpy as np
import pytest
from errors import check_named
from predicted import COUNTS, fold_run, make_folds, make_run, measure

from logoformer_hf import EXPRESSIONS
from logoformer_hf.evaluation.calibration import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE
from logoformer_hf.evaluation.compare import compare_runs
from logoformer_hf.evaluation.report import ProjectionNote, summarise_runs
from logoformer_hf.evaluation.report_text import format_report, format_summary, report_title

PICTURE = ProjectionNote("projection.png", "fold 1, seed 42", 95, 0.1234)


def write(runs, beside=None, projection=PICTURE) -> str:
    comparison = compare_runs(beside, runs, common=True) if beside else None
    return format_report(summarise_runs(runs, projection, comparison), comparison)


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table."""
    return [re.split(r" *\| *", line.strip("| ")) for line in text.splitlines() if line.startswith("|")]


def row(text: str, *words: str) -> list[str]:
    """The one row whose first cell holds all of these words."""
    [found] = [cells for cells in rows(text) if all(word in cells[0] for word in words)]
    return found


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def test_five_folds(tmp_path):
    runs = make_folds(tmp_path, folds=(1, 2, 4, 5))
    runs.insert(2, make_run(tmp_path, fold_run(3, left_out=["3-900", "3-901"])))
    text = write(runs)
    each, pooled = [measure(run) for run in runs], measure(*runs)
    title, _, about, _, clips, *_ = text.splitlines()
    assert title == "# DFEW, 5 folds"
    check_named(about, "LOGO-Former tiny, compact loss margin x 0.1", "42")
    check_named(clips, "477", "2 ", "3-900, 3-901", "475")
    mean = percent(np.mean([scores["uar"] for scores in each]))
    assert [cells[2] for cells in rows(text) if cells[0] == "mean of 5 folds"] == [mean]
    scores = text[: text.index("## Calibration")]
    assert row(scores, "pooled")[1:3] == ["475", percent(pooled["uar"])]
    assert row(scores, "fold 4")[1:3] == ["95", percent(each[3]["uar"])]
    assert row(text, "LOGO-Former", "2023")[1:] == ["54.21", "66.98", "-", "-"]
    assert row(text, "ours")[1] == mean
    for picture in ("recalls.png", "confusion_matrix.png", "projection.png"):
        assert f"]({picture})" in text
    check_named(text, "0.123", "fold 1, seed 42")
    assert runs[0].run.mark == "" and "(chosen" not in text


def test_every_table_and_heading_of_a_choice_on_the_test_set_is_marked(tmp_path):
    runs = make_folds(tmp_path, selection="test")
    text = write(runs)
    mark = runs[0].run.mark
    assert "test set" in mark
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert len(headings) == 7 and all(heading.endswith(mark) for heading in headings)
    assert row(text, "ours")[0].endswith(mark)
    assert "**" in text.splitlines()[2]  # said in bold before the first number


def test_some_folds_are_never_called_all(tmp_path):
    runs = make_folds(tmp_path, folds=[1, 2, 4])
    text = write(runs)
    assert text.startswith("# DFEW, folds 1, 2, 4 of 5\n")
    assert sum("3 of 5" in cells[0] for cells in rows(text)) == 2  # the mean, and ours beside the published ones
    assert "3 of 5" in row(text, "ours")[0]
    assert any(line.startswith("**") and "5 folds" in line for line in text.splitlines())


def test_one_fold_has_no_mean(tmp_path):
    text = write(make_folds(tmp_path, folds=[3]))
    assert text.startswith("# DFEW, fold 3 of 5\n")
    assert "fold 3 of 5" in row(text, "ours")[0]
    assert not any("pooled" in cells[0] or "mean" in cells[0] for cells in rows(text))


def test_one_split(tmp_path):
    run = fold_run(None, dataset="ferv39k", dataset_name="FERV39K")
    text = write([make_run(tmp_path, run)], projection=ProjectionNote("projection.png", "seed 42", 95, 0.5))
    assert text.startswith("# FERV39K, test\n")
    assert row(text, "LOGO-Former", "2023")[1:3] == ["38.22", "48.13"]
    assert "fold" not in text
    scene = summarise_runs([make_run(tmp_path, fold_run(None, dataset="ferv39k", setup="Action"))], PICTURE)
    check_named(report_title(scene), "Action", "test")


def test_seeds(tmp_path):
    runs = [run for seed in (1, 2, 3) for run in make_folds(tmp_path, folds=[1, 2], seed=seed)]
    text, over = write(runs), summarise_runs(runs, PICTURE).over_seeds
    check_named(text.splitlines()[2], "1, 2, 3")
    check_named(text.splitlines()[4], "190")
    [cells] = [cells for cells in rows(text) if any("±" in cell for cell in cells)]
    assert cells[2:4] == [percent(over.uar_mean), f"± {percent(over.uar_std)}"]
    assert "3 seeds" in row(text, "ours")[0] and "2 of 5" in row(text, "ours")[0]
    assert row(text, "ours")[1:3] == [percent(over.uar_mean), percent(over.war_mean)]
    assert [line for line in text.splitlines() if line.startswith("## ") and line.endswith("seed 1")]  # whose recalls


def test_seeds_with_other_folds_have_no_mean(tmp_path):
    text = write([*make_folds(tmp_path, folds=[1, 2]), make_run(tmp_path, fold_run(1, seed=7))])
    assert "±" not in text


def test_other_runs_beside(tmp_path):
    ours, theirs = (
        make_folds(tmp_path, [1, 2]),
        make_folds(tmp_path, [1, 2], strength=0.5, compact_loss="none", seed=7),
    )
    projection = ProjectionNote("projection.png", "fold 1", 95, 0.25, 0.125)
    text = write(ours, theirs, projection)
    check_named(text, "B: LOGO-Former tiny, compact loss margin x 0.1", "0.250", "0.125")
    assert [line for line in text.splitlines() if line.startswith("## ") and line.endswith(theirs[0].run.description)]


def test_beside_runs_of_other_folds_the_common_clips_are_named(tmp_path):
    text = write(make_folds(tmp_path), [make_run(tmp_path, fold_run(1, compact_loss="none"))])
    check_named(text, "(2-000, 2-001, 2-002, ...)")


def test_what_is_not_there(tmp_path):
    counts = COUNTS.copy()
    counts[5] = 0
    run = fold_run(None, dataset="clips", dataset_name="mine")
    text = write([make_run(tmp_path, run, counts=counts)], projection=ProjectionNote(missing="the reason"))
    assert "the reason" in text and "projection.png" not in text
    assert row(text, "disgust")[1:] == ["0", "-", "-"]
    assert not any("ours" in cells[0] for cells in rows(text))


def test_many_clips_that_were_left_out_are_cut(tmp_path):
    left_out = [f"0-{number}" for number in range(900, 908)]
    text = write([make_run(tmp_path, fold_run(None, left_out=left_out))])
    check_named(text, "0-904, ...", "report.json")
    assert "0-905" not in text


def test_calibration_before_and_after(tmp_path):
    runs = [make_run(tmp_path, fold_run(1, score_temperature=0.75)), make_run(tmp_path, fold_run(2))]
    text = write(runs)
    seed = summarise_runs(runs, PICTURE).seeds[0]
    for name, calibration in (
        ("fold 1, scores", seed.runs[0].calibration.raw),
        ("fold 1, with temperature 0.750", seed.runs[0].calibration.calibrated),
        ("fold 2, scores", seed.runs[1].calibration.raw),
        ("pooled, scores", seed.pooled.calibration.raw),
    ):
        shares = [percent(share) for share in (calibration.right, calibration.mean_score, calibration.ece)]
        numbers = [f"{calibration.nll:.4f}", f"{calibration.brier:.4f}"]
        assert row(text, name)[1:] == [*shares, str(calibration.num_bins), *numbers]
    assert not [cells for cells in rows(text) if "fold 2, with" in cells[0] or "pooled, with" in cells[0]]
    check_named(text, "fitted on validation clips", "1 of 2 runs have none", "not calibrated")
    both = write([make_run(tmp_path, fold_run(fold, score_temperature=0.75)) for fold in (1, 2)])
    assert row(both, "pooled, with")[1] == row(both, "pooled, scores")[1]
    assert "have none" not in both and "limit of the fit" not in both


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"score_temperature": 1.5}, "fitted on validation clips of the training, apart from the tested ones"),
        ({"score_temperature": 1.5, "selection": "last"}, "apart from the tested ones"),
        ({"score_temperature": 1.5, "selection": "given", "trained_on": "FERV39K"}, "came with the model"),
        ({"score_temperature": 1.5, "split": "validation"}, "too good"),
        ({"score_temperature": LOWEST_TEMPERATURE}, "at a limit of the fit"),
        ({"score_temperature": HIGHEST_TEMPERATURE}, "at a limit of the fit"),
        ({}, "at least 50 validation clips"),
        ({"selection": "test"}, "no others were left"),
    ],
)
def test_where_the_temperature_comes_from(tmp_path, facts, said):
    check_named(write([make_run(tmp_path, fold_run(None, **facts))]), said)


def test_selections_have_words_of_their_own(tmp_path):
    words = {}
    for selection in ("validation", "test", "last", "given"):
        text = write([make_run(tmp_path, fold_run(None, selection=selection))])
        words[selection] = text.splitlines()[2]
    assert len(set(words.values())) == 4


@pytest.mark.parametrize("selection", ["test", "validation"])
def test_a_summary_for_a_terminal(tmp_path, selection):
    runs = make_folds(tmp_path, folds=[1, 2], selection=selection)
    summary = format_summary(summarise_runs(runs, PICTURE))
    check_named(summary.splitlines()[0], "DFEW, folds 1, 2 of 5", "190 clips", runs[0].run.mark)
    assert row(summary, "fold 2")[2] == percent(measure(runs[1])["uar"])
    assert {cells[0] for cells in rows(summary)} >= set(EXPRESSIONS)
    pooled = summarise_runs(runs, PICTURE).seeds[0].pooled.calibration.raw
    check_named(summary, f"calibration error {percent(pooled.ece)} %")
    assert "#" not in summary and ".png" not in summary
