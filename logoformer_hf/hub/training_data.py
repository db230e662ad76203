"""What a published or local model was trained on, by what lies beside its weights."""

import functools
import re
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from ..data.trained_on import TRAINED_ON_FILE, TrainedOn, read_trained_on
from ..evaluation.predictions import PREDICTIONS_FILE, read_predictions
from ..models.backbone import WEIGHT_FILES

CARD_FILE = "README.md"
DRAWN_FACES = "faces"  # `dataset` of the drawn faces among the facts of a data set
# In the card's text, for cards whose metadata was written by hand.
DRAWN_FACES_TEXT = "trained on drawn faces"


def trained_on_drawn_faces(name_or_path: str | Path) -> bool | None:
    """
    Whether a model was trained on the drawn faces of this package.

    The card decides: its results are on drawn faces, or its text says so. Without a card, the predictions in the
    folder of a run do. Neither of them: None, nobody knows; so it is, too, where the Hub's card cannot be had.

    Args:
        name_or_path: folder of a model or of a run, or name on the Hub, whose card is downloaded or taken from the
            cache.
    """
    folder = Path(name_or_path)
    if not folder.is_dir():
        try:
            return _card_says_so(Path(hf_hub_download(str(name_or_path), CARD_FILE)))
        except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError):
            return None
    if (folder / CARD_FILE).is_file():
        return _card_says_so(folder / CARD_FILE)
    try:
        return read_predictions(folder / PREDICTIONS_FILE).run.data.dataset == DRAWN_FACES
    except (OSError, ValueError):
        return None


def trained_on_of(name_or_path: str | Path) -> TrainedOn | None:
    """
    The record of the clips that a model was trained on, None where there is none, or none can be had from the Hub.

    Args:
        name_or_path: folder of a model, of a run or of a checkpoint of a run, a file of weights, or name on the Hub.
            The record is beside the weights; where they are links, the one beside the linked file counts, too.

    Raises:
        ValueError: the record is damaged.
    """
    path = Path(name_or_path)
    if not path.exists():
        try:
            return read_trained_on(hf_hub_download(str(name_or_path), TRAINED_ON_FILE))
        except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError):
            return None
    weights = [path] if path.is_file() else [path / name for name in WEIGHT_FILES if (path / name).is_file()]
    folders = [path.parent if path.is_file() else path, *(file.resolve().parent for file in weights)]
    records = dict.fromkeys(file for folder in folders if (file := _record_of(folder)))
    found = [read_trained_on(file) for file in records]
    return functools.reduce(TrainedOn.joined, found) if found else None


def _record_of(folder: Path) -> Path | None:
    """The record in a folder, or, for a checkpoint without one, in that of its run."""
    folder = folder.resolve()
    places = [folder, folder.parent] if re.fullmatch(r"checkpoint-\d+", folder.name) else [folder]
    return next((place / TRAINED_ON_FILE for place in places if (place / TRAINED_ON_FILE).is_file()), None)


def _card_says_so(file: Path) -> bool:
    text = file.read_text(encoding="utf-8", errors="replace")
    if DRAWN_FACES_TEXT in " ".join(text.split()).lower():
        return True
    try:
        data: Any = ModelCard(text, ignore_metadata_errors=True).data
        results = data.eval_results
    except Exception:  # metadata of any kind that people write: the text has been looked at
        return False
    return any(result.dataset_type == DRAWN_FACES for result in results or ())
