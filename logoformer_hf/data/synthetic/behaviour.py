"""The action units of a synthetic face over time: expression, speech, blinks and the face at rest.

An expression is a combination of action units after EMFACS (W. Friesen, P. Ekman, *EMFACS-7: Emotional Facial Action
Coding System*, 1983). With higher difficulty there are clips whose classes differ in their course over time, but not
in a single frame: a talking mouth that looks like a smile or like disgust for a short time, surprise and fear with the
same units, people who frown at rest.
"""

import numpy as np

from .motion import drift, ease
from .rig import ACTION_UNITS

# Action units of each expression, with their intensity at full strength.
EXPRESSION_UNITS: dict[str, dict[int, float]] = {
    "happy": {6: 1.0, 12: 1.0},
    "sad": {1: 1.0, 4: 0.8, 15: 1.0},
    "neutral": {},
    "angry": {4: 1.0, 5: 0.6, 7: 0.9, 23: 1.0},
    "surprise": {1: 1.0, 2: 1.0, 5: 1.0, 26: 1.0},
    "disgust": {9: 1.0, 15: 0.7},
    "fear": {1: 1.0, 2: 0.8, 4: 0.9, 5: 1.0, 7: 0.4, 20: 1.0, 26: 0.35},
}
# Units that only some clips have in addition.
OPTIONAL_UNITS = {
    "happy": {25: 0.8},
    "sad": {17: 0.8},
    "surprise": {25: 0.3},
    "disgust": {10: 0.8, 16: 0.5},
    "fear": {25: 0.6},
}
# Units that are always present: without them the face would be closer to another expression.
CORE_UNITS = {
    "happy": (12,),
    "sad": (1, 15),
    "neutral": (),
    "angry": (4, 23),
    "surprise": (1, 2, 26),
    "disgust": (9,),
    "fear": (1, 4, 20),
}
# Forms that differ from another class only in the course over time, not in a single frame.
_STARTLED = {1: 1.0, 2: 0.9, 4: 0.3, 5: 1.0, 20: 0.35, 25: 0.5, 26: 0.6}
LOOK_ALIKE_UNITS = {
    "happy": {6: 0.3, 12: 0.9, 25: 0.7, 26: 0.2},  # looks like a talking mouth that smiles
    "disgust": {9: 0.8, 10: 0.9, 16: 0.6, 25: 0.7, 26: 0.15},  # looks like a talking mouth with a curled lip
    "surprise": _STARTLED,
    "fear": _STARTLED,
    "angry": {4: 1.0, 7: 0.7},  # looks like people who frown at rest
    "sad": {15: 1.0, 1: 0.4, 17: 0.3},  # looks like people with a drooping mouth at rest
}
LOOK_ALIKE_SHARE = 0.5  # of the clips of these classes that are long enough, at difficulty 1
FLITTING_SHARE = 0.5  # of the long enough clips of every class, at difficulty 1
LOOK_ALIKE_SEC = 0.9  # in a shorter clip, one movement of a talking mouth lasts as long as a held expression

# Faces at rest, which are independent of the expression: a frown, a drooping mouth, a smile, wide eyes, a curled lip,
# worry, narrow lids.
_RESTING_FACES = (
    {4: 1.0, 7: 0.8, 23: 0.4},
    {15: 1.0, 1: 0.6, 17: 0.4, 4: 0.3},
    {12: 1.0, 6: 0.5},
    {1: 1.0, 2: 0.8, 5: 0.6},
    {10: 1.0, 9: 0.7, 16: 0.4},
    {1: 1.0, 4: 0.6, 20: 0.7},
    {7: 1.0, 6: 0.4},
)
_RESTING_MOST = 0.5

