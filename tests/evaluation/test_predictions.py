"""Predictions of a run: what is written is read again, by other tools too, and every fault is named."""

import json
import random
from dataclasses import replace

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from errors import raises_naming
from toys import run_info

from logoformer_hf.data.trained_on import SeenClips
from logoformer_hf.evaluation.predictions import (
    PREDICTIONS_FILE,
    RunInfo,
    find_predictions,
    group_by_seed,
    joint_info,
    load_runs,
    read_predictions,
    write_predictions,
)

FACTS = {
    "label_names": ["happy", "sad", "fear"],
    "fold": 2,
    "num_folds": 5,
    "compact_loss": "margin",
    "compact_loss_weight": 0.1,
    "left_out": ["00017"],
}
RUN = run_info(**FACTS)
CLIPS = ["00001", "00002", "00003", "00004"]
LABELS = [0, 1, 2, 0]
LOGITS = np.log([[0.7, 0.2, 0.1], [0.25, 0.5, 0.25], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
EMBEDDINGS = np.arange(20).reshape(4, 5) / 10


def write(path, clip_ids=CLIPS, labels=LABELS, logits=LOGITS, embeddings=EMBEDDINGS, run=RUN):
    write_predictions(path, clip_ids, labels, logits, embeddings, run)
    return path


def test_what_is_written_is_read_again(tmp_path):
    predictions = read_predictions(write(tmp_path / "fold-2" / PREDICTIONS_FILE))  # makes the folder, reads no `fold`
    assert predictions.run == RUN
    assert predictions.clip_ids == CLIPS
    assert predictions.labels.tolist() == LABELS
    assert predictions.predictions.tolist() == [0, 1, 0, 2]
    np.testing.assert_allclose(predictions.scores, np.exp(LOGITS), rtol=1e-6)
    np.testing.assert_array_equal(predictions.embeddings, EMBEDDINGS.astype(np.float32))
    assert predictions.confusion_matrix.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert [path.name for path in (tmp_path / "fold-2").iterdir()] == [PREDICTIONS_FILE]


def test_scores_of_large_logits_are_finite(tmp_path):
    path = write(tmp_path / "p.parquet", logits=np.array([[1e4, 0.0, -1e4]] * 4))
    np.testing.assert_array_equal(read_predictions(path).scores, [[1, 0, 0]] * 4)


def test_other_tools_read_it(tmp_path):
    path = write(tmp_path / PREDICTIONS_FILE)
    table = pd.read_parquet(path)
    assert list(table.columns) == ["clip_id", "label", "prediction", "scores", "embedding"]
    assert table["label"].tolist() == LABELS
    assert table["scores"][0].dtype == np.float32
    rows = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
    assert rows.features["label"].names == ["happy", "sad", "fear"]
    assert rows.features["prediction"].int2str(rows["prediction"][3]) == "fear"


def test_a_model_without_embeddings(tmp_path):
    path = write(tmp_path / PREDICTIONS_FILE, embeddings=None)
    assert "embedding" not in pd.read_parquet(path)
    assert read_predictions(path).embeddings is None


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        ({"clip_ids": [], "labels": [], "logits": np.zeros((0, 3)), "embeddings": None}, []),
        ({"labels": [0, 1]}, ["labels", "2", "4"]),
        ({"embeddings": EMBEDDINGS[:3]}, ["embeddings", "3", "4"]),
        ({"logits": LOGITS[:, :2]}, ["logits", "(4, 2)", "3"]),
        ({"labels": [0, 1, 3, -1]}, ["labels", "2 clips", "0 to 2", "00003"]),
        ({"clip_ids": ["a", "b", "c", "b"]}, ["clip b"]),
        ({"logits": np.where(np.int64(1) == LABELS, np.nan, LOGITS.T).T}, ["scores", "1 clips", "00002"]),
        ({"embeddings": np.full((4, 5), np.inf)}, ["embeddings", "4 clips"]),
    ],
)
def test_what_cannot_be_is_not_written(tmp_path, faulty, words):
    with raises_naming(ValueError, *words):
        write(tmp_path / PREDICTIONS_FILE, **faulty)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path / PREDICTIONS_FILE)
    old = path.read_bytes()

    def broken(table, where):
        where.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", broken)
    with pytest.raises(OSError, match="disk full"):
        write(path, labels=[0, 0, 0, 0])
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def resave(path, change):
    """Saves the file anew, its table changed."""
    pq.write_table(change(pq.read_table(path)), path)


