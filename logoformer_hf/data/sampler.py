"""The order of the clips of an epoch."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from .transforms import clip_seed


class ClipSampler(torch.utils.data.Sampler[int]):
    """
    The order of an epoch's clips; it depends on (seed, epoch) only, so it is the same in every process and after a
    resume.

    Every iteration draws one number from torch's global generator, as a data loader does when it starts its workers.
    With `own_generator`, loaders that keep their workers and loaders that start new ones leave the model's random
    numbers (drop path, dropout) the same.

    Args:
        num_clips: number of clips of the data set, and of an epoch.
        seed: seed of the run.
        labels: class number of every clip. With labels, clips are drawn with replacement, each class equally often in
            expectation; without, every clip is drawn once.
    """

    def __init__(self, num_clips: int, seed: int, labels: Sequence[int] | None = None):
        self.num_clips = num_clips
        self.seed = seed
        self.labels = None if labels is None else torch.tensor(labels)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch that the next iteration gives the order of."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_clips

    def __iter__(self) -> Iterator[int]:
        draw_seed()
        generator = torch.Generator().manual_seed(clip_seed(self.seed, self.epoch, "order"))
        if self.labels is None:
            return iter(torch.randperm(len(self), generator=generator).tolist())
        weights = 1.0 / self.labels.bincount()[self.labels].double()  # (clips,)
        return iter(torch.multinomial(weights, len(self), replacement=True, generator=generator).tolist())


def draw_seed() -> None:
    """Draws from torch's global generator as a data loader without a generator of its own does in each iteration."""
    torch.empty((), dtype=torch.int64).random_()


def own_generator(loader: torch.utils.data.DataLoader[Any], seed: int) -> torch.utils.data.DataLoader[Any]:
    """
    Gives a data loader a generator for the seeds of its workers. Without one it draws from the global generator in
    each iteration, but with persistent workers in the first one only: a resumed run would go on with other numbers.
    """
    # accelerate wraps the loader that iterates.
    getattr(loader, "base_dataloader", loader).generator = torch.Generator().manual_seed(seed)
    return loader
