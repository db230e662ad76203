import os
from pathlib import Path, PurePosixPath

import pytest
from errors import check_named, raises_naming
from hypothesis import given, settings
from hypothesis import strategies as st
from work import executed_lines

from logoformer_hf.data.sources.list_paths import check_below, path_parts, reroot
from logoformer_hf.data.sources.lists import ListedClip, ListError


@pytest.fixture
def data_dir(tmp_path):
    for clip in ("DFEW_Face/00001", "DFEW_Face/00002", "my clips/a b/00003"):
        (tmp_path / "data" / clip).mkdir(parents=True)
    return tmp_path / "data"


def test_another_machines_prefix(data_dir):
    paths, note = reroot(["/home/x/DFEW_Face/00001", "/home/x/DFEW_Face/00002"], data_dir)
    assert paths == [data_dir / "DFEW_Face/00001", data_dir / "DFEW_Face/00002"]
    check_named(note, "/home/x (2)", data_dir)


def test_data_dir_may_be_deeper_than_the_lists_root(data_dir):
    paths, note = reroot(["/home/x/DFEW_Face/00001"], data_dir / "DFEW_Face")
    assert paths == [data_dir / "DFEW_Face/00001"]
    check_named(note, "/home/x/DFEW_Face (1)", data_dir / "DFEW_Face")


def test_relative_paths(data_dir):
    paths, note = reroot(["DFEW_Face/00001", "./DFEW_Face//00002", "DFEW_Face/99999"], data_dir)
    assert paths == [data_dir / "DFEW_Face/00001", data_dir / "DFEW_Face/00002", data_dir / "DFEW_Face/99999"]
    assert note is None
    assert reroot(["../x/DFEW_Face/00001"], data_dir)[0] == [data_dir / "DFEW_Face/00001"]


def test_paths_of_windows(data_dir):
    paths, note = reroot(["D:\\x\\my clips\\a b\\00003"], data_dir)
    assert paths == [data_dir / "my clips/a b/00003"]
    check_named(note, "D:/x (1)", data_dir)


def test_a_missing_clip_is_put_where_it_should_be(data_dir):
    listed = ["/home/x/DFEW_Face/99999", "/home/x/DFEW_Face/00001", "/home/x/DFEW_Face/88888"]
    assert reroot(listed, data_dir)[0] == [data_dir / "DFEW_Face" / path[-5:] for path in listed]
    assert reroot(listed, data_dir / "DFEW_Face")[0] == [data_dir / "DFEW_Face" / path[-5:] for path in listed]


def test_paths_of_several_machines(data_dir):
    listed = ["/a/DFEW_Face/00001", "/b/c/DFEW_Face/00002", "my clips/a b/00003", "/a/DFEW_Face/99999", "/d/e/99999"]
    paths, note = reroot(listed, data_dir)
    tails = ["DFEW_Face/00001", "DFEW_Face/00002", "my clips/a b/00003", "DFEW_Face/99999"]
    assert paths == [*(data_dir / tail for tail in tails), Path("/d/e/99999")]
    assert "/a (2), /b/c (1)" in note


def test_a_shorter_prefix_does_not_catch_the_paths_of_a_longer_one(data_dir):
    paths, _ = reroot(["/a/DFEW_Face/00001", "/a/b/DFEW_Face/00002"], data_dir)
    assert paths == [data_dir / "DFEW_Face/00001", data_dir / "DFEW_Face/00002"]


def test_absolute_paths_that_exist_stay(data_dir, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "DFEW_Face" / "00001").mkdir(parents=True)
    listed = [str(elsewhere / "DFEW_Face" / name) for name in ("00001", "99999")]
    paths, note = reroot([*listed, str(data_dir / "DFEW_Face/00002")], data_dir)
    assert paths == [*map(Path, listed), data_dir / "DFEW_Face/00002"]
    assert note is None


def test_nothing_found(data_dir):
    with raises_naming(ListError, "2", "/home/x/00001, /home/x/00002", data_dir, "DFEW_Face, my clips", "data_dir"):
        reroot(["/home/x/00001", "/home/x/00002"], data_dir)


def test_no_such_folder(tmp_path):
    with raises_naming(ListError, tmp_path / "none"):
        reroot(["a"], tmp_path / "none")


def test_no_paths(data_dir):
    assert reroot([], data_dir) == ([], None)


@pytest.mark.parametrize(
    "path, parts",
    [
        ("/a/b c/", ["", "a", "b c"]),
        ("./a//b", ["a", "b"]),
        ("C:\\a\\b", ["C:", "a", "b"]),
        ("\\\\server\\a", ["", "server", "a"]),
        (".", []),
    ],
)
def test_path_parts(path, parts):
    assert path_parts(path) == parts