# Movements of the mouth in a syllable besides its opening: (units, share of the syllables).
_VISEMES: tuple[tuple[dict[int, float], float], ...] = (
    ({}, 0.4),
    ({20: 0.4, 12: 0.25}, 0.2),
    ({18: 0.8}, 0.25),
    ({10: 0.35}, 0.15),
)
_SPEECH_STYLES: dict[str, dict[int, float]] = {
    "plain": {},
    "smiling": LOOK_ALIKE_UNITS["happy"],
    "curling": LOOK_ALIKE_UNITS["disgust"],
}
# Short movements that are independent of the expression: a brow that stresses a word, lips pressed together, a polite
# smile, a grimace.
_FIDGETS = (
    {1: 0.9, 2: 0.9, 5: 0.4},
    {4: 0.9, 7: 0.6},
    {23: 0.9, 7: 0.4},
    {15: 0.9, 17: 0.8},
    {12: 0.9, 6: 0.4, 25: 0.3},
    {20: 0.9, 1: 0.5, 25: 0.4},
    {10: 0.8, 9: 0.7, 25: 0.4},
)
_MIDLINE_UNITS = (18, 25, 26, 45)  # both halves of the face move together


def draw_action_units(
    rng: np.random.Generator,
    expression: str,
    time_sec: np.ndarray,
    difficulty: float = 0.0,
    resting_face: np.ndarray | None = None,
) -> np.ndarray:
    """Draws the action units of a clip: expression, speech, blinks, short movements and drift.

    Each of these has separate random numbers: all but the expression are drawn alike for every expression.

    Args:
        rng: random numbers of this clip's face.
        expression: one of `EXPRESSION_UNITS`.
        time_sec: of each frame, shape (frames,).
        difficulty: from 0 (a full expression on a still face) to 1 (as in the wild).
        resting_face: of the person, from `draw_resting_face`.

    Returns:
        Intensities from 0 to 1, shape (frames, `len(ACTION_UNITS)`, 2): unit, side (left and right of the picture).
    """
    expression_rng, speech_rng, fidget_rng, blink_rng, drift_rng = rng.spawn(5)
    units = draw_expression(expression_rng, expression, time_sec, difficulty)
    speech = draw_speech(speech_rng, time_sec, difficulty)
    if expression != "neutral":
        speech = _damp(speech)
    units = _add(units, speech[..., None])
    units = _add(units, _draw_fidgets(fidget_rng, time_sec, difficulty)[..., None])
    if resting_face is not None:
        units = _add(units, resting_face)
    units += np.abs(drift(drift_rng, time_sec, len(ACTION_UNITS), 0.05 + 0.02 * difficulty))[..., None]
    units[:, ACTION_UNITS.index(45)] = draw_blinks(blink_rng, time_sec)[:, None]
    return np.clip(units, 0, 1)


def draw_resting_face(rng: np.random.Generator, difficulty: float = 0.0) -> np.ndarray:
    """Draws a person's face at rest, shape (`len(ACTION_UNITS)`, 2): intensities by unit and side.

    A single frame of it looks like a weak expression; the expression is the change relative to it.
    """
    rest = np.zeros((len(ACTION_UNITS), 2))
    for face in rng.permutation(len(_RESTING_FACES))[: rng.choice(3, p=(0.2, 0.55, 0.25))]:
        strength = difficulty * rng.uniform(0.4, 1.0) * _RESTING_MOST
        sides = _draw_sides(rng, 0.08)
        for unit, far in _RESTING_FACES[face].items():
            row = ACTION_UNITS.index(unit)
            rest[row] = np.maximum(rest[row], strength * far * sides[row])
    return rest


