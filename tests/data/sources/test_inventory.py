import os

import pytest
from dataset_trees import jpeg, write_frames
from errors import raises_naming

from logoformer_hf.data.problems import Problem
from logoformer_hf.data.sources.inventory import (
    CHECKS,
    PlannedClip,
    UnusableClip,
    count_frames,
    fingerprint,
    inspect_clips,
)
from logoformer_hf.image_reading_logoformer import VideoReadError, frame_files
from logoformer_hf.video_reading_logoformer import read_frames


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
    with raises_naming(UnusableClip, "Invalid data"):  # FFmpeg's own words
        count_frames(file)
    with pytest.raises(VideoReadError):
        read_frames(file, range)


def test_a_pipe_is_not_called_empty(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with raises_naming(UnusableClip, "a pipe or a device, not a file"):
        count_frames(tmp_path / "pipe.mp4")


def test_a_link_that_leads_nowhere_is_no_pipe(tmp_path):
    (tmp_path / "link.mp4").symlink_to(tmp_path / "gone.mp4")
    with raises_naming(UnusableClip, "the link leads to nothing"):
        count_frames(tmp_path / "link.mp4")


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


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile {}\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("playlist", PLAYLISTS.values(), ids=PLAYLISTS)
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
def test_a_playlist_opens_no_other_file(check, playlist, name, tmp_path, write_video):
    other = write_video(tmp_path / "other.ts", 5, size=(32, 32), container_format="mpegts")
    assert count_frames(other, check) == 5
    (tmp_path / name).write_text(playlist.format(other.name))
    with pytest.raises(UnusableClip):
        count_frames(tmp_path / name, check)
    with pytest.raises(VideoReadError):  # as the reader refuses it
        read_frames(tmp_path / name, range)


def test_only_the_full_check_decodes_a_video(tmp_path, write_video):
    video = write_video(tmp_path / "clip.mov", 20, codec="png", pix_fmt="rgb24", size=(32, 32))
    content = video.read_bytes()
    start = content.index(b"\x89PNG", len(content) // 4)  # a frame in the middle
    video.write_bytes(content[:start] + bytes(50) + content[start + 50 :])
    assert count_frames(video, "quick") == 20
    with pytest.raises(UnusableClip):
        count_frames(video, "full")


@pytest.mark.parametrize("check", CHECKS)
def test_good_clips_are_counted_and_problems_come_in_the_order_of_the_clips(check, tmp_path):
    paths = {name: write_frames(tmp_path / name, number) for number, name in enumerate("abcd", start=1)}
    (paths["b"] / "00001.jpg").write_bytes(b"")
    clips = [PlannedClip(name, "train", path, "happy") for name, path in paths.items()]
    clips.insert(0, PlannedClip("gone", "test", tmp_path / "gone", "sad"))
    num_frames, problems = inspect_clips(clips, check)
    assert num_frames == {"a": 1, "c": 3, "d": 4}
    assert [(problem.clip_id, problem.path) for problem in problems] == [
        ("gone", str(tmp_path / "gone")),
        ("b", str(paths["b"])),
    ]
    assert all(isinstance(problem, Problem) and problem.reason for problem in problems)
