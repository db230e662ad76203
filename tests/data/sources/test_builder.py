import os

import datasets
import pytest
from dataset_trees import jpeg, write_frames

from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.builder import ClipBuilder, SourcePlan
from logoformer_hf.data.sources.inventory import PlannedClip
from logoformer_hf.video_reading_logoformer import frame_files


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
    monkeypatch.setattr("logoformer_hf.data.builder.inspect_clips", None)
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
    with pytest.raises(ClipProblems) as raised:
        make().load()
    assert [problem.clip_id for problem in raised.value.problems] == ["a", "b", "d.mp4"]
    message = str(raised.value)
    assert "3 of 4 clips cannot be used" in message
    assert f"a: there is no such file or folder ({tree / 'a'})" in message
    assert "b: the folder has no frames (.bmp, .jpeg, .jpg, .png, .webp)" in message
    assert "d.mp4: cannot be read: " in message
    assert 'on_problem="skip"' in message
    assert num_tables(tmp_path) == 0


def test_problems_are_left_out_and_stay_known(make, tree, monkeypatch):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "train happy c2\n")
    write_frames(tree / "c2", 5)
    break_clips(tree)
    first = make(on_problem="skip")
    rows = first.load()
    assert rows["train"]["clip_id"][:] == ["c2"] and rows["test"]["clip_id"][:] == ["c"]
    monkeypatch.setattr("logoformer_hf.data.builder.inspect_clips", None)
    cached = make(on_problem="skip")
    cached.load()
    assert cached.problems == first.problems
    assert [problem.clip_id for problem in cached.problems] == ["a", "b", "d.mp4"]
    assert cached.notes == first.notes
    assert cached.notes == [
        "As listed.",
        "Left out of train: 2 of 3 clips, missing, empty or unreadable: a, b.",
        "Left out of test: 1 of 2 clips, missing, empty or unreadable: d.mp4.",
    ]


def test_rows_that_were_made_with_skip_do_not_hide_problems_from_stop(make, tree):
    (tree / "a" / "00001.jpg").write_bytes(b"")
    assert make(on_problem="skip").load()["train"]["clip_id"][:] == ["b"]
    with pytest.raises(ClipProblems, match=r"a: frame 00001\.jpg is empty"):
        make(on_problem="stop").load()


def test_an_empty_split_is_never_built(make, tree):
    for name in "ab":
        (tree / name).rename(tree / f"moved-{name}")
    with pytest.raises(ClipProblems, match=r"No train clip is left: is `data_dir` \(.*clips\) the right folder\?"):
        make(on_problem="skip").load()


def test_many_problems_are_not_all_printed(make, tree):
    lines = "".join(f"train happy missing-{number:02d}\n" for number in range(15))
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + lines)
    with pytest.raises(ClipProblems) as raised:
        make().load()
    assert "missing-09: " in str(raised.value) and "missing-10" not in str(raised.value)
    assert "and 5 more" in str(raised.value) and len(raised.value.problems) == 15


def test_only_the_full_check_decodes_every_frame(make, tree):
    (tree / "c" / "00003.jpg").write_bytes(jpeg(3)[:-60])
    assert make().load()["test"]["num_frames"][0] == 3
    with pytest.raises(ClipProblems, match=r"c: frame 00003\.jpg cannot be read: Truncated"):
        make(check="full").load()


def test_the_full_check_passes_what_is_well(make):
    assert make(check="full").load()["test"]["num_frames"][:] == [3, 4]


@pytest.mark.parametrize("check", ["quick", "full"])
@pytest.mark.parametrize(
    "content, reason",
    [(b"", "frame 00001.jpg is empty"), (b"<html>", "frame 00001.jpg is no image")],
)
def test_frames_that_are_none(make, tree, check, content, reason):
    (tree / "a" / "00001.jpg").write_bytes(content)
    with pytest.raises(ClipProblems, match=f"a: {reason}"):
        make(check=check).load()


def test_videos_that_are_none(make, tree, tmp_path):
    (tree / "d.mp4").write_bytes(b"")
    with pytest.raises(ClipProblems, match=r"d\.mp4: the file is empty"):
        make().load()
    (tree / "d.mp4").unlink()
    (tree / "d.mp4").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ClipProblems, match=r"d\.mp4: there is no such file or folder"):
        make().load()


def test_a_clip_in_two_splits_is_a_leak(make, tree):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "test happy a\n")
    with pytest.raises(ValueError, match=r"1 clips are in two splits, .*: a \(train, test\)"):
        make()


def test_a_clip_is_counted_once(make, tree):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "test sad c\n")
    with pytest.raises(ValueError, match=r"1 clips would be counted twice: c \("):
        make()


def test_labels_outside_the_classes(make, tree):
    (tree / "clips.txt").write_text((tree / "clips.txt").read_text() + "test bored e\n")
    with pytest.raises(ValueError, match="labels bored: this data set has the classes happy, sad"):
        make()


def test_arguments_that_are_wrong(make, tree):
    with pytest.raises(ValueError, match="`on_problem` is 'ignore'; it must be 'stop' or 'skip'"):
        make(on_problem="ignore")
    with pytest.raises(ValueError, match="`check` is 'fast'; it must be 'quick' or 'full'"):
        make(check="fast")
    with pytest.raises(FileNotFoundError, match=r"`data_dir` is .*nowhere, but there is no such folder"):
        Listed(tree / "nowhere")
    with pytest.raises(NotADirectoryError, match=r"`data_dir` is .*clips\.txt, a file"):
        Listed(tree / "clips.txt")
