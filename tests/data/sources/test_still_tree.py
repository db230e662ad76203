"""Stills in folders: which split and class each has, and which folders are refused."""

from collections import Counter

import pytest
from errors import check_named, raises_naming
from still_trees import EXPRESSIONS, still, write_stills

from logoformer_hf.data.sources.still_tree import find_stills, known_class, with_test

MEANINGS = {"0": "angry", "1": "happy", "8": None, "contempt": "contempt"}


def counts(plan):
    return Counter((clip.split, clip.label) for clip in plan.clips)


def test_splits_and_labels_are_the_names_of_folders(tmp_path):
    root = write_stills(tmp_path, ["Train", "val", "testing"], ["Happiness", "sadness", "bored"])
    (root / "Train" / "bored" / "below").mkdir()
    (root / "Train" / "bored" / "below" / "anna.PNG").write_bytes(still(99, kind="PNG"))
    (root / "Train" / "bored" / ".hidden.jpg").write_bytes(b"")
    plan = find_stills(root)
    assert plan.label_names == ["happy", "sad", "bored"]
    expected = {(split, label): 2 for split in ("train", "validation", "test") for label in plan.label_names}
    assert counts(plan) == {**expected, ("train", "bored"): 3}
    assert "Train/bored/below/anna.PNG" in {clip.clip_id for clip in plan.clips}
    check_named(" ".join(plan.notes), "Happiness read as happy", "bored as a new class")


def test_numbers_have_the_meaning_of_their_data_set(tmp_path):
    root = write_stills(tmp_path, ["train", "test"], ["0", "1", "8"])
    plan = find_stills(root, MEANINGS)
    assert counts(plan) == {(split, label): 2 for split in ("train", "test") for label in ("angry", "happy")}
    check_named(" ".join(plan.notes), "Left out: 4 stills of 8")


@pytest.mark.parametrize(
    ("label", "name"), [("1", "happy"), (" 1.0", "happy"), ("Joy", "happy"), ("8", None), ("Contempt", "contempt")]
)
def test_labels_of_a_known_data_set(label, name):
    assert known_class(label, MEANINGS, "here") == name


@pytest.mark.parametrize("label", ["7", "-1", "sad", "1.5", "", "nan"])
def test_a_label_out_of_range_is_refused_with_those_that_there_are(label):
    with raises_naming(ValueError, "here", repr(label), "0 angry", "1 happy"):
        known_class(label, MEANINGS, "here")


def test_without_test_stills_those_of_validation_are_tested(tmp_path):
    plan = with_test(find_stills(write_stills(tmp_path, ["train", "val"], ["happy", "sad"])))
    assert counts(plan) == {(split, label): 2 for split in ("train", "test") for label in ("happy", "sad")}
    check_named(" ".join(plan.notes), "4 train stills, 4 test stills", "validation")


def test_without_splits_a_tenth_of_every_class_is_tested(tmp_path):
    root = write_stills(tmp_path, [], ["happy", "sad"], each=20)
    plan = with_test(find_stills(root))
    assert counts(plan) == {("train", "happy"): 18, ("train", "sad"): 18, ("test", "happy"): 2, ("test", "sad"): 2}
    again = with_test(find_stills(root))
    assert [(clip.clip_id, clip.split) for clip in again.clips] == [(clip.clip_id, clip.split) for clip in plan.clips]
    check_named(" ".join(plan.notes), "a tenth", "4")


def above(root):
    return root.parent, ["train", "data_dir"]


def below(root):
    return root / "train", ["one split", root]


def swapped(root):
    write_stills(root.parent / "swapped", ["happy", "sad"], ["train", "test"])
    return root.parent / "swapped", ["swapped/happy/", "a split"]


def flat(root):
    (root.parent / "flat").mkdir()
    (root.parent / "flat" / "a.jpg").write_bytes(still(1))
    return root.parent / "flat", ["1 lie", "a.jpg"]


def packed(root):
    (root.parent / "packed" / "train").mkdir(parents=True)
    (root.parent / "packed" / "train.zip").write_bytes(b"PK")
    return root.parent / "packed", ["unpack", "train.zip"]


def half(root):
    write_stills(root.parent / "half", ["train"], ["happy", "sad"])
    (root.parent / "half" / "test").mkdir()
    return root.parent / "half", ["half/test", "no stills"]


def one_class(root):
    return write_stills(root.parent / "one", ["train", "test"], ["happy"]), ["happy alone", "two classes"]


def numbers(root):
    return write_stills(root.parent / "numbers", ["train", "test"], ["0", "1"]), ["train/0", "raf_db", "fer2013"]


def two_spellings(root):
    return write_stills(root.parent / "both", ["train", "test"], ["joy", "happy", "sad"]), ["joy", "happy"]


@pytest.mark.parametrize("change", [above, below, swapped, flat, packed, half, one_class, numbers, two_spellings])
def test_what_is_wrong_is_said_in_a_sentence(change, tmp_path):
    root = write_stills(tmp_path / "whole" / "RAF", ["train", "test"], EXPRESSIONS)
    data_dir, words = change(root)
    with raises_naming(ValueError, *words):
        find_stills(data_dir)


def test_folders_without_a_still_stop_or_are_noted(tmp_path):
    root = write_stills(tmp_path, ["train", "test"], ["happy", "sad"])
    (root / "train" / "angry" / "monday").mkdir(parents=True)
    (root / "train" / "angry" / "monday" / "anna.heic").write_bytes(b"heic")
    (root / "train" / "angry" / "Thumbs.db").write_bytes(b"of a system")
    with raises_naming(ValueError, "train/angry", "on_problem", ".png"):
        find_stills(root, on_empty="stop")
    plan = find_stills(root)
    assert plan.label_names == ["happy", "sad"]
    check_named(" ".join(plan.notes), "train/angry", "(1): train/angry/monday/anna.heic", ".png")


def test_stills_without_any_to_train_on(tmp_path):
    with raises_naming(ValueError, "test", "train/<label>/"):
        with_test(find_stills(write_stills(tmp_path, ["test"], ["happy", "sad"])))
