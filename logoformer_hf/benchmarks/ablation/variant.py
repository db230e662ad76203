"""A row of the ablation's tables, and the configuration that all rows change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from transformers import PreTrainedModel

from ...configuration_logoformer import EXPRESSIONS, LogoFormerConfig, resnet18_to_stage3
from ...modeling_logoformer import LogoFormerForVideoClassification
from .peers import (
    ClassTokenLogoFormer,
    FormerDFERKind,
    MeanSummaryLogoFormer,
    TwoLayerFormerDFERKind,
    matched_videomae,
)
from .trial_models import add_trials

GRID = (16, 7, 7)  # tokens of a clip along frames, height and width, as in the base model
ON_PIXELS = ("models", "pixels")  # groups whose frame encoder is trained with the rest, from random weights
AFTER_CHOICES = ("chosen", "pixels")  # groups that are tested on people that no choice has looked at

_MODELS = {
    "logoformer": LogoFormerForVideoClassification,
    "class_token": ClassTokenLogoFormer,
    "mean_summary": MeanSummaryLogoFormer,
    "former_dfer": FormerDFERKind,
    "former_dfer_two": TwoLayerFormerDFERKind,
    "videomae": matched_videomae,
}


@dataclass(frozen=True)
class Variant:
    """
    One row of the tables.

    Attributes:
        name: name of the variant in folders and results.
        title: title in tables and pictures.
        group: on the frame tokens of one frozen frame encoder "parts", which change what the model is made of,
            "candidates" and runs of the design, by which defaults are chosen, and "chosen", what was chosen beside
            other models; on pixels and from random weights "models" of other kinds, and "pixels", what was chosen.
        config: fields of `LogoFormerConfig` that differ from the reference.
        recipe: fields of `LogoFormerTrainingArguments` that differ from the reference's.
        compact_loss: form of the compact loss.
        compact_loss_weight: factor of the compact loss.
        leaves_out: whether one class has no training clips: the one whose number is the seed, counted round. Measures
            then are of the other classes, and of how well the scores tell its clips from theirs.
        frames: "clip", "middle" (the middle frame repeated), or "shuffled" (in another order for every clip).
        clips_share: share of the training clips, 0 to 1; the number of epochs rises in inverse proportion.
        model: key of the model's class.
        trials: changes that no field of the package makes, see `trials.py` and `trial_models.py`.
        against: name of the variant that it is compared with.
    """

    name: str
    title: str
    group: str = "parts"
    config: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    compact_loss: str = "margin"
    compact_loss_weight: float = 0.1
    frames: str = "clip"
    clips_share: float = 1.0
    leaves_out: bool = False
    model: str = "logoformer"
    trials: tuple[str, ...] = ()
    against: str = "reference"

    @property
    def reads_tokens(self) -> bool:
        """Whether it is trained on frame tokens instead of pixels."""
        return self.group not in ON_PIXELS

    @property
    def tested_on(self) -> str:
        """The split that it is tested on: "test" after all choices, "validation" before."""
        return "test" if self.group in AFTER_CHOICES else "validation"

    @property
    def changes(self) -> dict[str, Any]:
        """All that decides what its runs are, as JSON values."""
        names = {"name", "title", "group", "against"}
        facts = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in names}
        return json.loads(json.dumps(facts | {"tested_on": self.tested_on, "reads_tokens": self.reads_tokens}))

    def left_out(self, seed: int) -> int | None:
        """The class that a run with this seed is not trained on."""
        return seed % len(EXPRESSIONS) if self.leaves_out else None

    def build_config(self) -> LogoFormerConfig:
        """`reference_config` with the changes of this variant."""
        return reference_config(**self.config)

    def build_model(self) -> PreTrainedModel:
        """A new model, with random weights from the global generator of torch."""
        model = _MODELS[self.model](self.build_config())
        if self.trials:
            add_trials(model, self.trials)
        return model


def reference_config(**changes: Any) -> LogoFormerConfig:
    """
    The configuration of the reference: half the width of `tiny` on the grid of `base`, 16 x 7 x 7 tokens, which
    windows of all sizes fit. Frames of 56 pixels at a stride of 8 give this grid at a quarter of the cost of 112 at
    16.
    """
    backbone = resnet18_to_stage3(embedding_size=16, hidden_sizes=[32, 64], depths=[1, 1], out_features=["stage2"])
    defaults = {"image_size": 56, "feature_stride": 8, "backbone_config": backbone, "window_size": (16, 2, 2)}
    # What was the default when the parts were compared, whatever it is now.
    defaults |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "drop_path_rate": 0.1}
    defaults["use_summary_positions"] = False
    # At a width of 64 a run takes more than twice as long, and UAR was lower after the same time (34.7, not 38.3 %).
    defaults |= {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    return LogoFormerConfig.tiny(**defaults | changes)


REFERENCE = Variant("reference", "LOGO-Former: window 16x2x2, margin x 0.1, mean token")
