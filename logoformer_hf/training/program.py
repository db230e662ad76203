"""The program `train_hf.py`, also started as `python -m logoformer_hf.training`."""

import os

from .._console import run_program

AFTER_INTERRUPT = "the same command goes on from the newest checkpoint"


def run() -> None:
    """Trains as the command line says. An error of the user's is printed in a sentence, with exit status 2."""
    rank = os.environ.get("RANK", "0")  # as `accelerate launch` and `torchrun` set it
    run_program(main, "" if rank == "0" else f"process {rank}: ", (ValueError, OSError), AFTER_INTERRUPT)


def main() -> None:
    """The program itself. Its imports take seconds, in which Ctrl-C is told as it is later."""
    from .train import main as train

    train()
