"""The plan of a synthetic clip, which is made before its frames are drawn."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...configuration_logoformer import EXPRESSIONS
from .behaviour import draw_action_units, draw_resting_face
from .camera import Camera
from .motion import draw_lights, draw_poses
from .occlusion import Occluder, draw_occluders
from .person import Identity

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
MAX_CLIPS = 99_999  # of a split: their names have five digits


@dataclass(frozen=True)
class ClipPlan:
    """The content of a clip, before its frames are drawn.

    Attributes:
        label: index into `EXPRESSIONS`.
        person: name of the identity, which appears in one split only.
        identity: the person.
        action_units: intensities from 0 to 1, shape (frames, `len(ACTION_UNITS)`, 2), in the order of `ACTION_UNITS`,
            on the left and on the right of the picture.
        poses: the fields of `Pose`, shape (frames, 8).
        lights: the fields of `Light`, shape (frames, 5).
        camera: the camera, with its noise and its blur.
        occluders: what hides parts of the face.
        noise_seed: seed of the camera's noise.
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

    def job(self, path: str | Path, image_size: int) -> dict[str, Any]:
        """The arguments of `write_clip`, as values for JSON."""
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
    """Plans one clip; the plan depends on the arguments only.

    Seven consecutive clips show one person. The label affects only the action units of the expression: person, length,
    speech, poses, light, camera and occluders have separate random numbers and are the same for every label.

    Args:
        split: "train", "validation" or "test".
        index: number of the clip in its split, from 0.
        seed: another seed gives other people and other clips.
        difficulty: difficulty of the facial movements, from 0 (clear expressions) to 1 (as in the wild).
        label: index into `EXPRESSIONS`; by default each person shows each expression once.
        view_difficulty: difficulty of the view (people, poses, light, camera, occlusion); by default as `difficulty`.

    Raises:
        TypeError: an index, seed or label that is not a whole number, or a difficulty that is not a number.
        ValueError: an unknown split, or an index, seed, label or difficulty out of its range.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, but must be one of {SPLITS}")
    check_int("index", index, 0, MAX_CLIPS)
    check_int("seed", seed, 0, 2**32 - 1)
    check_difficulty("difficulty", difficulty)
    if view_difficulty is None:
        view_difficulty = difficulty
    check_difficulty("view_difficulty", view_difficulty)
    if label is None:
        label = index % len(EXPRESSIONS)
    check_int("label", label, 0, len(EXPRESSIONS) - 1)
    number, person = SPLITS.index(split), index // CLIPS_PER_PERSON
    # The 1 makes a person's random numbers differ from those of the clip with the same number.
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
    """The labels of a split's first `count` clips: in turn, or with the class frequencies of DFEW.

    A larger `count` does not change the labels of the first clips: each next label is the one that is most below its
    share, so that every class is within one clip of its share. The first seven clips have one class each, so that none
    is missing.
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


def check_int(name: str, value: object, low: int, high: int) -> None:
    """Raises a TypeError or ValueError unless `value` is a whole number from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, but must be a whole number from {low} to {high}")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, but must be from {low} to {high}")


def check_difficulty(name: str, value: object) -> None:
    """Raises a TypeError or ValueError unless `value` is a number from 0 to 1."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, but must be a number from 0 to 1")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}, but must be from 0 to 1")
