"""
The command `logoformer`. The modules of a subcommand are imported when it is called, so that `--help` and an error in
the name of a subcommand do not wait for these imports.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ._console import run_program


@dataclass(frozen=True)
class Command:
    """
    One subcommand.

    Attributes:
        run: function of the parsed arguments; its docstring is the help text of the subcommand.
        add_arguments: adds the subcommand's arguments to its parser.
        groups: imports and returns the dataclasses that declare further arguments.
        after_interrupt: how the user can go on after Ctrl-C, the rest of a sentence.
    """

    run: Callable[[Namespace], None]
    add_arguments: Callable[[ArgumentParser], None] = lambda parser: None
    groups: Callable[[], tuple[type[Any], ...]] = tuple
    after_interrupt: str = ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one subcommand. Its errors are printed without a traceback, with exit status 2."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and (run := _WITH_PARSERS.get(arguments[0])):
        run_reporting(arguments[0], lambda: run(arguments[1:]))
        return
    name = next((argument for argument in arguments if not argument.startswith("-")), "")

    def parse_and_run() -> None:
        args = build_parser([name]).parse_args(arguments)
        args.run(args)

    run_reporting(name, parse_and_run)


def run_reporting(name: str, run: Callable[[], None]) -> None:
    """Calls `run`, and prints its error after the name of the subcommand to stderr, as `run_program` does."""
    after_interrupt = COMMANDS[name].after_interrupt if name in COMMANDS else ""
    run_program(run, f"logoformer {name}: ", (ValueError, OSError, RuntimeError), after_interrupt)


def build_parser(complete: Collection[str | None]) -> ArgumentParser:
    """
    The parser of all commands; that of `train` has no arguments here.

    Args:
        complete: names of the commands whose arguments are added. The others get no arguments, because adding them
            would import their modules.
    """
    parser = ArgumentParser(
        prog="logoformer",
        allow_abbrev=False,
        description="Trains, evaluates and compares models, reads videos with them, prepares data sets, "
        "publishes models and data.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, command in COMMANDS.items():
        text = (command.run.__doc__ or "").strip()
        if name not in complete:
            commands.add_parser(name, help=text)
            continue
        from transformers import HfArgumentParser

        from ._choices import ignore_case_of_choices

        declared: Any = command.groups()  # dataclasses, for which the library's annotation has its own type
        groups = HfArgumentParser(declared, add_help=False)
        ignore_case_of_choices(groups)
        child = commands.add_parser(
            name,
            help=text,
            description=text,
            parents=[groups],
            formatter_class=groups.formatter_class,
            allow_abbrev=False,
        )
        command.add_arguments(child)
        child.set_defaults(run=command.run)
    return parser


def arguments_of(group: type[Any], args: Namespace) -> Any:
    """An instance of the dataclass `group`, with the values of the parsed arguments for its fields."""
    return group(**{field.name: getattr(args, field.name) for field in fields(group)})


def run_train(arguments: Sequence[str]) -> None:
    """Train and test a model; `logoformer train --help` lists its settings."""
    from .training.train import main as train

    train(arguments)


def run_pretrain_frames(arguments: Sequence[str]) -> None:
    """Train the frame encoder of a LOGO-Former on stills, for `--backbone_checkpoint`."""
    from .training.pretrain_frames import main as pretrain_frames

    pretrain_frames(arguments)


def run_pretrain_clips(arguments: Sequence[str]) -> None:
    """Train the frame encoder of a LOGO-Former on clips without labels, for `--backbone_checkpoint`."""
    from .training.pretrain_clips import main as pretrain_clips

    pretrain_clips(arguments)


# Commands with parsers of their own, which also read YAML.
_WITH_PARSERS: dict[str, Callable[[Sequence[str]], None]] = {
    "train": run_train,
    "pretrain-frames": run_pretrain_frames,
    "pretrain-clips": run_pretrain_clips,
}


def prepare_groups() -> tuple[type[Any], ...]:
    """The dataclasses that declare the arguments of `prepare`."""
    from .data.sources.arguments import SourceArguments
    from .hub.prepare import PrepareArguments

    return PrepareArguments, SourceArguments


def run_prepare(args: Namespace) -> None:
    """Write a data set as Parquet shards with resized frames as embedded JPEGs, to train from."""
    from .data.sources.source import FoldOptions
    from .data.sources.table import SOURCES
    from .hub.prepare import prepare_source

    source = SOURCES[args.dataset]
    if source.is_on_disk and issubclass(source.options, FoldOptions) and args.fold is None and args.list_file is None:
        args.fold = "all"  # every fold has all clips, so the first one is prepared
    prepare_source(*(arguments_of(group, args) for group in prepare_groups()))


def evaluate_groups() -> tuple[type[Any], ...]:
    """The dataclasses that declare the arguments of `evaluate`."""
    from .data.sources.arguments import SourceArguments
    from .training.evaluation_arguments import EvaluationArguments

    return EvaluationArguments, SourceArguments


def run_evaluate(args: Namespace) -> None:
    """Test a trained model on a data set, which may differ from the one that it was trained on."""
    from .evaluation.report_text import format_summary
    from .training.evaluate import evaluate_model

    evaluation, source = (arguments_of(group, args) for group in evaluate_groups())
    report = evaluate_model(evaluation, source)
    print(f"\n{format_summary(report)}\n\nreport, predictions and pictures: {Path(args.output_dir).resolve()}")


def predict_groups() -> tuple[type[Any], ...]:
    """The dataclasses that declare the arguments of `predict`."""
    from .timeline.arguments import PredictArguments

    return (PredictArguments,)


def add_predict_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `predict` that no dataclass declares."""
    from .timeline.arguments import add_predict_arguments as add_arguments

    add_arguments(parser)


