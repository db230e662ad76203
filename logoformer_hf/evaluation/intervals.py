"""Limits of 95 % confidence for means of proportions, as UAR, WAR and recalls are, and for differences of such means.

A *group* is clips that share one chance of being right: those of a class, of a class in a fold, or all of them. The
limits hold near 0 and 100 % and for a single clip a group, and are never equal. `benchmarks/coverage.py` measures how
often they cover the truth.
"""

import numpy as np
from scipy.special import betaincinv
from scipy.stats import t as student_t

CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2


def exact_limits(right: np.ndarray, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Limits of a proportion by Clopper and Pearson, *The Use of Confidence or Fiducial Limits Illustrated in the Case of
    the Binomial*, Biometrika 1934.

    Args:
        right: numbers of clips that are right, shape (...); need not be whole.
        clips: numbers of clips, more than 0, shape (...).

    Returns:
        lower and upper limits, each of shape (...), 0 to 1.
    """
    right, wrong = np.asarray(right, dtype=np.float64), np.asarray(clips - right, dtype=np.float64)
    wrong = np.maximum(wrong, 0)  # rounding
    some_right, some_wrong = right > 0, wrong > 0
    low = np.where(some_right, betaincinv(np.where(some_right, right, 1), wrong + 1, _TAIL), 0.0)
    high = np.where(some_wrong, betaincinv(right + 1, np.where(some_wrong, wrong, 1), 1 - _TAIL), 1.0)
    return low, high


def mean_limits(right: np.ndarray, clips: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Limits of a weighted mean of the proportions of several groups: the wider ones, on each side, of two methods.

    The first adds the distances of each proportion to its own exact limits as squares (MOVER: Zou, Huang, Zhang, *A
    Note on Confidence Interval Estimation for a Linear Function of Binomial Proportions*, Computational Statistics and
    Data Analysis 2009): it follows groups that differ. The second takes the mean for one proportion of as many clips
    as would have its variance, if all groups had one proportion, and gives that one's exact limits: it holds for many
    small groups near 100 %, where most have no clip that is wrong. Of one group both are the exact limits.

    Args:
        right: numbers of clips that are right, shape (..., groups).
        clips: numbers of clips, more than 0, shape (groups,).
        weights: shape (groups,), more than 0; their sum is 1.

    Returns:
        lower and upper limits, each of shape (...), 0 to 1.
    """
    proportions = right / clips
    mean = (weights * proportions).sum(axis=-1)
    lows, highs = exact_limits(right, clips)
    below, above = (
        np.sqrt(np.square(weights * (limits - proportions)).sum(axis=-1)) for limits in (lows, highs)
    )  # each (...)
    effective = 1 / (np.square(weights) / clips).sum(axis=-1)  # number of clips
    low, high = exact_limits(mean * effective, effective)
    return np.clip(np.minimum(low, mean - below), 0, 1), np.clip(np.maximum(high, mean + above), 0, 1)


def uar_weights(clips: np.ndarray) -> np.ndarray:
    """
    Weights of recalls in the mean over folds of UAR, which is the mean over the classes that have a clip in the fold.

    Args:
        clips: numbers of clips, shape (folds, classes).

    Returns:
        shape (folds, classes), 0 for a class without a clip; their sum is 1.
    """
    occurring = clips > 0
    weights: np.ndarray = occurring / occurring.sum(axis=1, keepdims=True) / len(clips)
    return weights


def difference_limits(
    only_a: np.ndarray, only_b: np.ndarray, clips: np.ndarray, weights: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray]:
    """
    Limits of a weighted mean of the differences of two proportions, B - A, that are measured on the same clips.

    The limits of each group are those of Bonett and Price, *Adjusted Wald Confidence Interval for a Difference of
    Binomial Proportions Based on Paired Data*, Journal of Educational and Behavioral Statistics 2012, who add a clip
    that only A has right and one that only B has right; here with Student's quantile for as many degrees of freedom as
    there are clips, because the normal one holds 92 % only for single groups of a few clips. Their distances to the
    differences are added as squares (MOVER, as in `mean_limits`).

    Args:
        only_a: numbers of clips that only A has right, shape (..., groups).
        only_b: numbers of clips that only B has right, shape (..., groups).
        clips: numbers of all clips, more than 0, shape (groups,).
        weights: shape (groups,), more than 0; their sum is 1.
        confidence: how often the limits should hold.

    Returns:
        lower and upper limits, each of shape (...), -1 to 1.
    """
    rate_a, rate_b = (only_a + 1) / (clips + 2), (only_b + 1) / (clips + 2)
    centre = rate_b - rate_a
    error = np.sqrt((rate_a + rate_b - np.square(centre)) / (clips + 2))
    half = student_t.ppf((1 + confidence) / 2, np.sum(clips)) * error
    differences = (only_b - only_a) / clips
    mean = (weights * differences).sum(axis=-1)
    below, above = (
        np.sqrt(np.square(weights * (limits - differences)).sum(axis=-1))
        for limits in (np.maximum(centre - half, -1), np.minimum(centre + half, 1))
    )  # each (...)
    return np.maximum(mean - below, -1), np.minimum(mean + above, 1)
