import unicodedata

import pytest
from errors import raises_naming

from logoformer_hf.data.sources.layouts import existing_folder, find_nearby, has_numbered_clips, numbered_clips


def make_folders(root, *names):
    for name in names:
        (root / name).mkdir(parents=True)


def test_the_nearest_folder_counts(tmp_path):
    make_folders(tmp_path, "Clip", "data/other")
    data_dir = tmp_path / "data"
    assert find_nearby(data_dir, "Face") is None
    assert find_nearby(data_dir, "Clip") == tmp_path / "Clip"
    make_folders(data_dir, "other/Clip")
    assert find_nearby(data_dir, "Clip") == data_dir / "other" / "Clip"
    make_folders(data_dir, "Clip")
    assert find_nearby(data_dir, "Clip") == data_dir / "Clip"


def test_two_folders_of_one_name(tmp_path):
    make_folders(tmp_path, "a/Clip", "b/Clip")
    with raises_naming(ValueError, tmp_path / "a" / "Clip", tmp_path / "b" / "Clip"):
        find_nearby(tmp_path, "Clip")


def test_numbered_clips(tmp_path):
    make_folders(tmp_path, "00007", "12", "faces", "x3")
    for name in ("5.MP4", "00006.mkv", "8.txt", "9", "notes.mp4"):
        (tmp_path / name).touch()
    assert numbered_clips(tmp_path) == {
        5: tmp_path / "5.MP4",
        6: tmp_path / "00006.mkv",
        7: tmp_path / "00007",
        12: tmp_path / "12",
    }
    assert has_numbered_clips(tmp_path) and not has_numbered_clips(tmp_path / "faces")
    (tmp_path / "012.avi").touch()
    with raises_naming(ValueError, tmp_path / "012.avi", tmp_path / "12"):
        numbered_clips(tmp_path)


def test_folders_become_absolute_but_links_stay(tmp_path, monkeypatch):
    make_folders(tmp_path, "disk/DFEW")
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("link/DFEW", "disk/../link/DFEW", "~/link/DFEW"):
        assert existing_folder(name) == tmp_path / "link" / "DFEW"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_folders_are_found_by_composed_and_decomposed_names(tmp_path, form):
    on_the_disk, other = (
        unicodedata.normalize(each, "Übung/für") for each in (form, "NFD" if form == "NFC" else "NFC")
    )
    (tmp_path / on_the_disk).mkdir(parents=True)
    assert existing_folder(tmp_path / other) == tmp_path / on_the_disk
    assert find_nearby(tmp_path, other) == tmp_path / on_the_disk
    assert find_nearby(tmp_path, "Übung/fur") is None
