"""
Inputs of a model: its number of frames, resized and cropped as by its own processor. Frames stay uint8 until they are
on the device of the model, where `model_inputs` rescales and normalises them.
"""

import json

import torch
from transformers import PreTrainedModel
from transformers.video_processing_utils import BaseVideoProcessor

from ..video_processing_logoformer import LogoFormerVideoProcessor


def clip_frames(model: PreTrainedModel) -> int:
    """Number of frames per clip in the model's configuration. V-JEPA 2 has another name for it."""
    config = model.config
    num_frames: int = config.frames_per_clip if hasattr(config, "frames_per_clip") else config.num_frames
    return num_frames


def reading_processor(processor: BaseVideoProcessor, model: PreTrainedModel) -> LogoFormerVideoProcessor:
    """
    A processor that reads clips as uint8 frames: sampled by segments as for LOGO-Former, in the number that the model
    needs, resized and cropped as by the model's own processor. `model_inputs` rescales and normalises them.

    Args:
        processor: the model's own processor. That of LOGO-Former is returned unchanged.
        model: the model, whose configuration has the number of frames.

    Raises:
        ValueError: a processor whose frames are not square, or that does more than resizing, cropping, rescaling and
            normalising.
    """
    if isinstance(processor, LogoFormerVideoProcessor):
        return processor
    crop = processor.crop_size if processor.do_center_crop else processor.size
    if crop.height is None or crop.height != crop.width:
        raise ValueError(
            f"{type(processor).__name__} gives frames of {json.dumps(dict(crop))}; they must be square, of one size."
        )
    reading = LogoFormerVideoProcessor(
        num_frames=clip_frames(model),
        do_resize=processor.do_resize,
        size=processor.size,
        resample=processor.resample,
        crop_size={"height": crop.height, "width": crop.width},
        do_rescale=False,
        do_normalize=False,
    )
    # Compares both results on one clip, so that no further step of the model's processor is lost.
    clip = (torch.arange(2 * 3 * 48 * 64) % 251).to(torch.uint8).view(2, 3, 48, 64)
    expected = processor([clip], do_sample_frames=False, return_tensors="pt")
    read = reading([clip], do_sample_frames=False, return_tensors="pt")["pixel_values"]
    inputs = model_inputs(processor, read)
    if set(inputs) != set(expected) or any(not torch.equal(inputs[name], expected[name]) for name in inputs):
        raise ValueError(
            f"{type(processor).__name__} does more than resizing, cropping, rescaling and normalising; models with "
            "such a processor are not supported."
        )
    return reading


def model_inputs(processor: BaseVideoProcessor, frames: torch.Tensor) -> dict[str, torch.Tensor]:
    """
    Rescales and normalises a batch as by the model's own processor, on the device of the batch.

    Args:
        processor: the model's own processor.
        frames: `(batch, frames, channels, height, width)` uint8, resized and cropped.

    Returns:
        The model's input by its name, `pixel_values` for most models: same shape, float32, rescaled and normalised.
    """
    pixel_values = processor.rescale_and_normalize(
        frames,
        do_rescale=processor.do_rescale,
        rescale_factor=processor.rescale_factor,
        do_normalize=processor.do_normalize,
        image_mean=tuple(processor.image_mean),
        image_std=tuple(processor.image_std),
    )
    return {processor.model_input_names[0]: pixel_values}
