"""Intervals and tests against numbers worked out by hand, against scipy, and against drawing clip by clip."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from logoformer_hf.evaluation.significance import (
    Estimate,
    McNemar,
    bootstrap_difference,
    bootstrap_uar_war,
    mcnemar,
    recall_estimates,
)

# 60 + 30 + 5 clips; recalls 45/60, 15/30, 1/5
MATRIX = np.array([[45, 10, 5], [12, 15, 3], [2, 2, 1]])


def test_bootstrap_is_what_drawing_clip_by_clip_gives():
    uar, war = bootstrap_uar_war([MATRIX])
    assert (uar.value, war.value) == (pytest.approx((0.75 + 0.5 + 0.2) / 3), pytest.approx(61 / 95))
    labels, predictions = (np.repeat(index.ravel(), MATRIX.ravel()) for index in np.indices((3, 3)))
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(3000):
        clips = rng.integers(0, 95, 95)
        right = labels[clips] == predictions[clips]
        recalls = [right[labels[clips] == number].mean() for number in np.unique(labels[clips])]
        drawn.append((np.mean(recalls), right.mean()))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([uar.low, uar.high], [low[0], high[0]], atol=0.012)
    np.testing.assert_allclose([war.low, war.high], [low[1], high[1]], atol=0.012)


def test_interval_of_war_is_that_of_a_binomial():
    _, war = bootstrap_uar_war([np.array([[700, 300], [300, 700]])], num_resamples=50_000)
    np.testing.assert_allclose([war.low, war.high], stats.binom.ppf([0.025, 0.975], 2000, 0.7) / 2000, atol=0.001)


def test_mean_of_folds_is_drawn_fold_by_fold():
    folds = [np.array([[80, 20], [10, 30]]), np.array([[15, 15], [5, 25]])]
    uar, war = bootstrap_uar_war(folds)
    assert uar.value == pytest.approx(((0.8 + 0.75) / 2 + (0.5 + 25 / 30) / 2) / 2)
    assert war.value == pytest.approx((110 / 140 + 40 / 60) / 2)
    assert war.value != pytest.approx(150 / 200)  # pooled
    variance = (110 / 140 * 30 / 140 / 140 + 40 / 60 * 20 / 60 / 60) / 4
    assert war.high - war.low == pytest.approx(2 * 1.96 * variance**0.5, rel=0.05)


def test_bootstrap_depends_on_its_seed_alone():
    assert bootstrap_uar_war([MATRIX], seed=3) == bootstrap_uar_war([MATRIX], seed=3)
    assert bootstrap_uar_war([MATRIX], seed=3) != bootstrap_uar_war([MATRIX], seed=4)
    assert bootstrap_uar_war([MATRIX]) == bootstrap_uar_war([MATRIX], seed=0)


def test_bootstrap_of_a_difference_depends_on_its_seed_alone():
    rng = np.random.default_rng(0)
    clips = np.repeat([0, 1], 150), rng.random(300) < 0.5, rng.random(300) < 0.5
    assert bootstrap_difference(*clips, seed=3) == bootstrap_difference(*clips, seed=3)
    assert bootstrap_difference(*clips, seed=3) != bootstrap_difference(*clips, seed=4)
    assert bootstrap_difference(*clips) == bootstrap_difference(*clips, seed=0)


def test_a_class_that_can_vanish_leaves_no_nan():
    uar, _ = bootstrap_uar_war([np.array([[9, 0, 0], [0, 0, 0], [1, 0, 0]])])
    assert uar == Estimate(0.5, 0.5, 1.0)  # 35 % of the resamples have no clip of the third class


def test_recalls_have_wilsons_interval():
    first, absent, never = recall_estimates(np.array([[30, 10, 0], [0, 0, 0], [5, 24, 0]]))
    assert absent is None
    # Wilson by hand: centre (p + z²/2n) / (1 + z²/n), z = 1.959964
    z2, n, p = 1.959964**2, 40, 0.75
    centre, half = (p + z2 / 2 / n) / (1 + z2 / n), (z2 * (p * (1 - p) / n + z2 / 4 / n**2)) ** 0.5 / (1 + z2 / n)
    assert first == Estimate(0.75, pytest.approx(centre - half, abs=1e-6), pytest.approx(centre + half, abs=1e-6))
    assert (never.value, never.low) == (0, 0)
    assert never.high == pytest.approx(z2 / (29 + z2), abs=1e-6)  # 0 of 29 is not certain to be 0


def test_recall_of_a_class_that_is_right_half_of_the_time():
    half, _ = recall_estimates(np.array([[2, 2], [0, 1]]))
    # Wilson by hand for p = 1/2: 1/2 -+ z / 2 sqrt(n + z²)
    distance = 1.959964 / 2 / (4 + 1.959964**2) ** 0.5
    assert half == Estimate(0.5, pytest.approx(0.5 - distance, abs=1e-6), pytest.approx(0.5 + distance, abs=1e-6))


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
    uar, war = bootstrap_difference(labels, a_right, b_right)
    gained = (b_right & ~a_right).mean()
    assert war.value == pytest.approx(gained)
    assert uar.value == pytest.approx(
        balanced_accuracy_score(labels, np.where(b_right, labels, 1 - labels))
        - balanced_accuracy_score(labels, np.where(a_right, labels, 1 - labels))
    )
    assert 0 < war.low < war.value < war.high
    assert war.high - war.low == pytest.approx(2 * 1.96 * (gained * (1 - gained) / 1000) ** 0.5, rel=0.1)
    uar_back, war_back = bootstrap_difference(labels, b_right, a_right)
    assert (uar_back.value, war_back.value) == (pytest.approx(-uar.value), pytest.approx(-war.value))


def test_no_difference_of_a_model_to_itself():
    a_right = np.array([True, False, True])
    assert bootstrap_difference(np.array([0, 2, 2]), a_right, a_right) == (Estimate(0, 0, 0), Estimate(0, 0, 0))


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    truth = np.array([[0.36, 0.14], [0.2, 0.3]])  # UAR (0.72 + 0.6) / 2
    covered = []
    for _ in range(1000):
        uar, _ = bootstrap_uar_war([rng.multinomial(300, truth.ravel()).reshape(2, 2)], num_resamples=1000)
        covered.append(uar.low <= 0.66 <= uar.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)