def with_fact(table, **facts):
    known = json.loads(table.schema.metadata[b"logoformer_run"])
    return table.replace_schema_metadata({"logoformer_run": json.dumps(known | facts)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop_columns("scores"), ["'scores'", "clip_id, label, prediction, embedding"]),
        (lambda table: table.replace_schema_metadata(None), ["logoformer_run"]),
        (lambda table: table.slice(0, 0), []),
        (lambda table: with_fact(table, version=2), ["version 2", "version 1"]),
        (lambda table: with_fact(table, shoe_size=42), ["'shoe_size'"]),
        (lambda table: with_fact(table, selection="dice"), ["selection", "'dice'", "validation, test"]),
        (lambda table: with_fact(table, label_names=["happy", "sad"]), ["1 clips", "0 to 1"]),
        (
            lambda table: table.set_column(3, "scores", pa.array([[0.1], [0.1, 0.2, 0.7], [1.0], [1.0]])),
            ["'scores'"],
        ),
        (lambda table: table.set_column(3, "scores", pa.array([[1.0, 0.0]] * 4)), ["scores", "2", "3"]),
    ],
)
def test_a_faulty_file_says_what_is_wrong_and_which_it_is(tmp_path, change, words):
    path = write(tmp_path / PREDICTIONS_FILE)
    resave(path, change)
    with raises_naming(ValueError, *words) as error:
        read_predictions(path)
    assert str(path) in str(error.value) or "selection" in words


def scores_of(table, *rows):
    return table.set_column(3, "scores", pa.array([*rows, *table["scores"].to_pylist()[len(rows) :]]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: scores_of(table, [0.9, 0.2, 0.1]), ["scores", "1 clips", "add up to 1", "00001"]),
        (lambda table: scores_of(table, [1.2, -0.1, -0.1]), ["scores", "less than 0", "00001"]),
        (lambda table: scores_of(table, [0.2, 0.7, 0.1]), ["predictions of 1 clips", "largest score", "00001"]),
        (lambda table: scores_of(table, [float("nan"), 0.5, 0.5]), ["scores of 1 clips", "finite", "00001"]),
        (lambda table: scores_of(table, [None, 0.5, 0.5]), ["'scores'", "without a value"]),
        (lambda table: scores_of(table, None), ["'scores'", "without a value"]),
        (lambda table: table.set_column(3, "scores", pa.array([[1, 0, 0]] * 4)), ["'scores'", "list<", "int64"]),
        (lambda table: table.set_column(3, "scores", pa.array([[]] * 4, pa.list_(pa.float32()))), ["'scores'"]),
        (lambda table: table.set_column(2, "prediction", pa.array([1, 1, 0, 2])), ["predictions of 1 clips", "00001"]),
        (lambda table: table.set_column(1, "label", pa.array([0.0, 1.0, 2.0, 0.0])), ["'label'", "double"]),
        (lambda table: table.set_column(1, "label", pa.array(["0", "1", "2", "0"])), ["'label'", "string"]),
        (lambda table: table.set_column(1, "label", pa.array([0, None, 2, 0])), ["'label'", "without a value"]),
        (lambda table: table.set_column(1, "label", pa.array([0, 1, 3, 0])), ["labels of 1 clips", "0 to 2", "00003"]),
        (lambda table: table.set_column(0, "clip_id", pa.array([1, 2, 3, 4])), ["'clip_id'", "int64", "text"]),
        (lambda table: table.set_column(0, "clip_id", pa.array(["a", None, "b", "c"])), ["'clip_id'"]),
        (lambda table: table.set_column(0, "clip_id", pa.array(["a", "b", "a", "c"])), ["clip a occurs twice"]),
        (lambda table: with_fact(table, fold="2"), ["'fold'", "'2'", "a whole number"]),
        (lambda table: with_fact(table, fold=True), ["'fold'", "True"]),
        (lambda table: with_fact(table, fold=6), ["'fold'", "6", "1 to 5"]),
        (lambda table: with_fact(table, seed=1.5), ["'seed'", "1.5"]),
        (lambda table: with_fact(table, label_names="happy"), ["'label_names'", "'happy'"]),
        (lambda table: with_fact(table, left_out=[17]), ["'left_out'", "[17]"]),
        (lambda table: with_fact(table, split=None), ["'split'", "None"]),
        (lambda table: with_fact(table, score_temperature="hot"), ["'score_temperature'", "'hot'"]),
        (lambda table: with_fact(table, selection="dice"), ["selection", "'dice'"]),
        (lambda table: table.replace_schema_metadata({"logoformer_run": "{half"}), ["damaged"]),
        (lambda table: table.replace_schema_metadata({"logoformer_run": "[1]"}), ["damaged"]),
    ],
)
def test_predictions_that_no_run_has_are_refused(tmp_path, change, words):
    path = write(tmp_path / PREDICTIONS_FILE)
    resave(path, change)
    with raises_naming(ValueError, path, *words):
        read_predictions(path)


