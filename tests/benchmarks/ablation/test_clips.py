import numpy as np
import pytest
import torch

from logoformer_hf.benchmarks.ablation.clips import MIDDLE, StoredClips, clip_processor, keep_batch, store_frames
from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.synthetic.clips import build_synthetic_clips
from logoformer_hf.data.transforms import TrainingTransforms


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    counts = {"num_train": 7, "num_validation": 7, "num_test": 7}
    drawn = build_synthetic_clips(tmp_path_factory.mktemp("drawn"), **counts, image_size=48, num_workers=1)
    return drawn["train"]


# --- frames


def test_training_clips_are_stored_as_training_reads_them(rows, tmp_path):
    transforms = TrainingTransforms(56)
    store_frames(rows, tmp_path / "train_frames.npy", 0, transforms, views=2)
    stored = np.load(tmp_path / "train_frames.npy")
    assert stored.shape == (2, 7, 16, 3, 56, 56) and stored.dtype == np.uint8
    clips = ClipDataset(rows, clip_processor(), transforms)
    for view in range(2):
        clips.set_epoch(view)
        for index in range(7):
            assert np.array_equal(stored[view, index], clips[index]["frames"].numpy())
    assert not np.array_equal(stored[0], stored[1])


def test_test_clips_are_stored_as_evaluation_reads_them(rows, tmp_path):
    rows = rows.select([4, 1])
    store_frames(rows, tmp_path / "test_frames.npy", 1)  # in a process of its own
    stored = np.load(tmp_path / "test_frames.npy")
    assert stored.shape == (1, 2, 16, 3, 56, 56)
    clips = ClipDataset(rows, clip_processor())
    assert all(np.array_equal(stored[0, index], clips[index]["frames"].numpy()) for index in range(2))


def test_what_is_stored_is_not_read_again(rows, tmp_path):
    file = tmp_path / "test_frames.npy"
    file.write_text("is there")
    store_frames(rows, file, 0)
    assert file.read_text() == "is there"


