"""Intervals and tests against numbers worked out by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from logoformer_hf.evaluation.intervals import mean_limits
from logoformer_hf.evaluation.significance import (
    Estimate,
    McNemar,
    correct_p_values,
    mcnemar,
    recall_estimates,
    uar_p_value,
    uar_war_differences,
    uar_war_estimates,
)

# 60 + 30 + 5 clips; recalls 45/60, 15/30, 1/5
MATRIX = np.array([[45, 10, 5], [12, 15, 3], [2, 2, 1]])


def test_uar_and_war_have_combined_and_exact_limits():
    uar, war = uar_war_estimates([MATRIX])
    assert (uar.value, war.value) == (pytest.approx((0.75 + 0.5 + 0.2) / 3), pytest.approx(61 / 95))
    clips, hits = np.array([60, 30, 5]), np.array([45, 15, 1])
    assert (uar.low, uar.high) == pytest.approx(mean_limits(hits, clips, np.full(3, 1 / 3)))
    exact = stats.binomtest(61, 95).proportion_ci(0.95, method="exact")
    assert (war.low, war.high) == pytest.approx(tuple(exact))


def test_mean_of_folds_is_no_pooled_score():
    folds = [np.array([[80, 20], [10, 30]]), np.array([[15, 15], [5, 25]])]
    uar, war = uar_war_estimates(folds)
    assert uar.value == pytest.approx(((0.8 + 0.75) / 2 + (0.5 + 25 / 30) / 2) / 2)
    assert war.value == pytest.approx((110 / 140 + 40 / 60) / 2)
    assert war.value != pytest.approx(150 / 200)  # pooled
    variance = (110 / 140 * 30 / 140 / 140 + 40 / 60 * 20 / 60 / 60) / 4
    assert war.high - war.low == pytest.approx(2 * 1.96 * variance**0.5, rel=0.08)
    assert uar_war_estimates([sum(folds)])[1].value == pytest.approx(150 / 200)


def test_a_class_without_a_clip_is_in_no_mean():
    uar, _ = uar_war_estimates([np.array([[9, 0, 0], [0, 0, 0], [1, 0, 0]])])
    assert uar.value == 0.5 and 0 < uar.low < 0.5 < uar.high < 1


def test_all_clips_right_are_no_certainty():
    uar, war = uar_war_estimates([np.diag([2] * 7)])
    assert (uar.value, uar.high, war.value, war.high) == (1, 1, 1, 1)
    assert uar.low < 0.77 and war.low == pytest.approx(0.025 ** (1 / 14))


def test_recalls_have_exact_limits():
    first, absent, never = recall_estimates(np.array([[30, 10, 0], [0, 0, 0], [5, 24, 0]]))
    assert absent is None
    exact = stats.binomtest(30, 40).proportion_ci(0.95, method="exact")
    assert first == Estimate(0.75, pytest.approx(exact.low), pytest.approx(exact.high))
    assert (never.value, never.low) == (0, 0)
    assert never.high == pytest.approx(1 - 0.025 ** (1 / 29))  # 0 of 29 is not certain to be 0


def right(*groups: tuple[bool, bool, int]) -> tuple[np.ndarray, np.ndarray]:
    """Whether A and B have each clip right, from (A, B, number of clips)."""
    a, b, counts = zip(*groups, strict=True)
    return np.repeat(a, counts), np.repeat(b, counts)


def test_mcnemar_worked_out_by_hand():
    a_right, b_right = right((True, True, 50), (True, False, 2), (False, True, 8), (False, False, 7))
    # two-sided: 2 · (C(10,0) + C(10,1) + C(10,2)) / 2^10
    assert mcnemar(a_right, b_right) == McNemar(2, 8, pytest.approx(2 * (1 + 10 + 45) / 1024))
    assert mcnemar(b_right, a_right).p_value == mcnemar(a_right, b_right).p_value
    assert mcnemar(a_right, a_right) == McNemar(0, 0, 1.0)


def test_mcnemar_of_many_clips_is_near_chi_squared():
    p_value = mcnemar(*right((True, False, 460), (False, True, 540))).p_value
    assert p_value == pytest.approx(stats.chi2.sf((abs(460 - 540) - 1) ** 2 / 1000, 1), rel=0.01)


def test_difference_is_paired():
    labels = np.repeat([0, 1], [600, 400])
    rng = np.random.default_rng(0)
    a_right = rng.random(1000) < 0.6
    b_right = a_right | (rng.random(1000) < 0.05)  # B has all that A has, and a little more
    uar, war = uar_war_differences(labels, a_right, b_right)
    gained = (b_right & ~a_right).mean()
    assert war.value == pytest.approx(gained)
    assert uar.value == pytest.approx(
        balanced_accuracy_score(labels, np.where(b_right, labels, 1 - labels))
        - balanced_accuracy_score(labels, np.where(a_right, labels, 1 - labels))
    )
    assert 0 < war.low < war.value < war.high
    assert war.high - war.low == pytest.approx(2 * 1.96 * (gained * (1 - gained) / 1000) ** 0.5, rel=0.1)
    uar_back, war_back = uar_war_differences(labels, b_right, a_right)
    assert (uar_back.value, war_back.value) == (pytest.approx(-uar.value), pytest.approx(-war.value))


def test_a_model_does_not_differ_from_itself_but_might_on_other_clips():
    a_right = np.array([True, False, True])
    for estimate in uar_war_differences(np.array([0, 2, 2]), a_right, a_right):
        assert estimate.value == 0 and estimate.low == -estimate.high < 0
    assert uar_p_value(np.array([0, 2, 2]), a_right, a_right) == 1


@pytest.mark.parametrize("gain", [0.02, 0.045, 0.1, 0.9])
def test_the_p_value_of_uar_is_small_where_its_interval_leaves_out_zero(gain):
    labels, a_right = np.repeat([0, 1], 150), np.tile([True, False, False], 100)
    b_right = a_right | (np.random.default_rng(3).random(300) < gain)
    uar, _ = uar_war_differences(labels, a_right, b_right)
    p_value = uar_p_value(labels, a_right, b_right)
    assert 0 < p_value <= 1 and (p_value < 0.05) == (uar.low > 0)
    assert uar_p_value(labels, b_right, a_right) == pytest.approx(p_value)
    if 1e-6 < p_value < 1:
        assert uar_war_differences(labels, a_right, b_right, 1 - p_value)[0].low == pytest.approx(0, abs=1e-6)


def test_p_values_are_corrected_for_their_number():
    assert correct_p_values([0.03]) == [0.03]
    assert correct_p_values([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])  # 3 x 0.01, 2 x 0.03, 1 x 0.04
    assert correct_p_values([0.9, 0.8]) == [1.0, 1.0]
    assert correct_p_values([]) == []
