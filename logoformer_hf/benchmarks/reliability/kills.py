"""Trainings that are killed at random moments, and while they write a checkpoint; the same command goes on."""

import functools
import json
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from ..._console import INTERRUPTED
from ...training.checkpoints import MANIFEST_FILE, checkpoint_folder, list_checkpoints, list_files
from ...training.run_folder import SETTINGS_FILE
from ...training.stop import STATUS
from .cases import CRASH, HANG, LOSS, RIGHT, TOLD, Case, Kind, Tally, Workshop
from .programs import Program, Starter, send, start_forked, start_fresh, until
from .small_run import check_world_size, difference, last_line

IN_USE = "is in use"  # what a second program in a run's folder is told
_MAX_STARTS = 60
_MAX_MISSES = 12


@dataclass(frozen=True)
class Setup:
    """How a training is started: workers of each data loader, ranks, and as what."""

    name: str
    workers: int = 0
    num_ranks: int = 1
    start: Starter = start_forked


@dataclass(frozen=True)
class Target:
    """A training that runs: the program, its folder, an undisturbed run, and how many seconds that took."""

    program: Program
    folder: Path
    undisturbed: Path
    seconds: float


# Disturbs a training; returns what is wrong with its end, empty if nothing, or None if it missed the moment.
Disturbance = Callable[[Target, random.Random], str | None]

ALONE, WITH_WORKERS, RANKS = Setup("0 workers"), Setup("2 workers", workers=2), Setup("two ranks", num_ranks=2)
LAUNCHED = Setup("two ranks of `accelerate launch`", num_ranks=2, start=start_fresh)


def kill_cases(workshop: Workshop) -> Iterator[Case]:
    """
    Kills at random moments, kills while a checkpoint is written, and signals that ask a training to end. The groups
    alternate, so that an early end of the command leaves some of each.
    """
    for round_of_groups in zip_longest(*_groups(workshop)):
        yield from filter(None, round_of_groups)


def _groups(workshop: Workshop) -> Iterator[Iterator[Case]]:
    for setup, count, short in ((ALONE, 8, 1), (WITH_WORKERS, 8, 1), (RANKS, 8, 0), (LAUNCHED, 2, 0)):
        yield _cases(workshop, setup, "SIGKILL at a random moment", at_random_moment(kill), count, short)
        writing = max(short, int(setup is RANKS))
        yield _cases(workshop, setup, "SIGKILL while a checkpoint is written", kill_while_writing, count, writing)
    yield _cases(workshop, WITH_WORKERS, "SIGKILL of one worker", at_random_moment(kill_worker), 4, 0)
    for setup in (ALONE, WITH_WORKERS):
        for number in (signal.SIGTERM, signal.SIGINT):
            disturb = at_random_moment(functools.partial(ask_to_end, number=number))
            yield _cases(workshop, setup, f"{number.name} at a random moment", disturb, 4, 0)


def _cases(
    workshop: Workshop, setup: Setup, moment: str, disturb: Disturbance, count: int, short: int
) -> Iterator[Case]:
    group = f"{setup.name}: {moment}"
    for seed in workshop.some(count, short):
        attempt = functools.partial(kill_and_go_on, workshop, setup, f"{setup.name} {moment} {seed}", disturb)
        yield Case(group, f"seed {seed}", attempt)


def kill_and_go_on(workshop: Workshop, setup: Setup, name: str, disturb: Disturbance) -> Tally:
    """Disturbs a training, gives the same command until it ends, and compares the run with an undisturbed one."""
    runs = workshop.runs
    undisturbed, seconds = runs.undisturbed(setup.num_ranks), runs.seconds(setup.num_ranks)
    for miss in range(_MAX_MISSES):
        folder = runs.new_folder(name)
        command = runs.command(folder, setup.workers, setup.num_ranks)
        program = setup.start(command, folder.parent / "killed.log", setup.num_ranks)
        try:
            complaint = disturb(Target(program, folder, undisturbed, seconds), random.Random(f"{name} {miss}"))
        except TimeoutError as error:
            return Tally.of(HANG, f"{name}: {error}")
        if complaint is not None:
            break
        program.kill_all()
        program.wait_for_family()
    else:
        raise RuntimeError(f"{name}: the moment was missed {_MAX_MISSES} times")
    verdict, note = (CRASH, complaint) if complaint else go_on(setup.start, command, folder, setup.num_ranks)
    if verdict == RIGHT and (changed := difference(undisturbed, folder)):
        verdict, note = LOSS, changed
    if verdict == RIGHT:
        shutil.rmtree(folder.parent)
    return Tally.of(verdict, f"{name}: {note}")


