"""
What reads the mutated inputs: the functions that a stranger's files reach, each in a process of its own.

    python -m logoformer_hf.benchmarks.fuzz_targets FOLDER

reads lines "kind number" and answers each with a line of JSON: how it ended, and the message.
"""

import importlib.util
import json
import shutil
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets
import transformers

from .._files import hub_card_file
from ..data.clips import ClipDataset
from ..data.shards import load_shards
from ..data.sources.clip_tree import list_clips
from ..hub.push import PushError, files_to_push
from ..hub.push_data import is_prepared, push_shards
from ..models.loading import load_pretrained
from ..video_processing_logoformer import LogoFormerVideoProcessor
from .fuzz_inputs import clips_folder, model_folder, mutated

READ, TOLD, EXCEPTION = "read", "package's error", "other exception"
_PACKAGE = Path(__file__).parents[1]


def read_clip_of(path: Path) -> None:
    """Frames of a video, or of a folder of images."""
    LogoFormerVideoProcessor(num_frames=8)(path, return_tensors="pt")


def read_list(file: Path) -> None:
    """The clips of a list."""
    list_clips([str(file)], clips_folder(file.parents[1] / "intact_clips"), None)


def read_shards(folder: Path) -> None:
    """All rows of shards, and the frames of the first ones."""
    rows = load_shards(folder, cache_dir=folder.parent / "cache")
    for clips in rows.values():
        data = ClipDataset(clips, LogoFormerVideoProcessor(num_frames=4), keep_unreadable=True)
        for number in range(min(len(data), 3)):
            data[number]


def read_model(folder: Path) -> None:
    """A model and its processor."""
    load_pretrained(folder)


def push(folder: Path) -> None:
    """What a push checks before it sends anything."""
    if is_prepared(folder):
        push_shards(folder, "me/own", private=True, dry_run=True)
    else:
        files_to_push(folder)


@cache
def handler(folder: Path) -> Any:
    """The handler of an endpoint, with a tiny model."""
    spec = importlib.util.spec_from_file_location("fuzzed_handler", hub_card_file("handler.py"))
    module = ModuleType("") if spec is None else importlib.util.module_from_spec(spec)
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(module)
    return module.EndpointHandler(str(folder))


def answer(payload: Any, folder: Path) -> None:
    """What the handler answers, which must be JSON."""
    json.dumps(handler(model_folder(folder / "intact_model"))(payload))


def target_of(kind: str, folder: Path) -> Callable[[Any], None]:
    """The function that reads the inputs of a kind."""
    if kind == "payloads":
        return lambda payload: answer(payload, folder)
    return {
        "containers": read_clip_of,
        "images": read_clip_of,
        "lists": read_list,
        "shards": read_shards,
        "configurations": read_model,
        "pushes": push,
    }[kind]


def is_of_package(error: Exception) -> bool:
    """Whether an error is one for people: of this package, or a ValueError or OSError that its code raised itself."""
    if isinstance(error, PushError):
        return True
    if getattr(error, "status_code", 500) < 500:  # an answer of the handler to the one who asked
        return True
    frames = traceback.extract_tb(error.__traceback__)
    raised_by = Path(frames[-1].filename)
    is_ours = raised_by.is_relative_to(_PACKAGE) or "hub_card" in raised_by.parts
    return is_ours and isinstance(error, (ValueError, OSError)) and not isinstance(error, UnicodeError)


def try_input(kind: str, number: int, folder: Path) -> tuple[str, str]:
    """Reads one mutated input; how it ended, and the message of an error."""
    own = folder / f"{kind}-{number}"
    own.mkdir(parents=True)
    try:
        target_of(kind, folder)(mutated(kind, number, own))
    except Exception as error:
        if is_of_package(error):
            return TOLD, str(error)
        last = "".join(traceback.format_exception(error)[-3:])
        return EXCEPTION, f"{type(error).__name__}: {error}\n{last}"[:2_000]
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return READ, ""


def main(folder: Path) -> None:
    """Answers lines of standard input, until it ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        kind, number = line.split()
        print(json.dumps(try_input(kind, int(number), folder)), file=answers, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
