"""Holes in footage: times for which there is no frame, because a camera paused or a file lacks a part."""

from statistics import median_low
from typing import Any

# Where frames or detections are rare (time lapse, slide shows), limits of time are at least so many times the usual
# time between two of them, and never more than a few seconds: somebody in every picture is followed down to one
# picture in `MAX_STRETCHED_SEC`, with a missed detection down to one in half of it, and no longer gap is bridged.
PERIODS_UNSEEN = 2.5
MAX_STRETCHED_SEC = 5.0
NUM_PERIODS = 5  # the usual time is the median of the last ones

# A frame that is shown for longer is before a hole, unless frames are rare anyway: see `HoleFinder`.
MIN_HOLE_SEC = 1.0


class HoleFinder:
    """
    Takes the times of frames one after the other and says which of them come after a hole.

    A hole is longer than `MIN_HOLE_SEC` and than `PERIODS_UNSEEN` times the usual time between frames (the median of
    the last ones), and everything longer than `MAX_STRETCHED_SEC` is one. So footage with a frame every five seconds
    has no hole. As long as only one frame is known, its usual time is not, and the last limit holds alone.
    """

    def __init__(self) -> None:
        self._last_sec: float | None = None
        self._periods_sec: list[float] = []

    def push(self, time_sec: float) -> bool:
        """Whether there is a hole between the frame before and this one."""
        before_sec, self._last_sec = self._last_sec, time_sec
        if before_sec is None:
            return False
        period_sec = time_sec - before_sec
        limit_sec = MAX_STRETCHED_SEC
        if self._periods_sec:
            limit_sec = max(MIN_HOLE_SEC, min(PERIODS_UNSEEN * median_low(self._periods_sec), MAX_STRETCHED_SEC))
        self._periods_sec = [*self._periods_sec, period_sec][-NUM_PERIODS:]
        return period_sec > limit_sec + 1e-6

    def state_dict(self) -> dict[str, Any]:
        """What the next answers depend on, as plain numbers."""
        return {"last_sec": self._last_sec, "periods_sec": list(self._periods_sec)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self._last_sec, self._periods_sec = state["last_sec"], list(state["periods_sec"])
