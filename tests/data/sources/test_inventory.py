import csv

import pytest
from dataset_trees import jpeg, write_frames

from logoformer_hf.data.problems import Problem, name_some, write_problems
from logoformer_hf.data.sources.inventory import PlannedClip, UnusableClip, count_frames, fingerprint
from logoformer_hf.video_reading_logoformer import VideoReadError, frame_files, read_frames


def test_counted_are_the_frames_that_are_read(tmp_path):
    folder = write_frames(tmp_path / "clip", 3)
    (folder / "frame.PNG").write_bytes(jpeg(4))
    (folder / "._00001.jpg").write_bytes(b"a Mac's archive brings this")
    (folder / "landmarks.txt").write_text("no frame")
    assert count_frames(folder) == len(frame_files(folder)) == 4


def test_frames_of_an_avi_are_counted_by_decoding(tmp_path, write_video):
    assert count_frames(write_video(tmp_path / "clip.avi", 7, size=(32, 32))) == 7


def test_a_video_without_pictures(tmp_path):
    file = tmp_path / "clip.mp4"
    file.write_text("no video")
    with pytest.raises(UnusableClip, match="cannot be read: "):
        count_frames(file)
    with pytest.raises(VideoReadError):
        read_frames(file, range)


def test_the_fingerprint_is_of_settings_lists_and_clips(tmp_path):
    clips = [PlannedClip("a", "train", write_frames(tmp_path / "a"), "happy")]
    lists = [tmp_path / "list.txt"]
    lists[0].write_text("a happy")
    first = fingerprint({"fold": 1}, lists, clips)
    assert fingerprint({"fold": 1}, lists, clips) == first
    others = [
        fingerprint({"fold": 2}, lists, clips),
        fingerprint({"fold": 1}, [], clips),
        fingerprint({"fold": 1}, lists, [PlannedClip("a", "train", tmp_path / "a", "sad")]),
        fingerprint({"fold": 1}, lists, [PlannedClip("b", "train", tmp_path / "b", "happy")]),
    ]
    write_frames(tmp_path / "b")
    others.append(fingerprint({"fold": 1}, lists, [PlannedClip("b", "train", tmp_path / "b", "happy")]))
    assert len({first, *others}) == 6


def test_many_names_are_cut():
    assert name_some("ab") == "a, b"
    assert name_some("abcdefghijkl") == "a, b, c, d, e, f, g, h, i, j and 2 more"


def test_problems_file(tmp_path):
    write_problems([Problem("02522", "/data/02522", 'frame "1.jpg", empty')], tmp_path / "problems.csv")
    with (tmp_path / "problems.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["clip", "path", "reason"], ["02522", "/data/02522", 'frame "1.jpg", empty']]
    write_problems([], tmp_path / "problems.csv")
    assert (tmp_path / "problems.csv").read_text().splitlines() == ["clip,path,reason"]
