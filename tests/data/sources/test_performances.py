"""The index of a folder of performances: which names count, how deep it looks, and what it says of the rest."""

import os

from errors import check_named, raises_naming
from pytest import fixture, mark

from logoformer_hf.data.sources.performances import (
    check_once,
    describe_missing,
    index_performances,
    missing_parts,
    unpack,
)

NAME = "1001_DFA_ANG_XX"


@fixture
def folder(tmp_path):
    return tmp_path / "set"


def write(path, content=b"video"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@mark.parametrize("below", [".", "a", "a/b/c/d"])
def test_how_deep_it_looks(folder, below):
    path = write(folder / below / f"{NAME}.FLV")
    assert index_performances(folder, "crema_d").paths == {NAME: [path]}
    write(folder / "a/b/c/d/e" / "1002_DFA_ANG_XX.flv")
    assert list(index_performances(folder, "crema_d").paths) == [NAME]


def test_names_in_small_letters_are_the_same_performances(folder):
    small = write(folder / "1001_dfa_ang_xx.flv")
    found = index_performances(folder, "crema_d")
    assert found.paths == {NAME: [small]}
    large = write(folder / "Again" / f"{NAME}.FLV")
    with raises_naming(ValueError, "1 performances", small, large):
        check_once(index_performances(folder, "crema_d"), [NAME])


def test_other_files_and_hidden_folders_do_not_count(folder):
    write(folder / f"{NAME}.flv")
    for other in (
        f"{NAME}.wav",
        f"{NAME}.txt",
        f"copy_of_{NAME}.flv",
        ".git/1002_DFA_ANG_XX.flv",
        "2001_DFA_ANG_XX.flv",
    ):
        write(folder / other)
    found = index_performances(folder, "crema_d")
    assert list(found.paths) == [NAME] and found.num_sounds == 1


def test_a_small_video_is_no_pointer(folder):
    write(folder / f"{NAME}.flv", b"FLV\x01")
    write(folder / "1002_DFA_ANG_XX.flv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    write(folder / "1003_DFA_ANG_XX.flv", b"version https://git-lfs.github.com/spec/v1\n" + bytes(2000))
    assert index_performances(folder, "crema_d").pointers == ["1002_DFA_ANG_XX"]


def test_what_is_no_file_is_not_read(folder):
    """Reading a pipe would wait for somebody to write into it."""
    folder.mkdir()
    (folder / f"{NAME}.flv").symlink_to(folder / "nowhere.flv")
    os.mkfifo(folder / "1002_DFA_ANG_XX.flv")
    found = index_performances(folder, "crema_d")
    assert len(found.paths) == 2 and found.pointers == []


def test_links_to_folders_do_not_make_two_of_a_file(folder):
    write(folder / "a" / f"{NAME}.flv")
    (folder / "a" / "self").symlink_to(folder)
    (folder / "b").symlink_to(folder / "a")
    found = index_performances(folder, "crema_d")
    assert len(found.paths[NAME]) > 2
    assert check_once(found, [NAME]) == {NAME: found.paths[NAME][0]}


def test_unfinished_downloads_are_named_where_nothing_else_is(folder):
    write(folder / f"{NAME}.flv.crdownload")
    with raises_naming(FileNotFoundError, folder, f"{NAME}.flv.crdownload", "finish"):
        index_performances(folder, "crema_d")


def test_only_what_is_used_must_be_there_once(folder):
    first, second = write(folder / "a" / f"{NAME}.flv"), write(folder / "b" / f"{NAME}.flv")
    found = index_performances(folder, "crema_d")
    assert check_once(found, ["1002_DFA_ANG_XX"]) == {}
    with raises_naming(ValueError, first, second):
        check_once(found, [NAME])


def test_what_is_missing():
    people, names = missing_parts(["a1", "a2", "b1", "c1", "c2"], ["a1"], lambda name: name[0])
    assert (people, names) == (["b", "c"], ["a2"])
    check_named(describe_missing(people, names, "actor"), "2 actors (b, c)", "1 clip (a2)")


def test_the_command_that_unpacks(tmp_path):
    assert unpack(tmp_path / "my set.zip") == f"unzip '{tmp_path / 'my set.zip'}' -d {tmp_path}"
    assert unpack(tmp_path / "set.tar.gz") == f"tar -xf {tmp_path / 'set.tar.gz'} -C {tmp_path}"
