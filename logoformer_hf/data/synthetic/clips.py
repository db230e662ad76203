"""Clips of synthetic, moving faces, for training and testing without licensed data."""

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
from pathlib import Path
from typing import Any

import datasets
from datasets import Dataset, DatasetDict, Value
from datasets.utils import tqdm
from huggingface_hub.utils import WeakFileLock

from ..._files import read_json
from ...configuration_logoformer import EXPRESSIONS
from ..rows import clip_features
from ..workers import signals_held_back
from .plan import MAX_CLIPS, SPLITS, ClipPlan, check_difficulty, check_int, clip_labels, plan_clip

logger = logging.getLogger(__name__)

VERSION = 2  # increased whenever the same parameters would give other clips, so that old caches are not used
# The program that draws must not import this package, which imports torch; it is therefore started as `synthetic`.
_WRITER = (sys.executable, "-m", "synthetic.writer")


def build_synthetic_clips(
    cache_dir: str | Path | None = None,
    num_train: int = 1400,
    num_validation: int = 280,
    num_test: int = 420,
    image_size: int = 128,
    seed: int = 0,
    num_workers: int | None = None,
    difficulty: float = 0.0,
    uneven: bool = False,
    view_difficulty: float | None = None,
) -> DatasetDict:
    """Draws clips of faces with the seven expressions, as mp4 files at 25 frames per second, or uses those in a cache.

    No person appears in two splits. A clip depends on `seed`, `difficulty`, `uneven`, its split and its number only:
    the same call gives the same files, with any number of workers.

    Args:
        cache_dir: folder of the clips, with a subfolder for each set of parameters; by default
            `logoformer_synthetic` in the cache of `datasets`.
        num_train: clips in the split "train", at least 7.
        num_validation: clips in the split "validation", at least 7.
        num_test: clips in the split "test", at least 7.
        image_size: height and width in pixels, even, from 32 to 512.
        seed: another seed gives other people and other clips; from 0 to 2**32 - 1.
        num_workers: processes that draw; by default one per core.
        difficulty: from 0 (clear expressions, good view) to 1 (as in the wild): weak and mixed expressions, speech,
            faces that look sad or angry at rest, expressions that differ in their course only, not in a frame.
        view_difficulty: the same for the view of the face: varied people, turned heads, poor light, occlusion, poor
            cameras; by default as `difficulty`.
        uneven: whether "train" and "validation" have the imbalanced class frequencies of DFEW; "test" is always
            balanced, so that the recall of every class is measured equally well.

    Returns:
        Splits "train", "validation" and "test" with the columns of `clip_features` (`video` is the absolute path of
        the mp4 file) and `identity`, the name of the person.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a count or size out of its range.
        RuntimeError: a process that draws has failed; its own message is on standard error.
    """
    counts = {"train": num_train, "validation": num_validation, "test": num_test}
    for split, count in counts.items():
        check_int(f"num_{split}", count, len(EXPRESSIONS), MAX_CLIPS)
    check_int("image_size", image_size, 32, 512)
    if image_size % 2:
        raise ValueError(f"image_size is {image_size}, but must be even, as the mp4 files store colour at half size")
    check_int("seed", seed, 0, 2**32 - 1)
    if num_workers is None:
        num_workers = os.cpu_count() or 1
    check_int("num_workers", num_workers, 1, 1024)
    if view_difficulty is None:
        view_difficulty = difficulty
    check_difficulty("difficulty", difficulty)
    check_difficulty("view_difficulty", view_difficulty)
    if not isinstance(uneven, bool):
        raise TypeError(f"uneven is {uneven!r}, but must be True or False")
    if cache_dir is None:
        cache_dir = Path(datasets.config.HF_DATASETS_CACHE) / "logoformer_synthetic"
    elif not isinstance(cache_dir, str | Path):
        raise TypeError(f"cache_dir is {cache_dir!r}, but must be a path or None")

    parameters = {"version": VERSION, "counts": counts, "image_size": image_size, "seed": seed}
    parameters |= {"difficulty": float(difficulty), "view_difficulty": float(view_difficulty), "uneven": uneven}
    fingerprint = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:16]
    folder = Path(cache_dir).expanduser().resolve() / f"clips-{fingerprint}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Two programs that start together (the processes of one distributed run) must not draw the same clips twice.
    with WeakFileLock(folder.with_suffix(".lock")):
        try:
            rows = _read_rows(folder) if folder.exists() else []
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s is damaged (%s); drawing its clips again", folder / "clips.json", error)
            shutil.rmtree(folder)
            rows = []
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


def _read_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a finished folder. Paths are not stored, so that a cache can be moved."""
    clips = read_json(folder / "clips.json")["clips"]
    return [{"clip_id": clip["clip_id"], "video": str(folder / f"{clip['clip_id']}.mp4"), **clip} for clip in clips]


def _draw_folder(folder: Path, parameters: dict[str, Any], num_workers: int) -> None:
    """Draws all clips in a folder with a temporary name, so that the clips of a killed run are never used."""
    partial = folder.with_suffix(".partial")
    if partial.exists():  # from a killed run: this process holds the lock
        shutil.rmtree(partial)
    for split in SPLITS:
        (partial / split).mkdir(parents=True)
    plans, clips = {}, []
    for split, count in parameters["counts"].items():
        for index, label in enumerate(clip_labels(count, parameters["uneven"] and split != "test")):
            clip_id = f"{split}/{index:05d}"
            plan = plan_clip(
                split, index, parameters["seed"], parameters["difficulty"], label, parameters["view_difficulty"]
            )
            plans[partial / f"{clip_id}.mp4"] = plan
            row = {"num_frames": len(plan.poses), "label": plan.label, "identity": plan.person}
            clips.append({"clip_id": clip_id, **row})
    _draw_clips(plans, parameters["image_size"], num_workers)
    (partial / "clips.json").write_text(json.dumps({"parameters": parameters, "clips": clips}))
    partial.rename(folder)


def _draw_clips(plans: dict[Path, ClipPlan], image_size: int, num_workers: int) -> None:
    """Draws each plan into its file, in several processes.

    `multiprocessing` would import the caller's script and this package, including torch, in every worker, and fails in
    a script without `if __name__ == "__main__"`. A separate program starts in a third of a second.
    """
    # The folder of the program comes first; the caller's current folder is not searched.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    # NumPy would start a thread per core in every process.
    environment = os.environ | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    idle: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()

    def draw(path: Path) -> None:
        job = plans[path].job(path, image_size)
        worker = idle.get()
        assert worker.stdout is not None  # a pipe
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
            with signals_held_back():  # what ends this process ends the others, without an error about them
                worker = subprocess.Popen(
                    _WRITER, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            stack.callback(worker.communicate)  # closes its pipes
            stack.callback(worker.kill)
            idle.put(worker)
        threads = ThreadPoolExecutor(num_workers)
        stack.callback(threads.shutdown, cancel_futures=True)
        done = threads.map(draw, plans)
        for _ in tqdm(done, total=len(plans), desc="Drawing synthetic clips", unit="clip"):
            pass
