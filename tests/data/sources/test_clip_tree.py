"""Own clips by folders and lists, before any of them is opened."""

import unicodedata

import pytest
from errors import check_named, raises_naming
from PIL import Image

from logoformer_hf.data.sources.clip_tree import find_clips, list_clips
from logoformer_hf.data.sources.lists import ListError


@pytest.fixture
def tree(tmp_path):
    """Function that makes empty files, and folders where a name ends in "/"."""

    def make(*names: str):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if name.endswith("/") else path.touch()
        return tmp_path

    return make


def table(plan):
    return [(clip.clip_id, clip.split, clip.label) for clip in plan.clips]


def test_videos_and_folders_of_frames(tree):
    data_dir = tree("train/Happiness/anna.mp4", "train/sad/ben/", "test/happy/cleo.MOV", "test/fear/dan.v2/")
    plan = find_clips(data_dir)
    assert table(plan) == [
        ("train/Happiness/anna", "train", "happy"),
        ("train/sad/ben", "train", "sad"),
        ("test/fear/dan.v2", "test", "fear"),
        ("test/happy/cleo", "test", "happy"),
    ]
    assert plan.clips[0].path == data_dir / "train/Happiness/anna.mp4"
    assert plan.label_names == ["happy", "sad", "fear"]
    counts, labels = plan.notes
    check_named(counts, data_dir, "2 train", "2 test")
    check_named(labels, "Happiness", "happy")
    assert plan.files == []


def test_labels_that_differ_by_a_sign_are_two_classes(tree):
    plan = find_clips(tree("train/valence+/a.mp4", "train/valence-/b.mp4", "test/Valence+/c.mp4", "test/1.5/d.mp4"))
    assert plan.label_names == ["1.5", "Valence+", "valence-"]
    assert [clip.label for clip in plan.clips] == ["Valence+", "valence-", "1.5", "Valence+"]


def test_two_folders_of_one_class_in_a_split_are_asked_about(tree):
    with raises_naming(ValueError, "train", "'happy'", "'joy'"):
        find_clips(tree("train/joy/a.mp4", "train/happy/b.mp4"))


def test_composed_and_decomposed_names_are_one(tree):
    decomposed = unicodedata.normalize("NFD", "für")
    data_dir = tree(f"train/{decomposed}/{decomposed}.mp4", "test/für/b.mp4", "test/sad/c.mp4")
    plan = find_clips(data_dir)
    assert plan.label_names == ["sad", "für"]
    assert plan.clips[0].clip_id == "train/für/für" and plan.clips[0].path.exists()
    (data_dir / "own.csv").write_text("path,label,split\ntrain/für/für.mp4,für,train\n/x/test/für/b.mp4,für,test\n")
    listed = list_clips([str(data_dir / "own.csv")], data_dir, None)
    assert [clip.path.exists() for clip in listed.clips] == [True, True]
    assert [clip.clip_id for clip in listed.clips] == ["train/für/für", "test/für/b"]


@pytest.mark.parametrize(
    "names, splits",
    [
        (("Train", "VAL", "Test"), ["train", "validation", "test"]),
        (("training", "valid", "testing"), ["train", "validation", "test"]),
        (("dev",), ["validation"]),
    ],
)
def test_names_of_splits(tree, names, splits):
    plan = find_clips(tree(*(f"{name}/sad/a.mp4" for name in names)))
    assert [clip.split for clip in plan.clips] == splits


def test_without_splits_all_is_train_and_said(tree):
    plan = find_clips(tree("happy/a.mp4", "sad/b/"))
    assert table(plan) == [("happy/a", "train", "happy"), ("sad/b", "train", "sad")]
    check_named(plan.notes[1], "train", "validation", "test", "train/happy/anna.mp4")


def test_new_labels_follow_and_are_said(tree):
    plan = find_clips(tree("train/contempt/a.mp4", "train/Joy/b.mp4", "test/awe/c.mp4", "test/Contempt/d.mp4"))
    assert plan.label_names == ["happy", "Contempt", "awe"]
    assert {clip.label for clip in plan.clips} == set(plan.label_names)
    check_named(plan.notes[-1], "Joy", "happy", "Contempt", "awe")


