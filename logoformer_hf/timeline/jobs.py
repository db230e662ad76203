"""Many videos: in this process one after the other, or in several processes that take them in turn."""

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._files import write_text
from .._text import shown_name
from .outputs import Job
from .predict import Report, predict_video
from .progress import Progress, Throttle
from .recognition import Recognition
from .recognizer import ExpressionRecognizer
from .records import is_finished
from .summary_text import format_timeline
from .video_lock import InUseError, video_lock
from .workers import run_tasks

_REPORT_EVERY_SEC = 0.2  # how often a process says how far it is


@dataclass(frozen=True)
class Outcome:
    """
    How the work on a video ended.

    Attributes:
        text: what is printed about it.
        problem: why it failed; None if it did not.
    """

    text: str
    problem: str | None = None


def run_jobs(
    jobs: Sequence[Job],
    recognition: Recognition,
    recognizer: ExpressionRecognizer | None,
    num_processes: int,
    progress: Progress,
) -> dict[str, str]:
    """
    Reads all videos and writes their outputs. What fails does not stop the others.

    Args:
        jobs: the videos, in this order.
        recognition: how they are read.
        recognizer: reads the videos in this process; None for several processes, which load their own.
        num_processes: how many processes, without a recogniser.
        progress: where it is shown how far the work is, and what came out.

    Returns:
        The reason for each video that failed, by its name.
    """
    problems: dict[str, str] = {}
    outcomes = (
        _run_in_processes(jobs, recognition, num_processes, progress)
        if recognizer is None
        else ((job, perform_job(job, recognizer, recognition, progress.report(job.video.name))) for job in jobs)
    )
    for job, outcome in outcomes:
        progress.done(job.video.name, job.video.duration_sec)
        if outcome.problem is not None:
            problems[job.video.name] = outcome.problem
        progress.print(outcome.text, is_error=outcome.problem is not None)
    return problems


def perform_job(job: Job, recognizer: ExpressionRecognizer, recognition: Recognition, report: Report) -> Outcome:
    """Reads one video. Any error is an outcome."""
    if job.problem is not None:
        return failed(job, job.problem)
    try:
        with video_lock(job.base):
            if is_finished(job, recognition.settings, overwrite=True):  # since this call looked for it
                return Outcome(f"{shown_name(job.video.name, None)}: finished by another program meanwhile.")
            timeline = predict_video(recognizer, job, recognition.settings, report)
    except InUseError as error:  # the report beside the outputs is that of the other program
        problem = f"{shown_name(job.video.name, None)}: {error}"
        return Outcome(problem, problem)
    except (ValueError, OSError) as error:
        return failed(job, " ".join(str(error).split()))
    except Exception as error:  # also of a library, for a file that nobody thought of
        return failed(job, f"{type(error).__name__}: {' '.join(str(error).split())}", traceback.format_exc())
    return Outcome(format_timeline(timeline, job.video.name, with_segments=not job.files))


def failed(job: Job, problem: str, details: str = "") -> Outcome:
    """The outcome of a video that failed; the reason is written beside its outputs."""
    problem = shown_name(problem, None)
    if job.problem_file is not None:
        try:
            write_text(job.problem_file, f"{problem}\n{details.encode('utf-8', 'backslashreplace').decode()}")
        except OSError as error:
            problem = f"{problem} (and {job.problem_file} cannot be written: {error})"
    name = shown_name(job.video.name, None)
    return Outcome(problem if problem.startswith(name) else f"{name}: {problem}", problem)


def _run_in_processes(
    jobs: Sequence[Job], recognition: Recognition, num_processes: int, progress: Progress
) -> Iterator[tuple[Job, Outcome]]:
    num_processes = min(num_processes, len(jobs))
    for message in run_tasks(start_worker, (recognition, num_processes), jobs, num_processes):
        job: Job = message.task
        if message.kind == "progress":
            progress.report(job.video.name)(*message.value)
        elif message.kind == "done":
            yield job, message.value
        else:
            yield job, failed(job, message.value)


def start_worker(number: int, setup: tuple[Recognition, int]) -> Callable[[Job, Callable[[Any], None]], Outcome]:
    """Loads the recogniser in a process, which gets its share of the processor's cores, and one of the GPUs."""
    import cv2
    import torch

    recognition, num_processes = setup
    num_threads = max(1, available_cores() // num_processes)
    torch.set_num_threads(num_threads)
    cv2.setNumThreads(num_threads)
    device = f"cuda:{number % torch.cuda.device_count()}" if torch.cuda.is_available() else None
    recognizer = recognition.load(device)

    def perform(job: Job, send: Callable[[Any], None]) -> Outcome:
        throttle = Throttle(_REPORT_EVERY_SEC)

        def report(time_sec: float, is_earlier: bool, of: str = "") -> None:
            if is_earlier or throttle.is_due():
                send((time_sec, is_earlier, of))

        return perform_job(job, recognizer, recognition, report)

    return perform


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
