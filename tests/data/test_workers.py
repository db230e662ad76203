"""A worker process that is killed, as systems do that run out of memory."""

import os
import signal

import pytest
import torch
from errors import raises_naming

from logoformer_hf.data.workers import WorkerLostError, errors_of_workers


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
