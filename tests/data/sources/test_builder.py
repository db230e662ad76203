import os

import datasets
import pytest
from dataset_trees import jpeg, write_frames
from errors import check_named, raises_naming
from toys import data_facts

from logoformer_hf.data.facts import LeftOutClip
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.builder import ClipBuilder, SourcePlan
from logoformer_hf.data.sources.inventory import PlannedClip
from logoformer_hf.data.sources.source import ClipOptions
from logoformer_hf.image_reading_logoformer import frame_files


class Listed(ClipBuilder):
    """Clips as `split label name` in `clips.txt`."""

    def plan(self) -> SourcePlan:
        file = self.data_dir / "clips.txt"
        lines = [line.split() for line in file.read_text().split("\n") if line]
        clips = [PlannedClip(name, split, self.data_dir / name, label, {"rank": 1}) for split, label, name in lines]
        return SourcePlan(clips, ["happy", "sad"], [file], ["As listed."], {"rank": datasets.Value("int32")})


@pytest.fixture
def tree(tmp_path, write_video):
    """Two clips to train on and two to test: folders a, b and c, and the video d.mp4."""
    root = tmp_path / "clips"
    for name, num_frames in (("a", 1), ("b", 2), ("c", 3)):
        write_frames(root / name, num_frames)
    write_video(root / "d.mp4", 4, size=(32, 32))
    (root / "clips.txt").write_text("train happy a\ntrain sad b\ntest happy c\ntest sad d.mp4\n")
    return root


@pytest.fixture
def make(tree, tmp_path):
    """A new builder over the tree."""
    return lambda **arguments: Listed(tree, cache_dir=tmp_path / "cache", **arguments)


def num_tables(tmp_path):
    return len(list((tmp_path / "cache").rglob("*-train.arrow")))


def test_rows(make, tree):
    rows = make().load()
    assert rows["train"].to_list() == [
        {"clip_id": "a", "video": str(tree / "a"), "num_frames": 1, "label": 0, "rank": 1},
        {"clip_id": "b", "video": str(tree / "b"), "num_frames": 2, "label": 1, "rank": 1},
    ]
    assert rows["test"]["num_frames"][:] == [3, 4]
    assert rows["test"].features["label"].names == ["happy", "sad"]


def test_the_way_of_datasets(make):
    builder = make()
    assert isinstance(builder, datasets.GeneratorBasedBuilder)
    builder.download_and_prepare()
    assert builder.as_dataset(split="test")["clip_id"][:] == ["c", "d.mp4"]
    assert builder.info.splits["train"].num_examples == 2


def test_rows_elsewhere_as_parquet(make, tmp_path):
    builder = make(on_problem="skip")
    builder.download_and_prepare(str(tmp_path / "elsewhere"), file_format="parquet")
    assert builder.problems == []
    assert datasets.load_dataset(str(tmp_path / "elsewhere"), split="train").num_rows == 2


def test_a_relative_folder_gives_absolute_paths(make, tree, tmp_path, monkeypatch):
    rows = make().load()
    monkeypatch.chdir(tree.parent)
    assert Listed("clips", cache_dir=tmp_path / "cache").load()["train"].to_list() == rows["train"].to_list()
    assert num_tables(tmp_path) == 1


def test_datasets_does_not_reach_into_paths(make, tmp_path):
    # It replaces `Path` in the modules of builders once one is made: the second builder must see the same paths.
    for builder in (make(), make()):
        assert type(builder.source.clips[0].path) is type(tmp_path)


def test_the_cache_is_taken_while_nothing_changes(make, tmp_path, monkeypatch):
    first = make().load()
    monkeypatch.setattr("logoformer_hf.data.sources.builder.inspect_clips", None)
    assert make().load()["train"].to_list() == first["train"].to_list()
    assert make(check="quick").load()["test"].to_list() == first["test"].to_list()
    assert num_tables(tmp_path) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "b" / "00009.jpg").write_bytes(jpeg(9)),
        lambda root: (root / "b" / "00001.jpg").unlink(),
        lambda root: (root / "d.mp4").write_bytes((root / "d.mp4").read_bytes() + b"more"),
        lambda root: (root / "clips.txt").write_text((root / "clips.txt").read_text() + "\n"),
        lambda root: (root / "clips.txt").write_text((root / "clips.txt").read_text().replace("sad b", "happy b")),
    ],
    ids=["frame added", "frame deleted", "video changed", "list changed", "label changed"],
)
def test_the_cache_notices_changes(make, tree, tmp_path, change):
    make().load()
    change(tree)
    rows = make(on_problem="skip").load()
    assert num_tables(tmp_path) == 2
    assert rows["train"]["num_frames"][1] == len(frame_files(tree / "b"))
    assert rows["train"].features["label"].int2str(rows["train"]["label"][1]) in (tree / "clips.txt").read_text()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no time of the last change of any kind")
def test_the_cache_notices_a_frame_behind_an_old_time(make, tree):
    before = (tree / "b").stat()
    make().load()
    (tree / "b" / "00001.jpg").unlink()
    os.utime(tree / "b", ns=(before.st_atime_ns, before.st_mtime_ns))  # as unpacking an archive does
    assert make().load()["train"]["num_frames"][:] == [1, 1]


def break_clips(root):
    """a is missing, b is empty, d is cut off."""
    (root / "a").rename(root / "elsewhere")
    for file in (root / "b").iterdir():
        file.unlink()
    (root / "d.mp4").write_bytes((root / "d.mp4").read_bytes()[:200])


