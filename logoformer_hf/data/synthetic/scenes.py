"""Plans footage for measuring how faces are followed: people who cross, turn round, are hidden, leave and come back,
come nearer, and cuts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...configuration_logoformer import EXPRESSIONS
from .actor import Actor, Performance
from .footage import DrawnFootage, Role
from .motion import drift, ease

SIZE_PX = (640, 360)
_FPS = (15.0, 25.0, 30.0)
_TAKE_FRAMES = 32  # at most `actor.CHUNK_FRAMES`, so that an actor keeps them
_TAKE_FPS = 25
_BOX_UNITS = 2.1  # a face's box in face units
_ASPECT = 16 / 9


@dataclass
class _Path:
    """Where one person is: lengths as shares of the picture's height, from its upper left corner; all (frames,)."""

    x: np.ndarray
    y: np.ndarray
    unit: np.ndarray
    depth: np.ndarray | float = 0.0
    tracks: np.ndarray | int = 1
    is_covered: np.ndarray | bool = False


@dataclass
class _Plan:
    """Paths of people, with what happens to the whole picture."""

    paths: list[_Path]
    scenes: np.ndarray | int = 0
    zooms: np.ndarray | float = 1.0
    same_people: list[int] = field(default_factory=list)  # index of the actor of each path; by default all differ


def draw_cast(seed: int, count: int = 10) -> list[Actor]:
    """Draws people for `draw_scene`, each with one expression and few enough frames to be drawn only once."""
    performances = [
        Performance.draw(np.random.default_rng([seed, 7, number]), EXPRESSIONS[number % 7], _TAKE_FRAMES, _TAKE_FPS)
        for number in range(count)
    ]
    return [Actor(performance, side_px=160) for performance in performances]


def draw_scene(kind: str, seed: int, cast: Sequence[Actor], size_px: tuple[int, int] = SIZE_PX) -> DrawnFootage:
    """Plans footage of one of `KINDS`, which depends on the arguments only.

    Args:
        kind: one of `KINDS`.
        seed: another seed gives other people, paths and speeds.
        cast: the people to choose from, at least eight, from `draw_cast`.
        size_px: width and height, even numbers, 16:9.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, but must be one of {tuple(KINDS)}")
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    fps = float(rng.choice(_FPS))
    time_sec = np.arange(round((3 + 2 * (kind in ("re_entry", "dropout", "group"))) * fps)) / fps
    plan = KINDS[kind](rng, time_sec)
    people = rng.permutation(len(cast))
    actors = plan.same_people or list(range(len(plan.paths)))
    zooms = np.broadcast_to(plan.zooms, time_sec.shape)
    roles = [
        _role(rng, cast[people[actor]], path, time_sec, zooms, size_px)
        for actor, path in zip(actors, plan.paths, strict=True)
    ]
    tracks = np.cumsum([0] + [int(role.tracks.max()) for role in roles])
    roles = [
        Role(**vars(role) | {"tracks": np.where(role.tracks > 0, role.tracks + before, 0)})
        for role, before in zip(roles, tracks[:-1], strict=True)
    ]
    scenes = np.broadcast_to(plan.scenes, time_sec.shape)
    backgrounds = rng.integers(1 << 30, size=int(scenes.max()) + 1).tolist()
    return DrawnFootage(size_px, fps, roles, scenes, backgrounds, zooms)


def _role(
    rng: np.random.Generator,
    actor: Actor,
    path: _Path,
    time_sec: np.ndarray,
    zooms: np.ndarray,
    size_px: tuple[int, int],
) -> Role:
    """A path in pixels, with the sway of a person who stands or walks, and the actor's frames back and forth."""
    shape, (width, height) = time_sec.shape, size_px
    unit_px = path.unit * height
    sway = drift(rng, time_sec, 2, 0.15, (0.2, 0.9)) * unit_px[:, None]
    middle = np.array((width, height)) / 2
    middles_px = (np.stack([path.x * height, path.y * height], axis=-1) + sway - middle) * zooms[:, None] + middle
    last = len(actor) - 1
    beat = (rng.integers(2 * last) + np.round(time_sec * _TAKE_FPS).astype(int)) % (2 * last)
    return Role(
        actor=actor,
        takes=np.minimum(beat, 2 * last - beat),
        middles_px=middles_px,
        unit_px=unit_px * zooms,
        depths=np.broadcast_to(np.asarray(path.depth, float), shape),
        tracks=np.broadcast_to(path.tracks, shape),
        is_covered=np.broadcast_to(path.is_covered, shape),
        labels=np.zeros(shape, int),
    )


