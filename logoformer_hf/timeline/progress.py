"""How far the work is: seconds of video, speed, time left. On a terminal as a bar, otherwise not at all."""

import os
import sys
import time
from typing import Any

from datasets.utils import tqdm

from .._text import shown_name
from .predict import Report

# Of a terminal that does not say its size, as those of some containers and job systems; tqdm would show nothing there.
_FALLBACK_COLUMNS, _FALLBACK_ROWS = 80, 24
_SHOW_EVERY_SEC = 0.2


class _SecondsBar(tqdm):
    """A bar whose speed is a multiple of the speed at which the video plays."""

    earlier_sec = 0.0  # read by an earlier call of the command

    def __init__(self, **arguments: Any):
        columns, rows = terminal_size(sys.stderr)
        super().__init__(file=sys.stderr, ncols=columns, nrows=rows, **arguments)
        self.dynamic_ncols = terminal_size  # asked again for every picture of the bar

    @property
    def format_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = super().format_dict
        elapsed_sec = values["elapsed"]
        values["speed"] = f"{(values['n'] - self.earlier_sec) / elapsed_sec:.1f}" if elapsed_sec > 0 else "?"
        return values


def terminal_size(stream: Any) -> tuple[int, int]:
    """How many columns and rows a bar may use on a stream: one less than there are, since cursors stand after text."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError, AttributeError):  # no terminal, or no file
        columns, rows = 0, 0
    return (columns if columns > 1 else _FALLBACK_COLUMNS) - 1, (rows if rows > 1 else _FALLBACK_ROWS) - 1


class Progress:
    """
    Progress over one video or several.

    Args:
        num_videos: how many are read; with more than one their count is shown.
        total_sec: length of all of them together, None where it is not known.
        is_shown: whether there is a bar; by default where stderr is a terminal.
    """

    def __init__(self, num_videos: int, total_sec: float | None, is_shown: bool | None = None):
        self._num_videos, self._num_done = num_videos, 0
        self._read_sec: dict[str, float] = {}
        self._throttle = Throttle(_SHOW_EVERY_SEC)
        left = "{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s, {speed} times real time, {remaining} left"
        self._bar = _SecondsBar(
            total=total_sec,
            bar_format="{desc}" + (left if total_sec else "{n:.0f} s, {speed} times real time, {elapsed}"),
            disable=not (sys.stderr.isatty() if is_shown is None else is_shown),
        )
        self._describe("")

    def report(self, name: str) -> Report:
        """
        Function that is told how far a video is. Seconds that an earlier call of the command read do not count for the
        speed; pictures and overlays are made of a video that is read already, and only the text beside the bar says
        how far they are.
        """

        def read(time_sec: float, is_earlier: bool, of: str = "") -> None:
            if of:
                if self._throttle.is_due():
                    self._describe(f"{name}: {of} at {time_sec:.0f} s")
                    self._bar.refresh()
                return
            new_sec = time_sec - self._read_sec.get(name, 0.0)
            if new_sec <= 0:
                return
            self._read_sec[name] = time_sec
            if is_earlier:
                self._bar.earlier_sec += new_sec
                self.print(f"{shown_name(name, None)}: goes on at {time_sec:.0f} s", is_error=True)
            if self._bar.total and self._bar.n + new_sec > self._bar.total:
                self._bar.total = self._bar.n + new_sec  # a file that is longer than it says
            self._describe(name)
            self._bar.update(new_sec)

        return read

    def done(self, name: str, expected_sec: float | None) -> None:
        """A video is finished, or cannot be read; what its header promised and it lacked is not waited for."""
        self._num_done += 1
        missing_sec = (expected_sec or 0.0) - self._read_sec.get(name, 0.0)
        if self._bar.total and missing_sec > 0:
            self._bar.total = max(self._bar.total - missing_sec, self._bar.n)
        self._describe("")
        self._bar.refresh()

    def print(self, text: str, is_error: bool = False) -> None:
        """Prints lines above the bar, at once."""
        stream = sys.stderr if is_error else sys.stdout
        with tqdm.external_write_mode(file=stream):
            print(text, file=stream, flush=True)

    def close(self) -> None:
        """Removes nothing: the bar stays where it ended."""
        self._bar.close()

    def _describe(self, name: str) -> None:
        count = f"{self._num_done}/{self._num_videos} " if self._num_videos > 1 else ""
        self._bar.set_description_str(f"{count}{name} ".lstrip(), refresh=False)


class Throttle:
    """Lets a call through at most every `interval_sec` seconds of the clock."""

    def __init__(self, interval_sec: float):
        self._interval_sec, self._next_sec = interval_sec, 0.0

    def is_due(self) -> bool:
        """Whether a call may go through now."""
        now_sec = time.monotonic()
        if now_sec < self._next_sec:
            return False
        self._next_sec = now_sec + self._interval_sec
        return True