def go_on(start: Starter, command: list[str], folder: Path, num_ranks: int = 1) -> tuple[str, str]:
    """Gives a command until the run is finished; returns a verdict and the last that was printed."""
    for number in range(_MAX_STARTS):
        program = start(command, folder.parent / f"again-{number}.log", num_ranks)
        try:
            status = program.wait()
        except TimeoutError as error:
            return HANG, str(error)
        if status == 0:
            check_world_size(folder, num_ranks)
            return (CRASH if "Traceback" in program.output() else RIGHT), last_line(program, "Error")
        if IN_USE not in program.output():  # ranks whose launcher was killed train on, and hold the lock
            return judge_end(program, status), last_line(program, str(folder))
        time.sleep(0.5)
    return HANG, f"in use after {_MAX_STARTS} attempts"


def judge_end(program: Program, status: int, *names: str) -> str:
    """The verdict on a program that has ended with an error: whether it has told so, naming one of `names`."""
    told = program.output()
    is_named = not names or any(name in told for name in names)
    return TOLD if status == 2 and "Traceback" not in told and is_named else CRASH


# --- disturbances


def at_random_moment(disturb: Disturbance) -> Disturbance:
    """A disturbance at any time from the run's first file to its end."""

    def wait_and_disturb(target: Target, rng: random.Random) -> str | None:
        if not until((target.folder / SETTINGS_FILE).exists, target.program):
            return f"it ended at once: {last_line(target.program)}"
        time.sleep(rng.uniform(0, target.seconds))
        return None if target.program.poll() is not None else disturb(target, rng)

    return wait_and_disturb


def kill(target: Target, rng: random.Random) -> str | None:
    """SIGKILL to all processes, to one rank or to the launcher."""
    program = target.program
    victims = rng.choice([program.first(), program.ranks()[-1:], None])
    program.meet_family()
    if victims is None:
        program.kill_all()
    for victim in victims or ():
        send(victim, signal.SIGKILL)
    if victims != program.first():  # ranks without a launcher train to their end
        return "" if program.wait_for_family() else None
    program.wait()
    return ""


def kill_while_writing(target: Target, rng: random.Random) -> str | None:
    """SIGKILL to all processes when a checkpoint has some of its files; its manifest must not have been complete."""
    newest, whole = next(iter(list_checkpoints(target.undisturbed).items()))
    num_files = rng.randint(1, len(list_files(whole)))
    checkpoint = checkpoint_folder(target.folder, newest // 3 * rng.randint(1, 3))

    def is_being_written() -> bool:
        try:
            return checkpoint.is_dir() and len(list_files(checkpoint)) >= num_files - 1 and not is_complete(checkpoint)
        except OSError:  # a file was renamed in between
            return False

    if not until(is_being_written, target.program):
        return None
    time.sleep(rng.uniform(0, 0.004))
    target.program.kill_all()
    target.program.wait_for_family()
    return None if is_complete(checkpoint) else ""


def is_complete(checkpoint: Path) -> bool:
    """Whether the manifest of a checkpoint, which is written last, says that it is whole."""
    try:
        return bool(json.loads((checkpoint / MANIFEST_FILE).read_text(encoding="utf-8"))["is_complete"])
    except OSError:
        return False


def kill_worker(target: Target, rng: random.Random) -> str | None:
    """SIGKILL to one worker of a data loader, as systems that run out of memory do."""
    program = target.program
    if not until(lambda: bool(program.loader_workers()), program):
        return None
    for victim in rng.sample(program.loader_workers(), 1):
        send(victim, signal.SIGKILL)
    status = program.wait()
    if status == 0:  # the worker had done its work
        return ""
    return "" if judge_end(program, status) == TOLD else f"{status}: {last_line(program, 'Error')}"


def ask_to_end(target: Target, rng: random.Random, number: int) -> str | None:
    """SIGTERM or SIGINT to the program, or to its workers, too, as batch systems and terminals send it."""
    program = target.program
    if rng.random() < 0.5:
        program.kill_all(number)
    else:
        send(program.first()[0], number)
    status = program.wait()
    program.wait_for_family()
    if status == 0:
        return None
    expected = {signal.SIGTERM: (STATUS, -signal.SIGTERM), signal.SIGINT: (INTERRUPTED,)}[signal.Signals(number)]
    if status not in expected or "Traceback" in program.output():
        return f"status {status}: {last_line(program, 'Error')}"
    return ""


KILLS = Kind(
    "kills",
    "Kills",
    "A training of three epochs is killed, and the same command is given until it ends. Then its weights, "
    "predictions and `eval_results.json` are compared with those of an undisturbed run, bit for bit, apart from "
    "results whose names end in `_runtime` or `_per_second`. Trainings are forks of a process that has imported the"
    " package, which saves seconds each time; those of `accelerate launch` are new processes. A random moment lies "
    "between the first file of the run and its end. SIGKILL goes to all processes at once, to one rank or to the "
    "launcher alone; SIGTERM and SIGINT to the program, or to its workers, too. A kill while a checkpoint is "
    "written counts if the manifest of the checkpoint was not complete when all processes were gone. That two ranks"
    " were two is read from the checkpoints.",
    kill_cases,
)
