"""Stills as rows: what a user's own folder, and what a published set gives to training."""

import json
import shutil

import numpy as np
import pytest
import torch
from errors import check_named, raises_naming
from PIL import Image
from still_trees import AFFECTNET, EXPRESSIONS, still, write_stills

from logoformer_hf import LogoFormerVideoProcessor, TrainingTransforms
from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.affectnet import AffectNet
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source
from logoformer_hf.data.sources.raf_db import RafDb


def load(folder, tmp_path, dataset="stills", **options):
    arguments = {"dataset": dataset, "data_dir": str(folder), "cache_dir": str(tmp_path / "cache")}
    return load_source(SourceArguments(**arguments | options))


def test_rows(tmp_path):
    root = write_stills(tmp_path / "mine", ["train", "test"], ["joy", "sad"])
    source = load(root, tmp_path)
    assert (source.facts.dataset, source.facts.dataset_name) == ("stills", "mine")
    row = source.rows["train"][0]
    assert (row["clip_id"], row["num_frames"], row["label"]) == ("train/joy/0.jpg", 1, 0)
    assert len({*source.rows["train"]["content_id"], *source.rows["test"]["content_id"]}) == 8
    chosen = load(root, tmp_path, labels=["sad", "happy"])
    assert chosen.rows["test"].features["label"].names == ["sad", "happy"]


def upright_picture() -> np.ndarray:
    """Dark above, light below, with a gradient to the right."""
    picture = np.zeros((60, 60, 3), np.uint8)
    picture[30:] = 200
    picture[:, :, 1] += np.arange(60, dtype=np.uint8)[None]
    return picture


def test_stills_of_all_kinds_are_read_right(tmp_path):
    root = write_stills(tmp_path / "mine", ["train", "test"], ["happy", "sad"])
    folder, picture = root / "train" / "happy", upright_picture()
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(picture[::-1, ::-1].copy()).save(folder / "turned.jpg", exif=exif, quality=95)
    Image.fromarray(picture).resize((4000, 4000)).save(folder / "large.jpg", quality=95)
    Image.fromarray(picture).resize((48, 48)).save(folder / "small.png")
    Image.fromarray(picture[:, :, 0]).save(folder / "grey.png")
    clear = np.dstack([picture, np.full((60, 60), 255, np.uint8)])
    clear[:30, :, 3] = 0
    Image.fromarray(clear).save(folder / "clear.png")
    rows = load(root, tmp_path).rows["train"]
    processor = LogoFormerVideoProcessor(
        num_frames=1, size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48}
    )
    for transforms in (None, TrainingTransforms(48)):
        clips = ClipDataset(rows, processor, transforms)
        frames = {clip_id: clips[place]["frames"] for place, clip_id in enumerate(clips.clip_ids)}
        for name in ("turned.jpg", "large.jpg", "small.png", "grey.png", "clear.png"):
            [frame] = frames[f"train/happy/{name}"].float()
            assert frame.shape == (3, 48, 48)
            above, middle = frame[0, :8].mean(), frame[0, -8:].mean()
            assert abs(above - (255 if name == "clear.png" else 0)) < 12 and abs(middle - 200) < 12, name
        assert torch.equal(*[frames["train/happy/grey.png"][0][number] for number in (0, 2)])


def test_faults_of_stills_are_listed_before_training(tmp_path):
    root = write_stills(tmp_path / "mine", ["train", "test"], ["happy", "sad"])
    (root / "train" / "sad" / "cut.jpg").write_bytes(still(200, (400, 400), quality=95)[:-30])
    (root / "test" / "sad" / "empty.jpg").write_bytes(b"")
    with raises_naming(ClipProblems, "train/sad/cut.jpg", "test/sad/empty.jpg"):
        load(root, tmp_path)
    source = load(root, tmp_path, on_problem="skip")
    assert {problem.clip_id for problem in source.problems} == {"train/sad/cut.jpg", "test/sad/empty.jpg"}
    assert len(source.rows["train"]) == len(source.rows["test"]) == 4


def test_contempt_is_left_out_unless_it_is_named(tmp_path):
    root = write_stills(tmp_path / "AffectNet", ["train", "val"], map(str, range(8)))
    source = load(root, tmp_path, "affectnet")
    assert source.rows["train"].features["label"].names == list(EXPRESSIONS)
    assert {split: len(clips) for split, clips in source.rows.items()} == {"train": 14, "test": 14}
    check_named(" ".join(source.notes), "Left out: 4 stills of contempt", "labels", "validation")
    names = [name for name in AFFECTNET]
    source = load(root, tmp_path, "affectnet", labels=names)
    row = source.rows["train"][-1]
    assert source.rows["train"].features["label"].names == names
    assert {(row["clip_id"][6], names[row["label"]]) for row in source.rows["train"]} == {
        (str(number), name) for number, name in enumerate(AFFECTNET)
    }
    assert len(source.rows["test"]) == 16 and row["num_frames"] == 1


def test_a_class_that_is_missing_stops(tmp_path):
    root = write_stills(tmp_path / "AffectNet", ["train", "val"], map(str, range(8)))
    shutil.rmtree(root / "train" / "4")
    with raises_naming(ValueError, root, "train", "fear", "on_problem"):
        AffectNet(root, cache_dir=tmp_path / "cache")
    assert AffectNet(root, cache_dir=tmp_path / "cache", on_problem="skip").source.clips


def test_fewer_stills_than_were_published_stop(tmp_path, monkeypatch):
    root = write_stills(tmp_path / "RAF", ["train", "test"], map(str, range(1, 8)))
    with raises_naming(ValueError, root, "14 of the 12,271 train", "on_problem"):
        RafDb(root, cache_dir=tmp_path / "cache")
    monkeypatch.setattr(RafDb, "COUNTS", {"train": 14, "test": 15})
    with raises_naming(ValueError, "14 of the 15 test"):
        RafDb(root, cache_dir=tmp_path / "cache")
    assert len(RafDb(root, cache_dir=tmp_path / "cache", on_problem="skip").source.clips) == 28


@pytest.mark.parametrize(("dataset", "label"), [("affectnet", "11"), ("raf_db", "0"), ("fer2013", "7")])
def test_labels_out_of_range_are_refused(dataset, label, tmp_path):
    root = write_stills(tmp_path / "set", ["train", "test"], ["1", "2", label])
    with raises_naming(ValueError, f"train/{label}", "happy"):
        load(root, tmp_path, dataset)


@pytest.mark.parametrize("dataset", ["affectnet", "fer2013"])
def test_a_table_of_another_set_is_named_with_its_columns(dataset, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "labels.csv").write_text("image,label\na.jpg,1\n")
    wanted = {"affectnet": "subDirectory_filePath", "fer2013": "pixels"}
    with raises_naming(ValueError, "labels.csv", "image", wanted[dataset]):
        load(tmp_path / "set", tmp_path, dataset)


def test_an_option_of_other_sets_is_refused(tmp_path):
    with raises_naming(ValueError, "fold", "stills"):
        SourceArguments(dataset="stills", data_dir=str(tmp_path), fold="1")
    assert json.dumps(SourceArguments(dataset="stills", data_dir=str(tmp_path)).folds) == "[null]"
