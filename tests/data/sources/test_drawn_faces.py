"""The synthetic faces as a source."""

import pytest
from errors import raises_naming

from logoformer_hf.data.facts import DataFacts
from logoformer_hf.data.sources.drawn_faces import SOURCE, DrawnFacesOptions, load
from logoformer_hf.data.synthetic import clips


def test_rows_and_facts(tmp_path):
    options = DrawnFacesOptions(num_train_clips=7, num_validation_clips=7, num_test_clips=7)
    source = SOURCE.load(options, None, str(tmp_path))
    assert source.rows.num_rows == {"train": 7, "validation": 7, "test": 7}
    assert (source.facts.dataset, source.facts.num_folds, source.problems) == ("faces", None, [])
    assert source.facts == DataFacts("faces", source.facts.dataset_name)
    assert not SOURCE.is_on_disk and SOURCE.terms is None


def test_as_hard_and_as_imbalanced_as_asked_for(monkeypatch):
    asked = {}
    monkeypatch.setattr(clips, "build_synthetic_clips", lambda **settings: asked.update(settings))
    load(DrawnFacesOptions(difficulty=0.5, uneven_classes=True, clips_seed=3), None, "cache")
    assert (asked["difficulty"], asked["view_difficulty"], asked["uneven"]) == (0.5, None, True)
    assert (asked["seed"], asked["cache_dir"]) == (3, "cache")
    load(DrawnFacesOptions(), None, None)
    assert (asked["difficulty"], asked["view_difficulty"], asked["uneven"]) == (0.0, None, False)
    assert (asked["num_train"], asked["num_validation"], asked["num_test"]) == (1400, 350, 350)
    load(DrawnFacesOptions(difficulty=1.0, view_difficulty=0.0), None, None)
    assert (asked["difficulty"], asked["view_difficulty"]) == (1.0, 0.0)


@pytest.mark.parametrize("name", ["difficulty", "view_difficulty"])
@pytest.mark.parametrize("value", [-0.5, 1.5, float("nan")])
def test_impossible_options_are_named(name, value):
    with raises_naming(ValueError, name, value):
        DrawnFacesOptions(**{name: value})
