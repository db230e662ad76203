"""Time, taken in interleaved rounds, and the machine's own rate of matrix products in the same rounds."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from datasets.utils import tqdm

PEAK = "matmul"  # name of the matrix product among what is measured
MIN_ROUND_SEC = 0.05  # what is faster is repeated within a round
MAX_REPEATS = 50
SLOW_SEC = 1.0  # what is done once is small beside this


@dataclass
class Times:
    """
    Seconds of everything that was measured, round by round.

    Attributes:
        sec: by name, seconds of one run in every round.
        peak_flops: operations in a second of a large matrix product in every round, a multiplication and an addition
            as two.
    """

    sec: dict[str, list[float]] = field(default_factory=dict)
    peak_flops: list[float] = field(default_factory=list)


def matmul(device: torch.device, dtype: torch.dtype, side: int | None = None) -> tuple[Callable[[], object], float]:
    """A square matrix product that is large enough for the device's best rate, and its number of operations."""
    side = side or (8192 if device.type == "cuda" else 2048)
    a = torch.rand(side, side).to(device, dtype)
    b = torch.rand(side, side).to(device, dtype)
    return lambda: torch.mm(a, b), 2.0 * side**3


def synchronise(device: torch.device) -> None:
    """Waits until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(run: Callable[[], object], device: torch.device, repeats: int = 1) -> float:
    """Seconds of one run, the mean of `repeats`."""
    synchronise(device)
    start_sec = time.perf_counter()
    for _ in range(repeats):
        run()
    synchronise(device)
    return (time.perf_counter() - start_sec) / repeats


def measure(
    runs: Mapping[str, Callable[[], object]],
    num_rounds: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    what: str = "",
    matmul_side: int | None = None,
) -> Times:
    """
    Runs everything once per round, one after the other, so that a slower time of the machine affects all alike.

    Args:
        runs: by name; each is also run once or twice before, to be warm.
        num_rounds: number of rounds.
        device: that all run on.
        dtype: of the matrix product.
        what: is shown beside the bar of progress.
        matmul_side: rows of the matrix product; by default by the device.
    """
    product, operations = matmul(device, dtype, matmul_side)
    all_runs = {**runs, PEAK: product}
    times, repeats = Times({name: [] for name in runs}), {}
    with tqdm(total=(num_rounds + 1) * len(all_runs), desc=what, unit="run") as bar:
        for name, run in all_runs.items():
            once = seconds(run, device)
            if once < SLOW_SEC:
                once = seconds(run, device)  # without what is done once
            repeats[name] = min(max(math.ceil(MIN_ROUND_SEC / max(once, 1e-9)), 1), MAX_REPEATS)
            bar.update()
        for _ in range(num_rounds):
            for name, run in all_runs.items():
                sec = seconds(run, device, repeats[name])
                if name == PEAK:
                    times.peak_flops.append(operations / sec)
                else:
                    times.sec[name].append(sec)
                bar.update()
    return times
