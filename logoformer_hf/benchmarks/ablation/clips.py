"""The clips of the ablation, read once and stored as array files, which all runs are trained on."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from datasets.utils import tqdm
from numpy.lib.format import open_memmap
from torch.utils.data import DataLoader

from ..._files import whole_file
from ...data.clips import ClipDataset
from ...data.collator import collate_clips
from ...data.transforms import TrainingTransforms, clip_seed
from ...video_processing_logoformer import LogoFormerVideoProcessor
from .variants import reference_config

MIDDLE = 8  # of a clip's 16 frames


@cache
def clip_processor() -> LogoFormerVideoProcessor:
    """Reads clips at the size of `reference_config`."""
    return LogoFormerVideoProcessor.from_config(reference_config())


def store_frames(
    rows: Dataset, file: Path, num_workers: int, transforms: TrainingTransforms | None = None, views: int = 1
) -> None:
    """
    Reads every clip `views` times, as for training with `transforms` or as for evaluation, and writes an array file.

    The file is uint8 `(views, clips, frames, channels, height, width)`. An existing file is kept; an error leaves
    none.
    """
    if file.exists():
        return
    processor = clip_processor()
    side = processor.crop_size["height"]
    clips = ClipDataset(rows, processor, transforms)
    shape = (views, len(clips), processor.num_frames, 3, side, side)
    with (
        whole_file(file) as partial,
        tqdm(total=views * len(clips), desc=f"Reading {file.stem}", unit="clip") as bar,
    ):
        stored = open_memmap(partial, "w+", np.uint8, shape)
        for view in range(views):
            clips.set_epoch(view)
            start = 0
            for batch in DataLoader(clips, batch_size=32, num_workers=num_workers, collate_fn=collate_clips):
                frames = batch["frames"].numpy()
                stored[view, start : start + len(frames)] = frames
                start += len(frames)
                bar.update(len(frames))
        stored.flush()


class StoredClips(torch.utils.data.Dataset[dict[str, Any]]):
    """
    Clips of a split from the array files.

    Args:
        clips_dir: folder of the array files.
        split: "train" or "test".
        kind: "frames", uint8 `(frames, channels, height, width)`, or "tokens", float16 `(frames, height, width,
            features)`.
        order: "clip", "middle" (the middle frame at every position), or "shuffled" (another order for every clip and
            epoch).
        seed: seed of the run.
        share: share of the clips of each class, 0 to 1: the first ones, at least one.
    """

    def __init__(self, clips_dir: Path, split: str, kind: str, order: str = "clip", seed: int = 0, share: float = 1.0):
        self.clips = np.load(clips_dir / f"{split}_{kind}.npy", mmap_mode="r")
        facts = np.load(clips_dir / f"{split}.npz")
        self.places = first_of_each_class(facts["labels"], share)
        self.labels, self.clip_ids = (facts[name][self.places].tolist() for name in ("labels", "clip_ids"))
        self.order = order
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, which chooses the view of a clip and the order of shuffled frames."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        clip = torch.from_numpy(self.clips[self.epoch % len(self.clips), self.places[index]].copy())
        return {"frames": clip[self.frame_order(index, len(clip))], "label": self.labels[index]}

    def frame_order(self, index: int, num_frames: int) -> Sequence[int] | slice | torch.Tensor:
        """Indices of the frames of clip `index` in the order of this data set."""
        if self.order == "middle":
            return [MIDDLE] * num_frames
        if self.order == "shuffled":
            seed = clip_seed(self.seed, self.epoch, f"order of {self.clip_ids[index]}")
            return torch.randperm(num_frames, generator=torch.Generator().manual_seed(seed))
        return slice(None)


def first_of_each_class(labels: np.ndarray, share: float) -> np.ndarray:
    """Indices of the first clips of every class, sorted; `share` is that of each class, 0 to 1."""
    of_classes = [np.flatnonzero(labels == number) for number in np.unique(labels)]
    return np.sort(np.concatenate([places[: max(round(share * len(places)), 1)] for places in of_classes]))
