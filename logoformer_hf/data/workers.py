"""Worker processes that read clips: which signals they leave to the main process, and what is told of a lost one."""

import atexit
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import resource_tracker
from typing import Any

import torch

from .._console import end_workers

_LOST = "DataLoader worker (pid"  # how torch's message begins, also for several
# Ctrl-C sends SIGINT to every process of a terminal, batch systems send SIGTERM to every process of a job. Workers
# that ended by themselves would end the main process with an error about them, before it has saved a checkpoint or
# said that it was interrupted.
_LEFT_TO_MAIN_PROCESS = (signal.SIGINT, signal.SIGTERM)


class WorkerLostError(OSError):
    """A worker process of a data loader was ended from outside."""


class IgnoreSignals:
    """
    Start of a worker process that leaves SIGINT and SIGTERM to the main process.

    Args:
        start: another function to call in the worker with its number, or None.
    """

    def __init__(self, start: Callable[[int], None] | None):
        self.start = start

    def __call__(self, number: int) -> None:
        for left in _LEFT_TO_MAIN_PROCESS:
            signal.signal(left, signal.SIG_IGN)  # a worker whose main process has ended ends anyway
        if self.start is not None:
            self.start(number)


def leave_signals_to_main_process(loader: torch.utils.data.DataLoader[Any]) -> torch.utils.data.DataLoader[Any]:
    """
    Makes the workers of a data loader ignore SIGINT and SIGTERM, from their first moment until this process ends, and
    returns the loader.
    """
    base: Any = getattr(loader, "base_dataloader", loader)  # accelerate wraps the loader that iterates
    base.worker_init_fn = IgnoreSignals(base.worker_init_fn)
    kind: Any = type(base)
    base.__class__ = _holding_back(kind)
    atexit.unregister(end_workers)
    atexit.register(end_workers)  # as the last one, which is the first that is called
    return loader


@cache
def _holding_back(kind: Any) -> Any:
    """A kind of data loader that starts its workers while signals are held back."""

    class Loader(kind):
        def __iter__(self) -> Iterator[Any]:
            with signals_held_back():
                batches: Iterator[Any] = super().__iter__()
            return batches

    Loader.__name__ = kind.__name__  # for messages
    return Loader


@contextmanager
def signals_held_back(*signals: signal.Signals) -> Iterator[None]:
    """
    Holds signals back until the end of the block. Processes that are started inside never get them: they inherit
    that, and would otherwise end by a signal that comes before they can ignore it.

    Args:
        signals: by default SIGINT and SIGTERM.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, which sends neither to other processes
        yield
        return
    resource_tracker.ensure_running()  # `multiprocessing` starts it with some workers, and lets signals through then
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals or _LEFT_TO_MAIN_PROCESS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def is_lost_worker(error: BaseException | None) -> bool:
    """Whether an error is torch's for a worker that was ended from outside."""
    return isinstance(error, RuntimeError) and _LOST in str(error)


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
        if not is_lost_worker(error):
            raise
        reason = " ".join(str(error).split())
        raise WorkerLostError(
            f"A process that reads clips was ended from outside, often for want of memory ({reason:.120}). {advice}"
        ) from error
