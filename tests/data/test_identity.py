"""Clips are told apart by their content, whatever they are called and wherever they lie."""

import os
import shutil

import datasets
import pytest
from dataset_trees import jpeg, write_frames
from toys import clip_rows

from logoformer_hf.data import identity
from logoformer_hf.data.identity import (
    content_id,
    data_digest,
    each_clip_once,
    path_ids,
    row_ids,
    rows_digest,
    with_content_ids,
)


@pytest.fixture
def clip(tmp_path):
    return write_frames(tmp_path / "clip", 5)


def test_a_copy_a_link_and_another_spelling_are_the_same_clip(clip, tmp_path):
    copy = shutil.copytree(clip, tmp_path / "elsewhere" / "named otherwise")
    (tmp_path / "link").symlink_to(clip)
    for number, frame in enumerate(sorted(copy.iterdir()), start=9):
        frame.rename(copy / f"frame{number}.jpg")  # 9, 10, ... in the order of the numbers, not of the names
    spellings = [clip, copy, tmp_path / "link", tmp_path / "elsewhere" / ".." / "clip"]
    assert len({content_id(path) for path in spellings}) == 1


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_frame_that_is_replaced_in_place_makes_another_clip(clip, number):
    before, state = content_id(clip), clip.stat().st_mtime_ns
    (clip / f"{number:05d}.jpg").write_bytes(jpeg(100 + number))
    assert content_id(clip) != before and clip.stat().st_mtime_ns == state


def test_every_frame_counts_by_its_size(clip):
    before = content_id(clip)
    with (clip / "00002.jpg").open("ab") as file:
        file.write(b"0")
    longer = content_id(clip)
    (clip / "00004.jpg").unlink()
    assert len({before, longer, content_id(clip)}) == 3


@pytest.mark.parametrize("name", ["{:02d}.jpg", "{}.jpg", "frame{}.jpg", "7_{:03d}a.JPG", "{}a.jpg"])
def test_frames_are_in_the_order_of_their_numbers_however_they_are_written(tmp_path, name):
    """Sizes are hashed in this order, so that another one would be seen."""
    for folder, names in (("padded", "{:05d}.png"), ("named", name)):
        (tmp_path / folder).mkdir()
        for number in (3, 11, 1, 20, 2, 10):
            (tmp_path / folder / names.format(number)).write_bytes(bytes(number))
    assert content_id(tmp_path / "named") == content_id(tmp_path / "padded")


@pytest.mark.parametrize("place", [0, 500_000, 999_999])
def test_a_video_is_sampled_at_start_middle_and_end(tmp_path, place):
    content = bytearray(os.urandom(1_000_000))
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(content)
    assert content_id(tmp_path / "a.mp4") == content_id(tmp_path / "b.mp4")
    content[place] ^= 1
    (tmp_path / "b.mp4").write_bytes(content)
    assert content_id(tmp_path / "a.mp4") != content_id(tmp_path / "b.mp4")


def test_what_cannot_be_read_has_no_identifier(clip, tmp_path):
    (tmp_path / "empty").mkdir()
    assert path_ids([tmp_path / "nothing", clip, tmp_path / "empty"]) == [None, content_id(clip), None]


def test_a_clip_is_read_once_inside_the_block(clip, tmp_path, monkeypatch):
    """Behind another spelling of its path, too; after the block it is read again."""
    read = []

    def identify(path):
        read.append(path)
        return content_id(path)

    monkeypatch.setattr(identity, "content_id", identify)
    monkeypatch.chdir(clip.parent)
    with each_clip_once() as known:
        assert path_ids([clip, clip.name]) == path_ids([str(clip), f"./{clip.name}"]) == [content_id(clip)] * 2
        assert path_ids([tmp_path / "nothing"]) == path_ids([tmp_path / "nothing"]) == [None]
    assert read == [str(clip), str(tmp_path / "nothing")] and known[str(clip)] == content_id(clip)
    with each_clip_once({str(clip): "0" * 32}):
        assert path_ids([clip]) == ["0" * 32]
    assert path_ids([clip]) == [content_id(clip)]


def test_embedded_frames_have_the_identifier_of_their_folder(clip, tmp_path):
    one = write_frames(tmp_path / "one", 1)
    videos = [
        [{"bytes": frame.read_bytes(), "path": None} for frame in sorted(folder.iterdir())] for folder in (clip, one)
    ]
    features = datasets.Features({"video": datasets.List(datasets.Image())})
    rows = datasets.Dataset.from_dict({"video": [*videos, []]}, features=features).select([1, 0, 2])
    assert row_ids(rows) == [content_id(one), content_id(clip), None]


def test_rows_that_have_identifiers_keep_them(clip):
    rows = datasets.DatasetDict(train=clip_rows([clip, clip]))
    with_ids = with_content_ids(rows)
    assert with_ids["train"]["content_id"] == [content_id(clip)] * 2
    write_frames(clip, 2, first=50)
    assert with_content_ids(with_ids) is with_ids


def test_the_digest_covers_names_order_splits_labels_and_contents(clip, tmp_path):
    clips = [("train", "a", "happy", "00"), ("train", "b", "sad", "11"), ("test", "c", "sad", None)]
    others = [clips[::-1], clips[:2], [*clips[:2], ("test", "c", "sad", "22")]]
    others += [[*clips[:2], ("test", "c", "happy", None)], [*clips[:2], ("train", "c", "sad", None)]]
    assert len({data_digest(each) for each in (clips, *others)}) == len(others) + 1
    assert data_digest(iter(clips)) == data_digest(clips) and data_digest(clips).startswith("3 clips, ")
    rows = with_content_ids(datasets.DatasetDict(test=clip_rows([clip], label_names=["sad"])))
    assert rows_digest(rows) == data_digest([("test", "0", "sad", content_id(clip))])


def test_a_pipe_is_not_opened(tmp_path):
    """Nobody writes into it, so reading would not end."""
    (tmp_path / "frames").mkdir()
    for place in ("clip.mp4", "frames/1.jpg"):
        os.mkfifo(tmp_path / place)
    assert path_ids([tmp_path / "clip.mp4", tmp_path / "frames", "/dev/zero"]) == [None] * 3