@given(
    prefix=st.lists(st.sampled_from(["home", "x y", "data", "DFEW", "sub"]), max_size=5),
    absolute=st.booleans(),
    missing=st.sets(st.integers(0, 4), max_size=4),
)
@settings(deadline=None)
def test_any_prefix_is_replaced(tmp_path_factory, prefix, absolute, missing):
    data_dir = tmp_path_factory.mktemp("data")
    tails = [PurePosixPath("clips", str(number % 2), f"{number}.mp4") for number in range(5)]
    for number in set(range(5)) - missing:
        (data_dir / tails[number]).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / tails[number]).touch()
    listed = [str(PurePosixPath("/" * absolute, *prefix, tail)) for tail in tails]
    assert reroot(listed, data_dir)[0] == [data_dir / tail for tail in tails]


def test_the_disk_is_asked_about_the_first_path_alone(data_dir, monkeypatch):
    asked = []
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: asked.append(path) or exists(path))
    reroot([f"/home/x/DFEW_Face/{number:05d}" for number in range(1, 1000)], data_dir)
    assert asked == [Path("/home/x/DFEW_Face/00001"), data_dir / "DFEW_Face/00001"]


def listed(*paths) -> list[ListedClip]:
    return [ListedClip(str(path), "happy", line, Path("list.csv")) for line, path in enumerate(paths, start=1)]


class TestBelow:
    @pytest.fixture
    def outside(self, data_dir, tmp_path) -> Path:
        """A private file beside the data set, and ways to it."""
        file = tmp_path / "private" / "me.mp4"
        file.parent.mkdir()
        file.write_bytes(b"private")
        (data_dir / "file.mp4").symlink_to(file)
        (data_dir / "folder").symlink_to(file.parent)
        return file

    @pytest.mark.parametrize(
        "path",
        ["../private/me.mp4", "DFEW_Face/../../private/me.mp4", "file.mp4", "folder/me.mp4", "DFEW_Face/..", ""],
    )
    def test_a_clip_that_leaves_the_folder_is_refused_with_its_line(self, data_dir, outside, path):
        path = path or str(outside)
        paths = [data_dir / "DFEW_Face/00001", data_dir / path]
        if path == "DFEW_Face/..":  # the folder of the data set itself
            return check_below(listed("DFEW_Face/00001", path), paths, [data_dir])
        with raises_naming(ListError, "list.csv, line 2", path, outside, data_dir, "clip_root"):
            check_below(listed("DFEW_Face/00001", path), paths, [data_dir])

    @pytest.mark.parametrize("root", ["private", "private/me.mp4", ".", "link"])
    def test_a_root_that_the_user_names_is_no_outside(self, data_dir, outside, tmp_path, root):
        (tmp_path / "link").symlink_to(outside.parent)
        check_below(listed("../private/me.mp4"), [data_dir / "../private/me.mp4"], [data_dir, tmp_path / root])

    def test_a_folder_whose_name_begins_alike_is_another(self, data_dir, outside, tmp_path):
        (tmp_path / "private2").mkdir()
        with raises_naming(ListError, "line 1", "clip_root"):
            check_below(listed(outside), [outside], [data_dir, tmp_path / "private2", tmp_path / "priv"])

    def test_a_data_set_behind_a_link(self, data_dir, tmp_path):
        (tmp_path / "link").symlink_to(data_dir)
        check_below(listed("DFEW_Face/00001"), [tmp_path / "link/DFEW_Face/00001"], [tmp_path / "link"])
        check_below(listed("DFEW_Face/00001"), [data_dir / "DFEW_Face/00001"], [tmp_path / "link"])

    def test_a_missing_clip_is_no_error(self, data_dir):
        check_below(listed("/nowhere/x", "y"), [Path("/nowhere/x"), data_dir / "y"], [data_dir])

    def test_a_pipe_and_a_device_are_no_clips(self, data_dir):
        os.mkfifo(data_dir / "pipe.mp4")
        with raises_naming(ListError, "line 1", "pipe.mp4"):
            check_below(listed("pipe.mp4"), [data_dir / "pipe.mp4"], [data_dir])
        with raises_naming(ListError, "line 1", "/dev/zero"):
            check_below(listed("/dev/zero"), [Path("/dev/zero")], [data_dir, "/dev"])


