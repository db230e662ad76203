"""What is measured, part by part. Every part returns JSON values: all rounds, so that any ratio can be computed."""

import gc
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets.utils import tqdm

from ...configuration_logoformer import LogoFormerConfig
from .counting import count_macs, count_parameters, macs_by_module
from .measuring import PEAK, Times, measure, seconds
from .memory import peak_memory
from .models import REFERENCE, VIDEOMAE, Contestant, contestants, joint_config, logoformer
from .paths import inference, paths
from .stages import STAGES, stage_macs, stage_seconds
from .training_step import TrainingStep

LOGOFORMERS = ("base", "small")
MAX_STEP_SEC = 4.0  # a larger batch is not tried when one took longer


@dataclass(frozen=True)
class Setup:
    """
    How it is measured.

    Attributes:
        device: that all models run on.
        bf16: in bfloat16 instead of float32.
        rounds: of every measurement.
        batch_sizes: that are tried for the throughput.
        train_batch_size: clips of a training step.
        stage_batch_size: clips of a forward pass whose stages are timed.
        grids: (frames, height, width) of tokens at which attention is compared.
        is_quick: smaller models, and few rounds.
        with_compile: whether `torch.compile` is measured.
        former_dfer: checkout of Former-DFER, if it is measured.
    """

    device: torch.device
    bf16: bool = False
    rounds: int = 7
    batch_sizes: tuple[int, ...] = (1, 4, 8, 16)
    train_batch_size: int = 2
    stage_batch_size: int = 8
    grids: tuple[tuple[int, int, int], ...] = ((16, 7, 7), (16, 14, 14), (16, 28, 28))
    is_quick: bool = False
    with_compile: bool = True
    former_dfer: str | None = None

    @property
    def dtype(self) -> torch.dtype:
        """Of weights and clips in inference."""
        return torch.bfloat16 if self.bf16 else torch.float32

    @property
    def matmul_side(self) -> int | None:
        """Rows of the matrix product that gives the machine's own rate."""
        return 512 if self.is_quick else None

    def models(self) -> list[Contestant]:
        """All that is compared."""
        return contestants(self.is_quick, self.former_dfer)

    def built(self, contestant: Contestant) -> Any:
        """A model on the device, in evaluation mode, with the same weights every time."""
        torch.manual_seed(0)
        return contestant.build().to(self.device, self.dtype).eval()

    def measure(self, runs: dict[str, Callable[[], object]], what: str) -> Times:
        """`measuring.measure` by this setup."""
        return measure(runs, self.rounds, self.device, self.dtype, what, self.matmul_side)


def costs(setup: Setup) -> dict[str, Any]:
    """Parameters and multiply-adds of one clip of real tokens."""
    return {
        each.name: {
            "title": each.title,
            "clip": [each.num_frames, each.side_px, each.side_px],
            "num_parameters": count_parameters(each),
            "macs": count_macs(each),
        }
        for each in setup.models()
    }


def latency(setup: Setup) -> dict[str, Any]:
    """Seconds of one clip by itself."""
    runs: dict[str, Callable[[], object]] = {}
    for each in setup.models():
        model, clips = setup.built(each), each.clips(1, setup.device, setup.dtype)
        runs[each.name] = inference(partial(each.logits, model, clips))
    return as_values(setup.measure(runs, "One clip"))


def throughput(setup: Setup) -> dict[str, Any]:
    """Clips in a second at the best batch. Every model tries the batches in turn until one takes too long."""
    found: dict[str, Any] = {}
    for each in tqdm(setup.models(), desc="Throughput", unit="model"):
        model, by_batch = setup.built(each), {}
        for batch_size in setup.batch_sizes:
            run = inference(partial(each.logits, model, each.clips(batch_size, setup.device, setup.dtype)))
            run()
            rounds = [seconds(run, setup.device) for _ in range(1 if setup.is_quick else 2)]
            by_batch[str(batch_size)] = batch_size / statistics.median(rounds)
            if sum(rounds) / len(rounds) > MAX_STEP_SEC:
                break
        found[each.name] = by_batch
        release(setup.device)
    return found


def training(setup: Setup) -> dict[str, Any]:
    """Seconds of a training step, and of the reference with activations computed again in the backward pass."""
    runs: dict[str, Callable[[], object]] = {}
    for each in setup.models():
        runs[each.name] = training_step(setup, each)
        if each.name == REFERENCE:
            runs[f"{each.name}, checkpointing"] = training_step(setup, each, checkpointing=True)
    # Heavy models: few rounds.
    few = replace(setup, rounds=min(setup.rounds, 3))
    return {"batch_size": setup.train_batch_size, **as_values(few.measure(runs, "Training"))}


def training_step(setup: Setup, contestant: Contestant, checkpointing: bool = False) -> TrainingStep:
    """A training step in float32 or mixed precision."""
    torch.manual_seed(0)
    model = contestant.build().to(setup.device)
    clips = contestant.clips(setup.train_batch_size, setup.device)
    return TrainingStep(contestant, model, clips, checkpointing, setup.bf16)


