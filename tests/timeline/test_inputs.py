"""Which videos paths mean: by content, in folders, by patterns, each once and with a name for its outputs."""

import os
from pathlib import Path

import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf.timeline.inputs import Input, find_inputs, take_share


@pytest.fixture
def tree(tmp_path, write_video) -> Path:
    """Two videos (one without an ending) in folders, a damaged one, and much that is no video."""
    for folder in ("day1", "day2/.hidden", "frames", "one image"):
        (tmp_path / folder).mkdir(parents=True)
    video = write_video(tmp_path / "day1" / "a.mp4", 25)
    (tmp_path / "day2" / "no ending").write_bytes(video.read_bytes())
    (tmp_path / "day2" / ".hidden" / "b.mp4").write_bytes(video.read_bytes())
    (tmp_path / "day2" / "._a.mp4").write_bytes(video.read_bytes())
    (tmp_path / "day2" / "a.mp4.overlay.mp4").write_bytes(video.read_bytes())
    (tmp_path / "day2" / "broken.mkv").write_bytes(b"\x00" * 100)
    (tmp_path / "day2" / "readme.txt").write_text("some text\n" * 30)
    (tmp_path / "day2" / "table.csv").write_text("a,b\n1,2\n")
    for number in range(3):
        Image.new("RGB", (32, 32)).save(tmp_path / "frames" / f"{number}.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "one image" / "cover.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "day1" / "1.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "day1" / "2.png")
    return tmp_path


def names(paths, **options):
    return [video.name for video in find_inputs([str(path) for path in paths], **options)]


def test_a_folder_is_searched_for_files_that_are_videos(tree):
    assert names([tree]) == ["day1/a.mp4", "day2/broken.mkv", "day2/no ending", "frames"]


def test_lengths_are_read_from_headers(tree):
    found = {video.name: video.duration_sec for video in find_inputs([str(tree)])}
    assert found["day1/a.mp4"] == pytest.approx(1.0) and found["day2/broken.mkv"] is found["frames"] is None


def test_sources_can_be_opened(tree):
    assert all(Path(video.source).exists() for video in find_inputs([str(tree)]))


def test_a_folder_of_images_is_one_video(tree):
    [video] = find_inputs([str(tree / "frames")])
    assert video == Input(str(tree / "frames"), "frames")
    with raises_naming(ValueError, tree / "one image"):
        find_inputs([str(tree / "one image")])


def test_a_file_is_taken_whatever_it_is(tree):
    assert names([tree / "day2" / "readme.txt", tree / "day2" / "._a.mp4"]) == ["._a.mp4", "readme.txt"]


def test_patterns_are_expanded(tree, monkeypatch):
    assert names([tree / "day*" / "*"]) == ["day1/a.mp4", "day2/broken.mkv", "day2/no ending"]
    assert names([tree / "**" / "*.mp4"]) == ["day1/a.mp4"]
    assert names([tree / "d?y1"]) == ["day1/a.mp4"]
    monkeypatch.chdir(tree)
    assert names(["*/a.mp4"]) == ["day1/a.mp4"]
    with raises_naming(ValueError, "*.webm"):
        find_inputs(["*.webm"])


def test_a_name_with_brackets_is_a_file_if_it_is_there(tree):
    (tree / "[a].mp4").write_bytes((tree / "day1" / "a.mp4").read_bytes())
    assert names([tree / "[a].mp4"]) == ["[a].mp4"]


def test_the_same_video_counts_once(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert names(["day1", "./day1/a.mp4", tree / "day1" / "a.mp4"]) == ["a.mp4"]


def test_two_videos_with_one_name_are_an_error(tree):
    (tree / "day2" / "a.mp4").write_bytes((tree / "day1" / "a.mp4").read_bytes())
    with raises_naming(ValueError, tree / "day1" / "a.mp4", tree / "day2" / "a.mp4", "pattern"):
        find_inputs([str(tree / "day1"), str(tree / "day2")])
    assert names([tree / "day*"])[:2] == ["day1/a.mp4", "day2/a.mp4"]


def test_outputs_are_not_read(tree, write_video):
    write_video(tree / "out" / "a.mp4", 5) if (tree / "out").mkdir() is None else None
    assert "out/a.mp4" in names([tree])
    assert "out/a.mp4" not in names([tree], leave_out=[tree / "out"])
    assert names([tree / "day1"], leave_out=[tree / "day1"]) == ["a.mp4"]


def test_a_camera_is_a_number():
    [camera] = find_inputs(["0"])
    assert camera == Input(0, "camera-0") and camera.is_camera and not camera.is_address


def test_an_address_is_called_by_its_last_part():
    by_name = {video.name: video for video in find_inputs(["https://e.org/x/a%20b.mp4?x=1", "HTTP://e.org"])}
    assert set(by_name) == {"a b.mp4", "e.org"}
    assert all(video.is_address and not video.is_camera for video in by_name.values())
    assert by_name["a b.mp4"].source == "https://e.org/x/a%20b.mp4?x=1"


def test_blanks_around_an_address_are_left_out():
    [video] = find_inputs([" https://e.org/a.mp4\n"])
    assert video == Input("https://e.org/a.mp4", "a.mp4")


@pytest.mark.parametrize(
    "path",
    [
        *("http://me:secret@h/x", " http://me:secret@h", "http://me:a/secret@h", "http://me:a?secret@h/x"),
        *("rtsp://me:secret@h/x", "ftp://me:a?secret@h/x", "\ufeffhttp://me:secret@h/x", "http:/me:secret@h"),
    ],
)
def test_a_password_is_in_no_message(path):
    with raises_naming(ValueError, "@h") as caught:
        find_inputs([path])
    assert "secret" not in str(caught.value)


def test_a_folder_called_by_a_number_is_no_camera(tree, monkeypatch):
    monkeypatch.chdir(tree)
    os.rename("day1", "1")  # noqa: PTH104
    assert names(["1"]) == ["a.mp4"]


@pytest.mark.parametrize("path", ["nowhere.mp4", "nowhere/"])
def test_what_is_not_there_is_named(path):
    with raises_naming(ValueError, path):
        find_inputs([path])


def test_an_empty_path_is_not_the_current_folder(tree, monkeypatch):
    monkeypatch.chdir(tree)
    with raises_naming(ValueError, "''"):
        find_inputs([""])
    assert "frames" in names(["."])


def test_pipes_are_not_read(tree):
    os.mkfifo(tree / "day1" / "pipe.mp4")
    os.mkfifo(tree / "frames" / "9.png")
    assert names([tree]) == ["day1/a.mp4", "day2/broken.mkv", "day2/no ending", "frames"]
    assert names([tree / "day1" / "*"]) == ["a.mp4"]
    for path in (tree / "day1" / "pipe.mp4", "/dev/null"):
        with raises_naming(ValueError, path, "pipe"):
            find_inputs([str(path)])


def test_links_that_lead_nowhere_are_broken_videos(tree):
    (tree / "day1" / "self.mp4").symlink_to("self.mp4")
    (tree / "day1" / "gone.mp4").symlink_to("nowhere.mp4")
    (tree / "day1" / "round").symlink_to("round")
    expected = ["a.mp4", "gone.mp4", "self.mp4"]
    for path in (tree / "day1", tree / "day1" / "*"):
        assert names([path, path], leave_out=[tree / "day1" / "round"]) == expected
    assert [video.name for video in find_inputs([str(tree / "day1")]) if video.is_missing] == expected[1:]
    with raises_naming(ValueError, "self.mp4"):
        find_inputs([str(tree / "day1" / "self.mp4")])


def test_linked_folders_are_searched_once(tree, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "b.mp4").write_bytes((tree / "day1" / "a.mp4").read_bytes())
    (elsewhere / "loop").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(tree)
    before = names([tree])
    for name in ("link", "same"):
        (tree / name).symlink_to(elsewhere)
    (tree / "day2" / "up").symlink_to(tree.parent)
    (tree / "day2" / "beside").symlink_to(tree / "day1")
    assert names([tree]) == sorted([*before, "link/b.mp4"])
    assert names([tree / "link"]) == sorted(["b.mp4", *(f"back/{name}" for name in before)])


def test_shares_are_every_video_once():
    videos = [Input(f"{number}", f"{number}") for number in range(11)]
    parts = [take_share(videos, [(number, 3)]) for number in (1, 2, 3)]
    assert [video.name for video in parts[1]] == ["1", "4", "7", "10"]
    assert sorted(int(video.name) for part in parts for video in part) == list(range(11))
    nested = [take_share(videos, [(job, 2), (process, 2)]) for job in (1, 2) for process in (1, 2)]
    assert sorted(int(video.name) for part in nested for video in part) == list(range(11))
    assert take_share(videos, [(20, 20)]) == []
