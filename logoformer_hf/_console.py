"""What programs print."""

import sys

INTERRUPTED = 130  # exit status, as a shell says it of a program that Ctrl-C ended


def print_any_name() -> None:
    """
    Lets `print` write what the terminal's encoding lacks as escapes, as Python does for error messages. A file name
    may have any character, and must not end a program that prints it.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a test or a notebook has put an object of its own
            stream.reconfigure(errors="backslashreplace")
