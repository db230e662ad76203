"""Collates clips into a batch, and parts of a batch into the whole one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import default_collate


def collate_clips(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Clips of `ClipDataset` to `frames (batch, frames, channels, height, width)` uint8 and `labels (batch,)`.

    Where the clips have names, `clip_ids` is the list of them, and where some could not be read, `problems` is a
    dictionary of their names and the reasons.

    Raises:
        ValueError: clips with different shapes.
    """
    check_shapes({tuple(clip["frames"].shape) for clip in clips})
    named = [clip["clip_id"] for clip in clips if "clip_id" in clip]
    problems = {clip["clip_id"]: clip["problem"] for clip in clips if "problem" in clip}
    return {
        # In a worker it writes into shared memory; stacking on the heap let workers grow by a GB over 10,000 clips.
        # In this process the stack keeps the order of decoded frames, channels last, and sums in another order follow.
        "frames": default_collate([clip["frames"] for clip in clips]).contiguous(),
        "labels": torch.tensor([clip["label"] for clip in clips]),
        **({"clip_ids": named} if named else {}),
        **({"problems": problems} if problems else {}),
    }


def collate_as_decoded(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """
    As `collate_clips`, with `frames (batch, frames, height, width, channels)`, the order in which frames are decoded
    and resized: copying them takes an eighth of the time then. A GPU reorders a batch in no time.
    """
    return collate_clips([clip | {"frames": clip["frames"].permute(0, 2, 3, 1)} for clip in clips])


def join_batches(
    parts: Sequence[dict[str, Any]], device: torch.device, are_as_decoded: bool = False
) -> dict[str, Any]:
    """
    The batch of `collate_clips` for the clips of all parts, in their order, with its tensors on a device.

    Args:
        parts: batches of `collate_clips`.
        device: where they are put together; parts in page-locked memory are copied there without waiting.
        are_as_decoded: the parts are of `collate_as_decoded`.

    Raises:
        ValueError: clips with different shapes.
    """
    check_shapes({tuple(part["frames"].shape[1:]) for part in parts})
    joined: dict[str, Any] = {}
    for name in parts[0]:
        if isinstance(parts[0][name], torch.Tensor):
            # Each to the device alone: there they are put together faster than here.
            tensors = [part[name].to(device, non_blocking=True) for part in parts]
            joined[name] = tensors[0] if len(tensors) == 1 else torch.cat(tensors)
    if are_as_decoded:
        # (batch, frames, height, width, channels) to (batch, frames, channels, height, width)
        joined["frames"] = joined["frames"].permute(0, 1, 4, 2, 3).contiguous()
    if named := [clip_id for part in parts for clip_id in part.get("clip_ids", [])]:
        joined["clip_ids"] = named
    if problems := {clip_id: reason for part in parts for clip_id, reason in part.get("problems", {}).items()}:
        joined["problems"] = problems
    return joined


def check_shapes(shapes: set[tuple[int, ...]]) -> None:
    """Raises a ValueError for clips of more than one shape."""
    if len(shapes) > 1:
        raise ValueError(f"the clips of a batch have different shapes: {sorted(shapes)}.")
