"""The methods that others published, and the numbers beside the sources."""

import pytest

from logoformer_hf.data.published import METHODS
from logoformer_hf.data.sources.table import SOURCES

PUBLISHING = {name: source.published for name, source in SOURCES.items() if source.published}


def test_each_method_once():
    names = [method.name for method in METHODS]
    assert len(set(names)) == len(names)
    assert all(method.paper for method in METHODS)


@pytest.mark.parametrize("name", PUBLISHING)
def test_numbers_are_percent_and_of_known_methods(name):
    assert set(PUBLISHING[name]) <= {method.name for method in METHODS}
    for uar, war in PUBLISHING[name].values():
        assert 20 < uar < war < 80  # imbalanced classes: the plain accuracy is the higher one


def test_the_paper_this_model_is_from():
    assert PUBLISHING["dfew"]["LOGO-Former"] == (54.21, 66.98)
    assert PUBLISHING["ferv39k"]["LOGO-Former"] == (38.22, 48.13)
