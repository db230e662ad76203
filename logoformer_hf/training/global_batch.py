"""Which clips of a step belong to this process, and how the processes share theirs."""

from typing import Any

import torch
from accelerate import Accelerator

from ..data.clips import NOT_COUNTED
from .losses import center_compact_loss


def own_share(num_clips: int, batch_size: int, process_index: int) -> int:
    """
    Number of clips of one process in a step that is not full. accelerate gives the first processes full batches.

    Args:
        num_clips: clips of the step in all processes.
        batch_size: clips of a full batch of one process.
        process_index: number of the process.
    """
    before = process_index * batch_size  # clips of the step in the processes before this one
    return min(max(num_clips - before, 0), batch_size)


def own_clips(batch: dict[str, Any], num_clips: int, num_processes: int, process_index: int) -> dict[str, Any]:
    """
    The last training batch of an epoch without the clips that accelerate fills it up with, from the epoch's start.

    A process without a clip of its own keeps one that does not count, because all processes must compute gradients.

    Args:
        batch: of `collate_clips`, filled up to its full size.
        num_clips: clips of the epoch.
        num_processes: number of processes.
        process_index: number of this process.
    """
    batch_size = len(batch["labels"])
    rest = num_clips % (batch_size * num_processes)
    num_own = own_share(rest, batch_size, process_index) if rest else batch_size
    kept = {name: value if isinstance(value, dict) else value[: max(num_own, 1)] for name, value in batch.items()}
    if num_own == 0:
        kept |= {"labels": batch["labels"].new_full((1,), NOT_COUNTED), "clip_ids": []}
    return kept


def all_processes_clips(
    embeddings: torch.Tensor, labels: torch.Tensor, accelerator: Accelerator
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    The clips that all processes have at the same time, in the order of the processes.

    Args:
        embeddings: `(batch, hidden)` of this process; the batches may have different sizes.
        labels: `(batch,)`.
        accelerator: with the processes.

    Returns:
        Embeddings `(all, hidden)`, with a gradient for those of this process, and labels `(all,)`, with `NOT_COUNTED`
        for rows that fill up smaller batches.
    """
    if accelerator.num_processes == 1:
        return embeddings, labels
    sizes = accelerator.gather(torch.tensor([len(labels)], device=labels.device)).tolist()
    missing = max(sizes) - len(labels)
    padded = torch.cat([embeddings, embeddings.new_zeros(missing, embeddings.shape[1])])
    labels = torch.cat([labels, labels.new_full((missing,), NOT_COUNTED)])
    gathered = accelerator.gather(padded.detach())
    start = accelerator.process_index * max(sizes)
    gathered = torch.cat([gathered[:start], padded, gathered[start + max(sizes) :]])
    return gathered, accelerator.gather(labels)


def center_loss_of_processes(
    embeddings: torch.Tensor, labels: torch.Tensor, num_classes: int, accelerator: Accelerator
) -> torch.Tensor:
    """
    The `center` form over the clips of all processes, multiplied by the number of clips of this one.

    The gradient is that of this process' share of the value times the clips of all: gradients are averaged over
    processes afterwards, and every process has the same value but only its own embeddings with a gradient.

    Args:
        embeddings: `(batch, hidden)` of this process.
        labels: `(batch,)`, class numbers, or `NOT_COUNTED`.
        num_classes: how many classes there are.
        accelerator: with the processes.
    """
    num_own = (labels != NOT_COUNTED).sum()
    embeddings, labels = all_processes_clips(embeddings, labels, accelerator)
    value = center_compact_loss(embeddings, labels, num_classes)
    if accelerator.num_processes == 1:
        return value * num_own
    return (value - value.detach()) * (labels != NOT_COUNTED).sum() + value.detach() * num_own
