"""What programs print."""

import io
import os
import subprocess
import sys

import pytest
from processes import TIMEOUT_SEC, environment_with

from logoformer_hf._console import print_any_name


def test_a_name_that_the_encoding_lacks_is_printed_with_escapes(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    print_any_name()
    print("a\N{EN DASH}\N{LATIN SMALL LETTER U WITH DIAERESIS}\udcff.mp4", flush=True)
    assert written.getvalue() == rb"a\u2013\xfc\udcff.mp4" + b"\n"
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    print_any_name()  # not a file


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("ends_by", ["raise KeyboardInterrupt", "sys.exit(INTERRUPTED)"])
def test_a_second_ctrl_c_while_python_ends_is_no_traceback(ends_by):
    code = f"""
import atexit, os, signal, sys, time
from logoformer_hf._console import INTERRUPTED, run_program

def interrupt_again():
    print("at the end", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
    print("still there", flush=True)

atexit.register(interrupt_again)

def run():
    {ends_by}

run_program(run, "", (), "the same command goes on")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment_with(), capture_output=True, text=True, timeout=TIMEOUT_SEC
    )
    assert ended.returncode == 130 and "Traceback" not in ended.stderr
    assert ended.stdout.splitlines() == ["at the end", "still there"]


def test_a_process_of_a_launch_ends_without_tearing_python_down(tmp_path):
    """A thread of its group at times aborts one that does; what is registered for the end is done all the same."""
    code = f"""
import atexit, threading, time
from torch import distributed
from logoformer_hf._console import run_program

class SaysWhenPythonIsTornDown:
    def __del__(self):
        print("torn down", flush=True)

atexit.register(lambda: print(distributed.is_initialized()))
kept = SaysWhenPythonIsTornDown()

def say_late():
    time.sleep(0.5)
    print("late")

def run():
    threading.Thread(target=say_late).start()
    distributed.init_process_group("gloo", init_method="{(tmp_path / "store").as_uri()}", rank=0, world_size=1)
    print(distributed.is_initialized())

run_program(run, "", ())
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment_with(), capture_output=True, text=True, timeout=TIMEOUT_SEC
    )
    assert (ended.stdout.splitlines(), ended.returncode) == (["True", "late", "False"], 0), ended.stderr
