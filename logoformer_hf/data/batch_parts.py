"""
Reads the clips of a batch in several workers at the same time, and those of the next epoch ahead.

A data loader gives a whole batch to one worker. The first batch of an epoch then takes as long as all of its clips in
one process, every last one of an epoch leaves the other workers idle, and both happen again in every evaluation.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import torch

from .collator import collate_as_decoded, collate_clips, join_batches
from .sampler import draw_seed
from .workers import leave_signals_to_main_process

MIN_PART = 4  # clips; each part is sent to the main process on its own, which takes some of its time


class BatchParts(torch.utils.data.Sampler[list[int]]):
    """
    The batches of a sampler, each divided into parts of one size; the last one may be smaller.

    Args:
        batches: a batch sampler.
        num_workers: a batch is divided into at most so many parts, of at least `MIN_PART` clips.

    Attributes:
        num_parts: of the batches that were divided and not yet joined again.
    """

    def __init__(self, batches: Iterable[list[int]], num_workers: int):
        self.batches, self.num_workers = batches, num_workers
        self.num_parts: deque[int] = deque()

    def __iter__(self) -> Iterator[list[int]]:
        self.num_parts = deque()
        for batch in self.batches:
            size = part_size(len(batch), self.num_workers)
            parts = [batch[start : start + size] for start in range(0, len(batch), size)]
            self.num_parts.append(len(parts))
            yield from parts


def part_size(batch_size: int, num_workers: int) -> int:
    """Clips in a part of a batch."""
    return max(MIN_PART, math.ceil(batch_size / num_workers))


def read_in_parts(
    loader: torch.utils.data.DataLoader[Any], device: torch.device, next_epoch: Callable[[], bool] | None = None
) -> torch.utils.data.DataLoader[Any]:
    """
    Makes a data loader with workers read each batch in several of them, and returns the loader. Its batches are the
    same, on `device`, where their parts are joined.

    Args:
        loader: with a batch sampler and `collate_clips`; without workers it stays as it is.
        device: of the model.
        next_epoch: called after the last batch of an epoch was read. Where it returns True, the workers go on with the
            next epoch, and order and epoch of the clips must be those of the next epoch by then. None never does. It
            must not refer to the owner of the loader: in a circle of references workers do not end with it.
    """
    base: Any = getattr(loader, "base_dataloader", loader)  # accelerate wraps the loader that iterates
    if base.num_workers == 0:
        return loader
    batch_size = base.batch_sampler.batch_size
    base.are_as_decoded = device.type == "cuda" and base.collate_fn is collate_clips
    base.parts = BatchParts(base.batch_sampler, base.num_workers)
    base.part_loader = leave_signals_to_main_process(
        torch.utils.data.DataLoader(
            base.dataset,
            batch_sampler=base.parts,
            num_workers=base.num_workers,
            collate_fn=collate_as_decoded if base.are_as_decoded else base.collate_fn,
            pin_memory=base.pin_memory,
            worker_init_fn=base.worker_init_fn,
            multiprocessing_context=base.multiprocessing_context,
            generator=base.generator,
            # As many clips ahead as with whole batches.
            prefetch_factor=base.prefetch_factor * math.ceil(batch_size / part_size(batch_size, base.num_workers)),
            persistent_workers=base.persistent_workers,
        )
    )
    base.device, base.next_epoch, base.ahead = device, next_epoch, None
    kind: Any = type(base)
    base.__class__ = _reading_in_parts(kind)
    return loader


@cache
def _reading_in_parts(kind: Any) -> Any:
    """A kind of data loader whose batches come from its `part_loader`."""

    class Loader(kind):
        ahead: Iterator[Any] | None

        def __iter__(self) -> Iterator[Any]:
            if self.ahead is None:
                parts = iter(self.part_loader)
            else:
                parts, self.ahead = self.ahead, None
                draw_seed()  # as the sampler does where it is iterated now
            for first in parts:
                rest = [next(parts) for _ in range(self.parts.num_parts.popleft() - 1)]
                yield join_batches([first, *rest], self.device, self.are_as_decoded)
            if self.next_epoch is not None and self.next_epoch():
                self.ahead = _begin(self.part_loader)

    Loader.__name__ = kind.__name__  # for messages
    return Loader


def _begin(loader: torch.utils.data.DataLoader[Any]) -> Iterator[Any]:
    """Begins an iteration, whose first clips are read from now on; the global generator stays as it was."""
    state = torch.get_rng_state()
    batches = iter(loader)
    torch.set_rng_state(state)
    return batches