def draw_expression(
    rng: np.random.Generator, expression: str, time_sec: np.ndarray, difficulty: float = 0.0
) -> np.ndarray:
    """Draws the expression alone, shape (frames, `len(ACTION_UNITS)`, 2): from rest to its apex, around the clip's
    middle, and back. Each unit has its own lag, speed and strength; one side of the face may be stronger."""
    units = np.zeros((len(time_sec), len(ACTION_UNITS), 2))
    if expression == "neutral":
        return units
    alike = time_sec[-1] >= LOOK_ALIKE_SEC and rng.random() < LOOK_ALIKE_SHARE * difficulty
    # Posed expressions are stronger on one side and do not involve the eyes (P. Ekman, W. Friesen, *Felt, false, and
    # miserable smiles*, 1982).
    posed = expression in ("happy", "disgust") and rng.random() < 0.3 * difficulty
    amounts = _draw_amounts(rng, expression, difficulty, alike)
    if posed:
        amounts.pop(6, None)
    sides = _draw_sides(rng, 0.03 + 0.05 * difficulty, rng.choice((-1, 1)) * rng.uniform(0.2, 0.5) * posed)
    # Look-alikes always have the course of their class, other clips more often with higher difficulty.
    own_course = alike or rng.random() < difficulty
    if own_course and expression == "surprise":
        courses = _draw_jump(rng, time_sec, len(amounts), difficulty)
    elif own_course and expression == "fear":
        courses = _draw_creep(rng, time_sec, len(amounts))
    else:
        courses = _draw_held(rng, time_sec, len(amounts), difficulty)
    for (unit, far), course in zip(amounts.items(), courses.T, strict=True):
        row = ACTION_UNITS.index(unit)
        units[:, row] = far * course[:, None] * sides[row]
    return np.clip(units, 0, 1)


def _draw_amounts(rng: np.random.Generator, expression: str, difficulty: float, alike: bool) -> dict[int, float]:
    """Peak intensity of each unit: strong or weak, some units missing, sometimes mixed with a second expression."""
    weakest = 0.6 - 0.35 * difficulty
    strength = rng.uniform(weakest, 1.0)
    if alike:  # strong enough for its course to be visible
        strength = max(strength, 0.35)
        return {unit: strength * far * rng.uniform(0.8, 1.1) for unit, far in LOOK_ALIKE_UNITS[expression].items()}
    added = {unit: far for unit, far in OPTIONAL_UNITS.get(expression, {}).items() if rng.random() < 0.7}
    amounts = {
        unit: strength * far * rng.uniform(0.85 - 0.15 * difficulty, 1.1)
        for unit, far in (EXPRESSION_UNITS[expression] | added).items()
        if unit in CORE_UNITS[expression] or rng.random() >= 0.2 * difficulty
    }
    if rng.random() < 0.35 * difficulty:
        # Surprise with a little fear, or fear with a little surprise, are the look-alikes above.
        startled = ("surprise", "fear")
        others = [name for name in EXPRESSION_UNITS if name not in ("neutral", expression)]
        others = [name for name in others if expression not in startled or name not in startled]
        second = EXPRESSION_UNITS[str(rng.choice(others))]
        share = strength * rng.uniform(0.15, 0.4)
        amounts |= {unit: max(share * far, amounts.get(unit, 0.0)) for unit, far in second.items()}
    return amounts


def _draw_sides(rng: np.random.Generator, spread: float, lean: float = 0.0) -> np.ndarray:
    """Factor of each unit on the two sides, shape (`len(ACTION_UNITS)`, 2): 1 on the stronger side."""
    bias = np.clip(lean + rng.normal(0, spread, len(ACTION_UNITS)), -0.6, 0.6)
    bias[[ACTION_UNITS.index(unit) for unit in _MIDLINE_UNITS]] = 0
    return 1 - np.maximum(np.stack([bias, -bias], axis=1), 0)


def _draw_held(rng: np.random.Generator, time_sec: np.ndarray, count: int, difficulty: float) -> np.ndarray:
    """Courses from 0 to 1 and back, shape (frames, count), held in between; the apex spans the clip's middle."""
    end_sec = time_sec[-1]
    # A clip of a few frames has hardly any frames at rest.
    rest = 0.08 if len(time_sec) < 16 else 0.2 + 0.07 * difficulty
    before_sec, after_sec = end_sec * rng.uniform((0.3 + 0.2 * difficulty) * rest, rest, 2)
    # Each unit has its own speed and a short lag.
    speeds = rng.uniform(1 - 0.3 * difficulty, 1 + 0.3 * difficulty, (2, count))
    lags_sec = np.minimum(rng.uniform(0, 0.12, (2, count)), 0.05 * end_sec)
    rise_sec, fall_sec = np.minimum(rng.uniform(0.2, 0.6, (2, 1)), 0.2 * end_sec) * speeds
    starts_sec, ends_sec = before_sec + lags_sec[0], end_sec - after_sec - lags_sec[1]
    rise_sec = np.minimum(rise_sec, 0.47 * end_sec - starts_sec)
    fall_sec = np.minimum(fall_sec, ends_sec - 0.53 * end_sec)
    time_sec = time_sec[:, None]
    return ease((time_sec - starts_sec) / rise_sec) * ease((ends_sec - time_sec) / fall_sec)


