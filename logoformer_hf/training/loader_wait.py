"""How long a training waits for its clips, and what would shorten that."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

# Below this share of the time there is nothing to gain that anybody would notice.
NOTABLE_SHARE = 0.15
# Cores that workers leave to the main process, which launches the steps and takes over the clips.
CORES_LEFT = 2


@dataclass
class StepTimes:
    """
    Attributes:
        waited_sec: seconds in which steps waited for their batches.
        steps_sec: seconds of the steps themselves.
        num_clips: clips of these steps, of all processes.
    """

    waited_sec: float = 0.0
    steps_sec: float = 0.0
    num_clips: int = 0

    def __add__(self, other: "StepTimes") -> "StepTimes":
        sums = (getattr(self, each.name) + getattr(other, each.name) for each in fields(self))
        return StepTimes(*sums)

    @property
    def share(self) -> float | None:
        """Share of the time that was waited, 0 to 1; None before the first step."""
        total_sec = self.waited_sec + self.steps_sec
        return self.waited_sec / total_sec if total_sec > 0 else None

    @property
    def clips_per_sec(self) -> float | None:
        """Clips of a second of waiting and steps; None before the first step."""
        total_sec = self.waited_sec + self.steps_sec
        return self.num_clips / total_sec if total_sec > 0 else None


class LoaderWait(TrainerCallback):
    """
    Adds up the seconds in which a step waits for its batch, and those of the steps themselves, evaluation and saving
    left out. Steps on a GPU are begun before the one before has ended: there the seconds count in which the GPU had
    nothing to do.

    Attributes:
        epochs: the times of each epoch, or of the part of it since a resume.
    """

    def __init__(self) -> None:
        self.epochs: list[StepTimes] = []
        self._start_sec: float | None = None
        self._gaps: list[tuple[Any, Any]] = []  # a GPU's events: a step has ended, the batch of the next one is there
        self._ended: Any = None

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begins the times of another epoch."""
        self.epochs.append(StepTimes())

    def timed(self, batches: Iterator[Any], num_processes: int = 1) -> Iterator[Any]:
        """The same batches. Each process is taken to have equally many clips."""
        while True:
            start = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._start_sec = time.perf_counter()
            waited_sec, epoch = self._start_sec - start, self.epochs[-1]
            epoch.num_clips += len(batch["labels"]) * num_processes
            if self._ended is None:
                epoch.waited_sec += waited_sec
            else:
                self._gaps.append((self._ended, event_now()))
                self._ended = None
                epoch.steps_sec += waited_sec  # until it is known how much of it the GPU waited
            yield batch

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Adds the seconds since the batches of the step were there."""
        if self._start_sec is not None:
            self.epochs[-1].steps_sec += time.perf_counter() - self._start_sec
            self._start_sec = None
            self._ended = event_now() if args.device.type == "cuda" else None

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """What a GPU did since the step is not counted."""
        self._ended = None

    on_save = on_evaluate

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Asks the GPU how long it waited."""
        gaps, self._gaps, self._ended = self._gaps, [], None
        if gaps:
            gaps[-1][1].synchronize()
            gaps_sec = sum(ended.elapsed_time(begun) for ended, begun in gaps) / 1000
            self.epochs[-1].waited_sec += gaps_sec
            self.epochs[-1].steps_sec -= gaps_sec

    @property
    def all_epochs(self) -> StepTimes:
        """The times of the training."""
        return sum(self.epochs, StepTimes())

    @property
    def after_first_epoch(self) -> StepTimes:
        """Without the first epoch, in which workers start and a model is compiled."""
        return sum(self.epochs[1:], StepTimes())


def event_now() -> Any:
    """An event that a GPU passes when it has done all that it was given until now."""
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def describe_wait(share: float, num_workers: int, num_cores: int, is_prepared: bool) -> str:
    """
    A sentence on the share of the time that a training waited for clips, and what to change where it is notable.

    Args:
        share: 0 to 1.
        num_workers: processes that decode clips.
        num_cores: cores for each process of the training.
        is_prepared: whether the clips are shards already.
    """
    sentence = f"{share:.0%} of the training's time was spent waiting for clips"
    if share < NOTABLE_SHARE:
        return f"{sentence}."
    advice = []
    if num_workers < (most := num_cores - CORES_LEFT):
        advice.append(f"--dataloader_num_workers {most} (now {num_workers}) decodes on all cores")
    if not is_prepared:
        advice.append("`logoformer prepare` stores the clips once as small frames that are read faster")
    return f"{sentence}: {', and '.join(advice)}." if advice else f"{sentence}; all cores decode already."
