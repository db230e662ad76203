"""From rows to what the model trains on: a clip is decoded when asked for and stays uint8 up to the collator."""

from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import torch
from transformers.video_utils import VideoMetadata

from ..video_processing_logoformer import LogoFormerVideoProcessor
from ..video_reading_logoformer import VideoReadError, read_clip
from .transforms import TrainingTransforms, clip_seed


class ClipDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """
    Clips of a split, read from disk one by one.

    With `transforms`, for training: frames from random places of their segments and transformed, both a function of
    (seed, epoch, clip_id) alone. Without, for evaluation: exactly what the processor gives, the middle of each
    segment, resized and cropped.

    Args:
        rows: columns of `logoformer_hf.data.rows.clip_features`. `video` is the path of a video file or of a folder
            of frames, a list of paths of frames, or a list of embedded images (`List(Image())`), of which only the
            sampled ones are decoded.
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
        # As they are stored: `datasets` would decode every embedded image of a row. (To cast the column to
        # `Image(decode=False)` would copy all of them to the disk.)
        self.stored_rows = rows.with_format("arrow")
        self.processor = processor
        self.transforms = transforms
        self.seed = seed
        # In shared memory: workers that stay alive between epochs have a copy of this object, and read the epoch here.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        """The number that augmentation is drawn with besides seed and clip."""
        return int(self._epoch)

    @property
    def labels(self) -> list[int]:
        """Class number of every clip, without reading any."""
        return list(self.rows["label"])

    def set_epoch(self, epoch: int) -> None:
        """Also reaches the worker processes that read this data set already."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """
        `frames` `(frames, channels, height, width)` uint8 and the `label` of one clip.

        Raises:
            VideoReadError: the clip cannot be read; the message names it.
        """
        row = self.stored_rows[index].to_pylist()[0]
        try:
            frames = self.middle_frames(row) if self.transforms is None else self.random_frames(row, self.transforms)
        except VideoReadError as error:
            raise VideoReadError(f"clip {row['clip_id']}: {error}") from error
        return {"frames": frames, "label": row["label"]}

    def middle_frames(self, row: dict[str, Any]) -> torch.Tensor:
        # As a batch of one: there, a list of paths is one clip.
        inputs = self.processor([row["video"]], do_rescale=False, do_normalize=False, return_tensors="pt")
        frames: torch.Tensor = inputs["pixel_values"][0]
        return frames

    def random_frames(self, row: dict[str, Any], transforms: TrainingTransforms) -> torch.Tensor:
        seed = clip_seed(self.seed, self.epoch, row["clip_id"])
        generator = torch.Generator().manual_seed(seed)

        def choose_indices(num_frames: int) -> list[int]:
            return self.processor.sample_frames(VideoMetadata(total_num_frames=num_frames), generator=generator)

        frames, _ = read_clip(row["video"], choose_indices, transforms.min_side_px)
        # (frames, height, width, channels) to channels first as a view: pixels in their own order are resized faster.
        return transforms(torch.from_numpy(frames).permute(0, 3, 1, 2), seed)


def has_embedded_frames(rows: datasets.Dataset) -> bool:
    """Whether `video` holds the images themselves, and not paths."""
    feature = rows.features["video"]
    return isinstance(feature, (datasets.List, datasets.LargeList)) and isinstance(feature.feature, datasets.Image)


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


def missing_paths(rows: datasets.Dataset) -> list[str]:
    """Of the clips' paths, or of the paths of their frames, those that are not there."""
    is_list = isinstance(rows.features["video"], (datasets.List, datasets.LargeList))
    paths = chain.from_iterable(rows["video"]) if is_list else rows["video"]
    return [path for path in paths if not Path(path).exists()]


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
        missing = [] if has_embedded_frames(clips) else missing_paths(clips)
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
