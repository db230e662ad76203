"""From arguments to clips, with what a program says about them."""

from pathlib import Path

from ..clips import keep_labels
from ..problems import ClipProblems, Problem, write_problems
from .arguments import SourceArguments
from .source import Source


def load_source(args: SourceArguments, fold: int | None = None) -> Source:
    """
    Gathers the clips that `args` name; of a source with folds those of `fold`.

    Raises:
        ValueError, FileNotFoundError: what is wrong with the folder, a list or an argument.
        ClipProblems: clips that are missing, empty or unreadable, with `on_problem` "stop".
    """
    source = args.source.load(args.options, fold, args.cache_dir)
    if args.labels is not None:
        source.rows = keep_labels(source.rows, args.labels)
    return source


def gather_clips(args: SourceArguments, fold: int | None, problems_file: Path, verbose: bool = True) -> Source:
    """
    `load_source` for a program: says what was found, and writes clips with problems to `problems_file`.

    Args:
        args: which clips.
        fold: of a source with folds.
        problems_file: `problems.csv`, written where there are any, also if they stop the program.
        verbose: say and write; of several processes one does.
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
