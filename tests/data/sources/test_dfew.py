import shutil
from pathlib import Path

import datasets
import pytest
from dataset_trees import (
    DFEW_NUMBERS,
    dfew_fold,
    dfew_label,
    write_dfew_annotation,
    write_dfew_frames,
    write_dfew_videos,
    write_frames,
)
from errors import check_named, raises_naming

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.dfew import CLIP_FOLDERS, DFEW
from logoformer_hf.data.sources.lists import ListError


@pytest.fixture
def root(tmp_path):
    """The annotation, without clips."""
    return write_dfew_annotation(tmp_path / "DFEW")


@pytest.fixture
def dfew(root, tmp_path):
    """A builder over the tree."""
    return lambda data_dir=root, **arguments: DFEW(data_dir, cache_dir=tmp_path / "cache", **arguments)


def write_list(file: Path, lines) -> str:
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def check_one_named(notes: list[str], *words: str) -> None:
    """One of the notes holds all of these words."""
    assert any(all(word in note for word in words) for note in notes), f"{words} are in none of {notes}"


@pytest.mark.parametrize("fold", [1, 2, 3, 4, 5])
def test_folds(root, dfew, fold):
    write_dfew_frames(root / "Clip" / "jpg_256")
    rows = dfew(fold=fold).load()
    assert {split: len(clips) for split, clips in rows.items()} == {"train": 28, "test": 7}
    test_numbers = [number for number in DFEW_NUMBERS if dfew_fold(number) == fold]
    assert rows["test"]["clip_id"][:] == [f"{number:05d}" for number in test_numbers]
    assert rows["test"]["label"][:] == list(range(7))  # official 1 to 7 in the order of EXPRESSIONS
    assert rows["test"]["fold"][:] == [fold] * 7
    assert sorted(set(rows["train"]["fold"])) == sorted({1, 2, 3, 4, 5} - {fold})
    assert rows["train"].features["label"].names == list(EXPRESSIONS)


def test_a_row(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256", num_frames=2)
    write_frames(root / "Clip" / "jpg_256" / "02522", 5)
    rows = dfew(fold=2).load()
    assert rows["test"][0] == {
        "clip_id": "02522",
        "video": str(root / "Clip" / "jpg_256" / "02522"),
        "num_frames": 5,
        "label": dfew_label(2522) - 1,
        "fold": 2,
    }


def test_the_way_of_datasets(root, dfew):
    write_dfew_frames(root / "DFEW_Face")
    builder = dfew(fold=4)
    builder.download_and_prepare()
    assert isinstance(builder.as_dataset(), datasets.DatasetDict)
    assert builder.config.fold == 4 and builder.config.name == "fold-4" and builder.name == "dfew"


@pytest.mark.parametrize("folder", CLIP_FOLDERS[:3])
@pytest.mark.parametrize("data_dir", [".", "..", "Clip"])
def test_frame_folders_are_found_from_above_and_below(root, dfew, folder, data_dir):
    write_dfew_frames(root / folder)
    (root / "Clip").mkdir(exist_ok=True)
    builder = dfew(root / data_dir, fold=1)
    assert builder.source.clips[0].path == root / folder / "02522"
    check_named(builder.source.notes[2], root / folder)


@pytest.mark.parametrize("name", ["{:05d}.mp4", "{}.mp4", "{:05d}.AVI"])
def test_videos(root, dfew, write_video, name):
    write_dfew_videos(root / "Clip" / "original", write_video, name=name, num_frames=4)
    rows = dfew(fold=1).load()
    assert rows["test"]["video"][0] == str(root / "Clip" / "original" / name.format(2521))
    assert set(rows["train"]["num_frames"]) == {4}
    assert rows["test"]["clip_id"][0] == "02521"


def test_folders_without_zeros_in_front(tmp_path, dfew):
    root = write_dfew_annotation(tmp_path / "small", range(1, 36))
    for number in range(1, 36):
        write_frames(root / "DFEW_Face" / str(number), 1)
    clip = dfew(root, fold=1).source.clips[0]
    assert clip.clip_id == "00002" and clip.path == root / "DFEW_Face" / "2"


def test_of_several_folders_the_first_counts_and_the_others_are_named(root, dfew, write_video):
    write_dfew_videos(root / "Clip" / "original", write_video)
    write_dfew_frames(root / "DFEW_Face")
    (root / "Clip" / "jpg_256").mkdir()  # empty: there are no clips in it
    builder = dfew(fold=1)
    assert builder.source.clips[0].path.parent == root / "DFEW_Face"
    check_named(builder.source.notes[2], root / "DFEW_Face", root / "Clip" / "original", "frames")
    assert str(root / "Clip" / "jpg_256") not in builder.source.notes[2]
    assert dfew(fold=1, frames="Clip/original").source.clips[0].path.name == "02522.mp4"


def test_frames_may_be_any_folder(root, dfew, tmp_path):
    write_dfew_frames(root / "Clip" / "jpg_256")
    for folder in (write_dfew_frames(root / "my_crops"), write_dfew_frames(tmp_path / "other_disk")):
        for name in (str(folder), str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)):
            builder = dfew(fold=1, frames=name)
            assert builder.source.clips[0].path == folder / "02522"
            check_named(builder.source.notes[2], folder, "frames")


