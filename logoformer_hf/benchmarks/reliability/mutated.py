"""Mutated inputs of every kind, as others may send them: the long form of `benchmarks.fuzz`."""

import functools
import shutil
from collections.abc import Iterator

from ..fuzz import HANG as INPUT_HANGS
from ..fuzz import MEMORY as INPUT_TAKES_MEMORY
from ..fuzz import read_inputs
from ..fuzz_inputs import MUTATED
from ..fuzz_targets import READ
from ..fuzz_targets import TOLD as INPUT_REFUSED
from .cases import CRASH, HANG, MEMORY, RIGHT, TOLD, Case, Kind, Tally, Workshop

INPUTS_PER_CASE = 100
SHORT_INPUTS_PER_CASE = 10
_VERDICTS = {READ: RIGHT, INPUT_REFUSED: TOLD, INPUT_HANGS: HANG, INPUT_TAKES_MEMORY: MEMORY}


def mutated_cases(workshop: Workshop) -> Iterator[Case]:
    """A thousand inputs of each kind, in cases of a hundred; the kinds alternate."""
    for number in workshop.some(10, 1):
        for kind in MUTATED:
            yield Case(kind, f"part {number}", functools.partial(read_part, workshop, kind, number))


def read_part(workshop: Workshop, kind: str, number: int) -> Tally:
    """Reads some inputs of a kind in a process with limits on memory and time."""
    count = SHORT_INPUTS_PER_CASE if workshop.is_short else INPUTS_PER_CASE
    folder, tally = workshop.runs.new_folder(f"mutated {kind} {number}"), Tally()
    for outcome in read_inputs([(kind, place) for place in range(number * count, (number + 1) * count)], folder):
        tally.add(_VERDICTS.get(outcome.verdict, CRASH), f"{kind}, input {outcome.number}: {outcome.note}")
    shutil.rmtree(folder, ignore_errors=True)
    return tally


MUTATED_INPUTS = Kind(
    "mutated",
    "Mutated inputs",
    "Videos, images, lists, prepared shards, configurations, requests to the handler and folders to push get seeded "
    "faults and are read in a process of their own, whose memory and time are watched (`python -m "
    "logoformer_hf.benchmarks.fuzz` repeats one of them). Each must be read, or refused with an error of this "
    "package.",
    mutated_cases,
)
