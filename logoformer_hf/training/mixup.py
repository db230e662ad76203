"""
Mixup and CutMix: training on mixtures of two clips, with the labels of both. Sources: Zhang, Cissé, Dauphin,
Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018; Yun et al., "CutMix: Regularization Strategy to
Train Strong Classifiers with Localizable Features", ICCV 2019.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..data.clips import NOT_COUNTED
from ..data.transforms import clip_seed

Losses = dict[str, torch.Tensor]
Box = tuple[slice, slice, slice]  # along frames, height and width


@dataclass(frozen=True)
class Mixture:
    """
    How the clips of a micro-batch are mixed.

    Attributes:
        share: what remains of every clip, 0 to 1; the rest comes from its partner.
        partners: `(batch,)`, the place of every clip's partner in the micro-batch, which may be its own.
        box: the part of a clip that its partner replaces; None for a weighted sum of both everywhere.
    """

    share: float
    partners: torch.Tensor
    box: Box | None = None

    def mix(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs of a model with pixels or frame tokens mixed. Raises a `ValueError` where there are none."""
        name, axes = find_clips(inputs)
        values = inputs[name]
        if self.box is None:
            mixed = torch.lerp(values[self.partners], values, self.share)
        else:
            parts = dict(zip(axes, self.box, strict=True))
            index = tuple(parts.get(axis, slice(None)) for axis in range(values.ndim))
            mixed = values.clone()
            mixed[index] = values[index][self.partners]
        return {**inputs, name: mixed}

    def losses(self, labels: torch.Tensor, losses_with: Callable[[torch.Tensor], Losses]) -> Losses:
        """
        Each loss with the labels of the clips times `share`, plus that with the labels of their partners times the
        rest. A clip that does not count adds nothing to either.

        Args:
            labels: `(batch,)`, class numbers, or `NOT_COUNTED`.
            losses_with: gives the losses of the micro-batch for labels `(batch,)`, each summed over the clips.
        """
        own, of_partners = losses_with(labels), losses_with(labels[self.partners])
        return {name: self.share * own[name] + (1 - self.share) * of_partners[name] for name in own}


def find_clips(inputs: Mapping[str, Any]) -> tuple[str, tuple[int, int, int]]:
    """
    Name of the clips among the inputs of a model, and their axes of frames, height and width.

    Frame tokens are `inputs_embeds (batch, frames, height, width, features)`; what else is floating point and has five
    axes is pixels, `(batch, frames, channels, height, width)`.

    Raises:
        ValueError: there are none.
    """
    for name, values in inputs.items():
        if isinstance(values, torch.Tensor) and values.is_floating_point() and values.ndim == 5:
            return name, (1, 2, 3) if name == "inputs_embeds" else (1, 3, 4)
    raise ValueError(
        f"`mixup_alpha` is set, but the model's inputs ({', '.join(inputs) or 'none'}) have no pixels or frame "
        "tokens to mix: set it to 0."
    )


def draw_box(kind: str, share: float, sizes: Sequence[int], random: np.random.Generator) -> tuple[float, Box]:
    """
    A part of a clip at a random place.

    Args:
        kind: "time" for some frames in a row, "space" for a rectangle of all frames, as high and wide in proportion.
        share: about the share of the clip that is not in this part, 0 to 1.
        sizes: frames, height and width of the clip.
        random: where the place comes from.

    Returns:
        The share for a part of whole frames or rows and columns, and the part.
    """
    cut = 1 - share
    shares = (cut, 1.0, 1.0) if kind == "time" else (1.0, cut**0.5, cut**0.5)
    lengths = [round(of_axis * size) for of_axis, size in zip(shares, sizes, strict=True)]
    starts = [int(random.integers(size - length + 1)) for length, size in zip(lengths, sizes, strict=True)]
    t, h, w = (slice(start, start + length) for start, length in zip(starts, lengths, strict=True))
    return 1 - float(np.prod(lengths) / np.prod(sizes)), (t, h, w)


def draw_mixture(
    alpha: float,
    kind: str,
    inputs: Mapping[str, Any],
    labels: torch.Tensor,
    seed: int,
    step: int,
    micro_batch: int,
    process_index: int,
) -> Mixture:
    """
    How to mix a micro-batch: a function of the arguments, so a resume does not change it.

    The share is from a Beta(alpha, alpha) distribution, and the same in all processes, because `center` compares the
    clips of all. Partners are clips of the same process. Clips that could not be read are not mixed.

    Args:
        alpha: more than 0. With small values one of both clips has almost all, with large ones each has half.
        kind: "sum", or as in `draw_box`.
        inputs: of the model.
        labels: `(batch,)`, class numbers, or `NOT_COUNTED`.
        seed: seed of the run.
        step: number of the optimiser step.
        micro_batch: number of the micro-batch in this step.
        process_index: number of the process.
    """
    random = np.random.default_rng(clip_seed(seed, step, f"mixup {micro_batch}"))
    share, box = float(random.beta(alpha, alpha)), None
    if kind != "sum":
        name, axes = find_clips(inputs)
        share, box = draw_box(kind, share, [inputs[name].shape[axis] for axis in axes], random)
    of_process = np.random.default_rng(clip_seed(seed, step, f"mixup {micro_batch} of process {process_index}"))
    drawn = torch.from_numpy(of_process.permutation(len(labels))).to(labels.device, non_blocking=True)
    is_mixed = (labels != NOT_COUNTED) & (labels[drawn] != NOT_COUNTED)
    return Mixture(share, torch.where(is_mixed, drawn, torch.arange(len(labels), device=labels.device)), box)
