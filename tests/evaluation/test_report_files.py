"""The files of a report: which there are, what their pictures are called, and that nothing is left after an error."""

import json

import pytest
from errors import check_named, raises_naming
from predicted import fold_run, make_folds, make_run

from logoformer_hf.evaluation import report_files
from logoformer_hf.evaluation.report_files import write_report

FILES = ["confusion_matrix.png", "projection.png", "recalls.png", "report.json", "report.md"]


def test_what_is_written(tmp_path):
    report = write_report(tmp_path / "report", make_folds(tmp_path))
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == report.to_json()
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == FILES
    assert all(path.stat().st_size > 10_000 for path in (tmp_path / "report").glob("*.png"))
    projection = report.projection
    assert (projection.picture, projection.run, projection.num_clips) == ("projection.png", "fold 1, seed 42", 95)
    assert -1 < projection.silhouette < 1 and projection.silhouette_beside is None and projection.missing is None


@pytest.mark.parametrize("selection", ["test", "validation"])
def test_titles_of_pictures_bear_the_mark(tmp_path, monkeypatch, selection):
    titles = {}
    for name in ("plot_confusion_matrix", "plot_recalls", "plot_projections"):
        monkeypatch.setattr(report_files, name, lambda *args, name=name: titles.update({name: args[-1]}))
    runs = make_folds(tmp_path, selection=selection)
    write_report(tmp_path / "report", runs)
    mark = runs[0].run.mark
    assert len(titles) == 3 and bool(mark) == (selection == "test")
    for title in titles.values():
        assert title.endswith(mark) and ("test set" in title) == bool(mark)


def test_both_embeddings_are_drawn_where_runs_are_beside(tmp_path):
    ours, theirs = (
        make_folds(tmp_path, [1, 2]),
        make_folds(tmp_path, [1, 2], strength=0.5, compact_loss="none", seed=7),
    )
    projection = write_report(tmp_path / "report", ours, beside=theirs).projection
    assert (projection.run, projection.num_clips) == ("fold 1", 95)
    assert projection.silhouette > projection.silhouette_beside


def test_beside_runs_of_other_folds_the_common_clips_are_compared(tmp_path):
    beside = [make_run(tmp_path, fold_run(1, compact_loss="none"))]
    report = write_report(tmp_path / "report", make_folds(tmp_path), beside=beside)
    [note] = report.beside.notes
    check_named(note, "95 clips", "380", "(2-000, 2-001, 2-002, ...)")


def test_runs_that_cannot_be_beside_leave_nothing_behind(tmp_path):
    other = make_run(tmp_path, fold_run(None, dataset="ferv39k"))
    with raises_naming(ValueError, "dataset", "'ferv39k'", "'dfew'"):
        write_report(tmp_path / "report", make_folds(tmp_path), beside=[other])
    with pytest.raises(ValueError):
        write_report(tmp_path / "report", [])
    assert not (tmp_path / "report").exists()


def test_a_picture_that_cannot_be_drawn_costs_no_numbers(tmp_path, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise RuntimeError("no font")

    for name in ("plot_confusion_matrix", "plot_recalls", "plot_projections"):
        monkeypatch.setattr(report_files, name, fail)
    report = write_report(tmp_path / "report", make_folds(tmp_path))
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.json", "report.md"]
    assert report.projection.picture is None and report.projection.missing
    check_named(caplog.text, "confusion_matrix.png", "recalls.png", "projection.png", "no font")


def test_without_embeddings_there_is_no_picture_of_them(tmp_path):
    report = write_report(tmp_path / "report", [make_run(tmp_path, fold_run(None), embeddings=False)])
    assert report.projection.picture is None and report.projection.missing
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        name for name in FILES if name != "projection.png"
    ]


def test_too_few_clips_for_a_picture_say_so(tmp_path):
    report = write_report(tmp_path / "report", [make_run(tmp_path, fold_run(None), counts=[1] * 7)])
    check_named(report.projection.missing, "7", "10")


def test_names_of_data_sets_are_no_markdown_in_pictures_and_terminals(tmp_path, monkeypatch):
    titles = []
    for name in ("plot_confusion_matrix", "plot_recalls"):
        monkeypatch.setattr(report_files, name, lambda *args: titles.append(args[-1]))
    write_report(tmp_path / "report", make_folds(tmp_path, dataset_name="_my_ *set*"))
    assert len(titles) == 2 and all(title.startswith("_my_ *set*, ") for title in titles)
    assert r"\_my\_ \*set\*" in (tmp_path / "report" / "report.md").read_text()
