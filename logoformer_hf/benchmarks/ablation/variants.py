"""The compared variants: each changes one property of the reference or of another variant."""

from dataclasses import replace
from typing import Any

from .variant import GRID, REFERENCE, Variant


def _window(*size: int) -> Variant:
    text = "x".join(map(str, size))
    return Variant(f"window_{text}", f"window {text}", config={"window_size": size})


def _compact(form: str, weight: float) -> Variant:
    return Variant(f"{form}_{weight:g}", f"{form} x {weight:g}", compact_loss=form, compact_loss_weight=weight)


def _and_no(part: str, base: Variant, **changes: Any) -> Variant:
    """The variant `base` without the part "local attention" or "compact loss"."""
    name = f"{base.name}_without_{part.split()[0]}"
    return replace(base, name=name, title=f"{base.title}, and no {part}", against=base.name, **changes)


MEAN_SUMMARY = Variant("mean_summary", "window means as summaries", model="mean_summary")
FEW_CLIPS = Variant("few_clips", "a fifth of the clips", clips_share=0.2)
PLAIN = Variant("former_dfer_tokens", "plain transformers instead (Former-DFER's kind)", model="former_dfer")
PARTS = (
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
    PLAIN,
)
MODELS = (
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
VARIANTS = (*PARTS, *MODELS)
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
