"""UAR and WAR. Imports NumPy only, because `evaluate.load` copies this file with the metric."""

import numpy as np


def uar_and_war(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    UAR, the mean recall of the classes that have a clip, and WAR, the share of correctly classified clips.

    Args:
        counts: numbers of clips by class and by wrong (0) or right (1), shape (..., classes, 2).

    Returns:
        Two arrays of shape (...), 0 to 1.
    """
    clips, right = counts.sum(axis=-1), counts[..., 1]
    recalls = right / np.maximum(clips, 1)
    return recalls.sum(axis=-1) / (clips > 0).sum(axis=-1), right.sum(axis=-1) / clips.sum(axis=-1)


def wrong_and_right(confusion_matrix: np.ndarray) -> np.ndarray:
    """
    The counts for `uar_and_war`.

    Args:
        confusion_matrix: numbers of clips, shape (classes, classes), rows are true classes, columns predicted ones.

    Returns:
        Numbers of clips by class and by wrong (0) or right (1), shape (classes, 2).
    """
    right = confusion_matrix.diagonal()
    return np.stack([confusion_matrix.sum(axis=1) - right, right], axis=1)
