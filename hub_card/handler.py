"""Handler for Inference Endpoints: takes a clip of one face and returns the scores of the expressions."""

import base64
import os
import tempfile
from pathlib import Path
from typing import Any

from transformers import pipeline

EXPECTED = "the bytes of a video, the same in base64, an http(s) address, or the path of a file on this machine"


class EndpointHandler:
    """
    Classifies clips with the model in a folder.

    The machine of the endpoint downloads addresses and opens paths: allow calls only by users who may access them.

    Args:
        path: folder of the model, with its code.
    """

    def __init__(self, path: str = ""):
        self.classify = pipeline("video-classification", model=path, trust_remote_code=True)

    def __call__(self, data: dict[str, Any]) -> list[dict[str, Any]] | dict[str, str]:
        """
        Classifies one clip.

        Args:
            data: `inputs`, the clip: the bytes of a video file, the same in base64 (as in JSON), an http(s) address or
                the path of a file on this machine. `parameters`, optional: `top_k`, the number of labels, all by
                default.

        Returns:
            `[{"label": ..., "score": ...}, ...]` from the most to the least likely, or `{"error": message}`.
        """
        try:
            top_k = self.read_top_k(data.get("parameters"))
            clip = data.get("inputs")
            if isinstance(clip, str) and is_place(clip):
                return self.classify(clip, top_k=top_k)
            return self.classify_bytes(as_bytes(clip), top_k)
        except ValueError as error:
            return {"error": str(error)}

    def read_top_k(self, parameters: dict[str, Any] | None) -> int:
        """The number of labels to return. Raises a `ValueError` for other parameters or values."""
        parameters = {} if parameters is None else parameters
        if not isinstance(parameters, dict) or parameters.keys() - {"top_k"}:
            raise ValueError(f"`parameters` is {parameters!r}; it must be an object with no other field than top_k.")
        top_k = parameters.get("top_k", self.classify.model.config.num_labels)
        if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1:
            raise ValueError(f"`top_k` is {top_k!r}; it must be a whole number of at least 1.")
        return top_k

    def classify_bytes(self, content: bytes, top_k: int) -> list[dict[str, Any]]:
        """Classifies the bytes of a video by way of a temporary file, since the decoders need to seek."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "clip"
            file.write_bytes(content)
            try:
                return self.classify(str(file), top_k=top_k)
            except ValueError as error:
                raise ValueError(str(error).replace(str(file), "the clip in `inputs`")) from error


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
