"""Workers of data loaders: which signals they leave to the main process, how they end, and one that is killed."""

import os
import signal
import subprocess
import sys

import pytest
import torch
from errors import raises_naming
from processes import TIMEOUT_SEC

from logoformer_hf.data.workers import WorkerLostError, errors_of_workers, leave_signals_to_main_process

SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Sending(torch.utils.data.Dataset):
    """Each worker sends itself a signal, as terminals and batch systems send it to every process of a program."""

    def __init__(self, number: int):
        self.number = number

    def __len__(self):
        return 4

    def __getitem__(self, index):
        os.kill(os.getpid(), self.number)
        return index


class SendingAtItsStart(torch.utils.data.Dataset):
    """A process to which this is sent gets signals before any code of its own could ignore them."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return index

    def __setstate__(self, state):
        for number in SIGNALS:
            os.kill(os.getpid(), number)

    def __getstate__(self):
        return "something, so that `__setstate__` is called"


@pytest.mark.parametrize("number", SIGNALS)
def test_workers_leave_signals_to_the_main_process(number):
    started = torch.zeros(2, dtype=torch.int64).share_memory_()

    def start(worker):
        started[worker] += 1

    loader = torch.utils.data.DataLoader(Sending(number), num_workers=2, worker_init_fn=start)
    assert [int(batch) for batch in leave_signals_to_main_process(loader)] == [0, 1, 2, 3]
    assert started.tolist() == [1, 1]


def test_workers_leave_signals_to_it_from_their_first_moment():
    """The mask of this process is as before afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    loader = torch.utils.data.DataLoader(SendingAtItsStart(), num_workers=1, multiprocessing_context="spawn")
    assert [int(batch) for batch in leave_signals_to_main_process(loader)] == [0, 1, 2, 3]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_program_that_fails_while_its_workers_are_there_ends(tmp_path, context):
    """An error of the training, or a pipe for its output that nobody reads any more."""
    (tmp_path / "program.py").write_text(
        "import sys\n"
        "import torch\n"
        "from logoformer_hf.data.workers import leave_signals_to_main_process\n"
        "if __name__ == '__main__':\n"
        "    options = {'num_workers': 2, 'persistent_workers': True, 'multiprocessing_context': sys.argv[1]}\n"
        "    loader = torch.utils.data.DataLoader(range(8), **options)\n"
        "    batches = iter(leave_signals_to_main_process(loader))\n"
        "    next(batches)\n"
        "    raise BrokenPipeError('nobody reads')\n"
    )
    ended = subprocess.run(
        [sys.executable, tmp_path / "program.py", context], capture_output=True, text=True, timeout=TIMEOUT_SEC
    )
    assert ended.returncode == 1 and ended.stderr.endswith("BrokenPipeError: nobody reads\n")


class Killing(torch.utils.data.Dataset):
    """Its worker is killed at the second item."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


def test_it_is_told_with_what_to_do():
    loader = torch.utils.data.DataLoader(Killing(), num_workers=1)
    with raises_naming(WorkerLostError, "memory", "Do this."), errors_of_workers("Do this."):
        list(loader)


def test_other_errors_stay_as_they_are():
    with pytest.raises(RuntimeError, match="another"), errors_of_workers("Do this."):
        raise RuntimeError("another error")
