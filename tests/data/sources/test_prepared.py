"""Prepared shards as a source, with what was known of the clips that are not among them."""

import json
from dataclasses import asdict

import datasets
import pytest
from dataset_trees import write_frames
from errors import check_named, raises_naming
from toys import clip_rows, data_facts

from logoformer_hf.data.facts import LeftOutClip
from logoformer_hf.data.shards import prepare_shards
from logoformer_hf.data.sources.prepared import SOURCE, PreparedOptions, load, read_facts

LEFT_OUT = (LeftOutClip("gone", "train", 2), LeftOutClip("broken", "test", 1))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Six clips, two in each of three folds, and two that were left out."""
    folder = tmp_path_factory.mktemp("prepared")
    videos = [write_frames(folder / "clips" / str(number)) for number in range(6)]
    rows = clip_rows(videos).add_column("fold", [1, 2, 3, 1, 2, 3])
    parts = datasets.DatasetDict(train=rows.filter(lambda row: row["fold"] > 1), test=rows.select([0, 3]))
    prepare_shards(parts, folder, num_workers=0)
    facts = data_facts("dfew", "DFEW", num_folds=3, left_out=LEFT_OUT)
    (folder / "source.json").write_text(json.dumps(asdict(facts)))
    return folder


@pytest.fixture
def without_folds(shards, tmp_path):
    folder = tmp_path / "prepared"
    folder.mkdir()
    for name in ("data", "prepare_settings.json"):
        (folder / name).symlink_to(shards / name)
    facts = data_facts("ferv39k", "FERV39K", left_out=(LeftOutClip("gone", "train"),))
    (folder / "source.json").write_text(json.dumps(asdict(facts)))
    return folder


def test_facts_are_those_of_the_data_set(shards):
    assert read_facts(shards) == data_facts("dfew", "DFEW", num_folds=3, left_out=LEFT_OUT)


@pytest.mark.parametrize(("fold", "splits"), [(1, ["train", "test"]), (2, ["test", "train"]), (3, ["train", "train"])])
def test_a_fold_with_its_clips_and_those_that_it_would_have_had(shards, tmp_path, fold, splits):
    options = PreparedOptions(data_dir=str(shards), fold=str(fold))
    source = load(options, fold, str(tmp_path))
    assert set(source.rows["test"]["fold"]) == {fold} and len(source.rows["train"]) == 4
    assert [clip.split for clip in source.facts.left_out] == splits
    assert source.facts.dataset_name == "DFEW" and source.facts.num_folds == 3
    assert [problem.clip_id for problem in source.problems] == ["gone", "broken"]
    check_named(source.notes[0], shards, "DFEW")


def test_without_folds_the_splits_stay(without_folds, tmp_path):
    source = SOURCE.load(PreparedOptions(data_dir=str(without_folds)), None, str(tmp_path))
    assert source.rows.num_rows == {"train": 4, "test": 2}
    assert source.facts == read_facts(without_folds)


def test_folds_are_those_of_the_data_set(shards, without_folds):
    assert list(PreparedOptions(data_dir=str(shards), fold="all").folds) == [1, 2, 3]
    assert list(PreparedOptions(data_dir=str(shards)).folds) == [None]
    with raises_naming(ValueError, "fold", "'4'", "1, 2, 3"):
        PreparedOptions(data_dir=str(shards), fold="4")
    with raises_naming(ValueError, "fold", "'1'", "FERV39K"):
        PreparedOptions(data_dir=str(without_folds), fold="1")


def test_a_fold_must_be_named_where_there_are_some(shards, tmp_path):
    with raises_naming(ValueError, shards, "DFEW", "fold", "3", "all"):
        load(PreparedOptions(data_dir=str(shards)), None, str(tmp_path))


def test_a_folder_without_finished_shards_is_named(tmp_path):
    with raises_naming(FileNotFoundError, tmp_path, "source.json"):
        read_facts(tmp_path)
    with raises_naming(FileNotFoundError, tmp_path, "source.json"):
        PreparedOptions(data_dir=str(tmp_path), fold="1")
