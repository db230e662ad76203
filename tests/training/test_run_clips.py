"""What the clips of a run are is known before it trains, and compared when its command is given again."""

import json
import shutil

import pytest
from dataset_trees import dfew_label, jpeg
from errors import check_named, raises_naming
from small_runs import NEW, run_small, write_own

from logoformer_hf.data import identity
from logoformer_hf.data.identity import content_id
from logoformer_hf.evaluation.predictions import PREDICTIONS_FILE, read_predictions
from logoformer_hf.training.run_clips import gather_in_turn
from logoformer_hf.training.runs import Run
from logoformer_hf.training.settings import parse_arguments


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    cache_dir = tmp_path_factory.mktemp("cache")
    return lambda out, data, *arguments, **options: run_small(out, data, cache_dir, *arguments, **options)


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    root = write_own(folder / "own", 1)
    return root, run(folder / "out", root, *NEW)


@pytest.fixture
def copy(finished, tmp_path):
    """The finished run and its clips, to be changed; the identifiers are those of the contents, not of the places."""
    root, out = finished
    return shutil.copytree(root, tmp_path / "own", symlinks=True), shutil.copytree(out, tmp_path / "out")


def test_a_clip_in_the_test_lists_of_two_folds_stops_before_any_training(run, dfew_tree, tmp_path):
    root = shutil.copytree(dfew_tree, tmp_path / "DFEW")
    with (root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_4.csv").open("a") as file:
        file.write(f"2521,{dfew_label(2521)}\n")  # tested in fold 1 as well
    annotation = root / "EmoLabel_DataSplit" / "train(single-labeled)" / "set_4.csv"
    lines = [line for line in annotation.read_text().splitlines() if not line.startswith("2521,")]
    annotation.write_text("\n".join(lines) + "\n")
    with raises_naming(ValueError, "02521 (folds 1, 4)"):
        run(tmp_path / "out", root, "--fold", "all", *NEW, dataset="dfew")
    assert not list(tmp_path.glob("out/**/run.json"))


def test_clips_of_all_folds_are_read_once_for_their_identifiers(dfew_tree, tmp_path, monkeypatch):
    read = []

    def identify(path):
        read.append(path)
        return content_id(path)

    monkeypatch.setattr(identity, "content_id", identify)
    settings = parse_arguments(
        [
            *("--dataset", "dfew", "--data_dir", str(dfew_tree), "--fold", "all", "--use_cpu", "True"),
            *("--validation_size", "0.25"),
            *("--output_dir", str(tmp_path / "out"), "--cache_dir", str(tmp_path / "cache")),
        ]
    )
    clips = gather_in_turn([Run(fold, 42, tmp_path / str(fold)) for fold in (1, 2, 3)], settings)
    every = [each for run in clips.values() for split in ("train", "test") for each in run.source.rows[split]]
    assert len(every) == 3 * 35 and len(read) == 35
    assert all(each["content_id"] == content_id(each["video"]) for each in every)


def change_frame(root):
    (root / "test" / "sad" / "test0" / "00001.jpg").write_bytes(jpeg(250))


def take_clip_away(root):
    shutil.rmtree(root / "train" / "happy" / "train1")


def change_label(root):
    (root / "train" / "happy" / "train1").rename(root / "train" / "sad" / "train9")


def change_split(root):
    (root / "train" / "happy" / "train1").rename(root / "test" / "happy" / "train1")


@pytest.mark.parametrize("change", [change_frame, take_clip_away, change_label, change_split])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_run_on_other_clips_neither_goes_on_nor_shows_its_old_table(run, copy, change, is_done):
    root, out = copy
    known = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(known | {"data_dir": str(root)}))
    if not is_done:
        (out / PREDICTIONS_FILE).unlink()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    change(root)
    with raises_naming(ValueError, out, known["data_digest"]):
        run(out, root, *NEW)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_unchanged_clips_and_runs_of_earlier_versions_are_shown(run, copy):
    root, out = copy
    known = json.loads((out / "run.json").read_text()) | {"data_dir": str(root)}
    before = (out / PREDICTIONS_FILE).read_bytes()
    for settings in (known, {name: value for name, value in known.items() if name != "data_digest"}):
        (out / "run.json").write_text(json.dumps(settings))
        run(out, root, *NEW)
        assert (out / PREDICTIONS_FILE).read_bytes() == before


def test_results_of_something_else_are_not_taken_for_those_of_a_training(run, copy, tmp_path):
    root, out = copy
    (tmp_path / "evaluated").mkdir()
    shutil.copy(out / PREDICTIONS_FILE, tmp_path / "evaluated")
    with raises_naming(ValueError, tmp_path / "evaluated", PREDICTIONS_FILE, "run.json"):
        run(tmp_path / "evaluated", root, *NEW)


@pytest.mark.parametrize("on_problem", ["skip", "stop"])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_refused_run_leaves_the_list_of_problems_of_the_run_that_is_there(run, copy, tmp_path, on_problem, is_done):
    _, out = copy
    (out / "problems.csv").write_text("clip,path,reason\n")
    if not is_done:
        (out / PREDICTIONS_FILE).unlink()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    other = write_own(tmp_path / "other", 150)
    (other / "train" / "sad" / "train3" / "00001.jpg").write_bytes(b"")
    with raises_naming(ValueError, out if on_problem == "skip" else "train3"):
        run(out, other, *NEW, "--on_problem", on_problem)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_share_of_the_training_clips_is_said_everywhere(run, tmp_path):
    """Three clips of each class remain after validation; a third of them is one."""
    root = write_own(tmp_path / "own", 40)
    out = run(tmp_path / "out", root, *NEW, "--train_share", "0.34")
    assert json.loads((out / "run.json").read_text())["train_share"] == 0.34
    results = json.loads((out / "eval_results.json").read_text())
    assert results["clips_per_split"] == {"train": 2, "validation": 2, "test": 4}
    names = json.loads((out / "training_clips.json").read_text())
    assert sorted(name.split("/")[1] for name in names) == ["happy", "sad"]
    assert not set(names) & set(json.loads((out / "validation_clips.json").read_text()))
    assert read_predictions(out / PREDICTIONS_FILE).run.train_share == 0.34
    assert json.loads((out / "report.json").read_text())["train_share"] == 0.34
    for text in ("report.md", "README.md"):
        check_named((out / text).read_text(), "34 %")
    with raises_naming(ValueError, "train_share 0.34", "0.5"):
        run(out, root, *NEW, "--train_share", "0.5")
