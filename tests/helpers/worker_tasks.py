"""What processes of the tests' workers do; spawned processes import it by its name."""

import os
import signal
import time
from pathlib import Path


def start(number, setup):
    """Tasks are (word, value): what the process does with the value."""

    def perform(task, report):
        word, value = task
        if word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "exit":
            os._exit(value)
        if word == "report":
            report(value)
        if word == "wait for":  # until another process has written the file
            deadline = time.monotonic() + 120
            while not Path(value).exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        if word == "sleep":
            Path(value).write_text(str(os.getpid()))
            try:
                time.sleep(600)
            finally:
                Path(value).with_suffix(".cleaned").touch()
        if word == "write":
            Path(value).touch()
        return number, setup, value

    return perform
