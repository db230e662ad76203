"""Own clips as rows: real videos and real frames."""

import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.clip_folder import ClipFolder
from logoformer_hf.data.sources.lists import ListError
from logoformer_hf.video_processing_logoformer import LogoFormerVideoProcessor


@pytest.fixture
def clips(tmp_path, write_video):
    """A folder with two videos and two folders of frames."""
    data_dir = tmp_path / "clips"
    for name in ("train/Happiness/anna.mp4", "test/joy/cleo.mp4"):
        (data_dir / name).parent.mkdir(parents=True)
        write_video(data_dir / name, 20)
    for name, num_frames in (("train/sad/ben", 3), ("test/sad/dan", 18)):
        (data_dir / name).mkdir(parents=True)
        for number in range(num_frames):
            Image.new("RGB", (32, 32), (number, 0, 0)).save(data_dir / name / f"{number}.jpg")
    return data_dir


def load(data_dir, tmp_path, **arguments):
    return ClipFolder(data_dir, cache_dir=tmp_path / "cache", **arguments).load()


def test_rows_of_folders(clips, tmp_path):
    rows = load(clips, tmp_path)
    assert list(rows) == ["train", "test"]
    assert rows["train"].features["label"].names == ["happy", "sad"]
    assert list(rows["train"]) == [
        {
            "clip_id": "train/Happiness/anna",
            "video": str(clips / "train/Happiness/anna.mp4"),
            "num_frames": 20,
            "label": 0,
        },
        {"clip_id": "train/sad/ben", "video": str(clips / "train/sad/ben"), "num_frames": 3, "label": 1},
    ]
    assert [(row["clip_id"], row["num_frames"]) for row in rows["test"]] == [
        ("test/joy/cleo", 20),
        ("test/sad/dan", 18),
    ]
    pixels = LogoFormerVideoProcessor()(list(rows["train"]["video"]), return_tensors="pt")["pixel_values"]
    assert pixels.shape == (2, 16, 3, 112, 112)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_of_a_list(clips, tmp_path, suffix):
    columns = {
        "path": ["/away/clips/train/sad/ben", "/away/clips/test/joy/cleo.mp4"],
        "label": ["Sadness", "awe"],
        "split": ["test", "train"],
    }
    file = tmp_path / f"own.{suffix}"
    if suffix == "csv":
        file.write_text("\n".join(",".join(row) for row in [columns, *zip(*columns.values(), strict=True)]))
    else:
        pq.write_table(pa.table(columns), file)
    rows = load(clips, tmp_path, list_files=[str(file)])
    assert rows["train"].features["label"].names == ["sad", "awe"]
    assert [(row["clip_id"], row["label"]) for row in rows["train"]] == [("test/joy/cleo", 1)]
    assert [(row["clip_id"], row["label"]) for row in rows["test"]] == [("train/sad/ben", 0)]


def test_numbers_in_a_list_follow_the_label_map(clips, tmp_path):
    (tmp_path / "own.txt").write_text("train/sad/ben 3 1\ntest/joy/cleo.mp4 1 2\n")
    rows = load(clips, tmp_path, list_files=[str(tmp_path / "own.txt")], label_map={1: "sad", 2: "happiness"})
    assert [(row["clip_id"], row["num_frames"], row["label"]) for row in rows["train"]] == [
        ("train/sad/ben", 3, 1),
        ("test/joy/cleo", 20, 0),
    ]


def test_a_clip_in_two_splits_is_refused(clips, tmp_path):
    (tmp_path / "own.csv").write_text("path,label,split\ntrain/sad/ben,sad,train\ntrain/sad/ben,sad,test\n")
    with raises_naming(ValueError, "train/sad/ben (train, test)"):
        load(clips, tmp_path, list_files=[str(tmp_path / "own.csv")])


def test_a_video_beside_its_frames_is_refused(clips, tmp_path):
    (clips / "train/sad/ben.mp4").touch()
    with raises_naming(ValueError, "train/sad/ben ("):
        load(clips, tmp_path)


def test_broken_clips_stop_or_are_left_out(clips, tmp_path):
    (clips / "train/sad/eve").mkdir()
    (clips / "test/joy/fay.mp4").touch()
    with pytest.raises(ClipProblems) as error:
        load(clips, tmp_path)
    assert [problem.clip_id for problem in error.value.problems] == ["train/sad/eve", "test/joy/fay"]
    assert load(clips, tmp_path, on_problem="skip").num_rows == {"train": 2, "test": 2}


def test_a_listed_clip_that_is_missing_is_a_problem(clips, tmp_path):
    (tmp_path / "own.csv").write_text("path,label\n/x/train/sad/ben,sad\n/x/train/sad/none,sad\n")
    with raises_naming(ClipProblems, "1 of 2", "train/sad/none: "):
        load(clips, tmp_path, list_files=[str(tmp_path / "own.csv")])


@pytest.mark.parametrize("path", ["../private/me.mp4", "{}/private/me.mp4", "train/sad/link.mp4", "../pipe.mp4"])
def test_a_list_does_not_lead_out_of_the_folder(clips, tmp_path, path):
    """Before a row is built: `prepare` would copy the file into its shards."""
    file = tmp_path / "private" / "me.mp4"
    file.parent.mkdir()
    shutil.copy(clips / "test/joy/cleo.mp4", file)
    (clips / "train/sad/link.mp4").symlink_to(file)
    os.mkfifo(clips.parent / "pipe.mp4")
    listed = path.format(tmp_path)
    (tmp_path / "own.csv").write_text(f"path,label\ntrain/sad/ben,sad\n{listed},sad\n")
    arguments = {"list_files": [str(tmp_path / "own.csv")]}
    with raises_naming(ListError, tmp_path / "own.csv, line 3", listed, "clip_root"):
        load(clips, tmp_path, **arguments)
    if "pipe" not in path:
        assert len(load(clips, tmp_path, **arguments, clip_root=[str(file.parent)])["train"]) == 2


def test_a_label_map_without_lists_is_refused(clips, tmp_path):
    with raises_naming(ValueError, "label_map", "list_files"):
        load(clips, tmp_path, label_map={0: "sad"})
