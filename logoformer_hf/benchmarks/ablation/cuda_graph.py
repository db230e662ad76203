"""Replays the forward and backward pass of a model on frame tokens as CUDA graphs."""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ...modeling_logoformer import LogoFormerClassifierOutput


class TokenScores(nn.Module):
    """A classifier whose inputs and outputs are plain tensors, as CUDA graphs need them."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model
        self.score = model.forward  # what the model computes, also after `replay_training` has replaced it

    def forward(self, inputs_embeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Frame tokens `(batch, frames, height, width, features)` to logits and embeddings."""
        outputs = self.score(inputs_embeds=inputs_embeds)
        return outputs.logits, outputs.embedding


def replay_training(model: PreTrainedModel, example: torch.Tensor) -> None:
    """
    Makes the model replay CUDA graphs in training. At the ablation's width a step consists of hundreds of kernels that
    take less time than their launches.

    Batches of another shape than the example, and evaluation, run as before.

    Args:
        model: a classifier with `logits` and `embedding`, on a CUDA device.
        example: a batch of frame tokens, float32.
    """
    scores = TokenScores(model).train()
    original = model.forward
    model.train()
    # Weights of the frame encoder take no part.
    graphed: Any = torch.cuda.make_graphed_callables(scores, (example,), allow_unused_input=True)

    def forward(*args: Any, **inputs: Any) -> Any:
        tokens = inputs.get("inputs_embeds")
        if not model.training or tokens is None or tokens.shape != example.shape or set(inputs) != {"inputs_embeds"}:
            return original(*args, **inputs)
        logits, embedding = graphed(tokens)
        return LogoFormerClassifierOutput(logits=logits, embedding=embedding)

    model.forward = forward