def test_hidden_and_system_files_are_no_clips(tree):
    data_dir = tree(
        "train/sad/a.mp4", "train/sad/._a.mp4", "train/sad/.DS_Store", "train/sad/Thumbs.db", "train/.cache/x.mp4"
    )
    tree("__MACOSX/train/sad/._a.mp4", ".git/happy/a.mp4", "train/__MACOSX/a.mp4")
    plan = find_clips(data_dir)
    assert table(plan) == [("train/sad/a", "train", "sad")]
    assert len(plan.notes) == 1


def test_what_is_left_out_is_said(tree):
    plan = find_clips(
        tree("train/sad/a.mp4", "train/sad/a.txt", "train/sad/1.jpg", "train/notes.md", "extra/sad/b.mp4", "list.csv")
    )
    assert table(plan) == [("train/sad/a", "train", "sad")]
    note = plan.notes[-1]
    check_named(note, "5", "train/sad/a.txt", "train/sad/1.jpg", "train/notes.md", "extra", "list.csv")


def test_an_empty_folder_of_a_label_is_said_and_no_class(tree):
    plan = find_clips(tree("train/sad/a.mp4", "train/fear/"))
    assert plan.label_names == ["sad"]
    assert len(plan.notes) == 2
    check_named(plan.notes[-1], "train/fear")


def test_no_clips(tree):
    data_dir = tree("a.mp4", "train/b.mp4")
    with raises_naming(ValueError, data_dir, "<split>/<label>/<clip>", "a.mp4, train"):
        find_clips(data_dir)


@pytest.mark.parametrize("name", ["mydata/train/happy/a.mp4", "happy/train/a.mp4"])
def test_splits_below_labels_or_one_folder_deeper(tree, name):
    data_dir = tree(name)
    with raises_naming(ValueError, (data_dir / name).parents[len(name.split("/")) - 3], "data_dir"):
        find_clips(data_dir)


def test_numbers_as_labels(tree):
    with raises_naming(ValueError, "train/0", "label_map"):
        find_clips(tree("train/0/a.mp4", "train/1/b.mp4"))


def test_lists_with_a_column_split(tree):
    data_dir = tree("clips/a.mp4", "clips/b/", "clips/c.mp4")
    file = data_dir / "all.csv"
    file.write_text("path,label,split\nclips/c.mp4,awe,Test\nclips/a.mp4,joy,train\nclips/b,sad,VAL\n")
    plan = list_clips([str(file)], data_dir, None)
    assert table(plan) == [
        ("clips/a", "train", "happy"),
        ("clips/b", "validation", "sad"),
        ("clips/c", "test", "awe"),
    ]
    assert plan.label_names == ["happy", "sad", "awe"] and plan.files == [file]
    check_named(plan.notes[1], "1 train", "1 validation", "1 test")
    check_named(plan.notes[0], "joy", "happy", "awe")


@pytest.mark.parametrize(
    "files, splits",
    [
        (["clips.csv"], ["train"]),
        (["my_test.csv"], ["test"]),
        (["one.csv", "two.csv"], ["train", "test"]),
        (["one.csv", "two.csv", "three.csv"], ["train", "validation", "test"]),
        (["test.csv", "train_All.csv", "VAL-2.csv"], ["test", "train", "validation"]),
        (["train.csv", "two.csv"], ["train", "test"]),
    ],
)
def test_one_list_a_split(tree, files, splits):
    data_dir = tree(*(f"{number}.mp4" for number in range(len(files))))
    for number, name in enumerate(files):
        (data_dir / name).write_text(f"path,label\n/elsewhere/{number}.mp4,sad\n")
    plan = list_clips([data_dir / name for name in files], data_dir, None)
    assert sorted((clip.clip_id, clip.split) for clip in plan.clips) == [
        (str(n), split) for n, split in enumerate(splits)
    ]
    check_named(plan.notes[-1], f"/elsewhere ({len(files)})", data_dir)


