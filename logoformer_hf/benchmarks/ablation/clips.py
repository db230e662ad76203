"""The clips of the ablation, read once and stored as array files, which all runs are trained on."""

from functools import cache, lru_cache
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
from .variant import reference_config

MIDDLE = 8  # of a clip's 16 frames


@cache
def clip_processor() -> LogoFormerVideoProcessor:
    """Reads clips at the size of `reference_config`."""
    return LogoFormerVideoProcessor.from_config(reference_config())


def store_frames(
    rows: Dataset,
    file: Path,
    num_workers: int,
    transforms: TrainingTransforms | None = None,
    views: int = 1,
    processor: LogoFormerVideoProcessor | None = None,
) -> None:
    """
    Reads every clip `views` times, as for training with `transforms` or as for evaluation, and writes an array file.

    The file is uint8 `(views, clips, frames, channels, height, width)`. An existing file is kept; an error leaves
    none. By default clips are read by `clip_processor`.
    """
    if file.exists():
        return
    processor = processor or clip_processor()
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


@lru_cache(maxsize=4)
def array_on_device(file: Path, device: str) -> torch.Tensor:
    """The whole array of a file on a device. All runs of a process share it."""
    return torch.from_numpy(np.load(file, mmap_mode="c")).to(device)


def keep_batch(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The `collate_fn` for `StoredClips`, which gives whole batches."""
    return batch


class StoredClips(torch.utils.data.Dataset[dict[str, Any]]):
    """
    Clips of a split from the array files, one or a batch at a time.

    Args:
        clips_dir: folder of the array files.
        split: "train", "validation" or "test".
        kind: "frames", uint8 `(frames, channels, height, width)`, or "tokens", float16 `(frames, height, width,
            features)`.
        order: "clip", "middle" (the middle frame at every position), or "shuffled" (another order for every clip and
            epoch).
        seed: seed of the run.
        share: share of the clips of each class, 0 to 1: the first ones, at least one.
        device: device that keeps the whole array, so that a batch is only a list of indices; None reads every batch
            from the file.
        left_out: number of a class without clips in this data set.
    """

    def __init__(
        self,
        clips_dir: Path,
        split: str,
        kind: str,
        order: str = "clip",
        seed: int = 0,
        share: float = 1.0,
        device: str | None = None,
        left_out: int | None = None,
    ):
        file = clips_dir / f"{split}_{kind}.npy"
        self.clips: Any = np.load(file, mmap_mode="r") if device is None else array_on_device(file, device)
        facts = np.load(clips_dir / f"{split}.npz")
        self.places = first_of_each_class(facts["labels"], share)
        if left_out is not None:
            self.places = self.places[facts["labels"][self.places] != left_out]
        self.labels, self.clip_ids = (facts[name][self.places].tolist() for name in ("labels", "clip_ids"))
        self.order = order
        self.seed = seed
        self.device = device
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, which chooses the view of a clip and the order of shuffled frames."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        batch = self.__getitems__([index])
        return {"frames": batch["frames"][0], "label": self.labels[index]}

    def __getitems__(self, indices: list[int]) -> dict[str, torch.Tensor]:
        """A batch: `frames (batch, ...)` of the kind, and `labels (batch,)`. Data loaders ask for it."""
        view, places = self.epoch % len(self.clips), self.places[indices]
        if self.device is None:
            frames = torch.from_numpy(self.clips[view, places])  # a copy
        else:
            frames = self.clips[view].index_select(0, torch.from_numpy(places).to(self.device))
        if self.order != "clip":
            chosen = torch.stack([self.frame_order(index, frames.shape[1]) for index in indices])  # (batch, frames)
            frames = frames[torch.arange(len(indices))[:, None].to(frames.device), chosen.to(frames.device)]
        labels = torch.tensor([self.labels[index] for index in indices], device=frames.device)
        return {"frames": frames, "labels": labels}

    def frame_order(self, index: int, num_frames: int) -> torch.Tensor:
        """Indices of the frames of clip `index` in the order of this data set, `(frames,)`."""
        if self.order == "middle":
            return torch.full((num_frames,), MIDDLE)
        seed = clip_seed(self.seed, self.epoch, f"order of {self.clip_ids[index]}")
        return torch.randperm(num_frames, generator=torch.Generator().manual_seed(seed))


def first_of_each_class(labels: np.ndarray, share: float) -> np.ndarray:
    """Indices of the first clips of every class, sorted; `share` is that of each class, 0 to 1."""
    of_classes = [np.flatnonzero(labels == number) for number in np.unique(labels)]
    return np.sort(np.concatenate([places[: max(round(share * len(places)), 1)] for places in of_classes]))
