"""Reads expressions in footage: files, folders of frames, addresses, cameras, or frames pushed one by one."""

import copy
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers.video_processing_utils import BaseVideoProcessor

from .._text import shown_names
from ..export.runtimes import TORCH, ExportedModel, load_with_runtime
from ..faces.detector import Face, FaceDetector, load_detector
from ..faces.follow import DETECT_EVERY, FaceFollower
from ..faces.footage import Footage, FootageInfo
from ..hub.training_data import trained_on_drawn_faces
from ..models.finite import check_finite_weights
from ..models.heads import class_names
from ..models.loading import check_has_classifier
from .grid import PAIR_SEC, PairGrid
from .pairs import PairReader
from .reading import STATE_EVERY_SEC, OnState, Progress, Reading, check_same_footage
from .segments import segments_of
from .session import Session, SessionSettings
from .timeline import Timeline
from .tokens import FrameModel
from .window import MIN_SCORE, UNSURE, Window
from .windows_state import windows_from_state, windows_state

DRAWN_FACES_NOTE = "This model was trained on drawn faces; it does not read people."
UNKNOWN_DATA_NOTE = "Nothing says what this model was trained on."
# Crops in a batch and seconds that they wait for it at most, by the kind of device. On a CPU, larger batches than this
# are not faster; a GPU needs many crops to be busy.
BATCH_SIZES = {"cpu": 16, "other": 256}
MAX_DELAYS_SEC = {"cpu": 2.0, "other": 20.0}
MAX_DELAY_LIVE_SEC = 0.25


