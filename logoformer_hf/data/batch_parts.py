"""
Reads the clips of a batch in several workers at the same time, into memory that they share, and the next epoch ahead.

A data loader gives a whole batch to one worker. The first batch of an epoch then takes as long as all of its clips in
one process, every last one leaves the other workers idle, and both happen again in every evaluation. And each batch
comes in new shared memory, which the main process maps, copies into page-locked memory and gives back: for a GPU that
14 workers feed, this took longer than reading the clips.
"""

import math
import shutil
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from .collator import check_shapes
from .sampler import draw_seed
from .workers import leave_signals_to_main_process

MIN_PART = 4  # clips; each part is announced to the main process on its own, which takes some of its time
MAX_AHEAD = 8  # batches that are read before they are asked for
_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Part:
    """
    Some clips of a batch.

    Attributes:
        slot: place of the batch in the shared memory.
        start: place of the first of these clips in the batch.
        rows: their numbers in the data set.
        is_last: whether the batch ends with them.
    """

    slot: int
    start: int
    rows: list[int]
    is_last: bool


class BatchParts(torch.utils.data.Sampler[Part]):
    """
    The batches of a sampler, each divided into parts of one size; the last part of a batch may be smaller.

    Args:
        batches: a batch sampler.
        num_workers: a batch is divided into at most so many parts, of at least `MIN_PART` clips.
        shared: where the batches are put, each into the next place.
    """

    def __init__(self, batches: Iterable[list[int]], num_workers: int, shared: "SharedBatches"):
        self.batches, self.num_workers, self.shared = batches, num_workers, shared
        self._slot = 0

    def __iter__(self) -> Iterator[Part]:
        for batch in self.batches:
            self._slot = (self._slot + 1) % len(self.shared.frames)
            self.shared.wait_for(self._slot)
            size = part_size(len(batch), self.num_workers)
            for start in range(0, len(batch), size):
                rows = batch[start : start + size]
                yield Part(self._slot, start, rows, start + len(rows) == len(batch))


def part_size(batch_size: int, num_workers: int) -> int:
    """Clips in a part of a batch."""
    return max(MIN_PART, math.ceil(batch_size / num_workers))


class SharedBatches:
    """
    Memory for a few batches that all workers write into, and from which they are copied to a device.

    On a GPU, frames are in the order in which they are decoded and resized, channels last: copying them takes a worker
    an eighth of the time, and a GPU reorders a batch in no time.

    Args:
        num_slots: places for batches.
        batch_size: most clips of a batch.
        shape: of a clip, `(frames, channels, height, width)`.
        device: of the model.
        pin: whether the memory is page-locked, so that copies to a GPU need not be waited for.

    Attributes:
        frames: `(num_slots, batch_size, frames, channels, height, width)` uint8, on a GPU with channels last.

    Raises:
        OSError: there is less shared memory than this needs.
        RuntimeError: by `pin`, where the memory cannot be page-locked.
    """

    def __init__(self, num_slots: int, batch_size: int, shape: tuple[int, ...], device: torch.device, pin: bool):
        self.device, self.is_channels_last = device, device.type == "cuda"
        num_frames, channels, height, width = shape
        order = (height, width, channels) if self.is_channels_last else (channels, height, width)
        check_shared_memory(num_slots * batch_size * math.prod(shape))
        self.frames = torch.zeros(num_slots, batch_size, num_frames, *order, dtype=torch.uint8).share_memory_()
        self._copied: dict[int, Any] = {}  # a GPU's event for each place that it may still read
        self._unpin: Callable[[], Any] | None = None
        self._may_pin = pin and self.is_channels_last

    def unpin(self) -> None:
        """Ends that the memory is page-locked: a system may not hand such memory on to workers that start now."""
        if self._unpin is not None:
            self._unpin()
            self._unpin = None

    def pin(self) -> None:
        """Page-locks the memory where that was asked for, once the workers have started."""
        if not self._may_pin or self._unpin is not None:
            return
        address, num_bytes = self.frames.data_ptr(), self.frames.numel()
        cuda: Any = torch.cuda.cudart()
        if error := int(cuda.cudaHostRegister(address, num_bytes, 0)):
            raise RuntimeError(
                f"{num_bytes / 1e6:,.0f} MB of shared memory cannot be page-locked (CUDA error {error}): give "
                "--dataloader_pin_memory False."
            )
        finalizer = weakref.finalize(self, cuda.cudaHostUnregister, address)
        finalizer.atexit = False
        self._unpin = finalizer

    def wait_for(self, slot: int) -> None:
        """Returns when nobody reads this place any more."""
        if (copied := self._copied.pop(slot, None)) is not None:
            copied.synchronize()

    def batch(self, parts: list[tuple[Part, dict[str, Any]]]) -> dict[str, Any]:
        """The batch of `collate_clips` on the device, from its parts with what `PartReader` says of them."""
        slot, num_clips = parts[0][0].slot, sum(len(part.rows) for part, _ in parts)
        labels = torch.tensor([label for _, read in parts for label in read["labels"]])
        if self.is_channels_last:
            frames = self.frames[slot, :num_clips].to(self.device, non_blocking=True)
            self._copied[slot] = torch.cuda.Event()
            self._copied[slot].record()
            # (batch, frames, height, width, channels) to (batch, frames, channels, height, width)
            frames = frames.permute(0, 1, 4, 2, 3).contiguous()
            labels = labels.pin_memory().to(self.device, non_blocking=True)
        else:
            frames, labels = self.frames[slot, :num_clips].to(self.device, copy=True), labels.to(self.device)
        batch: dict[str, Any] = {"frames": frames, "labels": labels}
        if named := [name for _, read in parts for name in read["clip_ids"]]:
            batch["clip_ids"] = named
        if problems := {name: reason for _, read in parts for name, reason in read["problems"].items()}:
            batch["problems"] = problems
        return batch


