"""One program at a time in the folder of a run, an evaluation or prepared shards."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import Timeout

from .._files import write_json
from .._lock import lock_held

logger = logging.getLogger(__name__)

LOCK_FILE = ".lock"
HOLDER_FILE = ".lock-holder.json"


class FolderInUseError(OSError):
    """Another program works in a folder."""


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """
    Holds the lock of a folder, see `lock_held`. Where the file system has none, a warning says so.

    Args:
        folder: folder that a program writes to, which is created. With several processes the main process alone holds
            its lock.

    Raises:
        FolderInUseError: another program holds the lock; the message names its process and machine.
        OSError: the lock file cannot be written.
    """
    with ExitStack() as stack:
        try:
            missing = stack.enter_context(lock_held(folder / LOCK_FILE))
        except Timeout:
            raise FolderInUseError(
                f"{folder} is in use: {describe_holder(folder)} Wait until it ends, or end it, and give the same "
                "command again; or choose another `output_dir`."
            ) from None
        if missing is not None:
            logger.warning(
                "The file system of %s has no locks (%s): make sure that one program alone works there.",
                folder,
                missing,
            )
        holder = folder / HOLDER_FILE
        stack.callback(holder.unlink, missing_ok=True)
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        write_json(holder, {"process": os.getpid(), "machine": socket.gethostname(), "since": since})
        yield


def describe_holder(folder: Path) -> str:
    """A sentence on the process that holds the lock of a folder."""
    try:
        holder = json.loads((folder / HOLDER_FILE).read_text(encoding="utf-8"))
        here = "this machine" if holder["machine"] == socket.gethostname() else "another machine"
        return (
            f"process {holder['process']} on machine {holder['machine']} ({here}) has worked there since "
            f"{holder['since']}."
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process works there."
