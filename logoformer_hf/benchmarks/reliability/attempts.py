"""Attempts inside this process: code that reads data must return or raise an error that names the file, in time."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from .cases import CRASH, HANG, LOSS, RIGHT, TOLD, Tally

TOLD_ERRORS = (ValueError, OSError)  # the programs print these in a sentence
_MAX_MESSAGE = 4000
Result = TypeVar("Result")


class OutOfTime(BaseException):
    """The time of an attempt is over; no handler of errors may stop it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises `OutOfTime` inside the block after so many seconds. In the main thread alone."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    usual = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)


def attempt(
    tally: Tally,
    note: str,
    read: Callable[[], Result],
    is_right: Callable[[Result], bool],
    names: Sequence[object],
    seconds: float = 30,
) -> None:
    """
    Reads something and counts how that ended.

    Args:
        tally: what it is counted in.
        note: what was read, by which it can be repeated.
        read: reads it.
        is_right: whether the result is what an undisturbed reading gives.
        names: an error must name one of these: the file at fault, or its folder.
        seconds: time that it is given.
    """
    try:
        with time_limit(seconds):
            result = read()
    except OutOfTime:
        tally.add(HANG, f"{note}: not ended after {seconds:g} s")
    except TOLD_ERRORS as error:
        message = str(error)
        is_told = any(str(name) in message for name in names) and len(message) < _MAX_MESSAGE
        tally.add(TOLD if is_told else CRASH, f"{note}: {type(error).__name__}: {message[:200]!r}")
    except Exception as error:  # whatever a reader lets through is counted, that is the purpose
        tally.add(CRASH, f"{note}: {type(error).__name__}: {str(error)[:200]!r}")
    else:
        tally.add(RIGHT if is_right(result) else LOSS, f"{note}: it was read as something else")
