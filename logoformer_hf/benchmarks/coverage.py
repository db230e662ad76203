"""
Measures how often the 95 % intervals of UAR, WAR, recalls and paired differences cover the truth, by drawing test sets
whose true recalls are known.

    python -m logoformer_hf.benchmarks.coverage
    python -m logoformer_hf.benchmarks.coverage --page docs/protocol.md

Everything is a function of the seed. The second form also writes the tables into the page.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.intervals import difference_limits, exact_limits, mean_limits, uar_weights
from ..evaluation.tables import markdown_table
from .pages import write_section

NUM_REPETITIONS = 10_000
NUM_CLASSES, NUM_FOLDS = 7, 5
CLIPS_PER_CLASS = (2, 3, 5, 10, 20, 29, 50, 100, 200, 335)
RECALLS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
LOW_RECALLS = (0.0, 0.1, 0.3, 0.5)
DFEW_FOLD = (489, 379, 534, 435, 294, 29, 181)  # clips of a class in a test fold of about DFEW's size
# Shares of the clips that only A has right, and that only B has right.
DISCORDANT = ((0.0, 0.005), (0.005, 0.005), (0.01, 0.03), (0.0, 0.05), (0.05, 0.1), (0.0, 0.2), (0.1, 0.1), (0.1, 0.3))
SMALL_DISCORDANT = ((0.0, 0.2), (0.1, 0.5), (0.3, 0.3))


@dataclass(frozen=True)
class Coverage:
    """How often an interval covers the truth, 0 to 1, and its mean width, 0 to 2."""

    share: float
    width: float

    @classmethod
    def of(cls, limits: tuple[np.ndarray, np.ndarray], truth: float) -> "Coverage":
        """Of limits, each of shape (repetitions,)."""
        low, high = limits
        # A limit that equals the truth in exact arithmetic may be past it by the last bits.
        covered = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
        return cls(float(covered.mean()), float((high - low).mean()))

    def __str__(self) -> str:
        return f"{100 * self.share:.1f} ({100 * self.width:.1f})"


def cover_uar(clips: np.ndarray, recalls: np.ndarray, repetitions: int, rng: np.random.Generator) -> Coverage:
    """
    Coverage of UAR as the mean over folds.

    Args:
        clips: numbers of clips, more than 0, shape (folds, classes).
        recalls: true recalls, shape (folds, classes).
        repetitions: number of test sets that are drawn.
        rng: draws them.
    """
    right = rng.binomial(clips, recalls, (repetitions, *clips.shape))
    weights = uar_weights(clips)
    limits = mean_limits(right.reshape(repetitions, -1), clips.ravel(), weights.ravel())
    return Coverage.of(limits, float((weights * recalls).sum()))


def cover_pooled(clips: np.ndarray, recalls: np.ndarray, repetitions: int, rng: np.random.Generator) -> list[Coverage]:
    """Coverage of UAR and of WAR over all clips of folds whose models differ; arguments as of `cover_uar`."""
    right = rng.binomial(clips, recalls, (repetitions, *clips.shape)).sum(axis=1)  # (repetitions, classes)
    of_class, truth = clips.sum(axis=0), (clips * recalls).sum(axis=0)  # each (classes,)
    uar = mean_limits(right, of_class, uar_weights(of_class[None])[0])
    war = exact_limits(right.sum(axis=1), np.array(clips.sum()))
    return [Coverage.of(uar, float((truth / of_class).mean())), Coverage.of(war, float(truth.sum() / clips.sum()))]


def cover_difference(
    clips: np.ndarray, only_a: np.ndarray, only_b: np.ndarray, repetitions: int, rng: np.random.Generator
) -> list[Coverage]:
    """
    Coverage of the differences of UAR and of WAR of two models on the same clips.

    Args:
        clips: numbers of clips, shape (classes,).
        only_a, only_b: chances that only this model has a clip right, shape (classes,).
        repetitions: number of test sets that are drawn.
        rng: draws them.
    """
    of_a = rng.binomial(clips, only_a, (repetitions, len(clips)))
    of_b = rng.binomial(clips - of_a, only_b / (1 - only_a))
    weights = np.full(len(clips), 1 / len(clips))
    uar = difference_limits(of_a, of_b, clips, weights)
    all_a, all_b = (each.sum(axis=1, keepdims=True) for each in (of_a, of_b))
    war = difference_limits(all_a, all_b, clips.sum(keepdims=True), np.ones(1))
    truth = only_b - only_a
    return [Coverage.of(uar, float(truth.mean())), Coverage.of(war, float((clips * truth).sum() / clips.sum()))]


@dataclass(frozen=True)
class Table:
    """A table of coverages: its title, what its rows are, the names of its columns, and rows of a name and cells."""

    title: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Coverage]]]

    def __str__(self) -> str:
        cells = [[name, *map(str, coverages)] for name, coverages in self.rows]
        return f"{self.title}\n\n{markdown_table([self.corner, *self.columns], cells)}"

    @property
    def lowest(self) -> float:
        """The lowest coverage, 0 to 1."""
        return min(coverage.share for _, coverages in self.rows for coverage in coverages)


def measure_coverage(
    repetitions: int = NUM_REPETITIONS, seed: int = 0, clips_per_class: Sequence[int] = CLIPS_PER_CLASS
) -> list[Table]:
    """
    All tables.

    Args:
        repetitions: number of test sets that are drawn for each cell.
        seed: seed of the test sets.
        clips_per_class: the numbers of clips a class for which the coverage is measured.
    """
    rng = np.random.default_rng(seed)
    return list(_tables(repetitions, clips_per_class, rng))


def _tables(repetitions: int, sizes: Sequence[int], rng: np.random.Generator) -> Iterator[Table]:
    recall_names = [f"recall {recall:g}" for recall in RECALLS]

    def equal_rows(num_folds: int) -> list[tuple[str, list[Coverage]]]:
        shape = num_folds, NUM_CLASSES
        return [
            (
                str(size),
                [cover_uar(np.full(shape, size), np.full(shape, recall), repetitions, rng) for recall in RECALLS],
            )
            for size in sizes
        ]

    title = f"UAR of {NUM_CLASSES} classes of equal recall"
    yield Table(f"{title}:", "clips a class", recall_names, equal_rows(1))
    yield Table(f"{title}, mean of {NUM_FOLDS} folds:", "clips a class and fold", recall_names, equal_rows(NUM_FOLDS))
    yield Table(
        f"UAR, six classes of {max(sizes)} clips and a small one of low recall:",
        "small class",
        [f"others {recall:g}" for recall in RECALLS],
        [
            (
                f"{size} clips, recall {low:g}",
                [
                    cover_uar(
                        np.array([[*[max(sizes)] * (NUM_CLASSES - 1), size]]),
                        np.array([[*[recall] * (NUM_CLASSES - 1), low]]),
                        repetitions,
                        rng,
                    )
                    for recall in RECALLS
                ],
            )
            for size in sizes
            if size <= 29
            for low in LOW_RECALLS
        ],
    )
    yield _pooled_table(repetitions, sizes, rng)
    yield _difference_table(repetitions, sizes, rng)


def _pooled_table(repetitions: int, sizes: Sequence[int], rng: np.random.Generator) -> Table:
    rows = []
    for name, clips in [
        *((f"{size} clips a class and fold", [size] * NUM_CLASSES) for size in sizes),
        ("classes of DFEW", list(DFEW_FOLD)),
    ]:
        shape = NUM_FOLDS, NUM_CLASSES
        cells = []
        for recall in (0.8, 0.95, 0.99):
            # Models of the folds differ by a tenth of what is left to 100 % either way; the rarest class is at half.
            recalls = 1 - (1 - recall) * np.linspace(0.9, 1.1, NUM_FOLDS)[:, None] * np.ones(shape)
            recalls[:, -2] /= 2
            cells += cover_pooled(np.tile(clips, (NUM_FOLDS, 1)), recalls, repetitions, rng)
        rows.append((name, cells))
    columns = [f"{score}, recall {recall:g}" for recall in (0.8, 0.95, 0.99) for score in ("UAR", "WAR")]
    return Table(
        f"All clips of {NUM_FOLDS} folds pooled, one class at half the recall of the others:", "", columns, rows
    )


def _difference_table(repetitions: int, sizes: Sequence[int], rng: np.random.Generator) -> Table:
    rows = []
    for only_a, only_b in DISCORDANT:
        a, b = np.full(NUM_CLASSES, only_a), np.full(NUM_CLASSES, only_b)
        cells = []
        for size in sizes:
            cells += [min(cover_difference(np.full(NUM_CLASSES, size), a, b, repetitions, rng), key=_share)]
        for small in SMALL_DISCORDANT:
            a[-1], b[-1] = small
            clips = np.array([*[max(sizes)] * (NUM_CLASSES - 1), min(sizes)])
            cells += [min(cover_difference(clips, a, b, repetitions, rng), key=_share)]
        rows.append((f"{100 * only_a:g} and {100 * only_b:g} %", cells))
    small_names = [f"one class of {min(sizes)}: {100 * a:g} and {100 * b:g} %" for a, b in SMALL_DISCORDANT]
    return Table(
        "Differences of UAR and WAR of two models on the same clips, the lower coverage of the two:",
        "only A, only B right",
        [*(f"{size} a class" for size in sizes), *small_names],
        rows,
    )


def _share(coverage: Coverage) -> float:
    return coverage.share


def format_tables(tables: Sequence[Table], repetitions: int, seed: int) -> str:
    """The tables as Markdown, with what they are."""
    lowest = min(table.lowest for table in tables)
    return "\n\n".join(
        [
            "How often the 95 % intervals cover the truth, in percent; in brackets their mean width in points. Each "
            f"cell from {repetitions:,} test sets drawn with known recalls (seed {seed}). The lowest is "
            f"{100 * lowest:.1f} %.",
            *map(str, tables),
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Prints the tables, and writes them into a page where it is named."""
    parser = argparse.ArgumentParser(
        prog="python -m logoformer_hf.benchmarks.coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repetitions", type=int, default=NUM_REPETITIONS, help="test sets for each cell")
    parser.add_argument("--seed", type=int, default=0, help="seed of the test sets")
    parser.add_argument("--page", help="page whose section between the marks `coverage` is replaced")
    args = parser.parse_args(arguments)
    if args.repetitions < 1:
        parser.error(f"--repetitions is {args.repetitions}; it must be at least 1.")
    text = format_tables(measure_coverage(args.repetitions, args.seed), args.repetitions, args.seed)
    print(text)
    if args.page:
        write_section(args.page, "coverage", text)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"coverage: {error}")
