"""
Kills trainings, damages files, fills disks and mutates lists, and counts what happens.

    python -m logoformer_hf.benchmarks.reliability
    python -m logoformer_hf.benchmarks.reliability --minutes 9
    python -m logoformer_hf.benchmarks.reliability --short --only lists damage

Every case is a function of its seed. A case that is in the results is not tried again, so the command can be
interrupted and goes on; remove its line to repeat it. At the end the page is written.
"""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets
import torch
import transformers

from ..pages import write_section
from .cases import FAULTS, Workshop
from .kinds import KINDS
from .page import describe
from .results import Results
from .small_run import SmallRuns


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The arguments of the command. An invalid value exits with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m logoformer_hf.benchmarks.reliability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [kind.name for kind in KINDS]
    parser.add_argument("--short", action="store_true", help="a few cases of each kind")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="kinds to try; the default is all")
    parser.add_argument("--minutes", type=float, help="begin no case after so many minutes")
    parser.add_argument(
        "--output_dir", type=Path, default=Path("outputs/reliability"), help="folder for runs, clips and damaged files"
    )
    parser.add_argument(
        "--results", type=Path, help="file of the results; by default docs/reliability.json, in output_dir for --short"
    )
    parser.add_argument("--page", type=Path, help="page to write; by default docs/reliability.md, none for --short")
    args = parser.parse_args(arguments)
    args.results = args.results or (args.output_dir if args.short else Path("docs")) / "reliability.json"
    args.page = args.page or (None if args.short else Path("docs/reliability.md"))
    return args


def main(arguments: list[str] | None = None) -> int:
    """Tries what is not in the results yet, writes the page, and returns the number of faults in all results."""
    args = parse_arguments(arguments)
    with ready_for_trainings():
        return try_cases(args)


@contextmanager
def ready_for_trainings() -> Iterator[None]:
    """Hides the bars of data sets, and hears SIGINT, which a shell ignores for jobs in the background, and trainings
    would inherit that."""
    are_hidden, handler = datasets.are_progress_bars_disabled(), signal.getsignal(signal.SIGINT)
    datasets.disable_progress_bars()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if not are_hidden:
            datasets.enable_progress_bars()


def try_cases(args: argparse.Namespace) -> int:
    """Tries what is not in the results yet, writes the page, and returns the number of faults in all results."""
    begin = time.monotonic()
    workshop = Workshop(SmallRuns(args.output_dir.absolute()), args.short)
    results = Results(args.results, machine())
    for kind in KINDS:
        for case in kind.cases(workshop) if kind.name in args.only else ():
            if results.has(kind.name, case):
                continue
            if args.minutes is not None and time.monotonic() - begin > 60 * args.minutes:
                print("The time is over; the same command goes on.")
                return faults(results)
            before = time.monotonic()
            tally = case.attempt()
            results.add(kind.name, case, tally)
            seconds = f"{time.monotonic() - before:.0f} s"
            print(f"{case.group}, {case.name}: {dict(tally.counts)}, {seconds}", *tally.notes, sep="\n  ", flush=True)
    text = describe(results, KINDS)
    print(text)
    if args.page:
        write_section(args.page, "reliability", text)
    return faults(results)


def faults(results: Results) -> int:
    """Number of attempts that ended with a fault."""
    return sum(record["counts"].get(verdict, 0) for record in results.records for verdict in FAULTS)


def machine() -> str:
    """The machine and the libraries that matter, as the page names them."""
    libraries = f"torch {torch.__version__}, transformers {transformers.__version__}"
    return f"{platform.machine()} with {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}"


if __name__ == "__main__":
    try:
        sys.exit(1 if main() else 0)
    except (ValueError, OSError) as error:
        sys.exit(f"reliability: {error}")
