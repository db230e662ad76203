"""Projects embeddings to two dimensions by t-SNE and measures the separation of the classes by the silhouette."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasets.utils import tqdm
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

MAX_CLIPS = 3000
MIN_CLIPS = 10
_PERPLEXITY = 30  # of t-SNE: about the number of neighbours that it considers for each clip
_PCA_WIDTH = 50  # dimensions before t-SNE, as in van der Maaten and Hinton


class ProjectionError(ValueError):
    """Embeddings that cannot be projected; the message names the reason."""


@dataclass(frozen=True)
class Projection:
    """Embeddings of one model in two dimensions.

    Attributes:
        points: shape (clips, 2). Only small distances have a meaning, not the axes or distances between far groups.
        labels: true class numbers, shape (clips,).
        silhouette: mean silhouette of the labels, -1 to 1, computed on the embeddings before the projection: how much
            nearer a clip is to its own class than to the nearest other one. None with fewer than two classes, or where
            every clip has its own class.
    """

    points: np.ndarray
    labels: np.ndarray
    silhouette: float | None


def project(models: Sequence[np.ndarray], labels: np.ndarray, seed: int = 0) -> list[Projection]:
    """
    Projects the embeddings of one or several models, each separately, by t-SNE (van der Maaten and Hinton,
    *Visualizing Data using t-SNE*, JMLR 2008).

    Of more than `MAX_CLIPS` clips this number is sampled, in proportion to the classes and the same for all models.
    Each fold has its own model: do not pass the embeddings of several folds as those of one model.

    Args:
        models: embeddings of each model, shape (clips, width).
        labels: true class numbers, shape (clips,).
        seed: seed of the sample and of t-SNE.

    Raises:
        ProjectionError: fewer than `MIN_CLIPS` clips, or a model that gives all clips the same embedding.
    """
    if len(labels) < MIN_CLIPS:
        raise ProjectionError(f"{len(labels)} clips are too few for a projection, which needs {MIN_CLIPS}")
    chosen = _draw_clips(labels, seed)
    bar = tqdm(models, desc="projecting embeddings", unit="model")
    return [_project(embeddings[chosen].astype(np.float64), labels[chosen], seed) for embeddings in bar]


def _project(embeddings: np.ndarray, labels: np.ndarray, seed: int) -> Projection:
    if np.ptp(embeddings, axis=0).max() == 0:
        raise ProjectionError("the embeddings of all clips are the same, there is nothing to project")
    silhouette = None
    if 2 <= len(np.unique(labels)) < len(labels):
        silhouette = float(silhouette_score(embeddings, labels))
    width = min(_PCA_WIDTH, *embeddings.shape)
    reduced = PCA(width, random_state=seed).fit_transform(embeddings)
    perplexity = min(_PERPLEXITY, (len(labels) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca" if width > 1 else "random", random_state=seed)
    return Projection(tsne.fit_transform(reduced), labels, silhouette)


def _draw_clips(labels: np.ndarray, seed: int) -> np.ndarray:
    """Positions of at most `MAX_CLIPS` clips (and one more for each class, shares being rounded up), in order."""
    if len(labels) <= MAX_CLIPS:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    share = MAX_CLIPS / len(labels)
    of_class = (shuffled[labels[shuffled] == number] for number in np.unique(labels))
    return np.sort(np.concatenate([clips[: int(np.ceil(share * len(clips)))] for clips in of_class]))
