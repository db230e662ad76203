"""Clips of drawn, moving faces, so that anyone can train and test without licensed data."""

import hashlib
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import datasets
import numpy as np
from datasets import Dataset, DatasetDict, Value
from datasets.utils import tqdm
from huggingface_hub.utils import WeakFileLock

from ..configuration_logoformer import EXPRESSIONS
from . import face_rig
from .face_rig import ACTION_UNITS, Identity
from .rows import clip_features

logger = logging.getLogger(__name__)

VERSION = 1  # counts up whenever the same parameters would give other clips, so that old caches are not taken for new
FPS = 25
SPLITS = ("train", "validation", "test")
_MOST_CLIPS = 99_999  # of a split: what the five digits in their names can tell apart

# What each expression moves, and how far at its strongest.
EXPRESSION_UNITS = {
    "happy": {6: 1.0, 12: 1.0},
    "sad": {1: 1.0, 4: 0.8, 15: 1.0},
    "neutral": {},
    "angry": {4: 1.0, 5: 0.6, 7: 0.9, 23: 1.0},
    "surprise": {1: 1.0, 2: 1.0, 5: 1.0, 26: 1.0},
    "disgust": {9: 1.0, 15: 0.7},
    "fear": {1: 1.0, 2: 0.8, 4: 0.9, 5: 1.0, 7: 0.4, 20: 1.0, 26: 0.35},
}
# What only some people add to it.
OPTIONAL_UNITS = {
    "happy": {25: 0.8},
    "sad": {17: 0.8},
    "surprise": {25: 0.3},
    "disgust": {10: 0.8, 16: 0.5},
    "fear": {25: 0.6},
}


@dataclass(frozen=True)
class ClipPlan:
    """What happens in a clip, before it is drawn.

    Attributes:
        label: index into `EXPRESSIONS`.
        person: name of the identity, which appears in one split only.
        identity: whose face.
        action_units: intensities from 0 to 1, shape (frames, `len(ACTION_UNITS)`), in the order of `ACTION_UNITS`.
        poses: the fields of `Pose`, shape (frames, 6).
        lights: the fields of `Light`, shape (frames, 4).
    """

    label: int
    person: str
    identity: Identity
    action_units: np.ndarray
    poses: np.ndarray
    lights: np.ndarray


def plan_clip(split: str, index: int, seed: int = 0) -> ClipPlan:
    """Decide everything about one clip; nothing but the three arguments has a say.

    Seven clips in a row show one person with one expression each. An expression is a combination of action units
    after EMFACS (W. Friesen, P. Ekman, *EMFACS-7: Emotional Facial Action Coding System*, 1983) that rises from rest
    to its apex and falls back; a neutral clip only blinks and drifts.

    Args:
        split: "train", "validation" or "test".
        index: number of the clip in its split, from 0.
        seed: another seed gives other people and other clips.

    Raises:
        TypeError: for an index or seed that is no whole number.
        ValueError: for an unknown split, a negative index, or a seed out of its range.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, but must be one of {SPLITS}")
    _check_int("index", index, 0, _MOST_CLIPS)
    _check_int("seed", seed, 0, 2**32 - 1)
    number, (person, label) = SPLITS.index(split), divmod(index, len(EXPRESSIONS))
    rng = np.random.default_rng([seed, number, index])
    # The 1 keeps a person's random numbers apart from those of the clip with the person's number.
    identity = Identity.draw(np.random.default_rng([seed, number, person, 1]))
    num_frames = _draw_num_frames(rng)
    time_sec = np.arange(num_frames) / FPS
    return ClipPlan(
        label=label,
        person=f"{split}-{person:05d}",
        identity=identity,
        action_units=_draw_action_units(rng, EXPRESSIONS[label], time_sec),
        poses=_draw_poses(rng, time_sec),
        lights=_draw_lights(rng, time_sec),
    )


def _draw_num_frames(rng: np.random.Generator) -> int:
    low, high = ((8, 15), (16, 23), (24, 60), (61, 120))[rng.choice(4, p=(0.04, 0.06, 0.8, 0.1))]
    return int(rng.integers(low, high, endpoint=True))


def _draw_action_units(rng: np.random.Generator, expression: str, time_sec: np.ndarray) -> np.ndarray:
    """Intensities, shape (frames, `len(ACTION_UNITS)`): the expression's course, drift and blinks."""
    duration_sec = time_sec[-1]
    units = np.abs(_drift(rng, time_sec, len(ACTION_UNITS), 0.05))
    # Of a clip of a few frames hardly any may be lost to rest.
    rest = 0.08 if len(time_sec) < 16 else 0.2
    before_sec, after_sec = duration_sec * rng.uniform(0.3 * rest, rest, 2)
    rise_sec, fall_sec = np.minimum(rng.uniform(0.2, 0.6, 2), 0.2 * duration_sec)
    intensity = rng.uniform(0.6, 1.0)
    added = {unit: far for unit, far in OPTIONAL_UNITS.get(expression, {}).items() if rng.random() < 0.7}
    for unit, far in (EXPRESSION_UNITS[expression] | added).items():
        lag_sec = min(rng.uniform(0, 0.12), 0.05 * duration_sec)
        course = _ease((time_sec - before_sec - lag_sec) / rise_sec)
        course *= _ease((duration_sec - after_sec - time_sec) / fall_sec)
        units[:, ACTION_UNITS.index(unit)] += intensity * far * rng.uniform(0.85, 1.1) * course
    units[:, ACTION_UNITS.index(45)] = _draw_blinks(rng, time_sec)
    return np.clip(units, 0, 1)


