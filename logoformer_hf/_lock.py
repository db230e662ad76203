"""A file by which one program at a time holds something."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP)  # of some network file systems


@contextmanager
def lock_held(file: Path) -> Iterator[Exception | None]:
    """
    Holds the lock of a file. The system releases it when the process ends, however it ends, so that none is left over
    after a kill; processes that were forked from this one do not hold it.

    Args:
        file: path of the file, which is created, also its folder.

    Yields:
        None, or the error of a file system that has no locks, where nothing is held.

    Raises:
        filelock.Timeout: another program holds the lock.
        OSError: the file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file, blocking=False)
    missing: Exception | None = None
    try:
        lock.acquire()
    except NotImplementedError as error:  # filelock's error where the system has no such call
        missing = error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        missing = error
    try:
        yield missing
    finally:
        lock.release()
