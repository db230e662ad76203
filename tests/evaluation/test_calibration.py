"""The fitted temperature against torch and a known truth; the measures against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from errors import raises_naming

from logoformer_hf.evaluation.calibration import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    MAX_BINS,
    MIN_CLIPS,
    calibrated_scores,
    fit_temperature,
    measure_before_and_after,
    measure_calibration,
)
from logoformer_hf.evaluation.predictions import softmax_scores


def drawn_clips(temperature, num_clips=400, num_classes=7, seed=0):
    """Logits, and labels that are drawn from `softmax(logits / temperature)`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.5 * temperature, size=(num_clips, num_classes))
    scores = softmax_scores(logits / temperature).astype(np.float64)
    labels = np.array([rng.choice(num_classes, p=row / row.sum()) for row in scores])
    return logits, labels


def temperature_of_torch(logits, labels):
    """The same minimum by L-BFGS on the logarithm, with torch's cross-entropy."""
    logits, labels = torch.tensor(logits, dtype=torch.float64), torch.tensor(labels)
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([log_temperature], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(logits / log_temperature.exp(), labels)
        value.backward()
        return value

    optimiser.step(loss)
    return log_temperature.exp().item()


# --- the fit


@pytest.mark.parametrize("temperature", [0.4, 1.0, 1.7, 5.0])
@pytest.mark.parametrize("num_clips", [MIN_CLIPS, 400])
def test_the_fit_is_the_minimum_that_torch_finds(temperature, num_clips):
    logits, labels = drawn_clips(temperature, num_clips)
    assert fit_temperature(logits, labels) == pytest.approx(temperature_of_torch(logits, labels), rel=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fit_finds_the_temperature_that_labels_were_drawn_with(temperature):
    """Neither its inverse nor its square."""
    logits, labels = drawn_clips(temperature, num_clips=20_000)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)
    # Of logits that were divided once there is nothing left to divide by.
    assert fit_temperature(logits / temperature, labels) == pytest.approx(1, rel=0.05)


def test_the_fit_depends_on_differences_of_logits_alone_and_not_on_the_order_of_clips():
    logits, labels = drawn_clips(2.0)
    found = fit_temperature(logits, labels)
    order = np.random.default_rng(1).permutation(len(labels))
    assert fit_temperature(logits[order] + 50, labels[order]) == pytest.approx(found, rel=1e-5)
    assert fit_temperature(logits.astype(np.float32), labels) == pytest.approx(found, rel=1e-5)
    assert fit_temperature(logits, labels) == found


def test_clips_that_are_all_right_or_all_wrong_end_at_the_limits():
    labels = np.arange(70) % 7
    right = np.eye(7)[labels] * 2
    assert fit_temperature(right, labels) == LOWEST_TEMPERATURE
    assert fit_temperature(right, (labels + 1) % 7) == HIGHEST_TEMPERATURE
    assert fit_temperature(right, np.zeros(70, dtype=int)) == HIGHEST_TEMPERATURE  # one class, rarely right
    always = np.tile([2.0, 0.0], (60, 1))
    assert fit_temperature(always, np.zeros(60, dtype=int)) == LOWEST_TEMPERATURE  # one class, always right
    # One class, right in 3 of 4 clips: sigmoid(2 / temperature) is 3 / 4.
    mixed = (np.arange(60) % 4 == 0).astype(int)
    assert fit_temperature(always, mixed) == pytest.approx(2 / np.log(3), rel=1e-4)


def test_where_no_temperature_is_better_it_is_1():
    labels = np.arange(70) % 7
    assert fit_temperature(np.zeros((70, 7)), labels) == 1
    assert fit_temperature(np.eye(7)[labels] * 1e5, labels) == 1  # certain and right: nothing to gain


def test_too_few_clips_are_not_fitted():
    logits, labels = drawn_clips(2.0, MIN_CLIPS)
    assert fit_temperature(logits[1:], labels[1:]) is None
    assert fit_temperature(np.zeros((0, 7)), np.zeros(0, dtype=int)) is None


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.full((60, 3), np.nan), np.zeros(60, dtype=int), ["logits", "not finite"]),
        (np.zeros((60, 3)), np.zeros(59, dtype=int), ["(60, 3)", "(59,)", "(clips, classes)"]),
        (np.zeros(60), np.zeros(60, dtype=int), ["(60,)", "(clips, classes)"]),
        (np.zeros((60, 3)), np.full(60, 3), ["labels", "3", "0 to 2"]),
        (np.zeros((60, 3)), np.full(60, -1), ["labels", "-1", "0 to 2"]),
    ],
)
def test_what_cannot_be_fitted_is_named(logits, labels, words):
    with raises_naming(ValueError, *words):
        fit_temperature(logits, labels)


# --- calibrated scores


