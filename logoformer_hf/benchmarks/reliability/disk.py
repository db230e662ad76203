"""Disks that are full or cannot be written to; after room was made the same command goes on."""

import functools
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator

from .cases import CRASH, HANG, LOSS, RIGHT, TOLD, Case, Kind, Tally, Workshop
from .kills import go_on, judge_end
from .programs import start_command, start_forked
from .small_run import difference, last_line

# Runs a command on a disk of its own, which only this process sees; makes room there, and runs it again.
_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=$1 none "$2" || exit 77
shift 2; "$@"; first=$?
mount -o remount,size=1g none "$DISK" && echo "--- room was made" && "$@"; second=$?
cp -r "$DISK/run" "$COPY"; echo "[$first, $second]" > "$STATUS"
"""
_NAMESPACE = ["unshare", "--user", "--mount", "--map-root-user"]


def disk_cases(workshop: Workshop) -> Iterator[Case]:
    """Files that may not grow, disks of a few hundred kilobytes, folders that cannot be written to."""
    largest = max(path.stat().st_size for path in workshop.runs.undisturbed().rglob("*"))
    for seed in workshop.some(20, 1):
        limit = int(largest * random.Random(f"limit {seed}").random())
        attempt = functools.partial(fill_file, workshop, seed, limit)
        yield Case("no file may be larger than a limit", f"seed {seed}, {limit:,} bytes", attempt)
    if can_mount():
        total = sum(path.stat().st_size for path in workshop.runs.undisturbed().rglob("*"))
        for seed in workshop.some(12, 0):
            size = int(total * random.Random(f"disk {seed}").uniform(0.02, 0.95))
            attempt = functools.partial(fill_disk, workshop, seed, size)
            yield Case("a full disk", f"seed {seed}, {size:,} bytes", attempt)
    for name in ("output_dir", "cache_dir"):
        attempt = functools.partial(write_nowhere, workshop, name)
        yield Case("a folder that cannot be written to", name, attempt)


def can_mount() -> bool:
    """Whether this system lets a process mount a disk of its own."""
    if shutil.which("unshare") is None:
        return False
    probe = [*_NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(probe, capture_output=True).returncode == 0


def fill_file(workshop: Workshop, seed: int, limit_bytes: int) -> Tally:
    """Writing fails at a size of files, as on a full disk; without the limit the same command goes on."""
    folder = workshop.runs.new_folder(f"limit {seed}")
    command, name = workshop.runs.command(folder), f"limit of {limit_bytes:,} bytes"
    program = start_forked(command, folder.parent / "limited.log", file_limit_bytes=limit_bytes)
    try:
        status = program.wait()
    except TimeoutError as error:
        return Tally.of(HANG, f"{name}: {error}")
    if status != 0 and judge_end(program, status, str(workshop.runs.folder)) != TOLD:
        return Tally.of(CRASH, f"{name}: {last_line(program, 'Error')}")
    verdict, note = go_on(start_forked, command, folder)
    if verdict == RIGHT and (changed := difference(workshop.runs.undisturbed(), folder)):
        verdict, note = LOSS, changed
    shutil.rmtree(folder.parent)
    return Tally.of(verdict, f"{name}: {note}")


def fill_disk(workshop: Workshop, seed: int, size_bytes: int) -> Tally:
    """A run on a disk that is too small; after it was made larger the same command goes on."""
    copy = workshop.runs.new_folder(f"disk {seed}")
    disk, status, name = copy.parent / "disk", copy.parent / "status.json", f"disk of {size_bytes:,} bytes"
    disk.mkdir()
    training = [sys.executable, "-m", "logoformer_hf.training", *workshop.runs.command(disk / "run")]
    variables = [f"DISK={disk}", f"COPY={copy}", f"STATUS={status}"]
    shell = ["bash", "-c", _ON_A_SMALL_DISK, "bash", str(size_bytes), str(disk)]
    program = start_command(["env", *variables, *_NAMESPACE, *shell, *training], copy.parent / "disk.log")
    try:
        program.wait()
    except TimeoutError as error:
        return Tally.of(HANG, f"{name}: {error}")
    first, second = json.loads(status.read_text())
    told, _, _ = program.output().partition("--- room was made")
    if first != 0 and (first != 2 or "Traceback" in told or str(disk) not in told):
        return Tally.of(CRASH, f"{name}: status {first}: {last_line(program, 'Error')}")
    if second != 0:
        return Tally.of(CRASH, f"{name}: status {second} after room was made: {last_line(program)}")
    if changed := difference(workshop.runs.undisturbed(), copy):
        return Tally.of(LOSS, f"{name}: {changed}")
    shutil.rmtree(copy.parent)
    return Tally.of(RIGHT)


def write_nowhere(workshop: Workshop, name: str) -> Tally:
    """A folder below a file, which no user may create; not even root, whom permissions don't stop."""
    folder = workshop.runs.new_folder(f"nowhere {name}")
    folder.parent.joinpath("file").touch()
    nowhere = folder.parent / "file" / "below"
    command = [*workshop.runs.command(folder), f"--{name}", str(nowhere)]
    program = start_forked(command, folder.parent / "nowhere.log")
    try:
        status = program.wait()
    except TimeoutError as error:
        return Tally.of(HANG, f"{name}: {error}")
    if status == 0:
        return Tally.of(LOSS, f"{name}: {nowhere} was written to")
    return Tally.of(judge_end(program, status, str(nowhere)), f"{name}: {last_line(program)}")


DISK = Kind(
    "disk",
    "Full disks",
    "Writing fails at a seeded size of a file (`RLIMIT_FSIZE`), or on a disk (tmpfs) of a seeded size, with a named "
    "error; then the limit is taken away, and the same command must end bit-equal to the undisturbed run. A folder "
    "that cannot be written to is named.",
    disk_cases,
)
