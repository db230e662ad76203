"""Processes that take tasks in turn. The end of a process fails its task; the others go on."""

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, NoReturn

from ..data.workers import signals_held_back

_PATIENCE_SEC = 10.0  # for processes to end when they are told to

# What a process runs: `start(number, setup)` once, and the function that it returns for each task, which may report
# how far it is.
Report = Callable[[Any], None]
Perform = Callable[[Any, Report], Any]
Start = Callable[[int, Any], Perform]


@dataclass(frozen=True)
class Message:
    """
    What a process says about its task.

    Attributes:
        task: the task.
        kind: "progress" (of any value), "done" (with what the task returned) or "lost" (with the reason).
        value: depends on the kind.
    """

    task: Any
    kind: str
    value: Any


@dataclass
class _Worker:
    number: int
    process: Any
    connection: "Connection[Any, Any]"
    task: Any


def run_tasks(start: Start, setup: Any, tasks: Sequence[Any], num_processes: int) -> Iterator[Message]:
    """
    Runs tasks in spawned processes and yields what they say, as it comes.

    Args:
        start: function of a module, called in each process with the number of the process, from 0, and `setup`.
        setup: for `start`; must be picklable, as must be the tasks and results.
        tasks: given to the processes one at a time, in this order.
        num_processes: how many at the same time.
    """
    waiting, workers = deque(tasks), dict[Any, _Worker]()
    free_numbers = list(range(min(num_processes, len(tasks))))
    try:
        while waiting or workers:
            while waiting and free_numbers:
                worker = _start_worker(start, setup, free_numbers.pop(0), waiting.popleft())
                workers[worker.connection] = worker
            for connection in wait(list(workers)):
                worker = workers[connection]
                try:
                    kind, value = worker.connection.recv()
                except (EOFError, OSError):  # the process is gone, or it ended after a task without another one
                    del workers[connection]
                    free_numbers.append(worker.number)
                    reason = _end_of(worker)
                    if worker.task is not None:
                        yield Message(worker.task, "lost", reason)
                    continue
                task = worker.task
                if kind == "done":
                    worker.task = waiting.popleft() if waiting else None
                    _give(worker)
                yield Message(task, kind, value)
    finally:
        _stop([worker.process for worker in workers.values()])


def _start_worker(start: Start, setup: Any, number: int, task: Any) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(start, setup, number, theirs), daemon=True)
    with signals_held_back(signal.SIGINT):  # Ctrl-C reaches all processes of a terminal; the first one decides
        process.start()
    theirs.close()  # so that the end of the process ends the connection
    worker = _Worker(number, process, ours, task)
    _give(worker)
    return worker


def _give(worker: _Worker) -> None:
    """Sends a process its next task; None ends it. Where it has ended already, the next `recv` says so."""
    with suppress(OSError):
        worker.connection.send(worker.task)


def _end_of(worker: _Worker) -> str:
    """Why a process ended."""
    worker.connection.close()
    worker.process.join(_PATIENCE_SEC)
    code = worker.process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        advice = "; the machine may be out of memory, fewer --num_processes need less" if name == "SIGKILL" else ""
        return f"the process that read it was ended by {name}{advice}."
    return f"the process that read it ended with status {code}."


def _stop(processes: Sequence[Any]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_PATIENCE_SEC)
        if process.is_alive():
            process.kill()
            process.join()


def _work(start: Start, setup: Any, number: int, connection: "Connection[Any, Any]") -> None:
    """Runs in the process: takes tasks until there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def send(kind: str, value: Any) -> None:
        try:
            connection.send((kind, value))
        except OSError:  # the first process is gone, so nobody waits for this one
            sys.exit(1)

    perform: Perform | None = None
    with ended_by_sigterm(), suppress(EOFError):
        while (task := connection.recv()) is not None:
            perform = perform or start(number, setup)
            send("done", perform(task, lambda value: send("progress", value)))


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Lets SIGTERM end this process as an exception does, so that half-written files are removed."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
