"""Reads footage in one thread, finds faces in a second and follows them in a third, beside recognition."""

import math
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ..faces.footage import Footage, FootageFrame, FootageInfo
from .ahead import ahead
from .pairs import SeenPair
from .session import Session
from .session_state import session_state
from .window import Window

# Pairs that may wait for recognition; of a camera fewer, so that the camera waits and its old pictures are lost.
MAX_WAITING, MAX_WAITING_LIVE = 64, 4
# Frames that may wait for detection, and after it; of large ones fewer.
MAX_DECODED, MAX_SEARCHED, MAX_FRAMES_MB = 32, 16, 32
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
        self._stop = threading.Event()

    def __iter__(self) -> Iterator[Window]:
        max_waiting = MAX_WAITING_LIVE if self.footage.info.is_live else MAX_WAITING
        with closing(ahead(self._read(), max_waiting, self._stop, "faces")) as steps:
            for step in steps:
                yield from self._windows(step)

    def _windows(self, step: _Step) -> Iterator[Window]:
        yield from self.session.finish(step.pairs) if step.is_last else self.session.take(step.pairs)
        if self._progress is not None:
            self._progress(step.time_sec, self.footage.info.duration_sec)
        if step.state is not None and self._on_state is not None:
            info = self.footage.info
            size = {"size_px": [info.width_px, info.height_px]}
            self._on_state(session_state(self.session, step.state) | size)

    def _frames(self) -> Generator[FootageFrame, None, None]:
        """
        The frames that the session has not seen. A camera is not read ahead, its frames would be old by then.
        """
        reader = self.session.reader
        seen_sec = reader.last_sec if reader.num_frames else -math.inf
        # One of those that are passed over comes when the reading is given up, so that this shows.
        frames = (frame for frame in self.footage if frame.time_sec > seen_sec or self._stop.is_set())
        if self.footage.info.is_live:
            return frames
        decoded = self._ahead(frames, MAX_DECODED, "footage")
        if reader.follower.detector is None:
            return decoded
        return self._ahead(self._searched(decoded), MAX_SEARCHED, "detection")

    def _ahead(
        self, frames: Generator[FootageFrame, None, None], most: int, name: str
    ) -> Generator[FootageFrame, None, None]:
        """The frames from a thread of their own, of which so many may wait; of large ones fewer."""
        info = self.footage.info
        most = min(most, max(2, MAX_FRAMES_MB * 10**6 // (3 * info.width_px * info.height_px)))
        return ahead(frames, most, threading.Event(), name)

    def _searched(self, decoded: Generator[FootageFrame, None, None]) -> Generator[FootageFrame, None, None]:
        with closing(decoded):
            yield from self.session.reader.search_ahead(decoded)

    def _read(self) -> Generator[_Step, None, None]:
        """Runs in a thread, which closes the footage when no other one reads it any more."""
        with closing(self.footage), closing(self._frames()) as frames:
            yield from self._steps(frames)

    def _steps(self, frames: Iterator[FootageFrame]) -> Iterator[_Step]:
        reader = self.session.reader
        state_sec = reader.last_sec if reader.num_frames else None
        for frame in frames:
            if self._stop.is_set():
                return
            pairs = reader.push(frame)
            state_sec = frame.time_sec if state_sec is None else state_sec
            is_due = self._on_state is not None and frame.time_sec - state_sec >= self._state_every_sec
            if is_due:
                state_sec = frame.time_sec
            if pairs or is_due:
                yield _Step(pairs, frame.time_sec, reader.state_dict() if is_due else None)
        yield _Step(reader.finish(), reader.last_sec, is_last=True)


def check_same_footage(info: FootageInfo, state: Mapping[str, Any]) -> None:
    """Raises a `ValueError` for a state of a video of another size."""
    now, before = [info.width_px, info.height_px], list(state.get("size_px", ()))
    if before != now:
        raise ValueError(
            f"{info.name}: the saved state is of a video of {'x'.join(map(str, before))} pixels; this one has "
            f"{'x'.join(map(str, now))}."
        )
