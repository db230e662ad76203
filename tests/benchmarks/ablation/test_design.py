import numpy as np
import pytest

from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.design import (
    NUM_RUNS,
    Effect,
    choose,
    effects,
    least_squares,
    levels,
    num_done,
    run_name,
    runs,
)
from logoformer_hf.benchmarks.ablation.factors import FACTORS
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.evaluation.significance import Estimate


def test_no_factor_is_confounded_with_another_or_with_a_pair():
    design = levels()
    assert design.shape == (NUM_RUNS, 16) and set(design.flat) == {-1, 1} and len(FACTORS) < 16
    assert np.array_equal(design.T @ design, NUM_RUNS * np.eye(16))
    assert np.array_equal(design.sum(axis=0), np.zeros(16))
    pairs = [design[:, first] * design[:, second] for first in range(16) for second in range(first)]
    assert not (np.stack(pairs) @ design).any()


def test_each_half_of_the_runs_is_balanced():
    for half in np.split(levels()[:, : len(FACTORS)], 2):
        assert np.array_equal(half.T @ half, NUM_RUNS // 2 * np.eye(len(FACTORS)))
        assert not half.sum(axis=0).any()


def test_runs_have_the_changes_of_their_factors_and_seeds_of_their_own():
    planned = runs()
    assert [seed for _, seed in planned] == list(range(NUM_RUNS))
    assert [variant.name for variant, _ in planned] == [run_name(number) for number in range(NUM_RUNS)]
    mixup = [variant.recipe.get("mixup_alpha", 0.0) for variant, _ in planned]
    assert mixup.count(0.4) == mixup.count(0.0) == NUM_RUNS // 2
    settings = {(str(dict(each.config)), str(dict(each.recipe)), each.compact_loss_weight) for each, _ in planned}
    assert len(settings) == NUM_RUNS and {variant.tested_on for variant, _ in planned} == {"validation"}


@pytest.fixture
def results(tmp_path):
    """The first runs of a design whose factors have known effects on the UAR, 3 points and none, and noise."""

    def fill(number):
        results = Results(tmp_path / f"{number}.json", BUDGETS["quick"])
        noise = np.random.default_rng(0).normal(scale=0.004, size=NUM_RUNS)
        for run, level in enumerate(levels()[:number]):
            record = {"variant": run_name(run), "seed": run, "encoder": 0.5}
            uar = 0.6 + 0.015 * level[0] + noise[run]
            results.add(record | {"uar": uar, "calibration_error": 0.1 - 0.02 * level[1]})
        return results

    return fill


@pytest.mark.parametrize("number", [NUM_RUNS, 27])
def test_effects_are_found(results, number):
    found = effects(results(number))
    assert [each.factor for each in found] == list(FACTORS) and num_done(results(number)) == number
    assert found[0].uar.low < 0.03 < found[0].uar.high and found[0].p_value < 1e-6
    assert found[0].uar.high - found[0].uar.low < 0.01
    assert all(abs(each.uar.value) < 0.006 for each in found[1:])
    assert found[1].calibration_error.value == pytest.approx(-0.04)


def test_few_runs_say_nothing(results):
    assert effects(results(16)) == effects(results(0)) == []


def test_effects_and_p_values_are_those_of_a_t_test():
    """Of two groups, where there is one column."""
    values = np.array([1.0, 2.0, 4.0, 3.0, 5.0, 9.0])
    [estimate], [p_value] = least_squares(np.array([[-1], [-1], [-1], [1], [1], [1]]), values)
    assert estimate.value == pytest.approx(17 / 3 - 7 / 3)
    assert p_value == pytest.approx(0.16623, abs=1e-5)  # Student, equal variances: t = 1.6903, 4 degrees of freedom
    assert estimate.low < 0 < estimate.high


@pytest.mark.parametrize(
    ("uar", "error", "expected"),
    [(0.006, 0.0, True), (0.004, 0.0, False), (0.0, -0.03, True), (-0.01, -0.03, False), (0.004, -0.01, False)],
)
def test_what_is_chosen(uar, error, expected):
    effect = Effect(FACTORS[0], Estimate(uar, uar, uar), 0.5, Estimate(error, error, error))
    assert choose([effect]) == ([FACTORS[0]] if expected else [])