def test_a_damaged_file_is_refused_or_read_as_it_was(tmp_path):
    path = write(tmp_path / PREDICTIONS_FILE)
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        try:
            predictions = read_predictions(path)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            assert predictions.scores.shape == (4, 3)
    for length in (0, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with raises_naming(ValueError, path):
            read_predictions(path)


def test_files_that_are_none(tmp_path):
    with raises_naming(FileNotFoundError, tmp_path / "nowhere.parquet"):
        read_predictions(tmp_path / "nowhere.parquet")
    (tmp_path / "text.parquet").write_text("clip_id,label")
    with raises_naming(ValueError, tmp_path / "text.parquet"):
        read_predictions(tmp_path / "text.parquet")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"label_names": ["happy", "happy"]}, ["label_names", "['happy', 'happy']"]),
        ({"fold": None}, ["fold", "None", "num_folds", "5"]),
        ({"selection": "dice"}, ["selection", "'dice'"]),
        ({"score_temperature": 0.0}, ["score_temperature", "0.0", "more than 0"]),
        ({"score_temperature": float("inf")}, ["score_temperature", "inf", "finite"]),
    ],
)
def test_facts_that_contradict(facts, words):
    with raises_naming(ValueError, *words):
        replace(RUN, **facts)


def test_descriptions():
    assert RUN.name == "fold 2, seed 42"
    assert RUN.description == "LOGO-Former tiny, compact loss margin x 0.1"
    assert replace(RUN, compact_loss="none").description == "LOGO-Former tiny, no compact loss"
    assert "4 views" in replace(RUN, test_views=4).description and "views" not in RUN.description
    other = run_info(trained_on="FERV39K")
    assert (other.name, other.description) == ("seed 42", "LOGO-Former tiny, trained on FERV39K")
    assert RUN.mark == "" and "test set" in replace(RUN, selection="test").mark


def test_clips_that_were_left_out_are_those_of_the_tested_split():
    assert RUN.left_out == ["00017"]
    assert replace(RUN, split="train").left_out == []


