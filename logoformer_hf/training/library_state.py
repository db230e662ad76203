"""What a program changes in the libraries, and gives back to who calls it from Python."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import transformers


@contextmanager
def library_state_kept() -> Iterator[None]:
    """Restores transformers' log level and progress bars, and the random states of Python, NumPy and torch."""
    verbosity, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            transformers.logging.set_verbosity(verbosity)
            (transformers.logging.enable_progress_bar if bars else transformers.logging.disable_progress_bar)()
            random.setstate(states[0])
            np.random.set_state(states[1])
