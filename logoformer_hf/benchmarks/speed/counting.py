"""Parameters and multiply-adds, counted without computing anything."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from .models import Contestant


def count_parameters(contestant: Contestant) -> int:
    """All weights of a model."""
    with torch.device("meta"):
        return sum(map(torch.Tensor.numel, contestant.build().parameters()))


def count_macs(contestant: Contestant) -> float:
    """Multiply-adds of one clip forward."""
    with torch.device("meta"):
        model = contestant.build().eval()
        clips = torch.empty(1, contestant.num_frames, 3, contestant.side_px, contestant.side_px)
        return macs_by_module(model, lambda: contestant.logits(model, clips))["Global"]


def macs_by_module(model: nn.Module, run: object) -> Mapping[str, float]:
    """
    Multiply-adds of `run()` by the name of the module, as `LogoFormerModel.layers.0`; "Global" is all of it.

    The model must be on the meta device, where tensors have shapes alone. LOGO-Former pads no token there, so only
    real ones count.
    """
    assert callable(run)
    # With gradients and plain attention: the counter knows neither all fused attentions nor the fused layers that
    # PyTorch's own transformer uses without gradients.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return {name: sum(counts.values()) / 2 for name, counts in counter.get_flop_counts().items()}
