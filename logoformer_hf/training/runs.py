"""The runs of an experiment, one for each fold and seed, and their folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..evaluation.predictions import PREDICTIONS_FILE, RUN_FOLDERS
from .run_folder import SETTINGS_FILE


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

    Raises:
        ValueError: `output_dir` has runs in other places than these, which a report would count as further ones.
    """
    check_layout(Path(output_dir), has_folds=len(folds) > 1, has_seeds=len(seeds) > 1)
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


def check_layout(output_dir: Path, has_folds: bool, has_seeds: bool) -> None:
    """
    Checks that runs that are already in an output folder are where runs of this kind are written.

    Args:
        output_dir: the folder; it may not exist.
        has_folds: whether each fold has a folder.
        has_seeds: whether each seed has a folder.

    Raises:
        ValueError: there are others; the message names one of them.
    """
    expected = ("fold-*/" if has_folds else "") + ("seed-*/" if has_seeds else "")
    for place in RUN_FOLDERS:
        for name in (SETTINGS_FILE, PREDICTIONS_FILE):
            found = next(output_dir.glob(f"{place}{name}"), None) if place != expected else None
            if found is not None:
                raise ValueError(
                    f"{found.parent} holds a run already, and these runs go to {output_dir / expected}: in one folder "
                    "all runs have the same number of folds and seeds (one, or several). Choose another `output_dir`."
                )
