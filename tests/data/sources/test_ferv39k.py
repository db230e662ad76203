import os
import random
import shutil
import time
from pathlib import Path

import datasets
import pytest
from dataset_trees import EMOTIONS, ferv39k_clips, jpeg, write_ferv39k, write_ferv39k_lists, write_frames
from errors import check_named, raises_naming

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.ferv39k import FERV39K, NUM_CLIPS
from logoformer_hf.data.sources.lists import ListError


@pytest.fixture
def root(tmp_path):
    return write_ferv39k(tmp_path / "FERV39K")


@pytest.fixture
def ferv39k(root, tmp_path):
    """A builder over the tree."""
    return lambda data_dir=root, **arguments: FERV39K(data_dir, cache_dir=tmp_path / "cache", **arguments)


def write_list(file: Path, lines) -> str:
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def test_all_scenes(root, ferv39k):
    write_frames(root / "2_ClipsforFaceCrop" / "Action" / "Happy" / "0003", 5)
    builder = ferv39k()
    rows = builder.load()
    assert {split: len(clips) for split, clips in rows.items()} == {"train": 28, "test": 14}
    assert rows["test"]["clip_id"][:] == ferv39k_clips("test")
    assert rows["test"]["label"][:] == list(range(7)) * 2
    assert rows["test"].features["label"].names == list(EXPRESSIONS)
    assert rows["test"][0] == {
        "clip_id": "Action/Happy/0003",
        "video": str(root / "2_ClipsforFaceCrop" / "Action" / "Happy" / "0003"),
        "num_frames": 5,
        "label": 0,
        "scene": "Action",
    }
    assert builder.problems == []


def test_the_way_of_datasets(ferv39k):
    builder = ferv39k(setup="Action")
    builder.download_and_prepare()
    assert isinstance(builder.as_dataset(), datasets.DatasetDict)
    assert builder.config.name == "Action" and builder.name == "ferv39k"


@pytest.mark.parametrize("data_dir", [".", "..", "4_setups", "2_ClipsforFaceCrop"])
def test_found_from_above_and_below(root, ferv39k, data_dir):
    assert ferv39k(root / data_dir).source.clips == ferv39k().source.clips


def test_a_scene_out_of_the_lists_of_all(root, ferv39k):
    builder = ferv39k(setup="Daily_Life")
    rows = builder.load()
    assert rows["test"]["clip_id"][:] == [f"Daily_Life/{emotion}/0003" for emotion in EMOTIONS]
    assert len(rows["train"]) == 14
    [note] = [note for note in builder.notes if "Daily_Life" in note]
    check_named(note, "14 train", "7 test")


@pytest.mark.parametrize(
    "folder, name", [("Action", "{}.csv"), ("Per_Scene/Action", "{}_Action.csv"), ("", "{}_Action.csv")]
)
def test_lists_of_a_scene(root, ferv39k, folder, name):
    lists = write_ferv39k_lists(root / "4_setups" / folder, name, scenes=["Action"])
    test = lists / name.format("test")
    test.write_text(test.read_text().replace("Action/Happy/0003 Happy\n", ""))
    builder = ferv39k(setup="Action")
    assert any("Action" in note and "14" not in note for note in builder.source.notes)
    rows = builder.load()
    assert rows["test"]["clip_id"][:] == [f"Action/{emotion}/0003" for emotion in EMOTIONS[1:]]
    assert len(ferv39k().load()["test"]) == 14


def test_two_lists_that_could_be_the_scenes(root, ferv39k):
    for folder in ("Action", "Per_Scene/Action"):
        write_ferv39k_lists(root / "4_setups" / folder, "{}_Action.csv", scenes=["Action"])
    lists = root / "4_setups"
    with raises_naming(
        ValueError, lists / "Action" / "train_Action.csv", lists / "Per_Scene" / "Action" / "train_Action.csv"
    ):
        ferv39k(setup="Action")


def test_an_unknown_scene(ferv39k):
    with raises_naming(ValueError, "setup", "'War'", "All_scenes", "Action, Daily_Life"):
        ferv39k(setup="War")


def test_missing_clips_are_named_and_skipped(root, ferv39k):
    shutil.rmtree(root / "2_ClipsforFaceCrop" / "Action" / "Fear" / "0003")
    with raises_naming(ClipProblems, "1 of 42", "Action/Fear/0003: "):
        ferv39k().load()
    builder = ferv39k(on_problem="skip")
    assert len(builder.load()["test"]) == 13
    assert [problem.clip_id for problem in builder.problems] == ["Action/Fear/0003"]


def test_differences_from_the_published_counts(root, ferv39k):
    for number in range(12):
        write_frames(root / "2_ClipsforFaceCrop" / "War" / "Sad" / f"{number:04d}", 1)
    notes = ferv39k().source.notes
    lists = root / "4_setups" / "All_scenes"
    for name, *words in (("train_All.csv", "28 clips", "31,088"), ("test_All.csv", "14 clips", "7,847")):
        [note] = [note for note in notes if words[-1] in note]
        check_named(note, lists / name, *words)
    [unlisted] = [note for note in notes if "War" in note]
    check_named(unlisted, "12 clips", "War/Sad/0000, War/Sad/0001, ", "War/Sad/0009 and 2")


def test_a_clip_in_train_and_test_is_a_leak(root, ferv39k):
    test = root / "4_setups" / "All_scenes" / "test_All.csv"
    test.write_text(test.read_text() + "Action/Happy/0001 Happy\n")
    with raises_naming(ValueError, "1", "Action/Happy/0001 (train, test)"):
        ferv39k()


