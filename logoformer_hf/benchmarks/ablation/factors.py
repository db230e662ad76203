"""
What might become a default of LOGO-Former or of its recipe: the factors of a designed experiment, each off (the old
default) or on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .trial_models import CONTENT, OFFSETS, SECOND_MLP
from .trials import ERASING, UNIT_CENTER
from .variant import REFERENCE, Variant

FRAME_WINDOW = (1, 7, 7)  # of one frame


@dataclass(frozen=True)
class Factor:
    """
    One change of the old defaults.

    Attributes:
        name: name in records.
        title: title in tables.
        config: fields of `LogoFormerConfig` that it changes, others than the other factors of a design do.
        recipe: fields of `LogoFormerTrainingArguments` that it changes, likewise.
        trials: changes that no field of the package makes, see `trials.py` and `trial_models.py`.
    """

    name: str
    title: str
    config: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[str, ...] = ()


FACTORS = (
    Factor("mixup", "mixup, alpha 0.4", recipe={"mixup_alpha": 0.4}),
    Factor("frame_windows", "local attention in windows of one frame", config={"window_size": FRAME_WINDOW}),
    Factor("frame_summaries", "summaries of one frame", config={"summary_size": FRAME_WINDOW}),
    Factor("offsets", "a bias for offsets in windows", trials=(OFFSETS,)),
    Factor("summary_places", "places of summaries in keys", config={"use_summary_positions": True}),
    Factor("content", "summaries by content, too", trials=(CONTENT,)),
    Factor("average", "averaged weights (0.998)", recipe={"ema_decay": 0.998}),
    Factor("compact", "margin loss x 1 instead of x 0.1", recipe={"compact_loss_weight": 1.0}),
    Factor("smoothing", "label smoothing 0.1", recipe={"label_smoothing_factor": 0.1}),
    Factor("dropout", "dropout 0.1", config={"hidden_dropout_prob": 0.1}),
    Factor("drop_path", "drop path up to 0.2 instead of 0.1", config={"drop_path_rate": 0.2}),
    Factor("weight_decay", "weight decay 0.5 instead of 0.05", recipe={"weight_decay": 0.5}),
    Factor("free_positions", "no weight decay on positions", recipe={"decay_positions": False}),
    Factor("no_drop_path", "no drop path instead of up to 0.1", config={"drop_path_rate": 0.0}),
    # 1 / sqrt(hidden_size): projections neither shrink nor grow, and global attention is no plain mean at the start.
    Factor("start", "initial weights of 1 / sqrt(width)", config={"initializer_range": 32**-0.5}),
    Factor("second_mlp", "a feed-forward after each attention", trials=(SECOND_MLP,)),
    Factor("wide_mlp", "a feed-forward twice as wide", config={"intermediate_size": 128}),
    Factor("cutmix_time", "mixtures of frames instead of sums", recipe={"mixup_kind": "time"}),
    Factor("erasing", "random erasing of a rectangle in half of the clips", trials=(ERASING,)),
    Factor(
        "unit_center",
        "center loss x 0.3 of embeddings of length 1, warmed up, instead of margin x 0.1",
        recipe={"compact_loss": "center"},
        trials=(UNIT_CENTER,),
    ),
)
_BY_NAME = {factor.name: factor for factor in FACTORS}
# Fields of a configuration that are regularisation, not structure: plain transformers get them too.
REGULARISATION = ("hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate", "initializer_range")


def factors(*names: str) -> tuple[Factor, ...]:
    """Factors by their names."""
    return tuple(_BY_NAME[name] for name in names)


def combine(name: str, title: str, on: Collection[Factor], **changes: Any) -> Variant:
    """
    A variant with the changes of all given factors, which must be of different fields.

    Args:
        name: name of the variant.
        title: its title.
        on: the factors whose changes it has.
        changes: further attributes of the variant.
    """
    # Named, so that windows of local attention and of summaries are changed apart.
    config = {"summary_size": REFERENCE.build_config().window_size}
    config |= {key: value for each in on for key, value in each.config.items()}
    recipe = {key: value for each in on for key, value in each.recipe.items()}
    trials = tuple(name for each in on for name in each.trials)
    losses = {key: recipe.pop(key, getattr(REFERENCE, key)) for key in ("compact_loss", "compact_loss_weight")}
    fields = {"group": "candidates", "config": config, "recipe": recipe, "trials": trials}
    return replace(REFERENCE, name=name, title=title, **fields | losses | changes)
