"""What may be published, and by whose terms."""

import pytest

from logoformer_hf.data.terms import check_may_be_public, data_terms


@pytest.mark.parametrize("dataset", ["dfew", "DFEW", "DFEW, fold 3", "my/dfew-prepared"])
def test_dfew_must_stay_private(dataset):
    with pytest.raises(ValueError, match=r"DFEW must not be published.*dfew-dataset\.github\.io.*--private"):
        check_may_be_public(dataset)


@pytest.mark.parametrize("dataset", ["ferv39k", "FERV39k", "FERV39K, Action"])
def test_ferv39k_must_stay_private(dataset):
    with pytest.raises(ValueError, match=r"FERV39K must not be published.*wangyanckxx/FERV39k.*--private"):
        check_may_be_public(dataset)


@pytest.mark.parametrize("dataset", ["faces", "clips", "drawn faces of logoformer-hf", "My clips"])
def test_other_clips_are_for_their_owner_to_decide(dataset):
    assert data_terms(dataset) is None
    check_may_be_public(dataset)