def memory(setup: Setup) -> dict[str, Any]:
    """Peak memory of one clip forward and of a training step, in MB."""
    batch_size = setup.train_batch_size
    found: dict[str, Any] = {"batch_size": batch_size}
    models = [each for each in setup.models() if not setup.is_quick or each.name == REFERENCE]
    for each in tqdm(models, desc="Memory", unit="model"):
        found[each.name] = peak_memory(each, batch_size, setup.device, bf16=setup.bf16)
        if each.name == REFERENCE:
            found["checkpointing"] = checkpointing_memory(setup, each)
        release(setup.device)
    return found


def checkpointing_memory(setup: Setup, contestant: Contestant) -> dict[str, Any]:
    """Memory of a training step that keeps its activations, and of one that computes them again."""
    size = setup.stage_batch_size  # large enough for activations to be most of it
    kept, recomputed = (
        peak_memory(contestant, size, setup.device, bf16=setup.bf16, checkpointing=checkpointing)
        for checkpointing in (False, True)
    )
    return {"batch_size": size, "kept": kept, "recomputed": recomputed}


def stages(setup: Setup) -> dict[str, Any]:
    """Seconds, multiply-adds and share of the machine's own rate of every stage, and of the whole without timers."""
    found = {}
    for each in setup.models():
        if each.name in LOGOFORMERS:
            model = setup.built(each)
            clips = each.clips(setup.stage_batch_size, setup.device, setup.dtype)
            seconds_by_stage: dict[str, list[float]] = {stage: [] for stage in STAGES}

            def run(model: Any = model, clips: torch.Tensor = clips, by_stage: Any = seconds_by_stage) -> None:
                for stage, sec in stage_seconds(model, clips).items():
                    by_stage[stage].append(sec)

            whole = inference(partial(each.logits, model, clips))
            times = setup.measure({"whole": whole, "stages": run}, f"Stages of {each.name}")
            found[each.name] = {
                "batch_size": setup.stage_batch_size,
                "macs": stage_macs(each.build, tuple(clips.shape)),
                "stages_sec": seconds_by_stage,
                **as_values(times),
            }
    return found


def tokens(setup: Setup) -> dict[str, Any]:
    """The transformer alone, without frame encoder, beside joint attention on the same tokens of growing clips."""
    runs: dict[str, Callable[[], object]] = {}
    macs = {}
    config = LogoFormerConfig.tiny() if setup.is_quick else LogoFormerConfig()
    for grid in setup.grids:
        number = grid[0] * grid[1] * grid[2]
        for kind, each in (("local-global", config), ("joint", joint_config(config, grid))):
            name = f"{kind}, {number}"
            torch.manual_seed(0)
            model: Any = logoformer(each).to(setup.device, setup.dtype).eval()
            embeds = torch.rand(1, *grid, model.logoformer.backbone.channels[0]).to(setup.device, setup.dtype)
            runs[name] = inference(partial(model, inputs_embeds=embeds))
            with torch.device("meta"):
                shadow = logoformer(each).eval()
                macs[name] = macs_by_module(shadow, partial(shadow, inputs_embeds=torch.empty(embeds.shape)))["Global"]
    return {"macs": macs, **as_values(setup.measure(runs, "Tokens"))}


def ways(setup: Setup) -> dict[str, Any]:
    """Each LOGO-Former computed in all ways that this machine has, one clip, beside VideoMAE in the same rounds."""
    setup = replace(setup, bf16=False)
    runs: dict[str, Callable[[], object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for each in setup.models():
            if each.name in LOGOFORMERS:
                model, clips = setup.built(each), each.clips(1, setup.device)
                found = paths(each, model, clips, Path(folder) / each.name, setup.with_compile, not setup.is_quick)
                runs |= {f"{each.name}, {way}": run for way, run in found.items()}
            elif each.name in (VIDEOMAE, "former_dfer", "former_dfer_kind"):
                runs[each.name] = inference(partial(each.logits, setup.built(each), each.clips(1, setup.device)))
        return as_values(setup.measure(runs, "Ways"))


PARTS: dict[str, Callable[[Setup], dict[str, Any]]] = {
    "costs": costs,
    "memory": memory,  # before the others: on a CPU it starts processes
    "latency": latency,
    "throughput": throughput,
    "training": training,
    "stages": stages,
    "tokens": tokens,
    "ways": ways,
}


def run_parts(names: Sequence[str], setup: Setup) -> dict[str, Any]:
    """The results of parts by their names, in the order of `PARTS`."""
    found = {}
    for name, part in PARTS.items():
        if name in names:
            found[name] = part(setup)
            release(setup.device)
    return found


def release(device: torch.device) -> None:
    """Frees what models took that are gone."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def as_values(times: Times) -> dict[str, Any]:
    """Times as JSON values."""
    return {"sec": times.sec, PEAK: times.peak_flops}
