"""RAVDESS in its real layout: 2,880 spoken and 2,024 sung videos of both modalities, and what people have instead."""

import os
from collections import Counter

import pytest
from acted_trees import ravdess_names, write_ravdess
from errors import check_named, raises_naming

from logoformer_hf.data.facts import DataFacts
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source
from logoformer_hf.data.sources.ravdess import Ravdess, all_names


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All videos, to read from."""
    return write_ravdess(tmp_path_factory.mktemp("acted") / "RAVDESS")


@pytest.fixture
def ravdess(tmp_path):
    """A builder."""
    return lambda data_dir, fold=1, **settings: Ravdess(data_dir, cache_dir=tmp_path / "cache", fold=fold, **settings)


def without(names, *actors):
    return [name for name in names if name[-2:] not in actors]


def test_all_names():
    assert len(ravdess_names(channels=("01",))) == 2880 and len(ravdess_names(channels=("02",))) == 2024
    assert {*all_names("video", "both"), *all_names("audio_video", "both")} == set(ravdess_names())


def test_folds_by_actor(whole, ravdess):
    for fold in range(1, 7):
        source = ravdess(whole, fold).source
        counts = Counter(clip.split for clip in source.clips)
        assert counts == {"test": 240, "train": 1200}
        tested = {clip.extra["identity"] for clip in source.clips if clip.split == "test"}
        assert tested == {f"Actor_{number:02d}" for number in range(4 * fold - 3, 4 * fold + 1)}
        assert not tested & {clip.extra["identity"] for clip in source.clips if clip.split == "train"}
        assert {clip.extra["fold"] for clip in source.clips if clip.split == "test"} == {fold}


def test_rows(whole, tmp_path):
    arguments = {"dataset": "ravdess", "data_dir": str(whole), "fold": "all", "cache_dir": str(tmp_path / "cache")}
    assert list(SourceArguments(**arguments).folds) == [1, 2, 3, 4, 5, 6]
    source = load_source(SourceArguments(**arguments), fold=2)
    assert source.facts == DataFacts("ravdess", "RAVDESS", num_folds=6)
    assert source.rows["test"].features["label"].names[-1] == "calm"
    assert len(source.rows["test"].features["label"].names) == 8
    row = next(row for row in source.rows["test"] if row["clip_id"] == "02-01-06-02-01-02-07")
    assert source.rows["test"].features["label"].int2str(row["label"]) == "fear"
    assert [row[name] for name in ("identity", "sex", "fold")] == ["Actor_07", "male", 2]
    counts = Counter(source.rows["train"]["label"]) + Counter(source.rows["test"]["label"])
    assert sorted(counts.values()) == [96, *[192] * 7]


@pytest.mark.parametrize(
    ("settings", "num_clips", "classes"),
    [
        ({"channel": "song"}, 1012, {"happy", "sad", "neutral", "angry", "fear", "calm"}),
        ({"channel": "both"}, 2452, None),
        ({"modality": "audio_video"}, 1440, None),
        ({"calm": "leave_out"}, 1248, {"happy", "sad", "neutral", "angry", "surprise", "disgust", "fear"}),
        ({"calm": "neutral"}, 1440, {"happy", "sad", "neutral", "angry", "surprise", "disgust", "fear"}),
    ],
)
def test_parts(whole, ravdess, settings, num_clips, classes):
    source = ravdess(whole, **settings).source
    assert len(source.clips) == num_clips
    assert classes is None or set(source.label_names) == classes == {clip.label for clip in source.clips}
    performances = [clip.clip_id[3:] for clip in source.clips]  # without the modality
    assert len(set(performances)) == num_clips
    if settings.get("calm") == "neutral":
        assert sum(clip.label == "neutral" for clip in source.clips) == 96 + 192


def test_parts_are_named(tmp_path):
    root = write_ravdess(tmp_path / "RAVDESS", [name for name in ravdess_names() if name[-2:] in ("01", "07")])
    choices = {"channel": "both", "modality": "audio_video", "calm": "neutral", "on_problem": "skip"}
    args = SourceArguments(dataset="ravdess", data_dir=str(root), fold="1", cache_dir=str(tmp_path), **choices)
    check_named(load_source(args, 1).facts.setup, "speech and song", "audio-video", "calm as neutral")


def test_an_actor_is_missing(tmp_path, ravdess):
    root = write_ravdess(tmp_path / "RAVDESS", without(ravdess_names(), "07"))
    with raises_naming(FileNotFoundError, "1 actor (Actor_07)", "curl", "Video_Speech_Actor_07.zip", "on_problem"):
        ravdess(root)
    archive = root / "Video_Speech_Actor_07.zip"
    archive.touch()
    with raises_naming(FileNotFoundError, "Actor_07", f"unzip {archive}"):
        ravdess(root)
    with raises_naming(FileNotFoundError, "Actor_07", "Video_Song_Actor_07.zip"):
        archive.unlink()
        ravdess(root, channel="song")
    builder = ravdess(root, 2, on_problem="skip")
    assert len(builder.load()["test"]) == 180 and len(builder.problems) == 60


def test_half_an_actor_is_missing(tmp_path, ravdess):
    names = [name for name in ravdess_names() if not name.startswith("02-01-08") or not name.endswith("-12")]
    with raises_naming(FileNotFoundError, "8 clips", "02-01-08-01-01-01-12", "Video_Speech_Actor_12.zip"):
        ravdess(write_ravdess(tmp_path / "RAVDESS", names))


def test_the_folder_of_one_actor(whole, ravdess):
    with raises_naming(FileNotFoundError, "23 actors", f"name the one above, {whole}"):
        ravdess(whole / "Actor_01")


def test_the_other_modality_or_channel_alone(tmp_path, ravdess):
    root = write_ravdess(tmp_path / "RAVDESS", ravdess_names(modalities=("01",), channels=("01",)))
    with raises_naming(FileNotFoundError, "01-01-… (1,440)", "modality", "audio_video"):
        ravdess(root)
    assert len(ravdess(root, modality="audio_video").source.clips) == 1440


def test_one_performance_twice(tmp_path, ravdess):
    root = write_ravdess(tmp_path / "RAVDESS")
    again = root / "Video_Speech_Actor_03" / "Actor_03"
    again.mkdir(parents=True)
    name = "02-01-06-01-02-01-03.mp4"
    os.link(root / "Actor_03" / name, again / name)
    with raises_naming(ValueError, root / "Actor_03" / name, again / name, "data_dir"):
        ravdess(root)


def test_archives_that_are_not_unpacked(tmp_path, ravdess):
    archive = tmp_path / "Video_Speech_Actor_01.zip"
    archive.touch()
    with raises_naming(FileNotFoundError, tmp_path, f"unzip {archive}"):
        ravdess(tmp_path)


def test_choices_that_there_are_not():
    for name, value in (("channel", "sung"), ("modality", "audio"), ("calm", "drop")):
        with raises_naming(ValueError, f"`{name}`", repr(value)):
            SourceArguments(dataset="ravdess", data_dir="RAVDESS", fold="1", **{name: value})
    with raises_naming(ValueError, "fold", "1 to 6"):
        SourceArguments(dataset="ravdess", data_dir="RAVDESS")
    with raises_naming(ValueError, "channel", "ravdess"):
        SourceArguments(dataset="crema_d", data_dir="CREMA-D", fold="1", channel="song")
