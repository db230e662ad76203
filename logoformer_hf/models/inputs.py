"""
What a model is given: how many frames, read as its own processor says. Frames stay uint8 until they are on the model's
device, where `model_inputs` rescales and normalises them.
"""

import json

import torch
from transformers import PreTrainedModel
from transformers.video_processing_utils import BaseVideoProcessor

from ..video_processing_logoformer import LogoFormerVideoProcessor


def clip_frames(model: PreTrainedModel) -> int:
    """Frames of a clip that the model is made for. V-JEPA 2 has its own name for it."""
    config = model.config
    num_frames: int = config.frames_per_clip if hasattr(config, "frames_per_clip") else config.num_frames
    return num_frames


def reading_processor(processor: BaseVideoProcessor, model: PreTrainedModel) -> LogoFormerVideoProcessor:
    """
    Reads clips for a model as uint8 frames: sampled by segments as LOGO-Former's are, as many frames as the model
    wants, resized and cropped as its own processor says. `model_inputs` does the rest.

    Args:
        processor: the model's own. LOGO-Former's can read, and is returned as it is.
        model: whose configuration says how many frames.

    Raises:
        ValueError: a processor whose frames are not square, or that does more than resize, crop, rescale and
            normalise.
    """
    if isinstance(processor, LogoFormerVideoProcessor):
        return processor
    crop = processor.crop_size if processor.do_center_crop else processor.size
    if crop.height is None or crop.height != crop.width:
        raise ValueError(
            f"{type(processor).__name__} gives frames of {json.dumps(dict(crop))}; they must all have one square size."
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
    # A processor of another kind would silently be left without a part of what it does.
    clip = (torch.arange(2 * 3 * 48 * 64) % 251).to(torch.uint8).view(2, 3, 48, 64)
    expected = processor([clip], do_sample_frames=False, return_tensors="pt")
    read = reading([clip], do_sample_frames=False, return_tensors="pt")["pixel_values"]
    inputs = model_inputs(processor, read)
    if set(inputs) != set(expected) or any(not torch.equal(inputs[name], expected[name]) for name in inputs):
        raise ValueError(
            f"{type(processor).__name__} does more to frames than to resize, crop, rescale and normalise them; models "
            "with such a processor are not supported."
        )
    return reading


def model_inputs(processor: BaseVideoProcessor, frames: torch.Tensor) -> dict[str, torch.Tensor]:
    """
    The last step of a model's own processor on a whole batch at once, on the device that the batch is on.

    Args:
        processor: the model's own.
        frames: `(batch, frames, channels, height, width)` uint8, resized and cropped.

    Returns:
        the model's input under its name, `pixel_values` for most: same shape, float32, rescaled and normalised.
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
