"""
Masked pretraining of a LOGO-Former on clips without labels: places of the grid are hidden in all frames of a clip, and
what is predicted there is how the light changes inside each hidden cell, as histograms of gradients.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from transformers.utils import ModelOutput

from ..configuration_logoformer import LogoFormerConfig
from ..modeling_logoformer import LogoFormerModel, LogoFormerPreTrainedModel

NUM_DIRECTIONS = 16
HIDDEN_SHARE = 0.4
# Added to the length of a histogram, in brightness from 0 to 1: an even wall has no directions but those of its noise.
_FAINT = 0.01  # per pixel
# Least variance of a place that errors are divided by: in clips that do not move nothing is to be explained, and what
# is predicted of them must not count a thousand times.
_LEAST_VARIANCE = 1e-3


def gradient_histograms(frames: torch.Tensor, cell_px: int) -> torch.Tensor:
    """
    Histograms of the directions in which brightness rises, weighted by its slope, one for every cell of a frame.

    Args:
        frames: `(batch, frames, channels, height, width)` uint8; height and width are multiples of `cell_px`.
        cell_px: height and width of a cell in pixels.

    Returns:
        `(batch, frames, height / cell_px, width / cell_px, NUM_DIRECTIONS)` float32, each of Euclidean length 1, or
        less where there is little contrast.
    """
    gray = frames.float().mean(dim=2) / 255  # (batch, frames, height, width)
    padded = nn.functional.pad(gray, (1, 1, 1, 1), mode="replicate")
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    right = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    slope = torch.hypot(down, right)
    # 0 to NUM_DIRECTIONS; a gradient counts for the two nearest directions, so that a small turn changes little.
    turn = (torch.atan2(down, right) / (2 * math.pi)).remainder(1.0) * NUM_DIRECTIONS
    lower = turn.floor()
    part = turn - lower
    batch_size, num_frames, height, width = gray.shape
    rows, columns = height // cell_px, width // cell_px
    row = torch.arange(height, device=gray.device) // cell_px
    column = torch.arange(width, device=gray.device) // cell_px
    clip_frame = torch.arange(batch_size * num_frames, device=gray.device).view(batch_size, num_frames, 1, 1)
    cell = (clip_frame * rows + row[:, None]) * columns + column  # (batch, frames, height, width), a number for each
    histograms = gray.new_zeros(batch_size * num_frames * rows * columns * NUM_DIRECTIONS)
    for step, weight in ((0, 1 - part), (1, part)):
        direction = (lower.long() + step) % NUM_DIRECTIONS
        histograms.index_add_(0, (cell * NUM_DIRECTIONS + direction).flatten(), (slope * weight).flatten())
    histograms = histograms.view(batch_size, num_frames, rows, columns, NUM_DIRECTIONS)
    length = histograms.square().sum(dim=-1, keepdim=True).add((_FAINT * cell_px**2) ** 2).sqrt()
    return histograms / length


def hide_places(
    batch_size: int, height: int, width: int, share: float = HIDDEN_SHARE, generator: torch.Generator | None = None
) -> torch.Tensor:
    """
    Random places of the grid, another choice for every clip and the same number in each.

    Args:
        batch_size: number of clips.
        height, width: of the grid.
        share: of the places, 0 to 1; at least one is hidden.
        generator: on the CPU; None is torch's own.

    Returns:
        `(batch, height, width)`, True where hidden.
    """
    number = max(round(share * height * width), 1)
    ranks = torch.rand(batch_size, height * width, generator=generator).argsort(dim=1).argsort(dim=1)
    return (ranks < number).view(batch_size, height, width)


def hide_pixels(pixel_values: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """
    Normalised frames `(batch, frames, channels, height, width)` with the mean, zero, at hidden places `(batch, rows,
    columns)`.
    """
    cell_px = pixel_values.shape[-1] // hidden.shape[-1]
    pixels = hidden.repeat_interleave(cell_px, dim=1).repeat_interleave(cell_px, dim=2)  # (batch, height, width)
    return pixel_values.masked_fill(pixels[:, None, None], 0.0)


@dataclass
class MaskedClipsOutput(ModelOutput):
    """
    Output of `LogoFormerForMaskedClips`.

    Args:
        unexplained (by name, each `()`): shares of the variance of the histograms that are not explained: "look", of a
            place's mean over the frames, and "motion", of the differences from that mean; at hidden places, and at
            visible ones as "visible_look" and "visible_motion".
        explained_differences (`()`): by `explained_differences`, at visible places.
    """

    unexplained: dict[str, torch.Tensor] | None = None
    explained_differences: torch.Tensor | None = None


class LogoFormerForMaskedClips(LogoFormerPreTrainedModel):
    """LOGO-Former with a linear head that reads from every token the histogram of its cell."""

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.logoformer = LogoFormerModel(config)
        self.head = nn.Linear(config.hidden_size, NUM_DIRECTIONS)
        self.post_init()

    def forward(
        self,
        pixel_values: torch.Tensor,
        histograms: torch.Tensor,
        hidden: torch.Tensor,
        counted: torch.Tensor | None = None,
    ) -> MaskedClipsOutput:
        """
        Args:
            pixel_values: `(batch, frames, channels, height, width)`, normalised.
            histograms: of the same frames, by `gradient_histograms`.
            hidden: `(batch, rows, columns)`, True where the frames are hidden.
            counted: `(batch,)`, False for clips that add nothing; None counts all.
        """
        outputs = self.logoformer(pixel_values=hide_pixels(pixel_values, hidden))
        predicted = self.head(outputs.last_hidden_state).float()  # (batch, frames, height, width, directions)
        weights = hidden.float() if counted is None else hidden * counted[:, None, None].float()
        others = (~hidden).float() if counted is None else ~hidden * counted[:, None, None].float()
        unexplained = unexplained_shares(predicted, histograms, weights)
        visible = unexplained_shares(predicted, histograms, others)
        unexplained |= {f"visible_{name}": share for name, share in visible.items()}
        return MaskedClipsOutput(
            unexplained=unexplained, explained_differences=explained_differences(predicted, histograms, others)
        )


def unexplained_shares(
    predicted: torch.Tensor, histograms: torch.Tensor, weights: torch.Tensor
) -> dict[str, torch.Tensor]:
    """
    Shares of the variance that a prediction leaves unexplained: 0 for a perfect one, 1 for the same everywhere. A mean
    face, the same for all clips, is between.

    Args:
        predicted, histograms: `(batch, frames, rows, columns, directions)`.
        weights: of places, `(batch, rows, columns)`; 0 leaves one out.

    Returns:
        "look", of the means over the frames, beside the mean over all places; "motion", of the differences from a
        place's mean over the frames. Zero where nothing counts.
    """
    weights = weights[..., None]  # (batch, rows, columns, 1)
    look, guess = histograms.mean(dim=1), predicted.mean(dim=1)  # (batch, rows, columns, directions)
    centre = (look * weights).sum(dim=(0, 1, 2)) / weights.sum().clamp(min=1.0)  # (directions,)
    motion, moved = histograms - look[:, None], predicted - guess[:, None]
    errors = {"look": (guess - look).square(), "motion": (moved - motion).square().mean(dim=1)}
    spreads = {"look": (look - centre).square(), "motion": motion.square().mean(dim=1)}
    least = (_LEAST_VARIANCE * weights.sum()).clamp(min=_LEAST_VARIANCE)
    return {
        name: (errors[name] * weights).sum() / torch.maximum((spreads[name] * weights).sum(), least) for name in errors
    }


def explained_differences(predicted: torch.Tensor, histograms: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """
    How much a prediction tells of what distinguishes the clips of a batch: the share of the variance of how a place
    looks, its mean over the frames, around the mean over the clips of the same place.

    Args:
        predicted, histograms: `(batch, frames, rows, columns, directions)`.
        weights: of places, `(batch, rows, columns)`; 0 leaves one out.

    Returns:
        `()`, 1 for a perfect prediction, 0 at most for what does not depend on the clip; 0 where no clips differ, as
        for one clip.
    """
    weights = weights.detach()[..., None]  # (batch, rows, columns, 1)
    num_clips = weights.sum(dim=0).clamp(min=1.0)  # of every place, (rows, columns, 1)

    def from_mean_clip(values: torch.Tensor) -> torch.Tensor:
        look = values.detach().mean(dim=1)  # (batch, rows, columns, directions)
        return (look - (look * weights).sum(dim=0) / num_clips) * weights

    told, true = from_mean_clip(predicted), from_mean_clip(histograms)
    variance = true.square().sum()
    share = 1 - (told - true).square().sum() / variance.clamp(min=torch.finfo(torch.float32).tiny)
    return torch.where(variance > 0, share, torch.zeros_like(share))
