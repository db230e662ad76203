"""Tells data set and sampler which epoch begins."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class EpochCallback(TrainerCallback):
    """
    Calls `set_epoch` of data set and sampler at the start of every epoch. Trainer does not after a resume in the
    middle of an epoch, and with several processes it calls that of the sampler only.
    """

    def __init__(self) -> None:
        # Keyed by role, so that a second call of `train` replaces the sampler of the first.
        self.listeners: dict[str, Any] = {}

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Passes the number of the epoch, counted from 0, to all listeners."""
        for listener in self.listeners.values():
            listener.set_epoch(int(state.epoch or 0))