def _draw_blinks(rng: np.random.Generator, time_sec: np.ndarray) -> np.ndarray:
    """How far the eyes are shut, shape (frames,): a blink of a fifth of a second every few seconds."""
    shut = np.zeros(len(time_sec))
    blink_sec = rng.uniform(0, 3.5)
    while blink_sec < time_sec[-1]:
        shut = np.maximum(shut, np.clip(1.5 - np.abs(time_sec - blink_sec) / 0.08, 0, 1))
        blink_sec += rng.uniform(1.2, 4)
    return shut


def _draw_poses(rng: np.random.Generator, time_sec: np.ndarray) -> np.ndarray:
    spread = np.array([0.06, 0.1, 0.06, 0.02, 0.015, 0.04])  # roll, yaw, pitch, shift_x, shift_y, scale
    rest = np.clip(rng.normal(0, 1, 6), -2, 2) * spread + (0, 0, 0, 0, 0, 1)
    return rest + _drift(rng, time_sec, 6, 0.5 * spread)


def _draw_lights(rng: np.random.Generator, time_sec: np.ndarray) -> np.ndarray:
    rest = (rng.uniform(0.85, 1.1), rng.uniform(-np.pi, 0), rng.uniform(0, 0.25), rng.normal(0, 0.35))
    return rest + _drift(rng, time_sec, 4, np.array([0.04, 0.3, 0.03, 0.1]))


def _drift(rng: np.random.Generator, time_sec: np.ndarray, count: int, size: float | np.ndarray) -> np.ndarray:
    """Slow waves round zero, shape (frames, count), that seldom go beyond `size`."""
    rate_hz, phase = rng.uniform(0.1, 0.5, (2, count)), rng.uniform(0, 2 * np.pi, (2, count))
    return size * 0.5 * np.sin(2 * np.pi * rate_hz * time_sec[:, None, None] + phase).sum(axis=1)


def _ease(progress: np.ndarray) -> np.ndarray:
    progress = np.clip(progress, 0, 1)
    return progress * progress * (3 - 2 * progress)


