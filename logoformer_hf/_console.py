"""What programs print, and how they end."""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED = 130  # exit status, as a shell says it of a program that Ctrl-C ended


def print_any_name() -> None:
    """
    Lets `print` write what the terminal's encoding lacks as escapes, as Python does for error messages. A file name
    may have any character, and must not end a program that prints it.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a test or a notebook has put an object of its own
            stream.reconfigure(errors="backslashreplace")


def run_program(
    run: Callable[[], None], name: str, told: tuple[type[Exception], ...], after_interrupt: str = ""
) -> None:
    """
    Calls `run`. An error of the user's is printed to stderr in a sentence, with exit status 2; after Ctrl-C it is said
    that the program was interrupted, with `INTERRUPTED`.

    Args:
        run: what the program does.
        name: printed before an error.
        told: kinds of errors that are the user's; others are raised.
        after_interrupt: how the user can go on, the rest of a sentence.
    """
    print_any_name()
    try:
        run()
        leave_group()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            ignore_ctrl_c()
        raise
    except KeyboardInterrupt:
        _end_interrupted(after_interrupt)
    except Exception as error:
        if was_interrupted(error):
            _end_interrupted(after_interrupt)
        if not isinstance(error, told):
            raise
        print(f"{name}{error}", file=sys.stderr)
        sys.exit(2)


def leave_group() -> None:
    """
    Ends a process of a launch whose work is done; other processes are left alone. What is registered for the end of
    Python is done, but the interpreter is not torn down: a thread of the group may still hold a tensor, and aborts the
    process when it needs the lock of an interpreter that is gone. Destroying the group does not stop its threads where
    a model of several processes keeps it.
    """
    distributed = sys.modules.get("torch.distributed")  # a program without torch has no group
    if distributed is None or not (distributed.is_available() and distributed.is_initialized()):
        return
    distributed.destroy_process_group()
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does first
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def was_interrupted(error: BaseException | None) -> bool:
    """
    Whether an error came up while Ctrl-C was ending the program: its signal reaches the other processes of the
    program, too, whose end is an error of its own.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, KeyboardInterrupt):
            return True
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            waiting += [one.__cause__, one.__context__]
    return False


def end_workers() -> None:
    """
    Ends the daemonic processes that this one has started. At its end Python sends them SIGTERM and waits for them, and
    after an error in a training, whose workers are still there, it would wait for ever.
    """
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler would make an error of it
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()


def ignore_ctrl_c() -> None:
    """From now on Ctrl-C does nothing: the program is ending, and a second one would print a traceback meanwhile."""
    if threading.current_thread() is threading.main_thread():  # no other one may
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_interrupted(after_interrupt: str) -> NoReturn:
    ignore_ctrl_c()
    end_workers()  # which may be in the middle of a long video
    print(f"Interrupted{'; ' if after_interrupt else ''}{after_interrupt}.", file=sys.stderr)
    sys.exit(INTERRUPTED)
