"""
What a model computes, in two steps: once per face and frame, and once per window.

For LOGO-Former the first step is the frame encoder, and windows are made of its tokens. Other video classifiers have
no such step: their windows are whole clips of pixels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.video_processing_utils import BaseVideoProcessor

from ..models.finite import check_finite_scores
from ..models.inputs import clip_frames, model_inputs, reading_processor
from ..video_processing_logoformer import sample_frame_indices


class FrameModel:
    """
    A video classifier for windows whose frames are given one by one.

    Args:
        model: any video classifier, in evaluation mode on its device. LOGO-Former's frame encoder is changed for
            speed by `prepare_encoder`, without a change of its results beyond rounding.
        processor: the model's own processor.
        reuse_tokens: whether the tokens of a frame are computed once; False computes them anew for every window, as
            for models that cannot do otherwise.
        compile: compiles both steps with `torch.compile`, for inputs of one size: batches are filled up.

    Attributes:
        num_frames: frames of a window.
        side_px: side of the crops of a face in pixels. The processor changes crops of this size by cutting off their
            border at most.

    Raises:
        ValueError: the processor does more than resizing, cropping, rescaling and normalising.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        processor: BaseVideoProcessor,
        reuse_tokens: bool = True,
        compile: bool = False,
    ):
        self.model, self.processor = model, processor
        self.device = model.device
        self.num_frames = clip_frames(model)
        self._reading: Any = reading_processor(processor, model)
        self.frames_per_segment = self._reading.frames_per_segment
        self.side_px = resized_side_px(self._reading, model)
        self.reuses_tokens = reuse_tokens and hasattr(model, "encode_frames")
        self.is_compiled = compile
        self._encode: Any = None
        if hasattr(model, "encode_frames"):
            if hasattr(model, "logoformer"):  # an exported model is prepared
                prepare_encoder(model)
            self._encode = model.encode_frames
        self._forward: Any = model
        if compile:
            self._forward = torch.compile(model)
            self._encode = self._encode and torch.compile(self._encode)

    def positions(self, num_usable: int) -> list[int]:
        """Which of a window's usable frames are at the positions of the model's input."""
        return sample_frame_indices(num_usable, self.num_frames, self.frames_per_segment)

    @torch.inference_mode()
    def encode(self, crops: Sequence[np.ndarray], fill_up_to: int = 0) -> list[torch.Tensor]:
        """
        What can be computed for each crop alone, and is kept for all of its windows.

        Args:
            crops: each `(side_px, side_px, 3)` uint8 RGB.
            fill_up_to: size of a full batch, to which a compiled model fills up a smaller one.

        Returns:
            Frame tokens `(height, width, features)` of each crop; the crop itself where windows are whole clips.
        """
        pixels = torch.from_numpy(np.stack(crops))  # (crops, side, side, 3)
        if not self.reuses_tokens:
            return list(pixels)
        pixels = _filled(pixels, fill_up_to) if self.is_compiled else pixels
        tokens = self._encode(self._inputs(pixels[None])["pixel_values"])[0]  # (crops, height, width, features)
        # Each by itself: one that is kept must not keep the memory of all.
        return [each.clone() for each in tokens[: len(crops)]]

    @torch.inference_mode()
    def logits(self, windows: Sequence[Sequence[torch.Tensor]], fill_up_to: int = 0) -> np.ndarray:
        """
        Args:
            windows: for each window, the result of `encode` at each of its `num_frames` positions.
            fill_up_to: as in `encode`.

        Returns:
            `(windows, classes)` float64.

        Raises:
            NonFiniteError: logits that are infinite or NaN.
        """
        stacked = torch.stack([torch.stack(list(frames)) for frames in windows])  # (windows, frames, ...)
        stacked = _filled(stacked, fill_up_to) if self.is_compiled else stacked
        inputs = {"inputs_embeds": stacked} if self.reuses_tokens else self._inputs(stacked)
        logits: torch.Tensor = self._forward(**inputs).logits[: len(windows)]
        logits = logits.double().cpu()
        check_finite_scores(logits, self.model.name_or_path or type(self.model).__name__)
        return logits.numpy()

    def _inputs(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """The model's input from crops `(windows, frames, side, side, 3)` uint8."""
        pixels = pixels.to(self.device).permute(0, 1, 4, 2, 3)  # channels-last in memory, as the encoder wants them
        if self._reading.do_center_crop:
            pixels = self._reading.center_crop(pixels, self._reading.crop_size)
        return model_inputs(self.processor, pixels)


def resized_side_px(reading: Any, model: PreTrainedModel) -> int:
    """Side in pixels of a square picture that a processor does not resize."""
    if reading.do_resize:
        return int(reading.size.shortest_edge or reading.size.height)
    if reading.do_center_crop:
        return int(reading.crop_size.height)
    return int(getattr(model.config, "image_size", reading.crop_size.height))


def prepare_encoder(model: PreTrainedModel) -> None:
    """
    Makes the frame encoder of a LOGO-Former faster: batch norm is folded into the convolution before it, and weights
    are stored channels-last. The results change by rounding only.
    """
    classifier: Any = model
    encoder = classifier.logoformer.backbone
    for module in list(encoder.modules()):
        convolution, norm = getattr(module, "convolution", None), getattr(module, "normalization", None)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module.convolution = torch.nn.utils.fuse_conv_bn_eval(convolution, norm)
            module.normalization = nn.Identity()
    encoder.to(memory_format=torch.channels_last)


def _filled(batch: torch.Tensor, size: int) -> torch.Tensor:
    """A batch of at least `size` items, repeating the last one."""
    missing = size - len(batch)
    return torch.cat([batch, batch[-1:].expand(missing, *batch.shape[1:])]) if missing > 0 else batch
