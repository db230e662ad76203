"""The table of sources: what may be published, and by whose terms."""

import pytest
from errors import raises_naming
from toys import data_facts

from logoformer_hf.data.sources.table import SOURCES, check_may_be_public, source_of, terms_of


def test_sources_are_called_by_their_names():
    stills = ["affectnet", "raf_db", "fer2013", "stills"]
    clips = ["dfew", "ferv39k", "mafw", "crema_d", "ravdess", "clips", "videos"]
    assert list(SOURCES) == ["faces", *clips, *stills, "prepared"]
    assert all(source.name == name and source.title for name, source in SOURCES.items())
    assert [name for name, source in SOURCES.items() if source.is_on_disk] == [*clips, *stills]


def test_the_source_of_a_data_set():
    assert source_of(data_facts("clips", "My clips")) is SOURCES["clips"]
    assert source_of(data_facts("clips", "my dfew-faces")) is SOURCES["dfew"]
    assert source_of(data_facts("unknown", "unknown")) is None


@pytest.mark.parametrize("name", ["dfew", "ferv39k"])
def test_a_source_with_terms_says_what_cards_need(name):
    source = SOURCES[name]
    assert source.terms.name.lower() == name and source.terms.url.startswith("https://")
    assert source.columns and source.limits and source.published


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
    ("name", "page"),
    [("MAFW", "mafw-database.github.io"), ("AffectNet", "mohammadmahoor.com"), ("RAF-DB", "whdeng.cn")],
)
def test_sets_that_are_given_out_by_their_authors_must_stay_private(name, page):
    with raises_naming(ValueError, name, page, "--private"):
        check_may_be_public(data_facts("clips", f"my {name} faces"))


@pytest.mark.parametrize(
    ("dataset", "dataset_name", "licence", "author"),
    [
        *[(dataset, name, "odbl", "Cao") for dataset, name in (("crema_d", "CREMA-D"), ("clips", "CREMA-D crops"))],
        *[(dataset, "RAVDESS", "cc-by-nc-sa-4.0", "Livingstone") for dataset in ("ravdess", "prepared")],
    ],
)
def test_open_data_may_be_published_with_its_terms(dataset, dataset_name, licence, author):
    terms = terms_of(data_facts(dataset, dataset_name))
    assert terms.license_name == licence and author in terms.attribution and terms.may_be_published
    check_may_be_public(data_facts(dataset, dataset_name))


@pytest.mark.parametrize(
    ("dataset", "dataset_name"), [("faces", "drawn faces of logoformer-hf"), ("clips", "My clips"), ("prepared", "x")]
)
def test_other_clips_are_for_their_owner_to_decide(dataset, dataset_name):
    assert terms_of(data_facts(dataset, dataset_name)) is None
    check_may_be_public(data_facts(dataset, dataset_name))
