"""Drawn people in a studio, as in CREMA-D and RAVDESS: head and shoulders before a plain wall, from the front."""

from functools import cache

import numpy as np

from logoformer_hf.data.synthetic.actor import Actor, Performance
from logoformer_hf.data.synthetic.behaviour import draw_action_units
from logoformer_hf.data.synthetic.motion import draw_poses
from logoformer_hf.data.synthetic.person import Identity

FPS = 8
WIDTH_PX, HEIGHT_PX = 320, 240  # as CREMA-D's 480 x 360
_ACTOR_PX = 260  # side of the actor's picture: the face is 104 pixels wide
_WALLS = ((52, 60, 84), (96, 84, 70), (70, 88, 78))


@cache
def person(number: int) -> Identity:
    """The person with this number."""
    return Identity.draw(np.random.default_rng([7, number]))


def studio_frames(person_number: int, expression: str, take: int = 0, num_frames: int = 16) -> np.ndarray:
    """
    A clip of a person who shows an expression, two seconds at difficulty 0.

    Args:
        person_number: who.
        expression: one of the seven; "calm" is drawn as neutral.
        take: another number gives another performance.
        num_frames: at `FPS`.

    Returns:
        frames `(frames, height, width, 3)` uint8.
    """
    expression = "neutral" if expression == "calm" else expression
    face_rng, pose_rng = np.random.default_rng([11, person_number, take, *expression.encode()]).spawn(2)
    times_sec = np.arange(num_frames) / FPS
    units = draw_action_units(face_rng, expression, times_sec)
    actor = Actor(Performance(person(person_number), units, draw_poses(pose_rng, times_sec)), _ACTOR_PX)
    empty = _wall(_WALLS[person_number % len(_WALLS)])
    top, left = HEIGHT_PX - _ACTOR_PX + 24, (WIDTH_PX - _ACTOR_PX) // 2
    frames = np.empty((num_frames, HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    for number in range(num_frames):
        frame = empty.copy()
        picture = actor.picture(number)
        rows = slice(max(0, -top), min(_ACTOR_PX, HEIGHT_PX - top))
        part = picture[rows]
        place = frame[max(0, top) : max(0, top) + len(part), left : left + _ACTOR_PX]
        opacity = part[..., 3:].astype(np.float32) / 255
        place[:] = np.clip(part[..., :3] + (1 - opacity) * place, 0, 255).astype(np.uint8)
        frames[number] = frame
    return frames


def _wall(colour: tuple[int, int, int]) -> np.ndarray:
    """A wall that is lighter in the middle, `(height, width, 3)` uint8."""
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH_PX), np.linspace(-1, 1, HEIGHT_PX))
    light = 1.35 - 0.35 * (x * x + y * y)[..., None]
    return np.clip(light * np.array(colour), 0, 255).astype(np.uint8)
