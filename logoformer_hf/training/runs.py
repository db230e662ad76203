"""The runs of an experiment, one for each fold and seed, and their folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One training with its test.

    Attributes:
        fold: number of the fold that is tested, or None for a data set with one split.
        seed: seed of the run.
        folder: folder that all files of the run are written to.
    """

    fold: int | None
    seed: int
    folder: Path

    def __str__(self) -> str:
        return f"seed {self.seed}" if self.fold is None else f"fold {self.fold}, seed {self.seed}"


def plan_runs(output_dir: str | Path, folds: Sequence[int | None], seeds: Sequence[int]) -> list[Run]:
    """
    Every fold with every seed, fold by fold. A single run is written to `output_dir` itself, several to
    `fold-1`, `seed-42` or `fold-1/seed-42` below it.
    """
    runs = []
    for fold in folds:
        for seed in seeds:
            folder = Path(output_dir)
            if len(folds) > 1:
                folder /= f"fold-{fold}"
            if len(seeds) > 1:
                folder /= f"seed-{seed}"
            runs.append(Run(fold, seed, folder))
    return runs
