"""Every path to a number looks whether the model has met the clips that it is tested on."""

import json
import shutil

import pytest
from dataset_trees import DFEW_NUMBERS, dfew_fold
from errors import check_named, raises_naming
from paths import TESTS
from small_runs import NAMES, NEW, evaluate_small, run_small, write_own

from logoformer_hf.cli import main
from logoformer_hf.data.trained_on import TrainedOn, read_trained_on, write_trained_on
from logoformer_hf.evaluation.predictions import read_predictions


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(cache_dir):
    return lambda out, data, *arguments, **options: run_small(out, data, cache_dir, *arguments, **options)


@pytest.fixture(scope="module")
def evaluate(cache_dir):
    return lambda model, out, **options: evaluate_small(model, out, cache_dir, **options)


@pytest.fixture(scope="module")
def fold_1(run, dfew_tree, tmp_path_factory):
    """A model of fold 1 of DFEW."""
    return run(tmp_path_factory.mktemp("runs") / "fold-1", dfew_tree, "--fold", "1", *NEW, dataset="dfew")


@pytest.fixture(scope="module")
def own(run, tmp_path_factory):
    """Own clips with a validation split, and a model of them."""
    root = write_own(tmp_path_factory.mktemp("own") / "A", 1, validation=2)
    return root, run(root.parent / "model", root, *NEW)


# --- training


def test_the_record_is_in_the_run_and_in_every_checkpoint(fold_1):
    record = read_trained_on(fold_1 / "trained_on.parquet")
    [training] = record.trainings
    assert record.is_complete and str(training.part) == "DFEW, fold 1"
    assert (len(training.train), len(training.validation)) == (21, 7)
    [checkpoint] = fold_1.glob("checkpoint-*")
    assert read_trained_on(checkpoint / "trained_on.parquet") == record
    results = json.loads((fold_1 / "eval_results.json").read_text())
    clean = {"trained_on": 0, "chosen_on": 0, "equal": 0, "validation_trained_on": 0, "is_history_known": True}
    clean["is_comparable"] = True
    assert results["seen_clips"] == clean == json.loads((fold_1 / "report.json").read_text())["seen_clips"]


@pytest.mark.parametrize("kind", ["link", "copy", "another spelling"])
def test_a_clip_in_train_and_test_stops_before_training(run, tmp_path, kind):
    root = write_own(tmp_path / "own", 1)
    arguments = []
    seen = root / "train" / "sad" / "train2"
    if kind == "link":
        (root / "test" / "sad" / "again").symlink_to(seen)
    elif kind == "copy":
        shutil.copytree(seen, root / "test" / "sad" / "again")
    else:
        lists = {
            split: [(root / split / name / f"{split}{n}", name) for name in NAMES for n in range(count)]
            for split, count in (("train", 4), ("test", 2))
        }
        lists["test"].append((root / "test" / ".." / "train" / "sad" / "train2", "sad"))
        for split, lines in lists.items():
            text = "path,label\n" + "".join(f"{path},{name}\n" for path, name in lines)
            (tmp_path / f"{split}.csv").write_text(text)
        arguments = ["--list_file", str(tmp_path / "train.csv"), str(tmp_path / "test.csv")]
    with raises_naming(ValueError, "1 test clips", "sad", "--allow_seen_clips"):
        run(tmp_path / "out", root, *NEW, *arguments)
    assert not (tmp_path / "out" / "run.json").exists()


def test_with_the_option_the_result_is_marked_everywhere(run, tmp_path):
    root = write_own(tmp_path / "own", 1)
    for number in (0, 1):
        (root / "test" / "happy" / f"again{number}").symlink_to(root / "train" / "happy" / f"train{number}")
    out = run(tmp_path / "out", root, *NEW, "--allow_seen_clips")
    mark = "trained on 2 of the tested clips"
    report = (out / "report.md").read_text()
    check_named(report.splitlines()[0], mark)
    check_named(report, "**Trained on tested clips:**", f"## UAR and WAR in percent ({mark})")
    for file in ("report.json", "eval_results.json"):
        assert json.loads((out / file).read_text())["seen_clips"]["trained_on"] == 2, file
    check_named((out / "README.md").read_text(), "> **Trained on tested clips:**", mark)
    assert read_predictions(out / "predictions.parquet").run.seen_clips.trained_on == 2


