"""Movements of the head, the camera and the light in a clip, which are independent of its expression."""

import numpy as np

# For roll, yaw, pitch (radians), shift_x, shift_y (of the picture), scale, gaze_x, gaze_y: the spread of the easiest
# and of the hardest clips, and the largest deviation from a frontal pose.
_EASY_SPREAD = np.array([0.06, 0.1, 0.06, 0.02, 0.015, 0.04, 0.08, 0.05])
_HARD_SPREAD = np.array([0.13, 0.24, 0.13, 0.05, 0.045, 0.1, 0.2, 0.15])
_FRONTAL = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
_FARTHEST = np.array([0.35, 0.45, 0.3, 0.12, 0.1, 0.22, 1.0, 1.0])
_ROLL, _YAW, _PITCH, _GAZE_X = 0, 1, 2, 6


def ease(progress: np.ndarray) -> np.ndarray:
    """From 0 to 1 with a slow start and end, while `progress` goes from 0 to 1."""
    progress = np.clip(progress, 0, 1)
    return progress * progress * (3 - 2 * progress)


def drift(
    rng: np.random.Generator,
    time_sec: np.ndarray,
    count: int,
    size: float | np.ndarray,
    rates_hz: tuple[float, float] = (0.1, 0.5),
) -> np.ndarray:
    """Draws waves around zero with frequencies in `rates_hz`, shape (frames, count), that seldom exceed `size`."""
    rate_hz, phase = rng.uniform(*rates_hz, (2, count)), rng.uniform(0, 2 * np.pi, (2, count))
    return size * 0.5 * np.sin(2 * np.pi * rate_hz * time_sec[:, None, None] + phase).sum(axis=1)


def draw_poses(rng: np.random.Generator, time_sec: np.ndarray, difficulty: float = 0.0) -> np.ndarray:
    """Draws the fields of `Pose`, shape (frames, 8): pose at rest, drift, turns, nods, glances, camera shake.

    Shift and scale at rest also represent the errors of a face detector. Nods and shakes are like those of people who
    talk, but do not depend on whether this face talks: poses must be independent of the class.
    """
    rest_rng, drift_rng, turn_rng, nod_rng, gaze_rng, shake_rng = rng.spawn(6)
    spread = _EASY_SPREAD + (_HARD_SPREAD - _EASY_SPREAD) * difficulty
    poses = np.clip(rest_rng.normal(0, 1, 8), -2, 2) * spread
    poses = poses + drift(drift_rng, time_sec, 8, 0.5 * spread)
    poses[:, :3] += _draw_turn(turn_rng, time_sec, difficulty)
    poses[:, :3] += _draw_nods(nod_rng, time_sec, difficulty)
    poses[:, _GAZE_X:] += _draw_glances(gaze_rng, time_sec, difficulty)
    shake = np.array([0.008, 0.004, 0.004]) * difficulty * shake_rng.uniform(0, 1)
    poses[:, (_ROLL, 3, 4)] += drift(shake_rng, time_sec, 3, shake, (2.0, 8.0))
    return _FRONTAL + np.clip(poses, -_FARTHEST, _FARTHEST)


def _draw_turn(rng: np.random.Generator, time_sec: np.ndarray, difficulty: float) -> np.ndarray:
    """Roll, yaw and pitch, shape (frames, 3), of a head that may turn once in another direction."""
    turns, start, span_sec = rng.random() < 0.4 * difficulty, rng.uniform(0.1, 0.8), rng.uniform(0.3, 1.0)
    far = rng.normal(0, 1, 3) * (0.06, 0.2, 0.08)
    return turns * ease((time_sec - start * time_sec[-1]) / span_sec)[:, None] * far


def _draw_nods(rng: np.random.Generator, time_sec: np.ndarray, difficulty: float) -> np.ndarray:
    """Roll, yaw and pitch, shape (frames, 3), of nods or shakes of the head for short times."""
    moves = rng.random() < 0.5 * difficulty
    axis = rng.choice(3, p=(0.15, 0.3, 0.55))
    rate_hz, far, phase = rng.uniform(0.8, 2.5), rng.uniform(0.03, 0.1), rng.uniform(0, 2 * np.pi)
    spell = ease(1.2 * np.sin(2 * np.pi * (rng.uniform(0.2, 0.5) * time_sec + rng.random())))
    nods = np.zeros((len(time_sec), 3))
    nods[:, axis] = moves * far * spell * np.sin(2 * np.pi * rate_hz * time_sec + phase)
    return nods


def _draw_glances(rng: np.random.Generator, time_sec: np.ndarray, difficulty: float) -> np.ndarray:
    """gaze_x and gaze_y, shape (frames, 2): about every second the gaze changes at once and then stays."""
    gaze = np.zeros((len(time_sec), 2))
    start_sec = rng.uniform(0, 1.5)
    while start_sec < time_sec[-1]:
        away = rng.random() < 0.6  # or back to the camera
        gaze[time_sec >= start_sec] = away * difficulty * rng.normal(0, 1, 2) * (0.35, 0.2)
        start_sec += rng.uniform(0.4, 2.0)
    return gaze


def draw_lights(rng: np.random.Generator, time_sec: np.ndarray, difficulty: float = 0.0) -> np.ndarray:
    """Draws the fields of `Light`, shape (frames, 5): constant light, its drift, and with higher difficulty sudden or
    slow changes, as from a lamp or a cloud, and a shadow on the face."""
    rest_rng, drift_rng, change_rng = rng.spawn(3)
    rest = (
        rest_rng.uniform(0.85 - 0.2 * difficulty, 1.1 + 0.15 * difficulty),
        rest_rng.uniform(-np.pi, 0),
        rest_rng.uniform(0, 0.25 + 0.45 * difficulty),
        rest_rng.normal(0, 0.35 + 0.3 * difficulty),
        rest_rng.uniform(0.2, 0.9) * (rest_rng.random() < 0.4 * difficulty),
    )
    size = np.array([0.04, 0.3, 0.03, 0.1, 0.15 * difficulty * (rest[-1] > 0)])
    lights = rest + drift(drift_rng, time_sec, 5, size)

    changes = change_rng.random() < 0.4 * difficulty
    at_once = change_rng.random() < 0.5
    span_sec = change_rng.uniform(0.02, 0.1) if at_once else change_rng.uniform(0.4, 1.5)
    course = ease((time_sec - change_rng.uniform(0.1, 0.9) * time_sec[-1]) / span_sec)
    # brightness, direction, contrast, warmth, shadow
    low, high = np.array([-0.3, -1.5, -0.3, -0.6, -0.5]), np.array([0.35, 1.5, 0.3, 0.6, 0.5])
    lights += changes * course[:, None] * change_rng.uniform(low, high)
    return np.clip(lights, (0.6, -2 * np.pi, 0, -1, 0), (1.4, 2 * np.pi, 0.8, 1, 1))
