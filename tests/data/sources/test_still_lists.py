"""AffectNet's tables and annotations, and RAF-DB's list."""

from collections import Counter

import numpy as np
import pytest
from errors import check_named, raises_naming
from still_trees import (
    AFFECTNET,
    EXPRESSIONS,
    RAF_DB,
    TABLE,
    write_affectnet_annotations,
    write_affectnet_tables,
    write_raf_db,
)

from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.affectnet import AffectNet
from logoformer_hf.data.sources.raf_db import RafDb


@pytest.fixture
def affectnet(tmp_path):
    return lambda root, **settings: AffectNet(root, cache_dir=tmp_path / "cache", **settings)


@pytest.fixture
def raf_db(tmp_path, monkeypatch):
    monkeypatch.setattr(RafDb, "COUNTS", {"train": 14, "test": 14})
    return lambda root, **settings: RafDb(root, cache_dir=tmp_path / "cache", **settings)


def test_tables_of_affectnet(affectnet, tmp_path):
    root = write_affectnet_tables(tmp_path / "AffectNet")
    (root / "automatically_annotated.csv").write_text(f"{TABLE}\nx/y.jpg,0,0,1,1,1,1,0,0\n")
    builder = affectnet(root, labels=list(AFFECTNET))
    rows = builder.load()
    names = rows["train"].features["label"].names
    assert {split: len(clips) for split, clips in rows.items()} == {"train": 16, "test": 16}
    for row in rows["train"]:
        place = int(row["clip_id"].split("training")[1].removesuffix(".jpg"))
        assert names[row["label"]] == AFFECTNET[place % 11]
        assert row["video"] == str(root / "Manually_Annotated_Images" / row["clip_id"])
    check_named(" ".join(builder.notes), "Left out: 4 stills with label 8", "label 10", "training.csv")


def test_tables_with_stills_that_are_not_there(affectnet, tmp_path):
    root = write_affectnet_tables(tmp_path / "AffectNet")
    (root / "Manually_Annotated_Images" / "3" / "training3.jpg").unlink()
    with raises_naming(ClipProblems, "3/training3.jpg"):
        affectnet(root).load()
    for path in (root / "Manually_Annotated_Images").rglob("training*.jpg"):
        path.unlink()
    with raises_naming(FileNotFoundError, "training.csv", "0/training0.jpg", "unpack"):
        affectnet(root)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("5/a.jpg,0,0,16,16,1,11,0,0", ["training.csv, line 24", "'11'", "7 contempt"]),
        ("5/a.jpg,0,0,16", ["training.csv, line 24", "expression"]),
        ("../a.jpg,0,0,16,16,1,1,0,0", ["training.csv, line 24", "../a.jpg"]),
    ],
)
def test_rows_of_a_table_that_do_not_fit(row, words, affectnet, tmp_path):
    root = write_affectnet_tables(tmp_path / "AffectNet")
    with (root / "training.csv").open("a") as file:
        file.write(f"{row}\n")
    with raises_naming(ValueError, *words):
        affectnet(root)


def test_a_table_whose_name_says_no_split(affectnet, tmp_path):
    root = write_affectnet_tables(tmp_path / "AffectNet")
    (root / "training.csv").rename(root / "all.csv")
    with raises_naming(ValueError, "all.csv", "training.csv"):
        affectnet(root)


def test_annotations_beside_the_images(affectnet, tmp_path):
    root = write_affectnet_annotations(tmp_path / "AffectNet")
    rows = affectnet(root, labels=list(AFFECTNET)).load()
    names = rows["test"].features["label"].names
    assert {split: len(clips) for split, clips in rows.items()} == {"train": 16, "test": 16}
    for row in [*rows["train"], *rows["test"]]:
        number = int(row["clip_id"].split("/")[-1].removesuffix(".jpg"))
        assert names[row["label"]] == AFFECTNET[number % 8]
    (root / "train_set" / "images" / "5.jpg").unlink()
    with raises_naming(ValueError, "train_set", "15 stills", "16 annotations", "5"):
        affectnet(root)


def test_an_annotation_that_is_a_pickle_is_not_run(affectnet, tmp_path):
    root = write_affectnet_annotations(tmp_path / "AffectNet")
    np.save(root / "val_set" / "annotations" / "20_exp.npy", np.array({"a": 1}, dtype=object), allow_pickle=True)
    with raises_naming(ValueError, "20_exp.npy", "damaged"):
        affectnet(root)


@pytest.mark.parametrize("kind", ["aligned", "original"])
def test_the_list_of_raf_db(kind, raf_db, tmp_path):
    root = write_raf_db(tmp_path / "RAF", kind)
    builder = raf_db(root)
    rows = builder.load()
    assert {split: len(clips) for split, clips in rows.items()} == {"train": 14, "test": 14}
    names = rows["train"].features["label"].names
    assert names == list(EXPRESSIONS)
    for row in [*rows["train"], *rows["test"]]:
        assert names[row["label"]] == RAF_DB[(int(row["clip_id"][-5:]) - 1) % 7]
        assert f"/{kind}/" in row["video"]
    assert ("--faces" in " ".join(builder.notes)) == (kind == "original")
    assert Counter(rows["train"]["label"]) == dict.fromkeys(range(7), 2)


@pytest.mark.parametrize(
    ("line", "word"),
    [("train_00099.jpg 8", "'8'"), ("train_00099.jpg", "train_00001.jpg 5"), ("anna.jpg 5", "train_00001.jpg 5")],
)
def test_lines_that_are_not_of_raf_db(line, word, raf_db, tmp_path):
    root = write_raf_db(tmp_path / "RAF")
    with (root / "basic" / "EmoLabel" / "list_patition_label.txt").open("a") as file:
        file.write(f"{line}\n")
    with raises_naming(ValueError, "list_patition_label.txt, line 29", word):
        raf_db(root)


def test_raf_db_half_unpacked(raf_db, tmp_path):
    root = write_raf_db(tmp_path / "RAF")
    (root / "basic" / "Image" / "aligned" / "test_00003_aligned.jpg").unlink()
    with raises_naming(ClipProblems, "test_00003"):
        raf_db(root).load()
    (root / "basic" / "Image" / "aligned").rename(root / "basic" / "Image" / "other")
    with raises_naming(FileNotFoundError, "list_patition_label.txt", "aligned.zip"):
        raf_db(root)
