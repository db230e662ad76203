"""Loads pretrained weights of a ResNet by torchvision, timm or transformers into the frame encoder."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from .._files import read_json
from ..modeling_logoformer import LogoFormerPreTrainedModel

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
# Of processors of images and of videos, a LOGO-Former's among them.
_PREPROCESSOR_FILES = ("preprocessor_config.json", "video_preprocessor_config.json")
# Of lone files, which say nothing themselves: what their name is known for, by the beginning of a match.
_KNOWN_NAMES: Mapping[str, tuple[Sequence[float], Sequence[float], str]] = {
    r"ms1m": (
        (0.0,) * 3,
        (1.0,) * 3,
        "its name: face weights of MS-Celeb-1M, which Former-DFER feeds pixels in [0, 1]",
    ),
    r"msceleb": (
        IMAGENET_DEFAULT_MEAN,
        IMAGENET_DEFAULT_STD,
        "its name: face weights of MS-Celeb-1M, which DAN feeds pixels normalised as for ImageNet",
    ),
    r"^resnet\d+-[0-9a-f]{8}\.pth$": (
        IMAGENET_DEFAULT_MEAN,
        IMAGENET_DEFAULT_STD,
        "its name: ImageNet, by torchvision",
    ),
}


@dataclass
class BackboneReport:
    """Result of `load_backbone_checkpoint`: the loaded tensors, and the normalisation of frames that they need."""

    path: Path
    num_loaded: int
    ignored: list[str]
    image_mean: Sequence[float]
    image_std: Sequence[float]
    normalisation_source: str

    def __str__(self) -> str:
        shown = ", ".join(self.ignored[:3]) + (", ..." if len(self.ignored) > 3 else "")
        return (
            f"frame encoder from {self.path}: {self.num_loaded} tensors loaded, {len(self.ignored)} left out"
            f"{f' ({shown})' if shown else ''}; mean {list(self.image_mean)} and standard deviation "
            f"{list(self.image_std)} from {self.normalisation_source}."
        )


def load_backbone_checkpoint(
    model: LogoFormerPreTrainedModel,
    path: str | Path,
    image_mean: Sequence[float] | None = None,
    image_std: Sequence[float] | None = None,
) -> BackboneReport:
    """
    Loads a pretrained ResNet into the frame encoder of a LOGO-Former, which must have a ResNet of the same kind.

    Args:
        model: a LOGO-Former; its frame encoder's weights are replaced.
        path: a state dict of torchvision or timm (`.pth`, `.pt`, `.bin`, `.safetensors`, also inside a checkpoint,
            with `module.` or `backbone.` prefixes and extra heads), or the folder of a ResNet saved by transformers,
            or of a LOGO-Former, as `logoformer pretrain-frames` writes one. Pickles are read with
            `weights_only=True`, which loads tensors and no code.
        image_mean: mean of the pixels, 0 to 1, one number per channel, that the weights were trained with; None: as
            found or guessed.
        image_std: their standard deviation; given together with the mean.

    Returns:
        The loaded tensors, and the mean and standard deviation for them: those that are given, else from the folder's
        processor (transformers) or `config.json` (timm), else what the name of the file is known for, else ImageNet's.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: no weights, or a missing tensor of the frame encoder. Nothing is loaded then.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder.")
    backbone: Any = model.base_model.backbone
    if backbone.config.model_type != "resnet":
        raise ValueError(
            f"the frame encoder is a {backbone.config.model_type!r}; weights can be loaded into a 'resnet' only. "
            "Other frame encoders are loaded with a saved LOGO-Former."
        )
    file = find_weights(path)
    wanted: dict[str, torch.Tensor] = backbone.state_dict()
    given: dict[str, torch.Tensor] = {}
    original_names: dict[str, str] = {}
    for original, tensor in read_state_dict(file).items():
        name = transformers_name(original)
        if name in given and name in wanted:  # two networks, or a head that has its own `bn1`
            raise ValueError(
                f"{file}: {original_names[name]} and {original} both match {name} of the frame encoder: keep one of "
                "them in the file."
            )
        given[name], original_names[name] = tensor, original
    # `num_batches_tracked` is missing in old files; it counts batches and is not used in evaluation.
    needed = [name for name in wanted if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in given]
    if len(missing) == len(needed):
        raise ValueError(
            f"{file}: there are no tensors of a ResNet in it; its first names are {', '.join(list(given)[:3])}."
        )
    if missing:
        raise ValueError(
            f"{file}: {len(missing)} of {len(needed)} tensors of the frame encoder are not in it, e.g. {missing[0]}: "
            f"`backbone_config` (layer_type={backbone.config.layer_type!r}, depths={backbone.config.depths}) is "
            "another ResNet."
        )
    # A deeper ResNet has all of these tensors and further ones in the same stages. Later stages are ignored.
    stages = tuple(f"encoder.stages.{stage}." for stage in range(len(backbone.config.depths)))
    deeper = [name for name in given if name.startswith(stages) and name not in wanted]
    if deeper:
        raise ValueError(
            f"{file}: the frame encoder has no {deeper[0]}: `backbone_config` "
            f"(layer_type={backbone.config.layer_type!r}, depths={backbone.config.depths}) is another ResNet."
        )
    for name in needed:
        if given[name].shape != wanted[name].shape:
            raise ValueError(
                f"{file}: {name} has shape {tuple(given[name].shape)}, but the frame encoder needs "
                f"{tuple(wanted[name].shape)}: `backbone_config` is another ResNet."
            )
    loaded = {name: tensor for name, tensor in given.items() if name in wanted}
    backbone.load_state_dict(loaded, strict=False)
    if image_mean is not None and image_std is not None:
        mean, std, source = image_mean, image_std, "`image_mean` and `image_std`"
    else:
        mean, std, source = find_normalisation(path)
    return BackboneReport(path, len(loaded), sorted(set(given) - set(loaded)), mean, std, source)


