"""Puts the pairs of each track together to windows, in the order of their end."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from .pairs import FaceView, SeenFrame, SeenPair


@dataclass(eq=False)
class TrackPair:
    """The faces of a track in a pair of frames, None in a frame without the face."""

    number: int
    start_sec: float
    end_sec: float
    first: FaceView | None
    second: FaceView | None


@dataclass(eq=False)
class WindowPlan:
    """
    A window before its frames are classified.

    Attributes:
        track_id: number of the track.
        pairs: its pairs, one after the other.
        is_short: it is the only window of its track, with fewer pairs than others.
    """

    track_id: int
    pairs: list[TrackPair]
    is_short: bool

    @property
    def number(self) -> int:
        """The grid number of the last pair."""
        return self.pairs[-1].number

    @property
    def start_sec(self) -> float:
        """Time of the first frame; of the second one where the face is not in the first."""
        first = self.pairs[0]
        return first.second.time_sec if first.first is None and first.second is not None else first.start_sec

    @property
    def end_sec(self) -> float:
        """Time of the last frame; of the last but one where the face is not in the last."""
        last = self.pairs[-1]
        return last.first.time_sec if last.second is None and last.first is not None else last.end_sec

    @property
    def faces(self) -> list[FaceView | None]:
        """The track's face in every frame of the pairs."""
        return [face for pair in self.pairs for face in (pair.first, pair.second)]

    @property
    def usable(self) -> list[FaceView]:
        """The usable faces, none where fewer than half of the frames have one."""
        faces = self.faces
        usable = [face for face in faces if face is not None and face.is_usable]
        return usable if 2 * len(usable) >= len(faces) else []

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The box in the middle one of the usable faces, or of all faces where there is none usable."""
        faces = [face for face in self.faces if face is not None]
        faces = [face for face in faces if face.is_usable] or faces
        return faces[len(faces) // 2].box

    @property
    def quality(self) -> float:
        """Mean quality of the face in all frames; 0 counts for a frame without it."""
        faces = self.faces
        return sum(face.quality for face in faces if face is not None) / len(faces)


@dataclass(eq=False)
class TrackState:
    """
    The last pairs of a track.

    Attributes:
        pairs: the last ones that have its face, at most a window, and those between them that do not.
        missing: the pairs since then, which count when the face comes back.
        had_window: whether it had a window.
    """

    pairs: deque[TrackPair] = field(default_factory=deque)
    missing: list[TrackPair] = field(default_factory=list)
    had_window: bool = False

    @property
    def last_number(self) -> int | None:
        """Grid number of the last pair, None before the first one."""
        last = self.missing or self.pairs
        return last[-1].number if last else None


class WindowAssembly:
    """
    Takes pairs in their order and gives windows in the order of their end.

    A track has a window with every pair from the one on that fills the first window. Pairs without the face count if
    it comes back. A track that ends before its first window is full gets one short window. A window waits while a
    window of another track that ends earlier may still come.

    Args:
        num_pairs: pairs of a window.
    """

    def __init__(self, num_pairs: int):
        self.num_pairs = num_pairs
        self.tracks: dict[int, TrackState] = {}
        self.waiting: list[WindowPlan] = []

    def add(self, pair: SeenPair) -> list[WindowPlan]:
        """Takes a pair; returns the windows that can be given out by now."""
        self._end(pair.first.ended)
        pair.first.ended = ()
        for track_id in sorted({*self.tracks, *pair.first.faces, *pair.second.faces}):
            self._add_to(track_id, pair)
        self._end(pair.second.ended)
        pair.second.ended = ()
        return self._give_out()

    def add_last(self, frame: SeenFrame) -> list[tuple[int, FaceView]]:
        """
        Takes the last frame of the video, or before a hole or cut, which may be in no pair. Tracks that had no window
        yet have it as the last frame of their last pair, so that the window reaches the time of the last frame.

        Returns:
            The faces of tracks that go on to this frame.
        """
        self._end(frame.ended)
        frame.ended = ()
        going_on = []
        for track_id, face in frame.faces.items():
            track = self.tracks.get(track_id)
            if track is None or track.missing:
                continue
            going_on.append((track_id, face))
            last = track.pairs[-1]
            if not track.had_window and frame.time_sec > last.end_sec:
                last.second, last.end_sec = face, frame.time_sec
        return going_on

    def finish(self) -> list[WindowPlan]:
        """Ends all tracks; returns the windows that are left."""
        self._end(list(self.tracks))
        return self._give_out()

    def _add_to(self, track_id: int, pair: SeenPair) -> None:
        track = self.tracks.get(track_id)
        if track is not None and track.last_number is not None and pair.number != track.last_number + 1:
            self._end([track_id])  # grid times were left out: the video has a hole
            track = None
        first, second = pair.first.faces.get(track_id), pair.second.faces.get(track_id)
        is_there = first is not None or second is not None
        if track is None:
            if not is_there:
                return
            track = self.tracks[track_id] = TrackState()
        new = TrackPair(pair.number, pair.first.time_sec, pair.second.time_sec, first, second)
        if not is_there:
            track.missing.append(new)
            return
        for each in (*track.missing, new):
            track.pairs.append(each)
            if len(track.pairs) > self.num_pairs:
                track.pairs.popleft()
            if len(track.pairs) == self.num_pairs:
                self.waiting.append(WindowPlan(track_id, list(track.pairs), is_short=False))
                track.had_window = True
        track.missing = []

    def _end(self, track_ids: Iterable[int]) -> None:
        for track_id in track_ids:
            track = self.tracks.pop(track_id, None)
            if track is not None and not track.had_window:
                self.waiting.append(WindowPlan(track_id, list(track.pairs), is_short=True))

    def _give_out(self) -> list[WindowPlan]:
        """The windows that end before the first pair that a track may still get back."""
        missing = [track.missing[0].number for track in self.tracks.values() if track.missing]
        until = min(missing, default=None)
        given = [plan for plan in self.waiting if until is None or plan.number < until]
        self.waiting = [plan for plan in self.waiting if until is not None and plan.number >= until]
        return sorted(given, key=lambda plan: (plan.number, plan.track_id))
