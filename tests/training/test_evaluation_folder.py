"""An output folder of `logoformer evaluate` is replaced by the same command only."""

import os
import shutil

import pytest
from errors import raises_naming
from small_runs import TINY, evaluate_small, write_own
from toys import new_model

from logoformer_hf import LogoFormerConfig, LogoFormerVideoProcessor
from logoformer_hf.data.folder_lock import FolderInUseError, folder_lock
from logoformer_hf.models.heads import number_labels


@pytest.fixture
def place(tmp_path):
    """Two models of one name, two folders of clips, and an evaluation of the first model on the first clips."""
    for parent in ("one", "other"):
        config = LogoFormerConfig(**TINY, **number_labels(("happy", "sad")))
        new_model(config).save_pretrained(tmp_path / parent / "model")
        LogoFormerVideoProcessor.from_config(config).save_pretrained(tmp_path / parent / "model")
        write_own(tmp_path / parent / "clips", 1 if parent == "one" else 150)
    evaluate(tmp_path)
    return tmp_path


def evaluate(place, model="one", clips="one", **settings):
    data_dir = str(place / clips / "clips")
    return evaluate_small(place / model / "model", place / "out", place / "cache", data_dir=data_dir, **settings)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"model": "other"}, "model"), ({"clips": "other"}, "data_dir"), ({"split": "train"}, "split")],
)
def test_another_evaluation_is_refused_and_nothing_is_written(place, settings, word):
    before = contents(place / "out")
    (place / "other" / "clips" / "train" / "sad" / "train3" / "00001.jpg").write_bytes(b"")
    with raises_naming(
        ValueError, place / "out", "evaluation of model", "on clips, split 'test'", word, "another folder"
    ):
        evaluate(place, **settings)
    assert contents(place / "out") == before


def test_the_same_command_replaces_its_own_result(place):
    (place / "link").symlink_to(place / "one")
    (place / "out" / "report.md").write_text("old")
    evaluate(place, model="link")
    assert (place / "out" / "report.md").read_text() != "old"
    shutil.rmtree(place / "out")
    evaluate(place, model="other")


def test_the_same_command_twice_at_once_is_refused(place):
    with folder_lock(place / "out"):
        before = contents(place / "out")
        with raises_naming(FolderInUseError, place / "out", f"process {os.getpid()}"):
            evaluate(place)
        assert contents(place / "out") == before
    evaluate(place)


def test_an_evaluation_of_an_earlier_version_is_not_overwritten(place):
    (place / "out" / "evaluation.json").unlink()
    with raises_naming(ValueError, place / "out", "evaluation of model", "no evaluation.json"):
        evaluate(place)
