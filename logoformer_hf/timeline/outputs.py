"""Where the outputs of each video go."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._files import check_writable
from .arguments import PredictArguments
from .inputs import OVERLAY_ENDING, Input, real_path
from .writers import FORMATS, format_of

PLOT_ENDING = ".timeline.png"
PROBLEM_ENDING = ".problem.txt"
DEFAULT_FORMAT = "parquet"
OVERLAY_SUFFIXES = (".mp4",)
# File systems take names up to this long, and hidden files beside outputs have up to this many bytes more than `base`.
MAX_NAME_BYTES = 255
PARTIAL_BYTES = len(".partial-")
HIDDEN_BYTES = len(".partial-..record.json")
PLOT_SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Job:
    """
    A video and the files that are made of it.

    Attributes:
        video: what is read.
        files: timelines to write, by format.
        overlay: video with boxes and labels to write.
        plot: picture to write.
        base: the path that records and the report of a problem are called by: in a folder by the name of the video, a
            single file by its own name; None without outputs.
        problem: why its outputs cannot be written, where that is known before work begins; it has none then.
    """

    video: Input
    files: Mapping[str, Path] = field(default_factory=dict)
    overlay: Path | None = None
    plot: Path | None = None
    base: Path | None = None
    problem: str | None = None

    @property
    def outputs(self) -> list[Path]:
        """All files that are made."""
        return [*self.files.values(), *(path for path in (self.overlay, self.plot) if path)]

    @property
    def problem_file(self) -> Path | None:
        """Where the reason stands if the video cannot be read."""
        return self.base.with_name(self.base.name + PROBLEM_ENDING) if self.base else None


def plan_jobs(inputs: Sequence[Input], arguments: PredictArguments) -> list[Job]:
    """
    The job of each video. Of several videos, those whose outputs cannot have their names get a job with a problem.

    Raises:
        ValueError: an unknown format, one file for several videos, an output that is a video to read, an overlay of a
            camera; for the only video a name that is too long or that a folder has.
        OSError: a folder that cannot be written to.
    """
    output = _Place("--output", arguments.output, tuple(f".{name}" for name in FORMATS))
    overlay = _Place("--overlay", arguments.overlay, OVERLAY_SUFFIXES)
    plot = _Place("--plot", arguments.plot, PLOT_SUFFIXES)
    formats = wanted_formats(arguments.formats, output)
    places = (output, overlay, plot)
    for place in places:
        place.check(len(inputs))
    jobs = [
        Job(
            video,
            {name: path for name in formats if (path := output.path_for(video, f".{name}"))},
            overlay.path_for(video, OVERLAY_ENDING),
            plot.path_for(video, PLOT_ENDING),
            next((path for place in places if (path := place.path_for(video, ""))), None),
        )
        for video in inputs
    ]
    if len(jobs) > 1:
        jobs = [set_aside(job) for job in jobs]
    check_jobs(jobs)
    return jobs


def wanted_formats(names: str | None, output: "_Place") -> list[str]:
    """The formats to write: those of `--formats`, or the ending of the file `--output`."""
    if output.file is not None:
        if names is not None:
            raise ValueError(f"--formats {names}: the ending of {output.file} is the format; give a folder instead.")
        return [format_of(output.file)]
    if names is None:
        return [DEFAULT_FORMAT] if output.folder else []
    if output.folder is None:
        raise ValueError(f"--formats {names}: there is no folder for the files; add --output FOLDER.")
    wanted = [name.strip().lower().removeprefix(".") for name in names.split(",")]
    if unknown := [name for name in wanted if name not in FORMATS]:
        raise ValueError(f"--formats {names}: no format is called {unknown[0]!r}; there are {', '.join(FORMATS)}.")
    return list(dict.fromkeys(wanted))


def set_aside(job: Job) -> Job:
    """The job; without outputs, and with the reason, where they cannot have their names."""
    try:
        check_names(job)
    except ValueError as error:
        return replace(job, files={}, overlay=None, plot=None, base=None, problem=str(error))
    return job


def check_jobs(jobs: Sequence[Job]) -> None:
    """What can be known of the outputs before work begins."""
    sources = {real_path(job.video.source) for job in jobs if isinstance(job.video.source, str)}
    for job in jobs:
        check_names(job)
        for path in job.outputs:
            if real_path(path) in sources:
                raise ValueError(f"{path} is a video to read: choose another name for the output.")
        if job.overlay and job.video.is_camera:
            raise ValueError(
                f"{job.video.name}: an overlay reads the video a second time, which a camera cannot give."
            )
    for folder in sorted({path.parent for job in jobs for path in job.outputs}):
        check_writable(folder)


def check_names(job: Job) -> None:
    """
    Raises a `ValueError` where a folder has the name of a file, or where its name, or that of a hidden one that is
    written on the way, is too long.
    """
    if job.base is None:
        return
    names = [(job.base, HIDDEN_BYTES), *((path, PARTIAL_BYTES) for path in job.outputs)]
    if job.problem_file is not None:
        names.append((job.problem_file, PARTIAL_BYTES))
    too_long = max(len(os.fsencode(path.name)) + more for path, more in names) - MAX_NAME_BYTES
    if too_long > 0:
        raise ValueError(
            f"{job.base}: with the endings of all files that are written the name is {too_long} bytes too long; "
            "shorten the name of the video, or without a folder of outputs that of the output."
        )
    for path in job.outputs:
        if path.is_dir():
            raise ValueError(f"{path}: a folder is in the place of this output.")


def output_places(arguments: PredictArguments) -> list[Path]:
    """Files and folders of the outputs; they, and what lies in the folders, were written by this command."""
    return [Path(text) for text in (arguments.output, arguments.overlay, arguments.plot) if text is not None]


def is_file_name(text: str, endings: Sequence[str]) -> bool:
    """
    Whether an output is a file: its name has one of these endings, and it is no folder.

    A name without an ending, one that ends in "/" and a folder that is there are folders.
    """
    return not text.endswith(("/", "\\")) and not Path(text).is_dir() and Path(text).suffix.lower() in endings


class _Place:
    """The value of `--output`, `--overlay` or `--plot`: a file, a folder or nothing."""

    def __init__(self, option: str, text: str | None, endings: tuple[str, ...]):
        self._option, self._text = option, text
        self.file: Path | None = None
        self.folder: Path | None = None
        if text is None:
            return
        if is_file_name(text, endings):
            self.file = Path(text)
        elif Path(text).suffix and not Path(text).is_dir() and not text.endswith(("/", "\\")):
            raise ValueError(
                f"{option} {text}: no format has the ending {Path(text).suffix!r}; there are {', '.join(endings)}. "
                "A folder's name ends in '/'."
            )
        else:
            self.folder = Path(text)

    def check(self, num_videos: int) -> None:
        """One file cannot take the outputs of several videos."""
        if self.file is not None and num_videos > 1:
            raise ValueError(f"{self._option} {self._text}: it is one file, for {num_videos} videos; give a folder.")

    def path_for(self, video: Input, ending: str) -> Path | None:
        """The output of a video."""
        if self.folder is not None:
            return self.folder / f"{video.name}{ending}"
        return self.file
