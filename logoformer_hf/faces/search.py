"""In which frames faces are searched, and the search before the follower asks for it, in a thread of its own."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .frames import FootageFrame

if TYPE_CHECKING:
    from .follow import FaceFollower

# Frames with detection are at most this far apart, whatever `detect_every` says.
MAX_DETECTION_PERIOD_SEC = 0.15


def is_search_due(
    time_sec: float, period_sec: float, searched_sec: float | None, num_since: int, detect_every: int
) -> bool:
    """Whether faces are searched in a frame, by the time since the frame before and since the last search."""
    if searched_sec is None or num_since >= detect_every:
        return True
    return time_sec + period_sec - searched_sec > MAX_DETECTION_PERIOD_SEC


def search_ahead(frames: Iterable[FootageFrame], follower: "FaceFollower") -> Iterator[FootageFrame]:
    """
    The frames; those that a follower will search have their faces already.

    Which ones it will search is told here by their times, and in which picture by where it searches now. It may do
    otherwise, e.g. before a cut: then it searches itself, and what was found here is not used. So the results do not
    depend on this.

    Args:
        frames: those that the follower will take next.
        follower: with a detector, which is called from the thread that takes the frames here, too.
    """
    assert follower.detector is not None
    before_sec, searched_sec, num_since = follower.last_search
    for frame in frames:
        num_since += 1
        period_sec = 0.0 if before_sec is None else frame.time_sec - before_sec
        before_sec = frame.time_sec
        if is_search_due(frame.time_sec, period_sec, searched_sec, num_since, follower.detect_every):
            frame.faces(follower.detector, follower.search_side_px)
            searched_sec, num_since = frame.time_sec, 0
        yield frame
