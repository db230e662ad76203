"""Pairs of frames with the faces in them: the part of a session that works on footage and not on the model."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import torch

from ..faces.follow import FaceFollower, TrackedFrame, crop_of
from ..faces.frame_state import frame_from, frame_state
from ..faces.frames import FootageFrame
from ..faces.quality import MIN_QUALITY
from ..faces.search import search_ahead
from .grid import Pair, PairGrid


@dataclass(eq=False)
class FaceView:
    """
    The face of one track in one frame.

    Attributes:
        frame: index of the frame.
        time_sec: time of the frame.
        box: x, y, width and height in pixels.
        quality: 0 to 1.
        crop: `(side, side, 3)` uint8 RGB, None for a face that is not usable, or when it is not needed any more.
        tokens: result of `FrameModel.encode`, None before.
    """

    frame: int
    time_sec: float
    box: tuple[float, float, float, float]
    quality: float
    crop: np.ndarray | None = None
    tokens: torch.Tensor | None = None

    @property
    def is_usable(self) -> bool:
        """Whether windows get this face."""
        return self.crop is not None or self.tokens is not None


@dataclass(eq=False)
class SeenFrame:
    """
    A wanted frame: its index and time, the faces by their tracks, and the tracks that ended before or at it.
    """

    index: int
    time_sec: float
    faces: dict[int, FaceView]
    ended: tuple[int, ...]


@dataclass(eq=False)
class SeenPair:
    """A pair of the grid with its frames, which may be the same; `is_last` as in `Pair`, also before a cut."""

    number: int
    first: SeenFrame
    second: SeenFrame
    is_last: bool = False


class PairReader:
    """
    Takes the frames of footage one after the other and gives pairs with the crops of all faces, in order.

    A frame is wanted if it is shown at a grid time or follows one that is, which shows when the next frame comes: one
    frame waits here, and a few in the follower.

    Args:
        follower: finds and follows faces.
        grid: the time grid.
        side_px: side of the crops in pixels.

    Attributes:
        num_frames: how many were pushed.
        first_sec, last_sec: time of the first and of the last one.
        last_seen: the last frame with its faces, also where no pair has it; None before `finish`.
    """

    def __init__(self, follower: FaceFollower, grid: PairGrid, side_px: int):
        self.follower, self.grid, self.side_px = follower, grid, side_px
        self._waiting: FootageFrame | None = None
        self._follows_wanted = False  # whether the waiting frame is the second of a pair
        self._pairs: deque[Pair] = deque()  # their frames have not all come back from the follower
        self._seen: dict[int, SeenFrame] = {}  # frames that these pairs have
        self.last_seen: SeenFrame | None = None
        self.num_frames = 0
        self.first_sec = self.last_sec = 0.0

    @property
    def frame_sec(self) -> float:
        """Mean time from frame to frame, 0 for a single one."""
        return (self.last_sec - self.first_sec) / (self.num_frames - 1) if self.num_frames > 1 else 0.0

    def check_time(self, time_sec: float) -> None:
        """Raises a `ValueError` for a time that is not later than that of the last frame."""
        if not math.isfinite(time_sec):
            raise ValueError(f"a frame has the time {time_sec}; it must be a number of seconds.")
        if self.num_frames and time_sec <= self.last_sec:
            raise ValueError(
                f"a frame at {time_sec:.3f} s was pushed after one at {self.last_sec:.3f} s; frames must be pushed in "
                "the order of their times. It was left out, and later frames are accepted."
            )

    def push(self, frame: FootageFrame) -> list[SeenPair]:
        """
        Takes a frame; returns the pairs that are complete by now.

        Raises:
            ValueError: the frame is not later than the one before.
        """
        self.check_time(frame.time_sec)
        self.first_sec = self.first_sec if self.num_frames else frame.time_sec
        self.last_sec = frame.time_sec
        self.num_frames += 1
        pairs = self.grid.push(frame.index, frame.time_sec)
        seen = self._follow(pairs)
        self._waiting, self._follows_wanted = frame, bool(pairs) and pairs[-1].second == frame.index
        return seen

    def search_ahead(self, frames: Iterable[FootageFrame]) -> Iterator[FootageFrame]:
        """The frames that will be pushed next, with faces as by `faces.search.search_ahead`."""
        waiting = [] if self._waiting is None else [self._waiting]  # comes before them to the follower
        return islice(search_ahead(chain(waiting, frames), self.follower), len(waiting), None)

    def finish(self) -> list[SeenPair]:
        """The pairs that are left, when no more frames come."""
        last = self._waiting
        self._follows_wanted = True  # the last frame is looked at in any case
        seen = self._follow(self.grid.finish())
        self._waiting = None
        seen += self._take(self.follower.finish())
        self.last_seen = None if last is None else self._seen.get(last.index)
        return seen

    def _follow(self, pairs: list[Pair]) -> list[SeenPair]:
        """Gives the waiting frame to the follower; `pairs` are those that begin with it."""
        if self._waiting is None:
            return []
        self._pairs += pairs
        return self._take(self.follower.push(self._waiting, is_wanted=bool(pairs) or self._follows_wanted))

    def _take(self, tracked: list[TrackedFrame]) -> list[SeenPair]:
        complete: list[SeenPair] = []
        for each in tracked:
            seen = self._seen[each.frame.index] = self._crop(each)
            while self._pairs and self._pairs[0].second in self._seen:
                pair = self._pairs.popleft()
                complete.append(SeenPair(pair.number, self._seen[pair.first], self._seen[pair.second], pair.is_last))
            if each.is_last:
                complete.append(SeenPair(self.grid.number_at(seen.time_sec), seen, seen, is_last=True))
        oldest = self._pairs[0].first if self._pairs else max(self._seen, default=0)
        self._seen = {index: frame for index, frame in self._seen.items() if index >= oldest}
        return complete

    def _crop(self, tracked: TrackedFrame) -> SeenFrame:
        frame = tracked.frame
        faces = {}
        for each in tracked.faces:
            x, y, width, height = (float(value) for value in each.face.box)
            view = FaceView(frame.index, frame.time_sec, (x, y, width, height), float(each.quality))
            if each.quality >= MIN_QUALITY:
                view.crop = crop_of(each, frame, self.side_px)
            faces[each.track_id] = view
        return SeenFrame(frame.index, frame.time_sec, faces, tracked.ended)

    def state_dict(self) -> dict[str, Any]:
        """What the next pairs depend on, as plain data; frames that wait are kept with their pixels."""
        waiting = self._waiting
        return {
            "grid": self.grid.state_dict(),
            "follower": self.follower.state_dict(),
            "waiting": waiting and frame_state(waiting, is_needed=True),
            "follows_wanted": self._follows_wanted,
            "pairs": [[pair.number, pair.first, pair.second, pair.is_last] for pair in self._pairs],
            "seen": [
                {
                    "index": frame.index,
                    "time_sec": frame.time_sec,
                    "faces": [view_state(track_id, view) for track_id, view in frame.faces.items()],
                    "ended": list(frame.ended),
                }
                for frame in self._seen.values()
            ],
            "num_frames": self.num_frames,
            "first_sec": self.first_sec,
            "last_sec": self.last_sec,
        }

    def load_state_dict(
        self, state: Mapping[str, Any], views: Mapping[tuple[int, int], FaceView], device: torch.device | str
    ) -> None:
        """
        Goes on from a `state_dict`.

        Args:
            state: of a reader with the same settings.
            views: faces that the session has already, by track and index of the frame.
            device: where tokens are kept.
        """
        self.grid.load_state_dict(state["grid"])
        self.follower.load_state_dict(state["follower"])
        waiting = state["waiting"]
        self._waiting = waiting and frame_from(waiting)
        self._follows_wanted = state["follows_wanted"]
        self._pairs = deque(Pair(*values) for values in state["pairs"])
        self._seen = {}
        for frame in state["seen"]:
            faces = {
                each["track_id"]: views.get((each["track_id"], each["frame"])) or view_from(each, device)
                for each in frame["faces"]
            }
            self._seen[frame["index"]] = SeenFrame(frame["index"], frame["time_sec"], faces, tuple(frame["ended"]))
        self.num_frames = state["num_frames"]
        self.first_sec, self.last_sec = state["first_sec"], state["last_sec"]


def view_state(track_id: int, view: FaceView) -> dict[str, Any]:
    """A face as plain data."""
    # The crop first: a session in another thread sets the tokens before it drops the crop.
    crop, tokens = view.crop, view.tokens
    return {
        "track_id": track_id,
        "frame": view.frame,
        "time_sec": view.time_sec,
        "box": list(view.box),
        "quality": view.quality,
        "crop": crop,
        "tokens": None if tokens is None else tokens.cpu().numpy(),
    }


def view_from(state: Mapping[str, Any], device: torch.device | str) -> FaceView:
    """The inverse of `view_state`."""
    x, y, width, height = state["box"]
    tokens = None if state["tokens"] is None else torch.from_numpy(np.array(state["tokens"])).to(device)
    return FaceView(state["frame"], state["time_sec"], (x, y, width, height), state["quality"], state["crop"], tokens)
