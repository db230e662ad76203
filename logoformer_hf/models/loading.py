"""
Loads models to train and compare: a new LOGO-Former, a saved one, or another video classifier of transformers, each
with its own processor.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING,
    AutoModelForVideoClassification,
    PreTrainedModel,
)
from transformers.video_processing_utils import BaseVideoProcessor

from ..configuration_logoformer import LogoFormerConfig
from ..image_reading_logoformer import first_line
from ..modeling_logoformer import LogoFormerForVideoClassification
from ..video_processing_logoformer import LogoFormerVideoProcessor
from .backbone import load_backbone_checkpoint
from .files import accepted_models, check_weight_files, load_config, load_processor
from .heads import class_names, known_labels, number_labels, set_labels
from .inputs import clip_frames

Loaded = tuple[PreTrainedModel, BaseVideoProcessor, bool]  # the last: whether it has a trained classifier
SIZES: dict[str, Callable[..., LogoFormerConfig]] = {
    "tiny": LogoFormerConfig.tiny,
    "small": LogoFormerConfig.small,
    "base": LogoFormerConfig,
}


def new_model(
    size: str,
    label_names: Sequence[str],
    overrides: Mapping[str, Any] | None = None,
    backbone_checkpoint: str | Path | None = None,
    image_mean: Sequence[float] | None = None,
    image_std: Sequence[float] | None = None,
) -> tuple[LogoFormerForVideoClassification, LogoFormerVideoProcessor, str]:
    """
    A LOGO-Former with new weights.

    Args:
        size: one of `SIZES`.
        label_names: names of the classes in the order of their numbers.
        overrides: other values for fields of `LogoFormerConfig`.
        backbone_checkpoint: pretrained ResNet for the frame encoder; its normalisation becomes the processor's.
        image_mean: of the pixels that it was trained with, as for `load_backbone_checkpoint`.
        image_std: their standard deviation.

    Returns:
        Model, processor, and a sentence on their origin.
    """
    config = SIZES[size](**number_labels(label_names), **(overrides or {}))
    model = LogoFormerForVideoClassification(config)
    processor = LogoFormerVideoProcessor.from_config(config)
    if backbone_checkpoint is None:
        return model, processor, f"new LOGO-Former {size}."
    report = load_backbone_checkpoint(model, backbone_checkpoint, image_mean, image_std)
    processor.image_mean, processor.image_std = list(report.image_mean), list(report.image_std)
    return model, processor, f"new LOGO-Former {size}; {report}"


def load_model(
    name_or_path: str | Path, label_names: Sequence[str]
) -> tuple[PreTrainedModel, BaseVideoProcessor, str]:
    """
    A saved video classifier for fine-tuning on these labels: a LOGO-Former, or another one of transformers.

    A label that the model has, under this or another name with the same meaning, keeps its weights in the classifier.
    Other labels get new weights, and so do all labels where the checkpoint has no classifier, e.g. after pretraining.

    Args:
        name_or_path: folder, or name on the Hub.
        label_names: at least two, in the order of their numbers.

    Returns:
        Model, its own processor, and a sentence on the labels that keep their weights and the new ones.

    Raises:
        OSError: no model there, or no processor in its folder.
        ValueError: no video classifier, a checkpoint with missing weights besides the classifier, or fewer than two
            labels of different meaning.
    """
    model, processor, has_classifier = load_pretrained(name_or_path)
    known = known_labels(model, label_names) if has_classifier else {}
    old_names = class_names(model) if has_classifier else []
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
    name_or_path: str | Path, label_names: Sequence[str], load: Callable[[str | Path], Loaded] | None = None
) -> tuple[PreTrainedModel, BaseVideoProcessor, list[int]]:
    """
    A trained video classifier, unchanged, for evaluation on a data set whose labels may have other names or another
    order.

    Args:
        name_or_path: folder, or name on the Hub.
        label_names: labels of the data set.
        load: another function than `load_pretrained`, for a model that something else than torch computes.

    Returns:
        Model, its own processor, and the number of the model's class for each label of the data set.

    Raises:
        OSError: no model there, or no processor in its folder.
        ValueError: no trained video classifier, or one without a class of the data set.
    """
    model, processor, has_classifier = (load or load_pretrained)(name_or_path)
    check_has_classifier(name_or_path, model, has_classifier)
    known = known_labels(model, label_names)
    if missing := [name for name in label_names if name not in known]:
        raise ValueError(
            f"{name_or_path}: the model has no class {', '.join(missing)}; its classes are {name_classes(model)}. "
            "Leave these clips out (`labels`; in tests also `shared_labels`), or fine-tune the model on these labels."
        )
    return model, processor, [known[name] for name in label_names]


def check_has_classifier(name_or_path: str | Path, model: PreTrainedModel, has_classifier: bool) -> None:
    """Raises a `ValueError` for a model whose checkpoint has no trained classifier, as after pretraining."""
    if not has_classifier:
        raise ValueError(
            f"{name_or_path}: this {model.config.model_type} has no trained classifier; fine-tune it first: "
            f"train_hf.py --model_name_or_path {name_or_path}."
        )


def load_pretrained(name_or_path: str | Path) -> tuple[PreTrainedModel, BaseVideoProcessor, bool]:
    """Model in float32, its processor, and whether the checkpoint has a trained classifier."""
    if Path(name_or_path).is_file():
        raise ValueError(
            f"{name_or_path} is a file; a model is the folder that `save_pretrained` writes, or a name on the Hub. "
            "Weights of a frame encoder alone go into a new model: --backbone_checkpoint."
        )
    config = load_config(name_or_path)
    if type(config) not in MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING:
        raise ValueError(f"{name_or_path} is a {config.model_type}, not a video classifier. {accepted_models()}")
    processor = load_processor(name_or_path)
    if Path(name_or_path).is_dir():
        check_weight_files(Path(name_or_path), config)
    # float32, not the dtype of the file: Trainer sets mixed precision.
    try:
        model, loaded = AutoModelForVideoClassification.from_pretrained(
            name_or_path, config=config, dtype=torch.float32, output_loading_info=True, trust_remote_code=False
        )
    except OSError:
        raise
    except Exception as error:  # of many kinds, for weights that are damaged or another model's
        reason = first_line(error)
        raise ValueError(
            f"{name_or_path}: its weights are damaged or another model's ({reason}); copy or download them again."
        ) from error
    missing = sorted(loaded["missing_keys"])
    if lost := [key for key in missing if key.startswith(f"{model.base_model_prefix}.")]:
        raise ValueError(
            f"{name_or_path}: {len(lost)} tensors of the {config.model_type} are not in the checkpoint, e.g. "
            f"{lost[0]}; only the classifier may be missing."
        )
    return model, processor, not missing


def name_classes(model: PreTrainedModel, most: int = 12) -> str:
    """The first `most` class names of a model, for messages."""
    names = class_names(model)
    return ", ".join(names[:most]) + (f", ... ({len(names)})" if len(names) > most else "")
