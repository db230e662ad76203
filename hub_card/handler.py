"""Handler for Inference Endpoints: takes raw footage and returns when each person in it showed which expression."""

import base64
import logging
import math
import os
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from transformers import pipeline

IN_INPUTS = "the video in `inputs`"
PARAMETERS = ("faces", "top_k", "windows")
# The face detector: a path in this variable, or this file beside the model; otherwise it comes from the Hub.
DETECTOR_VARIABLE, DETECTOR_FILE = "LOGOFORMER_DETECTOR", "face_detection_yunet.onnx"
# What the owner of the endpoint may switch on: "1" for paths; "public" or "any" machines for addresses.
PATHS_VARIABLE, ADDRESSES_VARIABLE = "LOGOFORMER_ALLOW_PATHS", "LOGOFORMER_ALLOW_ADDRESSES"
# Seconds that a request may take, and "0" for decoding without a child process.
TIME_VARIABLE, SAFE_VARIABLE = "LOGOFORMER_REQUEST_SEC", "LOGOFORMER_SAFE_DECODE"
REQUEST_SEC = 600
# Another runtime than torch, e.g. "onnx": the model is then an export in the folder of this name beside it.
RUNTIME_VARIABLE = "LOGOFORMER_RUNTIME"
GZIP = b"\x1f\x8b"

if find_spec("logoformer_hf") is None:  # the repository carries its wheel, which requirements.txt cannot name
    [_wheel] = Path(__file__).parent.glob("logoformer_hf-*.whl")
    _folder = tempfile.TemporaryDirectory(prefix="logoformer_hf-")  # is deleted when the process ends
    with zipfile.ZipFile(_wheel) as _archive:
        _archive.extractall(_folder.name)
    sys.path.append(_folder.name)

from logoformer_hf import ExpressionRecognizer  # noqa: E402
from logoformer_hf._visitors import told_to_visitors, without_place  # noqa: E402
from logoformer_hf.downloading_logoformer import download_video, is_address  # noqa: E402
from logoformer_hf.downloading_logoformer import shortened as shortened_address  # noqa: E402
from logoformer_hf.export.runtimes import RUNTIMES, TORCH, load_with_runtime  # noqa: E402
from logoformer_hf.faces.detector import load_detector  # noqa: E402
from logoformer_hf.models.files import load_config  # noqa: E402
from logoformer_hf.models.finite import check_finite_weights  # noqa: E402
from logoformer_hf.reading_limits_logoformer import LIMITS, without_password  # noqa: E402
from logoformer_hf.safe_reading_logoformer import borrowed_child  # noqa: E402
from logoformer_hf.timeline.facts import number_or_none, segment_values, window_values  # noqa: E402
from logoformer_hf.timeline.json_file import summary_values  # noqa: E402
from logoformer_hf.timeline.timeline import Timeline  # noqa: E402

logger = logging.getLogger(__name__)


class RequestError(ValueError):
    """What is wrong with a request. The server of Inference Endpoints answers HTTP 400 with `{"error": message}`."""


