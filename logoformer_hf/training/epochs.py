"""Tells data set and sampler which epoch begins."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class EpochCallback(TrainerCallback):
    """
    Calls `set_epoch` of data set and sampler at the start of every epoch. Trainer does not after a resume in the
    middle of an epoch, and with several processes it calls that of the sampler only.

    Attributes:
        listeners: data set and sampler.
        epoch: what they were told last.
        num_epochs: of the training.
    """

    def __init__(self) -> None:
        # Keyed by role, so that a second call of `train` replaces the sampler of the first.
        self.listeners: dict[str, Any] = {}
        self.epoch = self.num_epochs = 0

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Passes the number of the epoch, counted from 0, to all listeners."""
        self.num_epochs = state.num_train_epochs
        self._set_epoch(int(state.epoch or 0))

    def begin_next(self) -> bool:
        """
        Tells the listeners of the next epoch as soon as the last clips of one have been read, so that workers can go
        on; False where there is none.
        """
        if self.epoch + 1 >= self.num_epochs:
            return False
        self._set_epoch(self.epoch + 1)
        return True

    def _set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        for listener in self.listeners.values():
            listener.set_epoch(epoch)
