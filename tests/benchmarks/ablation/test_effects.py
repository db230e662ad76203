"""Effects against numbers worked out by hand."""

import json

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from logoformer_hf.benchmarks.ablation.effects import (
    calibrated_error,
    class_distances,
    expected_calibration_error,
    mean_average_precision,
    measure_effects,
    unknown_auroc,
)


def scores(*confidences: float) -> np.ndarray:
    """Of two classes, the first of which is predicted."""
    return np.array([[confidence, 1 - confidence] for confidence in confidences])


def test_distances_worked_out_by_hand():
    embeddings = np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 3.0], [4.0, 5.0]])  # centres (1, 0) and (4, 4)
    assert class_distances(embeddings, np.array([3, 3, 6, 6])) == (pytest.approx(1), pytest.approx(5))
    triangle = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])  # sides 3, 4 and 5
    assert class_distances(triangle, np.arange(3)) == (0, pytest.approx((50 / 3) ** 0.5))


def test_classes_weigh_alike_however_many_clips_they_have():
    few, many = [[-1.0], [1.0]], [[7.0]] * 10 + [[13.0]] * 10  # distances 1 and 3, centres 0 and 10
    intra, inter = class_distances(np.array(few + many), np.array([0] * 2 + [1] * 20))
    assert (intra, inter) == (pytest.approx(((1 + 9) / 2) ** 0.5), pytest.approx(10))


def test_calibration_error_worked_out_by_hand():
    # In tenths: twice 0.95 with one right, twice 0.65 with both right.
    error = expected_calibration_error(scores(0.95, 0.95, 0.65, 0.65), np.array([0, 1, 0, 0]), num_bins=10)
    assert error == pytest.approx((abs(1.9 - 1) + abs(1.3 - 2)) / 4)
    # One bin: its clips make up for each other.
    assert expected_calibration_error(scores(0.61, 0.69), np.array([0, 1]), 10) == pytest.approx((1.3 - 1) / 2)


def test_a_bin_holds_its_upper_end():
    """As in Guo et al.: 0.5 lies in (0, 0.5], 0.6 in (0.5, 1]."""
    assert expected_calibration_error(scores(0.5, 0.6), np.array([1, 0]), 2) == pytest.approx((0.5 + 0.4) / 2)


def test_calibration_of_the_certain():
    certain = np.eye(7)[[0, 1, 2, 3]]
    assert expected_calibration_error(certain, np.array([0, 1, 2, 3])) == 0
    assert expected_calibration_error(certain, np.array([0, 1, 0, 0])) == pytest.approx(0.5)
    assert expected_calibration_error(certain, np.array([1, 2, 3, 4])) == 1


def test_each_half_gets_the_temperature_of_the_other():
    """Scores of 0.9 and 0.1 that are right in 7 of 10 become 0.7; the halves are the even and the odd clips."""
    labels = np.tile(np.repeat([0, 1], [14, 6]), 10)  # the same share in both halves
    assert expected_calibration_error(scores(*[0.9] * len(labels)), labels) == pytest.approx(0.2)
    assert calibrated_error(scores(*[0.9] * len(labels)), labels) == pytest.approx(0, abs=1e-3)
    # In the even clips all are right, and the odd ones get their temperature.
    uneven = np.tile([0, 1], 100)
    assert calibrated_error(scores(*[0.9] * 200), uneven) > 0.4
    assert calibrated_error(scores(*[0.9] * 90), labels[:90]) is None


def test_calibration_of_chance_is_nothing():
    """A model that says 0.7 and is right in 7 of 10."""
    assert expected_calibration_error(scores(*[0.7] * 10), np.repeat([0, 1], [7, 3])) == pytest.approx(0, abs=1e-9)


def test_scale_and_place_of_the_embeddings_do_not_matter():
    rng = np.random.default_rng(0)
    labels = np.arange(70) % 7
    embeddings = (rng.normal(size=(70, 5)) + 2 * rng.normal(size=(7, 5))[labels]).astype(np.float32)
    probabilities = rng.dirichlet(np.ones(7), 70).astype(np.float32)
    one = measure_effects(embeddings, probabilities, labels)
    ten = measure_effects(10 * embeddings + 3, probabilities, labels)
    for name in ("intra_class_distance", "inter_class_distance"):
        assert ten[name] == pytest.approx(10 * one[name], rel=1e-4)
    for name in ("distance_ratio", "silhouette", "calibration_error"):
        assert ten[name] == pytest.approx(one[name], rel=1e-4)
    assert one["distance_ratio"] == pytest.approx(one["intra_class_distance"] / one["inter_class_distance"])
    assert one["silhouette"] == pytest.approx(silhouette_score(embeddings, labels), abs=1e-6)
    assert json.loads(json.dumps(one)) == one


def test_tighter_classes_have_a_smaller_ratio_and_a_larger_silhouette():
    rng = np.random.default_rng(0)
    labels = np.arange(70) % 7
    centers, spread = 3 * rng.normal(size=(7, 5))[labels], rng.normal(size=(70, 5))
    probabilities = np.full((70, 7), 1 / 7)
    loose, tight = (measure_effects(centers + factor * spread, probabilities, labels) for factor in (1, 0.3))
    assert tight["distance_ratio"] < 0.5 * loose["distance_ratio"]
    assert tight["silhouette"] > loose["silhouette"]


def test_retrieval_worked_out_by_hand():
    angles = np.deg2rad([0, 10, 30, 90])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([[1.0], [9.0], [2.0], [5.0]])
    # Queries in turn: the others by their angle are of classes 1, 0, 1 (the second is right: 1/2), then 0, 0, 1 (the
    # third: 1/3), then 1, 0, 1 (1/2), and of the last one 0, 1, 0 (1/2).
    assert mean_average_precision(embeddings, np.array([0, 1, 0, 1])) == pytest.approx(
        (1 / 2 + 1 / 3 + 1 / 2 + 1 / 2) / 4
    )
    assert mean_average_precision(embeddings, np.array([0, 0, 1, 1])) == pytest.approx((1 + 1 + 1 / 3 + 1) / 4)


def test_unknown_clips_are_those_with_small_scores():
    said = scores(0.9, 0.8, 0.7, 0.6)
    assert unknown_auroc(said, np.array([False, False, True, True])) == 1
    assert unknown_auroc(said, np.array([True, True, False, False])) == 0
    assert unknown_auroc(said, np.array([False, True, False, True])) == pytest.approx(3 / 4)
