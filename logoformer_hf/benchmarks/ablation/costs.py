"""Costs of models: parameters, operations, and speed, measured in alternating rounds."""

import statistics
import time

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from .variant import Variant, reference_config

BATCH_SIZE = 16


def measure_costs(variants: list[Variant], num_rounds: int = 9) -> dict[str, dict[str, float]]:
    """
    Parameters, operations and speed of each model on one processor core.

    Args:
        variants: variants of the group "models".
        num_rounds: every model is measured once per round; the results are medians.

    Returns:
        By variant: `num_parameters`; `gflops` of one clip forward, with a multiplication and an addition as two;
        `train_clips_per_sec` and `test_clips_per_sec`; and their ratios to the first variant, medians of the rounds.
    """
    config = reference_config()
    clips = torch.rand(BATCH_SIZE, config.num_frames, 3, config.image_size, config.image_size)
    models = {variant.name: variant.build_model() for variant in variants}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rounds = [{name: one_round(model, clips) for name, model in models.items()} for _ in range(num_rounds + 1)][1:]
    finally:
        torch.set_num_threads(threads)
    first = variants[0].name
    costs = {}
    for name, model in models.items():
        costs[name] = {
            "num_parameters": sum(map(torch.Tensor.numel, model.parameters())),
            "gflops": count_gflops(model, clips),
        }
        for kind in ("train", "test"):
            speeds = [each[name][kind] for each in rounds]
            ratios = [each[name][kind] / each[first][kind] for each in rounds]
            costs[name] |= {
                f"{kind}_clips_per_sec": statistics.median(speeds),
                f"{kind}_ratio": statistics.median(ratios),
            }
    return costs


def one_round(model: PreTrainedModel, clips: torch.Tensor) -> dict[str, float]:
    """Clips per second of one training step without the optimiser, and of one step of testing."""
    start_sec = time.perf_counter()
    model.train()(pixel_values=clips).logits.square().mean().backward()
    train_sec = time.perf_counter() - start_sec
    start_sec = time.perf_counter()
    with torch.inference_mode():
        model.eval()(pixel_values=clips)
    test_sec = time.perf_counter() - start_sec
    return {"train": len(clips) / train_sec, "test": len(clips) / test_sec}


def count_gflops(model: PreTrainedModel, clips: torch.Tensor) -> float:
    """10^9 operations of the forward pass for the first clip of `(batch, frames, channels, height, width)`."""
    # With gradients and plain attention: the counter does not support all fused attentions, nor the fused layers that
    # PyTorch's transformer uses without gradients.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.eval()(pixel_values=clips[:1])
    return counter.get_total_flops() / 1e9
