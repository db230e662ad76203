"""Processes that are started, found and killed."""

import os
import signal
import sys

import pytest

from logoformer_hf.benchmarks.reliability.programs import (
    children,
    descendants,
    environment_of,
    send,
    start_command,
    started_at,
    until,
)

FAMILY = "sleep 60 & sh -c 'sleep 60; true' & wait"


@pytest.fixture
def program(tmp_path):
    """A shell with two children, one of which has a child."""
    program = start_command(["sh", "-c", FAMILY], tmp_path / "log")
    yield program
    program.kill_all()
    program.wait_for_family()


def test_a_family_is_found_and_killed(program):
    [first] = program.first()
    assert until(lambda: len(descendants(first)) == 3, program, 30) and len(children(first)) == 2
    below = program.meet_family()
    assert set(below) == set(descendants(first)) and all(map(started_at, below))
    program.kill_all()
    assert program.wait_for_family() and program.wait() == -signal.SIGKILL
    assert program.meet_family() == [] and not any(map(started_at, below))
    send(first, signal.SIGKILL)  # nobody is there any more


def test_children_of_a_parent_that_was_killed_are_still_known(program):
    [first] = program.first()
    assert until(lambda: len(descendants(first)) == 3, program, 30)
    below = program.meet_family()
    send(first, signal.SIGKILL)
    assert program.wait() == -signal.SIGKILL
    assert set(program.meet_family()) == set(below)
    assert not program.wait_for_family(seconds=0.1)  # too long, so they are killed
    assert program.wait_for_family()


def test_a_program_that_does_not_end_is_killed(program):
    with pytest.raises(TimeoutError, match="0 s"):
        program.wait(seconds=0.1)
    assert program.wait_for_family()


def test_what_it_prints_and_its_status(tmp_path):
    program = start_command([sys.executable, "-c", "print('told'); raise SystemExit(2)"], tmp_path / "log")
    assert program.wait() == 2 and program.output() == "told\n"
    assert not until(lambda: False, program, 30)


def test_the_environment_of_a_process(program):
    assert until(lambda: "CUDA_VISIBLE_DEVICES" in environment_of(program.first()[0]), program, 30)
    assert environment_of(2**22 + 1) == {} and started_at(2**22 + 1) == ""
    assert started_at(os.getpid())
