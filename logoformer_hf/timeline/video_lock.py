"""One program at a time makes the outputs of a video."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class InUseError(OSError):
    """Another program makes the same outputs."""


def lock_file(base: Path) -> Path:
    """The hidden file by which a program holds the outputs that are called by `base`."""
    return base.with_name(f".{base.name}.lock")


@contextmanager
def video_lock(base: Path | None) -> Iterator[None]:
    """
    Holds the outputs of a video. The system releases them when the process ends, however it ends. On file systems that
    have no locks, nothing is held.

    Args:
        base: what the outputs are called by; None for none.

    Raises:
        InUseError: another program holds them.
        OSError: the folder cannot be written to.
    """
    if base is None:
        yield
        return
    base.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file(base), blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise InUseError("another program is reading this video for the same outputs.") from None
    except NotImplementedError:  # filelock's error for such a file system
        yield
        return
    try:
        yield
    finally:
        lock.release()
        lock_file(base).unlink(missing_ok=True)