def test_a_name_that_is_too_long_is_not_found(data_dir):
    with raises_naming(ListError, "list.csv, line 1"):
        reroot([f"DFEW_Face/{'x' * 300}", "é" * 300], data_dir / "my clips", "list.csv, line 1")
    assert reroot([f"DFEW_Face/{'x' * 300}", "DFEW_Face/00001"], data_dir)[0][1] == data_dir / "DFEW_Face/00001"


class TestWork:
    """A list of somebody else must not keep the program busy: the work grows with the list, and no faster."""

    @pytest.mark.parametrize(
        "line",
        [
            "/machine {}/DFEW_Face/00001",  # a prefix of its own for each clip
            "/machine/{}/DFEW_Face/99999",  # a clip that is not there below each
            "{}/DFEW_Face/00001",
            "C:\\{}\\my clips\\a b\\00003",
        ],
    )
    def test_of_many_prefixes(self, data_dir, line):
        def reroot_many(number):
            reroot([*(line.format(name) for name in range(number)), "DFEW_Face/00001"], data_dir)

        assert executed_lines(lambda: reroot_many(400)) < 4.4 * executed_lines(lambda: reroot_many(100))

    def test_of_missing_clips_below_many_prefixes(self, data_dir):
        def reroot_many(number):
            found = [f"/machine {name}/DFEW_Face/00001" for name in range(number)]
            missing = [f"/machine {name}/none/99999" for name in range(number)]
            paths, _ = reroot([*found, *missing], data_dir)
            assert paths[-1] == data_dir / "none/99999"

        assert executed_lines(lambda: reroot_many(400)) < 4.4 * executed_lines(lambda: reroot_many(100))

    def test_of_a_path_with_many_names(self, data_dir, monkeypatch):
        asked = []
        exists = os.path.exists
        monkeypatch.setattr(os.path, "exists", lambda path: asked.append(path) or exists(path))
        lstat = os.lstat
        monkeypatch.setattr(os, "lstat", lambda path, **options: asked.append(path) or lstat(path, **options))
        deep = ["q/" + "DFEW_Face/" * 300 + f"{name}.mp4" for name in range(20)]
        paths, _ = reroot([*deep, "DFEW_Face/00001"], data_dir)
        check_below(listed(*deep), paths[:-1], [data_dir])
        assert len(asked) < 5 * len(deep)

    def test_of_a_tree_that_repeats_itself(self, data_dir):
        """The path goes on for as long as the tree does, from every name on."""
        (data_dir / "/".join(["fr"] * 20)).mkdir(parents=True)

        def reroot_deep(number):
            reroot(["q/" + "fr/" * number + "x.mp4", "DFEW_Face/00001"], data_dir)

        assert executed_lines(lambda: reroot_deep(800)) < 4.6 * executed_lines(lambda: reroot_deep(200))

    def test_of_names_that_are_not_ascii(self, data_dir, monkeypatch):
        asked = []
        is_dir = Path.is_dir
        monkeypatch.setattr(Path, "is_dir", lambda path: asked.append(path) or is_dir(path))
        reroot(["/".join(["\u00e9"] * 300), "DFEW_Face/00001"], data_dir)
        assert len(asked) < 10

    def test_a_sentence_on_many_prefixes_is_short(self, data_dir):
        paths, note = reroot([f"/machine {name}/DFEW_Face/00001" for name in range(500)], data_dir)
        assert set(paths) == {data_dir / "DFEW_Face/00001"}
        assert len(note) < 600 and "/machine 0 (1)" in note and "490" in note


def test_of_several_prefixes_the_first_is_taken_and_the_most_frequent_for_what_is_missing(data_dir):
    (data_dir / "00001").mkdir()
    listed = ["/a/DFEW_Face/00001", "/a/DFEW_Face/DFEW_Face/00001", "/a/DFEW_Face/x/00001", "/a/DFEW_Face/x/y"]
    paths, _ = reroot(listed, data_dir)
    # "/a" was found first; what is below "/a/DFEW_Face", too, goes on with a name of the folder.
    assert paths[:2] == [data_dir / "DFEW_Face/00001", data_dir / "DFEW_Face/DFEW_Face/00001"]
    assert paths[2] == data_dir / "DFEW_Face/x/00001" and paths[3] == data_dir / "DFEW_Face/x/y"


def test_what_a_link_to_nowhere_is_named_like_is_not_found(data_dir):
    (data_dir / "lost.mp4").symlink_to("nowhere.mp4")
    with raises_naming(ListError, "lost.mp4"):
        reroot(["/a/lost.mp4"], data_dir)
    assert reroot(["/a/lost.mp4", "/a/DFEW_Face/00001"], data_dir)[0][0] == data_dir / "lost.mp4"
