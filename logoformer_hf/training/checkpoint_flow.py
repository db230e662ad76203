"""When checkpoints are saved, and which one a training goes on from."""

from typing import Any

from transformers import IntervalStrategy, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .checkpoints import Checkpoint


class CheckpointFlow(TrainerCallback):
    """
    Finds the best checkpoint of a resumed training by its step, and saves the last step of an epoch after the epoch's
    evaluation.

    Attributes:
        resumed: the checkpoint that the training goes on from, None for one that begins.
    """

    def __init__(self) -> None:
        self.resumed: Checkpoint | None = None
        self._is_put_off = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Trainer remembers the path of the best checkpoint, which is another one where the folder was moved."""
        if self.resumed is not None:
            best = self.resumed.best_folder
            state.best_model_checkpoint = None if best is None else str(best)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """
        Puts off a checkpoint after the last step of an epoch until the epoch was evaluated: a training that goes on
        from it begins with the next epoch and would never evaluate this one.
        """
        if control.should_save and args.eval_strategy == IntervalStrategy.EPOCH and ends_epoch(state):
            control.should_save, self._is_put_off = False, True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Saves what was put off; Trainer evaluates before it saves."""
        if self._is_put_off:
            control.should_save, self._is_put_off = True, False


def ends_epoch(state: TrainerState) -> bool:
    """Whether the last step was the last one of an epoch or of the training, so that the end of the epoch follows."""
    return float(state.epoch or 0).is_integer() or state.global_step >= state.max_steps
