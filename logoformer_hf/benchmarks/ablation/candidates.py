"""
Single changes that are only compared with the old defaults, most of them what no factor of a design can express,
since it has more than two levels or is no part of LOGO-Former.
"""

from collections.abc import Mapping
from typing import Any

from .variant import REFERENCE, Variant
from .variants import PLAIN

BASES = (REFERENCE, PLAIN)  # what candidates are compared with, each with the one that its `against` names


def _candidate(name: str, title: str, config: Mapping[str, Any] | None = None, **recipe: Any) -> Variant:
    return Variant(name, title, "candidates", config=config or {}, recipe=recipe)


def _window(*size: int) -> Variant:
    text = "x".join(map(str, size))
    return _candidate(f"new_window_{text}", f"windows of {text}", {"window_size": size})


def _compact(form: str, weight: float) -> Variant:
    title = f"compact loss {form} x {weight:g}" if weight else "no compact loss"
    name = f"new_{form}_{weight:g}"
    return Variant(name, title, "candidates", compact_loss=form, compact_loss_weight=weight)


def _left_out(form: str, weight: float) -> Variant:
    title = f"one class without training clips, {f'{form} x {weight:g}' if weight else 'no compact loss'}"
    name = f"left_out_{form}_{weight:g}"
    loss = {"compact_loss": form, "compact_loss_weight": weight}
    return Variant(name, title, "candidates", leaves_out=True, against="left_out_none_0", **loss)  # type: ignore[arg-type]


# Another class with each seed: whether a compact loss helps to tell a class that no training clip has.
LEFT_OUT = tuple(_left_out(*loss) for loss in (("none", 0.0), ("margin", 0.1), ("margin", 1.0), ("center", 0.1)))
CANDIDATES = (
    _candidate("mixup_0.4", "mixup, alpha 0.4", mixup_alpha=0.4),
    _candidate("cutmix_time", "some frames of another clip", mixup_alpha=1.0, mixup_kind="time"),
    _candidate("cutmix_space", "a rectangle of another clip", mixup_alpha=1.0, mixup_kind="space"),
    Variant(
        "plain_mixup_0.4",
        "plain transformers with mixup (from those without)",
        "candidates",
        recipe={"mixup_alpha": 0.4},
        model=PLAIN.model,
        against=PLAIN.name,
    ),
    _window(1, 7, 7),
    _window(16, 1, 1),
    _window(16, 4, 4),
    _window(16, 7, 7),
    _window(8, 7, 7),
    _window(4, 7, 7),
    _candidate(
        "summaries_16x2x2_1x7x7",
        "windows of 1x7x7, summaries of 16x2x2",
        {"window_size": (1, 7, 7), "summary_size": (16, 2, 2)},
    ),
    _compact("none", 0.0),
    _compact("margin", 0.3),
    _compact("center", 0.1),
    _candidate("no_balance", "all clips equally often", class_balanced_sampling=False),
    _candidate(
        "logit_adjustment",
        "all clips equally often, logit adjustment 1",
        class_balanced_sampling=False,
        logit_adjustment=1.0,
    ),
    _candidate("wide_mlp", "a feed-forward twice as wide", {"intermediate_size": 128}),
    _candidate("four_layers", "four layers", {"num_hidden_layers": 4}),
    _candidate("twice_as_long", "twice as many epochs", num_train_epochs=18),
)
