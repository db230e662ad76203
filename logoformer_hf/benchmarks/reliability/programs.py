"""Trainings as processes that can be killed, with what they print."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

TIMEOUT_SEC = 240.0
_POLL_SEC = 0.01


class Process(Protocol):
    """What `subprocess.Popen` and `ForkedProcess` have in common."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit status, None while it runs."""


@dataclass
class ForkedProcess:
    """A process that was forked from one that has the imports already."""

    process: multiprocessing.process.BaseProcess

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    def poll(self) -> int | None:
        self.process.join(0)
        return self.process.exitcode


@dataclass
class Program:
    """
    A training that was started.

    Attributes:
        processes: its first processes: one, or several ranks without a launcher.
        log: file with what they print.
        family: every process that was ever seen below them, by its number and its start, since numbers are used again.
    """

    processes: Sequence[Process]
    log: Path
    family: dict[int, str] = field(default_factory=dict)

    def poll(self) -> int | None:
        """The exit status, of several processes the first that is not 0; None while one runs."""
        statuses = [process.poll() for process in self.processes]
        return None if None in statuses else next((status for status in statuses if status), 0)

    def wait(self, seconds: float = TIMEOUT_SEC) -> int:
        """
        Waits for the end and returns the exit status.

        Raises:
            TimeoutError: it did not end in time; everything below it was killed.
        """
        end = time.monotonic() + seconds
        while (status := self.poll()) is None:
            self.meet_family()
            if time.monotonic() > end:
                self.kill_all()
                raise TimeoutError(f"not ended after {seconds:.0f} s")
            time.sleep(_POLL_SEC)
        return status

    def meet_family(self) -> list[int]:
        """Notes the processes below this one, and returns the numbers of those that live."""
        for process in self.processes:
            for pid in descendants(process.pid):
                self.family.setdefault(pid, started_at(pid))
        return [pid for pid, start in self.family.items() if start and started_at(pid) == start]

    def first(self) -> list[int]:
        """Numbers of the processes that were started: the training, its launcher, or ranks without one."""
        return [process.pid for process in self.processes]

    def ranks(self) -> list[int]:
        """Numbers of the processes that train: with a launcher those below it."""
        pids = self.first()
        if len(pids) > 1:
            return pids
        below = children(pids[0])
        return [pid for pid in below if "RANK" in environment_of(pid)] or pids

    def loader_workers(self) -> list[int]:
        """Numbers of the workers of data loaders, which are forks of the ranks."""
        return [pid for rank in self.ranks() for pid in children(rank) if command_of(pid) == command_of(rank)]

    def kill_all(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal to every process at once, those that started them first."""
        below = self.meet_family()
        for pid in [process.pid for process in self.processes if process.poll() is None] + below:
            send(pid, number)

    def wait_for_family(self, seconds: float = TIMEOUT_SEC) -> bool:
        """Waits until no process is left; returns whether that was in time. Those that are left then are killed."""
        end = time.monotonic() + seconds
        while self.poll() is None or self.meet_family():
            if time.monotonic() > end:
                self.kill_all()
                return False
            time.sleep(_POLL_SEC)
        return True

    def output(self) -> str:
        """What the processes have printed until now."""
        return self.log.read_text(encoding="utf-8", errors="replace")


class Starter(Protocol):
    """Starts a training with these arguments, whose output is appended to a file."""

    def __call__(self, arguments: Sequence[str], log: Path, num_ranks: int = 1) -> Program: ...


# --- new processes, as a user starts them


def start_fresh(arguments: Sequence[str], log: Path, num_ranks: int = 1) -> Program:
    """Starts `python -m logoformer_hf.training`, of several ranks with `accelerate launch`."""
    command = [sys.executable, "-m", "logoformer_hf.training", *arguments]
    if num_ranks > 1:
        launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(num_ranks)]
        launch += ["--main_process_port", "0", "-m", "logoformer_hf.training"]
        command = [sys.executable, *launch, *arguments]
    return start_command(command, log)


def start_command(command: Sequence[str], log: Path) -> Program:
    """Starts a command in a session of its own; what it prints is appended to `log`."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=os.environ | _quiet(),
            start_new_session=True,
        )
    return Program([process], log)


def _quiet() -> dict[str, str]:
    # Two ranks on the CPU; one thread each, for a machine that several share.
    return {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


# --- forks of one process that has imported everything, which saves seconds each time


def start_forked(
    arguments: Sequence[str], log: Path, num_ranks: int = 1, file_limit_bytes: int | None = None
) -> Program:
    """
    As `start_fresh`, each rank forked from a clean process that has imported the training and done nothing else.

    Args:
        arguments, log, num_ranks: as of a `Starter`.
        file_limit_bytes: size beyond which writing to a file fails.
    """
    os.environ.update(_quiet())  # the server of forks takes it over when it starts
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["logoformer_hf.training.program", "logoformer_hf.training.train"])
    port = free_port() if num_ranks > 1 else 0
    processes = []
    for rank in range(num_ranks):
        ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": num_ranks, "LOCAL_WORLD_SIZE": num_ranks}
        several = {**ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port} if num_ranks > 1 else {}
        environment = {name: str(value) for name, value in several.items()}
        process = context.Process(target=_train, args=(list(arguments), str(log), environment, file_limit_bytes))
        process.start()
        processes.append(ForkedProcess(process))
    return Program(processes, log)


def _train(arguments: list[str], log: str, environment: Mapping[str, str], file_limit_bytes: int | None) -> None:
    """The life of a fork."""
    os.setsid()
    multiprocessing.set_start_method(None, force=True)  # workers start as those of a program do
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(stream, number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    if file_limit_bytes is not None:
        import resource  # Unix alone has it

        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit_bytes, resource.RLIM_INFINITY))
    os.environ.update(environment)
    sys.argv = ["train_hf.py", *arguments]
    from ..._console import end_workers
    from ...training.program import run

    try:
        run()
    finally:
        end_workers()  # a fork does not call what a program calls at its end


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


# --- the table of processes


def send(pid: int, number: int) -> None:
    """Sends a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def children(pid: int) -> list[int]:
    """Numbers of the processes that a process has started, by any of its threads."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        found += _read(file).split()
    return [int(child) for child in found]


def descendants(pid: int) -> list[int]:
    """Numbers of all processes below a process."""
    below = children(pid)
    return below + [other for child in below for other in descendants(child)]


def started_at(pid: int) -> str:
    """When a living process was started, in the system's ticks; empty for one that has ended."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()  # its name may have blanks and brackets
    return "" if not fields or fields[0] in "ZX" else fields[19]


def environment_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with."""
    pairs = (entry.partition("=") for entry in _read(Path(f"/proc/{pid}/environ")).split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs}


def command_of(pid: int) -> str:
    """The command line of a process."""
    return _read(Path(f"/proc/{pid}/cmdline"))


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:  # the process has ended
        return ""


def until(condition: Callable[[], bool], program: Program, seconds: float = TIMEOUT_SEC) -> bool:
    """Waits for a condition, at most as long as the program runs; returns whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if program.poll() is not None or time.monotonic() > end:
            return condition()
        time.sleep(0.0005)
    return True
