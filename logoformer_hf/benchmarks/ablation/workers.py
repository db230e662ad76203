"""Runs several trainings at a time, each in its own process, with an equal share of the CPU cores."""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import torch
from datasets.utils import tqdm

from .budget import Budget
from .results import Results
from .training import CPU, Machine, train_run
from .variant import Variant

_CHECK_SEC = 0.5  # seconds between two checks of the workers' progress
_epochs: SimpleQueue[int]  # in a worker: receives a 1 after every epoch


def train_all(
    runs: Sequence[tuple[Variant, int]],
    budget: Budget,
    clips_dir: Path,
    output_dir: Path,
    num_workers: int,
    results: Results,
    machine: Machine = CPU,
) -> None:
    """
    Trains variants with seeds in the given order, and adds each record to the results when the run is finished.

    Args:
        runs: variants and seeds.
        budget: budget of all runs.
        clips_dir: folder by `prepare_benchmark`.
        output_dir: folder of the ablation; the predictions of a run are written to `runs/VARIANT/seed-N`.
        num_workers: number of runs at a time.
        results: results to add the records to.
        machine: where to train.
    """
    num_threads = max((os.cpu_count() or 1) // num_workers, 1)
    context = multiprocessing.get_context("spawn")
    epochs = context.SimpleQueue()
    num_epochs = sum(budget.epochs(variant) for variant, _ in runs)
    with (
        ProcessPoolExecutor(num_workers, context, initializer=start_worker, initargs=(num_threads, epochs)) as pool,
        tqdm(total=num_epochs, desc=f"Training {len(runs)} runs", unit="epoch", smoothing=0) as bar,
    ):
        pending = {
            pool.submit(run_in_worker, variant, seed, budget, clips_dir, output_dir / "runs", machine)
            for variant, seed in runs
        }
        try:
            while pending:
                done, pending = wait(pending, _CHECK_SEC, FIRST_COMPLETED)
                while not epochs.empty():
                    bar.update(epochs.get())
                for future in done:
                    record = future.result()
                    results.add(record)
                    what = f"{record['variant']}, seed {record['seed']}"
                    bar.write(f"{what}: UAR {record['uar']:.1%}, {record['train_sec']:.0f} s")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def start_worker(num_threads: int, epochs: SimpleQueue[int]) -> None:
    """Initialises a worker process: threads of torch, queue of epochs, and the watch on the main process."""
    global _epochs
    _epochs = epochs
    torch.set_num_threads(num_threads)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Ends a worker process when the main process has ended, also after a signal."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)


def run_in_worker(
    variant: Variant, seed: int, budget: Budget, clips_dir: Path, runs_dir: Path, machine: Machine
) -> dict[str, Any]:
    """Runs `train_run` in a worker process and returns its record."""
    folder = runs_dir / variant.name / f"seed-{seed}"
    return train_run(variant, seed, budget, clips_dir, folder, lambda: _epochs.put(1), machine)