def test_runs_are_found_by_fold_and_then_seed(tmp_path):
    folders = ["fold-2/seed-7", "fold-1/seed-42", "fold-1/seed-7", "fold-10/seed-1"]
    for folder in [*folders, "beside/fold-1", "fold-1/checkpoint-3"]:
        write(tmp_path / folder / PREDICTIONS_FILE)
    found = [str(path.parent.relative_to(tmp_path)) for path in find_predictions(tmp_path)]
    assert found == ["fold-1/seed-7", "fold-1/seed-42", "fold-2/seed-7", "fold-10/seed-1"]
    assert find_predictions(tmp_path / "beside" / "fold-1") == [tmp_path / "beside" / "fold-1" / PREDICTIONS_FILE]
    assert len(load_runs(tmp_path)) == 4


def test_folders_without_predictions(tmp_path):
    with raises_naming(FileNotFoundError, tmp_path / "nowhere"):
        find_predictions(tmp_path / "nowhere")
    with raises_naming(FileNotFoundError, tmp_path, "predictions.parquet"):
        find_predictions(tmp_path)


def runs(tmp_path, *differences):
    """One run for each dict of facts, with clips of its own unless `clip_ids` names them."""
    made = []
    for number, facts in enumerate(differences):
        facts = dict(facts)
        clip_ids = facts.pop("clip_ids", [f"{number}-{clip}" for clip in CLIPS])
        run = run_info(**FACTS | facts)
        made.append(read_predictions(write(tmp_path / f"{number}.parquet", clip_ids, run=run)))
    return made


def test_runs_are_grouped_by_seed(tmp_path):
    made = runs(tmp_path, {"fold": 2}, {"fold": 1}, {"fold": 1, "seed": 7, "left_out": []})
    grouped = group_by_seed(made)
    assert {seed: [one.run.fold for one in group] for seed, group in grouped.items()} == {7: [1], 42: [1, 2]}


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([], []),
        ([{}, {"fold": 3, "selection": "test"}], ["selection", "'validation'", "fold 3, seed 42", "'test'"]),
        ([{}, {"fold": 3, "compact_loss": "none"}], ["compact_loss", "'margin'", "'none'"]),
        ([{}, {"fold": 3, "setup": "Action"}], ["setup", "None", "'Action'"]),
        ([{"clip_ids": CLIPS}, {"fold": 3, "clip_ids": ["x", "y", "z", "00003"]}], ["00003", "fold 2", "fold 3"]),
        ([{}, {}], ["fold 2, seed 42"]),
    ],
)
def test_runs_that_do_not_belong_together(tmp_path, differences, words):
    with raises_naming(ValueError, *words):
        group_by_seed(runs(tmp_path, *differences))


def test_facts_survive_json():
    flat = json.loads(json.dumps(RUN.to_json()))
    assert RunInfo.from_json(flat) == RUN
    assert flat == {
        "label_names": ["happy", "sad", "fear"],
        "dataset": "dfew",
        "dataset_name": "DFEW",
        "seed": 42,
        "selection": "validation",
        "model": "LOGO-Former tiny",
        "split": "test",
        "fold": 2,
        "num_folds": 5,
        "setup": None,
        "trained_on": None,
        "compact_loss": "margin",
        "compact_loss_weight": 0.1,
        "score_temperature": None,
        "faces": None,
        "seen_clips": None,
        "train_share": None,
        "test_views": None,
        "left_out": ["00017"],
    }


def test_the_temperature_is_a_fact_of_the_run_and_older_files_have_none(tmp_path):
    path = write(tmp_path / PREDICTIONS_FILE, run=replace(RUN, score_temperature=1.25))
    predictions = read_predictions(path)
    assert predictions.run.score_temperature == 1.25
    np.testing.assert_allclose(predictions.scores, np.exp(LOGITS), rtol=1e-6)  # those of the model, without it

    def older(table):
        known = json.loads(table.schema.metadata[b"logoformer_run"])
        del known["score_temperature"]
        return table.replace_schema_metadata({"logoformer_run": json.dumps(known)})

    resave(path, older)
    assert read_predictions(path).run == RUN


