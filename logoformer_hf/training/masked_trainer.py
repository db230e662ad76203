"""The Trainer of masked pretraining, which reads no labels and stops where the model has collapsed."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers.trainer_utils import EvalLoopOutput

from ..data.clips import NOT_COUNTED
from ..models.masked_clips import gradient_histograms, hide_places
from .trainer import LogoFormerTrainer

SHARES = ("look", "motion", "visible_look", "visible_motion")  # of `MaskedClipsOutput.unexplained`
_EVALUATION_SEED = 0  # of the places that are hidden: the same in every evaluation


class CollapseError(ValueError):
    """The model says the same of all clips."""


class CollapseCheck:
    """
    Raises a `CollapseError` where a model says the same of all clips: where for `PATIENCE` logs in a row less than
    `LEAST_EXPLAINED` of what distinguishes clips in visible places is explained. It looks from `FIRST_SHARE` of the
    steps on, and after `FIRST_STEP`.
    """

    PATIENCE = 5
    LEAST_EXPLAINED = 0.02
    FIRST_SHARE, FIRST_STEP = 0.25, 200

    def __init__(self) -> None:
        self._bad = 0

    def look(self, logs: Mapping[str, float], step: int, num_steps: int) -> None:
        """
        Args:
            logs: with "explained_differences".
            step: optimiser steps until now.
            num_steps: of the whole training.
        """
        if step < max(self.FIRST_STEP, self.FIRST_SHARE * num_steps):
            return
        explained = logs["explained_differences"]
        self._bad = self._bad + 1 if explained < self.LEAST_EXPLAINED else 0
        if self._bad >= self.PATIENCE:
            raise CollapseError(
                f"the model has collapsed: after {step} of {num_steps} steps it says the same of all clips "
                f"(explained_differences is {explained:.3f}, less than {self.LEAST_EXPLAINED} in {self._bad} logs in "
                "a row). Train with another `learning_rate`, in another `output_dir`."
            )


class MaskedClipsTrainer(LogoFormerTrainer):
    """
    Trains a `LogoFormerForMaskedClips`.

    Batches are those of `LogoFormerTrainer`; of their labels only `NOT_COUNTED` is looked at, of clips that could not
    be read. The loss is the sum of the unexplained shares of `MaskedClipsOutput` of a micro-batch: under gradient
    accumulation and in several processes the mean over micro-batches, weighted by their clips.

    Logged are what is explained of hidden and of visible places, and of what distinguishes the clips of a batch, at
    which `CollapseCheck` looks.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.label_names = ["labels"]  # of an evaluation; the model's forward has no such argument
        self._collapse = CollapseCheck()
        self._hiding: torch.Generator | None = None  # of an evaluation

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        frames = inputs["frames"].to(self.args.device, non_blocking=True)
        prepared = super()._prepare_inputs(inputs | {"frames": frames})
        grid = self.model.config.grid_size
        prepared["histograms"] = gradient_histograms(frames, frames.shape[-1] // grid)
        hidden = hide_places(len(frames), grid, grid, generator=self._hiding)
        prepared["hidden"] = hidden.to(self.args.device, non_blocking=True)
        return prepared

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The loss of a micro-batch, a scalar, and with `return_outputs` also the model's outputs."""
        inputs = dict(inputs)
        counted = inputs.pop("labels") != NOT_COUNTED
        if not model.training:
            counted[self.count_own_clips(len(counted)) :] = False
        outputs = model(**inputs, counted=counted)
        num_clips = counted.sum()
        shares = outputs.unexplained | {"differences": outputs.explained_differences}
        losses = {name: share * num_clips for name, share in shares.items()}
        loss = self.add_up(losses, num_clips, num_items_in_batch, model.training)
        return (loss, outputs) if return_outputs else loss

    @property
    def loss_weights(self) -> dict[str, float]:
        """Factor of each unexplained share in the loss; what is explained of differences is watched alone."""
        return dict.fromkeys(SHARES, 1.0) | {"differences": 0.0}

    def mean_losses(self, training: bool) -> dict[str, float]:
        """The loss since the last call, and what is explained: means over the clips of all processes."""
        means = super().mean_losses(training)
        explained = {f"explained_{name}": 1 - means[name] for name in SHARES}
        return {"loss": means["loss"]} | explained | {"explained_differences": means["differences"]}

    def evaluation_loop(
        self,
        dataloader: torch.utils.data.DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As in `LogoFormerTrainer`, without predictions; the same places are hidden in every evaluation."""
        self._hiding = torch.Generator().manual_seed(_EVALUATION_SEED)
        try:
            return super().evaluation_loop(dataloader, description, True, ignore_keys, metric_key_prefix)
        finally:
            self._hiding = None

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """As in `LogoFormerTrainer`. Raises a `CollapseError` where the model says the same of all clips."""
        super().log(logs, *args, **kwargs)
        if "explained_differences" in logs:
            self._collapse.look(logs, self.state.global_step, self.state.max_steps)
