"""Trained models on clips of another data set, labels matched by their names."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import torch
from errors import check_named, raises_naming
from toys import new_model, run_info

from logoformer_hf import EXPRESSIONS, LogoFormerConfig, LogoFormerVideoProcessor
from logoformer_hf.data import views
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.evaluation.calibration import measure_calibration
from logoformer_hf.evaluation.compare import compare
from logoformer_hf.evaluation.predictions import read_predictions, write_predictions
from logoformer_hf.models.heads import number_labels
from logoformer_hf.training.evaluate import evaluate_model
from logoformer_hf.training.evaluation_arguments import EvaluationArguments


def save_trained(folder, label_names=EXPRESSIONS, temperature=None, **facts):
    """A model as a run leaves it, with the predictions that tell what it was trained on."""
    config = LogoFormerConfig.tiny(**number_labels(label_names), score_temperature=temperature)
    model = new_model(config)
    model.save_pretrained(folder)
    LogoFormerVideoProcessor.from_config(config).save_pretrained(folder)
    if facts:
        run = run_info(label_names=label_names, seed=3, **facts)
        write_predictions(folder / "predictions.parquet", ["a"], [0], np.zeros((1, len(label_names))), None, run)
    return model


@pytest.fixture
def evaluate_on(dfew_tree, ferv39k_tree, tmp_path):
    """Tests the model in `tmp_path / "model"` on a data set."""

    def evaluate(dataset="ferv39k", output_dir="out", split="test", test_views=1, **settings):
        data_dir = {"ferv39k": ferv39k_tree, "dfew": dfew_tree}[dataset]
        cache_dir = str(tmp_path / "cache")
        source = SourceArguments(dataset=dataset, data_dir=str(data_dir), cache_dir=cache_dir, **settings)
        args = EvaluationArguments(
            str(tmp_path / "model"),
            str(tmp_path / output_dir),
            split=split,
            test_views=test_views,
            num_workers=0,
            use_cpu=True,
        )
        return evaluate_model(args, source)

    return evaluate


def test_another_data_set_needs_no_map_of_labels(evaluate_on, ferv39k_tree, tmp_path):
    names = ["Anger", "Happiness", "contempt", "neutral", "fearful", "sadness", "Surprised", "disgust"]
    model = save_trained(tmp_path / "model", names, dataset="dfew", dataset_name="DFEW")
    report = evaluate_on()
    run = report.run
    assert (run.trained_on, run.selection, run.seed, run.label_names) == ("DFEW", "given", 3, EXPRESSIONS)
    assert report.clips.tested == 14 and report.published == []
    check_named((tmp_path / "out" / "report.md").read_text(), "FERV39K", "DFEW")
    predictions = read_predictions(tmp_path / "out" / "predictions.parquet")
    assert predictions.run == run
    clip = ferv39k_tree / "2_ClipsforFaceCrop" / predictions.clip_ids[3]
    processor = LogoFormerVideoProcessor.from_pretrained(tmp_path / "model")
    with torch.inference_mode():
        logits = model(**processor(clip, return_tensors="pt")).logits[0]
    expected = logits[[1, 5, 3, 0, 6, 7, 4]].softmax(0)  # the classes that the data set has, in its order
    np.testing.assert_allclose(predictions.scores[3], expected, atol=1e-5)


@pytest.mark.parametrize("names", [EXPRESSIONS, (*reversed(EXPRESSIONS), "contempt")])
def test_calibration_is_measured_with_the_temperature_of_the_model_and_not_fitted(evaluate_on, tmp_path, names):
    save_trained(tmp_path / "model", names)
    raw = evaluate_on(output_dir="raw")
    assert (raw.run.score_temperature, raw.seeds[0].pooled.calibration.calibrated) == (None, None)
    shutil.rmtree(tmp_path / "model")
    save_trained(tmp_path / "model", names, temperature=0.3)
    file = tmp_path / "model" / "config.json"
    before = file.read_bytes()
    report = evaluate_on()
    [run] = report.seeds[0].runs
    predictions = read_predictions(tmp_path / "out" / "predictions.parquet")
    assert predictions.run.score_temperature == run.score_temperature == 0.3
    without = read_predictions(tmp_path / "raw" / "predictions.parquet")
    np.testing.assert_array_equal(predictions.scores, without.scores)
    after = torch.tensor(predictions.scores, dtype=torch.float64).log().div(0.3).softmax(1).numpy()
    assert run.calibration.raw == raw.seeds[0].runs[0].calibration.raw
    assert asdict(run.calibration.calibrated) == pytest.approx(asdict(measure_calibration(after, predictions.labels)))
    assert run.calibration.calibrated.mean_score > run.calibration.raw.mean_score
    check_named((tmp_path / "out" / "report.md").read_text(), "with temperature 0.300", "came with the model")
    assert file.read_bytes() == before


def test_four_views_are_told_apart_from_one(evaluate_on, tmp_path, monkeypatch):
    save_trained(tmp_path / "model")
    read, opened = views.read_clip, []
    monkeypatch.setattr(views, "read_clip", lambda clip, *args: opened.append(clip) or read(clip, *args))
    one = evaluate_on()
    assert not opened
    four = evaluate_on(output_dir="four", test_views=4)
    assert len(opened) == len(set(opened)) == 14
    assert (one.run.test_views, four.run.test_views, four.clips.tested) == (None, 4, 14)
    plain, found = (read_predictions(tmp_path / name / "predictions.parquet") for name in ("out", "four"))
    assert plain.clip_ids == found.clip_ids
    np.testing.assert_allclose(plain.scores, found.scores, atol=1e-6)  # frames of one colour look alike in all views
    assert json.loads((tmp_path / "four" / "report.json").read_text())["test_views"] == 4
    check_named((tmp_path / "four" / "report.md").read_text(), "4 views")
    notes = compare(tmp_path / "out", tmp_path / "four").notes
    assert len(notes) == 1 and "1 view " in notes[0] and "4 views" in notes[0]
    with raises_naming(ValueError, tmp_path / "four", "test_views 4", "now 1"):
        evaluate_on(output_dir="four")


@pytest.mark.parametrize("number", [0, 2, 3])
def test_another_number_of_views_is_named(number):
    with raises_naming(ValueError, "test_views", number, "1 or 4"):
        EvaluationArguments("model", "out", test_views=number)


def test_all_folds_of_another_data_set(evaluate_on, tmp_path):
    save_trained(tmp_path / "model", dataset="ferv39k", dataset_name="FERV39K", selection="test")
    report = evaluate_on("dfew", fold="all")
    assert report.complete and report.clips.tested == 35 and report.folds == [1, 2, 3, 4, 5]
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report.to_json()
    for fold in report.folds:
        assert read_predictions(tmp_path / "out" / f"fold-{fold}" / "predictions.parquet").run.fold == fold


def test_a_model_of_unknown_origin_says_so(evaluate_on, tmp_path):
    save_trained(tmp_path / "model")
    run = evaluate_on().run
    assert (run.selection, run.trained_on) == ("given", None)
    check_named(run.model, "model", "logoformer")


def test_another_split(evaluate_on, tmp_path):
    save_trained(tmp_path / "model")
    report = evaluate_on(split="train")
    assert (report.run.split, report.clips.tested) == ("train", 28)


def test_a_choice_on_the_test_clips_stays_marked(evaluate_on, tmp_path):
    save_trained(tmp_path / "model", dataset="ferv39k", dataset_name="FERV39K", selection="test")
    report = evaluate_on()
    assert report.run.selection == "test" and report.to_json()["chosen_on_test_set"]


def test_clips_that_the_model_was_trained_on_are_refused(evaluate_on, tmp_path):
    save_trained(tmp_path / "model", dataset="dfew", dataset_name="DFEW", fold=1, num_folds=5)
    assert evaluate_on("dfew", fold="1").folds == [1]
    with raises_naming(ValueError, tmp_path / "model", "DFEW", "fold 1", "fold 2"):
        evaluate_on("dfew", "out2", fold="2")
    with raises_naming(ValueError, tmp_path / "model", "DFEW", "fold 1", "'train'"):
        evaluate_on("dfew", "out3", fold="1", split="train")


def test_a_class_that_the_model_lacks_is_named(evaluate_on, tmp_path):
    save_trained(tmp_path / "model", EXPRESSIONS[:6])
    with raises_naming(ValueError, tmp_path / "model", "fear"):
        evaluate_on()


def test_an_unknown_split_is_named(evaluate_on, tmp_path):
    save_trained(tmp_path / "model")
    with raises_naming(ValueError, "split", "'dev'", "train, test"):
        evaluate_on(split="dev")


def test_a_missing_model_is_named_before_clips_are_gathered(tmp_path, monkeypatch):
    monkeypatch.setattr("logoformer_hf.training.evaluate.gather_clips", lambda *_: pytest.fail("gathered"))
    arguments = EvaluationArguments(model=str(tmp_path / "nothing"), output_dir=str(tmp_path / "out"))
    with raises_naming(OSError, tmp_path / "nothing"):
        evaluate_model(arguments, SourceArguments())
