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

from ...configuration_logoformer import EXPRESSIONS
from .behaviour import draw_action_units, draw_resting_face
from .camera import Camera
from .motion import draw_lights, draw_poses
from .occlusion import Occluder, draw_occluders
from .person import Identity
from ..rows import clip_features

logger = logging.getLogger(__name__)

VERSION = 2  # counts up whenever the same parameters would give other clips, so that old caches are not taken for new
FPS = 25
SPLITS = ("train", "validation", "test")
CLIPS_PER_PERSON = 7
# Per cent of DFEW's clips with a single label (X. Jiang et al., *DFEW: A Large-Scale Database for Recognizing Dynamic
# Facial Expressions in the Wild*, ACM MM 2020).
DFEW_PERCENT = {
    "happy": 20.63,
    "sad": 16.65,
    "neutral": 22.46,
    "angry": 18.48,
    "surprise": 12.40,
    "disgust": 1.21,
    "fear": 8.14,
}
_MOST_CLIPS = 99_999  # of a split: what the five digits in their names can tell apart
# The program that draws imports nothing of this package, torch and all, so it is started from its own folder.
_WRITER = (sys.executable, "-m", "drawn.writer")


@dataclass(frozen=True)
class ClipPlan:
    """What happens in a clip, before it is drawn.

    Attributes:
        label: index into `EXPRESSIONS`.
        person: name of the identity, which appears in one split only.
        identity: whose face.
        action_units: intensities from 0 to 1, shape (frames, `len(ACTION_UNITS)`, 2), in the order of `ACTION_UNITS`,
            on the left and on the right of the picture.
        poses: the fields of `Pose`, shape (frames, 8).
        lights: the fields of `Light`, shape (frames, 5).
        camera: what takes the clip, with its noise and its blur.
        occluders: what passes before the face.
        noise_seed: of the camera's noise.
    """

    label: int
    person: str
    identity: Identity
    action_units: np.ndarray
    poses: np.ndarray
    lights: np.ndarray
    camera: Camera
    occluders: list[Occluder]
    noise_seed: int

    def job(self, path: str | Path, image_size: int) -> dict:
        """The arguments of `write_clip`, as JSON takes them."""
        return {
            "path": str(path),
            "identity": asdict(self.identity),
            **{name: getattr(self, name).tolist() for name in ("action_units", "poses", "lights")},
            "image_size": image_size,
            "fps": FPS,
            "camera": asdict(self.camera),
            "occluders": [asdict(occluder) for occluder in self.occluders],
            "seed": self.noise_seed,
        }