def test_a_label_that_contradicts_its_path(root, ferv39k):
    test = root / "4_setups" / "All_scenes" / "test_All.csv"
    test.write_text(test.read_text().replace("Action/Fear/0003 Fear", "Action/Fear/0003 Sad"))
    with raises_naming(ListError, "Action/Fear/0003", "Sad"):
        ferv39k()


def test_lists_of_other_code_with_numbers_in_the_usual_order(root, ferv39k, tmp_path):
    def line(clip):
        return f"/home/a/FERV39K/2_ClipsforFaceCrop/{clip} 99 {EMOTIONS.index(clip.split('/')[1])}"

    lists = [write_list(tmp_path / f"{split}.txt", map(line, ferv39k_clips(split))) for split in NUM_CLIPS]
    assert ferv39k(list_files=lists).load()["train"].to_list() == ferv39k().load()["train"].to_list()
    builder = ferv39k(list_files=lists, setup="Action")
    assert len(builder.load()["train"]) == 14
    [note] = [note for note in builder.notes if "Action" in note]
    check_named(note, "14 train", "7 test")


def test_lists_may_name_a_folder_of_any_name(root, ferv39k, tmp_path):
    folder = root / "my_crops"
    shutil.copytree(root / "2_ClipsforFaceCrop", folder)
    lists = [
        write_list(tmp_path / f"{split}.txt", [f"/home/a/my_crops/{ferv39k_clips(split)[0]} 9 0"])
        for split in NUM_CLIPS
    ]
    assert [clip.path for clip in ferv39k(list_files=lists).source.clips] == [
        folder / "Action" / "Happy" / "0001",
        folder / "Action" / "Happy" / "0003",
    ]


def test_alphabetical_numbers_need_a_label_map(root, ferv39k, tmp_path):
    alphabetical = dict(enumerate(sorted(EXPRESSIONS)))
    number_of = {name: number for number, name in alphabetical.items()}

    def line(clip):
        return f"{clip},{number_of[clip.split('/')[1].lower()]}"

    lists = [
        write_list(tmp_path / f"{split}.csv", ["path,id", *map(line, ferv39k_clips(split))]) for split in NUM_CLIPS
    ]
    with raises_naming(ListError, "0=angry 1=disgust 2=fear 3=happy 4=neutral 5=sad 6=surprise"):
        ferv39k(list_files=lists)
    rows = ferv39k(list_files=lists, label_map=alphabetical).load()
    assert rows["test"].to_list() == ferv39k().load()["test"].to_list()


def test_what_is_not_there(root, ferv39k, tmp_path):
    empty = tmp_path / "a" / "b"
    empty.mkdir(parents=True)
    with raises_naming(FileNotFoundError, empty, "4_setups"):
        ferv39k(empty)
    write_ferv39k_lists(empty / "4_setups" / "All_scenes")
    with raises_naming(FileNotFoundError, empty, "2_ClipsforFaceCrop", "Action, Daily_Life"):
        ferv39k(empty)
    (root / "4_setups" / "All_scenes" / "test_All.csv").unlink()
    with raises_naming(ListError, "test_All.csv"):
        ferv39k()
    with raises_naming(ListError, "line 1", "0267", "FERV39K"):
        ferv39k(list_files=[write_list(tmp_path / f"{name}.txt", ["0267 Happy"]) for name in "ab"])


@pytest.mark.slow
def test_the_whole_data_set(tmp_path, capsys):
    """All 38,935 clips with 16 frames each, as links to a few tiny JPEGs; prints what the two loads take."""
    scenes = [f"Scene_{number:02d}" for number in range(22)]
    root = tmp_path / "FERV39K"
    lines = []
    for number in range(sum(NUM_CLIPS.values())):
        if number % 3000 == 0:  # file systems allow some ten thousand links to a file
            picture = tmp_path / f"{number}.jpg"
            picture.write_bytes(jpeg(number))
        scene, emotion = scenes[number % len(scenes)], EMOTIONS[number % len(EMOTIONS)]
        folder = root / "2_ClipsforFaceCrop" / scene / emotion / f"{number:05d}"
        folder.mkdir(parents=True)
        for frame in range(16):
            os.link(picture, folder / f"{frame:05d}.jpg")
        lines.append(f"{scene}/{emotion}/{number:05d} {emotion}\n")
    random.Random(0).shuffle(lines)  # official lists are in no order of the disk either
    lists = root / "4_setups" / "All_scenes"
    lists.mkdir(parents=True)
    for split, part in (("train", lines[: NUM_CLIPS["train"]]), ("test", lines[NUM_CLIPS["train"] :])):
        (lists / f"{split}_All.csv").write_text("".join(part))

    for what in ("first load", "cached load, fingerprint included"):
        start_sec = time.perf_counter()
        builder = FERV39K(root, cache_dir=tmp_path / "cache")
        rows = builder.load()
        with capsys.disabled():
            print(f"\n{what}: {time.perf_counter() - start_sec:.1f} s", end="")
        assert {split: len(clips) for split, clips in rows.items()} == NUM_CLIPS
        assert set(rows["test"]["num_frames"]) == {16}
        assert not any("published" in note for note in builder.notes)
    shutil.rmtree(root)  # pytest would keep the 600,000 files for three more runs
