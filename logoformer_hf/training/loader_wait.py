"""How long a training waits for its clips, and what would shorten that."""

import time
from collections.abc import Iterator
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

# Below this share of the time there is nothing to gain that anybody would notice.
NOTABLE_SHARE = 0.15


class LoaderWait(TrainerCallback):
    """
    Adds up the seconds in which a step waits for its batch, and those of the steps themselves.

    While a step waits, a GPU has at most the work of the step before to do, and is idle after that.

    Attributes:
        waited_sec: seconds of waiting, without evaluation and saving.
        steps_sec: seconds of the steps.
    """

    def __init__(self) -> None:
        self.waited_sec = self.steps_sec = 0.0
        self._start_sec: float | None = None

    def timed(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The same batches."""
        while True:
            start = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._start_sec = time.perf_counter()
            self.waited_sec += self._start_sec - start
            yield batch

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Adds the seconds since the batches of the step were there."""
        if self._start_sec is not None:
            self.steps_sec += time.perf_counter() - self._start_sec
            self._start_sec = None

    @property
    def share(self) -> float | None:
        """Share of the time that was waited, 0 to 1; None before the first step."""
        total_sec = self.waited_sec + self.steps_sec
        return self.waited_sec / total_sec if total_sec > 0 else None


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
    if num_workers < num_cores - 1:
        advice.append(f"--dataloader_num_workers {num_cores - 1} (now {num_workers}) decodes on all cores")
    if not is_prepared:
        advice.append("`logoformer prepare` stores the clips once as small frames that are read faster")
    return f"{sentence}: {', and '.join(advice)}." if advice else f"{sentence}; all cores decode already."