def build_synthetic_clips(
    cache_dir: str | Path | None = None,
    num_train: int = 1400,
    num_validation: int = 280,
    num_test: int = 420,
    image_size: int = 128,
    seed: int = 0,
    num_workers: int | None = None,
) -> DatasetDict:
    """Draw clips of faces that show the seven expressions, as mp4 files at 25 frames per second, or find them drawn.

    The classes are balanced, and nobody appears in two splits. A clip depends on `seed`, its split and its number
    only: the same call gives the same files, with any number of workers.

    Args:
        cache_dir: folder to keep the clips in, in a sub-folder of their own for each set of parameters; by default
            `logoformer_synthetic` in the cache of `datasets`.
        num_train: clips in the split "train", at least 7.
        num_validation: clips in the split "validation", at least 7.
        num_test: clips in the split "test", at least 7.
        image_size: height and width in pixels, even, from 32 to 512.
        seed: another seed gives other people and other clips; from 0 to 2**32 - 1.
        num_workers: processes that draw; by default one per core.

    Returns:
        Splits "train", "validation" and "test" with the columns of `clip_features` (`video` is the absolute path of
        the mp4 file) and `identity`, the name of the person.

    Raises:
        TypeError: for an argument of the wrong type.
        ValueError: for a count or size out of its range.
        RuntimeError: when a process that draws has failed; its own message is on standard error.
    """
    counts = {"train": num_train, "validation": num_validation, "test": num_test}
    for split, count in counts.items():
        _check_int(f"num_{split}", count, len(EXPRESSIONS), _MOST_CLIPS)
    _check_int("image_size", image_size, 32, 512)
    if image_size % 2:
        raise ValueError(f"image_size is {image_size}, but must be even, as the mp4 files store colour at half size")
    _check_int("seed", seed, 0, 2**32 - 1)
    if num_workers is None:
        num_workers = os.cpu_count() or 1
    _check_int("num_workers", num_workers, 1, 1024)
    if cache_dir is None:
        cache_dir = Path(datasets.config.HF_DATASETS_CACHE) / "logoformer_synthetic"
    elif not isinstance(cache_dir, str | Path):
        raise TypeError(f"cache_dir is {cache_dir!r}, but must be a path or None")

    parameters = {"version": VERSION, "counts": counts, "image_size": image_size, "seed": seed}
    fingerprint = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:16]
    folder = Path(cache_dir).expanduser().resolve() / f"clips-{fingerprint}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Two programs that start together (the processes of one distributed run) must not draw the same clips twice.
    with WeakFileLock(folder.with_suffix(".lock")):
        rows = _read_rows(folder) if folder.exists() else []
        missing = [row["video"] for row in rows if not Path(row["video"]).is_file()]
        if missing:
            logger.warning("%d clips are missing, as %s; drawing all of %s again", len(missing), missing[0], folder)
            shutil.rmtree(folder)
        if missing or not rows:
            _draw_folder(folder, parameters, num_workers)
            rows = _read_rows(folder)
    splits = {split: [row for row in rows if row["clip_id"].startswith(f"{split}/")] for split in SPLITS}
    features = clip_features(identity=Value("string"))
    return DatasetDict({name: Dataset.from_list(rows, features, split=name) for name, rows in splits.items()})


def _read_rows(folder: Path) -> list[dict]:
    """The rows of a finished folder. Paths are not stored, so that a cache can be moved."""
    clips = json.loads((folder / "clips.json").read_text())["clips"]
    return [{"clip_id": clip["clip_id"], "video": str(folder / f"{clip['clip_id']}.mp4"), **clip} for clip in clips]


def _check_int(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, but must be a whole number from {low} to {high}")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, but must be from {low} to {high}")


def _draw_folder(folder: Path, parameters: dict, num_workers: int) -> None:
    """Draw all clips under another name first: what a killed run leaves behind is never taken for finished."""
    partial = folder.with_suffix(".partial")
    if partial.exists():  # of a killed run: we hold the lock
        shutil.rmtree(partial)
    for split in SPLITS:
        (partial / split).mkdir(parents=True)
    plans, clips = {}, []
    for split, count in parameters["counts"].items():
        for index in range(count):
            clip_id, plan = f"{split}/{index:05d}", plan_clip(split, index, parameters["seed"])
            plans[partial / f"{clip_id}.mp4"] = plan
            row = {"num_frames": len(plan.poses), "label": plan.label, "identity": plan.person}
            clips.append({"clip_id": clip_id, **row})
    _draw_clips(plans, parameters["image_size"], num_workers)
    (partial / "clips.json").write_text(json.dumps({"parameters": parameters, "clips": clips}))
    partial.rename(folder)


def _draw_clips(plans: dict[Path, ClipPlan], image_size: int, num_workers: int) -> None:
    """Draw each plan into its file, in several processes.

    `multiprocessing` would import the caller's script and this package, torch and all, in every worker, and fails in a
    script without `if __name__ == "__main__"`. The rig as a program of its own starts in a third of a second.
    """
    idle = queue.SimpleQueue()

    def draw(path: Path) -> None:
        plan = plans[path]
        job = {"path": str(path), "identity": asdict(plan.identity), "image_size": image_size, "fps": FPS}
        job |= {name: getattr(plan, name).tolist() for name in ("action_units", "poses", "lights")}
        worker = idle.get()
        try:
            print(json.dumps(job), file=worker.stdin, flush=True)
            answer = worker.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            idle.put(worker)
        if not answer:
            raise RuntimeError(f"the process that should draw {path} ended with exit code {worker.wait()}")

    with ExitStack() as stack:
        for _ in range(min(num_workers, len(plans))):
            command = [sys.executable, face_rig.__file__]
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.callback(worker.communicate)  # closes its pipes
            stack.callback(worker.kill)
            idle.put(worker)
        threads = ThreadPoolExecutor(num_workers)
        stack.callback(threads.shutdown, cancel_futures=True)
        done = threads.map(draw, plans)
        for _ in tqdm(done, total=len(plans), desc="Drawing synthetic clips", unit="clip"):
            pass
