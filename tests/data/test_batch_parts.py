"""Batches whose parts are read by several workers are those of a data loader, in every epoch."""

import time
from types import SimpleNamespace

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from errors import raises_naming
from torch.utils.data import BatchSampler, DataLoader

from logoformer_hf.data import batch_parts
from logoformer_hf.data.batch_parts import MIN_PART, BatchParts, Part, PartReader, SharedBatches, read_in_parts
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.data.sampler import ClipSampler, own_generator

CPU = torch.device("cpu")


class Clips(torch.utils.data.Dataset):
    """Clips whose pixels say their number, their epoch and the worker that read them; every fourth has a problem."""

    def __init__(self, num_clips: int):
        self.num_clips = num_clips
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self):
        return self.num_clips

    def black_frames(self):
        return torch.zeros(3, 1, 1, 1, dtype=torch.uint8)

    def __getitem__(self, index):
        if index >= self.num_clips:
            raise ValueError(f"clip {index} cannot be read")
        worker = torch.utils.data.get_worker_info()
        numbers = torch.tensor([index, int(self.epoch), 99 if worker is None else worker.id], dtype=torch.uint8)
        problem = {"problem": f"reason {index}"} if index % 4 == 0 else {}
        return {"frames": numbers.view(3, 1, 1, 1), "label": index % 3, "clip_id": f"clip {index}"} | problem


class Epochs:
    """What is told of an epoch as soon as the one before has been read."""

    def __init__(self, sampler, clips, num_epochs):
        self.sampler, self.clips, self.num_epochs, self.told = sampler, clips, num_epochs, []

    def begin(self, epoch):
        self.sampler.set_epoch(epoch)
        self.clips.epoch.fill_(epoch)

    def begin_next(self) -> bool:
        if self.sampler.epoch + 1 >= self.num_epochs:
            return False
        self.begin(self.sampler.epoch + 1)
        self.told.append(self.sampler.epoch)
        return True


def loader_of(num_clips, batch_size, num_workers, num_epochs, persistent=True):
    clips, sampler = Clips(num_clips), ClipSampler(num_clips, seed=3)
    loader = DataLoader(
        clips,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=num_workers,
        collate_fn=collate_clips,
        persistent_workers=persistent and num_workers > 0,
    )
    epochs = Epochs(sampler, clips, num_epochs)
    return read_in_parts(own_generator(loader, 3), CPU, next_epoch=epochs.begin_next), epochs


def test_a_batch_is_divided_among_all_workers_but_not_into_crumbs():
    batches = BatchSampler(range(65), 40, drop_last=False)
    shared = SharedBatches(3, 40, (1, 1, 1, 1), CPU, pin=False)
    parts = list(BatchParts(batches, 3, shared))
    assert [len(part.rows) for part in parts] == [14, 14, 12, 9, 9, 7]
    assert [part.start for part in parts] == [0, 14, 28, 0, 9, 18]
    assert [part.is_last for part in parts] == [False, False, True] * 2
    assert [row for part in parts for row in part.rows] == list(range(65))
    assert len({part.slot for part in parts}) == 2
    few = list(BatchParts(batches, 100, shared))
    assert [len(part.rows) for part in few] == [MIN_PART] * 16 + [1]


@pytest.mark.parametrize("persistent", [True, False])
def test_batches_are_those_of_a_loader_without_workers(persistent):
    """Three epochs, in each of which the last batch is smaller; the next one is begun ahead."""
    loader, epochs = loader_of(22, 9, 3, 3, persistent)
    plain, plain_epochs = loader_of(22, 9, 0, 3)
    for epoch in range(3):
        epochs.begin(epoch)
        plain_epochs.begin(epoch)
        read, expected = list(loader), list(plain)
        assert [len(batch["labels"]) for batch in read] == [9, 9, 4]
        for batch, other in zip(read, expected, strict=True):
            assert torch.equal(batch["frames"][:, :2], other["frames"][:, :2])  # clip and epoch
            assert torch.equal(batch["labels"], other["labels"])
            assert batch["clip_ids"] == other["clip_ids"] and batch.get("problems") == other.get("problems")
        assert {int(worker) for batch in read for worker in batch["frames"][:, 2].flatten()} == {0, 1, 2}
        assert len({int(worker) for worker in read[0]["frames"][:, 2].flatten()}) == 3  # of one batch
    assert epochs.told == [1, 2]


def test_the_next_epoch_is_read_while_nobody_asks_for_it():
    loader, epochs = loader_of(8, 8, 2, 2)
    list(loader)
    assert loader.ahead is not None and epochs.sampler.epoch == 1
    assert int(next(iter(loader))["frames"][0, 1]) == 1
    assert loader.ahead is None


def test_the_global_generator_is_drawn_from_once_an_epoch_and_when_it_begins():
    """Not when the next one is begun ahead: a checkpoint that is saved between them has the same state."""

    def states(num_workers):
        loader, epochs = loader_of(12, 5, num_workers, 3)
        torch.manual_seed(1)
        for epoch in range(3):
            epochs.begin(epoch)
            batches = iter(loader)
            for _ in batches:
                yield torch.get_rng_state()
            yield torch.get_rng_state()

    assert all(torch.equal(one, other) for one, other in zip(list(states(2)), list(states(0)), strict=True))


def test_an_epoch_that_is_left_early_is_followed_by_a_whole_one():
    loader, _ = loader_of(20, 5, 2, 1)
    expected = [batch["clip_ids"] for batch in loader]
    for _ in loader:
        break
    assert [batch["clip_ids"] for batch in loader] == expected


