"""UAR, WAR and the rest against numbers worked out by hand and against scikit-learn; offline; every error."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from errors import raises_naming
from processes import TIMEOUT_SEC, environment_with
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from logoformer_hf import METRIC_FILE
from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.evaluation.metrics import ExpressionMetrics


@pytest.fixture(params=[True, False], ids=["in_memory", "in_file"])
def metric(request, tmp_path):
    return ExpressionMetrics(keep_in_memory=request.param, cache_dir=str(tmp_path))


@pytest.fixture
def in_memory(tmp_path):
    return ExpressionMetrics(keep_in_memory=True, cache_dir=str(tmp_path))


def test_numbers_worked_out_by_hand(metric):
    # happy: 3 of 4 right, sad: 1 of 2, neutral: no clip, angry: 0 of 1 (taken for neutral)
    references = [0, 0, 0, 0, 1, 1, 3]
    predictions = [0, 0, 0, 1, 1, 0, 2]
    with pytest.warns(UserWarning, match=r"neutral, fear\b"):
        result = metric.compute(
            predictions=predictions,
            references=references,
            label_names=["happy", "sad", "neutral", "angry", "fear"],
        )
    assert result == {
        "uar": pytest.approx((3 / 4 + 1 / 2 + 0) / 3),
        "war": pytest.approx(4 / 7),
        # happy: precision 3/4, recall 3/4; sad: 1/2 and 1/2; angry: 0. Neutral, only predicted, is not counted.
        "macro_f1": pytest.approx((3 / 4 + 1 / 2 + 0) / 3),
        "recall": {"happy": 0.75, "sad": 0.5, "neutral": None, "angry": 0.0, "fear": None},
        "confusion_matrix": [[3, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]],
        "num_clips": 7,
        "empty_classes": ["neutral", "fear"],
    }
    assert list(result["recall"]) == ["happy", "sad", "neutral", "angry", "fear"]


def test_agrees_with_scikit_learn_and_warns_of_nothing(metric):
    rng = np.random.default_rng(0)
    references = np.concatenate([np.arange(7), rng.choice(7, 500, p=[0.3, 0.2, 0.2, 0.15, 0.1, 0.04, 0.01])])
    predictions = np.where(rng.random(507) < 0.6, references, rng.integers(0, 7, 507))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        result = metric.compute(predictions=predictions, references=references, label_names=EXPRESSIONS)
    assert result["uar"] == pytest.approx(balanced_accuracy_score(references, predictions))
    assert result["war"] == pytest.approx(accuracy_score(references, predictions))
    assert result["macro_f1"] == pytest.approx(f1_score(references, predictions, average="macro"))
    assert np.trace(result["confusion_matrix"]) == pytest.approx(result["war"] * 507)
    assert np.sum(result["confusion_matrix"], axis=1).tolist() == np.bincount(references).tolist()


def test_without_names_the_classes_reach_to_the_largest_number(metric):
    with pytest.warns(UserWarning, match="1, 2"):
        result = metric.compute(predictions=[0, 2], references=[0, 0])
    assert result["recall"] == {"0": 0.5, "1": None, "2": None}
    assert result["uar"] == 0.5


@pytest.mark.parametrize("kind", [np.array, torch.tensor, tuple, lambda numbers: [np.int32(n) for n in numbers]])
def test_takes_arrays_tensors_and_sequences(metric, kind):
    assert metric.compute(predictions=kind([0, 1, 1]), references=kind([0, 0, 1]))["uar"] == 0.75


def test_batches_add_up_and_every_compute_starts_from_nothing(metric):
    metric.add_batch(predictions=[0, 1], references=[0, 0])
    metric.add(prediction=1, reference=1)
    assert metric.compute()["uar"] == 0.75
    assert metric.compute(predictions=[0, 1], references=[0, 1], label_names=["happy", "sad"])["num_clips"] == 2
    assert metric.compute(predictions=[0, 1], references=[0, 1])["uar"] == 1.0


BAD = {
    "no clips": ({"predictions": [], "references": []}, ["predictions", "references"]),
    "nothing at all": ({}, ["predictions", "references"]),
    "no predictions": ({"references": [0]}, ["predictions"]),
    "lengths": ({"predictions": [0, 1], "references": [0, 1, 1]}, ["2 predictions", "3 references"]),
    "fraction": ({"predictions": [0, 1.7], "references": [0, 1]}, ["predictions", "1.7", "position 1"]),
    "float array": ({"predictions": np.array([0.0]), "references": [0]}, ["predictions", "0.0", "position 0"]),
    "name": ({"predictions": [0, 1], "references": [0, "sad"]}, ["references", "'sad'", "position 1"]),
    "None": ({"predictions": [None], "references": [0]}, ["predictions", "None", "position 0"]),
    "truth value": ({"predictions": [True], "references": [0]}, ["predictions", "True", "position 0"]),
    "truth tensor": ({"predictions": torch.tensor([True]), "references": [0]}, ["predictions", "True", "position 0"]),
    "logits": ({"predictions": np.zeros((1, 7), int), "references": [0]}, ["predictions", "[0, 0, 0, 0, 0, 0, 0]"]),
    "too large": ({"predictions": [0, 3], "references": [0, 1]}, ["`predictions`", "3", "position 1", "0 to 2"]),
    "negative": ({"predictions": [0, 1], "references": [0, -100]}, ["`references`", "-100", "position 1", "0 to 2"]),
}


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD)
def test_bad_input_is_named_and_leaves_the_metric_usable(in_memory, arguments, words):
    with raises_naming(ValueError, *words):
        in_memory.compute(**arguments, label_names=["happy", "sad", "neutral"])
    assert in_memory.compute(predictions=[0, 1], references=[0, 1])["num_clips"] == 2


def test_negative_number_without_names_and_a_name_given_twice(in_memory):
    with raises_naming(ValueError, "references", "-1", "position 0", "0 to 0"):
        in_memory.compute(predictions=[0], references=[-1])
    with raises_naming(ValueError, "label_names", "['sad', 'sad']"):
        in_memory.compute(predictions=[0], references=[0], label_names=["sad", "sad"])


def test_metric_that_keeps_its_clips_in_a_file_is_usable_after_an_error(tmp_path):
    metric = ExpressionMetrics(cache_dir=str(tmp_path))
    for _ in range(2):
        with raises_naming(ValueError, "predictions", "3"):
            metric.compute(predictions=[3], references=[0], label_names=["happy", "sad"])
        assert metric.compute(predictions=[0, 1], references=[0, 1])["num_clips"] == 2


def test_evaluate_load_offline_in_processes_that_never_saw_the_package(tmp_path):
    """Two at once, with one empty module cache and one cache folder between them."""
    script = tmp_path / "use_metric.py"
    script.write_text(
        "import sys\n"
        "sys.modules['transformers'] = None  # evaluate would import it, which takes seconds, and does without\n"
        "import evaluate\n"
        "del sys.modules['transformers']\n"
        f"metric = evaluate.load({str(METRIC_FILE)!r}, keep_in_memory=True)\n"
        "for _ in range(3):\n"
        "    result = metric.compute(predictions=[0, 1, 1], references=[0, 0, 1], label_names=['happy', 'sad'])\n"
        "assert not any(name.startswith('logoformer_hf') for name in sys.modules)\n"
        "print(result['uar'], result['confusion_matrix'])\n"
    )
    environment = environment_with(
        HF_HUB_OFFLINE="1",
        HF_HOME=str(tmp_path / "home"),
        HF_MODULES_CACHE=str(tmp_path / "modules"),
        PYTHONPATH="",
    )
    processes = [
        subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=TIMEOUT_SEC)[0] for process in processes] == ["0.75 [[1, 1], [0, 1]]\n"] * 2


def test_help_of_compute_tells_arguments_and_results(in_memory):
    assert "label_names" in in_memory.compute.__doc__ and "`macro_f1`" in in_memory.compute.__doc__
    assert "UAR" in in_memory.description and in_memory.citation == ""
