"""The program `train_hf.py`, also started as `python -m logoformer_hf.training`."""

import os
import sys

from .._console import INTERRUPTED, print_any_name
from .train import main


def run() -> None:
    """Trains as the command line says. An error of the user's is printed in a sentence, with exit status 2."""
    print_any_name()
    try:
        main()
    except (ValueError, OSError) as error:
        rank = os.environ.get("RANK", "0")  # as `accelerate launch` and `torchrun` set it
        print(f"{'' if rank == '0' else f'process {rank}: '}{error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from the newest checkpoint.", file=sys.stderr)
        sys.exit(INTERRUPTED)
