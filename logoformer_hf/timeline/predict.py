"""One video: read, from where an earlier call stopped, and its outputs written."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

from ..faces.footage import Footage, FootageFrame
from ..image_reading_logoformer import VideoReadError
from .inputs import Input
from .outputs import Job
from .reading import STATE_EVERY_SEC, Reading
from .recognizer import MAX_DELAY_LIVE_SEC, ExpressionRecognizer
from .records import identify, is_same, write_record
from .saved_state import load_state, save_state, state_file
from .timeline import Timeline
from .writers import write_timeline


class Report(Protocol):
    """Is told how far a video is."""

    def __call__(self, time_sec: float, is_earlier: bool, of: str = "") -> None:
        """
        Args:
            time_sec: seconds of the video that are done.
            is_earlier: whether they were done by an earlier call.
            of: what is made of the video that is read already, "picture" or "overlay"; empty for the reading itself.
        """


def predict_video(
    recognizer: ExpressionRecognizer,
    job: Job,
    settings: Mapping[str, Any],
    report: Report,
    state_every_sec: float = STATE_EVERY_SEC,
) -> Timeline:
    """
    Reads a video and writes its outputs. Work that an earlier call began goes on where it stopped.

    Args:
        recognizer: reads the video.
        job: the video and its outputs.
        settings: what decides the result, as JSON values.
        report: is told how far the reading is.
        state_every_sec: seconds of the video after which the state is saved, if there are outputs.

    Raises:
        VideoReadError: the video cannot be read.
        ValueError: no overlay can be made of it.
        OSError: an output cannot be written.
    """
    source = identify(job.video)
    if job.overlay is not None:
        check_overlay_size(job.video)
    if job.base is not None:
        write_record(job, settings, source, is_finished=False)
    if job.video.is_camera:
        timeline = read_camera(recognizer, job, report)
    else:
        header = {"of_settings": dict(settings), "of_source": source}
        timeline = read_file(recognizer, job, header, report, state_every_sec)
    for path in job.files.values():
        write_timeline(timeline, path)
    write_pictures(timeline, job, report)
    if job.base is not None:
        write_record(job, settings, source, is_finished=True)
        state_file(job.base).unlink(missing_ok=True)
    if job.problem_file is not None:
        job.problem_file.unlink(missing_ok=True)
    return timeline


def check_overlay_size(video: Input) -> None:
    """Raises a `ValueError` before a video is read whose pictures are of a size that an overlay cannot have."""
    from .overlay import enlargement

    if not (video.is_camera or video.is_address):
        with Footage(video.source) as footage:
            enlargement(footage.info.width_px, footage.info.height_px)


def write_pictures(timeline: Timeline, job: Job, report: Report) -> None:
    """Writes picture and overlay, where they are wanted; both read the video again."""
    if job.plot is not None:
        from .plot import plot_timeline
        from .thumbnails import Thumbnails

        thumbnails = None
        if not job.video.is_camera:
            thumbnails = Thumbnails.from_footage(
                job.video.source, timeline, lambda done_sec, total_sec: report(done_sec, False, "picture")
            )
        plot_timeline(timeline, job.plot, thumbnails)
    if job.overlay is not None:
        from .overlay import write_overlay

        lost = write_overlay(
            job.video.source, timeline, job.overlay, lambda done_sec, total_sec: report(done_sec, False, "overlay")
        )
        timeline.notes += [note for note in lost if note not in timeline.notes]


def read_file(
    recognizer: ExpressionRecognizer, job: Job, header: Mapping[str, Any], report: Report, state_every_sec: float
) -> Timeline:
    """
    The timeline of a video that is not a camera; saves the state of the reading on the way, with `header`, which says
    of what it is. Where the state cannot be saved, the reading goes on, and a note says so.
    """
    source = job.video.source
    unsaved: list[str] = []

    def save(state: dict[str, Any]) -> None:
        assert job.base is not None
        try:
            save_state(state_file(job.base), {**header, "reading": state})
        except OSError as error:
            unsaved[:] = [f"The state of the reading could not be saved on the way: {error}"]

    def read(state: Mapping[str, Any] | None) -> Timeline:
        return recognizer.read(
            source,
            lambda done_sec, total_sec: report(done_sec, False),
            resume=state,
            on_state=None if job.base is None else save,
            state_every_sec=state_every_sec,
        )

    timeline = read_on(read, None if job.base is None else load_state(state_file(job.base)), header, report)
    timeline.notes += unsaved
    return timeline


def read_on(
    read: Callable[[Mapping[str, Any] | None], Timeline],
    saved: Mapping[str, Any] | None,
    header: Mapping[str, Any],
    report: Report,
) -> Timeline:
    """The timeline by `read`, from a saved state where there is one with the same header."""
    if saved is None:
        return read(None)
    try:
        check_header(saved, header)
        state = saved["reading"]
        report(float(state["reader"]["last_sec"]), True)
        return read(state)
    except VideoReadError:
        raise
    except (ValueError, KeyError, TypeError) as error:  # no state of this reading
        timeline = read(None)
        timeline.notes.append(f"Saved work was not used, and the video was read from its start: {error}")
        return timeline


def check_header(saved: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    """Raises a `ValueError` for a saved state of another video or of other settings."""
    if not is_same(header["of_source"], saved["of_source"]):
        raise ValueError(f"it is of another video, {saved['of_source']['path']}.")
    if saved["of_settings"] != header["of_settings"]:
        raise ValueError("it was done with other settings.")


def read_camera(recognizer: ExpressionRecognizer, job: Job, report: Report) -> Timeline:
    """The timeline of what a camera shows until it gives no more, or Ctrl-C; a second Ctrl-C stops the program."""
    footage = EndingFootage(job.video.source)
    with footage, ended_by_ctrl_c(footage):
        session = recognizer.open(max_delay_sec=MAX_DELAY_LIVE_SEC, keep_boxes=True)
        windows = list(Reading(footage, session, progress=lambda done_sec, total_sec: report(done_sec, False)))
        return recognizer.timeline(footage.info, session, windows, footage.notes)


class EndingFootage(Footage):
    """Footage that ends when it is told to."""

    is_ended = False

    def __iter__(self) -> Iterator[FootageFrame]:
        for frame in super().__iter__():
            if self.is_ended:
                return
            yield frame


@contextmanager
def ended_by_ctrl_c(footage: EndingFootage) -> Iterator[None]:
    """Lets the first Ctrl-C end the footage."""
    before = signal.getsignal(signal.SIGINT)

    def end(number: int, frame: FrameType | None) -> None:
        footage.is_ended = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
