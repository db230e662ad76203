"""Confidence intervals of UAR, WAR and recalls, and tests of two models.

Every interval is over clips: the scores of these trained models on other clips from the same distribution, as many of
each class. It does not cover another training (use several seeds for that), nor the similarity of clips of one film or
person, which makes the true uncertainty larger. `intervals.py` has the methods.

As in the metric, UAR is the mean over the classes that have a clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from .intervals import CONFIDENCE, difference_limits, exact_limits, mean_limits, uar_weights
from .uar import uar_and_war, wrong_and_right

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "McNemar",
    "correct_p_values",
    "mcnemar",
    "recall_estimates",
    "uar_p_value",
    "uar_war_differences",
    "uar_war_estimates",
]

_SMALLEST_P_VALUE = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A value and its confidence interval: scores from 0 to 1, differences from -1 to 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """McNemar's test on the clips that exactly one of two models classifies correctly.

    Attributes:
        only_a: number of clips that only A classifies correctly.
        only_b: number of clips that only B classifies correctly.
        p_value: probability of counts at least this uneven if both models had the same accuracy.
    """

    only_a: int
    only_b: int
    p_value: float


def uar_war_estimates(confusion_matrices: Sequence[np.ndarray]) -> tuple[Estimate, Estimate]:
    """
    UAR and WAR with 95 % intervals, as means over folds.

    Args:
        confusion_matrices: one for each fold, each (classes, classes) with true classes as rows. The scores of the
            folds are averaged, and the interval is that of the mean over folds. For all clips pooled pass one matrix,
            the sum: the pooled score is another quantity.
    """
    counts = np.stack([wrong_and_right(np.asarray(matrix)) for matrix in confusion_matrices])  # (folds, classes, 2)
    uar, war = np.mean(uar_and_war(counts), axis=1)
    clips, right = counts.sum(axis=-1), counts[..., 1]  # each (folds, classes)
    num_folds, occurring = len(counts), clips > 0
    of_uar = mean_limits(right[occurring], clips[occurring], uar_weights(clips)[occurring])
    of_war = mean_limits(right.sum(axis=1), clips.sum(axis=1), np.full(num_folds, 1 / num_folds))
    return _estimate(uar, of_uar), _estimate(war, of_war)


def recall_estimates(confusion_matrix: np.ndarray) -> list[Estimate | None]:
    """Recall of every class with its 95 % interval by Clopper and Pearson; None for a class without a clip."""
    counts = wrong_and_right(np.asarray(confusion_matrix))
    return [
        _estimate(right / (wrong + right), exact_limits(right, wrong + right)) if wrong + right else None
        for wrong, right in counts
    ]


def mcnemar(a_right: np.ndarray, b_right: np.ndarray) -> McNemar:
    """
    McNemar's test in its exact form: the binomial distribution, two-sided, for any number of clips.

    Args:
        a_right: whether A classifies each clip correctly, shape (clips,), bool.
        b_right: the same for B, with the same clips in the same order.
    """
    only_a, only_b = int((a_right & ~b_right).sum()), int((b_right & ~a_right).sum())
    differing = only_a + only_b
    return McNemar(only_a, only_b, float(stats.binomtest(only_b, differing).pvalue) if differing else 1.0)


def uar_war_differences(
    labels: np.ndarray, a_right: np.ndarray, b_right: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[Estimate, Estimate]:
    """
    Differences of UAR and WAR, B - A, on the same clips, with intervals for paired differences.

    Args:
        labels: true class numbers, shape (clips,).
        a_right: whether A classifies each clip correctly, shape (clips,), bool.
        b_right: the same for B, with the same clips in the same order.
        confidence: how often the intervals should hold the truth, 0 to 1.
    """
    counts = np.zeros((labels.max() + 1, 2, 2), dtype=np.int64)  # class, A right, B right
    np.add.at(counts, (labels, a_right.astype(int), b_right.astype(int)), 1)
    counts = counts[counts.sum(axis=(1, 2)) > 0]
    uar, war = np.subtract(uar_and_war(counts.sum(axis=-2)), uar_and_war(counts.sum(axis=-1)))
    pooled = counts.sum(axis=0, keepdims=True)
    of_uar, of_war = (
        difference_limits(of[:, 1, 0], of[:, 0, 1], of.sum(axis=(1, 2)), np.full(len(of), 1 / len(of)), confidence)
        for of in (counts, pooled)
    )
    return _estimate(uar, of_uar), _estimate(war, of_war)


def uar_p_value(labels: np.ndarray, a_right: np.ndarray, b_right: np.ndarray) -> float:
    """
    Two-sided p value of a difference of UAR: 1 minus the confidence at which the interval begins at zero. It is less
    than 0.05 where the 95 % interval leaves out zero. Arguments as of `uar_war_differences`.
    """

    def distance_to_zero(confidence: float) -> float:
        uar, _ = uar_war_differences(labels, a_right, b_right, confidence)
        return uar.low if uar.value > 0 else -uar.high

    if distance_to_zero(0.0) <= 0:
        return 1.0
    if distance_to_zero(1 - _SMALLEST_P_VALUE) > 0:
        return _SMALLEST_P_VALUE
    return 1 - float(brentq(distance_to_zero, 0.0, 1 - _SMALLEST_P_VALUE))


def correct_p_values(p_values: Sequence[float]) -> list[float]:
    """
    p values of several tests, made larger for their number by Holm's method: if none of the models differ, the chance
    that any of them is less than 0.05 is at most 5 %. Source: Holm, *A Simple Sequentially Rejective Multiple Test
    Procedure*, Scandinavian Journal of Statistics 1979.
    """
    corrected, largest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min((len(p_values) - rank) * p_values[place], 1.0))
        corrected[place] = largest
    return corrected


def _estimate(value: float, limits: tuple[np.ndarray, np.ndarray]) -> Estimate:
    # Rounding can put a limit past its value by the last bit.
    return Estimate(float(value), min(float(limits[0]), float(value)), max(float(limits[1]), float(value)))
