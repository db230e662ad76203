"""Ends a training on SIGTERM, as batch systems and container engines send it, without losing what was trained."""

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

import torch
import torch.distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..data.workers import is_lost_worker
from .checkpoint_flow import ends_epoch
from .checkpoints import checkpoint_folder

STATUS = 128 + signal.SIGTERM  # what shells report of a program that SIGTERM ended


class StoppedBySignal(SystemExit):
    """The training was ended by SIGTERM and can go on."""


class StopOnSigterm(TrainerCallback):
    """
    Inside its `with` block, SIGTERM ends the training after the current step: a checkpoint is saved, a sentence on
    stderr names it, and the program ends with status 143. Several processes agree after every step, so that all of
    them stop after the same one.

    Raises:
        StoppedBySignal: at the end of that step, or of the block if no step followed.
    """

    def __init__(self) -> None:
        self._is_requested = False
        self._is_stopping = False
        self._group: Any = None
        self._previous: Any = None
        self._is_main_process = True

    def __enter__(self) -> "StopOnSigterm":
        if threading.current_thread() is threading.main_thread():  # Python handles signals in no other
            self._previous = signal.signal(signal.SIGTERM, self._request)
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)
        if not self._is_requested:
            return
        if error is None:
            self._stop("after the training")
        if is_lost_worker(error):  # one that could not ignore SIGTERM, as below the server of `forkserver`
            self._stop("together with a process that reads clips, after the newest checkpoint")

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._is_requested = True

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Several processes agree over the network, not over their GPUs, which would have to wait for each step."""
        self._is_main_process = state.is_world_process_zero
        if args.world_size > 1:
            self._group = torch.distributed.new_group(backend="gloo")

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Saves now, unless the end of the epoch follows: its evaluation belongs into the checkpoint."""
        self._is_stopping = self._any_process_was_asked()
        if self._is_stopping and not ends_epoch(state):
            control.should_save = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Saves after the evaluation of the epoch."""
        if self._is_stopping:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stops after the checkpoint that was saved for it."""
        if self._is_stopping:
            saved = checkpoint_folder(str(args.output_dir), state.global_step)
            self._stop(f"after step {state.global_step:,}, saved in {saved}")

    def _any_process_was_asked(self) -> bool:
        if self._group is None:
            return self._is_requested
        flag = torch.tensor(int(self._is_requested))
        torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX, group=self._group)
        return bool(flag)

    def _stop(self, when: str) -> None:
        if self._is_main_process:
            print(f"Stopped by SIGTERM {when}. The same command goes on.", file=sys.stderr)
        raise StoppedBySignal(STATUS)