def test_equal_content_within_official_splits_is_reported_and_not_refused(run, dfew_tree, tmp_path, capsys):
    root = shutil.copytree(dfew_tree, tmp_path / "DFEW")
    tested, trained = (next(n for n in DFEW_NUMBERS if dfew_fold(n) == fold) for fold in (2, 3))
    shutil.rmtree(root / "Clip" / "jpg_256" / f"{tested:05d}")
    shutil.copytree(root / "Clip" / "jpg_256" / f"{trained:05d}", root / "Clip" / "jpg_256" / f"{tested:05d}")
    out = run(tmp_path / "out", root, "--fold", "2", *NEW, dataset="dfew")
    assert json.loads((out / "report.json").read_text())["seen_clips"]["equal"] == 1
    check_named(capsys.readouterr().out, "1 test clips have the content of training clips", f"{tested:05d}")
    report = (out / "report.md").read_text()
    check_named(report, "1 of the tested clips have the content of training clips")
    assert "trained on" not in report.splitlines()[0]


def test_fine_tuning_on_another_fold_stops_before_training(run, fold_1, dfew_tree, tmp_path):
    with raises_naming(ValueError, "fold 2", "test clips", "--allow_seen_clips"):
        run(tmp_path / "out", dfew_tree, "--fold", "2", "--model_name_or_path", str(fold_1), dataset="dfew")
    [checkpoint] = fold_1.glob("checkpoint-*")
    copy = shutil.copytree(checkpoint, tmp_path / "copied checkpoint")
    with raises_naming(ValueError, "fold 2", "test clips"):
        run(tmp_path / "out", dfew_tree, "--fold", "2", "--model_name_or_path", str(copy), dataset="dfew")
    # Fold 1 itself is clean; all folds are refused before that of fold 1 trains.
    with raises_naming(ValueError, "fold 2", "test clips"):
        run(tmp_path / "out", dfew_tree, "--fold", "all", "--model_name_or_path", str(fold_1), dataset="dfew")
    assert not list(tmp_path.glob("out/**/run.json"))


def test_the_whole_history_of_fine_tuning_counts(run, evaluate, fold_1, own, dfew_tree, tmp_path):
    root, _ = own
    second = run(tmp_path / "second", root, "--model_name_or_path", str(fold_1))
    parts = [str(training.part) for training in read_trained_on(second / "trained_on.parquet").trainings]
    assert parts == ["DFEW, fold 1", "A"]
    with raises_naming(ValueError, "fold 3", "test clips"):
        run(tmp_path / "third", dfew_tree, "--fold", "3", "--model_name_or_path", str(second), dataset="dfew")


def test_validation_clips_that_an_earlier_training_had_are_refused_too(run, fold_1, dfew_tree, tmp_path):
    """Another seed holds out other clips."""
    arguments = ["--fold", "1", "--seed", "5", "--model_name_or_path", str(fold_1)]
    with raises_naming(ValueError, "validation clips", "--allow_seen_clips"):
        run(tmp_path / "out", dfew_tree, *arguments, dataset="dfew")
    out = run(tmp_path / "out", dfew_tree, *arguments, "--allow_seen_clips", dataset="dfew")
    report = (out / "report.md").read_text()
    check_named(report, "**Chosen on training clips:**")
    assert json.loads((out / "report.json").read_text())["seen_clips"]["trained_on"] == 0


def test_a_checkpoint_of_another_fold_is_refused(run, fold_1, dfew_tree, tmp_path):
    [checkpoint] = fold_1.glob("checkpoint-*")
    arguments = ["--fold", "2", *NEW, "--resume_from_checkpoint", str(checkpoint)]
    with raises_naming(ValueError, "fold 2", "test clips"):
        run(tmp_path / "out", dfew_tree, *arguments, dataset="dfew")


def test_weights_of_unknown_origin_are_said_to_be_so(run, own, tmp_path):
    root, model = own
    stranger = shutil.copytree(model, tmp_path / "stranger")
    (stranger / "trained_on.parquet").unlink()
    out = run(tmp_path / "out", root, "--model_name_or_path", str(stranger))
    assert not json.loads((out / "report.json").read_text())["seen_clips"]["is_history_known"]
    check_named((out / "report.md").read_text(), "Not all clips that the model was trained on before are recorded")
    assert not read_trained_on(out / "trained_on.parquet").is_complete


