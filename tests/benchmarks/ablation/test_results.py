import json
import os
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from logoformer_hf.benchmarks.ablation import results as results_module
from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.results import Results, Spread, mean_gain, num_seeds
from logoformer_hf.benchmarks.ablation.variant import REFERENCE
from logoformer_hf.evaluation.significance import Estimate

QUICK = BUDGETS["quick"]


def record(variant: str, seed: int, uar: float = 0.5, encoder: float | None = 0.25) -> dict:
    return {
        "variant": variant,
        "seed": seed,
        "encoder": encoder,
        "uar": uar,
        "confusion_matrix": [[3, 1], [0, 4]],
    }


def test_results_go_on_where_they_stopped(tmp_path):
    file = tmp_path / "new" / "ablation.json"
    first = Results(file, QUICK)
    assert first.records == [] and first.costs == {} and not file.exists()
    first.add(record("reference", 0, 0.25))
    second = Results(file, QUICK)
    assert second.has(REFERENCE, 0, 0.25)
    assert not second.has(REFERENCE, 1, 0.25) and not second.has(replace(REFERENCE, name="joint"), 0, 0.25)
    assert not second.has(REFERENCE, 0, 0.5) and not second.has(REFERENCE, 0, None)
    second.add(record("joint", 0))
    second.costs = {"videomae": {"gflops": 0.5}}
    second.save()
    third = Results(file, QUICK)
    assert third.records == [record("joint", 0), record("reference", 0, 0.25)]
    assert third.costs == {"videomae": {"gflops": 0.5}}


def test_a_run_that_is_made_otherwise_now_is_not_there(tmp_path):
    """So that what another choice gave is not shown as what was chosen."""
    results = Results(tmp_path / "ablation.json", QUICK)
    old = replace(REFERENCE, recipe={"weight_decay": 0.5}, config={"window_size": (1, 7, 7)})
    results.add(record("reference", 0, 0.3) | {"changes": old.changes})
    again = Results(tmp_path / "ablation.json", QUICK)
    assert again.has(old, 0, 0.25) and again.has(replace(old, title="of another title"), 0, 0.25)
    for other in ({"recipe": {"weight_decay": 0.3}}, {"config": {}}, {"compact_loss": "center"}, {"group": "chosen"}):
        assert not again.has(replace(old, **other), 0, 0.25)
    again.add(record("reference", 0, 0.4) | {"changes": REFERENCE.changes})
    assert again.values("reference", "uar").tolist() == [0.4]  # in its place
    assert again.has(REFERENCE, 0, 0.25) and not again.has(old, 0, 0.25)


def test_values_come_by_seed_in_whatever_order_runs_finish(tmp_path):
    results = Results(tmp_path / "ablation.json", QUICK)
    for variant, seed in (("b", 2), ("a", 1), ("b", 0), ("a", 0), ("b", 1)):
        results.add(record(variant, seed, seed / 10))
    assert results.values("b", "uar").tolist() == [0.0, 0.1, 0.2]
    assert results.values("a", "uar").tolist() == [0.0, 0.1]
    assert len(results.values("c", "uar")) == 0
    assert [each["seed"] for each in results.records] == [0, 0, 1, 1, 2]


def test_a_run_is_a_line(tmp_path):
    """And adding one leaves the others' lines as they are, but for the comma."""
    results = Results(tmp_path / "ablation.json", QUICK)
    for seed in range(3):
        results.add(record("reference", seed))
    before = [line.rstrip(",") for line in results.file.read_text().splitlines()]
    results.add(record("joint", 1))
    after = [line.rstrip(",") for line in results.file.read_text().splitlines()]
    assert len(after) == len(before) + 1
    assert [line for line in after if line not in before] == [json.dumps(record("joint", 1))]


