"""Trained models on clips of another data set, labels matched by their names."""

import json

import numpy as np
import pytest
import torch
from dataset_trees import write_dfew_annotation, write_dfew_frames, write_ferv39k
from transformers import EvalPrediction

from logoformer_hf import (
    EXPRESSIONS,
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
)
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.evaluation.predictions import RunInfo, read_predictions, write_predictions
from logoformer_hf.evaluation.scorer import Scorer
from logoformer_hf.training.evaluate import EvaluationArguments, evaluate_model


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    write_dfew_frames(write_dfew_annotation(root / "DFEW") / "Clip" / "jpg_256")
    write_ferv39k(root / "FERV39K")
    return root


def save_model(folder, label_names=EXPRESSIONS, **facts) -> LogoFormerForVideoClassification:
    """A model as a run leaves it, with the predictions that tell what it was trained on."""
    torch.manual_seed(0)
    id2label = dict(enumerate(label_names))
    model = LogoFormerForVideoClassification(
        LogoFormerConfig.tiny(id2label=id2label, label2id={name: number for number, name in id2label.items()})
    ).eval()
    model.save_pretrained(folder)
    LogoFormerVideoProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}).save_pretrained(folder)
    if facts:
        run = RunInfo(label_names=label_names, seed=3, model="LOGO-Former tiny", **facts)
        write_predictions(folder / "predictions.parquet", ["a"], [0], np.zeros((1, len(label_names))), None, run)
    return model


def evaluate_on(trees, model, output_dir, dataset="ferv39k", **settings):
    data_dir = trees / {"ferv39k": "FERV39K", "dfew": "DFEW"}[dataset]
    source = SourceArguments(dataset=dataset, data_dir=str(data_dir), cache_dir=str(output_dir / "cache"), **settings)
    args = EvaluationArguments(model=str(model), output_dir=str(output_dir), num_workers=0, use_cpu=True)
    return evaluate_model(args, source)


def test_another_data_set_needs_no_map_of_labels(trees, tmp_path):
    names = ["Anger", "Happiness", "contempt", "neutral", "fearful", "sadness", "Surprised", "disgust"]
    model = save_model(tmp_path / "model", names, dataset="dfew", dataset_name="DFEW", selection="validation")
    report, run = evaluate_on(trees, tmp_path / "model", tmp_path / "out")
    assert (run.trained_on, run.selection, run.seed, run.label_names) == ("DFEW", "given", 3, EXPRESSIONS)
    assert report["clips"]["tested"] == 14 and "trained on DFEW" in (tmp_path / "out" / "report.md").read_text()
    assert report["published"] == []
    predictions = read_predictions(tmp_path / "out" / "predictions.parquet")
    clip = trees / "FERV39K" / "2_ClipsforFaceCrop" / predictions.clip_ids[3]
    processor = LogoFormerVideoProcessor.from_pretrained(tmp_path / "model")
    with torch.inference_mode():
        logits = model(**processor(clip, return_tensors="pt")).logits[0]
    expected = logits[[1, 5, 3, 0, 6, 7, 4]].softmax(0)  # the classes that the data set has, in its order
    np.testing.assert_allclose(predictions.scores[3], expected, atol=1e-5)


def test_all_folds_of_another_data_set(trees, tmp_path):
    save_model(tmp_path / "model", dataset="ferv39k", dataset_name="FERV39K", selection="test")
    report, _ = evaluate_on(trees, tmp_path / "model", tmp_path / "out", dataset="dfew", fold="all")
    assert report["complete"] and report["clips"]["tested"] == 35
    assert json.loads((tmp_path / "out" / "report.json").read_text())["seeds"] == report["seeds"]


def test_a_model_of_unknown_origin_says_so(trees, tmp_path):
    save_model(tmp_path / "model")
    _, run = evaluate_on(trees, tmp_path / "model", tmp_path / "out")
    assert (run.selection, run.trained_on, run.model) == ("given", None, "model (logoformer)")


def test_a_choice_on_the_test_clips_stays_marked(trees, tmp_path):
    save_model(tmp_path / "model", dataset="ferv39k", dataset_name="FERV39K", selection="test")
    report, run = evaluate_on(trees, tmp_path / "model", tmp_path / "out")
    assert run.selection == "test" and report["chosen_on_test_set"]


def test_clips_that_the_model_was_trained_on_are_refused(trees, tmp_path):
    facts = {"dataset": "dfew", "dataset_name": "DFEW", "fold": 1, "num_folds": 5, "selection": "validation"}
    save_model(tmp_path / "model", **facts)
    evaluate_on(trees, tmp_path / "model", tmp_path / "out", dataset="dfew", fold="1")
    with pytest.raises(ValueError, match=r"trained on DFEW, fold 1.*fold 2 has clips that it knows"):
        evaluate_on(trees, tmp_path / "model", tmp_path / "out2", dataset="dfew", fold="2")


def test_a_class_that_the_model_lacks_is_named(trees, tmp_path):
    save_model(tmp_path / "model", EXPRESSIONS[:6])
    with pytest.raises(ValueError, match="no class fear"):
        evaluate_on(trees, tmp_path / "model", tmp_path / "out")


def test_an_unknown_split_is_named(trees, tmp_path):
    save_model(tmp_path / "model")
    source = SourceArguments(dataset="ferv39k", data_dir=str(trees / "FERV39K"), cache_dir=str(tmp_path / "cache"))
    args = EvaluationArguments(model=str(tmp_path / "model"), output_dir=str(tmp_path), split="dev", use_cpu=True)
    with pytest.raises(ValueError, match="`split` is 'dev'; this data set has train, test"):
        evaluate_model(args, source)


def test_scores():
    scorer = Scorer(["happy", "sad"])
    logits, labels = np.array([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 1])
    assert scorer.score(logits, labels)["uar"] == 0.75
    scores = scorer.score_epoch(EvalPrediction(logits, labels))
    assert scores["uar"] == 0.75 and set(scores) == {"uar", "war", "macro_f1"}
