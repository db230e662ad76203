"""The file of results, with one record per run, and statistics over seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ..._files import write_text
from ...evaluation.significance import CONFIDENCE, Estimate
from .budget import Budget
from .variant import Variant

VERSION = 2  # increased when the same variant, seed and budget give another record


class Results:
    """
    Records in a JSON file, which is replaced as a whole after every change.

    Attributes:
        records: results of `train_run`, one per run.
        costs: result of `measure_costs`.

    Args:
        file: file that is read, if it exists, and written.
        budget: budget of all records.

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
                    f"{known['version']}): give another file with --results, or delete that one to start again."
                )
            self.records, self.costs = known["records"], known["costs"]

    def save(self) -> None:
        """Writes the file."""
        head = json.dumps(self.facts | {"costs": self.costs}, indent=1)[:-2]
        lines = ",\n".join(json.dumps(record) for record in self.records)  # one line per run, for readable diffs
        write_text(self.file, f'{head},\n "records": [\n{lines}\n ]\n}}\n')

    def add(self, record: dict[str, Any]) -> None:
        """Adds the record of a run, in the place of one of the same variant, seed and encoder, and writes the file."""
        run = _run(record)
        self.records = [*(each for each in self.records if _run(each) != run), record]
        self.records.sort(key=lambda record: (record["seed"], record["variant"], record["encoder"] or 0))
        self.save()

    def has(self, variant: Variant, seed: int, encoder: float | None) -> bool:
        """
        Whether there is a record of this run, made as the variant is now. Records of earlier versions that do not say
        how they were made count as made so.

        Args:
            variant: its variant.
            seed: its seed.
            encoder: that of `read_encoder`, None on pixels.
        """
        changes = variant.changes
        return any(
            _run(record) == (variant.name, seed, encoder) and record.get("changes", changes) == changes
            for record in self.records
        )

    def encoders(self) -> list[float]:
        """The frame encoders of all records, each as its explained variance, sorted."""
        return sorted({record["encoder"] for record in self.records} - {None})

    def values(self, variant: str, key: str) -> np.ndarray:
        """
        One number of every run of a variant that has it, in the order of the seeds, `(runs,)`. Records of earlier
        versions lack numbers that are new.
        """
        return np.array([each[key] for each in self.records if each["variant"] == variant and key in each])

    def gains(self, variant: str, reference: str, key: str = "uar") -> np.ndarray:
        """
        Differences, variant - reference, for every seed that both have on a frame encoder, `(seeds,)`: where they have
        it on several ones, the mean over these, since runs of one seed are not independent.
        """
        ours, theirs = (
            {(each["seed"], each["encoder"]): each[key] for each in self.records if each["variant"] == name}
            for name in (variant, reference)
        )
        by_seed: dict[int, list[float]] = {}
        for run, value in ours.items():
            if run in theirs:
                by_seed.setdefault(run[0], []).append(value - theirs[run])
        return np.array([np.mean(each) for each in by_seed.values()])


def _run(record: Mapping[str, Any]) -> tuple[str, int, float | None]:
    return record["variant"], record["seed"], record["encoder"]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (with n - 1) over seeds; the latter is None for one seed."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: np.ndarray | Sequence[float]) -> "Spread":
        """Mean and standard deviation of at least one value."""
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None)


def mean_gain(gains: np.ndarray) -> Estimate | None:
    """
    Mean of `Results.gains` with Student's interval; None for fewer than two. The differences are paired, because the
    seed sets the order of the clips and the frame encoder the tokens for all variants, which raises or lowers all UARs
    together.
    """
    if len(gains) < 2:
        return None
    interval = stats.ttest_1samp(gains, 0).confidence_interval(CONFIDENCE)
    return Estimate(float(gains.mean()), float(interval.low), float(interval.high))


def num_seeds(difference: float, deviation: float, power: float = 0.8) -> int:
    """
    How many pairs of runs, each of another seed, find a true difference, by Student's paired t-test at 5 %, two-sided.

    Args:
        difference: the true difference of two models' UAR, more than 0.
        deviation: standard deviation of the differences of pairs.
        power: share of experiments that find it.
    """
    for number in range(2, 100_000):
        limit = stats.t.ppf((1 + CONFIDENCE) / 2, number - 1)
        if stats.nct.sf(limit, number - 1, np.sqrt(number) * difference / deviation) >= power:
            return number
    raise ValueError(f"`difference` is {difference}; it must not be that small beside a deviation of {deviation}.")
