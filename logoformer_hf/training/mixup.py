"""
Mixup: training on weighted sums of two clips. Source: Zhang, Cissé, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk
Minimization", ICLR 2018.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..data.clips import NOT_COUNTED
from ..data.transforms import clip_seed

Losses = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Mixture:
    """
    How the clips of a micro-batch are mixed.

    Attributes:
        share: what remains of every clip, 0 to 1; the rest comes from its partner.
        partners: `(batch,)`, the place of every clip's partner in the micro-batch, which may be its own.
    """

    share: float
    partners: torch.Tensor

    def mix(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """
        Inputs of a model with every floating-point tensor `(batch, ...)`, that is, pixels or frame tokens, mixed.

        Raises:
            ValueError: there is none.
        """
        mixed = {
            name: torch.lerp(values[self.partners], values, self.share)
            for name, values in inputs.items()
            if isinstance(values, torch.Tensor) and values.is_floating_point()
        }
        if not mixed:
            raise ValueError(
                f"`mixup_alpha` is set, but the model's inputs ({', '.join(inputs) or 'none'}) have no floating-point "
                "tensor to mix: set it to 0."
            )
        return {**inputs, **mixed}

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


def draw_mixture(
    alpha: float, labels: torch.Tensor, seed: int, step: int, micro_batch: int, process_index: int
) -> Mixture:
    """
    How to mix a micro-batch: a function of the arguments, so a resume does not change it.

    The share is from a Beta(alpha, alpha) distribution, and the same in all processes, because `center` compares the
    clips of all. Partners are clips of the same process. Clips that could not be read are not mixed.

    Args:
        alpha: more than 0. With small values one of both clips has almost all, with large ones each has half.
        labels: `(batch,)`, class numbers, or `NOT_COUNTED`.
        seed: seed of the run.
        step: number of the optimiser step.
        micro_batch: number of the micro-batch in this step.
        process_index: number of the process.
    """
    share = np.random.default_rng(clip_seed(seed, step, f"mixup {micro_batch}")).beta(alpha, alpha)
    of_process = np.random.default_rng(clip_seed(seed, step, f"mixup {micro_batch} of process {process_index}"))
    drawn = torch.from_numpy(of_process.permutation(len(labels))).to(labels.device, non_blocking=True)
    is_mixed = (labels != NOT_COUNTED) & (labels[drawn] != NOT_COUNTED)
    return Mixture(float(share), torch.where(is_mixed, drawn, torch.arange(len(labels), device=labels.device)))
