"""
What might become a default of LOGO-Former or of its recipe. Each row changes one thing of the old defaults; of the
rows of one axis at most one is chosen. Rows without an axis are only compared, among them plain transformers by a
changed recipe.
"""

from collections.abc import Mapping
from typing import Any

from .variant import REFERENCE, Variant
from .variants import PLAIN

BASES = (REFERENCE, PLAIN)  # what candidates are compared with, each with the one that its `against` names


def _candidate(axis: str, name: str, title: str, config: Mapping[str, Any] | None = None, **recipe: Any) -> Variant:
    return Variant(name, title, "candidates", config=config or {}, recipe=recipe, axis=axis)


def _window(*size: int) -> Variant:
    text = "x".join(map(str, size))
    return _candidate("window", f"new_window_{text}", f"windows of {text}", {"window_size": size})


def _summaries(window: tuple[int, ...], summary: tuple[int, ...]) -> Variant:
    window_text, summary_text = ("x".join(map(str, size)) for size in (window, summary))
    name, title = f"summaries_{summary_text}_{window_text}", f"windows of {window_text}, summaries of {summary_text}"
    return _candidate("window", name, title, {"window_size": window, "summary_size": summary})


def _compact(form: str, weight: float) -> Variant:
    title = f"compact loss {form} x {weight:g}" if weight else "no compact loss"
    name = f"new_{form}_{weight:g}"
    return Variant(name, title, "candidates", compact_loss=form, compact_loss_weight=weight, axis="compact")


CANDIDATES = (
    _candidate("mixup", "mixup_0.4", "mixup, alpha 0.4", mixup_alpha=0.4),
    _candidate("mixup", "cutmix_time", "some frames of another clip", mixup_alpha=1.0, mixup_kind="time"),
    _candidate("mixup", "cutmix_space", "a rectangle of another clip", mixup_alpha=1.0, mixup_kind="space"),
    Variant(
        "plain_mixup_0.4",
        "plain transformers with mixup (from those without)",
        "candidates",
        recipe={"mixup_alpha": 0.4},
        model=PLAIN.model,
        against=PLAIN.name,
    ),
    _candidate("smoothing", "smoothing", "label smoothing 0.1", label_smoothing_factor=0.1),
    _candidate("drop_path", "drop_path_0", "no drop path", {"drop_path_rate": 0.0}),
    _candidate("drop_path", "drop_path_0.2", "drop path up to 0.2", {"drop_path_rate": 0.2}),
    _candidate("dropout", "dropout", "dropout 0.1", {"hidden_dropout_prob": 0.1}),
    _candidate("weight_decay", "weight_decay_0.2", "weight decay 0.2", weight_decay=0.2),
    _candidate("weight_decay", "weight_decay_0.5", "weight decay 0.5", weight_decay=0.5),
    _candidate("average", "average_0.999", "averaged weights (0.999)", ema_decay=0.999),
    _candidate("average", "average_0.99", "averaged weights (0.99)", ema_decay=0.99),
    _candidate("decay_positions", "positions_stay", "no weight decay on positions", decay_positions=False),
    _window(1, 7, 7),
    _window(16, 1, 1),
    _window(16, 4, 4),
    _window(16, 7, 7),
    _window(8, 7, 7),
    _window(4, 7, 7),
    _summaries((1, 7, 7), (16, 2, 2)),
    _summaries((16, 1, 1), (16, 2, 2)),
    _candidate("positions", "relative_positions", "a bias for offsets in windows", {"use_relative_positions": True}),
    _candidate("positions", "summary_positions", "places of summaries in keys", {"use_summary_positions": True}),
    _candidate(
        "positions", "both_positions", "both of these", {"use_relative_positions": True, "use_summary_positions": True}
    ),
    _candidate("content", "content_summaries", "summaries by content, too", {"use_content_summaries": True}),
    _compact("none", 0.0),
    _compact("margin", 0.3),
    _compact("margin", 1.0),
    _compact("center", 0.1),
    _candidate("", "no_balance", "all clips equally often", class_balanced_sampling=False),
    _candidate("", "wide_mlp", "a feed-forward twice as wide", {"intermediate_size": 128}),
    _candidate("", "four_layers", "four layers", {"num_hidden_layers": 4}),
    _candidate("", "twice_as_long", "twice as many epochs", num_train_epochs=18),
)
