"""
`python -m logoformer_hf.timeline` and `accelerate launch -m logoformer_hf.timeline`: the same as `logoformer predict`.

Each process that a launcher starts reads its part of the videos.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from .._console import run_program, was_interrupted

_WAIT = timedelta(days=30)  # for processes that have more to read


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with the arguments of the command line; returns its exit status."""
    from transformers import HfArgumentParser

    from .arguments import PredictArguments, add_predict_arguments
    from .command import predict

    group: Any = PredictArguments  # for which the library's annotation has its own type
    declared = HfArgumentParser(group, prog="python -m logoformer_hf.timeline", allow_abbrev=False)
    add_predict_arguments(declared)
    args = declared.parse_args(arguments)
    (number, total), device = launched_as(os.environ)
    try:
        options = PredictArguments(**{field.name: getattr(args, field.name) for field in fields(PredictArguments)})
        status = predict(args.paths, options, args.overwrite, (number, total), device)
    except (ValueError, OSError, RuntimeError) as error:
        if was_interrupted(error):
            raise
        print(f"logoformer predict: {error}", file=sys.stderr)
        status = 2
    if total > 1:
        wait_for_all(number, total)
    return status


def launched_as(environment: Mapping[str, str]) -> tuple[tuple[int, int], str | None]:
    """
    The part of this process, (number from 1, of how many), and its device, by the variables that `accelerate launch`
    and `torchrun` set; (1, 1) and None without a launcher.
    """
    import torch

    total = int(environment.get("WORLD_SIZE", "1"))
    if total <= 1:
        return (1, 1), None
    local = int(environment.get("LOCAL_RANK", "0"))
    device = f"cuda:{local % torch.cuda.device_count()}" if torch.cuda.is_available() else None
    return (int(environment["RANK"]) + 1, total), device


def wait_for_all(number: int, total: int) -> None:
    """
    Waits until all processes have read their videos: a launcher ends all of them when one ends with another status
    than 0, as a process does that met a broken video.
    """
    from torch import distributed

    distributed.init_process_group("gloo", rank=number - 1, world_size=total, timeout=_WAIT)
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":  # a spawned process also imports this file
    run_program(lambda: sys.exit(main()), "logoformer predict: ", ())
