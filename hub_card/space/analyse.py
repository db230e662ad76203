"""What the model reads in a clip, as numbers and frames, apart from the page that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForVideoClassification, AutoVideoProcessor


@dataclass(frozen=True)
class Reading:
    """
    What the model says about one clip of one face, and what it looked at.

    Attributes:
        scores: probability of each label, by its name.
        frames: the frames that the model saw, cropped and resized, `(frames, height, width, 3)` uint8 RGB.
        frame_indices: where in the clip they are, from 0.
        num_frames: frames of the clip.
        looks: how much global attention each token's window gets, 1 for an even share, `(frames, grid height, grid
            width)`; None for a model without global attention.
    """

    scores: dict[str, float]
    frames: np.ndarray
    frame_indices: list[int]
    num_frames: int
    looks: np.ndarray | None

    @property
    def label(self) -> str:
        return max(self.scores, key=self.scores.get)


class ClipReader:
    """
    A model with its processor, by the code that comes with it.

    Args:
        model_id: repository on the Hub, or a folder.
    """

    def __init__(self, model_id: str):
        self.processor = AutoVideoProcessor.from_pretrained(model_id, trust_remote_code=True)
        # Only eager attention can show its weights.
        self.model = AutoModelForVideoClassification.from_pretrained(
            model_id, trust_remote_code=True, attn_implementation="eager"
        ).eval()

    @torch.inference_mode()
    def read(self, path: str | Path) -> Reading:
        """
        Reads a video of one face.

        Raises:
            ValueError: for a file that is no readable video; the message names it and says why.
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
    How much all tokens look at each window: the mean over layers, heads and tokens, laid over the window's tokens.

    Args:
        global_attentions: one a layer, `(1, heads, tokens, windows)`, windows in (frames, height, width) order.
        grid: tokens of the clip along (frames, height, width).
        window_size: tokens of a window along (frames, height, width).

    Returns:
        `grid`, relative to an even share: 2 is a window that is looked at twice as much as the mean window.
    """
    shares = torch.stack(list(global_attentions)).mean(dim=(0, 1, 2, 3))  # (windows,), in all 1
    counts = [-(-size // window) for size, window in zip(grid, window_size, strict=True)]
    looks = shares.reshape(counts) * len(shares)
    for axis, window in enumerate(window_size):
        looks = looks.repeat_interleave(window, dim=axis)
    return looks[: grid[0], : grid[1], : grid[2]].numpy()  # without the padding of the last windows
