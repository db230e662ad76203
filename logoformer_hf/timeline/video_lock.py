"""One program at a time makes the outputs of a video."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import Timeout

from .._lock import lock_held


class InUseError(OSError):
    """Another program makes the same outputs."""


def lock_file(base: Path) -> Path:
    """The hidden file by which a program holds the outputs that are called by `base`."""
    return base.with_name(f".{base.name}.lock")


@contextmanager
def video_lock(base: Path | None) -> Iterator[None]:
    """
    Holds the outputs of a video, see `lock_held`. On file systems that have no locks, nothing is held.

    Args:
        base: what the outputs are called by; None for none.

    Raises:
        InUseError: another program holds them.
        OSError: the folder cannot be written to.
    """
    if base is None:
        yield
        return
    with ExitStack() as afterwards, ExitStack() as stack:
        try:
            stack.enter_context(lock_held(lock_file(base)))
        except Timeout:
            raise InUseError("another program is reading this video for the same outputs.") from None
        afterwards.callback(lock_file(base).unlink, missing_ok=True)  # when the lock is released
        yield
