"""The table of sources: what may be published, and by whose terms."""

import pytest
from errors import raises_naming
from toys import data_facts

from logoformer_hf.data.sources.table import SOURCES, check_may_be_public, terms_of


def test_sources_are_called_by_their_names():
    assert list(SOURCES) == ["faces", "dfew", "ferv39k", "clips", "prepared"]
    assert all(source.name == name and source.title for name, source in SOURCES.items())
    assert [name for name, source in SOURCES.items() if source.is_on_disk] == ["dfew", "ferv39k", "clips"]


@pytest.mark.parametrize(
    ("dataset", "dataset_name"),
    [("dfew", "DFEW"), ("prepared", "DFEW, fold 3"), ("clips", "my dfew-prepared"), ("dfew", "anything")],
)
def test_dfew_must_stay_private(dataset, dataset_name):
    assert terms_of(data_facts(dataset, dataset_name)) is SOURCES["dfew"].terms
    with raises_naming(ValueError, "DFEW", "dfew-dataset.github.io", "--private"):
        check_may_be_public(data_facts(dataset, dataset_name))


@pytest.mark.parametrize(
    ("dataset", "dataset_name"), [("ferv39k", "FERV39K"), ("clips", "FERV39k"), ("prepared", "FERV39K, Action")]
)
def test_ferv39k_must_stay_private(dataset, dataset_name):
    assert terms_of(data_facts(dataset, dataset_name)).name == "FERV39K"
    with raises_naming(ValueError, "FERV39K", "wangyanckxx/FERV39k", "--private"):
        check_may_be_public(data_facts(dataset, dataset_name))


@pytest.mark.parametrize(
    ("dataset", "dataset_name"), [("faces", "drawn faces of logoformer-hf"), ("clips", "My clips"), ("prepared", "x")]
)
def test_other_clips_are_for_their_owner_to_decide(dataset, dataset_name):
    assert terms_of(data_facts(dataset, dataset_name)) is None
    check_may_be_public(data_facts(dataset, dataset_name))
