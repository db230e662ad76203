"""Published numbers stand only beside their like."""

import pytest
from toys import run_info

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.published import METHODS
from logoformer_hf.data.sources.table import SOURCES
from logoformer_hf.evaluation.published import published_beside


@pytest.mark.parametrize("dataset", ["dfew", "ferv39k"])
def test_all_numbers_of_a_data_set_in_the_order_of_the_methods(dataset):
    results = published_beside(run_info(dataset))
    assert {result.name: (result.uar, result.war) for result in results} == SOURCES[dataset].published
    assert [result.name for result in results] == [
        method.name for method in METHODS if method.name in SOURCES[dataset].published
    ]
    by_name = {method.name: method for method in METHODS}
    for result in results:
        method = by_name[result.name]
        assert (result.year, result.paper, result.params_m, result.gflops) == (
            method.year,
            method.paper,
            method.params_m,
            method.gflops,
        )


def test_folds_seeds_and_the_order_of_classes_make_no_difference():
    usual = published_beside(run_info())
    assert usual == published_beside(run_info(label_names=EXPRESSIONS[::-1]))
    assert usual == published_beside(run_info(fold=3, num_folds=5, seed=7, selection="test", left_out=["00001"]))


@pytest.mark.parametrize(
    "facts",
    [
        {"dataset": "clips"},
        {"dataset": "faces"},
        {"dataset": "unknown"},
        {"setup": "Action"},
        {"split": "train"},
        {"trained_on": "FERV39K"},
        {"label_names": EXPRESSIONS[:5]},
    ],
)
def test_nothing_beside_numbers_of_another_kind(facts):
    assert published_beside(run_info(**facts)) == []
