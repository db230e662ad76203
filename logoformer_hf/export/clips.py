"""Clips to calibrate and to measure an export on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import PreTrainedModel
from transformers.video_processing_utils import BaseVideoProcessor

from ..data.clips import ClipDataset
from ..data.collator import collate_clips
from ..data.sources.arguments import SourceArguments
from ..data.sources.gather import gather_clips
from ..data.sources.source import Source
from ..models.inputs import model_inputs, reading_processor

CALIBRATION_SPLIT, TEST_SPLIT = "train", "test"
_DRAWN = {"num_train_clips": 1400, "num_validation_clips": 350, "num_test_clips": 350}  # by default


@dataclass
class Batch:
    """Clips of a batch, `pixel_values (batch, frames, channels, height, width)`, and their labels `(batch,)`."""

    pixel_values: torch.Tensor
    labels: torch.Tensor


class ExportClips:
    """
    The clips that arguments name.

    Args:
        source_args: which clips; of a source with folds the first fold that is named.
        processor: the model's own.
        model: the model.
        splits: that the data set must have.

    Raises:
        ValueError: it lacks one of them.
    """

    def __init__(
        self,
        source_args: SourceArguments,
        processor: BaseVideoProcessor,
        model: PreTrainedModel,
        splits: Sequence[str],
    ):
        self.processor = processor
        self.reading = reading_processor(processor, model)
        self.source: Source = gather_clips(source_args, source_args.folds[0], None)
        if lost := [split for split in splits if split not in self.source.rows]:
            raise ValueError(
                f"int8 is calibrated on the split 'train', and exports are compared on 'test'; this data set has no "
                f"{lost[0]!r}, but {', '.join(self.source.rows)}."
            )

    @property
    def label_names(self) -> list[str]:
        """Labels of the data set in the order of their numbers."""
        names: list[str] = self.source.rows[TEST_SPLIT].features["label"].names
        return names

    def batches(self, split: str, batch_size: int, num_clips: int | None = None) -> Iterator[Batch]:
        """Clips of a split, spread over it evenly where there are more than `num_clips`."""
        rows = self.source.rows[split]
        if num_clips is not None and len(rows) > num_clips:
            rows = rows.select([number * len(rows) // num_clips for number in range(num_clips)])
        loader: Any = DataLoader(ClipDataset(rows, self.reading), batch_size, collate_fn=collate_clips)
        for batch in loader:
            yield Batch(model_inputs(self.processor, batch["frames"])["pixel_values"], batch["labels"])

    def calibration(self, num_clips: int) -> list[torch.Tensor]:
        """Clips one by one, each `(1, frames, channels, height, width)`."""
        return [batch.pixel_values for batch in self.batches(CALIBRATION_SPLIT, 1, num_clips)]


def few_clips(source_args: SourceArguments, num_train: int, num_test: int) -> SourceArguments:
    """The arguments with fewer synthetic clips, where their numbers were not chosen: nobody waits for more."""
    if source_args.source.is_on_disk or any(getattr(source_args, name) != number for name, number in _DRAWN.items()):
        return source_args
    fewer: dict[str, Any] = {"num_train_clips": num_train, "num_validation_clips": 7, "num_test_clips": num_test}
    return replace(source_args, **fewer)
