"""The time grid: which frames of a video form pairs."""

import math
from dataclasses import dataclass
from typing import Any

from ..faces.holes import HoleFinder

PAIR_SEC = 0.25
# Twice as many pairs as frames of the fastest usual camera, and one pair a minute: beyond, every frame would give many
# windows, or none.
PAIR_SEC_LIMITS = (1 / 120, 60.0)
# A frame is shown at a grid time that is this much before it: containers round times to milliseconds.
TOLERANCE_SEC = 0.0005


@dataclass(frozen=True)
class Pair:
    """
    Two frames.

    Attributes:
        number: of the grid time, which is `number * pair_sec`.
        first: index of the last frame that is shown at the grid time; before the first frame, of the first frame.
        second: index of the frame after it; before a hole and at the end of the video, of the same frame.
        is_last: the frame is the last one before a hole and not shown at a grid time: no window has this pair as such.
    """

    number: int
    first: int
    second: int
    is_last: bool = False


class PairGrid:
    """
    Takes the times of frames one after the other and gives the pairs at the multiples of `pair_sec`.

    At fewer frames than two per grid step, pairs share frames or are equal. The first pair is that of the last grid
    time at or before the first frame, and so after a hole (see `faces.holes`). In a hole there are no pairs.

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
        self._holes = HoleFinder()
        self._next = 0  # number of the next grid time
        self._last: tuple[int, float] | None = None  # index and time of the last frame

    def number_at(self, time_sec: float) -> int:
        """Number of the last grid time at or before a time."""
        return math.floor((time_sec + TOLERANCE_SEC) / self.pair_sec)

    def push(self, index: int, time_sec: float) -> list[Pair]:
        """
        The pairs whose first frame is the frame before this one. Their second frame is this one, or also the one
        before if there is a hole between them; then there is a pair in any case.
        """
        is_after_hole = self._holes.push(time_sec)
        before, self._last = self._last, (index, time_sec)
        number = self.number_at(time_sec)
        if before is None:
            self._next = number
            return []
        before_index, before_sec = before
        if not is_after_hole:
            return self._pairs_until(time_sec, before_index, index)
        pairs = self._pairs_until(before_sec + 2 * TOLERANCE_SEC, before_index, before_index)
        pairs = pairs or [Pair(self._next, before_index, before_index, is_last=True)]
        self._next = max(self._next, number)
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
        return {"next": self._next, "index": index, "time_sec": time_sec, "holes": self._holes.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._next = state["next"]
        self._holes.load_state_dict(state["holes"])
        self._last = None if state["index"] is None else (state["index"], state["time_sec"])
