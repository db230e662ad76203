"""Trains the candidates, chooses by the rule of `choice`, and compares what was chosen on other people."""

from collections.abc import Sequence
from pathlib import Path

from .benchmark import read_encoder
from .budget import Budget
from .candidates import BASES, CANDIDATES
from .choice import best, choose, combinations, compared_with
from .results import Results
from .training import Machine
from .variant import Variant
from .workers import train_all

SCREENING_SEEDS, COMPARISON_SEEDS, PIXEL_SEEDS = 3, 16, 4


def choose_defaults(
    budget: Budget, clips_dir: Path, output_dir: Path, num_workers: int, results: Results, machine: Machine
) -> Variant:
    """
    Runs the whole choice; what `results` has is not trained again.

    Seed by seed, so that an interrupted command leaves whole comparisons. A candidate that was worse in both of its
    first seeds has no third one.

    Args:
        budget: budget of all runs.
        clips_dir: folder by `prepare_benchmark`, with frame tokens.
        output_dir: folder of the ablation.
        num_workers: number of runs at a time.
        results: records, which the new ones are added to.
        machine: where to train.

    Returns:
        What was chosen, the reference where nothing pays.
    """
    encoder = read_encoder(clips_dir)

    def train(variants: Sequence[Variant], seeds: Sequence[int]) -> None:
        runs = [
            (variant, seed)
            for seed in seeds
            for variant in variants
            if not results.has(variant.name, seed, encoder if variant.reads_tokens else None)
        ]
        if runs:
            train_all(runs, budget, clips_dir, output_dir, num_workers, results, machine)

    train([*BASES, *CANDIDATES], range(SCREENING_SEEDS - 1))
    hopeful = [each for each in CANDIDATES if (results.gains(each.name, each.against) > 0).any()]
    train([*BASES, *hopeful], [SCREENING_SEEDS - 1])
    chosen = choose(results, CANDIDATES)
    combined = combinations(results, chosen)
    train(combined, range(SCREENING_SEEDS))
    new = best(results, [*combined, *chosen.values()])
    print(f"chosen: {new.title}; configuration {dict(new.config)}, recipe {dict(new.recipe)}", flush=True)
    rows = compared_with(new)
    train([each for each in rows if each.reads_tokens], range(COMPARISON_SEEDS))
    train([each for each in rows if not each.reads_tokens], range(PIXEL_SEEDS))
    return new
