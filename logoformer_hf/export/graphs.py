"""What is exported, for any batch, frames and size: the whole model, and the pair of frame and clip encoder."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from .._compat import sizes_of_one_are_not_special
from ..modeling_logoformer import LogoFormerForVideoClassification

_BATCH, _FRAMES, _SMALLEST_SIDE_PX = 2, 5, 48  # of the examples


@dataclass(frozen=True)
class GraphInput:
    """
    The input of a graph.

    Attributes:
        name: of the input.
        axes: names of the axes that have any size, by their number.
        outputs: names of the outputs.
    """

    name: str
    axes: Mapping[int, str]
    outputs: tuple[str, ...]


_CLIP_AXES = {0: "batch", 1: "frames", 3: "image_height", 4: "image_width"}
_TOKEN_AXES = {0: "batch", 1: "frames", 2: "height", 3: "width"}
# By the name of the graph, which is also that of its file.
GRAPHS = {
    "model": GraphInput("pixel_values", _CLIP_AXES, ("logits", "embedding")),
    "frame_encoder": GraphInput("pixel_values", _CLIP_AXES, ("frame_tokens",)),
    "clip_encoder": GraphInput("inputs_embeds", _TOKEN_AXES, ("logits", "embedding")),
}


class Graph(nn.Module):
    """A part of a model with one input and a tuple of outputs, by the names in `GRAPHS`."""

    def __init__(self, model: LogoFormerForVideoClassification, name: str):
        super().__init__()
        self.model, self.name = model, name

    def forward(self, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """`pixel_values (batch, frames, channels, height, width)`, or frame tokens for the clip encoder."""
        if self.name == "frame_encoder":
            return (self.model.encode_frames(value),)
        outputs: Any = self.model(**{GRAPHS[self.name].name: value})
        return outputs.logits, outputs.embedding


def prepare(model: LogoFormerForVideoClassification, dtype: torch.dtype = torch.float32) -> Any:
    """
    A copy of a model as it is exported: in evaluation mode, with batch norm folded, in a dtype.

    Raises:
        ValueError: another model than LOGO-Former.
    """
    if not isinstance(model, LogoFormerForVideoClassification):
        raise ValueError(f"a {model.config.model_type} cannot be exported, LOGO-Former alone can.")
    copied = copy.deepcopy(model).cpu().eval()
    copied.set_attn_implementation("sdpa")
    if any(isinstance(module, nn.BatchNorm2d) for module in copied.logoformer.backbone.modules()):
        copied.fold_batch_norm()
    return copied.to(dtype)


def example(model: LogoFormerForVideoClassification, name: str, dtype: torch.dtype) -> torch.Tensor:
    """
    An input of a graph, by which its operations are recorded. It is larger than a window, so that the number of
    windows is not taken for a fixed one; its sides are different, so that none is taken for the other one.
    """
    config = model.config
    stride, sizes = config.feature_stride, (config.window_size, config.summary_size or config.window_size)
    tokens = max(-(-_SMALLEST_SIDE_PX // stride), *(side + 1 for size in sizes for side in size[1:]))
    sides = tokens * stride, (tokens + 1) * stride
    clips = torch.rand(_BATCH, _FRAMES, config.num_channels, *sides, dtype=dtype)
    return model.encode_frames(clips) if name == "clip_encoder" else clips


def trace(prepared: Any, name: str) -> tuple[ExportedProgram, torch.Tensor]:
    """
    A graph of a model from `prepare` for any batch, frames and size, and the example that it was recorded with.

    Args:
        prepared: the model.
        name: one of `GRAPHS`.
    """
    dtype = next(prepared.parameters()).dtype
    with torch.no_grad(), sizes_of_one_are_not_special():
        value = example(prepared, name, dtype)
        axes = {axis: Dim.DYNAMIC for axis in GRAPHS[name].axes}
        program = torch.export.export(Graph(prepared, name), (value,), dynamic_shapes=(axes,), strict=False)
    return program, value
