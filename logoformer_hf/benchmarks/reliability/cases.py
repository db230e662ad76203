"""What is tried, and how it can end."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .small_run import SmallRuns

RIGHT = "as undisturbed"
TOLD = "named error"
CRASH = "crash"
HANG = "hang"
MEMORY = "too much memory"
LOSS = "silent loss"
# Every way to end, the good ones first.
VERDICTS = {
    RIGHT: "the result is the one that an undisturbed run gives, or the data were read as they are",
    TOLD: "the program ended with a message without a traceback that names the file at fault",
    CRASH: "it ended with a traceback, a signal that nobody sent, or a message that names no file",
    HANG: "it did not end in the time that it was given",
    MEMORY: "it took more memory than a reader may (inputs of others alone)",
    LOSS: "it ended as if all was well, with another result",
}
FAULTS = (CRASH, HANG, MEMORY, LOSS)


@dataclass
class Tally:
    """
    How the attempts of a case ended.

    Attributes:
        counts: number of attempts by verdict, a key of `VERDICTS`.
        notes: a sentence on every attempt that ended with a fault, by which it can be repeated.
    """

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, verdict: str, note: str = "") -> "Tally":
        """The tally of one attempt."""
        tally = cls()
        tally.add(verdict, note)
        return tally

    def add(self, verdict: str, note: str = "") -> None:
        """Adds an attempt; the note of one that went well is dropped."""
        if verdict not in VERDICTS:
            raise ValueError(f"the verdict is {verdict!r}; it must be one of {', '.join(VERDICTS)}.")
        self.counts[verdict] += 1
        if verdict in FAULTS:
            self.notes.append(f"{verdict}: {note}")


@dataclass(frozen=True)
class Case:
    """
    One thing that is tried, or several that are counted together.

    Attributes:
        group: row of the page's table that it is counted in.
        name: its name, which no other case of the group has; the seed of what is drawn is part of it.
        attempt: tries it.
    """

    group: str
    name: str
    attempt: Callable[[], Tally]


@dataclass(frozen=True)
class Workshop:
    """
    What cases work with.

    Attributes:
        runs: small runs, and undisturbed ones to compare with; `runs.folder` is for files of the cases, too.
        is_short: whether a few cases of each group are enough.
    """

    runs: SmallRuns
    is_short: bool

    def some(self, count: int, short: int) -> range:
        """Numbers of the cases of a group: `count` of them, in the short form `short`."""
        return range(short if self.is_short else count)


@dataclass(frozen=True)
class Kind:
    """
    Cases of one kind.

    Attributes:
        name: as `--only` takes it.
        title: heading on the page.
        explanation: what is done, and what it is compared with.
        cases: yields the cases, the same in every call.
    """

    name: str
    title: str
    explanation: str
    cases: Callable[[Workshop], Iterator[Case]]
