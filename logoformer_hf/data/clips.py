"""The data set for training and evaluation: a clip is decoded when it is requested and stays uint8."""

from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import pyarrow.compute as pc
import torch
from transformers.video_utils import VideoMetadata

from ..image_reading_logoformer import VideoReadError
from ..video_processing_logoformer import LogoFormerVideoProcessor
from ..video_reading_logoformer import read_clip
from .shard_contents import embedded_frames, has_embedded_frames
from .transforms import TrainingTransforms, clip_seed

NOT_COUNTED = -100  # label of a clip that adds nothing to losses and scores; cross-entropy ignores it by default


class ClipDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """
    Clips of a split, read from disk one by one.

    With `transforms` (training): a random frame of each segment, transformed; both depend on (seed, epoch, clip_id)
    only. Without (evaluation): the output of the processor, which is the middle frame of each segment, resized and
    cropped.

    Args:
        rows: columns of `logoformer_hf.data.rows.clip_features`. `video` is the path of a video file or of a folder
            of frames, the content of a video file (`Video()`), a list of paths of frames, or a list of embedded images
            (`List(Image())`), of which only the sampled ones are decoded.
        processor: samples, decodes and resizes.
        transforms: training transforms, None for evaluation.
        seed: seed of the run.
        keep_unreadable: a clip that cannot be read is given as black frames that do not count, with the reason,
            instead of an error.
    """

    def __init__(
        self,
        rows: datasets.Dataset,
        processor: LogoFormerVideoProcessor,
        transforms: TrainingTransforms | None = None,
        seed: int = 0,
        keep_unreadable: bool = False,
    ):
        self.rows = rows
        # In the stored form: otherwise `datasets` decodes every embedded image of a row. (Casting the column to
        # `Image(decode=False)` would copy all of them to the disk.)
        self.stored_rows = rows.with_format("arrow")
        self.is_embedded = has_embedded_frames(rows)
        self.processor = processor
        self.transforms = transforms
        self.seed = seed
        self.keep_unreadable = keep_unreadable
        # In shared memory: persistent workers have a copy of this object and read the current epoch here.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        """Number of the epoch; the augmentation depends on it, on the seed and on the clip."""
        return int(self._epoch)

    @property
    def labels(self) -> list[int]:
        """Class number of every clip; no clip is read."""
        return list(self.rows["label"])

    @property
    def clip_ids(self) -> list[str]:
        """Name of every clip; no clip is read."""
        return list(self.rows["clip_id"])

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, also for worker processes that are already running."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """
        `frames` `(frames, channels, height, width)` uint8, the `label` and the `clip_id` of one clip.

        With `keep_unreadable`, a clip that cannot be read has the label `NOT_COUNTED`, and the reason as `problem`.

        Raises:
            VideoReadError: the clip cannot be read; the message names it.
        """
        row = self.stored_rows[index].to_pylist()[0]
        clip_id: str = row["clip_id"]
        try:
            if self.is_embedded:
                row["video"] = self.frames_of(row["video"])
            frames = self.middle_frames(row) if self.transforms is None else self.random_frames(row, self.transforms)
        except VideoReadError as error:
            if not self.keep_unreadable:
                raise VideoReadError(f"clip {clip_id}: {error}") from error
            return {"frames": self.black_frames(), "label": NOT_COUNTED, "clip_id": clip_id, "problem": str(error)}
        return {"frames": frames, "label": row["label"], "clip_id": clip_id}

    def frames_of(self, video: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Embedded frames without their paths. Raises a `VideoReadError` where one has a path alone."""
        try:
            return embedded_frames(video)
        except ValueError as error:
            raise VideoReadError(str(error)) from error

    def black_frames(self) -> torch.Tensor:
        """Frames in the place of those of a clip that cannot be read, `(frames, channels, height, width)` uint8."""
        size = self.processor.crop_size
        return torch.zeros(self.processor.num_frames, 3, size["height"], size["width"], dtype=torch.uint8)

    def middle_frames(self, row: dict[str, Any]) -> torch.Tensor:
        """Frames of a row for evaluation, `(frames, channels, height, width)` uint8."""
        # As a batch of one clip: in a batch, a list of paths is one clip.
        inputs = self.processor([row["video"]], do_rescale=False, do_normalize=False, return_tensors="pt")
        frames: torch.Tensor = inputs["pixel_values"][0]
        return frames

    def random_frames(self, row: dict[str, Any], transforms: TrainingTransforms) -> torch.Tensor:
        """Frames of a row for training, transformed, `(frames, channels, height, width)` uint8."""
        seed = clip_seed(self.seed, self.epoch, row["clip_id"])
        generator = torch.Generator().manual_seed(seed)

        def choose_indices(num_frames: int) -> list[int]:
            return self.processor.sample_frames(VideoMetadata(total_num_frames=num_frames), generator=generator)

        frames, _ = read_clip(row["video"], choose_indices, transforms.min_side_px)
        # (frames, height, width, channels) to channels first as a view: resizing is faster in this memory order.
        return transforms(torch.from_numpy(frames).permute(0, 3, 1, 2), seed)


def keep_labels(rows: datasets.DatasetDict, label_names: list[str]) -> datasets.DatasetDict:
    """
    Only the rows of these classes, with the classes numbered in this order.

    Raises:
        ValueError: an unknown or repeated name, or fewer than two names.
    """
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
    """Paths of clips, or of frames of clips, that do not exist."""
    if isinstance(rows.features["video"], datasets.Video):
        stored = rows.with_format("arrow")["video"].combine_chunks()
        paths = pc.filter(pc.struct_field(stored, "path"), pc.is_null(pc.struct_field(stored, "bytes"))).to_pylist()
        return [str(path) for path in paths if not path or not Path(path).exists()]
    is_list = isinstance(rows.features["video"], (datasets.List, datasets.LargeList))
    paths = chain.from_iterable(rows["video"]) if is_list else rows["video"]
    return [path for path in paths if not Path(path).exists()]


def check_files(clips: datasets.Dataset, split: str) -> None:
    """Raises a `FileNotFoundError` where videos of a split do not exist; the message names the first three."""
    missing = [] if has_embedded_frames(clips) else missing_paths(clips)
    if missing:
        raise FileNotFoundError(
            f"split {split!r}: {len(missing)} of {len(clips)} videos do not exist, e.g. {', '.join(missing[:3])}."
        )


def check_rows(rows: datasets.DatasetDict) -> None:
    """
    Checks, before training, that every split and every class has clips and that their files exist.

    Raises:
        ValueError: a split without clips, or a class without a clip to train on.
        FileNotFoundError: videos that do not exist; the message names the first three.
    """
    for split, clips in rows.items():
        if len(clips) == 0:
            raise ValueError(f"split {split!r} has no clips.")
        check_files(clips, split)
    train = rows["train"]
    present = set(train["label"])
    empty = [name for number, name in enumerate(train.features["label"].names) if number not in present]
    if empty:
        raise ValueError(
            f"split 'train' has no clip of {', '.join(empty)}: add clips, or leave the class out with `labels`."
        )
