"""What `library_state_kept` gives back."""

import random

import numpy as np
import torch
import transformers


def state_of_the_libraries() -> tuple:
    return (
        transformers.logging.get_verbosity(),
        transformers.logging.is_progress_bar_enabled(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
    )


def change_the_libraries() -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    transformers.set_seed(7)
