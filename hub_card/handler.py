"""Handler for Inference Endpoints: takes raw footage and returns when each person in it showed which expression."""

import base64
import math
import os
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import pipeline

EXPECTED = "the bytes of a video, the same in base64, an http(s) address, or the path of a file on this machine"
IN_INPUTS = "the video in `inputs`"
PARAMETERS = ("faces", "top_k", "windows")
# The face detector: a path in this variable, or this file beside the model; otherwise it comes from the Hub.
DETECTOR_VARIABLE, DETECTOR_FILE = "LOGOFORMER_DETECTOR", "face_detection_yunet.onnx"

if find_spec("logoformer_hf") is None:  # the repository carries its wheel, which requirements.txt cannot name
    [_wheel] = Path(__file__).parent.glob("logoformer_hf-*.whl")
    _folder = tempfile.TemporaryDirectory(prefix="logoformer_hf-")  # is deleted when the process ends
    with zipfile.ZipFile(_wheel) as _archive:
        _archive.extractall(_folder.name)
    sys.path.append(_folder.name)

from logoformer_hf import ExpressionRecognizer  # noqa: E402
from logoformer_hf.faces.detector import load_detector  # noqa: E402
from logoformer_hf.models.finite import check_finite_weights  # noqa: E402
from logoformer_hf.timeline.facts import number_or_none, segment_values, window_values  # noqa: E402
from logoformer_hf.timeline.json_file import summary_values  # noqa: E402
from logoformer_hf.timeline.timeline import Timeline  # noqa: E402


class EndpointHandler:
    """
    Reads videos with the model in a folder.

    The machine of the endpoint downloads addresses and opens paths: allow calls only by users who may access them.

    Args:
        path: folder of the model, with its code.

    Attributes:
        classify: reads a clip that is cropped to one face already.
        recognizer: reads raw footage; None without a face detector.
        missing: why there is none.

    Raises:
        ValueError: the model has weights that are infinite or NaN.
    """

    def __init__(self, path: str = ""):
        self.classify = pipeline("video-classification", model=path)
        check_finite_weights(self.classify.model, path)
        self.recognizer: ExpressionRecognizer | None = None
        self.missing = ""
        beside = Path(path) / DETECTOR_FILE
        where = os.environ.get(DETECTOR_VARIABLE) or (beside if beside.is_file() else None)
        try:
            detector = load_detector(where)
        except (OSError, ValueError) as error:
            self.missing = str(error)
        else:
            self.recognizer = ExpressionRecognizer(
                self.classify.model, self.classify.video_processor, detector, device=self.classify.device
            )

    def __call__(self, data: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """
        Reads one video.

        Args:
            data: `inputs`, the video: the bytes of a file, the same in base64 (as in JSON), an http(s) address or the
                path of a file on this machine. `parameters`, optional: `faces`, true by default, false for a clip that
                is cropped to one face already; `windows`, whether footage gets the scores of every window, too, false
                by default; `top_k`, with `faces` false: the number of labels, all by default.

        Returns:
            Of footage, `{"duration_sec", "people": [{"track_id", "segments", "summary"}], "without_face", "notes"}`.
            Of a cropped clip, `[{"label": ..., "score": ...}, ...]` from the most to the least likely.
            `{"error": message}` where something is wrong.
        """
        try:
            parameters = self.read_parameters(data.get("parameters"))
            if parameters["faces"] and self.recognizer is None:
                raise ValueError(f"footage cannot be read, only cropped clips with `faces` false: {self.missing}")
            clip = data.get("inputs")
            if isinstance(clip, str) and is_place(clip):
                return self.read(clip, parameters)
            return self.read_bytes(as_bytes(clip), parameters)
        except ValueError as error:
            return {"error": str(error)}

    def read_parameters(self, given: dict[str, Any] | None) -> dict[str, Any]:
        """The parameters with their defaults. Raises a `ValueError` for other parameters or values."""
        given = {} if given is None else given
        if not isinstance(given, dict) or given.keys() - set(PARAMETERS):
            raise ValueError(
                f"`parameters` is {given!r}; it must be an object with no other fields than {', '.join(PARAMETERS)}."
            )
        for name in ("faces", "windows"):
            if not isinstance(given.get(name, True), bool):
                raise ValueError(f"`{name}` is {given[name]!r}; it must be true or false.")
        faces, top_k = given.get("faces", True), given.get("top_k", self.classify.model.config.num_labels)
        if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1:
            raise ValueError(f"`top_k` is {top_k!r}; it must be a whole number of at least 1.")
        if faces and "top_k" in given:
            raise ValueError("`top_k` is for clips that are cropped to one face: give `faces` false with it.")
        if not faces and given.get("windows"):
            raise ValueError("`windows` is for footage: leave it away where `faces` is false.")
        return {"faces": faces, "top_k": top_k, "windows": given.get("windows", False)}

    def read(self, clip: str, parameters: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """Reads the video at a path or an address."""
        if self.recognizer is not None and parameters["faces"]:
            return answer_of(self.recognizer.read(clip), parameters["windows"])
        scores: list[dict[str, Any]] = self.classify(clip, top_k=parameters["top_k"])
        if not all(math.isfinite(score["score"]) for score in scores):
            raise ValueError("the model gives scores that are infinite or NaN for this clip, which mean nothing.")
        return scores

    def read_bytes(self, content: bytes, parameters: dict[str, Any]) -> dict[str, Any] | list[dict[str, Any]]:
        """Reads the bytes of a video by way of a temporary file, since the decoders need to seek."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "clip"
            file.write_bytes(content)
            try:
                answer = self.read(str(file), parameters)
            except ValueError as error:
                raise ValueError(str(error).replace(str(file), IN_INPUTS)) from error
        if isinstance(answer, dict):
            answer["notes"] = [note.replace(str(file), IN_INPUTS) for note in answer["notes"]]
        return answer


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


def is_place(text: str) -> bool:
    """Whether a text is an address or the path of an existing file; base64 may start like a path."""
    # Path.exists raises an error for a text that is too long for a file name.
    return text.startswith(("http://", "https://")) or os.path.exists(text)  # noqa: PTH110


def as_bytes(clip: Any) -> bytes:
    """The bytes of a video, given as bytes or in base64. Raises a `ValueError` for anything else."""
    if isinstance(clip, bytes):
        return clip
    if not isinstance(clip, str):
        raise ValueError(f"`inputs` is {'missing' if clip is None else f'a {type(clip).__name__}'}; give {EXPECTED}.")
    try:
        return base64.b64decode("".join(clip.split()), validate=True)  # some tools insert line breaks
    except ValueError as error:
        raise ValueError(
            f"`inputs` is {clip[:80]!r}, neither a file on this machine nor base64; give {EXPECTED}."
        ) from error