def test_the_file_is_whole_when_writing_is_cut_off(tmp_path, monkeypatch):
    results = Results(tmp_path / "ablation.json", QUICK)
    results.add(record("reference", 0))
    before = results.file.read_text()

    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        results.add(record("reference", 1))
    assert results.file.read_text() == before
    monkeypatch.undo()
    again = Results(results.file, QUICK)
    assert again.records == [record("reference", 0)]
    again.add(record("reference", 1))
    assert len(Results(results.file, QUICK).records) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["ablation.json"]


def test_results_of_another_budget_are_refused(tmp_path):
    file = tmp_path / "ablation.json"
    Results(file, QUICK).add(record("reference", 0))
    before = file.read_text()
    for other in (BUDGETS["full"], replace(QUICK, part_epochs=QUICK.part_epochs + 1)):
        with pytest.raises(ValueError, match=r"ablation\.json holds results of another budget .*quick.*--results"):
            Results(file, other)
    assert file.read_text() == before


def test_results_of_another_version_are_refused(tmp_path, monkeypatch):
    file = tmp_path / "ablation.json"
    Results(file, QUICK).add(record("reference", 0))
    version = results_module.VERSION
    monkeypatch.setattr(results_module, "VERSION", version + 1)
    with pytest.raises(ValueError, match=rf"version {version}\)"):
        Results(file, QUICK)


def test_spread_over_seeds():
    assert Spread.of([0.3, 0.4, 0.8]) == Spread(pytest.approx(0.5), pytest.approx(0.07**0.5))  # 0.04 + 0.01 + 0.09
    assert Spread.of(np.array([0.3])) == Spread(0.3, None)


def test_gains_are_of_the_seeds_that_both_have(tmp_path):
    results = Results(tmp_path / "ablation.json", QUICK)
    for variant, seed, uar in (
        ("joint", 2, 0.5),
        ("joint", 0, 0.4),
        ("reference", 0, 0.3),
        ("reference", 1, 0.9),
        ("reference", 2, 0.45),
    ):
        results.add(record(variant, seed, uar))
    assert results.gains("joint", "reference") == pytest.approx([0.1, 0.05])
    assert results.gains("reference", "joint") == pytest.approx([-0.1, -0.05])
    assert len(results.gains("class_token", "reference")) == 0


def test_gains_are_of_one_frame_encoder_each(tmp_path):
    results = Results(tmp_path / "ablation.json", QUICK)
    for variant, seed, uar, encoder in (
        ("reference", 0, 0.3, 0.25),
        ("reference", 0, 0.5, 0.75),
        ("reference", 1, 0.9, 0.75),
        ("joint", 0, 0.6, 0.75),
        ("joint", 0, 0.2, 0.25),
        ("joint", 1, 0.1, 0.25),
        ("videomae", 0, 0.1, None),
    ):
        results.add(record(variant, seed, uar, encoder))
    assert results.gains("joint", "reference") == pytest.approx([0.0])  # of one seed, -0.1 and 0.1
    assert results.encoders() == [0.25, 0.75]
    assert results.values("joint", "uar").tolist() == [0.2, 0.6, 0.1]


def test_mean_gain_has_students_interval_worked_out_by_hand():
    gains = np.array([0.04, -0.01, 0.06])
    half = stats.t.ppf(0.975, 2) * gains.std(ddof=1) / 3**0.5
    expected = Estimate(pytest.approx(0.03), pytest.approx(0.03 - half), pytest.approx(0.03 + half))
    assert mean_gain(gains) == expected


@pytest.mark.parametrize("gains", [[], [0.1]])
def test_one_seed_says_nothing_of_a_difference(gains):
    assert mean_gain(np.array(gains)) is None


@pytest.mark.parametrize(("difference", "number"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_number_of_pairs_is_that_of_the_tables_for_students_paired_test(difference, number):
    """Two-sided at 5 %, power 0.8, effects that are called small, medium and large."""
    assert num_seeds(difference, 1.0) == num_seeds(difference / 50, 0.02) == number


def test_a_difference_that_no_experiment_finds_is_refused():
    with pytest.raises(ValueError, match="difference"):
        num_seeds(1e-6, 1.0)
