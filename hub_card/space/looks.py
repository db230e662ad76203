"""Runs the model on one window with eager attention, which alone gives its weights: what it saw, where it looked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import AutoModelForVideoClassification, AutoVideoProcessor


@dataclass(frozen=True)
class Look:
    """
    What the model saw in a window and where its attention was.

    Attributes:
        scores: raw probability of each label, by its name.
        frames: the input frames of the model, resized, `(frames, height, width, 3)` uint8 RGB.
        shares: global attention to the window of each token, 1 for an even share, `(frames, grid height, grid width)`;
            None for a model without global attention.
    """

    scores: dict[str, float]
    frames: np.ndarray
    shares: np.ndarray | None


class Looker:
    """
    A model with its processor, for windows one at a time.

    Args:
        model_id: repository on the Hub, or a folder.
    """

    def __init__(self, model_id: str):
        self.processor = AutoVideoProcessor.from_pretrained(model_id)
        self.model = AutoModelForVideoClassification.from_pretrained(model_id, attn_implementation="eager").eval()

    @torch.inference_mode()
    def look(self, crops: np.ndarray) -> Look:
        """Runs the model on the crops of a window, `(frames, height, width, 3)` uint8 RGB."""
        pixel_values = self.processor(torch.from_numpy(crops), return_tensors="pt")["pixel_values"]
        frame_tokens = self.model.encode_frames(pixel_values)  # (1, frames, grid height, grid width, features)
        outputs = self.model(inputs_embeds=frame_tokens, output_attentions=True)
        probabilities = outputs.logits[0].softmax(-1).tolist()
        shares = None
        if outputs.global_attentions:
            config = self.model.config
            summary_size = config.summary_size or config.window_size
            shares = spread_over_grid(outputs.global_attentions, frame_tokens.shape[1:4], summary_size)
        return Look(
            scores={self.model.config.id2label[number]: score for number, score in enumerate(probabilities)},
            frames=self.to_pictures(pixel_values[0]),
            shares=shares,
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
    shares_on_grid = shares.reshape(counts) * len(shares)
    for axis, window in enumerate(window_size):
        shares_on_grid = shares_on_grid.repeat_interleave(window, dim=axis)
    return shares_on_grid[: grid[0], : grid[1], : grid[2]].numpy()  # without the padding of the last windows