def plan_clip(
    split: str,
    index: int,
    seed: int = 0,
    difficulty: float = 0.0,
    label: int | None = None,
    view_difficulty: float | None = None,
) -> ClipPlan:
    """Decide everything about one clip; nothing but the arguments has a say.

    Seven clips in a row show one person. The label decides over the expression's action units alone: person, length,
    speech, poses, light, camera and occluders have random numbers of their own and are the same for every label.

    Args:
        split: "train", "validation" or "test".
        index: number of the clip in its split, from 0.
        seed: another seed gives other people and other clips.
        difficulty: of what the face does, from 0 (plain expressions) to 1 (as in the wild).
        label: index into `EXPRESSIONS`; by default each person shows each expression once.
        view_difficulty: of who and how it is seen (people, poses, light, camera, things in the way); by default as
            `difficulty`.

    Raises:
        TypeError: for an index, seed or label that is no whole number, or a difficulty that is no number.
        ValueError: for an unknown split, a negative index, or a seed, label or difficulty out of its range.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, but must be one of {SPLITS}")
    _check_int("index", index, 0, _MOST_CLIPS)
    _check_int("seed", seed, 0, 2**32 - 1)
    _check_difficulty("difficulty", difficulty)
    if view_difficulty is None:
        view_difficulty = difficulty
    _check_difficulty("view_difficulty", view_difficulty)
    if label is None:
        label = index % len(EXPRESSIONS)
    _check_int("label", label, 0, len(EXPRESSIONS) - 1)
    number, person = SPLITS.index(split), index // CLIPS_PER_PERSON
    # The 1 keeps a person's random numbers apart from those of the clip with the person's number.
    identity_rng, rest_rng = np.random.default_rng([seed, number, person, 1]).spawn(2)
    streams = np.random.default_rng([seed, number, index]).spawn(7)
    length_rng, face_rng, pose_rng, light_rng, camera_rng, occluder_rng, noise_rng = streams
    num_frames = _draw_num_frames(length_rng)
    time_sec = np.arange(num_frames) / FPS
    identity = Identity.draw(identity_rng, view_difficulty)
    resting_face = draw_resting_face(rest_rng, difficulty)
    return ClipPlan(
        label=label,
        person=f"{split}-{person:05d}",
        identity=identity,
        action_units=draw_action_units(face_rng, EXPRESSIONS[label], time_sec, difficulty, resting_face),
        poses=draw_poses(pose_rng, time_sec, view_difficulty),
        lights=draw_lights(light_rng, time_sec, view_difficulty),
        camera=Camera.draw(camera_rng, view_difficulty),
        occluders=draw_occluders(occluder_rng, view_difficulty, num_frames, identity),
        noise_seed=int(noise_rng.integers(2**32)),
    )


def clip_labels(count: int, uneven: bool = False) -> list[int]:
    """The labels of a split's first `count` clips: in turn, or as often as in DFEW.

    More clips never change the labels of the first ones: each next label is the one that lags most behind its share,
    so that every class is within a clip of it. The first seven clips show one class each, that none is missing.
    """
    every = range(len(EXPRESSIONS))
    if not uneven:
        return [index % len(EXPRESSIONS) for index in range(count)]
    shares = np.array([DFEW_PERCENT[name] for name in EXPRESSIONS])
    shares /= shares.sum()
    labels, so_far = list(every)[:count], np.ones(len(EXPRESSIONS))
    while len(labels) < count:
        labels.append(int(np.argmax(shares * (len(labels) + 1) - so_far)))
        so_far[labels[-1]] += 1
    return labels


def _draw_num_frames(rng: np.random.Generator) -> int:
    low, high = ((8, 15), (16, 23), (24, 60), (61, 120))[rng.choice(4, p=(0.04, 0.06, 0.8, 0.1))]
    return int(rng.integers(low, high, endpoint=True))


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
    """Draw clips of faces that show the seven expressions, as mp4 files at 25 frames per second, or find them drawn.

    Nobody appears in two splits. A clip depends on `seed`, `difficulty`, `uneven`, its split and its number only: the
    same call gives the same files, with any number of workers.

    Args:
        cache_dir: folder to keep the clips in, in a sub-folder of their own for each set of parameters; by default
            `logoformer_synthetic` in the cache of `datasets`.
        num_train: clips in the split "train", at least 7.
        num_validation: clips in the split "validation", at least 7.
        num_test: clips in the split "test", at least 7.
        image_size: height and width in pixels, even, from 32 to 512.
        seed: another seed gives other people and other clips; from 0 to 2**32 - 1.
        num_workers: processes that draw; by default one per core.
        difficulty: from 0, plain expressions that are seen well, to 1, as hard as in the wild: weak and mixed
            expressions, speech, faces that look sad or angry at rest, look-alikes that one frame can't tell apart.
        view_difficulty: the same of how a face is seen: all kinds of people, turned heads, bad light, things in the
            way, poor cameras; by default as `difficulty`.
        uneven: whether the classes of "train" and "validation" are as unevenly frequent as DFEW's; those of "test"
            are always even, so that each class's recall is measured as well as the others'.

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
    if view_difficulty is None:
        view_difficulty = difficulty
    _check_difficulty("difficulty", difficulty)
    _check_difficulty("view_difficulty", view_difficulty)
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


def _check_difficulty(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, but must be a number from 0 to 1")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}, but must be from 0 to 1")


def _draw_folder(folder: Path, parameters: dict, num_workers: int) -> None:
    """Draw all clips under another name first: what a killed run leaves behind is never taken for finished."""
    partial = folder.with_suffix(".partial")
    if partial.exists():  # of a killed run: we hold the lock
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
    """Draw each plan into its file, in several processes.

    `multiprocessing` would import the caller's script and this package, torch and all, in every worker, and fails in a
    script without `if __name__ == "__main__"`. The rig as a program of its own starts in a third of a second.
    """
    # Its folder comes first; the folder that the caller happens to be in has no say.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    idle = queue.SimpleQueue()

    def draw(path: Path) -> None:
        job = plans[path].job(path, image_size)
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
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            worker = subprocess.Popen(_WRITER, env=environment, **pipes)
            stack.callback(worker.communicate)  # closes its pipes
            stack.callback(worker.kill)
            idle.put(worker)
        threads = ThreadPoolExecutor(num_workers)
        stack.callback(threads.shutdown, cancel_futures=True)
        done = threads.map(draw, plans)
        for _ in tqdm(done, total=len(plans), desc="Drawing synthetic clips", unit="clip"):
            pass
