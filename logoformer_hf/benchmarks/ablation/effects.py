"""Measures of a run besides recall: distances within and between classes, silhouette, calibration."""

import numpy as np
from sklearn.metrics import silhouette_score

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


def measure_effects(embeddings: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """All measures of this file for one run, and the mean silhouette of the classes (Rousseeuw 1987)."""
    intra, inter = class_distances(embeddings, labels)
    return {
        "intra_class_distance": intra,
        "inter_class_distance": inter,
        "distance_ratio": intra / inter,
        "silhouette": float(silhouette_score(embeddings, labels)),
        "calibration_error": expected_calibration_error(scores, labels),
    }
