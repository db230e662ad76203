"""Processes that tests start, with the time that a busy machine needs for them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from paths import ROOT, TESTS

TIMEOUT_SEC = 600


def environment_with(**changes: str) -> dict[str, str]:
    """The environment of this process with changes, and the programs beside this Python first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"} | changes


def run_process(
    command: Sequence[str | Path], cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """
    Runs a program to its end. A failure of it fails the test with the last lines that it wrote.

    Args:
        command: program and arguments.
        cwd: its working folder, by default that of this process.
        environment: changes to the environment.
    """
    finished = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment_with(**environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SEC,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished


def run_python(
    code: str, *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs code in a new Python, its arguments in `sys.argv`; otherwise as `run_process`."""
    return run_process([sys.executable, "-c", code, *arguments], cwd=cwd, **environment)


def launch(num_processes: int, script: str | Path, *arguments: str, cwd: Path | None = None, **environment: str):
    """`accelerate launch` of one process, or of several on the CPU. A file of tests finds its helpers."""
    if TESTS in Path(script).parents:
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(TESTS / "helpers")])
    several = ["--multi_gpu", "--num_processes", str(num_processes), "--main_process_port", "0"]
    if num_processes > 1:  # without --multi_gpu it starts one on a machine without a GPU, and with it two on the CPU
        environment["CUDA_VISIBLE_DEVICES"] = ""
    options = several if num_processes > 1 else []
    return run_process(["accelerate", "launch", *options, script, *arguments], cwd=cwd, **environment)
