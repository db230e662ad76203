"""Reads footage and follows its faces in a thread beside recognition."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..faces.footage import Footage, FootageInfo
from .pairs import SeenPair
from .session import Session
from .session_state import session_state
from .window import Window

# Pairs that may wait for recognition; of a camera fewer, so that the camera waits and its old pictures are lost.
MAX_WAITING, MAX_WAITING_LIVE = 64, 4
STATE_EVERY_SEC = 60.0

OnState = Callable[[dict[str, Any]], None]
Progress = Callable[[float, float | None], None]


@dataclass
class _Step:
    """What the thread hands over: pairs up to a time, and the state of the reader after them where it is due."""

    pairs: list[SeenPair]
    time_sec: float
    state: dict[str, Any] | None = None
    is_last: bool = False


class Reading:
    """
    The reading of one piece of footage from start to end: an iterator over the windows.

    Args:
        footage: open; is closed at the end, after an error, and when the iteration is given up.
        session: a new one, or one with a loaded state: frames up to its last one are passed over.
        on_state: gets the state of the session every `state_every_sec` seconds of footage, when all windows that are
            not in the state any more were taken.
        state_every_sec: seconds of footage.
        progress: gets the seconds of footage that are done, and how many there are, None where that is not known.
    """

    def __init__(
        self,
        footage: Footage,
        session: Session,
        on_state: OnState | None = None,
        state_every_sec: float = STATE_EVERY_SEC,
        progress: Progress | None = None,
    ):
        self.footage, self.session = footage, session
        self._progress = progress
        self._on_state, self._state_every_sec = on_state, state_every_sec
        most = MAX_WAITING_LIVE if footage.info.is_live else MAX_WAITING
        self._steps: queue.Queue[_Step | BaseException] = queue.Queue(most)
        self._stop = threading.Event()

    def __iter__(self) -> Iterator[Window]:
        thread = threading.Thread(target=self._run, name="footage", daemon=True)
        thread.start()
        try:
            yield from self._windows()
        finally:
            self._stop.set()
            thread.join()
            self.footage.close()

    def _windows(self) -> Iterator[Window]:
        while True:
            step = self._steps.get()
            if isinstance(step, BaseException):
                raise step
            yield from self.session.finish(step.pairs) if step.is_last else self.session.take(step.pairs)
            if self._progress is not None:
                self._progress(step.time_sec, self.footage.info.duration_sec)
            if step.state is not None and self._on_state is not None:
                info = self.footage.info
                size = {"size_px": [info.width_px, info.height_px]}
                self._on_state(session_state(self.session, step.state) | size)
            if step.is_last:
                return

    def _run(self) -> None:
        """Runs in the thread."""
        try:
            for step in self._read():
                self._put(step)
                if self._stop.is_set():
                    return
        except BaseException as error:  # raised again where the windows are taken
            self._put(error)

    def _read(self) -> Iterator[_Step]:
        reader = self.session.reader
        skip_until_sec = reader.last_sec if reader.num_frames else None
        state_sec = skip_until_sec
        for frame in self.footage:
            if self._stop.is_set():
                return
            if skip_until_sec is not None and frame.time_sec <= skip_until_sec:
                continue
            pairs = reader.push(frame)
            state_sec = frame.time_sec if state_sec is None else state_sec
            is_due = self._on_state is not None and frame.time_sec - state_sec >= self._state_every_sec
            if is_due:
                state_sec = frame.time_sec
            if pairs or is_due:
                yield _Step(pairs, frame.time_sec, reader.state_dict() if is_due else None)
        yield _Step(reader.finish(), reader.last_sec, is_last=True)

    def _put(self, step: "_Step | BaseException") -> None:
        """Waits for a place in the queue, as long as somebody takes the windows."""
        while not self._stop.is_set():
            try:
                return self._steps.put(step, timeout=0.1)
            except queue.Full:
                continue


def check_same_footage(info: FootageInfo, state: Mapping[str, Any]) -> None:
    """Raises a `ValueError` for a state of a video of another size."""
    now, before = [info.width_px, info.height_px], list(state.get("size_px", ()))
    if before != now:
        raise ValueError(
            f"{info.name}: the saved state is of a video of {'x'.join(map(str, before))} pixels; this one has "
            f"{'x'.join(map(str, now))}."
        )
