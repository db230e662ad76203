from dataclasses import replace

import numpy as np
import pytest

from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.design import (
    FIRST,
    SECOND,
    Design,
    Effect,
    choose,
    least_squares,
    third_design,
)
from logoformer_hf.benchmarks.ablation.factors import FACTORS, factors
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.evaluation.significance import Estimate

CHOSEN = factors("mixup", "dropout")
THIRD = third_design(CHOSEN)
DESIGNS = pytest.mark.parametrize("design", [FIRST, SECOND, THIRD], ids=lambda design: design.name)


@DESIGNS
def test_no_factor_is_confounded_with_another_or_with_a_pair(design):
    levels, num_factors = design.levels(), len(design.factors)
    assert levels.shape == (design.num_runs, num_factors) and set(levels.flat) == {-1, 1}
    assert np.array_equal(levels.T @ levels, design.num_runs * np.eye(num_factors))
    assert np.array_equal(levels.sum(axis=0), np.zeros(num_factors))
    pairs = [levels[:, first] * levels[:, second] for first in range(num_factors) for second in range(first)]
    assert not (np.stack(pairs) @ levels).any()


@DESIGNS
def test_each_half_of_the_runs_is_balanced(design):
    for half in np.split(design.levels(), 2):
        assert np.array_equal(half.T @ half, design.num_runs // 2 * np.eye(len(design.factors)))
        assert not half.sum(axis=0).any()


@DESIGNS
def test_runs_have_the_changes_of_their_factors_and_seeds_of_their_own(design):
    planned, half = design.runs(), design.num_runs // 2
    assert [seed for _, seed in planned] == list(range(design.first_seed, design.first_seed + design.num_runs))
    assert [variant.name for variant, _ in planned] == [design.run_name(number) for number in range(design.num_runs)]
    for factor in design.factors:
        has = [has_changes(variant, factor) for variant, _ in planned]
        assert has.count(True) == half, factor.name
    assert all(has_changes(variant, factor) for variant, _ in planned for factor in design.base)
    settings = {str(replace(variant, name="", title="", against="")) for variant, _ in planned}
    assert len(settings) == design.num_runs and {variant.tested_on for variant, _ in planned} == {"validation"}


def has_changes(variant, factor):
    recipe = variant.recipe | {key: getattr(variant, key) for key in ("compact_loss", "compact_loss_weight")}
    return (
        factor.config.items() <= variant.config.items()
        and factor.recipe.items() <= recipe.items()
        and set(factor.trials) <= set(variant.trials)
    )


def test_designs_have_no_run_and_no_seed_in_common():
    planned = [run for design in (FIRST, SECOND, THIRD) for run in design.runs()]
    assert len({variant.name for variant, _ in planned}) == len({seed for _, seed in planned}) == len(planned)


@DESIGNS
def test_factors_of_a_design_change_fields_of_their_own(design: Design):
    for kind in ("config", "recipe"):
        names = [name for factor in (*design.base, *design.factors) for name in getattr(factor, kind)]
        assert len(set(names)) == len(names)


@pytest.fixture
def results(tmp_path):
    """The first runs of a design whose factors have known effects on the UAR, 3 points and none, and noise."""

    def fill(design, number):
        results = Results(tmp_path / f"{design.name}-{number}.json", BUDGETS["quick"])
        noise = np.random.default_rng(0).normal(scale=0.004, size=design.num_runs)
        for run, level in enumerate(design.levels()[:number]):
            record = {"variant": design.run_name(run), "seed": run, "encoder": 0.5}
            uar = 0.6 + 0.015 * level[0] + noise[run]
            results.add(record | {"uar": uar, "calibration_error": 0.1 - 0.02 * level[1]})
        return results

    return fill


@pytest.mark.parametrize(("design", "number"), [(FIRST, 32), (FIRST, 27), (SECOND, 16)])
def test_effects_are_found(results, design, number):
    found = design.effects(results(design, number))
    assert [each.factor for each in found] == list(design.factors)
    assert design.done(results(design, number)) == list(range(number))
    assert found[0].uar.low < 0.03 < found[0].uar.high and found[0].p_value < 1e-5
    assert found[0].uar.high - found[0].uar.low < 0.012
    assert all(abs(each.uar.value) < 0.008 for each in found[1:])
    assert found[1].calibration_error.value == pytest.approx(-0.04)


def test_few_runs_say_nothing(results):
    assert FIRST.effects(results(FIRST, 16)) == FIRST.effects(results(FIRST, 0)) == []
    assert SECOND.effects(results(SECOND, 12)) == []


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
