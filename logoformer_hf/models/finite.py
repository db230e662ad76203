"""Whether the weights and scores of a model are numbers, and not infinite or NaN."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

NUM_NAMED = 3  # tensors that a message names; the others are only counted


class NonFiniteError(ValueError):
    """A loss, a gradient, weights or scores that are infinite or no number."""


def non_finite_tensors(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Names of the tensors with a value that is infinite or no number; a GPU is waited for once."""
    floating = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    if not floating:
        return []
    are_finite = torch.stack([tensor.detach().isfinite().all() for tensor in floating.values()]).tolist()
    return [name for name, is_finite in zip(floating, are_finite, strict=True) if not is_finite]


def describe_tensors(names: Sequence[str]) -> str:
    """How many tensors these are, and the first of their names, for messages."""
    more = ", ..." if len(names) > NUM_NAMED else ""
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''} ({', '.join(names[:NUM_NAMED])}{more})"


def check_finite_weights(model: nn.Module, name: str) -> None:
    """
    Raises a `NonFiniteError` for a model with weights, or statistics of batch norm, that are not finite.

    Args:
        model: any module.
        name: what the message calls it.
    """
    if names := non_finite_tensors(model.state_dict()):
        raise NonFiniteError(
            f"{name}: {describe_tensors(names)} of the model have values that are infinite or NaN, so its scores mean "
            "nothing. Use a checkpoint from before, or train it again, e.g. with a lower learning rate."
        )


def check_finite_scores(scores: torch.Tensor, name: str) -> None:
    """
    Raises a `NonFiniteError` where a model gives scores that are not finite.

    Args:
        scores: logits or scores of any shape.
        name: what the message calls the model.
    """
    if not bool(scores.isfinite().all()):
        raise NonFiniteError(f"{name} gives scores that are infinite or NaN, which mean nothing.")
