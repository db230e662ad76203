"""What a model says of the clips of a data set, and the check that its scores are numbers."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers.trainer_utils import EvalLoopOutput

from ..data.problems import name_some
from ..models.finite import NonFiniteError


@dataclass
class ClipPredictions:
    """
    The outputs of a model for the clips of a data set that can be read, in their order, each clip once.

    Args:
        logits: `(clips, classes)`, scores before the softmax.
        embeddings: `(clips, hidden)`, the input of the model's output layer.
        labels: `(clips,)`, class numbers of the data set.
        metrics: results of `compute_metrics`, losses and times of Trainer.
        rows: `(clips,)`, the positions of these clips in the data set.
    """

    logits: np.ndarray
    embeddings: np.ndarray
    labels: np.ndarray
    metrics: dict[str, float]
    rows: np.ndarray


def check_scores(output: EvalLoopOutput, loss: float, dataset: Any) -> None:
    """
    Raises a `NonFiniteError` where clips have logits that are infinite or NaN, and names them, or where the loss is.
    An evaluation without a metric keeps no logits.
    """
    logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
    if logits is None:
        if not math.isfinite(loss):
            raise NonFiniteError(f"the loss over {len(dataset)} clips is infinite or NaN.")
        return
    faulty = np.flatnonzero(~np.isfinite(np.asarray(logits)).all(axis=-1))
    if len(faulty):
        names = getattr(dataset, "clip_ids", range(len(dataset)))
        raise NonFiniteError(
            f"the model gives scores that are infinite or NaN for {len(faulty)} of {len(dataset)} clips: "
            f"{name_some(str(names[row]) for row in faulty)}. Use a checkpoint from before, or train it again, e.g. "
            "with a lower `learning_rate`."
        )
