"""UAR and WAR against numbers worked out by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from logoformer_hf.evaluation.uar import uar_and_war, wrong_and_right


def test_numbers_worked_out_by_hand():
    uar, war = uar_and_war(np.array([[[15, 45], [15, 15], [4, 1]], [[0, 3], [2, 2], [0, 0]]]))
    np.testing.assert_allclose(uar, [(45 / 60 + 15 / 30 + 1 / 5) / 3, (1 + 1 / 2) / 2])  # the absent class is left out
    np.testing.assert_allclose(war, [61 / 95, 5 / 7])


def test_counts_of_a_confusion_matrix():
    # 60 + 30 + 5 clips; right 45, 15, 1; no clip of the last class, which others were taken for
    matrix = np.array([[45, 10, 5, 0], [12, 15, 3, 0], [2, 2, 1, 0], [0, 0, 0, 0]])
    assert wrong_and_right(matrix).tolist() == [[15, 45], [15, 15], [4, 1], [0, 0]]


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(7), rng.choice(7, 500, p=[0.3, 0.2, 0.2, 0.15, 0.1, 0.04, 0.01])])
    predictions = np.where(rng.random(507) < 0.6, labels, rng.integers(0, 7, 507))
    uar, war = uar_and_war(wrong_and_right(confusion_matrix(labels, predictions)))
    assert uar == pytest.approx(balanced_accuracy_score(labels, predictions))
    assert war == pytest.approx(accuracy_score(labels, predictions))
