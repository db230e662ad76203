"""The command `predict`: from its arguments to an exit status."""

import sys
from collections.abc import Sequence

from .._console import INTERRUPTED
from .._text import shown_name
from .arguments import PredictArguments
from .inputs import find_inputs, take_share
from .jobs import run_jobs
from .outputs import Job, output_places, plan_jobs
from .progress import Progress
from .recognition import prepare_recognition
from .records import is_finished
from .workers import ended_by_sigterm

FAILED = 1  # exit status where a video failed


def predict(
    paths: Sequence[str],
    arguments: PredictArguments,
    overwrite: bool = False,
    share: tuple[int, int] = (1, 1),
    device: str | None = None,
) -> int:
    """
    Reads videos and writes their timelines.

    Args:
        paths: files, folders, patterns, addresses, cameras.
        arguments: model, outputs, and how the work is done.
        overwrite: whether outputs of other settings or programs may be replaced.
        share: the part of this process, (number from 1, of how many), of the videos that `--shard` leaves.
        device: of this process, where no other one was chosen.

    Returns:
        The exit status: 0, or 1 where a video failed.

    Raises:
        ValueError, OSError: what is wrong with the arguments, before work begins.
    """
    jobs = plan_jobs(find_inputs(paths, output_places(arguments)), arguments)
    mine = take_share(jobs, [arguments.share(), share])
    check_pictures(mine)
    if not mine:
        videos = "The only video does not fall" if len(jobs) == 1 else f"None of the {len(jobs)} videos falls"
        print(f"{videos} to this part.", file=sys.stderr)
        return 0
    recognition, recognizer = prepare_recognition(arguments, device)
    for note in recognition.notes:
        print(f"note: {note}", file=sys.stderr, flush=True)
    todo = [job for job in mine if not is_finished(job, recognition.settings, overwrite)]
    if len(todo) < len(mine):
        num_done = len(mine) - len(todo)
        videos = f"{len(mine)} video{'s' if len(mine) > 1 else ''} {'is' if num_done == 1 else 'are'}"
        print(f"{num_done} of {videos} finished already.", file=sys.stderr, flush=True)
    in_processes = arguments.num_processes > 1 and len(todo) > 1
    progress = Progress(len(todo), total_duration(todo))
    try:
        with ended_by_sigterm():
            own = None if in_processes else recognizer
            problems = run_jobs(todo, recognition, own, arguments.num_processes, progress)
    except KeyboardInterrupt:
        progress.close()
        goes_on = "; the same command goes on where it stopped" if any(job.base for job in todo) else ""
        print(f"Interrupted{goes_on}.", file=sys.stderr)
        return INTERRUPTED
    progress.close()
    report_problems(problems, len(todo))
    return FAILED if problems else 0


def check_pictures(jobs: Sequence[Job]) -> None:
    """Raises a `ValueError` where an overlay or a picture could not be written."""
    for job in jobs:
        if job.overlay is not None and not job.video.is_missing:  # what is missing is reported when it is read
            from .overlay import check_overlay

            check_overlay(job.video.source, job.overlay)
        if job.plot is not None:
            from .plot import check_picture_path

            check_picture_path(job.plot)


def total_duration(jobs: Sequence[Job]) -> float | None:
    """Seconds of all videos together; None where one does not say."""
    durations = [job.video.duration_sec for job in jobs]
    return None if None in durations else sum(duration for duration in durations if duration is not None)


def report_problems(problems: dict[str, str], num_videos: int) -> None:
    """Lists the videos that failed, if there were several to read."""
    if problems and num_videos > 1:
        print(f"{len(problems)} of {num_videos} videos failed:", file=sys.stderr)
        for name in problems:
            print(f"  {shown_name(name, None)}", file=sys.stderr)
