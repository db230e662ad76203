"""Plans footage for measuring timelines: drawn people who show expressions at known times and are neutral between."""

from dataclasses import dataclass

import numpy as np

from ...configuration_logoformer import EXPRESSIONS
from .actor import Actor, Performance
from .behaviour import draw_action_units, draw_expression
from .footage import DrawnFootage, Role
from .motion import draw_poses, drift
from .person import Identity

SIZE_PX = (640, 360)
FPS = 25.0
_NEUTRAL = EXPRESSIONS.index("neutral")
_UNIT = 0.12  # size of a face unit, as a share of the picture's height: faces of about 90 pixels at 360
_ACTOR_PX = 176
_HALF = 0.5  # of an expression's full strength, where it begins and ends


@dataclass(frozen=True)
class Episode:
    """A stretch of time in which a person shows an expression.

    Attributes:
        person: number of the person, from 0.
        label: name of the expression.
        onset_sec, offset_sec: first and last time at which it has half of its strength.
    """

    person: int
    label: str
    onset_sec: float
    offset_sec: float


def draw_episodes(
    seed: int, duration_sec: float, num_people: int, size_px: tuple[int, int] = SIZE_PX
) -> tuple[DrawnFootage, list[Episode]]:
    """Plans footage of people who stand beside each other. Each is neutral for 1.5 to 3 s, then shows an expression
    for about 2 to 5 s, and so on; all expressions come up equally often.

    Args:
        seed: another seed gives other people, expressions and times.
        duration_sec: length.
        num_people: in the picture, one to three.
        size_px: width and height, even numbers.

    Returns:
        The footage, and the episodes of all people.
    """
    rng = np.random.default_rng([seed, 11])
    time_sec = np.arange(round(duration_sec * FPS)) / FPS
    roles, episodes = [], []
    for person in range(num_people):
        performance, labels, shown = _perform(rng, person, time_sec)
        roles.append(_stand(rng, Actor(performance, _ACTOR_PX), labels, time_sec, person, num_people, size_px))
        episodes += shown
    background_seed = int(rng.integers(1, 1 << 30)) * int(rng.choice((-1, 1)))  # half of them are plain
    still = np.zeros(len(time_sec), int)
    return DrawnFootage(size_px, FPS, roles, still, [background_seed], np.ones(len(time_sec))), episodes


def _perform(
    rng: np.random.Generator, person: int, time_sec: np.ndarray
) -> tuple[Performance, np.ndarray, list[Episode]]:
    """A person's performance, with the expression that each frame shows, and its episodes."""
    identity_rng, face_rng, pose_rng, rng = rng.spawn(4)
    units = draw_action_units(face_rng, "neutral", time_sec)
    labels = np.full(len(time_sec), _NEUTRAL)
    names = [name for name in EXPRESSIONS if name != "neutral"]
    episodes: list[Episode] = []
    order: list[str] = []
    start_sec = rng.uniform(1.5, 3.0)
    while True:
        span_sec = rng.uniform(2.6, 6.0)  # with the rest at both ends that training clips have
        first, last = (int(np.searchsorted(time_sec, each)) for each in (start_sec, start_sec + span_sec))
        if last >= len(time_sec) - round(1.0 * FPS):
            break
        order = order or [str(name) for name in rng.permutation(names)]
        label = order.pop()
        local_sec = time_sec[first:last] - time_sec[first]
        shown = draw_expression(rng, label, local_sec)
        units[first:last] = units[first:last] + shown - units[first:last] * shown
        onset, offset = _half_strength(shown)
        labels[first + onset : first + offset + 1] = EXPRESSIONS.index(label)
        episodes.append(Episode(person, label, float(time_sec[first + onset]), float(time_sec[first + offset])))
        start_sec += span_sec + rng.uniform(1.5, 3.0)
    poses = draw_poses(pose_rng, time_sec)
    return Performance(Identity.draw(identity_rng), units, poses), labels, episodes


def _half_strength(shown: np.ndarray) -> tuple[int, int]:
    """First and last frame in which an expression (frames, units, 2) has half of its strength: the mean of its units,
    relative to its largest value."""
    strength = shown.mean(axis=(1, 2))
    frames = np.flatnonzero(strength >= _HALF * strength.max())
    return int(frames[0]), int(frames[-1])


def _stand(
    rng: np.random.Generator,
    actor: Actor,
    labels: np.ndarray,
    time_sec: np.ndarray,
    person: int,
    num_people: int,
    size_px: tuple[int, int],
) -> Role:
    """A person who stands in the picture and moves a little, in place and in distance."""
    width, height = size_px
    shape = time_sec.shape
    sway = drift(rng, time_sec, 3, np.array((0.05, 0.03, 0.1)), (0.05, 0.3))
    place = np.array(((person + 0.5) / num_people * width, rng.uniform(0.42, 0.5) * height))
    return Role(
        actor=actor,
        takes=np.arange(len(time_sec)),
        middles_px=place + sway[:, :2] * height,
        unit_px=_UNIT * height * rng.uniform(0.85, 1.1) * np.exp(sway[:, 2]),
        depths=np.full(shape, float(person)),
        tracks=np.full(shape, person + 1),
        is_covered=np.zeros(shape, bool),
        labels=labels,
    )
