"""Where the time of LOGO-Former goes: seconds and multiply-adds of each stage of a forward pass."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .counting import macs_by_module
from .measuring import synchronise

STEM, ENCODER = "frame encoder: stem", "frame encoder: stages"
EMBEDDINGS = "embeddings"
LOCAL_PROJECTIONS, LOCAL = "local attention: projections", "local attention: the rest"
GLOBAL_PROJECTIONS, GLOBAL = "global attention: projections", "global attention: summaries and the rest"
FEED_FORWARD, REST = "feed-forward", "norms, sums, order of tokens"
STAGES = (*(STEM, ENCODER, EMBEDDINGS, LOCAL_PROJECTIONS, LOCAL, GLOBAL_PROJECTIONS, GLOBAL, FEED_FORWARD, REST),)
# What remains of a stage without the stages inside it.
INSIDE = {
    LOCAL: (LOCAL_PROJECTIONS,),
    GLOBAL: (GLOBAL_PROJECTIONS,),
    REST: (STEM, ENCODER, EMBEDDINGS, LOCAL, GLOBAL, FEED_FORWARD),
}
PROJECTIONS = ("query", "key", "value", "output")


def stages_of(model: Any) -> dict[str, str]:
    """The stage of each module by its name; the model itself has the name "" and is `REST`."""
    base = model.logoformer
    stages = {"": REST, "logoformer.embeddings": EMBEDDINGS}
    stages |= {"logoformer.backbone.embedder": STEM, "logoformer.backbone.encoder": ENCODER}
    for number in range(len(base.layers)):
        layer = f"logoformer.layers.{number}"
        for part, whole, inside in (
            ("local_attention", LOCAL, LOCAL_PROJECTIONS),
            ("global_attention", GLOBAL, GLOBAL_PROJECTIONS),
        ):
            if hasattr(base.layers[number], part):
                stages[f"{layer}.{part}"] = whole
                stages |= {f"{layer}.{part}.{name}": inside for name in PROJECTIONS}
        stages[f"{layer}.mlp"] = FEED_FORWARD
    return stages


def without_inside(totals: Mapping[str, float]) -> dict[str, float]:
    """Values of the stages, each without those inside it."""
    return {
        stage: totals.get(stage, 0.0) - sum(totals.get(each, 0.0) for each in INSIDE.get(stage, ()))
        for stage in STAGES
    }


def stage_macs(build: Callable[[], nn.Module], clips_shape: tuple[int, ...]) -> dict[str, float]:
    """Multiply-adds of each stage for clips of a shape `(batch, frames, channels, height, width)`."""
    with torch.device("meta"):
        model = build().eval()
        clips = torch.empty(clips_shape)
        counts = macs_by_module(model, lambda: model(pixel_values=clips))
    totals: dict[str, float] = defaultdict(float)
    for name, stage in stages_of(model).items():
        totals[stage] += counts.get(".".join(filter(None, (type(model).__name__, name))), 0.0)
    return without_inside(totals)


def stage_seconds(model: nn.Module, clips: torch.Tensor) -> dict[str, float]:
    """Seconds of each stage in one forward pass without gradients."""
    totals: dict[str, float] = defaultdict(float)
    with timed_stages(model, totals, clips.device), torch.inference_mode():
        model(pixel_values=clips)
    return without_inside(totals)


@contextmanager
def timed_stages(model: nn.Module, totals: dict[str, float], device: torch.device) -> Iterator[None]:
    """Adds the seconds that modules take to those of their stages."""
    modules = dict(model.named_modules())
    starts: dict[str, float] = {}

    def begin(name: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            synchronise(device)
            starts[name] = time.perf_counter()

        return hook

    def end(name: str, stage: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            synchronise(device)
            totals[stage] += time.perf_counter() - starts[name]

        return hook

    handles = []
    for name, stage in stages_of(model).items():
        handles.append(modules[name].register_forward_pre_hook(begin(name)))
        handles.append(modules[name].register_forward_hook(end(name, stage)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
