"""The metric of `metrics.py`, loaded once, in the forms that a Trainer and a report want."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import evaluate
import numpy as np
from transformers import EvalPrediction

METRIC_FILE = Path(__file__).with_name("metrics.py")


class Scorer:
    """
    UAR, WAR and what explains them, by the metric in `metrics.py`, which is loaded once.

    Args:
        label_names: names of the classes in the order of their numbers.
    """

    def __init__(self, label_names: Sequence[str]):
        self.label_names = list(label_names)
        self.metric = evaluate.load(str(METRIC_FILE), keep_in_memory=True)

    def score(self, logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """What `ExpressionMetrics` gives for logits `(clips, classes)` and labels `(clips,)`."""
        scores: dict[str, Any] = self.metric.compute(
            predictions=logits.argmax(axis=1), references=labels, label_names=self.label_names
        )
        return scores

    def score_epoch(self, predictions: EvalPrediction) -> dict[str, float]:
        """The three numbers that a Trainer logs and chooses by."""
        # Tuples only of a model that gives more than logits, which `keys_to_ignore_at_inference` leaves out.
        scores = self.score(cast(np.ndarray, predictions.predictions), cast(np.ndarray, predictions.label_ids))
        return {name: scores[name] for name in ("uar", "war", "macro_f1")}
