import numpy as np
import pytest

from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.choice import best, choose, combinations, combine, compared_with, pays
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.benchmarks.ablation.variant import REFERENCE, Variant


def candidate(name: str, axis: str, **changes) -> Variant:
    return Variant(name, name, "candidates", axis=axis, **changes)


SMOOTH = candidate("smooth", "smoothing", recipe={"label_smoothing_factor": 0.1})
SMOOTHER = candidate("smoother", "smoothing", recipe={"label_smoothing_factor": 0.2})
DROPOUT = candidate("dropout", "dropout", config={"hidden_dropout_prob": 0.1})
COMPACT = candidate("compact", "compact", compact_loss="center", compact_loss_weight=0.5)
DEEP = candidate("deep", "", config={"num_hidden_layers": 4})


@pytest.fixture
def results(tmp_path):
    """Three seeds of the reference with UARs of 50, 60 and 40 %, and a function that adds a variant's gains."""
    results = Results(tmp_path / "ablation.json", BUDGETS["quick"])

    def add(name, *gains):
        for seed, (uar, gain) in enumerate(zip((0.5, 0.6, 0.4), gains, strict=False)):
            results.add({"variant": name, "seed": seed, "encoder": 0.5, "uar": uar + gain})

    add(REFERENCE.name, 0, 0, 0)
    results.gain = add
    return results


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ([0.02, 0.01, -0.01], True),
        ([0.02, -0.01, -0.001], False),  # better in one seed
        ([0.02, 0.001, -0.01], False),  # by less than half a point
        ([0.02, 0.02], True),
        ([0.05], False),
        ([], False),
    ],
)
def test_what_pays(gains, expected):
    assert pays(np.array(gains)) is expected


def test_the_best_of_each_axis_that_pays_is_chosen(results):
    results.gain("smooth", 0.01, 0.02, 0.0)
    results.gain("smoother", 0.02, 0.02, 0.0)
    results.gain("dropout", -0.02, 0.02, 0.01)
    results.gain("compact", 0.01, 0.01)
    results.gain("deep", 0.1, 0.1, 0.1)  # of no axis: only compared
    chosen = choose(results, [SMOOTH, SMOOTHER, DROPOUT, COMPACT, DEEP])
    assert chosen == {"smoothing": SMOOTHER, "compact": COMPACT}


def test_a_combination_has_all_changes():
    combined = combine("new", "New", [SMOOTH, DROPOUT, COMPACT])
    assert combined.recipe == {"label_smoothing_factor": 0.1} and combined.config == {"hidden_dropout_prob": 0.1}
    assert (combined.compact_loss, combined.compact_loss_weight) == ("center", 0.5)
    assert combine("new", "New", [SMOOTH]).compact_loss == REFERENCE.compact_loss


def test_all_that_paid_and_what_paid_a_point_are_tried(results):
    results.gain("smooth", 0.02, 0.02, 0.02)
    results.gain("dropout", 0.01, 0.01, 0.005)
    results.gain("compact", 0.02, 0.01, 0.01)
    chosen = {each.axis: each for each in (SMOOTH, DROPOUT, COMPACT)}
    every, large = combinations(results, chosen)
    assert every.config == {"hidden_dropout_prob": 0.1} and large.config == {}
    assert every.recipe == large.recipe == {"label_smoothing_factor": 0.1}
    assert every.compact_loss == large.compact_loss == "center"
    assert [each.name for each in combinations(results, {"smoothing": SMOOTH, "compact": COMPACT})] == [
        "all_that_paid"
    ]
    assert combinations(results, {"smoothing": SMOOTH}) == []


def test_other_models_get_the_recipe_and_the_regularisation_of_the_new_defaults():
    new = combine(
        "new", "New", [SMOOTH, DROPOUT, COMPACT, candidate("w", "window", config={"window_size": (16, 4, 4)})]
    )
    rows = {each.name: each for each in compared_with(new)}
    assert rows["old_defaults"].recipe == rows["old_defaults"].config == {}
    assert rows["new_defaults"].config == new.config
    for name in ("new_defaults", "new_four", "plain_four", "plain_two", "joint_two", "pixels_new_defaults"):
        assert rows[name].recipe == new.recipe
        assert (rows[name].compact_loss, rows[name].compact_loss_weight) == ("center", 0.5)
        assert rows[name].build_config().hidden_dropout_prob == 0.1
        assert rows[name].tested_on == "test"
        assert rows[name].against in rows
    assert rows["plain_four"].build_config().window_size == REFERENCE.build_config().window_size
    layers = {name: len(rows[name].build_model().logoformer.layers) for name in ("new_defaults", "new_four")}
    assert layers == {"new_defaults": 2, "new_four": 4}
    plain = {name: rows[name].build_model() for name in ("plain_two", "plain_four")}
    depths = {name: len(each.spatial.layers) + len(each.temporal.layers) for name, each in plain.items()}
    assert depths == {"plain_two": 2, "plain_four": 4}


def test_the_best_of_what_was_tried(results):
    results.gain("smooth", 0.02, 0.02, 0.02)
    results.gain("compact", 0.03, 0.03, 0.0)
    results.gain("dropout", 0.5)  # one seed says nothing
    assert best(results, [SMOOTH, COMPACT, DROPOUT]) == SMOOTH
    assert best(results, [DROPOUT]) == best(results, []) == REFERENCE
