"""The time grid: which frames of a video form pairs."""

import math
from dataclasses import dataclass
from typing import Any

PAIR_SEC = 0.25
# Twice as many pairs as frames of the fastest usual camera, and one pair a minute: beyond, every frame would give many
# windows, or none.
PAIR_SEC_LIMITS = (1 / 120, 60.0)
# A frame is shown at a grid time that is this much before it: containers round times to milliseconds.
TOLERANCE_SEC = 0.0005
# A frame that is shown for longer (a pause of a camera, a hole in the file) is taken for shown this long only.
MAX_HOLD_SEC = 10.0


@dataclass(frozen=True)
class Pair:
    """
    Two frames.

    Attributes:
        number: of the grid time, which is `number * pair_sec`.
        first: index of the last frame that is shown at the grid time; before the first frame, of the first frame.
        second: index of the frame after it; at the end of the video, of the same frame.
    """

    number: int
    first: int
    second: int


class PairGrid:
    """
    Takes the times of frames one after the other and gives the pairs at the multiples of `pair_sec`.

    At fewer frames than two per grid step, pairs share frames or are equal. The first pair is that of the last grid
    time before the first frame, or of 0.

    Args:
        pair_sec: seconds from pair to pair.

    Raises:
        ValueError: `pair_sec` is outside `PAIR_SEC_LIMITS`.
    """

    def __init__(self, pair_sec: float = PAIR_SEC):
        least, most = PAIR_SEC_LIMITS
        if not least <= pair_sec <= most:
            raise ValueError(f"`pair_sec` is {pair_sec}; it must be from {least:.4f} to {most:.0f} seconds.")
        self.pair_sec = pair_sec
        self._next = 0  # number of the next grid time
        self._last: tuple[int, float] | None = None  # index and time of the last frame

    def push(self, index: int, time_sec: float) -> list[Pair]:
        """The pairs whose first frame is the frame before this one, and whose second frame is this one."""
        if self._last is None:
            self._next = max(0, math.floor((time_sec + TOLERANCE_SEC) / self.pair_sec))
            self._last = index, time_sec
            return []
        before, before_sec = self._last
        until_sec = min(time_sec, before_sec + MAX_HOLD_SEC)
        pairs = self._pairs_until(until_sec, before, index)
        if until_sec < time_sec:
            self._next = math.ceil((time_sec - TOLERANCE_SEC) / self.pair_sec)
        self._last = index, time_sec
        return pairs

    def finish(self) -> list[Pair]:
        """The pair of the last frame with itself, where it is shown at a grid time."""
        if self._last is None:
            return []
        index, time_sec = self._last
        return self._pairs_until(time_sec + 2 * TOLERANCE_SEC, index, index)

    def _pairs_until(self, until_sec: float, first: int, second: int) -> list[Pair]:
        pairs = []
        while self._next * self.pair_sec + TOLERANCE_SEC < until_sec:
            pairs.append(Pair(self._next, first, second))
            self._next += 1
        return pairs

    def state_dict(self) -> dict[str, Any]:
        """What the next pairs depend on, as plain numbers."""
        index, time_sec = self._last or (None, None)
        return {"next": self._next, "index": index, "time_sec": time_sec}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._next = state["next"]
        self._last = None if state["index"] is None else (state["index"], state["time_sec"])
