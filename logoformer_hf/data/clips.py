"""From rows to what the model trains on: a clip is decoded when asked for and stays uint8 up to the collator."""

from pathlib import Path

import datasets
import torch

from ..video_processing_logoformer import LogoFormerVideoProcessor
from .transforms import TrainingTransforms, clip_seed


class ClipDataset(torch.utils.data.Dataset):
    """
    Clips of a split, read from disk one by one.

    With `transforms`, for training: frames from random places of their segments and transformed, both a function of
    (seed, epoch, clip_id) alone. Without, for evaluation: the middle of each segment, resized and cropped.

    Args:
        rows: columns of `logoformer_hf.data.rows.clip_features`.
        processor: samples, decodes and resizes.
        transforms: what training does to a clip's frames.
        seed: of the run.
    """

    def __init__(
        self,
        rows: datasets.Dataset,
        processor: LogoFormerVideoProcessor,
        transforms: TrainingTransforms | None = None,
        seed: int = 0,
    ):
        self.rows = rows
        self.processor = processor
        self.transforms = transforms
        self.seed = seed
        self.epoch = 0

    @property
    def labels(self) -> list[int]:
        """Class number of every clip, without reading any."""
        return list(self.rows["label"])

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        """`frames` `(frames, channels, height, width)` uint8 and the `label` of one clip."""
        row = self.rows[index]
        keep_uint8 = {"do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
        if self.transforms is None:
            frames = self.processor(row["video"], **keep_uint8)["pixel_values"][0]
        else:
            seed = clip_seed(self.seed, self.epoch, row["clip_id"])
            generator = torch.Generator().manual_seed(seed)
            keep_size = {"do_resize": False, "do_center_crop": False}
            frames = self.processor(row["video"], generator=generator, **keep_size, **keep_uint8)["pixel_values"][0]
            frames = self.transforms(frames, seed)
        return {"frames": frames, "label": row["label"]}


def keep_labels(rows: datasets.DatasetDict, label_names: list[str]) -> datasets.DatasetDict:
    """Rows of these classes alone, renumbered in this order; an unknown name raises a ValueError."""
    known = rows["train"].features["label"].names
    unknown = [name for name in label_names if name not in known]
    if unknown or len(set(label_names)) < max(len(label_names), 2):
        raise ValueError(
            f"`labels` is {label_names}; it must be at least two different ones of {known}"
            + (f", and {unknown[0]!r} is none of them." if unknown else ".")
        )
    new_number = {known.index(name): number for number, name in enumerate(label_names)}
    features = rows["train"].features.copy()
    features["label"] = datasets.ClassLabel(names=list(label_names))
    return rows.filter(lambda label: label in new_number, input_columns="label").map(
        lambda row: {"label": new_number[row["label"]]}, features=features
    )


def check_rows(rows: datasets.DatasetDict) -> None:
    """
    Finds before training what would stop it later.

    Raises:
        ValueError: a split without clips, or a class without a clip to train on.
        FileNotFoundError: videos that are not there, the first ones by name.
    """
    for split, clips in rows.items():
        if len(clips) == 0:
            raise ValueError(f"split {split!r} has no clips.")
        missing = [video for video in clips["video"] if not Path(video).exists()]
        if missing:
            raise FileNotFoundError(
                f"split {split!r}: {len(missing)} of {len(clips)} videos are not there, e.g. {', '.join(missing[:3])}."
            )
    train = rows["train"]
    present = set(train["label"])
    empty = [name for number, name in enumerate(train.features["label"].names) if number not in present]
    if empty:
        raise ValueError(
            f"split 'train' has no clip of {', '.join(empty)}: add clips, or leave the class out with `labels`."
        )