def _draw_jump(rng: np.random.Generator, time_sec: np.ndarray, count: int, difficulty: float) -> np.ndarray:
    """Courses of surprise, shape (frames, count): a rise within 0.1 to 0.2 s just before the middle, then a fall."""
    end_sec = time_sec[-1]
    rise_sec = min(rng.uniform(0.1, 0.2), 0.15 * end_sec)
    lags_sec = np.minimum(rng.uniform(0, 0.05, count), 0.03 * end_sec)
    starts_sec = 0.48 * end_sec - rise_sec - min(rng.uniform(0, 0.25), 0.15 * end_sec) - lags_sec
    stay_sec = 0.52 * end_sec + min(rng.uniform(0, 0.2), 0.1 * end_sec) + lags_sec
    fall_sec = np.minimum(rng.uniform(0.25, 0.6), 0.3 * end_sec) * rng.uniform(0.8, 1.2, count)
    left = rng.uniform(0, 0.15) * difficulty
    time_sec = time_sec[:, None]
    return ease((time_sec - starts_sec) / rise_sec) * (1 - (1 - left) * ease((time_sec - stay_sec) / fall_sec))


def _draw_creep(rng: np.random.Generator, time_sec: np.ndarray, count: int) -> np.ndarray:
    """Courses of fear, shape (frames, count): a rise in steps until the middle, with a tremor of 6 to 10 Hz, then
    held for most of the remaining time."""
    end_sec = time_sec[-1]
    steps = rng.integers(2, 4, endpoint=True)
    heights = rng.dirichlet(np.full(steps, 4.0))
    starts = np.linspace(0.1, 0.33, steps) + rng.uniform(-0.02, 0.03, steps)
    lags_sec = np.minimum(rng.uniform(0, 0.08, count), 0.04 * end_sec)
    step_sec = min(rng.uniform(0.15, 0.3), 0.12 * end_sec)
    progress = (time_sec[:, None, None] - starts[:, None] * end_sec - lags_sec) / step_sec  # (frames, steps, count)
    level = (heights[:, None] * ease(progress)).sum(axis=1)
    level *= ease((rng.uniform(0.9, 1.2) * end_sec - time_sec) / (0.1 * end_sec))[:, None]
    rate_hz, phases = rng.uniform(6, 10), rng.uniform(0, 2 * np.pi, count)
    tremor = 0.5 + 0.5 * np.sin(2 * np.pi * rate_hz * time_sec[:, None] + phases)
    return level * (1 - rng.uniform(0.1, 0.2) * tremor)


