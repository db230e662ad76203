"""What the main process does alone, for all processes of a training."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from accelerate.utils import broadcast_object_list, wait_for_everyone
from transformers import TrainingArguments

Result = TypeVar("Result")


def on_main_process(training_args: TrainingArguments, work: Callable[[], Result]) -> Result:
    """
    Calls `work` in the main process and returns its result in every process.

    An error of it is raised in the main process alone; the others end with status 2 and say nothing, so that the
    reason is told once.
    """
    failure: Exception | None = None
    outcome: list[Any] = [None, False]  # the result, and whether there was an error
    if training_args.process_index == 0:
        try:
            outcome[0] = work()
        except Exception as error:
            failure, outcome[1] = error, True
    if training_args.world_size > 1:
        broadcast_object_list(outcome)
        if outcome[1]:
            wait_for_everyone()  # processes that are still starting would lose the main one, and say that instead
    if failure is not None:
        raise failure
    if outcome[1]:
        raise SystemExit(2)
    result: Result = outcome[0]
    return result


def is_one_machine(training_args: TrainingArguments) -> bool:
    """Whether all processes of a training are on this machine, by what a launcher says."""
    return bool(int(os.environ.get("LOCAL_WORLD_SIZE", "1")) == training_args.world_size)


def in_turn(training_args: TrainingArguments, work: Callable[[], Result]) -> Result:
    """
    Calls `work` in the main process, then in all others, which find in caches what it left there; returns to each its
    own result. An error of the main process is told as by `on_main_process`.
    """
    results: list[Result] = []
    on_main_process(training_args, lambda: results.append(work()))
    return results[0] if results else work()
