"""The clips of all runs, gathered and compared before the first one trains."""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets import DatasetDict

from ..data.clips import check_rows
from ..data.identity import each_clip_once
from ..data.problems import ClipProblems
from ..data.sources.gather import gather_clips, list_problems
from ..data.sources.source import Source
from ..data.sources.table import check_has_labels
from ..data.splits import check_tested_once, keep_train_share, split_clips
from ..data.trained_on import SeenClips, TrainedOn
from .held_out import HELD_OUT_FILE, SHARE_FILE, read_names
from .processes import is_one_machine, on_main_process
from .run_folder import DATA_DIGEST, SETTINGS_FILE, is_finished, read_settings
from .runs import Run
from .seen_clips import compare_clips, history_of, part_of
from .settings import Settings

_PROBLEMS_FILE = "problems.csv"


@dataclass(frozen=True)
class RunClips:
    """
    The clips of one run.

    Attributes:
        source: the clips of its fold, with the facts about them.
        rows: "train", "validation" and "test".
        seen: which of those that are tested, or choose the epoch, its model has met before.
        trained_on: all trainings of its model, this one included.
        holds_out: whether "validation" is a part of the source's "train".
    """

    source: Source
    rows: DatasetDict
    seen: SeenClips
    trained_on: TrainedOn
    holds_out: bool


def gather_in_turn(runs: Sequence[Run], settings: Settings) -> dict[Run, RunClips]:
    """
    `gather_runs` in the main process, then in all others. A machine's main process reads the clips for their
    identifiers, once for all folds; the others of the same machine take them over.
    """
    args = settings.training
    own: list[dict[Run, RunClips]] = []

    def gather_first() -> dict[str, str | None]:
        with each_clip_once() as identifiers:
            own.append(gather_runs(runs, settings, verbose=True))
        return identifiers if is_one_machine(args) else {}

    identifiers = on_main_process(args, gather_first)
    if own:
        return own[0]
    with each_clip_once(identifiers):
        return gather_runs(runs, settings, verbose=False)


def gather_runs(runs: Sequence[Run], settings: Settings, verbose: bool) -> dict[Run, RunClips]:
    """
    Gathers the clips of all runs, and gives those of the runs that are not finished.

    Args:
        runs: one for each fold and seed.
        settings: of all runs.
        verbose: print what was found and write `problems.csv`; True in the main process only.

    Raises:
        ValueError: a clip that two folds test, clips that are not those a run was begun or finished with, or, without
            `allow_seen_clips`, clips to test on that the model is or was trained on.
        ClipProblems, OSError: clips that cannot be used.
    """
    sources: dict[int | None, Source] = {}
    for run in runs:
        if run.fold not in sources:
            sources[run.fold] = _gather_fold(run, settings, verbose)
    check_tested_once({fold: source.rows["test"] for fold, source in sources.items() if "test" in source.rows})
    for run in runs:
        check_same_clips(run, sources[run.fold])
    unfinished = [run for run in runs if not is_finished(run.folder)]  # a finished one has its problems.csv
    for run in unfinished if verbose else ():
        if sources[run.fold].problems:
            list_problems(sources[run.fold].problems, run.folder / _PROBLEMS_FILE)
    return {run: _clips_of_run(run, sources[run.fold], settings) for run in unfinished}


def _gather_fold(run: Run, settings: Settings, verbose: bool) -> Source:
    """The clips of a fold. Into a folder that holds a run nothing is written: it may be one on other clips."""
    try:
        source = gather_clips(settings.source, run.fold, None, verbose)
    except ClipProblems as error:
        if verbose and not (run.folder / SETTINGS_FILE).exists():
            list_problems(error.problems, run.folder / _PROBLEMS_FILE)
        raise
    check_has_labels(source.facts)
    return source


def check_same_clips(run: Run, source: Source) -> None:
    """Raises a ValueError where a run was begun with other clips; those of earlier versions did not store which."""
    file = run.folder / SETTINGS_FILE
    known = read_settings(file).get(DATA_DIGEST) if file.exists() else None
    if known not in (None, source.data_digest):
        raise ValueError(
            f"{run.folder} holds a run on other clips: {known} then, and {source.data_digest} now, which covers "
            "names, splits, labels and contents. Bring the clips back, choose another `output_dir`, or delete that "
            "folder to start again."
        )


def _clips_of_run(run: Run, source: Source, settings: Settings) -> RunClips:
    protocol = settings.protocol
    held_out, kept = (read_names(run.folder / name) for name in (HELD_OUT_FILE, SHARE_FILE))
    rows = split_clips(source.rows, protocol.select_on, protocol.validation_size, run.seed, held_out)
    rows = keep_train_share(rows, protocol.train_share, run.seed, kept)
    check_rows(rows)
    is_held_out = "validation" not in source.rows
    seen, trained_on = compare_clips(
        str(run),
        rows,
        history_of(settings.model, settings.training.resume_from_checkpoint, run.folder),
        part_of(source.facts, run.fold),
        is_held_out=is_held_out,
        select_on=protocol.select_on if settings.training.load_best_model_at_end else "last",
        allow=protocol.allow_seen_clips,
        of_copies=source.identifies_copies,
    )
    return RunClips(source, rows, seen, trained_on, is_held_out and protocol.select_on == "validation")
