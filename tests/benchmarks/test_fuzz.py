"""Mutated inputs of every kind: the short form of what the documentation counts, and that it sees what goes wrong."""

import random
from collections import Counter

import pytest

from logoformer_hf.benchmarks import fuzz, fuzz_targets
from logoformer_hf.benchmarks.fuzz_inputs import MUTATED, mutated
from logoformer_hf.benchmarks.fuzz_targets import EXCEPTION, READ, TOLD, try_input

# Inputs of each kind; those that a process reads slowly are fewer.
COUNTS = {
    "containers": 60,
    "images": 60,
    "lists": 80,
    "shards": 20,
    "configurations": 25,
    "payloads": 40,
    "pushes": 40,
}


def test_no_mutated_input_does_harm(tmp_path):
    """Some are read, others refused with the package's error; each in a process with limits on memory and time."""
    inputs = [(kind, number) for kind, count in COUNTS.items() for number in range(count)]
    outcomes = list(fuzz.read_inputs(inputs, tmp_path))
    assert {(each.kind, each.number) for each in outcomes} == set(inputs)
    assert [each for each in outcomes if each.verdict in fuzz.FAULTS] == []
    for kind in COUNTS:
        counts = Counter(each.verdict for each in outcomes if each.kind == kind)
        assert counts[READ] and counts[TOLD], (kind, counts)
    assert not [path for path in (tmp_path / "process-0").iterdir() if not path.name.startswith("intact")]


@pytest.mark.parametrize("kind", ["containers", "images", "lists", "payloads"])
def test_an_input_is_the_same_every_time(tmp_path, kind):
    def content(folder):
        folder.mkdir()
        made = mutated(kind, 7, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [(path.relative_to(folder), path.read_bytes()) for path in files] or made

    assert content(tmp_path / "a") == content(tmp_path / "b") != content_of_another(tmp_path, kind, content)


def content_of_another(tmp_path, kind, content):
    (tmp_path / "c").mkdir()
    made = MUTATED[kind](tmp_path / "c", random.Random("another"))
    return [path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file()] or made


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(ZeroDivisionError("of a library"), EXCEPTION), (ValueError("of a library"), EXCEPTION), (None, READ)],
)
def test_an_error_of_a_library_is_not_the_packages(tmp_path, monkeypatch, error, verdict):
    def read(value):
        if error is not None:
            raise error

    monkeypatch.setattr(fuzz_targets, "target_of", lambda kind, folder: read)
    assert try_input("lists", 0, tmp_path)[0] == verdict


def test_the_packages_own_error_is(tmp_path):
    _, message = next(each for number in range(50) if (each := try_input("lists", number, tmp_path))[0] == TOLD)
    assert "list.csv" in message


CHILD = """
import sys, time, os
print("ready", flush=True)
for line in sys.stdin:
    kind = line.split()[0]
    if kind == "crash":
        os.kill(os.getpid(), 11)
    if kind == "hang":
        time.sleep(1000)
    if kind == "memory":
        held = bytearray(os.urandom(1)) * 400_000_000
        time.sleep(1000)
    print('["read", ""]', flush=True)
"""


def test_a_crash_a_hang_and_a_peak_are_seen_and_the_next_input_is_read(tmp_path, monkeypatch):
    program = tmp_path / "child.py"
    program.write_text(CHILD)
    monkeypatch.setattr(fuzz, "CHILD", [str(program)])
    monkeypatch.setattr(fuzz, "MAX_SEC", 2.0)
    monkeypatch.setattr(fuzz, "KILLED_AT_MB", 200)
    with fuzz.Child(tmp_path) as child:
        verdicts = [child.read(kind, 0).verdict for kind in ("a", "crash", "a", "hang", "a", "memory", "a")]
    assert verdicts == [READ, fuzz.CRASH, READ, fuzz.HANG, READ, fuzz.MEMORY, READ]