@pytest.mark.parametrize(
    "files", [["test.csv", "two.csv"], ["train_1.csv", "train_2.csv"], ["1.csv", "2.csv", "3.csv", "4.csv"]]
)
def test_lists_of_unknown_splits(tree, files):
    data_dir = tree("a.mp4")
    for name in files:
        (data_dir / name).write_text("path,label\na.mp4,sad\n")
    with raises_naming(ListError, *files, "split", "train.csv"):
        list_clips([data_dir / name for name in files], data_dir, None)


@pytest.mark.parametrize("split", ["eval", ""])
def test_an_unknown_split(tree, split):
    data_dir = tree("a.mp4")
    (data_dir / "all.csv").write_text(f"path,label,split\na.mp4,sad,{split}\n")
    with raises_naming(ListError, "all.csv", "line 2", "a.mp4", f"'{split}'", "train", "validation", "test"):
        list_clips([data_dir / "all.csv"], data_dir, None)


def test_numbers_in_lists_follow_the_label_map(tree):
    data_dir = tree("a.mp4", "b.mp4")
    (data_dir / "all.csv").write_text("path,label\na.mp4,0\nb.mp4,9\n")
    plan = list_clips([data_dir / "all.csv"], data_dir, {0: "angry", 9: "bored"})
    assert [clip.label for clip in plan.clips] == plan.label_names == ["angry", "bored"]


def test_a_clip_elsewhere_has_its_whole_path_as_id(tree, tmp_path_factory):
    data_dir, elsewhere = tree("a.mp4"), tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "b.mp4").touch()
    (data_dir / "all.csv").write_text(f"path,label\na.mp4,sad\n{elsewhere}/b.mp4,sad\n")
    assert [clip.clip_id for clip in list_clips([data_dir / "all.csv"], data_dir, None, None, [elsewhere]).clips] == [
        "a",
        f"{elsewhere}/b",
    ]


def test_videos_are_found_by_any_ending_or_by_their_content(tmp_path, write_video):
    names = ["a.MTS", "b.3gp", "c.ogv", "d.vob", "e.flv", "f.m2ts", "g.WMV"]
    for name in names:
        (tmp_path / "happy").mkdir(exist_ok=True)
        (tmp_path / "happy" / name).touch()  # not opened
    (tmp_path / "sad").mkdir()
    for name, kind in (("h.nut", "nut"), ("without", "mp4"), ("i.dat", "mpegts")):
        write_video(tmp_path / "sad" / name, 30, size=(32, 32), container_format=kind)
    (tmp_path / "sad" / "noise.bin").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "sad" / "list.pls").write_text("#EXTM3U\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "sad" / "picture.tga")
    plan = find_clips(tmp_path)
    assert {clip.path.name for clip in plan.clips} == {*names, "h.nut", "without", "i.dat"}
    assert [clip.clip_id for clip in plan.clips if clip.label == "happy"] == [f"happy/{name[0]}" for name in names]
    check_named(plan.notes[-1], "sad/noise.bin", "sad/list.pls", "sad/picture.tga", "content")


def test_clips_are_found_in_folders_of_sessions_and_deeper(tree):
    data_dir = tree(
        "train/happy/anna/monday/1.mp4",
        "train/happy/anna/monday/poster.jpg",
        "train/happy/anna/notes.txt",
        "train/sad/ben/2/1.jpg",
        "train/sad/ben/2/2.jpg",
        "train/sad/ben/2/whole.mp4",
        "train/sad/empty/",
    )
    plan = find_clips(data_dir)
    assert table(plan) == [
        ("train/happy/anna/monday/1", "train", "happy"),
        ("train/sad/ben/2", "train", "sad"),
        ("train/sad/empty", "train", "sad"),
    ]
    check_named(plan.notes[-1], "3", "anna/monday/poster.jpg", "anna/notes.txt", "ben/2/whole.mp4 (a video")


def test_a_link_to_a_folder_above_is_followed_once(tree):
    data_dir = tree("happy/anna/1.mp4", "sad/2.mp4")
    (data_dir / "happy" / "anna" / "again").symlink_to(data_dir / "happy", target_is_directory=True)
    plan = find_clips(data_dir)
    assert [clip.clip_id for clip in plan.clips] == ["happy/anna/1", "sad/2"]
    check_named(next(note for note in plan.notes if note.startswith("Left out")), "happy/anna/again")
