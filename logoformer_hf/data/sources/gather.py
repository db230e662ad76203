"""Loads the clips that arguments name, and prints what was found."""

from pathlib import Path

from ..clips import keep_labels
from ..problems import ClipProblems, Problem, write_problems
from .arguments import SourceArguments
from .source import Source


def load_source(args: SourceArguments, fold: int | None = None) -> Source:
    """
    Loads the clips that `args` name; of a source with folds those of `fold`.

    Raises:
        ValueError, FileNotFoundError: an error in the folder, a list or an argument.
        ClipProblems: clips that are missing, empty or unreadable, with `on_problem` "stop".
    """
    source = args.source.load(args.options, fold, args.cache_dir)
    if args.labels is not None:
        source.rows = keep_labels(source.rows, args.labels)
    return source


def gather_clips(args: SourceArguments, fold: int | None, problems_file: Path, verbose: bool = True) -> Source:
    """
    `load_source` for a program: also prints what was found, and writes clips with problems to `problems_file`.

    Args:
        args: which clips.
        fold: number of the fold, None for a source without folds.
        problems_file: path of `problems.csv`, which is written if there are problems, also if they stop the program.
        verbose: print and write; True in the main process only.
    """
    try:
        source = load_source(args, fold)
    except ClipProblems as error:
        if verbose:
            _write_problems(error.problems, problems_file)
        raise
    if verbose:
        for note in source.notes:
            print(note)
        if source.problems:
            _write_problems(source.problems, problems_file)
    return source


def _write_problems(problems: list[Problem], file: Path) -> None:
    write_problems(problems, file)
    print(f"{len(problems):,} clips that cannot be used, each with the reason: {file}")
