"""The compared variants: each changes one property of the reference or of another variant."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from transformers import PreTrainedModel

from ...configuration_logoformer import LogoFormerConfig, resnet18_to_stage3
from ...modeling_logoformer import LogoFormerForVideoClassification
from .peers import ClassTokenLogoFormer, FormerDFERKind, MeanSummaryLogoFormer, matched_videomae

GRID = (16, 7, 7)  # tokens of a clip along frames, height and width, as in the base model

_MODELS = {
    "logoformer": LogoFormerForVideoClassification,
    "class_token": ClassTokenLogoFormer,
    "mean_summary": MeanSummaryLogoFormer,
    "former_dfer": FormerDFERKind,
    "videomae": matched_videomae,
}


@dataclass(frozen=True)
class Variant:
    """
    One row of the tables.

    Attributes:
        name: name of the variant in folders and results.
        title: title in tables and pictures.
        group: "parts" are trained on the frame tokens of one frozen frame encoder, "models" on pixels and from random
            weights.
        config: fields of `LogoFormerConfig` that differ from the reference.
        compact_loss: form of the compact loss.
        compact_loss_weight: factor of the compact loss.
        frames: "clip", "middle" (the middle frame repeated), or "shuffled" (in another order for every clip).
        clips_share: share of the training clips, 0 to 1; the number of epochs rises in inverse proportion.
        model: key of the model's class.
        against: name of the variant that it is compared with.
    """

    name: str
    title: str
    group: str = "parts"
    config: Mapping[str, Any] = field(default_factory=dict)
    compact_loss: str = "margin"
    compact_loss_weight: float = 0.1
    frames: str = "clip"
    clips_share: float = 1.0
    model: str = "logoformer"
    against: str = "reference"

    @property
    def reads_tokens(self) -> bool:
        """Whether it is trained on frame tokens instead of pixels."""
        return self.group == "parts"

    def build_config(self) -> LogoFormerConfig:
        """`reference_config` with the changes of this variant."""
        return reference_config(**self.config)

    def build_model(self) -> PreTrainedModel:
        """A new model, with random weights from the global generator of torch."""
        return _MODELS[self.model](self.build_config())


def reference_config(**changes: Any) -> LogoFormerConfig:
    """
    The configuration of the reference: half the width of `tiny` on the grid of `base`, 16 x 7 x 7 tokens, which
    windows of all sizes fit. Frames of 56 pixels at a stride of 8 give this grid at a quarter of the cost of 112 at
    16.
    """
    backbone = resnet18_to_stage3(embedding_size=16, hidden_sizes=[32, 64], depths=[1, 1], out_features=["stage2"])
    defaults = {"image_size": 56, "feature_stride": 8, "backbone_config": backbone, "window_size": (16, 2, 2)}
    # At a width of 64 a run takes more than twice as long, and UAR was lower after the same time (34.7, not 38.3 %).
    defaults |= {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    return LogoFormerConfig.tiny(**defaults | changes)


def _window(*size: int) -> Variant:
    text = "x".join(map(str, size))
    return Variant(f"window_{text}", f"window {text}", config={"window_size": size})


def _compact(form: str, weight: float) -> Variant:
    return Variant(f"{form}_{weight:g}", f"{form} x {weight:g}", compact_loss=form, compact_loss_weight=weight)


def _and_no(part: str, base: Variant, **changes: Any) -> Variant:
    """The variant `base` without the part "local attention" or "compact loss"."""
    name = f"{base.name}_without_{part.split()[0]}"
    return replace(base, name=name, title=f"{base.title}, and no {part}", against=base.name, **changes)


REFERENCE = Variant("reference", "LOGO-Former: window 16x2x2, margin x 0.1, mean token")
MEAN_SUMMARY = Variant("mean_summary", "window means as summaries", model="mean_summary")
FEW_CLIPS = Variant("few_clips", "a fifth of the clips", clips_share=0.2)
VARIANTS = (
    REFERENCE,
    Variant("without_local", "without local attention", config={"use_local_attention": False}),
    Variant("without_global", "without global attention", config={"use_global_attention": False}),
    Variant("joint", "joint attention instead of both", config={"window_size": GRID, "use_global_attention": False}),
    MEAN_SUMMARY,
    _and_no("local attention", MEAN_SUMMARY, config={"use_local_attention": False}),
    Variant("without_compact", "without compact loss", compact_loss="none", compact_loss_weight=0.0),
    _compact("margin", 1.0),
    _compact("center", 0.1),
    _compact("center", 1.0),
    _window(4, 4, 4),
    _window(4, 7, 7),
    _window(2, 7, 7),
    _window(8, 4, 4),
    _window(8, 2, 2),
    Variant("class_token", "class token instead of the mean token", model="class_token"),
    Variant("middle_frame", "one repeated frame", frames="middle"),
    Variant("shuffled_frames", "frames shuffled", frames="shuffled"),
    FEW_CLIPS,
    _and_no("local attention", FEW_CLIPS, config={"use_local_attention": False}),
    _and_no("compact loss", FEW_CLIPS, compact_loss="none", compact_loss_weight=0.0),
    Variant("former_dfer_tokens", "plain transformers instead (Former-DFER's kind)", model="former_dfer"),
    Variant("logoformer", "LOGO-Former", group="models", against="logoformer"),
    Variant(
        "former_dfer",
        "ResNet with spatial and temporal transformer (Former-DFER's kind)",
        group="models",
        model="former_dfer",
        against="logoformer",
    ),
    Variant("videomae", "VideoMAE", group="models", model="videomae", against="logoformer"),
)
GROUPS = ("parts", "models")


def find_variants(names: list[str] | None) -> list[Variant]:
    """
    Variants by name or group, in the order of `VARIANTS`; all of them for None.

    Raises:
        ValueError: an unknown name.
    """
    if names is None:
        return list(VARIANTS)
    known = [variant.name for variant in VARIANTS]
    if unknown := [name for name in names if name not in known and name not in GROUPS]:
        raise ValueError(f"there is no variant {unknown[0]!r}; accepted: {', '.join((*GROUPS, *known))}.")
    return [variant for variant in VARIANTS if variant.name in names or variant.group in names]
