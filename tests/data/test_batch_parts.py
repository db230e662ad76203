"""Batches whose parts are read by several workers are those of a data loader, in every epoch."""

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler, DataLoader

from logoformer_hf.data.batch_parts import MIN_PART, BatchParts, read_in_parts
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

    def __getitem__(self, index):
        if index >= self.num_clips:
            raise ValueError(f"clip {index} cannot be read")
        worker = torch.utils.data.get_worker_info()
        numbers = torch.tensor([index, int(self.epoch), -1 if worker is None else worker.id])
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
    return read_in_parts(own_generator(loader, 3), CPU, epochs.begin_next), epochs


def test_a_batch_is_divided_among_all_workers_but_not_into_crumbs():
    batches = BatchSampler(range(65), 40, drop_last=False)
    parts = BatchParts(batches, num_workers=3)
    assert [len(part) for part in parts] == [14, 14, 12, 9, 9, 7] and list(parts.num_parts) == [3, 3]
    assert [index for part in parts for index in part] == list(range(65))
    few = BatchParts(batches, num_workers=100)
    assert [len(part) for part in few][:10] == [MIN_PART] * 10 and list(few.num_parts) == [10, 7]


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


def test_without_workers_a_loader_stays_as_it_is():
    loader = DataLoader([1, 2, 3])
    kind = type(loader)
    assert read_in_parts(loader, CPU) is loader and type(loader) is kind
