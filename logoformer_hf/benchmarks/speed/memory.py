"""Peak memory of a forward pass and of a training step, each in a process of its own on a CPU."""

import ctypes
import multiprocessing
import resource
import sys
from collections.abc import Callable
from typing import Any

import torch

from .models import Contestant
from .training_step import TrainingStep

MB = 1e6
GLIBC_MMAP_THRESHOLD, LARGE_BLOCK_BYTES = -3, 1 << 18  # a number of malloc.h
START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def peak_memory(contestant: Contestant, batch_size: int, device: torch.device, **options: Any) -> dict[str, float]:
    """
    Peak memory of one forward pass and of one training step.

    Args:
        contestant: the model.
        batch_size: clips.
        device: a CPU, whose memory is measured in new processes, or a GPU.
        options: of `TrainingStep`.

    Returns:
        In MB: `forward` and `training`, at most at any time, the weights included; `activations`, what the training
        step needs besides weights, their gradients and the state of the optimiser.
    """
    if device.type == "cuda":
        return memory_of(contestant, batch_size, device, lambda: torch.cuda.max_memory_allocated(device), options)
    # One process each: how far the memory of a process grew cannot be reset.
    context: Any = multiprocessing.get_context(START_METHOD)
    if START_METHOD == "forkserver":
        context.set_forkserver_preload([__name__])
    found: dict[str, float] = {}
    for kind in ("forward", "training"):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=measure_in_process, args=(theirs, contestant, batch_size, kind, torch.get_num_threads(), options)
        )
        process.start()
        theirs.close()
        try:
            found |= ours.recv()
        except EOFError:
            raise RuntimeError(f"the process that measured the memory of {contestant.title} ended.") from None
        finally:
            process.join()
    return found


def measure_in_process(
    connection: Any, contestant: Contestant, batch_size: int, kind: str, num_threads: int, options: dict[str, Any]
) -> None:
    """Runs in a process: sends the memory that a forward pass or a training step took."""
    torch.set_num_threads(num_threads)
    return_freed_memory()
    before = peak_rss()  # of a new process, which had no more until now
    found = memory_of(contestant, batch_size, torch.device("cpu"), lambda: peak_rss() - before, options, (kind,))
    connection.send(found)


def memory_of(
    contestant: Contestant,
    batch_size: int,
    device: torch.device,
    peak_bytes: Callable[[], int],
    options: dict[str, Any],
    kinds: tuple[str, ...] = ("forward", "training"),
) -> dict[str, float]:
    """Memory in MB, as `peak_memory` returns it, by a function that gives the bytes at most until now."""
    torch.manual_seed(0)
    model = contestant.build().to(device)
    clips = contestant.clips(batch_size, device)
    found = {}
    if "forward" in kinds:
        reset_peak(device)
        with torch.inference_mode():
            contestant.logits(model.eval(), clips)
        found["forward"] = peak_bytes() / MB
    if "training" in kinds:
        step = TrainingStep(contestant, model, clips, **options)
        reset_peak(device)
        step()
        step()  # from the second on there is the state of the optimiser
        found["training"] = peak_bytes() / MB
        weights = sum(each.numel() * each.element_size() for each in model.parameters()) / MB
        # AdamW keeps two numbers a weight.
        found["activations"] = found["training"] - 4 * weights
    return found


def reset_peak(device: torch.device) -> None:
    """Lets a GPU's peak start anew; that of a process cannot."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def return_freed_memory() -> None:
    """
    Lets glibc return large blocks to the system once they are freed, so that the peak is what was in use at a time, as
    on a GPU, and not what the heap kept besides.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(GLIBC_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def peak_rss() -> int:
    """Bytes of memory that this process had at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
