"""How videos are read: the settings of a recogniser as plain values, which other processes can load it by."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from ..export.folder import EXPORT_FILE
from ..export.runtimes import TORCH
from .arguments import PredictArguments
from .recognizer import ExpressionRecognizer

_VERSION = 1  # of the results: a new number where the same settings give other ones


@dataclass(frozen=True)
class Recognition:
    """
    What a recogniser is made of.

    Attributes:
        arguments: of the command.
        settings: what decides the result, as JSON values.
        notes: sentences that people must know before they read results.
    """

    arguments: PredictArguments
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def load(self, device: str | None = None) -> ExpressionRecognizer:
        """
        Loads model and detector.

        Args:
            device: where no other one was chosen.
        """
        arguments = self.arguments
        bars_before = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # that of the weights, which are there in a moment
        try:
            if arguments.device is not None:
                torch.zeros(1, device=arguments.device).cpu()  # a "meta" device computes nothing
            return ExpressionRecognizer(
                arguments.model,
                detector="default" if arguments.detector == "auto" else arguments.detector,
                device=arguments.device or (device if arguments.runtime == TORCH else None),
                pair_sec=arguments.pair_sec,
                batch_size=arguments.batch_size,
                detect_every=arguments.detect_every,
                runtime=arguments.runtime,
            )
        except (AssertionError, RuntimeError) as error:  # PyTorch's errors for a device that is not there
            if arguments.device is None:
                raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"--device {arguments.device}: {reason}") from error
        finally:
            (logging.enable_progress_bar if bars_before else logging.disable_progress_bar)()


def prepare_recognition(
    arguments: PredictArguments, device: str | None = None
) -> tuple[Recognition, ExpressionRecognizer]:
    """
    The recognition by the arguments of a command, and its recogniser.

    Args:
        arguments: of the command.
        device: where no other one was chosen.

    Raises:
        OSError, ValueError: what `ExpressionRecognizer` raises; a device that is not there.
    """
    recognizer = Recognition(arguments).load(device)
    detector = arguments.detector
    settings = {
        "version": _VERSION,
        "model": fingerprint(arguments.model, recognizer),
        "temperature": recognizer.temperature,
        "detector": _digest([Path(detector)]) if Path(detector).is_file() else detector,
        "pair_sec": arguments.pair_sec,
        "detect_every": arguments.detect_every,
        "min_score": recognizer.min_score,
    }
    return Recognition(arguments, settings, tuple(recognizer.notes)), recognizer


def fingerprint(model: str, recognizer: ExpressionRecognizer) -> str:
    """What tells a model from another one: of a folder, a digest of its files; on the Hub, the commit."""
    folder = Path(model)
    if not folder.is_dir():
        return f"{model}@{getattr(recognizer.model.model.config, '_commit_hash', None)}"
    patterns = ("*.safetensors", "*.bin", "*config.json", EXPORT_FILE)  # the last has digests of what was exported
    return _digest([file for pattern in patterns for file in folder.glob(pattern)])


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() if len(files) > 1 else b"")
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]
