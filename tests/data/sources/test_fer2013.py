"""FER2013 as a table of pixels, and in folders."""

import io

import numpy as np
import pytest
from errors import check_named, raises_naming
from PIL import Image
from still_trees import EXPRESSIONS, FER2013, pixel_row, write_fer2013, write_stills

from logoformer_hf.data.sources import fer2013
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(fer2013, "_COUNTS", {"train": 14, "validation": 14, "test": 14})
    monkeypatch.setattr(fer2013.Fer2013, "COUNTS", {"train": 14, "test": 14})

    def load(root, **options):
        arguments = {"dataset": "fer2013", "data_dir": str(root), "cache_dir": str(tmp_path / "cache")}
        return load_source(SourceArguments(**arguments | options))

    return load


@pytest.mark.parametrize("header", ["emotion,pixels,Usage", "emotion, pixels, Usage"])
def test_the_table_of_pixels(header, load, tmp_path):
    source = load(write_fer2013(tmp_path / "fer", header=header))
    assert {split: len(clips) for split, clips in source.rows.items()} == {"train": 14, "validation": 14, "test": 14}
    check_named(source.notes[0], "fer2013.csv", "14 validation stills")
    rows = source.rows["train"].with_format("arrow")[:]["video"].to_pylist()
    names = source.rows["train"].features["label"].names
    assert names == list(EXPRESSIONS)
    for number, (video, label) in enumerate(zip(rows, source.rows["train"]["label"], strict=True)):
        pixels = np.asarray(Image.open(io.BytesIO(video[0]["bytes"])))
        assert pixels.shape == (48, 48) and pixels[0, 0] == 255 and (pixels.ravel()[1:] == number).all()
        assert names[label] == FER2013[number % 7]
    assert len(set(source.rows["train"]["content_id"])) == 14


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (pixel_row(1, "Training", 7), ["line 44", "'7'", "6 neutral"]),
        (pixel_row(1, "Training", pixels=2000), ["line 44", "2,000 pixels", "2,304"]),
        (pixel_row(300, "Training").replace(" 44", " 444"), ["line 44", "444", "255"]),
        (pixel_row(1, "Training").replace(" 1 ", " x ", 1), ["line 44", "whole numbers"]),
        (pixel_row(1, "Secret"), ["line 44", "Secret", "privatetest"]),
        (pixel_row(1, "Training")[:3000], ["line 44", "2 fields", "cut off"]),
    ],
)
def test_rows_that_do_not_fit(row, words, load, tmp_path):
    root = write_fer2013(tmp_path / "fer")
    with (root / "fer2013.csv").open("a") as file:
        file.write(f"{row}\n")
    with raises_naming(ValueError, "fer2013.csv", *words):
        load(root)


def test_a_table_that_is_cut_off_between_rows(load, tmp_path):
    root = write_fer2013(tmp_path / "fer", each=1)
    with raises_naming(ValueError, "fer2013.csv", "7 train stills", "14", "on_problem"):
        load(root)
    assert len(load(root, on_problem="skip").rows["train"]) == 7


def test_a_table_without_usage_and_two_tables(load, tmp_path):
    root = write_fer2013(tmp_path / "fer", header="emotion,pixels,other")
    with raises_naming(ValueError, "fer2013.csv", "Usage"):
        load(root)
    write_fer2013(root / "again")
    with raises_naming(ValueError, "several", "again"):
        load(root)


def test_folders(load, tmp_path):
    root = write_stills(tmp_path / "fer", ["train", "test"], FER2013)
    source = load(root)
    assert {split: len(clips) for split, clips in source.rows.items()} == {"train": 14, "test": 14}
    assert source.rows["train"].features["label"].names == list(EXPRESSIONS)


def test_pixels_are_faces_already(load, tmp_path, monkeypatch):
    """Refused before a detector is used; the file of one need not be real here."""
    root = write_fer2013(tmp_path / "fer")
    monkeypatch.setattr("logoformer_hf.data.face_crops.FaceCropper", lambda *arguments: object())
    with raises_naming(ValueError, "faces", "FER2013"):
        load(root, faces=True)
