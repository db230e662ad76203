"""The metric in the forms that a Trainer and a report want."""

import numpy as np
from errors import raises_naming
from transformers import EvalPrediction

import logoformer_hf
from logoformer_hf import Scorer, evaluation
from logoformer_hf.data.clips import NOT_COUNTED

LOGITS, LABELS = np.array([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 1])


def test_all_numbers():
    scores = Scorer(["happy", "sad"]).score(LOGITS, LABELS)
    assert scores["uar"] == 0.75 and scores["recall"] == {"happy": 0.5, "sad": 1.0}
    assert scores["confusion_matrix"] == [[1, 1], [0, 1]] and scores["num_clips"] == 3


def test_the_numbers_of_an_epoch():
    scores = Scorer(["happy", "sad"]).score_epoch(EvalPrediction(LOGITS, LABELS))
    assert scores["uar"] == 0.75 and set(scores) == {"uar", "war", "macro_f1"}


def test_clips_that_cannot_be_read_are_left_out_of_an_epoch():
    scorer = Scorer(["happy", "sad"])
    labels = np.array([0, NOT_COUNTED, 1])
    assert scorer.score_epoch(EvalPrediction(LOGITS, labels))["uar"] == 1.0
    with raises_naming(ValueError, "none of 3 clips"):
        scorer.score_epoch(EvalPrediction(LOGITS, np.full(3, NOT_COUNTED)))


def test_the_file_of_the_metric_is_one():
    assert logoformer_hf.METRIC_FILE == evaluation.METRIC_FILE
    assert logoformer_hf.METRIC_FILE.is_file()
