"""Limits against scipy's exact ones, against numbers worked out by hand, and at the ends of the scale."""

import numpy as np
import pytest
from scipy import stats

from logoformer_hf.evaluation.intervals import difference_limits, exact_limits, mean_limits, uar_weights

SEVENTHS = np.full(7, 1 / 7)


@pytest.mark.parametrize("right, clips", [(0, 1), (1, 1), (0, 29), (13, 14), (14, 14), (200, 335)])
def test_exact_limits_are_those_of_clopper_and_pearson(right, clips):
    expected = stats.binomtest(right, clips).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose(exact_limits(np.array(right), np.array(clips)), expected, atol=1e-12)


def test_the_mean_of_one_group_has_its_exact_limits():
    group = np.array([13.0]), np.array([14])
    np.testing.assert_allclose(mean_limits(*group, np.ones(1)), np.ravel(exact_limits(*group)), atol=1e-12)


def test_all_clips_right_leave_room_below():
    low, high = mean_limits(np.full(7, 2), np.full(7, 2), SEVENTHS)
    # The wider of two: 14 clips as one group (0.025 ** (1 / 14)), and seven distances 1 - 0.025 ** (1 / 2) as squares.
    assert low == pytest.approx(min(0.025 ** (1 / 14), 1 - (1 - 0.025**0.5) / 7**0.5))
    assert high == 1


def test_groups_that_differ_have_their_own_distances():
    clips, right = np.array([400, 10]), np.array([400, 2])
    low, high = mean_limits(right, clips, np.full(2, 0.5))
    lows, highs = exact_limits(right, clips)
    of_mean = exact_limits(np.array(0.6 * 1600 / 41), np.array(1600 / 41))  # 1 / (0.5² / 400 + 0.5² / 10) clips
    assert low == pytest.approx(min(of_mean[0], 0.6 - np.hypot(1 - lows[0], 0.2 - lows[1]) / 2))
    assert high == pytest.approx(max(of_mean[1], 0.6 + (highs[1] - 0.2) / 2))
    assert high > of_mean[1] + 0.01


def test_weights_of_uar_leave_out_classes_without_a_clip():
    weights = uar_weights(np.array([[5, 0, 3], [1, 1, 1]]))
    np.testing.assert_allclose(weights, [[1 / 4, 0, 1 / 4], [1 / 6, 1 / 6, 1 / 6]])


def test_a_difference_worked_out_by_hand():
    # 50 clips, 2 that only A has right, 8 that only B has: rates 3/52 and 9/52
    low, high = difference_limits(np.array([2]), np.array([8]), np.array([50]), np.ones(1))
    half = stats.t.ppf(0.975, 50) * ((12 / 52 - (6 / 52) ** 2) / 52) ** 0.5
    np.testing.assert_allclose([low, high], [6 / 52 - half, 6 / 52 + half], atol=1e-6)


def test_differences_of_groups_are_added_as_squares():
    one = difference_limits(np.array([400]), np.array([1600]), np.array([10_000]), np.ones(1))
    seven = difference_limits(np.full(7, 400), np.full(7, 1600), np.full(7, 10_000), SEVENTHS)
    np.testing.assert_allclose(np.array(seven) - 0.12, (np.array(one) - 0.12) / 7**0.5, rtol=1e-3)


@pytest.mark.parametrize("clips", [1, 2, 335])
@pytest.mark.parametrize("share", [0, 1])
def test_limits_are_never_equal_and_never_beyond_the_scale(clips, share):
    of_class = np.full(7, clips)
    low, high = mean_limits(share * of_class, of_class, SEVENTHS)
    assert 0 <= low < high <= 1
    for a, b in ((0, 0), (share, 1 - share)):
        low, high = difference_limits(a * of_class, b * of_class, of_class, SEVENTHS)
        assert -1 <= low < high <= 1 and low - 1e-9 <= b - a <= high + 1e-9