class ExpressionRecognizer:
    """
    Finds and follows the faces in footage and reads the expression of each, four times a second.

        recognizer = ExpressionRecognizer("owner/name")
        for window in recognizer.stream("interview.mp4"):
            print(window.track_id, window.start_sec, window.label)

    Args:
        model: folder, name on the Hub, or a video classifier. A model that is given is copied, not changed.
        processor: the model's own processor; needed with a model that is given, and only then.
        detector: "default" (YuNet from the Hub), the path of an ONNX file, an object with `detect`, or "none" (or
            None) for footage whose every frame is one face already.
        device: e.g. "cuda"; by default a GPU where there is one.
        pair_sec: seconds from pair to pair of frames. Windows have as many pairs as the model needs, eight for 16
            frames; models are trained on clips of some seconds, so the default suits them.
        batch_size: crops in a batch; by default by the device.
        compile: runs the model through `torch.compile`, which takes minutes at the start.
        detect_every: faces are detected on every k-th frame.
        min_score: a window whose best score is lower is "unsure".
        reuse_tokens: whether LOGO-Former's frame encoder runs once per face and frame instead of once per window.
        safe_decode: reads files in a child process with limits on memory and time, see `safe_reading_logoformer.py`.
        runtime: "torch", or "onnx", "openvino" or "torch-export" for a folder of `logoformer export`; these compute on
            the CPU.

    Attributes:
        label_names: the model's classes in the order of their numbers, as `shown_names` gives them: each in one line,
            without characters that cannot be shown, and different from the others.
        temperature: what logits are divided by (`score_temperature` of the model's configuration), None for a model
            without.
        notes: sentences that people must know before they read results.

    Raises:
        OSError: no model there, no processor in its folder, no file of the detector.
        ValueError: no trained video classifier, weights that are infinite or NaN, a processor or a detector that
            cannot be used, an argument out of its range.
    """

    def __init__(
        self,
        model: str | Path | PreTrainedModel,
        processor: BaseVideoProcessor | None = None,
        detector: str | Path | FaceDetector | None = "default",
        device: str | torch.device | None = None,
        pair_sec: float = PAIR_SEC,
        batch_size: int | None = None,
        compile: bool = False,
        detect_every: int = DETECT_EVERY,
        min_score: float = MIN_SCORE,
        reuse_tokens: bool = True,
        safe_decode: bool = False,
        runtime: str = TORCH,
    ):
        PairGrid(pair_sec)  # refuses what is no step
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"`batch_size` is {batch_size}; it must be at least 1.")
        if detect_every < 1:
            raise ValueError(f"`detect_every` is {detect_every}; it must be at least 1.")
        if not 0 <= min_score <= 1:
            raise ValueError(f"`min_score` is {min_score}; it must be from 0 to 1.")
        self.detector = open_detector(detector)
        loaded, processor, self.name = load(model, processor, runtime)
        check_finite_weights(loaded, self.name)
        device = device_of(loaded, device, compile)
        self.model = FrameModel(loaded.to(device).eval(), processor, reuse_tokens, compile)  # type: ignore[arg-type]
        # One of them must not look like another, or like the label of a window without one.
        self.label_names = tuple(shown_names([UNSURE, *class_names(loaded)])[1:])
        self.temperature: float | None = getattr(loaded.config, "score_temperature", None)
        self.pair_sec, self.detect_every, self.min_score = pair_sec, detect_every, min_score
        self.safe_decode = safe_decode
        kind = "cpu" if device.type == "cpu" else "other"
        self.batch_size = batch_size or BATCH_SIZES[kind]
        self.max_delay_sec = MAX_DELAYS_SEC[kind]
        self.notes = notes_on((loaded.name_or_path if isinstance(model, PreTrainedModel) else self.name) or "")

    def open(self, keep_crops: bool = False, max_delay_sec: float = 0.0, *, keep_boxes: bool = False) -> Session:
        """
        A session for frames that are pushed one at a time, e.g. of a robot's camera: `push(pixels, time_sec)` and
        `close()` return windows.

        Args:
            keep_crops: whether windows have the crops that the model saw.
            max_delay_sec: seconds of footage that windows may wait to be computed together; 0 for as soon as possible.
            keep_boxes: whether the session keeps where all faces were, for `timeline`.
        """
        settings = SessionSettings(
            self.label_names, self.temperature, self.min_score, self.batch_size, max_delay_sec, keep_crops, keep_boxes
        )
        follower = FaceFollower(self.detector, self.detect_every)
        return Session(self.model, PairReader(follower, PairGrid(self.pair_sec), self.model.side_px), settings)

    def stream(
        self,
        source: str | Path | int,
        *,
        keep_crops: bool = False,
        resume: Mapping[str, Any] | None = None,
        on_state: OnState | None = None,
        state_every_sec: float = STATE_EVERY_SEC,
    ) -> Iterator[Window]:
        """
        The windows of footage, in the order of their end, while it is read.

        Args:
            source: path of a video or of a folder of frames, address, or number of a camera.
            keep_crops: whether windows have the crops that the model saw.
            resume: a state that `on_state` got in an earlier reading of the same footage with the same settings: goes
                on with the windows after it. What was read then is decoded again, and not looked at.
            on_state: gets the state of the reading as dictionaries and lists of numbers, strings, None and numpy
                arrays, after all windows before it were taken.
            state_every_sec: seconds of footage from state to state.

        Raises:
            VideoReadError: the footage cannot be opened.
            ValueError: `resume` is a state of other footage or other settings.
        """
        yield from self._start(
            Footage(source, safe_decode=self.safe_decode), keep_crops, resume, on_state, state_every_sec
        )

    def read(
        self,
        source: str | Path | int,
        progress: Progress | None = None,
        *,
        keep_crops: bool = False,
        resume: Mapping[str, Any] | None = None,
        on_state: OnState | None = None,
        state_every_sec: float = STATE_EVERY_SEC,
    ) -> Timeline:
        """
        Reads footage to its end.

        Args:
            source: as in `stream`, and so are the arguments not listed here.
            progress: gets the seconds of footage that are done and how many there are, None where that is not known.
            on_state: as in `stream`; the state also has the windows so far, without crops.

        Raises:
            VideoReadError: the footage cannot be opened.
            ValueError: `resume` is a state of other footage or other settings.
        """
        footage = Footage(source, safe_decode=self.safe_decode)
        windows = windows_from_state(resume["windows"]) if resume is not None else []

        def with_windows(state: dict[str, Any]) -> None:
            assert on_state is not None
            on_state(state | {"windows": windows_state(windows)})

        keep = None if on_state is None else with_windows
        reading = self._start(footage, keep_crops, resume, keep, state_every_sec, progress, keep_boxes=True)
        for window in reading:
            windows.append(window)  # one by one, since states are taken in between
        return self.timeline(footage.info, reading.session, windows, footage.notes)

    def _start(
        self,
        footage: Footage,
        keep_crops: bool,
        resume: Mapping[str, Any] | None,
        on_state: OnState | None,
        state_every_sec: float,
        progress: Progress | None = None,
        keep_boxes: bool = False,
    ) -> Reading:
        try:
            delay_sec = MAX_DELAY_LIVE_SEC if footage.info.is_live else self.max_delay_sec
            session = self.open(keep_crops, delay_sec, keep_boxes=keep_boxes)
            if resume is not None:
                check_same_footage(footage.info, resume)
                session.load_state_dict(resume)
        except BaseException:
            footage.close()
            raise
        return Reading(footage, session, on_state, state_every_sec, progress)

    def timeline(
        self, info: FootageInfo, session: Session, windows: list[Window], notes: Sequence[str] = ()
    ) -> Timeline:
        """
        The timeline of what a session read until now.

        Args:
            info: of the footage.
            session: the session, with the boxes of faces where it keeps them.
            windows: all that it gave.
            notes: of the footage.
        """
        reader = session.reader
        nobody = [] if windows else [f"No face was found in {info.name}."]
        return Timeline(
            source=info.name,
            duration_sec=reader.last_sec + reader.frame_sec,
            fps=1 / reader.frame_sec if reader.frame_sec > 0 else None,
            width_px=info.width_px,
            height_px=info.height_px,
            label_names=self.label_names,
            model=self.name,
            notes=[*self.notes, *nobody, *notes],
            windows=windows,
            segments=segments_of(windows, min_score=self.min_score, ends=session.ends),
            temperature=self.temperature,
            without_face=list(session.without_face),
            boxes={} if session.boxes is None else session.boxes.arrays(),
            pair_sec=self.pair_sec,
        )