@pytest.mark.parametrize("kind", ["link", "link in a folder", "copy"])
def test_a_frame_encoder_brings_its_record_or_is_said_to_have_none(run, own, tmp_path, kind):
    root, model = own
    encoder = tmp_path / "encoder" / "model.safetensors"
    encoder.parent.mkdir()
    if kind != "copy":
        encoder.symlink_to(model / "model.safetensors")
        given = encoder if kind == "link" else encoder.parent
        other = write_own(tmp_path / "B", 150)
        shutil.copytree(root / "train" / "happy" / "train1", other / "test" / "happy" / "renamed")
        with raises_naming(ValueError, "1 test clips", "test/happy/renamed", "--allow_seen_clips"):
            run(tmp_path / "out", other, *NEW, "--backbone_checkpoint", str(given))
        return
    shutil.copy(model / "model.safetensors", encoder)
    out = run(tmp_path / "out", root, *NEW, "--backbone_checkpoint", str(encoder))
    assert not json.loads((out / "eval_results.json").read_text())["seen_clips"]["is_history_known"]
    check_named((out / "report.md").read_text(), "Not all clips that the model was trained on before are recorded")


# --- evaluation


def test_a_list_of_another_fold_is_refused(evaluate, fold_1, dfew_tree, tmp_path):
    for split, tested in (("train", False), ("test", True)):
        lines = [f"jpg_256/{n:05d} {(n - 1) // 5 % 7}" for n in DFEW_NUMBERS if (dfew_fold(n) == 4) == tested]
        (tmp_path / f"{split}.txt").write_text("\n".join(lines) + "\n")
    source = {
        "dataset": "dfew",
        "data_dir": str(dfew_tree),
        "list_file": [str(tmp_path / "train.txt"), str(tmp_path / "test.txt")],
    }
    with raises_naming(ValueError, fold_1, "DFEW, fold 1", "test clips", "--allow_seen_clips"):
        evaluate(fold_1, tmp_path / "out", **source)
    report = evaluate(fold_1, tmp_path / "out", allow=True, **source)
    seen = report.run.seen_clips  # the others are among the validation clips of fold 1
    assert seen.trained_on > 0 and seen.trained_on + seen.chosen_on == 7 and report.published == []
    title = (tmp_path / "out" / "report.md").read_text().splitlines()[0]
    check_named(title, f"trained on {seen.trained_on} of the tested clips")


def test_a_model_of_one_folder_on_another_that_tests_its_training_clips(evaluate, own, tmp_path):
    root, model = own
    other = write_own(tmp_path / "B", 150)
    report = evaluate(model, tmp_path / "out", data_dir=str(other))
    assert (report.run.trained_on, report.run.selection) == ("A", "given")
    assert report.run.seen_clips.trained_on == 0
    shutil.copytree(root / "train" / "happy" / "train1", other / "test" / "happy" / "renamed")
    with raises_naming(ValueError, model, "1 test clips", "test/happy/renamed"):
        evaluate(model, tmp_path / "out", data_dir=str(other))


def test_the_training_split_is_refused_or_marked(evaluate, own, tmp_path):
    root, model = own
    with raises_naming(ValueError, model, "8 train clips", "--allow_seen_clips"):
        evaluate(model, tmp_path / "out", split="train", data_dir=str(root))
    report = evaluate(model, tmp_path / "out", split="train", allow=True, data_dir=str(root))
    assert report.run.seen_clips.trained_on == 8


def test_the_validation_split_is_said_to_have_chosen_the_epoch(evaluate, own, tmp_path):
    root, model = own
    report = evaluate(model, tmp_path / "out", split="validation", data_dir=str(root))
    assert report.run.seen_clips.chosen_on == 4
    text = (tmp_path / "out" / "report.md").read_text()
    check_named(text.splitlines()[0], "(chosen on the tested clips)")
    check_named(text, "**Chosen on the tested clips:**")
    assert "apart from those that are tested" not in text


