"""Shards of a data set with what is known of it, and training rows from them."""

import datasets
import pytest
import torch
from dataset_trees import write_dfew_annotation, write_dfew_frames, write_ferv39k

from logoformer_hf import LogoFormerVideoProcessor
from logoformer_hf.cli import main
from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source
from logoformer_hf.hub.prepare import PrepareArguments, prepare_source


@pytest.fixture(scope="module")
def dfew(tmp_path_factory):
    root = write_dfew_annotation(tmp_path_factory.mktemp("trees") / "DFEW")
    write_dfew_frames(root / "Clip" / "jpg_256", num_frames=18)
    # One cannot be found when the folders are looked at, one only when its frames are decoded.
    (root / "Clip" / "jpg_256" / "02523" / "00001.jpg").write_bytes(b"")
    broken = root / "Clip" / "jpg_256" / "02533" / "00009.jpg"
    broken.write_bytes(broken.read_bytes()[:-40])
    return root


@pytest.fixture(scope="module")
def shards(dfew, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    arguments = ["--dataset", "dfew", "--data_dir", str(dfew), "--on_problem", "skip", "--clips_per_shard", "10"]
    arguments += ["--output_dir", str(folder), "--cache_dir", str(folder / "cache"), "--num_workers", "0"]
    main(["prepare", *arguments])
    return folder


def prepared(folder, tmp_path, **settings) -> SourceArguments:
    return SourceArguments(dataset="prepared", data_dir=str(folder), cache_dir=str(tmp_path), **settings)


def test_any_fold_comes_from_the_same_shards(dfew, shards, tmp_path):
    source = load_source(prepared(shards, tmp_path, fold="all"), fold=3)
    assert (source.dataset, source.dataset_name, source.num_folds) == ("dfew", "DFEW", 5)
    args = {"dataset": "dfew", "data_dir": str(dfew), "cache_dir": str(tmp_path), "fold": "3", "on_problem": "skip"}
    original = load_source(SourceArguments(**args), fold=3)
    for split in ("train", "test"):
        rows = source.rows[split]
        expected = {row["clip_id"]: row for row in original.rows[split].remove_columns("video")}
        expected.pop("02533", None)
        assert {row["clip_id"]: row for row in rows.remove_columns("video")} == expected
    left_out = {split: [problem.clip_id for problem in problems] for split, problems in source.problems.items()}
    assert left_out == {"train": [], "test": ["02523", "02533"]}
    others = load_source(prepared(shards, tmp_path, fold="4"), fold=4).problems
    assert [problem.clip_id for problem in others["train"]] == ["02523", "02533"] and others["test"] == []


def test_streamed_loaded_and_trained_on_the_rows_are_the_same(shards, tmp_path):
    """As `load_dataset` finds them in the folder, by its card, and as it streams them."""
    loaded = datasets.load_dataset(str(shards), split="test", cache_dir=str(tmp_path))
    streamed = list(datasets.load_dataset(str(shards), split="test", streaming=True))
    processor = LogoFormerVideoProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    source = load_source(prepared(shards, tmp_path, fold="1"), fold=1)
    clips = ClipDataset(source.rows["test"], processor)
    by_id = {clip_id: number for number, clip_id in enumerate(source.rows["test"]["clip_id"])}
    assert [row["clip_id"] for row in streamed] == loaded["clip_id"][:] and sorted(by_id) == sorted(loaded["clip_id"])
    keep_uint8 = {"do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
    for row, other in zip(loaded, streamed, strict=True):
        assert {**row, "video": None} == {**other, "video": None}
        item = clips[by_id[row["clip_id"]]]
        assert item["label"] == row["label"]
        for video in (row["video"], other["video"]):
            assert torch.equal(processor(video, **keep_uint8)["pixel_values"][0], item["frames"])


def test_the_card_says_whose_terms_apply(shards):
    card = (shards / "README.md").read_text()
    assert "Keep this repository private" in card and "--fold 1" in card
    assert "2 clips could not be read" in card and "splits are those of fold 1" in card
    assert str(shards.parent) not in card


def test_a_second_call_writes_nothing_anew(dfew, shards):
    before = {file: file.stat().st_mtime_ns for file in (shards / "data").iterdir()}
    args = PrepareArguments(output_dir=str(shards), clips_per_shard=10, num_workers=0)
    source = {"dataset": "dfew", "data_dir": str(dfew), "fold": "1", "on_problem": "skip"}
    prepare_source(args, SourceArguments(**source, cache_dir=str(shards / "cache")))
    assert {file: file.stat().st_mtime_ns for file in (shards / "data").iterdir()} == before


def test_ferv39k_keeps_its_split_and_scenes(tmp_path):
    root = write_ferv39k(tmp_path / "FERV39K")
    arguments = ["--dataset", "ferv39k", "--data_dir", str(root), "--output_dir", str(tmp_path / "shards")]
    main(["prepare", *arguments, "--cache_dir", str(tmp_path / "cache"), "--num_workers", "0"])
    source = load_source(prepared(tmp_path / "shards", tmp_path / "cache"))
    assert {split: len(rows) for split, rows in source.rows.items()} == {"train": 28, "test": 14}
    assert set(source.rows["test"]["scene"]) == {"Action", "Daily_Life"} and source.num_folds is None


def test_what_cannot_be_prepared_or_loaded(shards, tmp_path):
    with pytest.raises(ValueError, match="'faces' needs no preparing"):
        prepare_source(PrepareArguments(output_dir=str(tmp_path)), SourceArguments())
    with pytest.raises(ValueError, match="DFEW, which is tested by fold: give `fold`"):
        load_source(prepared(shards, tmp_path))
    with pytest.raises(FileNotFoundError, match="no folder of prepared shards"):
        load_source(prepared(tmp_path, tmp_path))
