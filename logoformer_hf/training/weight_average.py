"""An exponential moving average of the weights of a training, which is evaluated and saved in their place."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

TRAINED_WEIGHTS_FILE = "trained_weights.safetensors"


class WeightAverage(TrainerCallback):
    """
    Averages the parameters of a model over the steps of its training: after each one, average = decay x average +
    (1 - decay) x parameters. Statistics of batch norm stay those of the training. In the first steps the decay is
    smaller, (1 + step) / (10 + step), so that the initial weights are soon forgotten.

    The model of a checkpoint has the averages. The weights that a training goes on from are beside it.

    Args:
        decay: 0 to 1, not including 1.
    """

    def __init__(self, decay: float):
        self.decay = decay
        self._averages: dict[str, torch.Tensor] = {}  # of the parameters by their names; empty outside a training

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begins with the weights of the model, where no checkpoint was loaded."""
        if not self._averages:
            self._averages = _copies(kwargs["model"])

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Adds the weights after a step."""
        decay = min(self.decay, (1 + state.global_step) / (10 + state.global_step))
        with torch.no_grad():
            for name, parameter in kwargs["model"].named_parameters():
                self._averages[name].lerp_(parameter, 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Inside the block, during a training, the model has the averages."""
        trained = _copies(model) if self._averages else {}
        _set(model, self._averages)
        try:
            yield
        finally:
            _set(model, trained)

    def finish(self, model: nn.Module | None) -> None:
        """Ends the averaging; a model that is given keeps the averages."""
        if model is not None:
            _set(model, self._averages)
        self._averages = {}

    def save(self, checkpoint: Path, model: nn.Module) -> None:
        """Writes the weights of the training to the folder of a checkpoint."""
        weights = {name: parameter.detach().cpu().contiguous() for name, parameter in model.named_parameters()}
        save_file(weights, checkpoint / TRAINED_WEIGHTS_FILE)

    def load(self, checkpoint: Path, model: nn.Module) -> None:
        """Takes the averages from the model, which has been loaded from a checkpoint, and gives it its own weights."""
        self._averages = _copies(model)
        _set(model, load_file(checkpoint / TRAINED_WEIGHTS_FILE))


def _copies(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@torch.no_grad()
def _set(model: nn.Module, values: dict[str, torch.Tensor]) -> None:
    """Sets the parameters of these names. Their places in memory stay, to which optimisers and graphs refer."""
    parameters = dict(model.named_parameters())
    for name, value in values.items():
        parameters[name].copy_(value)
