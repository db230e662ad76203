"""
Trains every variant with every seed on the same synthetic clips and writes a page with tables and pictures.

    python -m logoformer_hf.benchmarks.ablation
    python -m logoformer_hf.benchmarks.ablation --quick
    python -m logoformer_hf.benchmarks.ablation --only without_local without_global
    python -m logoformer_hf.benchmarks.ablation --choose

Finished steps are not repeated: clips and frame tokens are stored in `--output_dir`, and every finished run is a line
of the results file, so the command can be interrupted and started again. A run of the group "parts" counts as finished
for the same frame encoder only; another machine trains another one.
"""

import argparse
import os
import sys
from pathlib import Path

import torch
import transformers

from .benchmark import prepare_benchmark, read_encoder
from .budget import BUDGETS, Budget
from .choosing import choose_defaults
from .costs import measure_costs
from .page import write_page
from .results import Results
from .training import Machine
from .variants import GROUPS, VARIANTS, find_variants
from .workers import train_all


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The arguments of the command, with paths and variants filled in. An invalid value exits with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m logoformer_hf.benchmarks.ablation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few clips and epochs, to check that the program runs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="variants or groups to train; the default is all")
    parser.add_argument("--seeds", type=int, help="number of trainings of each variant; seeds are counted from 0")
    parser.add_argument(
        "--output_dir", type=Path, help="folder for clips and predictions; by default outputs/ablation or …-quick"
    )
    parser.add_argument(
        "--results", type=Path, help="file of the records; by default docs/ablation.json, in output_dir for --quick"
    )
    parser.add_argument(
        "--page", type=Path, help="page to write; by default docs/ablation.md, in output_dir for --quick"
    )
    parser.add_argument("--page_only", action="store_true", help="only write the page again from the existing records")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="number of runs at the same time")
    parser.add_argument(
        "--choose",
        action="store_true",
        help="run the designed experiments, choose defaults by a fixed rule on validation people, and compare what "
        "was chosen with other models on people that no choice has looked at",
    )
    parser.add_argument(
        "--device",
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="cpu, or cuda, which keeps all clips in the memory of the GPU; by default cuda where there is one",
    )
    args = parser.parse_args(arguments)
    for option in ("seeds", "workers"):
        value = getattr(args, option)
        if value is not None and value < 1:
            parser.error(f"--{option} is {value}; it must be at least 1.")
    try:
        args.variants = find_variants(args.only)
    except ValueError as error:
        parser.error(str(error))
    args.machine = Machine(args.device, graphs=args.device != "cpu")
    if args.choose and args.only:
        parser.error("--choose has rows of its own: leave out --only.")
    name = "ablation-quick" if args.quick else "ablation"
    args.output_dir = args.output_dir or Path("outputs") / name
    home = args.output_dir if args.quick else Path("docs")
    args.results = args.results or home / "ablation.json"
    args.page = args.page or home / "ablation.md"
    return args


def main(arguments: list[str] | None = None) -> None:
    """Trains the missing runs, measures the costs of the models and writes the page."""
    args = parse_arguments(arguments)
    budget = BUDGETS["quick" if args.quick else "full"]
    results = Results(args.results, budget)
    if args.choose and not args.page_only:
        transformers.logging.set_verbosity_error()
        clips_dir = prepare_benchmark(budget, args.output_dir, args.workers, tokens=True, device=args.device)
        choose_defaults(budget, clips_dir, args.output_dir, args.workers, results, args.machine)
    elif not args.page_only:
        transformers.logging.set_verbosity_error()
        train_missing(args, budget, results)
        models = [variant for variant in VARIANTS if variant.group == "models"]
        if not results.costs and any(variant in args.variants for variant in models):
            print("measuring parameters, operations and speed of the models ...", flush=True)
            results.costs = measure_costs(models)
            results.save()
    write_page(args.page, results, args.output_dir)


def train_missing(args: argparse.Namespace, budget: Budget, results: Results) -> None:
    """Trains the runs that `results` does not have yet; those of "parts" on the frame encoder of this machine."""
    # Seed by seed, so that an interrupted ablation has results for every variant.
    runs = [
        (variant, seed)
        for group in GROUPS
        for seed in range(args.seeds or budget.seeds)
        for variant in args.variants
        if variant.group == group
    ]
    tokens = any(variant.reads_tokens for variant in args.variants)
    if not tokens and all(results.has(variant, seed, None) for variant, seed in runs):
        return
    clips_dir = prepare_benchmark(budget, args.output_dir, args.workers, tokens, args.device)
    encoder = read_encoder(clips_dir) if tokens else None
    if tokens and set(results.encoders()) - {encoder}:
        print(f"{args.results} has runs on other frame encoders: only runs on the same one are paired.", flush=True)
    pending = [
        (variant, seed)
        for variant, seed in runs
        if not results.has(variant, seed, encoder if variant.reads_tokens else None)
    ]
    if pending:
        train_all(pending, budget, clips_dir, args.output_dir, args.workers, results, args.machine)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"ablation: {error}")
