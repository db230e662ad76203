"""Weights and scores that are infinite or NaN are found and named."""

import math

import pytest
import torch
from errors import raises_naming
from toys import toy_model

from logoformer_hf.models.finite import (
    NonFiniteError,
    check_finite_scores,
    check_finite_weights,
    describe_tensors,
    non_finite_tensors,
)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_tensors_with_such_a_value_are_named(value):
    tensors = {name: torch.ones(2, 3) for name in "abc"} | {"count": torch.tensor(7)}
    assert non_finite_tensors(tensors) == []
    tensors["b"][1, 2] = value
    assert non_finite_tensors(tensors) == ["b"]
    assert non_finite_tensors({"count": torch.tensor(7)}) == []


def test_long_lists_are_cut():
    assert describe_tensors(["a"]) == "1 tensor (a)"
    assert describe_tensors(list("abcd")) == "4 tensors (a, b, c, ...)"


def test_a_model_is_refused_for_its_statistics_too():
    model = toy_model()
    check_finite_weights(model, "mine")
    name = next(name for name in model.state_dict() if name.endswith("running_var"))
    model.state_dict()[name][0] = math.nan
    with raises_naming(NonFiniteError, "mine", name):
        check_finite_weights(model, "mine")


def test_scores():
    check_finite_scores(torch.ones(2, 3), "mine")
    with raises_naming(NonFiniteError, "mine"):
        check_finite_scores(torch.tensor([[0.0, math.nan]]), "mine")
