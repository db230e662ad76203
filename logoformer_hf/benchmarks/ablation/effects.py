"""Measures of a run besides recall: distances within and between classes, retrieval, calibration, unknown classes."""

import numpy as np
from sklearn.metrics import label_ranking_average_precision_score, roc_auc_score, silhouette_score

from ...evaluation.calibration import calibrated_scores, fit_temperature, log_scores

NUM_BINS = 15


def class_distances(embeddings: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """
    Root mean square distance of clips to their class centre, and between class centres; classes have equal weight.

    Args:
        embeddings: shape (clips, width).
        labels: class numbers, shape (clips,), at least two classes.

    Returns:
        Intra-class and inter-class distance, in the units of the embedding: only their ratio is comparable over
        models.
    """
    classes = np.unique(labels)
    groups = [embeddings[labels == number] for number in classes]
    centers = np.stack([group.mean(axis=0) for group in groups])  # (classes, width)
    within = np.mean(
        [np.square(group - center).sum(axis=1).mean() for group, center in zip(groups, centers, strict=True)]
    )
    differences = centers[:, None] - centers[None]  # (classes, classes, width)
    between = np.square(differences).sum(axis=2).sum() / (len(classes) * (len(classes) - 1))
    return float(np.sqrt(within)), float(np.sqrt(between))


def expected_calibration_error(scores: np.ndarray, labels: np.ndarray, num_bins: int = NUM_BINS) -> float:
    """
    Mean gap between confidence and accuracy over bins of equal width, weighted by clips.

    Source: Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017, equation 3.

    Args:
        scores: softmax of the logits, shape (clips, classes).
        labels: class numbers, shape (clips,).
        num_bins: number of bins of the confidence, which is from 0 to 1.

    Returns:
        The error, 0 to 1.
    """
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=num_bins)  # summed over the clips of a bin
    return float(np.abs(gaps).sum() / len(labels))


def calibrated_error(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """
    `expected_calibration_error` with a temperature, as a training fits one to its validation clips: here each half of
    the clips gets that of the other half.

    Args:
        scores: softmax of the logits, shape (clips, classes).
        labels: class numbers, shape (clips,).

    Returns:
        The error, 0 to 1; None with too few clips to fit a temperature to a half of them.
    """
    logits = log_scores(scores)
    is_odd = np.arange(len(labels)) % 2 == 1
    calibrated = np.empty(scores.shape)
    for half in (is_odd, ~is_odd):
        temperature = fit_temperature(logits[~half], labels[~half])
        if temperature is None:
            return None
        calibrated[half] = calibrated_scores(scores[half], temperature)
    return expected_calibration_error(calibrated, labels)


def mean_average_precision(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """
    How well a clip's embedding finds the other clips of its class: each clip is a query to all others, sorted by the
    cosine of their embeddings; the mean, over queries, of the precision at each clip of the same class.

    Args:
        embeddings: shape (clips, width), none of them zero.
        labels: class numbers, shape (clips,), each of at least two clips.

    Returns:
        Between the share of the class, which is chance, and 1.
    """
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = unit @ unit.T  # (clips, clips)
    np.fill_diagonal(cosines, -2.0)  # the query itself is the last
    same = labels[:, None] == labels  # (clips, clips)
    np.fill_diagonal(same, False)
    return float(label_ranking_average_precision_score(same, cosines))


def unknown_auroc(scores: np.ndarray, is_unknown: np.ndarray) -> float:
    """
    How well the largest score tells clips of classes that were trained on from those of one that was not: the share of
    pairs in which the known clip has the larger one, 0 to 1, 0.5 by chance.

    Source: Hendrycks and Gimpel, *A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural
    Networks*, ICLR 2017.

    Args:
        scores: softmax of the logits, shape (clips, classes).
        is_unknown: shape (clips,), with clips of both kinds.
    """
    return float(roc_auc_score(~is_unknown, scores.max(axis=1)))


def measure_effects(embeddings: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Measures of one run over all of its classes, with the mean silhouette of the classes (Rousseeuw 1987)."""
    intra, inter = class_distances(embeddings, labels)
    calibrated = calibrated_error(scores, labels)
    return {
        "intra_class_distance": intra,
        "inter_class_distance": inter,
        "distance_ratio": intra / inter,
        "silhouette": float(silhouette_score(embeddings, labels)),
        "mean_average_precision": mean_average_precision(embeddings, labels),
        "calibration_error": expected_calibration_error(scores, labels),
        **({} if calibrated is None else {"calibrated_error": calibrated}),
    }