def test_stored_scores_are_calibrated_as_their_logits_are():
    logits, _ = drawn_clips(2.0)
    expected = torch.tensor(logits).div(1.7).softmax(1).numpy()
    np.testing.assert_allclose(calibrated_scores(softmax_scores(logits), 1.7), expected, rtol=1e-5)
    np.testing.assert_allclose(calibrated_scores(softmax_scores(logits), 1.0), softmax_scores(logits), rtol=1e-5)


def test_a_score_that_was_rounded_to_zero_stays_finite():
    scores = np.array([[1.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(calibrated_scores(scores, 2.0), [[1, 0]], atol=1e-15)
    assert np.isfinite(measure_calibration(scores, np.array([1])).nll)


def test_scores_that_are_too_sure_become_calibrated():
    """Fitted on clips, measured on others: the error falls to what chance makes it."""
    fitted, measured = drawn_clips(2.5, 2_000, seed=1), drawn_clips(2.5, 2_000, seed=2)
    temperature = fit_temperature(*fitted)
    scores = softmax_scores(measured[0])
    both = measure_before_and_after([scores], [measured[1]], [temperature])
    assert both.raw.ece > 0.15 and both.raw.mean_score > both.raw.right + 0.15
    assert both.calibrated.ece < 0.04
    assert both.calibrated.mean_score == pytest.approx(both.calibrated.right, abs=0.03)
    assert both.calibrated.nll < both.raw.nll and both.calibrated.brier < both.raw.brier
    assert both.calibrated.right == both.raw.right
    # The mistakes that are easily made: the inverse, and the division of what was divided before.
    for wrong in (1 / temperature, temperature**2):
        other = measure_before_and_after([scores], [measured[1]], [wrong]).calibrated
        assert other.ece > both.calibrated.ece + 0.05 and other.nll > both.calibrated.nll


# --- measures


def test_measures_worked_out_by_hand():
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    labels = np.array([0, 1, 1, 0])
    measured = measure_calibration(scores, labels)
    assert (measured.num_bins, measured.right, measured.mean_score) == (1, 0.5, pytest.approx(0.75))
    assert measured.ece == pytest.approx(0.25)
    assert measured.nll == pytest.approx(-np.log([0.9, 0.2, 0.7, 0.4]).mean())
    assert measured.brier == pytest.approx((2 * 0.1**2 + 2 * 0.8**2 + 2 * 0.3**2 + 2 * 0.6**2) / 4)


def test_bins_hold_equally_many_clips():
    # 40 clips make two bins: the lower half says 0.6 and is right in 0.8, the upper says 0.9 and is right in 0.5.
    highest = np.repeat([0.6, 0.9], 20)
    labels = np.concatenate([np.repeat([0, 1], [16, 4]), np.repeat([0, 1], [10, 10])])
    scores = np.stack([highest, 1 - highest], axis=1)
    order = np.random.default_rng(0).permutation(40)
    measured = measure_calibration(scores[order], labels[order])
    assert (measured.num_bins, measured.ece) == (2, pytest.approx((0.2 + 0.4) / 2))
    # In one bin the two would in part cancel.
    assert abs(measured.mean_score - measured.right) == pytest.approx(0.1)


def test_equal_scores_share_a_bin_whatever_their_order():
    scores = np.tile([0.8, 0.2], (200, 1))
    right_first = np.repeat([0, 1], [160, 40])
    assert measure_calibration(scores, right_first).ece == pytest.approx(0, abs=1e-12)


def test_number_of_bins():
    for num_clips, bins in ((1, 1), (19, 1), (40, 2), (59, 2), (300, 15), (5_000, MAX_BINS)):
        assert (
            measure_calibration(np.tile([0.8, 0.2], (num_clips, 1)), np.zeros(num_clips, dtype=int)).num_bins == bins
        )


def test_runs_are_pooled_each_with_its_own_temperature():
    (one, of_one), (two, of_two) = drawn_clips(2.0, 60, seed=1), drawn_clips(0.5, 100, seed=2)
    stored = [softmax_scores(one), softmax_scores(two)]
    both = measure_before_and_after(stored, [of_one, of_two], [2.0, 0.5])
    after = torch.tensor(np.concatenate([one / 2.0, two / 0.5])).softmax(1).numpy()
    assert both.calibrated.nll == pytest.approx(measure_calibration(after, np.concatenate([of_one, of_two])).nll)
    assert measure_before_and_after(stored, [of_one, of_two], [2.0, None]).calibrated is None


def test_clips_that_cannot_be_measured_are_named():
    with raises_naming(ValueError, "no clips"):
        measure_calibration(np.zeros((0, 3)), np.zeros(0, dtype=int))
    with raises_naming(ValueError, "scores", "(2, 3)", "(1,)"):
        measure_calibration(np.zeros((2, 3)), np.zeros(1, dtype=int))
