"""Collates clips into a batch."""

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


def check_shapes(shapes: set[tuple[int, ...]]) -> None:
    """Raises a ValueError for clips of more than one shape."""
    if len(shapes) > 1:
        raise ValueError(f"the clips of a batch have different shapes: {sorted(shapes)}.")
