"""Workers of a data loader leave SIGTERM to the main process."""

import os
import signal

import torch

from logoformer_hf.training.loader_workers import leave_sigterm_to_main_process


class SentSigterm(torch.utils.data.Dataset):
    """Each worker sends itself SIGTERM, as a batch system sends it to every process of a job."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGTERM)
        return index


def test_workers_go_on():
    started = torch.zeros(2, dtype=torch.int64).share_memory_()

    def start(number):
        started[number] += 1

    loader = torch.utils.data.DataLoader(SentSigterm(), num_workers=2, worker_init_fn=start)
    assert [int(batch) for batch in leave_sigterm_to_main_process(loader)] == [0, 1, 2, 3]
    assert started.tolist() == [1, 1]
