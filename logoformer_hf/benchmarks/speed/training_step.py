"""One step of training: forward, backward, optimiser."""

from typing import Any

import torch
from torch import nn

from .models import Contestant


class TrainingStep:
    """
    Trains a model on the same clips, a step a call.

    Args:
        contestant: how the model is called.
        model: is trained.
        clips: `(batch, frames, channels, height, width)`.
        checkpointing: computes activations again in the backward pass instead of keeping them.
        bf16: mixed precision with bfloat16.
    """

    def __init__(
        self,
        contestant: Contestant,
        model: nn.Module,
        clips: torch.Tensor,
        checkpointing: bool = False,
        bf16: bool = False,
    ):
        self.contestant, self.clips, self.bf16 = contestant, clips, bf16
        self.model = model.train()
        if checkpointing:
            enable: Any = model.gradient_checkpointing_enable
            enable({"use_reentrant": False})
        self.labels = torch.zeros(len(clips), dtype=torch.long, device=clips.device)
        self.optimiser = torch.optim.AdamW(model.parameters(), fused=clips.device.type == "cuda")

    def __call__(self) -> None:
        """One step."""
        with torch.autocast(self.clips.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self.contestant.logits(self.model, self.clips)
            loss = nn.functional.cross_entropy(logits, self.labels)
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