def run_predict(args: Namespace) -> None:
    """Find and follow the faces in videos, and write when each showed which expression."""
    from .timeline.command import predict

    [group] = predict_groups()
    if status := predict(args.paths, arguments_of(group, args), args.overwrite):
        sys.exit(status)


def add_report_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `report`."""
    parser.add_argument("output_dir", type=Path, help="Output folder of training, with one run or several.")
    parser.add_argument("--beside", type=Path, help="Output folder of other runs to compare with.")


def run_report(args: Namespace) -> None:
    """Write report.md, report.json and pictures again from the predictions of one run or several."""
    from .evaluation.predictions import load_runs
    from .evaluation.report_files import write_report
    from .evaluation.report_text import format_summary

    beside = load_runs(args.beside) if args.beside else ()
    report = write_report(args.output_dir, load_runs(args.output_dir), beside)
    print(f"{format_summary(report)}\n\nreport: {(args.output_dir / 'report.md').resolve()}")


def add_compare_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `compare`."""
    parser.add_argument("a", type=Path, help="Output folder of model A, with one run or several.")
    parser.add_argument("b", type=Path, help="Output folder of model B.")
    parser.add_argument("--common", action="store_true", help="Compare on the clips that both models were tested on.")
    parser.add_argument("--picture", type=Path, help="File for a picture of both models' embeddings.")


def run_compare(args: Namespace) -> None:
    """Compare two models on the same clips, by McNemar's test and paired intervals."""
    from ._text import shown_name
    from .evaluation.compare import compare, plot_comparison
    from .evaluation.compare_text import format_comparison
    from .evaluation.projection import ProjectionError

    comparison = compare(args.a, args.b, args.common)
    print(format_comparison(comparison, shown_name))
    if args.picture:
        try:
            plot_comparison(comparison, args.picture)
        except ProjectionError as error:
            print(f"no picture: {error}")


def add_push_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `push`."""
    parser.add_argument("output_dir", type=Path, help="Output folder of one run, or folder of prepared shards.")
    parser.add_argument("--repo", required=True, help="Repository on the Hub, as owner/name.")
    parser.add_argument("--private", action="store_true", help="Make the repository visible to its owner only.")
    parser.add_argument("--space", action="store_true", help="Also publish a Space with a demo of the model.")
    parser.add_argument(
        "--dry_run", "--dry-run", action="store_true", help="Only print the files and their sizes; send nothing."
    )


def run_push(args: Namespace) -> None:
    """Publish a trained model with its card and code, or prepared shards, in one commit."""
    from .hub.push import push_folder
    from .hub.push_data import is_prepared, push_shards

    if is_prepared(args.output_dir):
        if args.space:
            raise ValueError(
                f"`--space` publishes the demo of a model, but {args.output_dir} holds a data set: leave it out."
            )
        push_shards(args.output_dir, args.repo, private=args.private, dry_run=args.dry_run)
    else:
        push_folder(args.output_dir, args.repo, private=args.private, space=args.space, dry_run=args.dry_run)


def export_groups() -> tuple[type[Any], ...]:
    """The dataclasses that declare the arguments of `export`."""
    from .data.sources.arguments import SourceArguments
    from .export.arguments import ExportArguments

    return ExportArguments, SourceArguments


def add_export_arguments(parser: ArgumentParser) -> None:
    """Adds the model to the arguments of `export`."""
    parser.add_argument("model", help="Folder of a trained model, or its name on the Hub.")


def run_export(args: Namespace) -> None:
    """Write a model for another runtime, and measure how far it agrees with the model."""
    from .export.command import export_model, format_export

    export, source = (arguments_of(group, args) for group in export_groups())
    description = export_model(args.model, export, source)
    print(f"{format_export(description)}\n\nexport: {Path(args.output_dir).resolve()}")


def benchmark_groups() -> tuple[type[Any], ...]:
    """The dataclasses that declare the arguments of `benchmark`."""
    from .benchmarks.speed.arguments import BenchmarkArguments

    return (BenchmarkArguments,)


def run_benchmark(args: Namespace) -> None:
    """Measure what the models cost on this machine, beside other video classifiers."""
    from .benchmarks.speed.command import benchmark

    [group] = benchmark_groups()
    print(
        f"\n{benchmark(arguments_of(group, args))}\n\ntable, speed.json, pictures: {Path(args.output_dir).resolve()}"
    )


COMMANDS = {
    "train": Command(
        run_train,  # type: ignore[arg-type]
        after_interrupt="the same command goes on from the newest checkpoint",
    ),
    "pretrain-frames": Command(
        run_pretrain_frames,  # type: ignore[arg-type]
        after_interrupt="the same command goes on from the newest checkpoint",
    ),
    "pretrain-clips": Command(
        run_pretrain_clips,  # type: ignore[arg-type]
        after_interrupt="the same command goes on from the newest checkpoint",
    ),
    "prepare": Command(
        run_prepare, groups=prepare_groups, after_interrupt="the same command goes on, finished shards are kept"
    ),
    "evaluate": Command(
        run_evaluate, groups=evaluate_groups, after_interrupt="the same command starts the evaluation again"
    ),
    "predict": Command(run_predict, add_predict_arguments, predict_groups),
    "report": Command(run_report, add_report_arguments),
    "compare": Command(run_compare, add_compare_arguments),
    "push": Command(run_push, add_push_arguments),
    "export": Command(run_export, add_export_arguments, export_groups),
    "benchmark": Command(run_benchmark, groups=benchmark_groups),
}


if __name__ == "__main__":
    main()
