"""Several views of a clip, whose scores are averaged: other frames of the same clip, and mirrored ones."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import datasets
import torch

from ..safe_reading_logoformer import read_clip_safely
from ..video_processing_logoformer import LogoFormerVideoProcessor, sample_frame_indices
from ..video_reading_logoformer import read_clip
from .clips import ClipDataset

PLACES = (0.25, 0.75)  # of the frames in each segment; a single view has those at 0.5


class ClipViews(ClipDataset):
    """
    Clips for evaluation, each in four views, which follow one another: two choices of frames, each as it is and
    mirrored.

    The frames are chosen from the same segments as for a single view, as many in a row: not in the middle of a
    segment, but in the middle of its first and of its second half. So both choices cover the whole clip and are as
    training may choose them. They have no frame in common in clips with at least twice as many frames as the model
    takes; in shorter ones they share some, and with at most as many both are the same.

    The other half of the views is mirrored instead of cropped elsewhere: the shorter side of a frame is resized to
    that of the model's input, so a square crop of a face has no margin to move a crop in, and in a wide frame the
    centre is where the face is. Training mirrors half of the clips.

    Args:
        rows, processor, keep_unreadable: as in `ClipDataset`.
    """

    num_views = 2 * len(PLACES)

    def __init__(self, rows: datasets.Dataset, processor: LogoFormerVideoProcessor, keep_unreadable: bool = False):
        super().__init__(rows, processor, keep_unreadable=keep_unreadable)

    @property
    def labels(self) -> list[int]:
        """Class number of every view; no clip is read."""
        return [label for label in super().labels for _ in range(self.num_views)]

    @property
    def clip_ids(self) -> list[str]:
        """Name of the clip of every view; no clip is read."""
        return [clip_id for clip_id in super().clip_ids for _ in range(self.num_views)]

    def __len__(self) -> int:
        return self.num_views * super().__len__()

    def __getitem__(self, index: int) -> dict[str, Any]:
        """A view, as `ClipDataset` gives a clip: view `index % num_views` of clip `index // num_views`."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Views by their numbers, as data loaders ask for them; views of a clip in a row are read together."""
        views = []
        for row, numbers in groupby(indices, lambda index: index // self.num_views):
            clip = super().__getitem__(row)
            chosen = clip["frames"].unflatten(0, (len(PLACES), -1))  # (places, frames, channels, height, width)
            for number in numbers:
                place, is_mirrored = divmod(number % self.num_views, 2)
                views.append(clip | {"frames": chosen[place].flip(-1) if is_mirrored else chosen[place]})
        return views

    def middle_frames(self, row: dict[str, Any]) -> torch.Tensor:
        """Frames of a row by all `PLACES`, one after another, `(places x frames, channels, height, width)` uint8."""
        processor = self.processor
        chosen: list[int] = []

        def choose_indices(num_frames: int) -> list[int]:
            for place in PLACES:
                chosen.extend(
                    sample_frame_indices(num_frames, processor.num_frames, processor.frames_per_segment, place=place)
                )
            return sorted(set(chosen))

        read = read_clip_safely if processor.safe_decode else read_clip
        frames, _ = read(row["video"], choose_indices, processor.min_decoded_side_px())
        options: dict[str, Any] = {"do_sample_frames": False, "do_rescale": False, "do_normalize": False}
        distinct = processor([frames], **options, return_tensors="pt")["pixel_values"][0]
        position = {index: number for number, index in enumerate(sorted(set(chosen)))}
        repeated: torch.Tensor = distinct[[position[index] for index in chosen]]
        return repeated

    def black_frames(self) -> torch.Tensor:
        """Black frames in the place of those of `middle_frames`."""
        return super().black_frames().repeat(len(PLACES), 1, 1, 1)
