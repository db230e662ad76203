"""Clips that cannot be used, each with the reason."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from .._files import whole_file

NUM_NAMED = 10  # names that a message lists; the others are only counted


@dataclass(frozen=True)
class Problem:
    """A clip that cannot be used, and why."""

    clip_id: str
    path: str
    reason: str


class ClipProblems(ValueError):
    """Clips that are missing, empty or unreadable; `problems` has all of them, the message the first ten."""

    def __init__(self, problems: Sequence[Problem], num_clips: int, advice: str):
        self.problems = list(problems)
        named = "".join(
            f"\n  {problem.clip_id}: {problem.reason} ({problem.path})" for problem in problems[:NUM_NAMED]
        )
        more = f"\n  and {len(problems) - NUM_NAMED:,} more" if len(problems) > NUM_NAMED else ""
        super().__init__(f"{len(problems):,} of {num_clips:,} clips cannot be used:{named}{more}\n{advice}")


def write_problems(problems: Iterable[Problem], path: str | Path) -> None:
    """Writes `problems.csv` with the columns clip, path and reason; only the header if there are no problems."""
    with (
        whole_file(path) as partial,
        partial.open(
            "w",
            newline="",
            encoding="utf-8",
            errors="backslashreplace",  # a path that is not UTF-8
        ) as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["clip", "path", "reason"])
        writer.writerows(astuple(problem) for problem in problems)


def name_some(names: Iterable[str]) -> str:
    """The first ten of many names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - NUM_NAMED:,} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more


def read_problems(file: str | Path) -> list[Problem]:
    """Reads a file of `write_problems`; an empty list if it does not exist."""
    if not Path(file).exists():
        return []
    with Path(file).open(newline="", encoding="utf-8") as lines:
        return [Problem(row["clip"], row["path"], row["reason"]) for row in csv.DictReader(lines)]
