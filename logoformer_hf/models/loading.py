"""
Models to train and compare: a new LOGO-Former, a saved one, or any other video classifier of the library.

What one needs that another does not, the rest of the package need not know: labels are matched by what their names
mean, clips are read the way the model's own processor says, and only the last step of that processor, rescaling and
normalising, is left for the device that the model is on.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForVideoClassification,
    AutoVideoProcessor,
    PreTrainedModel,
)
from transformers.video_processing_utils import BaseVideoProcessor

from .backbone import load_backbone_checkpoint
from ..configuration_logoformer import LogoFormerConfig
from ..data.labels import match_label_names
from ..modeling_logoformer import LogoFormerForVideoClassification
from ..video_processing_logoformer import LogoFormerVideoProcessor

SIZES = {"tiny": LogoFormerConfig.tiny, "small": LogoFormerConfig.small, "base": LogoFormerConfig}


def new_model(
    size: str,
    label_names: Sequence[str],
    overrides: Mapping[str, Any] | None = None,
    backbone_checkpoint: str | Path | None = None,
) -> tuple[LogoFormerForVideoClassification, LogoFormerVideoProcessor, str]:
    """
    A LOGO-Former with new weights.

    Args:
        size: one of `SIZES`.
        label_names: in the order of their numbers.
        overrides: other values for fields of `LogoFormerConfig`.
        backbone_checkpoint: pretrained ResNet for the frame encoder; its normalisation becomes the processor's.

    Returns:
        model, processor, and a sentence that says what they were made from.
    """
    config = SIZES[size](**number_labels(label_names), **(overrides or {}))
    model = LogoFormerForVideoClassification(config)
    processor = LogoFormerVideoProcessor(
        size={"shortest_edge": config.image_size},
        crop_size={"height": config.image_size, "width": config.image_size},
        num_frames=config.num_frames,
    )
    if backbone_checkpoint is None:
        return model, processor, f"new LOGO-Former {size}."
    report = load_backbone_checkpoint(model, backbone_checkpoint)
    processor.image_mean, processor.image_std = list(report.image_mean), list(report.image_std)
    return model, processor, f"new LOGO-Former {size}; {report}"


def load_model(
    name_or_path: str | Path, label_names: Sequence[str]
) -> tuple[PreTrainedModel, BaseVideoProcessor, str]:
    """
    A saved video classifier for fine-tuning on these labels: a LOGO-Former, or any other of the library.

    The classifier's weights of a label that the model knows, under this or another name for it, move with the label.
    The others start anew, and so does the whole classifier of a checkpoint that has none, e.g. from pretraining.

    Args:
        name_or_path: folder, or name on the Hub.
        label_names: at least two, in the order of their numbers.

    Returns:
        model, its own processor, and a sentence that says which labels moved and which start anew.

    Raises:
        OSError: nothing there, or no processor beside the model.
        ValueError: no video classifier, a checkpoint without all weights of its backbone, or labels that are not at
            least two of different meaning.
    """
    model, processor, has_classifier = load_pretrained(name_or_path)
    known = known_labels(model, label_names) if has_classifier else {}
    old_names = dict(model.config.id2label)
    set_labels(model, label_names, known)
    kept = [name if name == old_names[old] else f"{name} ({old_names[old]!r} there)" for name, old in known.items()]
    new = [name for name in label_names if name not in known]
    before = f"classes kept: {', '.join(kept) or 'none'}" if has_classifier else "its checkpoint has no classifier"
    sentence = (
        f"fine-tuning {name_or_path} ({model.config.model_type}, clips of {clip_frames(model)} frames); {before}; "
        f"new classes: {', '.join(new) or 'none'}."
    )
    return model, processor, sentence


def load_trained_model(
    name_or_path: str | Path, label_names: Sequence[str]
) -> tuple[PreTrainedModel, BaseVideoProcessor, list[int]]:
    """
    A trained video classifier as it is, to evaluate it on a data set whose labels have another order or other names.

    Args:
        name_or_path: folder, or name on the Hub.
        label_names: of the data set.

    Returns:
        model, its own processor, and for each label of the data set the number of the model's class for it.

    Raises:
        OSError: nothing there, or no processor beside the model.
        ValueError: no trained video classifier, or one that lacks a class of the data set.
    """
    model, processor, has_classifier = load_pretrained(name_or_path)
    if not has_classifier:
        raise ValueError(
            f"{name_or_path}: this {model.config.model_type} has no trained classifier; fine-tune it first: "
            f"train_hf.py --model_name_or_path {name_or_path}."
        )
    known = known_labels(model, label_names)
    if missing := [name for name in label_names if name not in known]:
        raise ValueError(
            f"{name_or_path}: the model has no class {', '.join(missing)}; its classes are {name_classes(model)}. "
            "Leave these clips out, or fine-tune the model on these labels."
        )
    return model, processor, [known[name] for name in label_names]


def load_pretrained(name_or_path: str | Path) -> tuple[PreTrainedModel, BaseVideoProcessor, bool]:
    """Model in float32, its processor, and whether the checkpoint has a trained classifier."""
    if Path(name_or_path).is_file():
        raise ValueError(
            f"{name_or_path} is a file; a model is the folder that `save_pretrained` writes, or a name on the Hub. "
            "Weights of a frame encoder alone go into a new model: --backbone_checkpoint."
        )
    try:
        config = AutoConfig.from_pretrained(name_or_path)
    except OSError as error:
        raise OSError(
            f"{name_or_path} is neither the folder of a saved model nor a name on the Hub that can be loaded: "
            f"{str(error).splitlines()[0]}"
        ) from error
    except ValueError as error:  # a model_type that nobody has registered
        raise ValueError(f"{name_or_path}: {str(error).splitlines()[0]} {accepted_models()}") from error
    if type(config) not in MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING:
        raise ValueError(f"{name_or_path} is a {config.model_type}, no video classifier. {accepted_models()}")
    try:
        processor = AutoVideoProcessor.from_pretrained(name_or_path)
    except OSError as error:
        raise OSError(
            f"{name_or_path}: there is no video processor beside the model (video_preprocessor_config.json or "
            "preprocessor_config.json); save the one that it was trained with into the same folder."
        ) from error
    # The dtype of the file would be another one's: mixed precision is Trainer's to choose.
    model, loaded = AutoModelForVideoClassification.from_pretrained(
        name_or_path, config=config, dtype=torch.float32, output_loading_info=True
    )
    missing = sorted(loaded["missing_keys"])
    if lost := [key for key in missing if key.startswith(f"{model.base_model_prefix}.")]:
        raise ValueError(
            f"{name_or_path}: {len(lost)} tensors of the {config.model_type} are not in the checkpoint, e.g. "
            f"{lost[0]}; only a missing classifier can start anew."
        )
    return model, processor, not missing


def accepted_models() -> str:
    kinds = sorted(config.model_type for config in MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING)
    return f"Accepted: a saved {', '.join(kinds[:-1])} or {kinds[-1]}."


def name_classes(model: PreTrainedModel, most: int = 12) -> str:
    names = list(model.config.id2label.values())
    return ", ".join(names[:most]) + (f", ... ({len(names)})" if len(names) > most else "")


def known_labels(model: PreTrainedModel, label_names: Sequence[str]) -> dict[str, int]:
    """
    The model's class number of each of these labels that it knows, by what the names mean: "Happiness" is "happy".

    Raises:
        ValueError: two of the labels, or two of the model's classes for one of them, mean the same.
    """
    known = [model.config.id2label[number] for number in range(model.config.num_labels)]
    class_of = match_label_names([*known, *label_names])[1]
    wanted = [class_of[name] for name in label_names]
    for whose, names in (("the labels", label_names), ("the model's classes", known)):
        for meaning in wanted:
            same = [name for name in names if class_of[name] == meaning]
            if len(same) > 1:
                raise ValueError(f"{' and '.join(map(repr, same))} of {whose} mean the same: keep one of them.")
    number = {class_of[name]: number for number, name in enumerate(known)}
    return {name: number[class_of[name]] for name in label_names if class_of[name] in number}


@torch.no_grad()
def set_labels(model: PreTrainedModel, label_names: Sequence[str], known: Mapping[str, int]) -> None:
    """
    Gives a model another set or order of labels, with a new output layer for them.

    Args:
        model: any video classifier whose output layer is a linear `classifier`.
        label_names: at least two different names in the order of their numbers.
        known: number of the old class whose weights a label keeps. Labels without one start anew.
    """
    if len(set(label_names)) < max(len(label_names), 2):
        raise ValueError(f"`label_names` is {list(label_names)}; it must be at least two different names.")
    old = output_layer(model)
    new = nn.Linear(old.in_features, len(label_names), bias=old.bias is not None)
    model._init_weights(new)
    new = new.to(old.weight.device, old.weight.dtype)
    for row, name in enumerate(label_names):
        if name in known:
            for tensor, old_tensor in zip(new.parameters(), old.parameters(), strict=True):
                tensor[row] = old_tensor[known[name]]
    model.classifier = new
    model.num_labels = len(label_names)
    for field, value in number_labels(label_names).items():
        setattr(model.config, field, value)


def number_labels(label_names: Sequence[str]) -> dict[str, dict]:
    """The two fields of a configuration that name the classes."""
    id2label = dict(enumerate(label_names))
    return {"id2label": id2label, "label2id": {name: number for number, name in id2label.items()}}


def output_layer(model: PreTrainedModel) -> nn.Linear:
    """The layer from a clip's embedding `(batch, hidden)` to its logits `(batch, classes)`."""
    layer = getattr(model, "classifier", None)
    if not isinstance(layer, nn.Linear):
        raise ValueError(
            f"the `classifier` of {type(model).__name__} is {type(layer).__name__}; it must be a linear output layer."
        )
    return layer


def clip_frames(model: PreTrainedModel) -> int:
    """Frames of a clip that the model is made for. V-JEPA 2 has its own name for it."""
    config = model.config
    return config.frames_per_clip if hasattr(config, "frames_per_clip") else config.num_frames


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
