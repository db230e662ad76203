"""The metric of `metrics.py`, loaded once, for a Trainer and for reports."""

import tempfile
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import evaluate
import numpy as np
from transformers import EvalPrediction

from ..data.clips import NOT_COUNTED
from .metrics import ExpressionMetrics


@cache
def load_metric() -> evaluate.Metric:
    """
    The metric of `metrics.py`, made once; in memory, so it can be used again and again. `evaluate.load` would copy its
    file to the cache of the user, which may not be writable.
    """
    with tempfile.TemporaryDirectory() as folder:  # evaluate makes an empty folder there, also in memory
        return ExpressionMetrics(keep_in_memory=True, cache_dir=folder)


class Scorer:
    """
    Computes UAR, WAR and the other scores of the metric in `metrics.py`, which is loaded once.

    Args:
        label_names: names of the classes in the order of their numbers.
    """

    def __init__(self, label_names: Sequence[str]):
        self.label_names = list(label_names)
        self.metric = load_metric()

    def score(self, logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """The result of `ExpressionMetrics` for logits `(clips, classes)` and labels `(clips,)`."""
        scores: dict[str, Any] = self.metric.compute(
            predictions=logits.argmax(axis=1), references=labels, label_names=self.label_names
        )
        return scores

    def score_epoch(self, predictions: EvalPrediction) -> dict[str, float]:
        """UAR, WAR and macro F1, 0 to 1, which a Trainer logs and chooses the best epoch by."""
        # Tuples only for further outputs than logits, which `keys_to_ignore_at_inference` excludes.
        logits, labels = cast(np.ndarray, predictions.predictions), cast(np.ndarray, predictions.label_ids)
        counted = labels != NOT_COUNTED
        if not counted.any():
            raise ValueError(f"none of {len(labels)} clips to evaluate can be read.")
        scores = self.score(logits[counted], labels[counted])
        return {name: scores[name] for name in ("uar", "war", "macro_f1")}
