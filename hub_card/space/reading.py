"""Reads a video step by step, and keeps what the page shows of it."""

import io
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from looks import Looker
from PIL import Image

from logoformer_hf import ExpressionRecognizer
from logoformer_hf._text import shown_name
from logoformer_hf._visitors import without_place
from logoformer_hf.faces.footage import Footage
from logoformer_hf.timeline import reading as package_reading
from logoformer_hf.timeline.segments import segments_of
from logoformer_hf.timeline.session import Session
from logoformer_hf.timeline.timeline import Timeline
from logoformer_hf.timeline.window import Window

SHOW_EVERY_SEC = 1.0  # at least, between two states of a reading
SHARE_OF_SHOWING = 0.1  # of the time, at most, goes into showing them: charts of a long video are large
JPEG_QUALITY = 92  # of the faces that are kept


class StoppedError(Exception):
    """Somebody stopped the reading."""


@dataclass
class Reading:
    """
    What was read of a video so far.

    Attributes:
        path: the video.
        total_sec: its duration as the file says, None where it does not.
        timeline: windows, segments and notes so far.
        faces: the best picture of each person, `(side, side, 3)` uint8 RGB, by track.
        read_sec: how much of the video is read.
        speed: seconds of video that are read in a second.
        is_stopped: set to end the reading.
        is_done: whether nothing more will come.
    """

    path: Path
    total_sec: float | None
    timeline: Timeline
    faces: dict[int, np.ndarray] = field(default_factory=dict)
    read_sec: float = 0.0
    speed: float = 0.0
    is_stopped: bool = False
    is_done: bool = False
    _windows: list[Window] = field(default_factory=list, repr=False)
    _crops: dict[tuple[int, float], bytes] = field(default_factory=dict, repr=False)
    _best: dict[int, float] = field(default_factory=dict, repr=False)

    def add(self, window: Window) -> None:
        """Takes a window, and keeps its faces compressed, each once."""
        for second, crop in zip(window.frame_times_sec, () if window.crops is None else window.crops, strict=True):
            if (window.track_id, second) not in self._crops:
                file = io.BytesIO()
                Image.fromarray(crop).save(file, format="JPEG", quality=JPEG_QUALITY)
                self._crops[window.track_id, second] = file.getvalue()
        if window.crops is not None and window.quality > self._best.get(window.track_id, -1.0):
            self._best[window.track_id] = window.quality
            self.faces[window.track_id] = window.crops[len(window.crops) // 2]
        self._windows.append(replace(window, crops=None))

    def window_at(self, track_id: int, center_sec: float) -> tuple[Window, np.ndarray | None]:
        """
        The window of a person whose middle is nearest to a time, with its faces `(frames, side, side, 3)` uint8 RGB,
        None for one that was not classified.
        """
        windows = [window for window in self.timeline.windows if window.track_id == track_id]
        window = min(windows, key=lambda window: abs(window.center_sec - center_sec))
        files = [self._crops[track_id, second] for second in window.frame_times_sec]
        return window, np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files]) if files else None


class Reader:
    """
    Reads videos with a model.

    Args:
        model_id: repository on the Hub, or a folder.
        detector: path of the face detector, "default" for the one from the Hub.
    """

    def __init__(self, model_id: str, detector: str = "default"):
        self.recognizer = ExpressionRecognizer(model_id, detector=detector)
        self.looker = Looker(model_id)

    def read(self, path: str, max_sec: float = math.inf) -> Iterator[Reading]:
        """
        The state of the reading about every second, and at its end. It is one object, which changes while others read
        it; only its `timeline` and what belongs to that is replaced here. After `max_sec` seconds it is stopped.

        Raises:
            VideoReadError: not a readable video; the message has the file and the reason.
        """
        footage = Footage(path, safe_decode=True)
        session = self.recognizer.open(keep_crops=True, max_delay_sec=self.recognizer.max_delay_sec)
        reading = Reading(Path(path), footage.info.duration_sec, self.timeline_of(footage, session, []))
        errors: list[Exception] = []
        thread = threading.Thread(target=run, args=(reading, footage, session, errors), name="reading", daemon=True)
        start, pause_sec = time.monotonic(), SHOW_EVERY_SEC
        thread.start()
        try:
            while thread.is_alive():
                thread.join(pause_sec)
                shown = time.monotonic()
                reading.is_stopped = reading.is_stopped or shown - start > max_sec
                reading.speed = reading.read_sec / (shown - start)
                reading.timeline = self.timeline_of(footage, session, list(reading._windows))
                if thread.is_alive():
                    yield reading
                    pause_sec = max(SHOW_EVERY_SEC, (time.monotonic() - shown) / SHARE_OF_SHOWING)
        finally:  # also when nobody looks any more
            reading.is_stopped = reading.is_stopped or thread.is_alive()
            thread.join()
        if errors:
            raise errors[0]
        reading.timeline = self.timeline_of(footage, session, list(reading._windows))
        reading.is_done = True
        yield reading

    def timeline_of(self, footage: Footage, session: Session, windows: list[Window]) -> Timeline:
        """What was read until now as a timeline."""
        info, reader = footage.info, session.reader
        name = shown_name(Path(info.name).name)
        notes = [without_place(note, info.name, name) for note in footage.notes]
        return Timeline(
            source=name,
            duration_sec=reader.last_sec + reader.frame_sec if reader.num_frames else 0.0,
            fps=1 / reader.frame_sec if reader.frame_sec > 0 else None,
            width_px=info.width_px,
            height_px=info.height_px,
            label_names=self.recognizer.label_names,
            model=self.recognizer.name,
            notes=[*self.recognizer.notes, *(note for note in notes if note)],
            windows=windows,
            segments=segments_of(windows, min_score=self.recognizer.min_score, ends=session.ends),
            temperature=self.recognizer.temperature,
            without_face=list(session.without_face),
        )


def run(reading: Reading, footage: Footage, session: Session, errors: list[Exception]) -> None:
    """Reads footage to its end, or until the reading is stopped: then what was read is still classified."""

    def progress(read_sec: float, total_sec: float | None) -> None:
        reading.read_sec = read_sec
        if reading.is_stopped:
            raise StoppedError

    try:
        for window in package_reading.Reading(footage, session, progress=progress):
            reading.add(window)
    except StoppedError:
        for window in session.close():
            reading.add(window)
    except Exception as error:  # raised again where the states are taken
        errors.append(error)
