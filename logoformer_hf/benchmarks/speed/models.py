"""What is compared: presets of LOGO-Former, other video classifiers with random weights, and joint attention."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    TimesformerConfig,
    TimesformerForVideoClassification,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VivitConfig,
    VivitForVideoClassification,
)

from ...configuration_logoformer import LogoFormerConfig
from ...modeling_logoformer import LogoFormerForVideoClassification
from ..ablation.peers import FormerDFERKind

REFERENCE = "base"
VIDEOMAE = "videomae_224"


@dataclass(frozen=True)
class Contestant:
    """
    One model that is measured.

    Attributes:
        name: of it in the results.
        title: of it in tables.
        build: makes the model with random weights.
        num_frames, side_px: size of a clip.
        takes_keyword: whether the clip is the keyword `pixel_values`, as in transformers.
    """

    name: str
    title: str
    build: Callable[[], nn.Module]
    num_frames: int = 16
    side_px: int = 112
    takes_keyword: bool = True

    def clips(self, batch_size: int, device: torch.device | str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Random clips `(batch, frames, 3, height, width)`."""
        return torch.rand(batch_size, self.num_frames, 3, self.side_px, self.side_px).to(device, dtype)

    def logits(self, model: nn.Module, clips: torch.Tensor) -> torch.Tensor:
        """The model's logits `(batch, classes)`."""
        return model(pixel_values=clips).logits if self.takes_keyword else model(clips)


def logoformer(config: LogoFormerConfig) -> nn.Module:
    """A LOGO-Former with random weights."""
    return LogoFormerForVideoClassification(config)


def joint_config(config: LogoFormerConfig, grid: tuple[int, int, int] | None = None) -> LogoFormerConfig:
    """The configuration with one attention over all tokens of the grid instead of local and global attention."""
    window = grid or (config.num_frames, config.grid_size, config.grid_size)
    return LogoFormerConfig(**{**config.to_dict(), "window_size": window, "use_global_attention": False})


def contestants(is_quick: bool = False, former_dfer: str | Path | None = None) -> list[Contestant]:
    """
    All models.

    Args:
        is_quick: smaller ones of each kind instead, which take a moment.
        former_dfer: checkout of Former-DFER's repository, whose code is measured, too.

    Raises:
        ValueError: no code of Former-DFER there.
    """
    models = small_ones() if is_quick else full_ones()
    if former_dfer is not None:
        build = former_dfer_builder(Path(former_dfer))
        models.append(Contestant("former_dfer", "Former-DFER, its own code", build, takes_keyword=False))
    return models


def full_ones() -> list[Contestant]:
    """The models in the sizes that are published."""
    base = LogoFormerConfig()
    return [
        Contestant("base", "LOGO-Former base", partial(logoformer, base)),
        Contestant("small", "LOGO-Former small", partial(logoformer, LogoFormerConfig.small())),
        Contestant("tiny", "LOGO-Former tiny", partial(logoformer, LogoFormerConfig.tiny()), side_px=64),
        Contestant("joint", "base with joint attention", partial(logoformer, joint_config(base))),
        Contestant("former_dfer_kind", "Former-DFER's kind", partial(FormerDFERKind, base)),
        Contestant(VIDEOMAE, "VideoMAE-B, 16 x 224²", partial(videomae, 224), side_px=224),
        Contestant("videomae_160", "VideoMAE-B, 16 x 160²", partial(videomae, 160), side_px=160),
        Contestant("timesformer", "TimeSformer-B, 8 x 224²", timesformer, num_frames=8, side_px=224),
        Contestant("vivit", "ViViT-B, 32 x 224²", vivit, num_frames=32, side_px=224),
    ]


def small_ones() -> list[Contestant]:
    """Of each kind a model that takes milliseconds."""
    tiny = LogoFormerConfig.tiny()
    vit = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    return [
        Contestant("base", "LOGO-Former tiny", partial(logoformer, tiny), side_px=64),
        Contestant("joint", "tiny with joint attention", partial(logoformer, joint_config(tiny)), side_px=64),
        Contestant("former_dfer_kind", "Former-DFER's kind", partial(FormerDFERKind, tiny), side_px=64),
        Contestant(VIDEOMAE, "a small VideoMAE", partial(videomae, 64, **vit), side_px=64),
        Contestant("timesformer", "a small TimeSformer", partial(timesformer, image_size=64, **vit), 8, 64),
        Contestant("vivit", "a small ViViT", partial(vivit, image_size=64, **vit), num_frames=32, side_px=64),
    ]


def videomae(image_size: int, **changes: Any) -> nn.Module:
    """A VideoMAE-B for clips of 16 frames (Tong et al., NeurIPS 2022), with random weights."""
    return VideoMAEForVideoClassification(VideoMAEConfig(image_size=image_size, **changes))


def timesformer(**changes: Any) -> nn.Module:
    """A TimeSformer-B for clips of 8 frames (Bertasius et al., ICML 2021), with random weights."""
    return TimesformerForVideoClassification(TimesformerConfig(**changes))


def vivit(**changes: Any) -> nn.Module:
    """A ViViT-B for clips of 32 frames (Arnab et al., ICCV 2021), with random weights."""
    return VivitForVideoClassification(VivitConfig(**changes))


def former_dfer_builder(checkout: Path) -> Callable[[], nn.Module]:
    """
    What makes Former-DFER by its authors' own code, which is run.

    Args:
        checkout: folder of their repository.

    Raises:
        ValueError: the folder lacks their model, or it cannot be imported.
    """
    if not (checkout / "models" / "ST_Former.py").is_file():
        raise ValueError(f"--former_dfer {checkout}: it must be a checkout of Former-DFER, with models/ST_Former.py.")
    return partial(former_dfer, str(checkout))


def former_dfer(checkout: str) -> nn.Module:
    """Former-DFER by the code in a checkout. Raises a `ValueError` where its own requirements are missing."""
    sys.path.insert(0, checkout)
    try:
        model: nn.Module = importlib.import_module("models.ST_Former").GenerateModel()
    except ImportError as error:
        raise ValueError(f"--former_dfer {checkout}: its code cannot be imported: {error}.") from error
    finally:
        sys.path.remove(checkout)
    return model
