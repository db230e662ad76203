"""The command `logoformer`: what is done with data sets, runs and models besides training."""

import argparse
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from transformers import HfArgumentParser

from .evaluation.compare import compare, format_comparison, plot_comparison
from .hub.prepare import PrepareArguments, prepare_source
from .data.sources.arguments import SourceArguments
from .training.evaluate import EvaluationArguments, evaluate_model
from .hub.push import push_folder
from .hub.push_data import is_prepared, push_shards
from .evaluation.predictions import load_runs
from .evaluation.projection import ProjectionError
from .evaluation.report import write_report
from .evaluation.report_text import format_summary


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. What is wrong with its input is said without a traceback, with exit status 2."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    try:
        args.run(args)
    except (ValueError, OSError, RuntimeError) as error:
        parser.exit(2, f"logoformer {args.command}: {error}\n")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="logoformer",
        description="Prepares data sets, evaluates and compares models, publishes them. Training is a script of its "
        "own: accelerate launch train_hf.py --help.",
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=HfArgumentParser, title="commands"
    )

    def add(name: str, run, *argument_groups: type) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=run.__doc__, description=run.__doc__, dataclass_types=list(argument_groups)
        )
        command.set_defaults(run=run)
        return command

    add("prepare", run_prepare, PrepareArguments, SourceArguments)
    add("evaluate", run_evaluate, EvaluationArguments, SourceArguments)

    command = add("report", run_report)
    command.add_argument("output_dir", type=Path, help="Folder of a run or of several, as train_hf.py wrote it.")
    command.add_argument("--beside", type=Path, help="Another such folder to compare with.")

    command = add("compare", run_compare)
    command.add_argument("a", type=Path, help="Output folder of a run or of several.")
    command.add_argument("b", type=Path, help="Another one.")
    command.add_argument("--common", action="store_true", help="Compare on the clips that both tested.")
    command.add_argument("--picture", type=Path, help="File for a picture of both models' embeddings.")

    command = add("push", run_push)
    command.add_argument("output_dir", type=Path, help="Folder of a run, or of prepared shards.")
    command.add_argument("--repo", required=True, help="Repository on the Hub, owner/name.")
    command.add_argument("--private", action="store_true", help="Visible to its owner only.")
    command.add_argument("--space", action="store_true", help="Publish a demo of the model too.")
    command.add_argument("--dry_run", "--dry-run", action="store_true", help="Only show files and sizes.")
    return parser


def arguments_of(group: type, args: Namespace):
    """The part of the arguments that a dataclass declares."""
    return group(**{field.name: getattr(args, field.name) for field in fields(group)})


def run_prepare(args: Namespace) -> None:
    """Write a data set as Parquet shards with small embedded frames, to train from and to carry around."""
    if args.dataset == "dfew" and args.fold is None and args.list_file is None:
        args.fold = "1"  # any fold has all clips
    prepare_source(arguments_of(PrepareArguments, args), arguments_of(SourceArguments, args))


def run_evaluate(args: Namespace) -> None:
    """Test a trained model on a data set, which may be another one than it was trained on."""
    report, run = evaluate_model(arguments_of(EvaluationArguments, args), arguments_of(SourceArguments, args))
    print(f"\n{format_summary(report, run)}\n\nreport, predictions and pictures: {Path(args.output_dir).resolve()}")


def run_report(args: Namespace) -> None:
    """Write report.md, report.json and pictures anew from the predictions of a run or of several."""
    runs = load_runs(args.output_dir)
    report = write_report(args.output_dir, runs, load_runs(args.beside) if args.beside else ())
    print(f"{format_summary(report, runs[0].run)}\n\nreport: {(args.output_dir / 'report.md').resolve()}")


def run_compare(args: Namespace) -> None:
    """Compare two models on the same clips, by McNemar's test and paired intervals."""
    comparison = compare(args.a, args.b, args.common)
    print(format_comparison(comparison))
    if args.picture:
        try:
            plot_comparison(comparison, args.picture)
        except ProjectionError as error:
            print(f"no picture: {error}")


def run_push(args: Namespace) -> None:
    """Publish a trained model with its card and code, or prepared shards, in one commit."""
    if is_prepared(args.output_dir):
        if args.space:
            raise ValueError("`--space` is the demo of a model, and this folder holds a data set: leave it out.")
        push_shards(args.output_dir, args.repo, private=args.private, dry_run=args.dry_run)
    else:
        push_folder(args.output_dir, args.repo, private=args.private, space=args.space, dry_run=args.dry_run)