def notes_on(name: str) -> list[str]:
    """What people must know of a model by its training data; `name` is empty for a model that has none."""
    is_drawn = trained_on_drawn_faces(name) if name else None
    return [DRAWN_FACES_NOTE] if is_drawn else [UNKNOWN_DATA_NOTE] if is_drawn is None else []


def device_of(model: PreTrainedModel, device: str | torch.device | None, compile: bool) -> torch.device:
    """
    Where a model runs. Raises a `ValueError` for an exported one that is to run on a GPU or to be compiled.
    """
    if not isinstance(model, ExportedModel):
        return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device is not None and torch.device(device).type != "cpu":
        raise ValueError(f"`device` is {device}; a model exported for {model.runtime} runs on the CPU: leave it out.")
    if compile:
        raise ValueError(f"`compile` is for models of torch, and this one was exported for {model.runtime}.")
    return torch.device("cpu")


def load(
    model: str | Path | PreTrainedModel, processor: BaseVideoProcessor | None, runtime: str = TORCH
) -> tuple[PreTrainedModel, BaseVideoProcessor, str]:
    """A video classifier that may be changed, its processor, and its name."""
    if isinstance(model, PreTrainedModel):
        if processor is None:
            raise ValueError("`processor` is None; give the processor of the model with it.")
        return copy.deepcopy(model), processor, model.name_or_path or type(model).__name__
    if processor is not None:
        raise ValueError("`processor` is given, but `model` is a name; its own processor is loaded with it.")
    loaded, own, has_classifier = load_with_runtime(model, runtime)
    check_has_classifier(model, loaded, has_classifier)
    return loaded, own, str(model)


def open_detector(detector: str | Path | FaceDetector | None) -> FaceDetector | None:
    """The detector by the argument of `ExpressionRecognizer`; None for none."""
    if detector is None:
        return None
    if isinstance(detector, (str, Path)):
        found = load_detector(None if detector == "default" else detector)
        return None if found is None else LockedDetector(found)
    return LockedDetector(detector)


@dataclass
class LockedDetector:
    """A detector that several readings at the same time may use: one picture at a time."""

    detector: FaceDetector

    def __post_init__(self) -> None:
        self._lock, self._process = threading.Lock(), os.getpid()

    def detect(self, frame: np.ndarray) -> list[Face]:
        """The faces of a frame `(height, width, 3)` uint8 RGB."""
        if self._process != os.getpid():
            self.__post_init__()  # a fork copies a lock that another thread has, and not the thread
        with self._lock:
            found: Any = self.detector.detect(frame)
        if not isinstance(found, (list, tuple)) or not all(isinstance(face, Face) for face in found):
            raise TypeError(
                f"`detect` of {type(self.detector).__name__} gave {repr(found)[:200]}; it must give a list of `Face`, "
                "empty where there is none."
            )
        return list(found)