def test_what_a_stopped_reading_leaves_behind_is_not_taken_for_finished(rows, tmp_path, monkeypatch):
    file = tmp_path / "test_frames.npy"
    whole = ClipDataset.__getitem__

    def stops_at_the_last(self, index):
        if index == 2:
            raise KeyboardInterrupt
        return whole(self, index)

    monkeypatch.setattr(ClipDataset, "__getitem__", stops_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        store_frames(rows.select(range(3)), file, 0)
    assert not file.exists()
    monkeypatch.undo()
    store_frames(rows.select(range(3)), file, 0)
    assert np.load(file)[0, 2].any()
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


# --- shares


def test_a_share_of_every_class_in_their_order(tmp_path):
    labels = [0, 1, 0, 0, 2, 1, 0, 1, 0, 0]
    np.save(tmp_path / "train_frames.npy", np.arange(10, dtype=np.uint8)[None, :, None, None, None, None])
    np.savez(tmp_path / "train.npz", labels=labels, clip_ids=[f"train/{index}" for index in range(10)])
    clips = StoredClips(tmp_path, "train", "frames", share=1 / 3)
    assert clips.labels == [0, 1, 0, 2]
    assert clips.clip_ids == ["train/0", "train/1", "train/2", "train/4"]
    assert [clips[index]["frames"].item() for index in range(len(clips))] == [0, 1, 2, 4]
    assert [clips[index]["label"] for index in range(len(clips))] == clips.labels
    assert StoredClips(tmp_path, "train", "frames").labels == labels


# --- orders


@pytest.fixture
def clips_dir(tmp_path):
    """Frames that say where they are from: view, clip and frame are their three channels."""
    frames = np.stack(np.indices((2, 5, 16)), axis=-1)[..., None, None].astype(np.uint8)
    np.save(tmp_path / "train_frames.npy", frames)
    np.savez(tmp_path / "train.npz", labels=[3, 1, 4, 1, 5], clip_ids=[f"train/{index}" for index in range(5)])
    return tmp_path


def order(clips: StoredClips, index: int) -> list[int]:
    return clips[index]["frames"][:, 2, 0, 0].tolist()


def test_clips_come_with_their_labels_and_in_order(clips_dir):
    clips = StoredClips(clips_dir, "train", "frames")
    assert len(clips) == 5 and clips.labels == [3, 1, 4, 1, 5]
    assert clips.clip_ids == [f"train/{index}" for index in range(5)]
    for index in range(5):
        assert clips[index]["label"] == clips.labels[index]
        assert clips[index]["frames"].dtype == torch.uint8
        assert clips[index]["frames"][:, 1].unique().tolist() == [index]
        assert order(clips, index) == list(range(16))


@pytest.mark.parametrize("kind", ["clip", "middle", "shuffled"])
def test_views_are_taken_in_turn(clips_dir, kind):
    clips = StoredClips(clips_dir, "train", "frames", kind)
    views = []
    for epoch in range(5):
        clips.set_epoch(epoch)
        views.append(clips[3]["frames"][:, 0].unique().tolist())
    assert views == [[0], [1], [0], [1], [0]]


def test_middle_shows_one_frame_at_every_place(clips_dir):
    assert MIDDLE == 8
    clips = StoredClips(clips_dir, "train", "frames", "middle")
    assert order(clips, 0) == order(clips, 4) == [8] * 16


def test_shuffled_frames_are_all_there_in_another_order_for_every_clip_and_epoch(clips_dir):
    clips = StoredClips(clips_dir, "train", "frames", "shuffled", seed=1)
    orders = []
    for epoch in range(3):
        clips.set_epoch(epoch)
        orders += [order(clips, index) for index in range(5)]
    assert all(sorted(each) == list(range(16)) for each in orders)
    assert len(set(map(tuple, orders))) == 15


def test_shuffled_order_depends_on_seed_epoch_and_clip_alone(clips_dir):
    one, same, other = (StoredClips(clips_dir, "train", "frames", "shuffled", seed) for seed in (1, 1, 2))
    forwards = [order(one, index) for index in range(5)]
    torch.rand(3)
    assert [order(same, index) for index in reversed(range(5))] == forwards[::-1]
    assert [order(other, index) for index in range(5)] != forwards
    one.set_epoch(2)
    one.set_epoch(0)
    assert [order(one, index) for index in range(5)] == forwards


@pytest.mark.parametrize("kind", ["clip", "middle", "shuffled"])
def test_a_batch_is_its_clips_one_by_one(clips_dir, kind):
    clips = StoredClips(clips_dir, "train", "frames", kind)
    clips.set_epoch(1)
    batch = clips.__getitems__([4, 0, 4])
    singles = [clips[index] for index in (4, 0, 4)]
    assert torch.equal(batch["frames"], torch.stack([each["frames"] for each in singles]))
    assert batch["labels"].tolist() == [each["label"] for each in singles] == [5, 3, 5]


@pytest.mark.parametrize("kind", ["clip", "middle", "shuffled"])
def test_clips_on_a_device_are_those_of_the_file(clips_dir, kind):
    stored, resident = (StoredClips(clips_dir, "train", "frames", kind, seed=3, device=each) for each in (None, "cpu"))
    for epoch in range(2):
        stored.set_epoch(epoch), resident.set_epoch(epoch)
        one, same = (clips.__getitems__([3, 1, 0]) for clips in (stored, resident))
        assert torch.equal(one["frames"], same["frames"]) and torch.equal(one["labels"], same["labels"])


def test_a_share_of_the_clips_on_a_device(clips_dir):
    share = StoredClips(clips_dir, "train", "frames", share=0.5, device="cpu")  # one of two clips of class 1
    assert share.labels == [3, 1, 4, 5]
    assert share.__getitems__([3])["frames"][0, 0, 1].item() == 4  # the clip's number


def test_a_class_that_is_left_out(clips_dir):
    for device in (None, "cpu"):
        others = StoredClips(clips_dir, "train", "frames", device=device, left_out=1)
        assert others.labels == [3, 4, 5] and others.clip_ids == ["train/0", "train/2", "train/4"]
        assert others.__getitems__([1])["frames"][0, 0, 1].item() == 2  # the clip's number


def test_runs_of_a_process_share_the_array(clips_dir):
    one, same = (StoredClips(clips_dir, "train", "frames", device="cpu") for _ in range(2))
    assert one.clips.data_ptr() == same.clips.data_ptr()


def test_data_loaders_take_whole_batches(clips_dir):
    clips = StoredClips(clips_dir, "train", "frames", device="cpu")
    batches = list(torch.utils.data.DataLoader(clips, batch_size=2, collate_fn=keep_batch))
    assert [batch["labels"].tolist() for batch in batches] == [[3, 1], [4, 1], [5]]
    assert batches[1]["frames"].shape == (2, 16, 3, 1, 1)


def test_clips_are_copies(clips_dir):
    clips = StoredClips(clips_dir, "train", "frames")
    clips[2]["frames"].zero_()
    assert order(clips, 2) == list(range(16))
    resident = StoredClips(clips_dir, "train", "frames", device="cpu")
    resident[2]["frames"].zero_()
    assert order(resident, 2) == list(range(16))
