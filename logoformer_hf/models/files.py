"""
Reads the files of a saved model that may be somebody else's: configuration, processor, and what the weights are.

No code of theirs runs, and what does not fit together is refused before memory is taken for it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from transformers import (
    MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForVideoClassification,
    AutoVideoProcessor,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.core_model_loading import revert_weight_conversion
from transformers.video_processing_utils import BaseVideoProcessor

from ..configuration_logoformer import LogoFormerConfig, check_backbone_numbers, check_num_labels
from ..image_reading_logoformer import first_line
from ..saved_settings_logoformer import (
    CONFIG_FILES,
    PROCESSOR_FILES,
    check_implementations,
    check_settings,
    drop_code_references,
    errors_of_file,
    place_of_settings,
)
from ..saved_weights_logoformer import tensors_in, weight_files
from ..video_processing_logoformer import LogoFormerVideoProcessor

# In what the library says of a kind that it does not know, if a file names code for it.
ASKS_TO_RUN_CODE = "trust_remote_code"


def load_config(name_or_path: str | Path) -> PreTrainedConfig:
    """
    The configuration of a saved model, without references to code.

    Raises:
        OSError: no model there.
        ValueError: a configuration that is damaged, of an unknown kind, or asks for more than any model has.
    """
    try:
        with errors_of_file(name_or_path, CONFIG_FILES):
            config: PreTrainedConfig = AutoConfig.from_pretrained(name_or_path, trust_remote_code=False)
    except OSError as error:
        raise OSError(
            f"{name_or_path} is neither the folder of a saved model nor a name on the Hub that can be loaded: "
            f"{first_line(error)}"
        ) from error
    except Exception as error:  # of many kinds: of the library for unknown kinds, of any kind for wrong values
        if ASKS_TO_RUN_CODE in str(error):
            kind = PreTrainedConfig.get_config_dict(name_or_path)[0].get("model_type")
            raise ValueError(
                f"{name_or_path}: the `model_type` in config.json is {repr(kind)[:200]}, which needs code of others; "
                f"none is run. {accepted_models()}"
            ) from None
        raise ValueError(f"{' '.join(str(error).split())[:600]} {accepted_models()}") from error
    if not isinstance(config, LogoFormerConfig):
        try:
            check_implementations(config)
            check_num_labels(0, config.id2label)
            check_backbone_numbers(
                {key: value for key, value in vars(config).items() if key not in ("id2label", "label2id")}
            )
        except ValueError as error:
            raise ValueError(f"{name_or_path}: {str(error).replace('`backbone_config`', 'config.json')}") from error
        drop_code_references(config)
    config.return_dict = True  # this package reads outputs by their names
    return config


def load_processor(name_or_path: str | Path) -> BaseVideoProcessor:
    """
    The video processor of a saved model, without references to code.

    Raises:
        OSError: there is none.
        ValueError: its settings are damaged, of an unknown kind, or give no pixels.
    """
    try:
        with errors_of_file(name_or_path, PROCESSOR_FILES):
            processor: BaseVideoProcessor = AutoVideoProcessor.from_pretrained(name_or_path, trust_remote_code=False)
            check_settings(processor)
    except OSError as error:
        if place_of_settings(name_or_path, PROCESSOR_FILES)[1] is not None:
            raise
        raise OSError(
            f"{name_or_path}: there is no video processor in its folder (video_preprocessor_config.json or "
            "preprocessor_config.json); save the one that it was trained with into the same folder."
        ) from error
    except ValueError as error:
        if ASKS_TO_RUN_CODE not in str(error):
            raise
        raise ValueError(
            f"{place_of_settings(name_or_path, PROCESSOR_FILES)[0]} needs code of others, and none is run; save the "
            "processor of a model of transformers there."
        ) from error
    if not isinstance(processor, LogoFormerVideoProcessor):  # which does so itself
        drop_code_references(processor)
    return processor


def check_weight_files(folder: Path, config: PreTrainedConfig) -> None:
    """
    Checks, before a model is built, that its weights are safetensors and have the shapes of its configuration.

    A folder without such files, as of older models of the library, is not checked.

    Raises:
        ValueError: a file that is no safetensors, e.g. a pickle, a tensor that is missing or has another shape, or a
            configuration of which no model can be built; the message names the file.
    """
    files = weight_files(folder)
    if not files:
        return
    model = build_without_values(folder, config)
    tensors = list(tensors_in(files))
    expected, needed = tensors_by_file(model, (name for _, name, _ in tensors))
    prefix = f"{model.base_model_prefix}."
    found = set()
    for file, name, shape in tensors:
        known = next((each for each in (name, f"{prefix}{name}", name.removeprefix(prefix)) if each in expected), None)
        found.add(known)
        if known is not None and shape != tuple(expected[known].shape):
            raise ValueError(
                f"{file}: the tensor {name} has the shape {shape}; by the configuration beside it that must be "
                f"{tuple(expected[known].shape)}."
            )
    lost = [name for name in needed if name.startswith(prefix) and name not in found]
    if isinstance(config, LogoFormerConfig) and lost:
        raise ValueError(
            f"{folder}: {len(lost)} tensors of the {config.model_type} are not in the checkpoint "
            f"({', '.join(file.name for file in files)}), e.g. {lost[0]}; only the classifier may be missing."
        )


def build_without_values(folder: Path, config: PreTrainedConfig) -> PreTrainedModel:
    """The model of a configuration without memory for its values. Raises a `ValueError` where there is none."""
    try:
        with torch.device("meta"):
            model: PreTrainedModel = AutoModelForVideoClassification.from_config(config, trust_remote_code=False)
    except Exception as error:  # of any kind: fields that the library does not check, each fitting no other
        reason = f"{type(error).__name__}, {' '.join(str(error).split())[:300]}"
        raise ValueError(f"{folder / 'config.json'} describes no model that can be built: {reason}") from error
    return model


def tensors_by_file(
    model: PreTrainedModel, found: Iterable[str]
) -> tuple[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]]:
    """
    The tensors of a model under the names that they have in its files. `save_pretrained` gives those of some frame
    encoders (BEiT, DINOv2, DINOv3, Swin) other names than the model has.

    Args:
        model: the model; its tensors may be without values.
        found: names in its files.

    Returns:
        name -> tensor of `state_dict()`, and of those of them that outputs depend on, which numbers of batches that
        batch norm counts are not: under the names that the library writes, or under those of the model where the files
        have more of these.
    """
    names, own = set(found), model.state_dict()
    needed = {name: tensor for name, tensor in own.items() if not name.endswith("num_batches_tracked")}
    saved: dict[str, torch.Tensor] = revert_weight_conversion(model, own)
    if len(own.keys() & names) > len(saved.keys() & names):
        return own, needed
    return saved, revert_weight_conversion(model, needed)


def accepted_models() -> str:
    """A sentence with the model types that can be loaded."""
    kinds = sorted(config.model_type for config in MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING)
    return f"Accepted: a saved {', '.join(kinds[:-1])} or {kinds[-1]}."