class EndpointHandler:
    """
    Reads videos with the model in a folder. Files are decoded in a child process with limits on memory and time.

    Args:
        path: folder of the model, with its code.

    Attributes:
        classify: reads a clip that is cropped to one face already.
        recognizer: reads raw footage; None without a face detector, of which the log says why.

    Raises:
        ValueError: the model has weights that are infinite or NaN, or a variable has a value that it cannot have.
    """

    def __init__(self, path: str = ""):
        self.request_sec = seconds_of(os.environ.get(TIME_VARIABLE, str(REQUEST_SEC)))
        self.allows_paths = os.environ.get(PATHS_VARIABLE) == "1"
        self.allowed_addresses = os.environ.get(ADDRESSES_VARIABLE, "")
        if self.allowed_addresses not in ("", "public", "any"):
            raise ValueError(
                f"{ADDRESSES_VARIABLE} is {self.allowed_addresses!r}; it must be public or any, or not set."
            )
        is_safe = os.environ.get(SAFE_VARIABLE) != "0"
        self.classify = load_classifier(path, os.environ.get(RUNTIME_VARIABLE, TORCH))
        check_finite_weights(self.classify.model, path)
        setattr(self.classify.video_processor, "safe_decode", is_safe)  # noqa: B010 (the library's type lacks it)
        self.recognizer: ExpressionRecognizer | None = None
        beside = Path(path) / DETECTOR_FILE
        where = os.environ.get(DETECTOR_VARIABLE) or (beside if beside.is_file() else None)
        try:
            detector = load_detector(where)
        except (OSError, ValueError) as error:
            logger.warning("footage is not read, only cropped clips: %s", error)
        else:
            self.recognizer = ExpressionRecognizer(
                self.classify.model,
                self.classify.video_processor,
                detector,
                device=self.classify.device,
                safe_decode=is_safe,
            )
        if is_safe:
            with borrowed_child(""):  # is there, with all that it imports, when the first request comes
                pass

    def __call__(self, data: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """
        Reads one video.

        Args:
            data: `inputs`, the video: the bytes of a file, the same in base64 (as in JSON) or a data URL; where the
                owner allows it, an http(s) address or the path of a file on this machine. `parameters`, optional:
                `faces`, true by default, false for a clip that is cropped to one face already; `windows`, whether
                footage gets the scores of every window, too, false by default; `top_k`, with `faces` false: the number
                of labels, all by default.

        Returns:
            Of footage, `{"duration_sec", "people": [{"track_id", "segments", "summary"}], "without_face", "notes"}`.
            Of a cropped clip, `[{"label": ..., "score": ...}, ...]` from the most to the least likely.

        Raises:
            RequestError: whatever is wrong, in one sentence without paths of this machine.
        """
        with told("", IN_INPUTS):
            return self.answer(data)

    def answer(self, data: Any) -> dict[str, Any] | list[dict[str, Any]]:
        """Reads the video of a request."""
        if not isinstance(data, dict):
            raise RequestError(
                f"the request is a {type(data).__name__}; it must be an object with the video in `inputs`."
            )
        parameters = self.read_parameters(data.get("parameters"))
        if parameters["faces"] and self.recognizer is None:
            raise RequestError(
                "footage is not read here, since this endpoint has no face detector, of which its log says why; send "
                "a clip that is cropped to one face, with `faces` false."
            )
        clip = data.get("inputs")
        if isinstance(clip, str):  # blanks around base64, too, say nothing
            clip = clip.strip()
        if isinstance(clip, str) and is_address(clip):
            if not self.allowed_addresses:
                raise RequestError(
                    "`inputs` is an address, which this endpoint does not open; send the bytes of the video in base64."
                    f" Its owner can allow addresses with {ADDRESSES_VARIABLE}=public."
                )
            name = shortened_address(clip)
            with told(name, name):
                max_sec = parameters["end_sec"] - time.monotonic()
                video = download_video(clip, self.allowed_addresses == "public", max_sec)
            return self.read_bytes(video.getvalue(), parameters)
        if self.allows_paths and isinstance(clip, str) and is_file(clip):
            return self.read(clip, Path(clip).name, parameters)
        return self.read_bytes(as_bytes(clip), parameters)

    def read_parameters(self, given: Any) -> dict[str, Any]:
        """
        The parameters with their defaults, and when the request must end. Raises a `RequestError` for other parameters
        or values.
        """
        given = {} if given is None else given
        if not isinstance(given, dict) or given.keys() - set(PARAMETERS):
            raise RequestError(
                f"`parameters` is {shortened(given)}; it must be an object with no other fields than "
                f"{', '.join(PARAMETERS)}."
            )
        for name in ("faces", "windows"):
            if not isinstance(given.get(name, True), bool):
                raise RequestError(f"`{name}` is {shortened(given[name])}; it must be true or false.")
        faces, top_k = given.get("faces", True), given.get("top_k", self.classify.model.config.num_labels)
        if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1:
            raise RequestError(f"`top_k` is {shortened(top_k)}; it must be a whole number of at least 1.")
        if faces and "top_k" in given:
            raise RequestError("`top_k` is for clips that are cropped to one face: give `faces` false with it.")
        if not faces and given.get("windows"):
            raise RequestError("`windows` is for footage: leave it away where `faces` is false.")
        end_sec = time.monotonic() + self.request_sec
        return {"faces": faces, "top_k": top_k, "windows": given.get("windows", False), "end_sec": end_sec}

    def read(self, clip: str, name: str, parameters: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """Reads the video at a path, which messages call by a name."""
        with told(clip, name):
            if self.recognizer is None or not parameters["faces"]:
                return self.read_cropped(clip, parameters["top_k"])

            def check_time(read_sec: float, total_sec: float | None) -> None:
                if time.monotonic() > parameters["end_sec"]:
                    raise RequestError(
                        f"reading the video takes more than {self.request_sec} seconds, of which {read_sec:.0f} s of "
                        "it were read; send a shorter one."
                    )

            answer = answer_of(self.recognizer.read(clip, check_time), parameters["windows"])
        answer["notes"] = [note for note in (without_place(note, clip, name) for note in answer["notes"]) if note]
        return answer

    def read_cropped(self, clip: str, top_k: int) -> list[dict[str, Any]]:
        """The scores of a clip at a path that is cropped to one face."""
        scores: list[dict[str, Any]] = self.classify(clip, top_k=top_k)
        if not all(math.isfinite(score["score"]) for score in scores):
            raise RequestError("the model gives scores that are infinite or NaN for this clip, which mean nothing.")
        return scores

    def read_bytes(self, content: bytes, parameters: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """Reads the bytes of a video by way of a temporary file, since the decoders need to seek."""
        if content.startswith(GZIP):
            raise RequestError(f"{IN_INPUTS} is compressed with gzip; send the video as it is.")
        if len(content) > LIMITS.max_download_mb * 10**6:
            raise RequestError(f"{IN_INPUTS} has more than {LIMITS.max_download_mb} MB.")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "clip"
            file.write_bytes(content)
            return self.read(str(file), IN_INPUTS, parameters)


@contextmanager
def told(path: str, name: str) -> Iterator[None]:
    """Makes every error a `RequestError` that tells a visitor what is wrong with a video, see `told_to_visitors`."""
    try:
        yield
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(told_to_visitors(error, path, name)) from error


def load_classifier(path: str, runtime: str) -> Any:
    """The pipeline for cropped clips. Raises a `ValueError` for an unknown runtime, or without an export for it."""
    if runtime == TORCH:
        # A configuration that is checked: nothing in it names code that the library would download and run.
        return pipeline("video-classification", model=path, config=load_config(path))
    if runtime not in RUNTIMES:
        raise ValueError(f"{RUNTIME_VARIABLE} is {runtime!r}; it must be one of {', '.join(RUNTIMES)}.")
    model, processor, _ = load_with_runtime(Path(path) / runtime, runtime)
    return pipeline("video-classification", model=model, video_processor=processor, device="cpu")


def answer_of(timeline: Timeline, with_windows: bool) -> dict[str, Any]:
    """A timeline as values for JSON; what is not a number is null."""
    people: dict[int, dict[str, Any]] = {}
    for window in sorted(timeline.windows, key=lambda window: window.track_id):
        person = people.setdefault(window.track_id, {"track_id": window.track_id, "segments": [], "summary": []})
        if with_windows:
            person.setdefault("windows", []).append(without_track(window_values(window)))
    for segment in timeline.segments:
        people[segment.track_id]["segments"].append(without_track(segment_values(segment)))
    for row in summary_values(timeline):
        people[row["track_id"]]["summary"].append(without_track(row))
    return {
        "duration_sec": number_or_none(timeline.duration_sec),
        "people": list(people.values()),
        "without_face": [{"start_sec": start_sec, "end_sec": end_sec} for start_sec, end_sec in timeline.without_face],
        "notes": list(timeline.notes),
    }


def without_track(values: dict[str, Any]) -> dict[str, Any]:
    """Values of a person without the number of the person's track, which stands above them."""
    return {name: value for name, value in values.items() if name != "track_id"}


def shortened(value: Any) -> str:
    """A value for a message."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def seconds_of(text: str) -> int:
    """The value of `TIME_VARIABLE`."""
    if not text.isascii() or not text.isdigit() or not int(text[:9]):
        raise ValueError(f"{TIME_VARIABLE} is {text!r}; it must be a whole number of seconds above zero.")
    return int(text[:9])


def is_file(text: str) -> bool:
    """Whether a text is the path of a file; base64 may start like a path."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # it is too long for a path, or has a NUL
        return False


def as_bytes(clip: Any) -> bytes:
    """The bytes of a video, given as bytes, in base64 or as a data URL. Raises a `RequestError` for anything else."""
    expected = "give the bytes of a video, in JSON in base64"
    if isinstance(clip, bytes):
        return clip
    if not isinstance(clip, str):
        raise RequestError(f"`inputs` is {'missing' if clip is None else f'a {type(clip).__name__}'}; {expected}.")
    is_data_url = clip[:5].lower() == "data:"
    head, _, text = clip.partition(",") if is_data_url else ("", "", clip)
    try:
        content = unquote_to_bytes(text) if is_data_url else text.encode()
        if is_data_url and not re.search(r"; *base64 *$", head[-100:], re.IGNORECASE):
            return content
        return base64.b64decode(b"".join(content.split()), validate=True)  # some tools insert line breaks
    except ValueError as error:
        if clip.startswith(("/", "\\", "~")) or clip[:5].lower() == "file:" or clip[1:3] in (":\\", ":/"):
            raise RequestError(
                f"`inputs` looks like the path of a file, which this endpoint does not open; {expected}. Its owner "
                f"can allow paths of the endpoint's machine with {PATHS_VARIABLE}=1."
            ) from error
        raise RequestError(f"`inputs` is {without_password(clip)[:80]!r}, which is no base64; {expected}.") from error
