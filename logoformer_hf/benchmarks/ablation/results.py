"""The file of results: one record a run, added as soon as the run is finished, and what follows from several seeds."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ..._files import write_text
from ...evaluation.significance import CONFIDENCE, Estimate
from .budget import Budget

VERSION = 2  # counts up whenever the same variant, seed and budget would give another record


class Results:
    """
    Records in a JSON file, which is always whole: it is written beside and moved into place.

    Attributes:
        records: of `train_run`, one a run.
        costs: of `measure_costs`.

    Args:
        file: to read, if it is there, and to write.
        budget: that all records were made with.

    Raises:
        ValueError: the file holds records of another budget or version.
    """

    def __init__(self, file: Path, budget: Budget):
        self.file = file
        self.facts: dict[str, Any] = {"version": VERSION, "budget": asdict(budget)}
        self.records: list[dict[str, Any]] = []
        self.costs: dict[str, dict[str, float]] = {}
        if file.exists():
            known = json.loads(file.read_text())
            if any(known[name] != value for name, value in self.facts.items()):
                raise ValueError(
                    f"{file} holds results of another budget or version ({known['budget']['name']}, version "
                    f"{known['version']}): name another file with --results, or delete that one to begin anew."
                )
            self.records, self.costs = known["records"], known["costs"]

    def save(self) -> None:
        head = json.dumps(self.facts | {"costs": self.costs}, indent=1)[:-2]
        lines = ",\n".join(json.dumps(record) for record in self.records)  # a line a run: changes are easy to read
        write_text(self.file, f'{head},\n "records": [\n{lines}\n ]\n}}\n')

    def add(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        self.records.sort(key=lambda record: (record["seed"], record["variant"], record["encoder"] or 0))
        self.save()

    def has(self, variant: str, seed: int, encoder: float | None) -> bool:
        run = (variant, seed, encoder)
        return any((record["variant"], record["seed"], record["encoder"]) == run for record in self.records)

    def encoders(self) -> list[float]:
        """Frame encoders of all records, each by the variance that it explains."""
        return sorted({record["encoder"] for record in self.records} - {None})

    def values(self, variant: str, key: str) -> np.ndarray:
        """One number of every run, in the order of the seeds."""
        return np.array([record[key] for record in self.records if record["variant"] == variant])

    def gains(self, variant: str, reference: str) -> np.ndarray:
        """How much higher a variant's UAR is than the reference's, of every seed and frame encoder that both have."""
        ours, theirs = (
            {(each["seed"], each["encoder"]): each["uar"] for each in self.records if each["variant"] == name}
            for name in (variant, reference)
        )
        return np.array([uar - theirs[run] for run, uar in ours.items() if run in theirs])


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (with n - 1) over seeds; the latter is None for one seed."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: np.ndarray | Sequence[float]) -> "Spread":
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


def mean_gain(gains: np.ndarray) -> Estimate | None:
    """
    Mean of `Results.gains` with Student's interval; None for a single one. Paired, because a seed decides the order of
    the clips for all variants, and a frame encoder what they see: they are good or bad for all of them.
    """
    if len(gains) < 2:
        return None
    interval = stats.ttest_1samp(gains, 0).confidence_interval(CONFIDENCE)
    return Estimate(float(gains.mean()), float(interval.low), float(interval.high))
