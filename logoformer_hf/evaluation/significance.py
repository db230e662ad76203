"""Confidence intervals of UAR, WAR and recalls, and tests of two models.

Every interval is over clips: the scores of these trained models on other clips from the same distribution. It does not
cover another training (use several seeds for that), nor the similarity of clips of one film or person, which makes the
true uncertainty larger.

A bootstrap resample draws as many clips as there are, with replacement. UAR and WAR depend only on the class of a clip
and on whether it is classified correctly, so a resample is one multinomial draw of these counts. As in the metric, UAR
is the mean over the classes that occur; a class without a clip in a resample is left out of its mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .uar import uar_and_war, wrong_and_right

CONFIDENCE = 0.95
NUM_RESAMPLES = 10_000


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


def bootstrap_uar_war(
    confusion_matrices: Sequence[np.ndarray], num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> tuple[Estimate, Estimate]:
    """
    UAR and WAR with 95 % percentile bootstrap intervals, as means over folds.

    Args:
        confusion_matrices: one for each fold, each (classes, classes) with true classes as rows. Each fold is
            resampled separately and the scores of the folds are averaged, so the interval is that of the mean over
            folds. For all clips pooled pass one matrix, the sum: the pooled score is another quantity.
        num_resamples: number of resamples.
        seed: seed of the resamples.
    """
    rng = np.random.default_rng(seed)
    counts = [wrong_and_right(np.asarray(matrix)) for matrix in confusion_matrices]
    numbers = np.mean([uar_and_war(count) for count in counts], axis=0)  # (2,)
    drawn = np.mean([uar_and_war(_resample(count, num_resamples, rng)) for count in counts], axis=0)  # (2, resamples)
    return _estimate(numbers[0], drawn[0]), _estimate(numbers[1], drawn[1])


def recall_estimates(confusion_matrix: np.ndarray) -> list[Estimate | None]:
    """
    Recall of every class with its 95 % interval by Wilson's score; None for a class without a clip.

    A recall is a proportion of the clips of a class, for which Wilson's interval is also valid near 0 and 1; the
    bootstrap interval of 0 out of 29 would be 0 to 0. Source: Wilson, *Probable Inference, the Law of Succession, and
    Statistical Inference*, JASA 1927.
    """
    estimates: list[Estimate | None] = []
    for wrong, right in wrong_and_right(np.asarray(confusion_matrix)):
        if wrong + right == 0:
            estimates.append(None)
            continue
        test = stats.binomtest(int(right), int(wrong + right))
        interval = test.proportion_ci(CONFIDENCE, method="wilson")
        estimates.append(Estimate(float(test.statistic), float(interval.low), float(interval.high)))
    return estimates


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


def bootstrap_difference(
    labels: np.ndarray,
    a_right: np.ndarray,
    b_right: np.ndarray,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> tuple[Estimate, Estimate]:
    """
    Differences of UAR and WAR, B - A, with 95 % intervals from resamples that both models share.

    Args:
        labels: true class numbers, shape (clips,).
        a_right: whether A classifies each clip correctly, shape (clips,), bool.
        b_right: the same for B, with the same clips in the same order.
        num_resamples: number of resamples.
        seed: seed of the resamples.
    """
    counts = np.zeros((labels.max() + 1, 2, 2), dtype=np.int64)  # class, A right, B right
    np.add.at(counts, (labels, a_right.astype(int), b_right.astype(int)), 1)
    drawn = _resample(counts, num_resamples, np.random.default_rng(seed))

    def difference(counts: np.ndarray) -> np.ndarray:
        return np.subtract(uar_and_war(counts.sum(axis=-2)), uar_and_war(counts.sum(axis=-1)))

    (uar, war), (drawn_uar, drawn_war) = difference(counts), difference(drawn)
    return _estimate(uar, drawn_uar), _estimate(war, drawn_war)


def _resample(counts: np.ndarray, num_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Resampled counts, shape (resamples, *counts.shape)."""
    num_clips = counts.sum()
    return rng.multinomial(num_clips, counts.ravel() / num_clips, size=num_resamples).reshape(-1, *counts.shape)


def _estimate(value: float, drawn: np.ndarray) -> Estimate:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(value), float(low), float(high))
