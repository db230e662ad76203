"""What the worker processes of a data loader do with SIGTERM."""

import atexit
import multiprocessing
import signal
from collections.abc import Callable
from typing import Any

import torch


class IgnoreSigterm:
    """
    Start of a worker process that leaves SIGTERM to the main process. Batch systems send it to every process of a job;
    workers that ended at once would end the main process with an error before it has saved a checkpoint.

    Args:
        start: another function to call in the worker with its number, or None.
    """

    def __init__(self, start: Callable[[int], None] | None):
        self.start = start

    def __call__(self, number: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a worker whose main process has ended ends anyway
        if self.start is not None:
            self.start(number)


def leave_sigterm_to_main_process(loader: torch.utils.data.DataLoader[Any]) -> torch.utils.data.DataLoader[Any]:
    """Makes the workers of a data loader ignore SIGTERM until this process ends, and returns the loader."""
    base = getattr(loader, "base_dataloader", loader)  # accelerate wraps the loader that iterates
    base.worker_init_fn = IgnoreSigterm(base.worker_init_fn)
    atexit.unregister(end_workers)
    atexit.register(end_workers)  # as the last one, which is the first that is called
    return loader


def end_workers() -> None:
    """
    Ends the daemonic processes that this one has started. At its end Python sends them SIGTERM and waits for them, and
    after an error in a training, whose workers are still there, it would wait for ever.
    """
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would make an error of it
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()