def draw_speech(rng: np.random.Generator, time_sec: np.ndarray, difficulty: float = 0.0) -> np.ndarray:
    """Draws a talking mouth, shape (frames, `len(ACTION_UNITS)`), or zeros: at difficulty 1, half of the clips talk.

    Three to six syllables per second open the mouth and change its shape; phrases end in pauses. Some people smile or
    curl their lip for a syllable or two while they talk: a single frame of it looks happy or disgusted.
    """
    units = np.zeros((len(time_sec), len(ACTION_UNITS)))
    talks, style = rng.random() < 0.5 * difficulty, str(rng.choice(list(_SPEECH_STYLES), p=(0.2, 0.4, 0.4)))
    if not talks or (style != "plain" and time_sec[-1] < LOOK_ALIKE_SEC):
        return units
    syllable_sec, loudness = 1 / rng.uniform(3, 6), rng.uniform(0.6, 1.0)
    starts_sec, now_sec = [], -1.0
    while now_sec < time_sec[-1] + 1:
        for _ in range(rng.integers(4, 9)):
            starts_sec.append(now_sec)
            now_sec += syllable_sec * rng.uniform(0.8, 1.3)
        now_sec += rng.uniform(0.2, 0.7)
    middles_sec = np.array(starts_sec)
    # One syllable is moved to the middle of the clip, where expressions have their apex.
    central = np.abs(middles_sec - time_sec[-1] / 2).argmin()
    middles_sec += time_sec[-1] / 2 - middles_sec[central] + rng.uniform(-0.03, 0.03)
    shapes, shares = zip(*_VISEMES, strict=True)
    for number, middle_sec in enumerate(middles_sec):
        shape = {25: rng.uniform(0.4, 1.0), 26: rng.uniform(0.05, 0.5)} | shapes[rng.choice(len(shapes), p=shares)]
        if style != "plain" and (rng.random() < 0.5 or number == central):
            shape = {unit: far * rng.uniform(0.8, 1.1) for unit, far in _SPEECH_STYLES[style].items()}
        open_sec = 0.5 * syllable_sec * rng.uniform(0.8, 1.1)
        course = loudness * ease(1.4 * (1 - np.abs(time_sec - middle_sec) / open_sec))
        for unit, far in shape.items():
            row = ACTION_UNITS.index(unit)
            units[:, row] = np.maximum(units[:, row], far * course)
    return np.clip(units, 0, 1)


def _damp(speech: np.ndarray) -> np.ndarray:
    """Speech on a face with an expression: the opening of the mouth is slightly reduced, other units more."""
    opens = np.isin(ACTION_UNITS, (25, 26))
    return speech * np.where(opens, 0.9, 0.6)


def _draw_fidgets(rng: np.random.Generator, time_sec: np.ndarray, difficulty: float) -> np.ndarray:
    """Short movements that are independent of the expression, shape (frames, `len(ACTION_UNITS)`). At difficulty 1,
    half of the clips that are long enough also have another whole expression for a short time in their middle."""
    units = np.zeros((len(time_sec), len(ACTION_UNITS)))
    end_sec = time_sec[-1]

    def move(shape: dict[int, float], middle_sec: float, strength: float) -> None:
        course = ease(1.3 * (1 - np.abs(time_sec - middle_sec) / rng.uniform(0.12, 0.2)))
        for unit, far in shape.items():
            row = ACTION_UNITS.index(unit)
            units[:, row] = np.maximum(units[:, row], strength * far * course)

    now_sec = rng.exponential(2.0)
    while now_sec < end_sec:
        move(_FIDGETS[rng.integers(len(_FIDGETS))], now_sec, difficulty * rng.uniform(0.2, 0.8))
        now_sec += 0.4 + rng.exponential(2.0)
    if rng.random() < FLITTING_SHARE * difficulty and end_sec >= LOOK_ALIKE_SEC:
        name = str(rng.choice(list(LOOK_ALIKE_UNITS)))
        shape = LOOK_ALIKE_UNITS[name] if rng.random() < 0.5 else EXPRESSION_UNITS[name]
        move(shape, end_sec / 2 + rng.uniform(-0.06, 0.06), rng.uniform(0.4, 1.0))
    return units


def draw_blinks(rng: np.random.Generator, time_sec: np.ndarray) -> np.ndarray:
    """Draws how far the eyes are shut, 0 to 1, shape (frames,): a blink of 0.2 s every few seconds."""
    shut = np.zeros(len(time_sec))
    blink_sec = rng.uniform(0, 3.5)
    while blink_sec < time_sec[-1]:
        shut = np.maximum(shut, np.clip(1.5 - np.abs(time_sec - blink_sec) / 0.08, 0, 1))
        blink_sec += rng.uniform(1.2, 4)
    return shut


def _add(units: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Combines two intensities of the same units, each from 0 to 1, to one that is at most 1."""
    return units + more - units * more
