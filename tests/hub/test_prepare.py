"""Shards of a data set with what is known of it, and training rows from them."""

import shutil

import datasets
import pytest
import torch
from errors import check_named, raises_naming
from raw_clips import use_plain_detector, write_raw_tree

from logoformer_hf import LogoFormerVideoProcessor
from logoformer_hf.cli import main
from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.facts import LeftOutClip
from logoformer_hf.data.folder_lock import FolderInUseError, folder_lock
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source
from logoformer_hf.data.transforms import TrainingTransforms
from logoformer_hf.hub.prepare import PrepareArguments, prepare_source


@pytest.fixture(scope="module")
def broken_dfew(dfew_tree, tmp_path_factory):
    root = tmp_path_factory.mktemp("trees") / "DFEW"
    shutil.copytree(dfew_tree, root)
    # One cannot be found when the folders are looked at, one only when its frames are decoded.
    (root / "Clip" / "jpg_256" / "02523" / "00001.jpg").write_bytes(b"")
    broken = root / "Clip" / "jpg_256" / "02533" / "00009.jpg"
    broken.write_bytes(broken.read_bytes()[:-40])
    return root


@pytest.fixture(scope="module")
def shards(broken_dfew, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    arguments = ["--dataset", "dfew", "--data_dir", str(broken_dfew), "--on_problem", "skip"]
    arguments += ["--clips_per_shard", "10", "--num_workers", "0"]
    main(["prepare", *arguments, "--output_dir", str(folder), "--cache_dir", str(folder / "cache")])
    return folder


def prepared(folder, tmp_path, **settings) -> SourceArguments:
    return SourceArguments(dataset="prepared", data_dir=str(folder), cache_dir=str(tmp_path), **settings)


def test_any_fold_comes_from_the_same_shards(broken_dfew, shards, tmp_path):
    source = load_source(prepared(shards, tmp_path, fold="all"), fold=3)
    assert (source.facts.dataset, source.facts.dataset_name, source.facts.num_folds) == ("dfew", "DFEW", 5)
    args = {"dataset": "dfew", "data_dir": str(broken_dfew), "cache_dir": str(tmp_path), "on_problem": "skip"}
    original = load_source(SourceArguments(**args, fold="3"), fold=3)
    for split in ("train", "test"):
        rows = source.rows[split]
        expected = {row["clip_id"]: row for row in original.rows[split].remove_columns("video")}
        expected.pop("02533", None)
        assert {row["clip_id"]: row for row in rows.remove_columns("video")} == expected
    assert source.facts.left_out == (LeftOutClip("02523", "test", 3), LeftOutClip("02533", "test", 3))
    others = load_source(prepared(shards, tmp_path, fold="4"), fold=4)
    assert [clip.split for clip in others.facts.left_out] == ["train", "train"]
    assert [problem.clip_id for problem in others.problems] == ["02523", "02533"]


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
    check_named(card, "dfew-non-commercial-research", "--fold 1", "2 clips", "fold 1", "`fold`")
    assert str(shards.parent) not in card


def test_a_second_call_writes_nothing_anew(broken_dfew, shards):
    before = {file: file.stat().st_mtime_ns for file in (shards / "data").iterdir()}
    args = PrepareArguments(output_dir=str(shards), clips_per_shard=10, num_workers=0)
    source = {"dataset": "dfew", "data_dir": str(broken_dfew), "fold": "1", "on_problem": "skip"}
    prepare_source(args, SourceArguments(**source, cache_dir=str(shards / "cache")))
    assert {file: file.stat().st_mtime_ns for file in (shards / "data").iterdir()} == before


def test_the_same_command_twice_at_once_is_refused(ferv39k_tree, tmp_path):
    args = PrepareArguments(output_dir=str(tmp_path / "shards"), num_workers=0)
    source = SourceArguments(dataset="ferv39k", data_dir=str(ferv39k_tree), cache_dir=str(tmp_path / "cache"))
    with folder_lock(tmp_path / "shards"), raises_naming(FolderInUseError, tmp_path / "shards", "process"):
        prepare_source(args, source)
    assert not (tmp_path / "shards" / "data").exists()


def test_ferv39k_keeps_its_split_and_scenes(ferv39k_tree, tmp_path):
    arguments = ["--dataset", "ferv39k", "--data_dir", str(ferv39k_tree), "--output_dir", str(tmp_path / "shards")]
    main(["prepare", *arguments, "--cache_dir", str(tmp_path / "cache"), "--num_workers", "0"])
    source = load_source(prepared(tmp_path / "shards", tmp_path / "cache"))
    assert {split: len(rows) for split, rows in source.rows.items()} == {"train": 28, "test": 14}
    assert set(source.rows["test"]["scene"]) == {"Action", "Daily_Life"} and source.facts.num_folds is None
    assert "`scene`" in (tmp_path / "shards" / "README.md").read_text()


def test_what_cannot_be_prepared_is_named(tmp_path):
    with raises_naming(ValueError, "'faces'", "'dfew'", "'ferv39k'", "'clips'"):
        prepare_source(PrepareArguments(output_dir=str(tmp_path)), SourceArguments())
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def raw(monkeypatch, tmp_path) -> dict:
    """Arguments of raw clips that are cropped to faces."""
    detector = use_plain_detector(monkeypatch.setattr, tmp_path)
    tree = write_raw_tree(tmp_path / "own", clips_per_label=1)
    own = {"dataset": "clips", "data_dir": str(tree), "cache_dir": str(tmp_path / "cache")}
    return {**own, "faces": True, "detector": detector}


def test_shards_of_faces_have_the_pixels_that_training_on_the_raw_clips_has(raw, tmp_path):
    args = PrepareArguments(output_dir=str(tmp_path / "shards"), num_workers=0)
    prepare_source(args, SourceArguments(**raw))
    stored = load_source(prepared(tmp_path / "shards", tmp_path / "cache"))
    direct = load_source(SourceArguments(**raw))
    assert stored.facts == direct.facts and direct.facts.faces.startswith("plain ")
    processor = LogoFormerVideoProcessor()
    for split, rows in direct.rows.items():
        assert stored.rows[split].remove_columns("video").to_list() == rows.remove_columns("video").to_list()
        for transforms in (None, TrainingTransforms(112)):
            pairs = [ClipDataset(each, processor, transforms) for each in (stored.rows[split], rows)]
            for ours, theirs in zip(*pairs, strict=True):
                assert torch.equal(ours["frames"], theirs["frames"]) and ours["label"] == theirs["label"]
    check_named((tmp_path / "shards" / "README.md").read_text(), "crops of the main person's face", "122x122")


def test_faces_and_whole_frames_do_not_share_a_folder(raw, tmp_path):
    args = PrepareArguments(output_dir=str(tmp_path / "shards"), num_workers=0)
    whole = {name: value for name, value in raw.items() if name not in ("faces", "detector")}
    prepare_source(args, SourceArguments(**whole))
    with raises_naming(ValueError, "shards", "faces"):
        prepare_source(args, SourceArguments(**raw))
    assert load_source(prepared(tmp_path / "shards", tmp_path / "cache")).facts.faces is None


def test_the_size_of_crops_in_shards_is_that_of_the_shards(raw, tmp_path):
    args = PrepareArguments(output_dir=str(tmp_path / "shards"), side_px=64, num_workers=0)
    with raises_naming(ValueError, "`face_side_px`", "`side_px`"):
        prepare_source(args, SourceArguments(**raw, face_side_px=64))
    prepare_source(args, SourceArguments(**raw))
    rows = load_source(prepared(tmp_path / "shards", tmp_path / "cache")).rows["train"]
    assert {image.size for image in rows[0]["video"]} == {(64, 64)}
