"""Worker processes that read clips, and what is told when one is lost."""

from collections.abc import Iterator
from contextlib import contextmanager

_LOST = "DataLoader worker (pid"  # how torch's message begins, also for several


class WorkerLostError(OSError):
    """A worker process of a data loader was ended from outside."""


@contextmanager
def errors_of_workers(advice: str) -> Iterator[None]:
    """
    Turns torch's error for a worker that was killed, as systems do that run out of memory, into a sentence.

    Args:
        advice: what the user can do, a sentence.

    Raises:
        WorkerLostError: a worker inside the block was killed.
    """
    try:
        yield
    except RuntimeError as error:
        if _LOST not in str(error):
            raise
        reason = " ".join(str(error).split())
        raise WorkerLostError(
            f"A process that reads clips was ended from outside, often for want of memory ({reason:.120}). {advice}"
        ) from error
