"""Runs the model on a clip and returns scores, frames and attention, without the page that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForVideoClassification, AutoVideoProcessor


@dataclass(frozen=True)
class Reading:
    """
    The output of the model for one clip of one face.

    Attributes:
        scores: probability of each label, by its name.
        frames: the input frames of the model, cropped and resized, `(frames, height, width, 3)` uint8 RGB.
        frame_indices: their numbers in the clip, from 0.
        num_frames: frames of the clip.
        looks: global attention to the window of each token, 1 for an even share, `(frames, grid height, grid width)`;
            None for a model without global attention.
    """

    scores: dict[str, float]
    frames: np.ndarray
    frame_indices: list[int]
    num_frames: int
    looks: np.ndarray | None

    @property
    def label(self) -> str:
        """The label with the highest score."""
        return max(self.scores, key=self.scores.get)


class ClipReader:
    """
    A model with its processor, loaded with the code in its repository.

    Args:
        model_id: repository on the Hub, or a folder.
    """

    def __init__(self, model_id: str):
        self.processor = AutoVideoProcessor.from_pretrained(model_id, trust_remote_code=True)
        # Only eager attention returns its weights.
        self.model = AutoModelForVideoClassification.from_pretrained(
            model_id, trust_remote_code=True, attn_implementation="eager"
        ).eval()

    @torch.inference_mode()
    def read(self, path: str | Path) -> Reading:
        """
        Reads a video of one face and runs the model on it.

        Raises:
            ValueError: not a readable video; the message has the file and the reason.
        """
        inputs = self.processor(path, return_metadata=True, return_tensors="pt")
        pixel_values, metadata = inputs["pixel_values"], inputs["video_metadata"][0]
        frame_tokens = self.model.encode_frames(pixel_values)  # (1, frames, grid height, grid width, features)
        outputs = self.model(inputs_embeds=frame_tokens, output_attentions=True)
        probabilities = outputs.logits[0].softmax(-1).tolist()
        looks = None
        if outputs.global_attentions:
            looks = spread_over_grid(outputs.global_attentions, frame_tokens.shape[1:4], self.model.config.window_size)
        return Reading(
            scores={self.model.config.id2label[number]: score for number, score in enumerate(probabilities)},
            frames=self.to_pictures(pixel_values[0]),
            frame_indices=list(metadata.frames_indices),
            num_frames=metadata.total_num_frames,
            looks=looks,
        )

    def to_pictures(self, pixel_values: torch.Tensor) -> np.ndarray:
        """Undoes the normalisation: `(frames, 3, height, width)` to `(frames, height, width, 3)` uint8."""
        mean, std = (
            torch.tensor(values)[:, None, None] for values in (self.processor.image_mean, self.processor.image_std)
        )
        pictures = (255 * (pixel_values * std + mean)).round().clamp(0, 255).to(torch.uint8)
        return pictures.permute(0, 2, 3, 1).numpy()


def spread_over_grid(
    global_attentions: Sequence[torch.Tensor], grid: Sequence[int], window_size: Sequence[int]
) -> np.ndarray:
    """
    Global attention to each window, the mean over layers, heads and tokens, repeated for all tokens of the window.

    Args:
        global_attentions: one per layer, `(1, heads, tokens, windows)`, windows in (frames, height, width) order.
        grid: tokens of the clip along (frames, height, width).
        window_size: tokens of a window along (frames, height, width).

    Returns:
        An array of shape `grid`, relative to an even share: 2 is a window with twice the mean attention.
    """
    shares = torch.stack(list(global_attentions)).mean(dim=(0, 1, 2, 3))  # (windows,), their sum is 1
    counts = [-(-size // window) for size, window in zip(grid, window_size, strict=True)]
    looks = shares.reshape(counts) * len(shares)
    for axis, window in enumerate(window_size):
        looks = looks.repeat_interleave(window, dim=axis)
    return looks[: grid[0], : grid[1], : grid[2]].numpy()  # without the padding of the last windows