def test_problems_stop(make, tree, tmp_path):
    break_clips(tree)
    with raises_naming(ClipProblems, "3 of 4", tree / "a", ".bmp, .jpeg", "d.mp4", "on_problem", "skip") as raised:
        make().load()
    assert [problem.clip_id for problem in raised.value.problems] == ["a", "b", "d.mp4"]
    assert [problem.path for problem in raised.value.problems] == [str(tree / name) for name in ("a", "b", "d.mp4")]
    assert len({problem.reason for problem in raised.value.problems}) == 3
    assert num_tables(tmp_path) == 0


def test_problems_are_left_out_and_stay_known(make, tree, monkeypatch):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "train happy c2\n")
    write_frames(tree / "c2", 5)
    break_clips(tree)
    first = make(on_problem="skip")
    rows = first.load()
    assert rows["train"]["clip_id"][:] == ["c2"] and rows["test"]["clip_id"][:] == ["c"]
    monkeypatch.setattr("logoformer_hf.data.sources.builder.inspect_clips", None)
    cached = make(on_problem="skip")
    cached.load()
    assert cached.problems == first.problems
    assert [problem.clip_id for problem in cached.problems] == ["a", "b", "d.mp4"]
    assert cached.notes == first.notes
    listed, train, test = cached.notes
    assert listed == "As listed."
    check_named(train, "train", "2 of 3", "a, b")
    check_named(test, "test", "1 of 2", "d.mp4")


def test_rows_that_were_made_with_skip_do_not_hide_problems_from_stop(make, tree):
    (tree / "a" / "00001.jpg").write_bytes(b"")
    assert make(on_problem="skip").load()["train"]["clip_id"][:] == ["b"]
    with raises_naming(ClipProblems, "a: ", "00001.jpg"):
        make(on_problem="stop").load()


def test_an_empty_split_is_never_built(make, tree):
    for name in "ab":
        (tree / name).rename(tree / f"moved-{name}")
    with raises_naming(ClipProblems, "train", "data_dir", tree):
        make(on_problem="skip").load()


def test_many_problems_are_not_all_printed(make, tree):
    lines = "".join(f"train happy missing-{number:02d}\n" for number in range(15))
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + lines)
    with raises_naming(ClipProblems, "15 of 19", "missing-09: ", "5 more") as raised:
        make().load()
    assert "missing-10" not in str(raised.value) and len(raised.value.problems) == 15


def test_only_the_full_check_decodes_every_frame(make, tree):
    (tree / "c" / "00003.jpg").write_bytes(jpeg(3)[:-60])
    assert make().load()["test"]["num_frames"][0] == 3
    with raises_naming(ClipProblems, "c: ", "00003.jpg"):
        make(check="full").load()


def test_the_full_check_passes_what_is_well(make):
    assert make(check="full").load()["test"]["num_frames"][:] == [3, 4]


@pytest.mark.parametrize("check", ["quick", "full"])
@pytest.mark.parametrize("content", [b"", b"<html>"])
def test_frames_that_are_none(make, tree, check, content):
    (tree / "a" / "00001.jpg").write_bytes(content)
    with raises_naming(ClipProblems, "1 of 4", "a: ", "00001.jpg"):
        make(check=check).load()


def test_videos_that_are_none(make, tree, tmp_path):
    (tree / "d.mp4").write_bytes(b"")
    with raises_naming(ClipProblems, "d.mp4: ") as empty:
        make().load()
    (tree / "d.mp4").unlink()
    (tree / "d.mp4").symlink_to(tmp_path / "nowhere")
    with raises_naming(ClipProblems, "d.mp4: ") as missing:
        make().load()
    assert empty.value.problems[0].reason != missing.value.problems[0].reason


def test_a_clip_in_two_splits_is_a_leak(make, tree):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "test happy a\n")
    with raises_naming(ValueError, "1", "a (train, test)"):
        make()


def test_a_clip_is_counted_once(make, tree):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "test sad c\n")
    with raises_naming(ValueError, "1", "c (", tree / "c"):
        make()


def test_labels_outside_the_classes(make, tree):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "test bored e\n")
    with raises_naming(ValueError, "bored", "happy, sad", "label_map"):
        make()


def test_arguments_that_are_wrong(make, tree):
    with raises_naming(ValueError, "on_problem", "'ignore'", "'stop'", "'skip'"):
        make(on_problem="ignore")
    with raises_naming(ValueError, "check", "'fast'", "'quick'", "'full'"):
        make(check="fast")
    with raises_naming(FileNotFoundError, "data_dir", tree / "nowhere"):
        Listed(tree / "nowhere")
    with raises_naming(NotADirectoryError, "data_dir", tree / "clips.txt"):
        Listed(tree / "clips.txt")


def test_a_source_has_rows_facts_and_what_was_noticed(make, tree):
    (tree / "a" / "00001.jpg").write_bytes(b"")
    source = make(on_problem="skip").gather(data_facts("clips", "own clips"))
    assert source.rows.num_rows == {"train": 1, "test": 2}
    assert source.facts == data_facts("clips", "own clips", left_out=(LeftOutClip("a", "train"),))
    assert source.notes[0] == "As listed." and len(source.notes) == 2
    assert [problem.clip_id for problem in source.problems] == ["a"]


def test_a_builder_from_the_options_of_the_command_line(tree):
    lists = {"list_file": ["train.txt", "test.txt"], "label_map": ["0=anger", "7=bored"]}
    options = ClipOptions(str(tree), on_problem="skip", check="full", **lists)
    assert Listed.arguments_from(options) == {
        "data_dir": str(tree),
        "list_files": ["train.txt", "test.txt"],
        "label_map": {0: "angry", 7: "bored"},
        "on_problem": "skip",
        "check": "full",
    }
    assert Listed.arguments_from(ClipOptions(str(tree)))["label_map"] is None
