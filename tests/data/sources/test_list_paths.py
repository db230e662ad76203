from pathlib import Path, PurePosixPath

import pytest
from errors import check_named, raises_naming
from hypothesis import given, settings
from hypothesis import strategies as st

from logoformer_hf.data.sources.list_paths import path_parts, reroot
from logoformer_hf.data.sources.lists import ListError


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
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: asked.append(path) or exists(path))
    reroot([f"/home/x/DFEW_Face/{number:05d}" for number in range(1, 1000)], data_dir)
    assert asked == [Path("/home/x/DFEW_Face/00001"), data_dir / "DFEW_Face/00001"]
