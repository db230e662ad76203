"""Embeddings in two dimensions: the same clips for all models, the same picture again, and what cannot be shown."""

import numpy as np
import pytest
from errors import raises_naming

from logoformer_hf.evaluation import projection
from logoformer_hf.evaluation.projection import ProjectionError, project

LABELS = np.repeat([0, 1, 2], [40, 25, 3])


def clusters(distance: float, seed: int = 0) -> np.ndarray:
    """Embeddings (68, 60) whose class centres are `distance` from the origin."""
    return np.eye(60)[LABELS] * distance + np.random.default_rng(seed).normal(0, 0.1, (68, 60))


def test_classes_that_lie_apart_stay_apart():
    near, far = project([clusters(0.1), clusters(10)], LABELS)
    assert near.points.shape == far.points.shape == (68, 2)
    assert near.silhouette < 0.2 < 0.9 < far.silhouette
    centres = np.array([far.points[far.labels == number].mean(axis=0) for number in (0, 1)])
    spread = far.points[far.labels == 0].std()
    assert np.linalg.norm(centres[0] - centres[1]) > 2 * spread


def test_the_same_again():
    [first], [second] = project([clusters(1)], LABELS), project([clusters(1)], LABELS)
    np.testing.assert_array_equal(first.points, second.points)


def test_of_many_clips_some_of_every_class_are_drawn(monkeypatch):
    monkeypatch.setattr(projection, "MAX_CLIPS", 20)
    one, two = project([clusters(1), clusters(1, seed=1)], LABELS)
    assert np.bincount(one.labels).tolist() == [12, 8, 1]  # 20 / 68 of each, rounded up
    np.testing.assert_array_equal(one.labels, two.labels)
    chosen = projection._draw_clips(LABELS, seed=0)
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(LABELS[chosen], one.labels)


def test_one_class_has_no_silhouette():
    assert project([clusters(1)], np.zeros(68, dtype=int))[0].silhouette is None


def test_what_cannot_be_projected():
    with raises_naming(ProjectionError, "9", "10"):
        project([clusters(1)[:9]], LABELS[:9])
    with pytest.raises(ProjectionError):
        project([np.ones((68, 4))], LABELS)
