"""The benchmark runs, counts what it measures, and computes ratios round by round. Times are not asserted."""

import json

import pytest
import torch
from errors import raises_naming

from logoformer_hf import LogoFormerConfig
from logoformer_hf.benchmarks.speed.arguments import PART_NAMES, BenchmarkArguments
from logoformer_hf.benchmarks.speed.command import benchmark
from logoformer_hf.benchmarks.speed.counting import count_macs, count_parameters
from logoformer_hf.benchmarks.speed.models import contestants
from logoformer_hf.benchmarks.speed.parts import PARTS
from logoformer_hf.benchmarks.speed.results import best_batch, exponent, ratio, share
from logoformer_hf.benchmarks.speed.stages import STAGES, stage_macs, stage_seconds
from logoformer_hf.cli import main


def test_quick_measures_every_part_and_writes_it(tmp_path, capsys):
    page = tmp_path / "docs" / "speed.md"
    page.parent.mkdir()
    page.write_text("# Speed\n\n<!-- results -->\n\n<!-- end of results -->\n\nafter\n")
    main(["benchmark", "--quick", "--rounds", "1", "--output_dir", str(tmp_path / "out"), "--page", str(page)])
    results = json.loads((tmp_path / "out" / "speed.json").read_text())
    assert tuple(results["parts"]) == PART_NAMES and results["machine"]["device"]
    names = {each.name for each in contestants(is_quick=True)}
    for part in ("latency", "training"):
        assert names <= set(results["parts"][part]["sec"])
    assert all(len(rounds) == 1 and rounds[0] > 0 for rounds in results["parts"]["tokens"]["sec"].values())
    memory = results["parts"]["memory"]["base"]
    assert 0 < memory["activations"] < memory["training"]
    written, shown = page.read_text(), capsys.readouterr().out
    for text in ("Gradient checkpointing", "Stages of base", "to the power of", "faster than eager"):
        assert text in written and text in shown
    assert written.endswith("after\n")
    for picture in ("speed_tokens.png", "speed_stages.png"):
        assert f"({picture})" in written and (page.parent / picture).stat().st_size > 10_000


def test_parts_are_those_of_the_command():
    assert tuple(PARTS) == PART_NAMES


def test_only_what_is_chosen_is_measured(tmp_path):
    benchmark(BenchmarkArguments(only=["tokens"], quick=True, rounds=1, output_dir=str(tmp_path)))
    assert list(json.loads((tmp_path / "speed.json").read_text())["parts"]) == ["costs", "tokens"]


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [("timesformer", 121e6, 196e9), pytest.param("videomae_224", 87e6, 180e9, marks=pytest.mark.slow)],
)
def test_costs_are_those_of_the_papers(name, parameters, macs):
    [contestant] = [each for each in contestants() if each.name == name]
    assert count_parameters(contestant) == pytest.approx(parameters, rel=0.02)
    assert count_macs(contestant) == pytest.approx(macs, rel=0.01)


def test_stages_are_the_whole():
    build = contestants(is_quick=True)[0].build
    model, clips = build().eval(), torch.rand(1, 16, 3, 64, 64)
    macs = stage_macs(build, tuple(clips.shape))
    assert tuple(macs) == STAGES and min(macs.values()) >= 0
    config = LogoFormerConfig.tiny()
    tokens = 16 * config.grid_size**2
    assert macs["feed-forward"] == 2 * tokens * config.hidden_size * config.intermediate_size * 2
    times = stage_seconds(model, clips)
    assert tuple(times) == STAGES and min(times.values()) > 0
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_ratios_are_medians_of_rounds():
    sec = {"a": [1.0, 10.0, 3.0], "b": [2.0, 5.0, 6.0]}
    assert ratio(sec, "b", "a") == 2.0  # 2, 0.5, 2
    assert share([1.0, 2.0], [4.0, 4.0], macs=1.0) == pytest.approx(0.375)
    assert best_batch({"1": 3.0, "8": 7.0, "16": 6.0}) == (8, 7.0)
    assert exponent([1, 2, 4], [3.0, 12.0, 48.0]) == pytest.approx(2.0)


def test_a_folder_without_former_dfer_is_named(tmp_path):
    with raises_naming(ValueError, "--former_dfer", str(tmp_path), "ST_Former.py"):
        benchmark(BenchmarkArguments(quick=True, output_dir=str(tmp_path), former_dfer=str(tmp_path)))


def test_a_device_that_is_not_there_is_named(tmp_path):
    with raises_naming(ValueError, "--device", "cuda:99"):
        benchmark(BenchmarkArguments(quick=True, output_dir=str(tmp_path), device="cuda:99"))
