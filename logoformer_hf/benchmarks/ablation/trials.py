"""
Changes of the training that were tried and that no option of the package makes. They are here to make their runs
again; what pays becomes an option. Those of the model are in `trial_models.py`.
"""

import torch
from torch import nn
from torchvision.transforms.v2 import RandomErasing

ERASING, UNIT_CENTER = "erasing", "unit_center"
UNIT_CENTER_WEIGHT = 0.3
UNIT_CENTER_WARMUP = 1 / 3  # share of the steps over which the weight rises from 0

_ERASE = RandomErasing(p=0.5)  # of 2 to 33 % of the area


def erase(tokens: torch.Tensor) -> torch.Tensor:
    """
    Random erasing (Zhong et al., AAAI 2020): zeros in a rectangle of half of the clips, the same one in all frames.

    Args:
        tokens: `(batch, frames, height, width, features)`.
    """
    clips = tokens.movedim(-1, 2)  # (batch, frames, features, height, width)
    return torch.stack([_ERASE(clip) for clip in clips]).movedim(2, -1)


def unit_length(embeddings: torch.Tensor) -> torch.Tensor:
    """Embeddings `(batch, hidden)` divided by their lengths, in float32."""
    return nn.functional.normalize(embeddings.float(), dim=1)


def unit_center_weight(step: int, num_steps: int) -> float:
    """Weight of the center loss of embeddings of length 1 in a step, counted from 0."""
    return UNIT_CENTER_WEIGHT * min(step / (UNIT_CENTER_WARMUP * max(num_steps, 1)), 1.0)
