"""Runs the designed experiments, chooses by their rule, and compares what was chosen on other people."""

from collections.abc import Sequence
from pathlib import Path

from ...configuration_logoformer import EXPRESSIONS
from .benchmark import read_encoder
from .budget import Budget
from .candidates import BASES, CANDIDATES, LEFT_OUT
from .comparison import compared_with
from .decays import HIGH_DECAY, choose_decay, decay_rows
from .design import FIRST, SECOND, choose, third_design
from .factors import combine
from .results import Results
from .training import Machine
from .variant import Variant
from .workers import train_all

DECAY_SEEDS, COMPARISON_SEEDS, PIXEL_SEEDS, CANDIDATE_SEEDS = 8, 16, 4, 3
LEFT_OUT_SEEDS = len(EXPRESSIONS)  # each class once


def choose_defaults(
    budget: Budget, clips_dir: Path, output_dir: Path, num_workers: int, results: Results, machine: Machine
) -> Variant:
    """
    Runs the whole choice; what `results` has is not trained again.

    After the designs, seed by seed, so that an interrupted command leaves whole comparisons.

    Args:
        budget: budget of all runs.
        clips_dir: folder by `prepare_benchmark`, with frame tokens.
        output_dir: folder of the ablation.
        num_workers: number of runs at a time.
        results: records, which the new ones are added to.
        machine: where to train.

    Returns:
        What was chosen, the old defaults where nothing pays.
    """
    encoder = read_encoder(clips_dir)

    def train(runs: Sequence[tuple[Variant, int]]) -> None:
        missing = [
            (variant, seed)
            for variant, seed in runs
            if not results.has(variant, seed, encoder if variant.reads_tokens else None)
        ]
        if missing:
            train_all(missing, budget, clips_dir, output_dir, num_workers, results, machine)

    def train_seeds(variants: Sequence[Variant], num_seeds: int) -> None:
        train([(variant, seed) for seed in range(num_seeds) for variant in variants])

    train(FIRST.runs())
    train(SECOND.runs())
    chosen = choose(SECOND.effects(results))
    train(third_design(chosen).runs())
    if HIGH_DECAY in chosen:
        others = [each for each in chosen if each is not HIGH_DECAY]
        train_seeds(decay_rows(others), DECAY_SEEDS)
        chosen = others + choose_decay(results)
    new = combine("new_defaults", " + ".join(each.title for each in chosen) or "the old defaults", chosen)
    print(f"chosen: {new.title}; configuration {dict(new.config)}, recipe {dict(new.recipe)}", flush=True)
    rows = compared_with(new)
    train_seeds([each for each in rows if each.reads_tokens], COMPARISON_SEEDS)
    train_seeds([each for each in rows if not each.reads_tokens], PIXEL_SEEDS)
    train_seeds(LEFT_OUT, LEFT_OUT_SEEDS)
    train_seeds([*BASES, *CANDIDATES], CANDIDATE_SEEDS)
    return new
