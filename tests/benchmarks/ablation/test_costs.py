"""Costs: no speed is asserted, only what is counted and how speeds become medians."""

import statistics

import pytest
import torch

from logoformer_hf.benchmarks.ablation import costs
from logoformer_hf.benchmarks.ablation.variant import reference_config
from logoformer_hf.benchmarks.ablation.variants import find_variants

MODELS = find_variants(["models"])


def transformer_flops(batch_size: int, num_tokens: int, width: int, inner: int) -> int:
    """Of one layer: query, key, value, output, two of the feed-forward part, and scores and their weighted sums."""
    linear = num_tokens * (4 * width * width + 2 * width * inner)
    return 2 * batch_size * (linear + 2 * num_tokens * num_tokens * width)


def backbone_flops(model: torch.nn.Module, num_frames: int = 16) -> int:
    total = 0

    def count(module, _, output):
        nonlocal total
        total += 2 * output[0].numel() * module.weight[0].numel()

    hooks = [each.register_forward_hook(count) for each in model.modules() if isinstance(each, torch.nn.Conv2d)]
    with torch.no_grad():
        model(torch.zeros(1, 3, 56, 56))
    for hook in hooks:
        hook.remove()
    return total * num_frames


def test_operations_of_former_dfer_are_all_counted():
    model = MODELS[1].build_model()
    expected = backbone_flops(model.backbone) + 2 * 16 * 49 * 64 * 32 + 2 * 32 * 7
    expected += transformer_flops(16, 49, 32, 64) + 3 * transformer_flops(1, 17, 32, 64)
    assert costs.count_gflops(model, torch.rand(2, 16, 3, 56, 56)) == pytest.approx(expected / 1e9, rel=1e-6)


def test_operations_of_videomae_are_all_counted():
    model = MODELS[2].build_model()
    layers = model.config.num_hidden_layers
    expected = 2 * 392 * (3 * 2 * 8 * 8) * 64 + layers * transformer_flops(1, 392, 64, 256) + 2 * 64 * 7
    assert costs.count_gflops(model, torch.rand(2, 16, 3, 56, 56)) == pytest.approx(expected / 1e9, rel=1e-6)


def test_operations_of_logoformer_are_all_counted():
    model = MODELS[0].build_model()
    config = reference_config()
    assert config.window_size == (16, 2, 2)
    windows, tokens, width = 4 * 4, 784, 32
    inside = 9 * [16 * 4] + 6 * [16 * 2] + [16]  # tokens of each window; 7 x 7 are cut into 2, 2, 2 and 1
    local = sum(transformer_flops(1, num_tokens, width, 0) for num_tokens in inside)
    linear = 2 * 2 * tokens * width * width + 2 * 2 * windows * width * width  # queries, output; keys, values
    attention = linear + 2 * 2 * tokens * windows * width
    feed_forward = 2 * tokens * 2 * width * 64
    expected = backbone_flops(model.logoformer.backbone) + 2 * tokens * 64 * width + 2 * width * 7
    expected += config.num_hidden_layers * (local + attention + feed_forward)
    assert costs.count_gflops(model, torch.rand(2, 16, 3, 56, 56)) == pytest.approx(expected / 1e9, rel=1e-6)


def test_costs_of_all_models(monkeypatch):
    monkeypatch.setattr(costs, "BATCH_SIZE", 1)
    found = costs.measure_costs(MODELS, num_rounds=1)
    assert list(found) == ["logoformer", "former_dfer", "videomae"]
    assert (found["logoformer"]["train_ratio"], found["logoformer"]["test_ratio"]) == (1, 1)
    for variant in MODELS:
        cost = found[variant.name]
        assert cost["num_parameters"] == sum(each.numel() for each in variant.build_model().parameters())
        assert all(value > 0 for value in cost.values())
    assert found["videomae"]["gflops"] < found["logoformer"]["gflops"]


def test_speeds_are_medians_of_interleaved_rounds(monkeypatch):
    """A slow spell meets all models of a round: the ratio does not see it. The first round warms up."""
    names, calls = [variant.name for variant in MODELS], []
    factors, spells = {"logoformer": 1.0, "former_dfer": 2.0, "videomae": 4.0}, [1000.0, 3.0, 10.0, 5.0]

    def one_round(model, clips):
        assert torch.get_num_threads() == 1
        name = names[len(calls) % 3]
        speed = spells[len(calls) // 3] * factors[name]
        calls.append(type(model).__name__)
        return {"train": speed, "test": 7 * speed}

    monkeypatch.setattr(costs, "one_round", one_round)
    monkeypatch.setattr(costs, "count_gflops", lambda *_: 0.5)
    monkeypatch.setattr(costs, "BATCH_SIZE", 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = costs.measure_costs(MODELS, num_rounds=3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert len(calls) == 12 and calls[:3] == calls[3:6] and len(set(calls)) == 3
    for name, cost in found.items():
        assert cost["train_clips_per_sec"] == statistics.median([3, 10, 5]) * factors[name]
        assert cost["test_clips_per_sec"] == 7 * cost["train_clips_per_sec"]
        assert cost["train_ratio"] == cost["test_ratio"] == factors[name]


def test_a_round_trains_with_gradients_and_tests_without():
    model = MODELS[0].build_model()
    seen = []
    model.register_forward_hook(lambda module, *_: seen.append((module.training, torch.is_grad_enabled())))
    speeds = costs.one_round(model, torch.rand(1, 16, 3, 56, 56))
    assert seen == [(True, True), (False, False)]
    assert set(speeds) == {"train", "test"}
    assert all(parameter.grad is not None for parameter in model.parameters())