def test_missing_clips_are_named_and_skipped(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256", [number for number in DFEW_NUMBERS if number not in (2521, 2522)])
    with raises_naming(ClipProblems, "2 of 35", "02522: ", root / "Clip" / "jpg_256" / "02522"):
        dfew(fold=1).load()
    builder = dfew(fold=1, on_problem="skip")
    rows = builder.load()
    assert len(rows["train"]) == 27 and len(rows["test"]) == 6
    assert [problem.clip_id for problem in builder.problems] == ["02522", "02521"]
    check_named(builder.notes[-2], "train", "1 of 28", "02522")
    check_named(builder.notes[-1], "test", "1 of 7", "02521")


def test_differences_from_the_published_counts(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256")
    notes = dfew(fold=1).source.notes
    for counts in (["35 clips", "11,697"], ["28 clips", "9,356"], ["7 clips", "2,341"]):
        check_one_named(notes, *counts)
    assert sum("11,697" in note for note in notes) == 2  # by this fold's lists, and by the test lists of all folds
    assert len(notes) == 3 + 4


def test_the_published_counts_need_no_note(tmp_path, dfew):
    root = write_dfew_annotation(tmp_path / "whole", range(1, 11_698))
    # 11,697 numbers by their remainder are 2,340 in folds 1 and 2, so one more goes to the test list of fold 1.
    lists = root / "EmoLabel_DataSplit"
    for split, fold in (("train", 1), ("test", 2)):
        file = lists / f"{split}(single-labeled)" / f"set_{fold}.csv"
        file.write_text(file.read_text().replace(f"\n2,{dfew_label(2)}\n", "\n"))
    for split, fold in (("test", 1), ("train", 2)):
        file = lists / f"{split}(single-labeled)" / f"set_{fold}.csv"
        file.write_text(file.read_text() + f"2,{dfew_label(2)}\n")
    write_frames(root / "DFEW_Face" / "00001", 1)
    notes = dfew(root, fold=1).source.notes
    assert len(notes) == 3 and "9,356 clips" in notes[0] and "2,341 clips" in notes[1]


def test_clips_that_break_the_folds_are_named(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256")
    lists = root / "EmoLabel_DataSplit"
    fold_2 = lists / "test(single-labeled)" / "set_2.csv"
    fold_2.write_text(fold_2.read_text() + f"2523,{dfew_label(2523)}\n")  # also tested in fold 3
    train = lists / "train(single-labeled)" / "set_1.csv"
    train.write_text(train.read_text().replace(f"2524,{dfew_label(2524)}\n", "") + "9999,1\n")
    notes = dfew(fold=1).source.notes
    for clip in ("02523", "02524", "09999"):
        check_one_named(notes, "1 clips", clip)


def test_without_all_test_lists_the_fold_is_unknown(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256")
    (root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_5.csv").unlink()
    builder = dfew(fold=1)
    check_one_named(builder.source.notes, "fold 5")
    rows = builder.load()
    assert set(rows["train"]["fold"]) == set(rows["test"]["fold"]) == {None}
    with raises_naming(ListError, "set_5.csv"):
        dfew(fold=5)


def test_another_folds_list_is_part_of_the_cache_key(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256")
    assert dfew(fold=1).load()["train"]["fold"][0] == 2
    lists = root / "EmoLabel_DataSplit" / "test(single-labeled)"
    lines = {fold: (lists / f"set_{fold}.csv").read_text() for fold in (2, 3)}
    (lists / "set_2.csv").write_text(lines[3])
    (lists / "set_3.csv").write_text(lines[2])
    assert dfew(fold=1).load()["train"]["fold"][0] == 3


def test_a_clip_in_train_and_test_is_a_leak(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256")
    train = root / "EmoLabel_DataSplit" / "train(single-labeled)" / "set_1.csv"
    train.write_text(train.read_text() + f"02521,{dfew_label(2521)}\n")
    with raises_naming(ValueError, "1", "02521 (train, test)"):
        dfew(fold=1)


def test_two_clips_of_one_number(root, dfew, write_video):
    write_dfew_videos(root / "Clip" / "original", write_video)
    (root / "Clip" / "original" / "2521.avi").write_bytes(b"another")
    with raises_naming(ValueError, "02521.mp4", "2521.avi"):
        dfew(fold=1)


def test_official_lists_that_count_from_0_are_refused(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256")
    for file in (root / "EmoLabel_DataSplit").rglob("set_*.csv"):
        lines = [line.split(",") for line in file.read_text().split()[1:]]
        file.write_text("video_name,label\n" + "".join(f"{number},{int(label) - 1}\n" for number, label in lines))
    with raises_naming(ListError, "--label_map 0=happy 1=sad"):
        dfew(fold=1)
    rows = dfew(fold=1, label_map=dict(enumerate(EXPRESSIONS))).load()
    assert rows["test"]["label"][:] == list(range(7))


FORMATS = {
    "Former-DFER, wrong counts": lambda number: f"/home/a/data/DFEW_Face/{number:05d} 66 {dfew_label(number) - 1}",
    "VideoMAE": lambda number: f"D:\\data\\DFEW_Face\\{number:05d} {dfew_label(number) - 1}",
    "videos": lambda number: f"Clip/original/{number:05d}.mp4 {dfew_label(number) - 1}",
}


@pytest.mark.parametrize("line", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("data_dir", ["copy", "copy/DFEW_Face"])
def test_lists_of_other_code(tmp_path, dfew, line, data_dir):
    folder = write_dfew_frames(tmp_path / "copy" / "DFEW_Face", num_frames=2)
    lists = [
        write_list(
            tmp_path / f"{split}.txt", (line(n) for n in DFEW_NUMBERS if (dfew_fold(n) == 1) == (split == "test"))
        )
        for split in ("train", "test")
    ]
    rows = dfew(tmp_path / data_dir, list_files=lists).load()
    assert rows["test"]["clip_id"][:] == [f"{n:05d}" for n in DFEW_NUMBERS if dfew_fold(n) == 1]
    assert rows["test"]["video"][0] == str(folder / "02521")
    assert rows["test"]["label"][:] == list(range(7))
    assert set(rows["train"]["num_frames"]) == {2}  # the list says 66
    assert set(rows["train"]["fold"]) == {None}


def test_lists_choose_their_folder_and_know_the_official_folds(root, dfew, tmp_path):
    write_dfew_frames(root / "Clip" / "jpg_256")
    write_dfew_frames(root / "DFEW_Face")
    line = FORMATS["VideoMAE"]
    lists = [write_list(tmp_path / f"{n}.txt", [line(number) for number in range(n, n + 5)]) for n in (2521, 2526)]
    builder = dfew(list_files=lists, fold=1)
    check_one_named(builder.source.notes, "4 clips", "fold 1", "02527, 02528, 02529, 02530")
    rows = builder.load()
    assert rows["test"]["video"][0] == str(root / "DFEW_Face" / "02526")
    assert rows["train"]["fold"][:] == [1, 2, 3, 4, 5]
    (root / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_1.csv").unlink()
    assert set(dfew(list_files=lists, fold=1).load()["train"]["fold"]) == {None}


def test_lists_may_name_a_folder_of_any_name(tmp_path, dfew):
    write_dfew_frames(tmp_path / "copy" / "Clip" / "jpg_256")
    folder = write_dfew_frames(tmp_path / "copy" / "my_crops")
    lists = [write_list(tmp_path / f"{number}.txt", [f"/home/a/my_crops/{number} 0"]) for number in (2521, 2522)]
    assert [clip.path for clip in dfew(tmp_path / "copy", list_files=lists).source.clips] == [
        folder / "02521",
        folder / "02522",
    ]


def test_label_map(tmp_path, dfew):
    write_dfew_frames(tmp_path / "DFEW_Face")
    alphabetical = dict(enumerate(sorted(EXPRESSIONS)))
    number_of = {name: number for number, name in alphabetical.items()}
    lines = [f"DFEW_Face/{n:05d} {number_of[EXPRESSIONS[dfew_label(n) - 1]]}" for n in DFEW_NUMBERS]
    lists = [write_list(tmp_path / "train.txt", lines[:30]), write_list(tmp_path / "test.txt", lines[30:])]
    rows = dfew(tmp_path, list_files=lists, label_map=alphabetical).load()
    assert rows["train"]["label"][:] == [dfew_label(n) - 1 for n in DFEW_NUMBERS][:30]


def test_the_official_labels_say_where_a_list_counts_from(root, dfew, tmp_path):
    write_dfew_frames(root / "DFEW_Face")
    of_sad_and_neutral = [number for number in DFEW_NUMBERS if dfew_label(number) in (2, 3)]

    def lists(first: int):
        lines = [f"DFEW_Face/{number:05d} {dfew_label(number) - 1 + first}" for number in of_sad_and_neutral]
        return [write_list(tmp_path / "train.txt", lines[:6]), write_list(tmp_path / "test.txt", lines[6:])]

    assert set(dfew(list_files=lists(0)).load()["test"]["label"]) == {2}
    with raises_naming(ValueError, "other lists", "02526", "--label_map 1=happy 2=sad"):
        dfew(list_files=lists(1))
    shutil.rmtree(root / "EmoLabel_DataSplit")
    with raises_naming(ValueError, "from 0 or from 1", "--label_map 0=happy 1=sad", "--label_map 1=happy 2=sad"):
        dfew(list_files=lists(0))


def test_what_is_not_there(root, dfew, tmp_path):
    with raises_naming(FileNotFoundError, root, "DFEW_Face", "frames"):
        dfew(fold=1)
    with raises_naming(FileNotFoundError, "frames", "'crops'"):
        dfew(fold=1, frames="crops")
    (root / "crops").mkdir()
    with raises_naming(FileNotFoundError, "frames", "'crops'", root / "crops"):
        dfew(fold=1, frames="crops")
    empty = tmp_path / "a" / "b"
    empty.mkdir(parents=True)
    with raises_naming(FileNotFoundError, empty, "EmoLabel_DataSplit", "data_dir"):
        dfew(empty, fold=1)


def test_two_data_sets_below_one_folder(tmp_path, dfew):
    for name in ("DFEW", "DFEW_old"):
        write_dfew_annotation(tmp_path / "data" / name)
    with raises_naming(ValueError, "EmoLabel_DataSplit", tmp_path / "data" / "DFEW", tmp_path / "data" / "DFEW_old"):
        dfew(tmp_path / "data", fold=1)


def test_arguments_that_are_wrong(root, dfew, tmp_path):
    with raises_naming(ValueError, "fold", "5", "list_files"):
        dfew()
    with raises_naming(ValueError, "fold", "6", "1, 2, 3, 4, 5"):
        dfew(fold=6)
    with raises_naming(TypeError, "folds"):
        dfew(folds=1)
    write_dfew_frames(root / "DFEW_Face")
    with raises_naming(ValueError, "list_files", "1"):
        dfew(list_files=[write_list(tmp_path / "train.txt", ["DFEW_Face/02521 3"])])
    lists = [write_list(tmp_path / f"{name}.txt", [f"faces/{name} 3"]) for name in ("anna", "ben")]
    with raises_naming(ListError, "anna.txt, line 1", "faces/anna", "DFEW"):
        dfew(list_files=lists)


def test_lists_that_other_code_renamed(root, dfew):
    write_dfew_frames(root / "Clip" / "jpg_256")
    for file in (root / "EmoLabel_DataSplit").glob("*/set_*.csv"):
        file.rename(file.with_name(f"{file.parent.name.partition('(')[0]}_{file.name}"))
    rows = dfew(fold=3).load()
    assert rows.num_rows == {"train": 28, "test": 7} and set(rows["test"]["fold"]) == {3}


@pytest.mark.parametrize("above", [".", "data_affine"])
@pytest.mark.parametrize("header", ["video_name,label\n", ""])
def test_the_layout_of_its_own_code(root, tmp_path, dfew, above, header):
    own = tmp_path / "own" / above / "single_label"
    (own / "label").mkdir(parents=True)
    for file in (root / "EmoLabel_DataSplit").glob("*/set_*.csv"):
        kind, number = file.parent.name.partition("(")[0], file.stem[-1]
        text = file.read_text().replace("video_name,label\n", header)
        (own / "label" / f"single_{kind}set_{number}.csv").write_text(text)
    for number in DFEW_NUMBERS:
        folder = write_frames(own / "data" / f"{number:05d}", 3, first=number)
        for image in folder.iterdir():
            image.rename(folder / f"{number:05d}_{image.name}")
    for data_dir in (tmp_path / "own", own):
        rows = dfew(data_dir, fold=2).load()
        assert rows.num_rows == {"train": 28, "test": 7} and rows["test"]["label"][:] == list(range(7))
        assert rows["test"][0]["video"] == str(own / "data" / "02522")