def _unit(rng: np.random.Generator, low: float = 0.07, high: float = 0.13) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _cross(rng: np.random.Generator, time_sec: np.ndarray, overlap_sec: float) -> _Plan:
    """Two people who walk past each other; their boxes touch for `overlap_sec` seconds."""
    end = time_sec[-1]
    units = [_unit(rng), _unit(rng)]
    if rng.random() < 0.4:
        units[1] = units[0]
    speed = _BOX_UNITS * sum(units) / overlap_sec  # heights of the picture per second, of one relative to the other
    share = rng.uniform(0.05, 0.95)  # one of the two may nearly stand
    x, y = rng.uniform(0.4, 0.6) * _ASPECT, rng.uniform(0.32, 0.6)
    heights = y + np.array((0, rng.uniform(-0.5, 0.5))) * max(units)
    middle_sec, side = end * rng.uniform(0.45, 0.55), rng.choice((-1, 1))
    velocities = side * speed * np.array((share, share - 1))
    depths = rng.permutation(2)
    return _Plan(
        [
            _Path(x + velocity * (time_sec - middle_sec), height + 0 * time_sec, unit + 0 * time_sec, depth)
            for velocity, height, unit, depth in zip(velocities, heights, units, depths, strict=True)
        ]
    )


def _crossing(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    return _cross(rng, time_sec, rng.uniform(0.3, 0.9))  # up to a second with the sway


def _long_crossing(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    return _cross(rng, time_sec, rng.uniform(1.2, 2.0))


def _turn_round(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    """Somebody walks behind another, who stands or comes towards them, and back to the side they came from."""
    end, unit = time_sec[-1], _unit(rng)
    units = np.array((unit, unit * rng.uniform(0.85, 1.2)))
    x, y, side = rng.uniform(0.45, 0.55) * _ASPECT, rng.uniform(0.35, 0.6), rng.choice((-1, 1))
    way_sec, stay_sec = rng.uniform(0.6, 1.0), rng.uniform(0.0, 0.5)
    away = _BOX_UNITS * units.sum() * rng.uniform(0.6, 0.8)
    from_middle_sec = np.maximum(np.abs(time_sec - end / 2) - stay_sec / 2, 0)
    distance = away * ease(from_middle_sec / way_sec)
    share = rng.choice((1.0, 0.5))  # the other stands, or does the same
    return _Plan(
        [
            _Path(x - side * share * distance, y + 0 * time_sec, units[0] + 0 * time_sec, 0),
            _Path(x + side * (1 - share) * distance, y + 0 * time_sec, units[1] + 0 * time_sec, 1),
        ]
    )


def _group(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    """Three or four people, who walk in both directions."""
    count, unit, paths = int(rng.integers(3, 5)), _unit(rng, 0.07, 0.1), []
    for number in range(count):
        one = unit * rng.uniform(0.85, 1.15)
        side = 1 if number % 2 else -1
        velocity = side * _BOX_UNITS * unit / rng.uniform(0.6, 1.0)
        # Those who walk the same way have a distance between them.
        lag_sec = (number // 2) * 2.6 * _BOX_UNITS * unit / abs(velocity) + rng.uniform(0, 0.3)
        start = (-0.1 if side > 0 else _ASPECT + 0.1) - velocity * lag_sec
        y = rng.uniform(0.3, 0.6)
        paths.append(_Path(start + velocity * time_sec, y + 0 * time_sec, one + 0 * time_sec, float(rng.random())))
    return _Plan(paths)


def _standing(rng: np.random.Generator, time_sec: np.ndarray, count: int) -> list[_Path]:
    """People beside each other, who move a little."""
    paths = []
    for number in range(count):
        place = (number + rng.uniform(0.35, 0.65)) / count * _ASPECT
        x, y = np.moveaxis(drift(rng, time_sec, 2, np.array((0.08, 0.05)), (0.1, 0.4)), -1, 0)
        unit = _unit(rng, 0.07, 0.13 if count < 3 else 0.09)
        paths.append(_Path(place + x, rng.uniform(0.38, 0.55) + y, unit + 0 * time_sec, number))
    return paths


def _dropout(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    """One to three people, whose faces are covered for up to 0.9 s now and then."""
    paths = _standing(rng, time_sec, int(rng.integers(1, 4)))
    for path in paths:
        start_sec, covered = rng.uniform(0.6, 1.5), np.zeros(len(time_sec), bool)
        while start_sec < time_sec[-1] - 1:
            span_sec = rng.uniform(0.1, 0.9)
            covered |= (time_sec >= start_sec) & (time_sec < start_sec + span_sec)
            start_sec += span_sec + rng.uniform(0.7, 1.5)
        path.is_covered = covered
    return _Plan(paths)


def _re_entry(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    """Somebody leaves and comes back after at least two seconds, which is a new track; another stays, and sometimes
    somebody else comes in where the first one left."""
    end, unit, side = time_sec[-1], _unit(rng), rng.choice((-1, 1))
    gone_sec = rng.uniform(2.0, 2.4)
    leaves_sec = (end - gone_sec) / 2
    far = _ASPECT / 2 + 2.2 * unit  # from the picture's middle: quite outside
    near = rng.uniform(0.25, 0.45)
    comes_sec = leaves_sec + gone_sec
    away = near + (far - near) * (ease((time_sec - leaves_sec + 0.8) / 0.8) - ease((time_sec - comes_sec) / 0.8))
    tracks = np.where(time_sec <= leaves_sec, 1, np.where(time_sec >= comes_sec, 2, 0))
    y = rng.uniform(0.38, 0.55)
    paths = [_Path(_ASPECT / 2 + side * away, y + 0 * time_sec, unit + 0 * time_sec, 0, tracks)]
    stays = _standing(rng, time_sec, 1)[0]
    stays.x = _ASPECT / 2 - side * 0.45 + 0.5 * (stays.x - stays.x.mean())
    paths.append(stays)
    if rng.random() < 0.5:
        inside = leaves_sec + 0.2 + np.array((0.0, 0.6, gone_sec - 1.0, gone_sec - 0.4))
        visit = ease((time_sec - inside[0]) / 0.6) * ease((inside[3] - time_sec) / 0.6)
        present = (time_sec >= inside[0]) & (time_sec <= inside[3])
        x = _ASPECT / 2 + side * (far - (far - near) * visit)
        paths.append(_Path(x, y + 0 * time_sec, unit * rng.uniform(0.9, 1.1) + 0 * time_sec, 1, present.astype(int)))
    return _Plan(paths)


def _cut(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    """Two or three scenes, in each of them one or two people: others, or the same ones in another place."""
    count = int(rng.integers(2, 4))
    starts_sec = time_sec[-1] * (np.arange(1, count) + rng.uniform(-0.2, 0.2, count - 1)) / count
    scenes = np.searchsorted(starts_sec, time_sec, side="right")
    paths, actors = [], []
    for scene in range(count):
        for number, path in enumerate(_standing(rng, time_sec, int(rng.integers(1, 3)))):
            path.tracks = (scenes == scene).astype(int)
            paths.append(path)
            actors.append(number if rng.random() < 0.4 else len(paths) + 1)
    return _Plan(paths, scenes, same_people=actors)


def _size_change(rng: np.random.Generator, time_sec: np.ndarray) -> _Plan:
    """People who come nearer or go away, or a camera that zooms in or out."""
    end, paths = time_sec[-1], _standing(rng, time_sec, int(rng.integers(1, 3)))
    factor = rng.uniform(1.6, 2.6)
    span_sec = rng.uniform(0.7, 2.0)
    course = ease((time_sec - rng.uniform(0.3, end - span_sec - 0.3)) / span_sec)
    if rng.random() < 0.5:
        course = 1 - course
    if rng.random() < 0.5:
        for path in paths:
            path.x = _ASPECT / 2 + (path.x - _ASPECT / 2) * 0.6
            path.unit = path.unit * 0.75
        return _Plan(paths, zooms=1 + (factor - 1) * 0.6 * course)
    for path in paths:
        path.unit = path.unit * 0.6 * (1 + (factor - 1) * course)
    return _Plan(paths)


# What happens, and how the footage is planned: function of random numbers and of the frames' times.
KINDS: dict[str, Callable[[np.random.Generator, np.ndarray], _Plan]] = {
    "crossing": _crossing,
    "long_crossing": _long_crossing,
    "turn_round": _turn_round,
    "group": _group,
    "dropout": _dropout,
    "re_entry": _re_entry,
    "cut": _cut,
    "size_change": _size_change,
}