def check_shared_memory(num_bytes: int) -> None:
    """Raises an OSError where less shared memory is free, writing to which would end the program without a word."""
    if _SHARED_MEMORY.is_dir() and num_bytes > (free := shutil.disk_usage(_SHARED_MEMORY).free):
        raise OSError(
            f"{_SHARED_MEMORY} has {free / 1e6:,.0f} MB free, and the workers need {num_bytes / 1e6:,.0f} MB for "
            "their batches: start the container with more (`docker run --shm-size 2g`), or give smaller batches or "
            "--dataloader_num_workers 0."
        )


class PartReader(torch.utils.data.Dataset[Any]):
    """
    Reads the parts of batches into shared memory, in a worker.

    Args:
        clips: as `ClipDataset`.
        frames: of `SharedBatches`.
        is_channels_last: whether they are in this order.
    """

    def __init__(self, clips: Any, frames: torch.Tensor, is_channels_last: bool):
        self.clips, self.frames, self.is_channels_last = clips, frames, is_channels_last

    def __getitems__(self, part: Part) -> tuple[Part, dict[str, Any]]:
        """The part, and `labels`, `clip_ids` and `problems` of its clips."""
        read: dict[str, Any] = {"labels": [], "clip_ids": [], "problems": {}}
        for place, row in enumerate(part.rows, part.start):
            clip = self.clips[row]
            frames = clip["frames"].permute(0, 2, 3, 1) if self.is_channels_last else clip["frames"]
            check_shapes({tuple(frames.shape), tuple(self.frames.shape[2:])})
            self.frames[part.slot, place] = frames
            read["labels"].append(clip["label"])
            if "clip_id" in clip:
                read["clip_ids"].append(clip["clip_id"])
            if "problem" in clip:
                read["problems"][clip["clip_id"]] = clip["problem"]
        return part, read


def read_in_parts(
    loader: torch.utils.data.DataLoader[Any],
    device: torch.device,
    pin: bool = False,
    next_epoch: Callable[[], bool] | None = None,
) -> torch.utils.data.DataLoader[Any]:
    """
    Makes a data loader with workers read each batch in several of them, and returns the loader. Its batches are the
    same, on `device`.

    Args:
        loader: with a batch sampler and `collate_clips`. Without workers, and with a data set that does not say the
            shape of its clips by `black_frames`, it stays as it is.
        device: of the model.
        pin: whether batches are copied to a GPU from page-locked memory.
        next_epoch: called after the last batch of an epoch was read. Where it returns True, the workers go on with the
            next epoch, and order and epoch of the clips must be those of the next epoch by then. None never does. It
            must not refer to the owner of the loader: in a circle of references workers do not end with it.
    """
    base: Any = getattr(loader, "base_dataloader", loader)  # accelerate wraps the loader that iterates
    if base.num_workers == 0 or not hasattr(base.dataset, "black_frames"):
        return loader
    num_parts = math.ceil(base.batch_sampler.batch_size / part_size(base.batch_sampler.batch_size, base.num_workers))
    num_ahead = min(base.prefetch_factor * base.num_workers, MAX_AHEAD)
    # Each worker begins a part while another one waits for it.
    prefetch_factor = max(math.ceil(num_ahead * num_parts / base.num_workers), 2)
    # Of the batches that are not read to their end, the first may have all parts but one and the last of an epoch may
    # have a single one; and one more is copied.
    num_slots = math.ceil((prefetch_factor * base.num_workers + num_parts - 1) / num_parts) + 3
    shape = tuple(base.dataset.black_frames().shape)
    base.shared = SharedBatches(num_slots, base.batch_sampler.batch_size, shape, device, pin)
    parts: Any = BatchParts(base.batch_sampler, base.num_workers, base.shared)  # numbers of rows, in its type
    base.part_loader = leave_signals_to_main_process(
        torch.utils.data.DataLoader(
            PartReader(base.dataset, base.shared.frames, base.shared.is_channels_last),
            batch_sampler=parts,
            num_workers=base.num_workers,
            collate_fn=_as_it_is,
            worker_init_fn=base.worker_init_fn,
            multiprocessing_context=base.multiprocessing_context,
            generator=base.generator,
            prefetch_factor=prefetch_factor,
            persistent_workers=base.persistent_workers,
        )
    )
    base.next_epoch, base.ahead, base.has_workers = next_epoch, None, False
    kind: Any = type(base)
    base.__class__ = _reading_in_parts(kind)
    return loader


def _as_it_is(part: Any) -> Any:
    return part


@cache
def _reading_in_parts(kind: Any) -> Any:
    """A kind of data loader whose batches come from its `part_loader`."""

    class Loader(kind):
        ahead: Iterator[Any] | None
        has_workers: bool

        def __iter__(self) -> Iterator[Any]:
            if self.ahead is None:
                parts = self._begin()
            else:
                parts, self.ahead = self.ahead, None
                draw_seed()  # as the sampler does where it is iterated now
            of_batch = []
            for part, read in parts:
                of_batch.append((part, read))
                if part.is_last:
                    yield self.shared.batch(of_batch)
                    of_batch = []
            if self.next_epoch is not None and self.next_epoch():
                state = torch.get_rng_state()  # a sampler draws where it is iterated
                self.ahead = self._begin()
                torch.set_rng_state(state)

        def _begin(self) -> Iterator[Any]:
            if not (self.has_workers and self.persistent_workers):
                self.shared.unpin()
            parts: Iterator[Any] = iter(self.part_loader)
            self.has_workers = True
            self.shared.pin()
            return parts

    Loader.__name__ = kind.__name__  # for messages
    return Loader
