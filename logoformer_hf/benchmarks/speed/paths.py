"""Ways to compute one model faster: folded, compiled, in bfloat16, and by the runtimes that it is exported to."""

import copy
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...export.folder import ENDINGS
from ...export.graphs import GRAPHS, prepare, trace
from ...export.quantise import quantise_onnx
from ...export.runtimes import LOADERS
from ...export.writers import check_installed, write_onnx, write_openvino
from .models import Contestant

EXPORTED = (
    *(("onnx", "float32"), ("onnx", "int8")),
    *(("openvino", "float32"), ("openvino", "bf16"), ("openvino", "int8")),
)
Run = Callable[[], object]


def paths(
    contestant: Contestant,
    model: Any,
    clips: torch.Tensor,
    folder: Path,
    with_compile: bool,
    with_exports: bool,
) -> dict[str, Run]:
    """
    All ways that this machine has.

    Args:
        contestant: how the model is called.
        model: a LOGO-Former in float32, in evaluation mode.
        clips: `(batch, frames, channels, height, width)`.
        folder: where exported models are written.
        with_compile: whether the model is compiled, which takes a minute.
        with_exports: whether it is exported, which takes minutes.

    Returns:
        By name, what runs the model once.
    """
    folded = copy.deepcopy(model).fold_batch_norm()
    half = copy.deepcopy(folded).to(torch.bfloat16)
    half_clips = clips.to(torch.bfloat16)
    ways: dict[str, Run] = {
        "eager": inference(lambda: contestant.logits(model, clips)),
        "folded": inference(lambda: contestant.logits(folded, clips)),
        "bf16": inference(lambda: contestant.logits(half, half_clips)),
    }
    if with_compile:
        # CUDA graphs; on a CPU weights in the order that its kernels read.
        how = {"mode": "reduce-overhead"} if clips.device.type == "cuda" else {"options": {"freezing": True}}
        compiled: Any = torch.compile(folded, **how)
        ways["compiled"] = inference(lambda: contestant.logits(compiled, clips))
        compiled_half: Any = torch.compile(half, **how)
        ways["compiled, bf16"] = inference(lambda: contestant.logits(compiled_half, half_clips))
    if with_exports and clips.device.type == "cpu":
        ways |= exported_paths(model, clips, folder)
    return ways


def exported_paths(model: Any, clips: torch.Tensor, folder: Path) -> dict[str, Run]:
    """The ways of the runtimes that are installed; int8 is calibrated on noise, for its speed alone."""
    graph, samples = GRAPHS["model"], [clips.cpu().numpy()]
    files: dict[tuple[str, str], Path] = {}
    onnx_file = folder / "model.onnx"
    for form, precision in EXPORTED:
        try:
            check_installed(form, precision)
        except ValueError:
            continue
        if not onnx_file.is_file():
            folder.mkdir(parents=True)
            write_onnx(*trace(prepare(model), "model"), "model", onnx_file)
        file = folder / f"{precision}{ENDINGS[form]}"
        if form == "openvino":
            write_openvino(onnx_file, file, "model", precision, lambda name: samples)
        else:
            shutil.copyfile(onnx_file, file)
            if precision == "int8":
                quantise_onnx(file, graph, samples)
        files[form, precision] = file
    return {
        form if precision == "float32" else f"{form}, {precision}": partial(LOADERS[form](file, precision), clips)
        for (form, precision), file in files.items()
    }


def inference(run: Callable[[], object]) -> Run:
    """A run without gradients."""

    def without_gradients() -> object:
        with torch.inference_mode():
            return run()

    return without_gradients