def test_views_are_a_fact_of_an_experiment_and_older_files_have_one(tmp_path):
    path = write(tmp_path / PREDICTIONS_FILE, run=replace(RUN, test_views=4))
    assert read_predictions(path).run.test_views == 4
    with raises_naming(ValueError, "test_views", "4"):
        group_by_seed(runs(tmp_path / "runs", {"test_views": 4}, {"fold": 3}))

    def older(table):
        known = json.loads(table.schema.metadata[b"logoformer_run"])
        del known["test_views"]
        return table.replace_schema_metadata({"logoformer_run": json.dumps(known)})

    resave(path, older)
    assert read_predictions(path).run == RUN


def test_runs_of_one_experiment_have_temperatures_of_their_own(tmp_path):
    made = runs(tmp_path, {"score_temperature": 1.5}, {"fold": 3, "score_temperature": None})
    assert [one.run.score_temperature for one in group_by_seed(made)[42]] == [1.5, None]


def test_clips_are_stored_with_their_content_and_files_without_it_are_read(tmp_path):
    path = tmp_path / "predictions.parquet"
    arguments = path, ["a", "b"], [0, 1], np.zeros((2, 7)), None, run_info()
    for given, stored in ((["00", "11"], ["00", "11"]), (["00", None], None), (None, None)):
        write_predictions(*arguments, given)
        assert read_predictions(path).content_ids == stored
        assert ("content_id" in pq.read_schema(path).names) == (stored is not None)
    with raises_naming(ValueError, "1 content ids", "2 clip ids"):
        write_predictions(*arguments, ["00"])


def test_clips_that_the_model_had_met_are_a_fact_of_the_run(tmp_path):
    seen = SeenClips(trained_on=1, chosen_on=1, is_history_known=False)
    run = run_info(seen_clips=seen)
    write_predictions(tmp_path / "predictions.parquet", ["a"], [0], np.zeros((1, 7)), None, run)
    assert read_predictions(tmp_path / "predictions.parquet").run == run
    assert run_info().mark == run_info(seen_clips=SeenClips(equal=3)).mark == ""
    assert run.mark == " (trained on 1 of the tested clips; chosen on 1 of the tested clips)"
    assert run_info(split="validation").mark == " (chosen on the tested clips)"
    assert run_info(selection="test", seen_clips=seen).marks[0] == "chosen on the test set"


def test_the_clips_that_any_of_several_models_had_met_are_counted_together(tmp_path):
    runs = []
    for fold, seen in ((1, SeenClips(trained_on=2)), (2, SeenClips(equal=1)), (3, None)):
        path = tmp_path / str(fold) / "predictions.parquet"
        run = run_info(fold=fold, num_folds=5, seen_clips=seen)
        write_predictions(path, [f"{fold}"], [0], np.zeros((1, 7)), None, run)
        runs.append(read_predictions(path))
    assert joint_info(runs[:2]).seen_clips == SeenClips(trained_on=2, equal=1)
    assert joint_info(runs).seen_clips == SeenClips(trained_on=2, equal=1, is_history_known=False)
    assert joint_info(runs[2:]).seen_clips is None


def test_no_changed_byte_is_believed(tmp_path):
    """Whatever byte it is: what is read is what was written, or the file is named."""
    file = write(tmp_path / PREDICTIONS_FILE)
    content = file.read_bytes()
    whole = read_predictions(file)
    believed = []
    for place in range(0, len(content), 7):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x11]) + content[place + 1 :])
        try:
            predictions = read_predictions(file)
        except ValueError as error:
            assert str(file) in str(error)
            continue
        same = [np.array_equal(getattr(predictions, name), getattr(whole, name)) for name in ("scores", "embeddings")]
        same += [predictions.run == whole.run, predictions.clip_ids == whole.clip_ids]
        believed += [] if all(same) and np.array_equal(predictions.labels, whole.labels) else [place]
    assert believed == []
