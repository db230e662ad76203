"""Trains on frame tokens instead of frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import Trainer

from ...training.trainer import LogoFormerTrainer
from .trials import ERASING, UNIT_CENTER, erase, unit_center_weight, unit_length


class TokenTrainer(LogoFormerTrainer):
    """
    Trains on frame tokens, which are passed to the model as `inputs_embeds` without a processor.

    Args:
        trials: changes that no field of the package makes, see `trials.py`.
    """

    def __init__(self, *args: Any, trials: Sequence[str] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.trials = trials

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        inputs = dict(inputs)
        # Stored as float16; (batch, frames, height, width, features)
        inputs["inputs_embeds"] = inputs.pop("frames").float()
        if ERASING in self.trials and self.model.training:
            inputs["inputs_embeds"] = erase(inputs["inputs_embeds"])
        return Trainer._prepare_inputs(self, inputs)

    def clip_losses(self, outputs: Mapping[str, torch.Tensor], labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """As in `LogoFormerTrainer`, with the compact loss of embeddings of length 1 where it is tried."""
        if UNIT_CENTER in self.trials:
            outputs = {**outputs, "embedding": unit_length(outputs["embedding"])}
        return super().clip_losses(outputs, labels)

    @property
    def loss_weights(self) -> dict[str, float]:
        """As in `LogoFormerTrainer`, with the compact loss warmed up where that is tried."""
        weights = super().loss_weights
        if UNIT_CENTER in self.trials:
            weights["compact_loss"] = unit_center_weight(self.state.global_step, self.state.max_steps)
        return weights