def test_validation_clips_that_are_tested_under_another_name_are_marked(evaluate, own, tmp_path):
    root, model = own
    other = write_own(tmp_path / "B", 150)
    shutil.copytree(root / "validation" / "happy" / "validation0", other / "test" / "happy" / "renamed")
    evaluate(model, tmp_path / "out", data_dir=str(other))
    text = (tmp_path / "out" / "report.md").read_text()
    check_named(text.splitlines()[0], "(chosen on 1 of the tested clips)")
    check_named(text, "**Chosen on tested clips:**")


def test_a_damaged_record_is_not_taken_for_none(evaluate, own, tmp_path):
    root, model = own
    broken = shutil.copytree(model, tmp_path / "broken")
    (broken / "trained_on.parquet").write_bytes(b"PAR1")
    with raises_naming(ValueError, broken / "trained_on.parquet"):
        evaluate(broken, tmp_path / "out", data_dir=str(root))
    write_trained_on(broken / "trained_on.parquet", TrainedOn())
    evaluate(broken, tmp_path / "out", data_dir=str(root))


@pytest.mark.parametrize("place", ["", "checkpoint-3"])
def test_the_folder_of_a_training_is_no_output_folder(evaluate, own, tmp_path, place):
    root, model = own
    model = shutil.copytree(model, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
    for folder in (model, next(model.glob("checkpoint-*"))) if place else (model,):
        with raises_naming(ValueError, "output_dir", folder):
            evaluate(model, folder, data_dir=str(root))
    shutil.move(model, tmp_path / "several" / "seed-42")
    with raises_naming(ValueError, "output_dir", tmp_path / "several"):
        evaluate(tmp_path / "several" / "seed-42", tmp_path / "several", data_dir=str(root))
    after = {path.name: path.read_bytes() for path in (tmp_path / "several/seed-42").iterdir() if path.is_file()}
    assert after == before


def test_shards_carry_the_identifiers_of_their_clips(run, evaluate, own, cache_dir, tmp_path):
    root, model = own
    prepare = ["prepare", "--dataset", "clips", "--data_dir", str(root), "--output_dir", str(tmp_path / "shards")]
    main([*prepare, "--cache_dir", str(cache_dir), "--num_workers", "0", "--side_px", "8"])
    with raises_naming(ValueError, model, "8 train clips"):
        evaluate(model, tmp_path / "out", split="train", dataset="prepared", data_dir=str(tmp_path / "shards"))
    out = run(tmp_path / "of shards", tmp_path / "shards", *NEW, dataset="prepared")
    assert read_trained_on(out / "trained_on.parquet").trainings[0].train == (
        read_trained_on(model / "trained_on.parquet").trainings[0].train
    )


def test_shards_that_do_not_identify_their_clips_are_said_to_be_no_measure(run, evaluate, tmp_path, capsys):
    """Those of version 0.1, beside the clips that they were made from: the same clips, which nothing recognises."""
    shards, clips = (
        shutil.copytree(TESTS / "before_the_move" / name, tmp_path / name) for name in ("shards", "clips")
    )
    of_shards = run(tmp_path / "of shards", shards, *NEW, dataset="prepared")
    check_named(capsys.readouterr().out, shards, "earlier version")
    [training] = read_trained_on(of_shards / "trained_on.parquet").trainings
    assert training.of_copies
    assert "version 0.1" not in (of_shards / "report.md").read_text()  # its own clips are compared with one another
    with raises_naming(ValueError, of_shards, "train clips"):
        evaluate(of_shards, tmp_path / "out", split="train", dataset="prepared", data_dir=str(shards))
    of_clips = run(tmp_path / "of clips", clips, *NEW)
    for model, source in (
        (of_shards, {"data_dir": str(clips)}),
        (of_clips, {"dataset": "prepared", "data_dir": str(shards)}),
    ):
        report = evaluate(model, tmp_path / f"{model.name} tested", split="train", **source)
        assert not report.run.seen_clips.is_comparable
        check_named((tmp_path / f"{model.name} tested" / "report.md").read_text(), "version 0.1", "is not known")
    again = run(tmp_path / "again", clips, "--model_name_or_path", str(of_shards))
    assert not json.loads((again / "eval_results.json").read_text())["seen_clips"]["is_comparable"]
    check_named((again / "README.md").read_text(), "version 0.1", "is not known")
