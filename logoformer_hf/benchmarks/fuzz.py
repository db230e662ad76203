"""
Reads mutated inputs of every kind, in processes with limits on memory and time, and counts how it ends.

    python -m logoformer_hf.benchmarks.fuzz --count 1000
    python -m logoformer_hf.benchmarks.fuzz --only containers --first 500 --count 1

Every input is a function of its kind and number.
"""

import argparse
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .fuzz_inputs import MUTATED
from .fuzz_targets import EXCEPTION, READ, TOLD

CRASH, HANG, MEMORY = "crash", "hang", "memory above the limit"
FAULTS = (EXCEPTION, CRASH, HANG, MEMORY)
MAX_MB = 1_000  # of a process with torch, transformers and PyAV, without their mapped files
KILLED_AT_MB = 3_000
MAX_SEC = 60.0  # on a busy machine; nothing takes more than some seconds on an idle one
CHILD = ["-m", "logoformer_hf.benchmarks.fuzz_targets"]  # arguments of Python; the folder follows
_START_SEC = 300.0
_PAUSE_SEC = 0.02
_INPUTS_PER_PROCESS = 500  # then another one begins, so that what libraries keep does not count as one input's


@dataclass(frozen=True)
class Outcome:
    """
    How the reading of one input ended.

    Attributes:
        kind, number: the input.
        verdict: "read", "package's error" or one of `FAULTS`.
        note: the message.
        peak_mb: memory of the process meanwhile, at most.
        seconds: time that it took.
    """

    kind: str
    number: int
    verdict: str
    note: str
    peak_mb: float
    seconds: float


class Child:
    """A process that reads inputs, one after the other; a context manager."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.num_read = 0

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ends the process; the next input starts another one."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.process, self.num_read = None, 0

    def start(self) -> subprocess.Popen[str]:
        """The running process."""
        if self.process is not None and self.num_read < _INPUTS_PER_PROCESS:
            return self.process
        self.end()
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        self.process = subprocess.Popen(
            [sys.executable, *CHILD, str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        line, _, _ = self.wait(self.process, _START_SEC)
        if line is None:
            self.end()
            raise OSError(f"the process that reads the inputs did not start: {sys.executable} {' '.join(CHILD)}.")
        return self.process

    def read(self, kind: str, number: int) -> Outcome:
        """Reads one input."""
        process = self.start()
        self.num_read += 1
        assert process.stdin is not None
        process.stdin.write(f"{kind} {number}\n")
        process.stdin.flush()
        line, peak_mb, seconds = self.wait(process, MAX_SEC)
        if line:
            verdict, note = json.loads(line)
            if peak_mb > MAX_MB and verdict in (READ, TOLD):
                verdict, note = MEMORY, f"{peak_mb:,.0f} MB; {note}"
        else:
            status = process.poll()
            verdict = HANG if seconds >= MAX_SEC else MEMORY if peak_mb >= KILLED_AT_MB else CRASH
            note = f"{peak_mb:,.0f} MB, {seconds:.1f} s, status {status}"
        if verdict in (CRASH, HANG, MEMORY):
            self.end()
        return Outcome(kind, number, verdict, note, peak_mb, seconds)

    def wait(self, process: subprocess.Popen[str], max_sec: float) -> tuple[str | None, float, float]:
        """Its next line, None where it ended or a limit was reached; the peak of its memory in MB; seconds."""
        assert process.stdout is not None
        begin, peak_mb = time.monotonic(), 0.0
        while True:
            is_ready = select.select([process.stdout], [], [], _PAUSE_SEC)[0]
            peak_mb = max(peak_mb, memory_mb(process.pid))
            seconds = time.monotonic() - begin
            if is_ready:
                return process.stdout.readline() or None, peak_mb, seconds
            if seconds >= max_sec or peak_mb >= KILLED_AT_MB:
                return None, peak_mb, seconds


def memory_mb(process_id: int) -> float:
    """Memory that a process holds, without mapped files as those of libraries, in MB; 0 where it has ended."""
    try:
        _, resident, shared = map(int, Path(f"/proc/{process_id}/statm").read_text().split()[:3])
    except (OSError, ValueError):
        return 0.0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 1e6


def read_inputs(inputs: Iterable[tuple[str, int]], folder: Path, num_processes: int = 1) -> Iterator[Outcome]:
    """
    Reads mutated inputs, given by kind and number.

    Args:
        inputs: kinds, keys of `fuzz_inputs.MUTATED`, and numbers.
        folder: for the files; created if missing.
        num_processes: processes that read at the same time.
    """
    parts: list[list[tuple[str, int]]] = [[] for _ in range(num_processes)]
    for place, each in enumerate(inputs):
        parts[place % num_processes].append(each)

    def read_part(number: int) -> list[Outcome]:
        own = folder / f"process-{number}"
        own.mkdir(parents=True, exist_ok=True)
        with Child(own) as child:
            return [child.read(kind, place) for kind, place in parts[number]]

    with ThreadPoolExecutor(num_processes) as threads:
        for outcomes in threads.map(read_part, range(num_processes)):
            yield from outcomes


def main(arguments: list[str] | None = None) -> int:
    """Reads inputs, prints how it ended by kind, and returns the number of faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(MUTATED), default=list(MUTATED), help="kinds of inputs")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each kind")
    parser.add_argument("--count", type=int, default=1000, help="inputs of each kind")
    parser.add_argument("--num_processes", type=int, default=2, help="processes that read at the same time")
    args = parser.parse_args(arguments)
    num_faults = 0
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        for kind in args.only:
            numbers = range(args.first, args.first + args.count)
            outcomes = list(read_inputs([(kind, number) for number in numbers], folder, args.num_processes))
            faults = [outcome for outcome in outcomes if outcome.verdict in FAULTS]
            counts = Counter(outcome.verdict for outcome in outcomes)
            peak, longest = (max(getattr(each, name) for each in outcomes) for name in ("peak_mb", "seconds"))
            print(f"{kind}: {dict(counts)}, at most {peak:,.0f} MB and {longest:.1f} s", flush=True)
            for outcome in faults:
                print(f"  {outcome.number}: {outcome.verdict}: {outcome.note}", flush=True)
            num_faults += len(faults)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return num_faults


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
