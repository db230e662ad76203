"""What Inference Endpoints start beside a model's files: a clip of one face in, the scores of its expressions out."""

import base64
import os
import tempfile
from pathlib import Path
from typing import Any

from transformers import pipeline

EXPECTED = "the bytes of a video, the same in base64, an http(s) address, or the path of a file on this machine"


class EndpointHandler:
    """
    Addresses are fetched and paths opened by the endpoint's own machine: let nobody call it who may not do that.

    Args:
        path: folder of the model, with its code.
    """

    def __init__(self, path: str = ""):
        self.classify = pipeline("video-classification", model=path, trust_remote_code=True)

    def __call__(self, data: dict[str, Any]) -> list[dict[str, Any]] | dict[str, str]:
        """
        Args:
            data: `inputs`, the clip: the bytes of a video file, the same in base64 (as in JSON), an http(s) address or
                the path of a file on this machine. `parameters`, optional: `top_k`, how many labels; all by default.

        Returns:
            `[{"label": ..., "score": ...}, ...]` from the most to the least likely, or `{"error": what is wrong}`.
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
        parameters = {} if parameters is None else parameters
        if not isinstance(parameters, dict) or parameters.keys() - {"top_k"}:
            raise ValueError(f"`parameters` is {parameters!r}; it must be an object, and top_k is all it can have.")
        top_k = parameters.get("top_k", self.classify.model.config.num_labels)
        if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1:
            raise ValueError(f"`top_k` is {top_k!r}; it must be a whole number of at least 1.")
        return top_k

    def classify_bytes(self, content: bytes, top_k: int) -> list[dict[str, Any]]:
        """Through a file that is gone afterwards: the decoders seek in it."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "clip"
            file.write_bytes(content)
            try:
                return self.classify(str(file), top_k=top_k)
            except ValueError as error:
                raise ValueError(str(error).replace(str(file), "the clip in `inputs`")) from error


def is_place(text: str) -> bool:
    """Whether it is an address or a file that is there; base64 may begin like a path."""
    # Path.exists raises for what is longer than any name of a file.
    return text.startswith(("http://", "https://")) or os.path.exists(text)  # noqa: PTH110


def as_bytes(clip: Any) -> bytes:
    if isinstance(clip, bytes):
        return clip
    if not isinstance(clip, str):
        raise ValueError(f"`inputs` is {'missing' if clip is None else f'a {type(clip).__name__}'}; give {EXPECTED}.")
    try:
        return base64.b64decode("".join(clip.split()), validate=True)  # some tools break its lines
    except ValueError as error:
        raise ValueError(f"`inputs` is {clip[:80]!r}, no file here and no base64; give {EXPECTED}.") from error
