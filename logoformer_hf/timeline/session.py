"""A session: frames go in, with their times, and windows come out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from ..faces.frames import MemoryFrame
from .assembly import WindowAssembly, WindowPlan
from .boxes import BoxLog
from .pairs import FaceView, PairReader, SeenFrame, SeenPair
from .session_state import load_session_state, session_state
from .tokens import FrameModel
from .window import UNSURE, Window


@dataclass(frozen=True)
class SessionSettings:
    """
    What a session does besides following faces.

    Attributes:
        label_names: the model's classes in the order of their numbers.
        temperature: what logits are divided by, None for 1.
        min_score: best score below which a window is "unsure".
        batch_size: crops that go through the frame encoder together; half as many windows go through the rest.
        max_delay_sec: seconds of footage that crops and windows wait for a full batch at most.
        keep_crops: whether windows have their crops.
        keep_boxes: whether the session keeps where all faces were.
    """

    label_names: tuple[str, ...]
    temperature: float | None
    min_score: float
    batch_size: int
    max_delay_sec: float
    keep_crops: bool = False
    keep_boxes: bool = False


class Session:
    """
    Reads one video frame by frame. Made by `ExpressionRecognizer.open`.

    Windows come in the order of their end. A window comes at most as much footage after its last frame as this takes:
    one frame (which shows whether it is wanted), the follower's delay (until a face that is not seen for the moment
    is found again or given up; for a face in sight, until the next detection), and `max_delay_sec`. What a session
    keeps does not grow with the length of the video, but for the boxes, where they are wanted.

    Args:
        model: the classifier.
        reader: follows the faces.
        settings: all else.

    Attributes:
        without_face: spans (start, end) in seconds in which no face was tracked, so far; known at the grid's pairs.
        boxes: of all faces so far, in the frames of the grid's pairs, the last frame and the last before each hole or
            cut; None where they are not kept.
        ends: track and time in seconds of each face in the last frame of the video and in the last before each hole or
            cut.
    """

    def __init__(self, model: FrameModel, reader: PairReader, settings: SessionSettings):
        self.model, self.reader, self.settings = model, reader, settings
        self.assembly = WindowAssembly(-(-model.num_frames // 2))
        self.without_face: list[tuple[float, float]] = []
        self.boxes = BoxLog() if settings.keep_boxes else None
        self.ends: list[tuple[int, float]] = []
        self._empty_since_sec: float | None = None
        self._last_index = -1  # of the last frame of a pair
        self._queue: list[tuple[int, FaceView]] = []  # tracks and faces to encode
        self._ready: list[WindowPlan] = []  # windows to classify
        self._oldest: int | None = None  # number of the first pair with something in the queue
        self._num_pushed = 0
        self._pushed_size_px: tuple[int, int] | None = None
        self._is_closed = False

    def push(self, pixels: np.ndarray, time_sec: float) -> list[Window]:
        """
        Takes one frame.

        Args:
            pixels: `(height, width, 3)` uint8 RGB, upright; copied.
            time_sec: when it is shown, in seconds, later than the frame before.

        Returns:
            The windows that are complete by now.

        Raises:
            ValueError: a time that is not later, another kind of pixels, or another size than before: the frame is
                left out, and the session goes on with the next one. Or the session was closed.
        """
        if self._is_closed:
            raise ValueError("the session was closed; open a new one to push more frames.")
        try:
            time_sec = float(time_sec)
        except (TypeError, ValueError) as error:
            raise ValueError(f"a frame has the time {time_sec!r}; it must be a number of seconds.") from error
        self.reader.check_time(time_sec)
        try:
            copied = np.array(pixels)
        except ValueError as error:  # rows of different lengths
            raise ValueError(
                "the pixels of a frame are no array; they must have shape (height, width, 3) and type uint8 (RGB)."
            ) from error
        frame = MemoryFrame(self._num_pushed, time_sec, copied)
        width, height = self._pushed_size_px = self._pushed_size_px or frame.size
        if frame.size != (width, height):
            raise ValueError(
                f"a frame has {frame.size[0]}x{frame.size[1]} pixels, those before it {width}x{height}; all frames "
                "of a session must have one size. It was left out, and later frames are accepted."
            )
        self._num_pushed += 1
        return self.take(self.reader.push(frame))

    def close(self) -> list[Window]:
        """Ends the video; returns the windows that are left. A second call returns none."""
        if self._is_closed:
            return []
        return self.finish(self.reader.finish())

    def finish(self, pairs: Iterable[SeenPair]) -> list[Window]:
        """Takes the last pairs and ends the video."""
        self._is_closed = True
        windows = self.take(pairs)
        last = self.reader.last_seen
        if last is not None:
            self._take_last(last)
        self._ready += self.assembly.finish()
        if self._empty_since_sec is not None:
            end_sec = self.reader.last_sec + self.reader.frame_sec
            self.without_face.append((self._empty_since_sec, end_sec))
            self._empty_since_sec = None
        return windows + self._classify()

    def take(self, pairs: Iterable[SeenPair]) -> list[Window]:
        """Takes pairs with their faces, in order; returns the windows that are complete by now."""
        windows = []
        for pair in pairs:
            if pair.is_last:
                self._take_last(pair.second)
                continue
            for frame in (pair.first, pair.second):
                if frame.index > self._last_index:
                    self._take_frame(frame)
                    self._queue += [(track, face) for track, face in frame.faces.items() if face.crop is not None]
            self._ready += self.assembly.add(pair)
            if not self._queue and not self._ready:
                continue
            self._oldest = pair.number if self._oldest is None else self._oldest
            waited_sec = (pair.number - self._oldest) * self.reader.grid.pair_sec
            if len(self._queue) >= self.settings.batch_size or waited_sec >= self.settings.max_delay_sec:
                windows += self._classify()
        return windows

    def _take_frame(self, frame: SeenFrame) -> None:
        self._last_index = frame.index
        if self.boxes is not None:
            self.boxes.add(frame)
        if not frame.faces and self._empty_since_sec is None:
            self._empty_since_sec = frame.time_sec
        elif frame.faces and self._empty_since_sec is not None:
            self.without_face.append((self._empty_since_sec, frame.time_sec))
            self._empty_since_sec = None

    def _take_last(self, frame: SeenFrame) -> None:
        """Takes the last frame of the video or before a hole or cut, which a pair may have, too."""
        is_new = frame.index > self._last_index
        if is_new:
            self._take_frame(frame)
        for track_id, face in self.assembly.add_last(frame):
            self.ends.append((track_id, face.time_sec))
            if is_new and face.crop is not None and not self.assembly.tracks[track_id].had_window:
                self._queue.append((track_id, face))

    def _classify(self) -> list[Window]:
        """Encodes the faces of the queue and classifies the windows that are ready."""
        size = self.settings.batch_size
        for first in range(0, len(self._queue), size):
            faces = [face for _, face in self._queue[first : first + size]]
            crops = [face.crop for face in faces if face.crop is not None]
            for face, tokens in zip(faces, self.model.encode(crops, fill_up_to=size), strict=True):
                face.tokens = tokens
                face.crop = face.crop if self.settings.keep_crops else None
        chosen = {id(plan): self._positions(plan) for plan in self._ready}
        plans = [plan for plan in self._ready if chosen[id(plan)]]
        size = max(1, size // 2)
        scores: dict[int, np.ndarray] = {}
        for first in range(0, len(plans), size):
            batch = plans[first : first + size]
            frames = [[face.tokens for face in chosen[id(plan)] if face.tokens is not None] for plan in batch]
            logits = self.model.logits(frames, fill_up_to=size)
            scores |= zip(map(id, batch), softmax(logits / (self.settings.temperature or 1.0), axis=1), strict=True)
        windows = [self._window(plan, chosen[id(plan)], scores.get(id(plan))) for plan in self._ready]
        self._queue, self._ready, self._oldest = [], [], None
        return windows

    def _positions(self, plan: WindowPlan) -> list[FaceView]:
        """The face at each position of the model's input, none for a window that is not classified."""
        usable = plan.usable
        return [usable[index] for index in self.model.positions(len(usable))] if usable else []

    def _window(self, plan: WindowPlan, faces: Sequence[FaceView], scores: np.ndarray | None) -> Window:
        names = self.settings.label_names
        label = UNSURE
        if scores is not None and scores.max() >= self.settings.min_score:
            label = names[int(scores.argmax())]
        crops = [face.crop for face in faces if face.crop is not None]
        return Window(
            track_id=plan.track_id,
            start_sec=plan.start_sec,
            end_sec=plan.end_sec,
            label=label,
            scores=dict(zip(names, [math.nan] * len(names) if scores is None else scores.tolist(), strict=True)),
            box=plan.box,
            quality=plan.quality,
            is_short=plan.is_short,
            frame_times_sec=tuple(face.time_sec for face in faces),
            crops=np.stack(crops) if self.settings.keep_crops and crops else None,
        )

    def state_dict(self) -> dict[str, Any]:
        """
        Everything that the next windows depend on, to go on later or in another process: dictionaries and lists of
        numbers, strings, None and numpy arrays. Windows that were given out are not in it.
        """
        return session_state(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """
        Goes on from a `state_dict`, with the frame after the last one that was pushed.

        Raises:
            ValueError: the state is that of a session with other settings, or not that of a session.
        """
        load_session_state(self, state)