def find_weights(path: Path) -> Path:
    """The file of weights: `path` itself or a file of `WEIGHT_FILES` in it. Raises a `ValueError` without one."""
    if path.is_file():
        return path
    for name in WEIGHT_FILES:
        if (path / name).exists():
            return path / name
    raise ValueError(f"{path}: the folder has none of {', '.join(WEIGHT_FILES)}.")


def read_state_dict(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file of weights by name. Raises a `ValueError` if it is unreadable or has none."""
    content: Any
    try:
        if file.suffix == ".safetensors":
            content = safetensors.torch.load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"{file}: the file is not a readable file of weights ({(str(error) or repr(error)).splitlines()[0]})."
        ) from error
    for key in ("state_dict", "model_state_dict", "model", "net"):  # checkpoints wrap the weights
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    named = content.items() if isinstance(content, dict) else ()
    tensors = {name: value for name, value in named if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ValueError(f"{file}: there are no tensors in it.")
    return tensors


def transformers_name(name: str) -> str:
    """The name in transformers of a ResNet's tensor from torchvision, timm or transformers; others are unchanged."""
    # The first match from the left, so that any prefix is skipped and `layer1.0.conv1` is not taken for `conv1`.
    if match := re.search(r"(?:^|\.)((?:embedder|encoder\.stages)\..+)$", name):
        return match[1]
    if match := re.search(r"(?:^|\.)layer(\d)\.(\d+)\.(.+)$", name):
        stage, layer, rest = int(match[1]) - 1, match[2], match[3]
        rest = re.sub(r"^conv(\d)\.", lambda m: f"layer.{int(m[1]) - 1}.convolution.", rest)
        rest = re.sub(r"^bn(\d)\.", lambda m: f"layer.{int(m[1]) - 1}.normalization.", rest)
        rest = rest.replace("downsample.0.", "shortcut.convolution.").replace(
            "downsample.1.", "shortcut.normalization."
        )
        return f"encoder.stages.{stage}.layers.{layer}.{rest}"
    if match := re.search(r"(?:^|\.)(conv1|bn1)\.(\w+)$", name):
        part = {"conv1": "convolution", "bn1": "normalization"}[match[1]]
        return f"embedder.embedder.{part}.{match[2]}"
    return name


def find_normalisation(path: Path) -> tuple[Sequence[float], Sequence[float], str]:
    """Mean and standard deviation of the pixel values, 0 to 1, by channel, and the name of their source."""
    # Settings in the folder of a weight file with another name may belong to another model.
    folder = path.parent if path.name in WEIGHT_FILES else path
    for preprocessor in (folder / name for name in _PREPROCESSOR_FILES):
        settings = read_json(preprocessor) if preprocessor.exists() else {}
        if "image_mean" in settings and "image_std" in settings:
            return settings["image_mean"], settings["image_std"], preprocessor.name
    config = folder / "config.json"
    if config.exists():
        settings = read_json(config).get("pretrained_cfg") or {}
        if "mean" in settings and "std" in settings:
            return settings["mean"], settings["std"], f"timm's {config.name}"
    if path.is_file():
        for pattern, known in _KNOWN_NAMES.items():
            if re.search(pattern, path.name, re.IGNORECASE):
                return known
    guess = "ImageNet, a guess, as neither the file nor its name says more; `image_mean` and `image_std` set others"
    return IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, guess
