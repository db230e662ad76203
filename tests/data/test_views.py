"""Views of clips: which frames they show, that they are read once, and what becomes of clips that cannot be read."""

from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from pictures import save_jpegs, smooth_pictures
from toys import clip_rows

from logoformer_hf import LogoFormerVideoProcessor
from logoformer_hf.data import views
from logoformer_hf.data.clips import NOT_COUNTED, ClipDataset
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.data.shards import load_shards, prepare_shards
from logoformer_hf.data.views import ClipViews
from logoformer_hf.video_processing_logoformer import sample_frame_indices

LENGTHS = (40, 90, 20, 9, 16)
SIZE = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}


@pytest.fixture(scope="module")
def processor() -> LogoFormerVideoProcessor:
    return LogoFormerVideoProcessor(**SIZE)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    """Clips as folders of frames that are wider than high."""
    root = tmp_path_factory.mktemp("frames")
    for number, length in enumerate(LENGTHS):
        save_jpegs(root / str(number), smooth_pictures(number + length, 40, 56)[number:])
    return [root / str(number) for number in range(len(LENGTHS))]


def expected_views(clip, length: int, processor: LogoFormerVideoProcessor) -> torch.Tensor:
    """All frames of the clip are processed, and then chosen."""
    options = {"do_sample_frames": False, "do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
    frames = processor([clip], **options)["pixel_values"][0]
    chosen = [frames[sample_frame_indices(length, place=place)] for place in (0.25, 0.75)]
    return torch.stack([view for frames in chosen for view in (frames, frames.flip(-1))])


def test_views_are_two_choices_of_frames_each_also_mirrored(folders, processor):
    clips = ClipViews(clip_rows(folders, labels=[3, 1, 4, 1, 5]), processor)
    assert len(clips) == 20 and clips.labels == np.repeat([3, 1, 4, 1, 5], 4).tolist()
    assert clips.clip_ids == [str(number) for number in range(5) for _ in range(4)]
    for number, (folder, length) in enumerate(zip(folders, LENGTHS, strict=True)):
        items = [clips[4 * number + view] for view in range(4)]
        assert {(item["clip_id"], item["label"]) for item in items} == {(str(number), clips.labels[4 * number])}
        found = torch.stack([item["frames"] for item in items])
        assert found.dtype == torch.uint8 and torch.equal(found, expected_views(folder, length, processor))
        assert torch.equal(found[0], found[2]) == (length <= 16)  # there are no other frames
        assert not torch.equal(found[0], found[1])


def test_videos_and_shards_give_the_views_of_their_frames(write_video, folders, processor, tmp_path):
    video = write_video(tmp_path / "clip.mp4", 40, codec="mpeg4")
    found = torch.stack([view["frames"] for view in ClipViews(clip_rows([video]), processor).__getitems__(range(4))])
    assert torch.equal(found, expected_views(video, 40, processor))

    prepare_shards(datasets.DatasetDict({"train": clip_rows(folders[1:3])}), tmp_path / "shards", num_workers=0)
    rows = load_shards(tmp_path / "shards", cache_dir=tmp_path / "cache")["train"]
    for number, length in enumerate(LENGTHS[1:3]):
        pictures = rows.with_format("arrow")[number].to_pylist()[0]["video"]
        pictures = [{"bytes": picture["bytes"], "path": None} for picture in pictures]
        found = torch.stack([ClipViews(rows, processor)[4 * number + view]["frames"] for view in range(4)])
        assert torch.equal(found, expected_views(pictures, length, processor))


def test_a_view_of_the_middle_would_be_that_of_a_single_view(folders, processor, monkeypatch):
    """So the frames are read, resized and cropped in the same way."""
    monkeypatch.setattr(views, "PLACES", (0.5, 0.5))
    rows = clip_rows(folders)
    one, several = ClipDataset(rows, processor), ClipViews(rows, processor)
    for number in range(len(folders)):
        assert torch.equal(several[4 * number]["frames"], one[number]["frames"])


@pytest.mark.parametrize("batch_size", [4, 6])
def test_views_in_a_batch_are_read_once(folders, processor, monkeypatch, batch_size):
    read, opened = views.read_clip, []
    monkeypatch.setattr(views, "read_clip", lambda clip, *args: opened.append(clip) or read(clip, *args))
    clips = ClipViews(clip_rows(folders), processor)
    batches = list(torch.utils.data.DataLoader(clips, batch_size, collate_fn=collate_clips))
    assert len(opened) == {4: 5, 6: 7}[batch_size]  # two clips are in two batches of six views each
    found = torch.cat([batch["frames"] for batch in batches])
    assert torch.equal(found, torch.stack([clips[number]["frames"] for number in range(20)]))


def test_files_of_strangers_are_read_in_a_child_process(folders, monkeypatch):
    calls = []
    monkeypatch.setattr(
        views, "read_clip_safely", lambda clip, *args: calls.append(clip) or views.read_clip(clip, *args)
    )
    safe = ClipViews(clip_rows(folders[:1]), LogoFormerVideoProcessor(**SIZE, safe_decode=True))
    assert safe[0]["frames"].shape == (16, 3, 32, 32) and calls == [str(folders[0])]


def test_no_view_of_a_clip_that_cannot_be_read_counts(folders, processor, tmp_path):
    clips = ClipViews(clip_rows([folders[0], tmp_path / "none"]), processor, keep_unreadable=True)
    for number in range(4, 8):
        item = clips[number]
        assert item["label"] == NOT_COUNTED and "none" in item["problem"]
        assert torch.equal(item["frames"], torch.zeros_like(clips[0]["frames"]))
