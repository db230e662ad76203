"""
Whether scores are right as often as they say: a temperature fitted to logits, and measures before and after it.

Source: Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017, arXiv 1706.04599.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

# A temperature from fewer clips is given up: its error would be as large as what it corrects.
MIN_CLIPS = 50
# Where all clips are right the likelihood rises without end towards 0, where scores are worth nothing towards
# infinity; the fit then ends at one of these.
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.2, 10.0
# Of the expected calibration error. Fewer clips make fewer bins, or chance would decide how many are right.
MAX_BINS = 15
MIN_CLIPS_PER_BIN = 20
_SMALLEST = float(np.finfo(np.float32).tiny)  # stands for a score that float32 has rounded to 0


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float | None:
    """
    The temperature that minimises the negative log-likelihood of the labels after `softmax(logits / temperature)`.

    More than 1 lowers the highest scores of a model that is too sure, less than 1 raises them. The class with the
    highest score stays the same. A function of its arguments alone.

    Args:
        logits: `(clips, classes)`, of clips that neither trained nor test the model.
        labels: `(clips,)`, true class numbers.

    Returns:
        `LOWEST_TEMPERATURE` to `HIGHEST_TEMPERATURE`, or None with fewer than `MIN_CLIPS` clips. Where several do
        equally well, the one closest to 1 of those that were tried.

    Raises:
        ValueError: shapes that do not agree, a label that is no class number, or a logit that is not finite.
    """
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    _check(logits, labels, "logits")
    if not np.isfinite(logits).all():
        raise ValueError("`logits` has a value that is not finite; no temperature can be fitted to it")
    if len(labels) < MIN_CLIPS:
        return None

    def loss(log_temperature: float) -> float:
        return _negative_log_likelihood(log_softmax(logits / math.exp(log_temperature), axis=1), labels)

    bounds = math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE)
    # The loss is convex in 1 / temperature and so has one valley in its logarithm too.
    found = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x)
    best = min((0.0, found, *bounds), key=lambda candidate: (loss(candidate), abs(candidate)))
    return {bounds[0]: LOWEST_TEMPERATURE, bounds[1]: HIGHEST_TEMPERATURE}.get(best, math.exp(best))


def calibrated_scores(scores: np.ndarray, temperature: float) -> np.ndarray:
    """
    `softmax(logits / temperature)` from the softmax of the logits, which loses nothing but their mean.

    Args:
        scores: softmax of the logits, `(clips, classes)`.
        temperature: more than 0.

    Returns:
        `(clips, classes)`, float64.
    """
    calibrated: np.ndarray = softmax(log_scores(scores) / temperature, axis=1)
    return calibrated


@dataclass(frozen=True)
class Calibration:
    """
    How far scores are from being right as often as they say.

    Attributes:
        ece: expected calibration error, 0 to 1: distance between the mean of the highest scores and the share of clips
            that are right, in bins of equally many clips with similar highest scores, weighted by their clips. Chance
            alone makes it more than 0, the more so the fewer clips there are.
        num_bins: bins of `ece`: one for every `MIN_CLIPS_PER_BIN` clips, at least 1 and at most `MAX_BINS`.
        nll: mean negative log-likelihood of the true class, in nats.
        brier: Brier score, 0 to 2: squared distance between scores and truth, summed over the classes, mean over
            the clips.
        mean_score: mean of the highest scores, 0 to 1.
        right: share of clips whose highest score is that of the true class, 0 to 1.
    """

    ece: float
    num_bins: int
    nll: float
    brier: float
    mean_score: float
    right: float


@dataclass(frozen=True)
class BeforeAndAfter:
    """
    Calibration of the scores as the model gives them, and with the temperature.

    Attributes:
        raw: of the model's scores.
        calibrated: with the temperature, or None for a model without one.
    """

    raw: Calibration
    calibrated: Calibration | None


def measure_calibration(scores: np.ndarray, labels: np.ndarray) -> Calibration:
    """
    The calibration of scores.

    Args:
        scores: `(clips, classes)`, each row adds up to 1.
        labels: `(clips,)`, true class numbers.

    Raises:
        ValueError: no clips, shapes that do not agree, or a label that is no class number.
    """
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    _check(scores, labels, "scores")
    if len(labels) == 0:
        raise ValueError("no clips: `scores` and `labels` are empty")
    highest, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    num_bins = min(max(len(labels) // MIN_CLIPS_PER_BIN, 1), MAX_BINS)
    return Calibration(
        ece=_expected_error(highest, right, num_bins),
        num_bins=num_bins,
        nll=_negative_log_likelihood(log_scores(scores), labels),
        brier=float(np.square(scores - np.eye(scores.shape[1])[labels]).sum(axis=1).mean()),
        mean_score=float(highest.mean()),
        right=float(right.mean()),
    )


def measure_before_and_after(
    scores: Sequence[np.ndarray], labels: Sequence[np.ndarray], temperatures: Sequence[float | None]
) -> BeforeAndAfter:
    """
    Calibration without and with temperature, over the clips of one or several runs as one set.

    Args:
        scores: of each run, the softmax of its logits, `(clips, classes)`.
        labels: of each run, `(clips,)`.
        temperatures: of each run. With one that is None there is no "after".
    """
    pooled = np.concatenate(labels)
    raw = measure_calibration(np.concatenate(scores), pooled)
    known = [temperature for temperature in temperatures if temperature is not None]
    if len(known) < len(temperatures):
        return BeforeAndAfter(raw, None)
    after = [calibrated_scores(of_run, temperature) for of_run, temperature in zip(scores, known, strict=True)]
    return BeforeAndAfter(raw, measure_calibration(np.concatenate(after), pooled))


def _expected_error(highest: np.ndarray, right: np.ndarray, num_bins: int) -> float:
    # Equal scores share a bin, so that the order of the clips has no influence; a bin may then be empty.
    ordered = np.sort(highest)
    edges = ordered[[len(ordered) * number // num_bins for number in range(1, num_bins)]]
    bins = np.searchsorted(edges, highest, side="right")
    difference = np.bincount(bins, weights=highest - right, minlength=num_bins)
    return float(np.abs(difference).sum() / len(highest))


def _negative_log_likelihood(log_scores: np.ndarray, labels: np.ndarray) -> float:
    return float(-log_scores[np.arange(len(labels)), labels].mean())


def log_scores(scores: np.ndarray) -> np.ndarray:
    """Logarithms of scores, float64 of their shape; a score that float32 has rounded to 0 counts as its smallest."""
    logarithms: np.ndarray = np.log(np.maximum(np.asarray(scores, dtype=np.float64), _SMALLEST))
    return logarithms


def _check(values: np.ndarray, labels: np.ndarray, name: str) -> None:
    if values.ndim != 2 or labels.shape != values.shape[:1]:
        raise ValueError(
            f"`{name}` has shape {values.shape} and `labels` {labels.shape}; they must be "
            "(clips, classes) and (clips,)"
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < values.shape[1]):
        raise ValueError(
            f"`labels` has the class number {labels.min() if labels.min() < 0 else labels.max()}; with "
            f"{values.shape[1]} classes they are 0 to {values.shape[1] - 1}"
        )