def test_each_process_of_a_training_reads_its_own_batches():
    """Which accelerate divides, and fills up with clips from the epoch's start."""
    read = []
    for process in range(2):
        batches = BatchSamplerShard(BatchSampler(range(13), 4, drop_last=False), 2, process)
        loader = DataLoader(Clips(13), batch_sampler=batches, num_workers=2, collate_fn=collate_clips)
        read.append([batch["frames"][:, 0].flatten().tolist() for batch in read_in_parts(loader, CPU)])
    assert read == [[[0, 1, 2, 3], [8, 9, 10, 11]], [[4, 5, 6, 7], [12, 0, 1, 2]]]


def test_an_error_of_a_clip_comes_with_its_batch():
    loader, epochs = loader_of(12, 4, 2, 1)
    epochs.sampler.num_clips = 13  # there are 12
    with pytest.raises(ValueError, match="clip 12 cannot be read"):
        list(loader)


@pytest.mark.parametrize(("batch_size", "num_workers"), [(4, 2), (17, 3), (12, 3)])
def test_no_batch_is_overwritten_before_it_is_copied(batch_size, num_workers):
    """More batches than places, of which the workers read as many ahead as they may, twice."""
    loader, _ = loader_of(241, batch_size, num_workers, 2)
    for _ in range(2):
        seen = []
        for number, batch in enumerate(loader):
            if number % 7 == 0:
                time.sleep(0.05)
            assert batch["clip_ids"] == [f"clip {index}" for index in batch["frames"][:, 0].flatten().tolist()]
            seen += batch["clip_ids"]
        assert len(set(seen)) == 241


class Cuda:
    """As torch.cuda.cudart()."""

    def __init__(self, error=0):
        self.error, self.calls = error, []

    def cudaHostRegister(self, address, num_bytes, flags):
        self.calls.append(("pin", address, num_bytes))
        return self.error

    def cudaHostUnregister(self, address):
        self.calls.append(("unpin", address))


def test_memory_is_page_locked_while_no_worker_starts(monkeypatch):
    cuda = Cuda()
    monkeypatch.setattr("torch.cuda.cudart", lambda: cuda)
    shared = SharedBatches(2, 4, (1, 3, 2, 2), torch.device("cuda"), pin=True)
    address = shared.frames.data_ptr()
    shared.unpin()
    shared.pin()
    shared.pin()
    assert cuda.calls == [("pin", address, 2 * 4 * 12)]
    shared.unpin()
    shared.unpin()
    assert cuda.calls[1:] == [("unpin", address)]
    shared.pin()
    del shared
    assert [name for name, *_ in cuda.calls] == ["pin", "unpin", "pin", "unpin"]
    for device, pin in (("cuda", False), ("cpu", True)):
        SharedBatches(2, 4, (1, 3, 2, 2), torch.device(device), pin).pin()
    assert len(cuda.calls) == 4
    cuda.error = 2
    with raises_naming(RuntimeError, "CUDA error 2", "--dataloader_pin_memory False"):
        SharedBatches(2, 4, (1, 3, 2, 2), torch.device("cuda"), pin=True).pin()


class Event:
    def __init__(self):
        self.waited = 0

    def synchronize(self):
        self.waited += 1


def test_a_place_that_a_gpu_may_still_read_is_waited_for_once():
    shared, event = SharedBatches(2, 4, (1, 1, 1, 1), CPU, pin=False), Event()
    shared._copied[1] = event
    slots = [part.slot for part in BatchParts([[0], [1], [2], [3]], 1, shared)]
    assert slots == [1, 0, 1, 0] and event.waited == 1


def test_frames_in_the_order_of_decoding_are_the_same():
    """As a GPU gets them."""
    pixels = torch.randint(0, 256, (2, 4, 5, 6, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    clips = [{"frames": frames.permute(0, 3, 1, 2), "label": label} for label, frames in enumerate(pixels)]
    shared = torch.zeros(3, 2, 4, 5, 6, 3, dtype=torch.uint8)
    _, read = PartReader(clips, shared, is_channels_last=True).__getitems__(Part(1, 0, [1, 0], True))
    assert read == {"labels": [1, 0], "clip_ids": [], "problems": {}}
    assert torch.equal(shared[1], pixels.flip(0)) and not shared[[0, 2]].any()


def test_clips_of_another_shape_are_refused():
    reader = PartReader([{"frames": torch.zeros(4, 3, 8, 8), "label": 0}], torch.zeros(1, 1, 5, 3, 8, 8), False)
    with raises_naming(ValueError, "(4, 3, 8, 8)", "(5, 3, 8, 8)"):
        reader.__getitems__(Part(0, 0, [0], True))


def test_too_little_shared_memory_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(batch_parts.shutil, "disk_usage", lambda path: SimpleNamespace(free=64_000_000))
    with raises_naming(OSError, "64 MB", "77 MB", "--shm-size"):
        SharedBatches(8, 16, (16, 3, 112, 112), CPU, pin=False)
    monkeypatch.setattr(batch_parts, "_SHARED_MEMORY", tmp_path / "none")  # another system
    assert SharedBatches(1, 1, (1, 1, 1, 1), CPU, pin=False).frames.is_shared()


def test_without_workers_a_loader_stays_as_it_is():
    loader = DataLoader([1, 2, 3])
    kind = type(loader)
    assert read_in_parts(loader, CPU) is loader and type(loader) is kind
