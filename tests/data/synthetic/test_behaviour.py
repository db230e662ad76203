"""What a drawn face does: expressions with a course, and everything that can be taken for one in a single frame."""

import numpy as np
import pytest

from logoformer_hf.data.synthetic import behaviour
from logoformer_hf.data.synthetic.behaviour import (
    CORE_UNITS,
    EXPRESSION_UNITS,
    LOOK_ALIKE_UNITS,
    OPTIONAL_UNITS,
    draw_action_units,
    draw_expression,
    draw_resting_face,
    draw_speech,
)
from logoformer_hf.data.synthetic.rig import ACTION_UNITS

TIME_SEC = np.arange(50) / 25
EXPRESSIONS = list(EXPRESSION_UNITS)
EMOTIONS = [name for name in EXPRESSIONS if name != "neutral"]


def row(unit: int) -> int:
    return ACTION_UNITS.index(unit)


def expressions(name: str, difficulty: float, count: int = 100, time_sec: np.ndarray = TIME_SEC) -> np.ndarray:
    """Shape (clips, frames, units, sides)."""
    return np.stack(
        [draw_expression(np.random.default_rng(seed), name, time_sec, difficulty) for seed in range(count)]
    )


def alike(name: str, monkeypatch, count: int = 60) -> np.ndarray:
    monkeypatch.setattr(behaviour, "LOOK_ALIKE_SHARE", 1.0)
    return expressions(name, 1.0, count)


def test_the_tables_name_units_that_the_rig_has():
    tables = (EXPRESSION_UNITS, OPTIONAL_UNITS, LOOK_ALIKE_UNITS)
    assert {unit for table in tables for units in table.values() for unit in units} <= set(ACTION_UNITS)
    assert all(set(core) <= set(EXPRESSION_UNITS[name]) for name, core in CORE_UNITS.items())


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", EMOTIONS)
def test_the_middle_frame_shows_the_expression_and_the_first_does_not(name, difficulty):
    for time_sec in (TIME_SEC, np.arange(24) / 25, np.arange(110) / 25, np.arange(8) / 25):
        units = expressions(name, difficulty, 40, time_sec).max(axis=-1)
        assert units.min() >= 0 and units.max() <= 1
        assert units[:, 0].max() < 0.05
        strongest = units.max(axis=(1, 2))
        assert strongest.min() > 0.15
        middle = units[:, len(time_sec) // 2].max(axis=1)
        assert (middle > 0.7 * strongest).all()


def test_a_face_is_at_rest_before_and_after():
    quiet = (expressions("happy", 1.0).max(axis=(2, 3)) < 0.02).mean(axis=1)
    assert quiet.min() > 0.15


def test_strength_varies_with_difficulty():
    strengths = [expressions("happy", difficulty)[:, 25, row(12)].max(axis=1) for difficulty in (0.0, 1.0)]
    assert strengths[0].min() > 0.5
    assert 0.15 < strengths[1].min() < 0.35
    assert min(strengths[0].max(), strengths[1].max()) > 0.9


def test_units_are_missing_or_added_but_never_the_core():
    for name in EMOTIONS:
        plain, hard = (expressions(name, difficulty).max(axis=(1, 3)) for difficulty in (0.0, 1.0))
        known = [row(unit) for unit in EXPRESSION_UNITS[name] | OPTIONAL_UNITS.get(name, {})]
        assert np.delete(plain, known, axis=1).max() == 0
        assert (plain[:, [row(unit) for unit in EXPRESSION_UNITS[name]]] > 0).all()
        others = (np.delete(hard, known, axis=1).max(axis=1) > 0.03).mean()
        assert 0.1 < others < 0.9  # second expressions, and look-alikes
    for seed in range(60):
        amounts = behaviour._draw_amounts(np.random.default_rng(seed), "angry", 1.0, alike=False)
        assert set(CORE_UNITS["angry"]) <= set(amounts)


def test_each_unit_has_its_own_course():
    units = expressions("angry", 0.5, 20).max(axis=-1)
    half = [
        [np.argmax(course > 0.5 * course.max()) for course in clip[:, [row(4), row(7), row(23)]].T] for clip in units
    ]
    assert np.ptp(half, axis=1).max() >= 2


def test_posed_smiles_lean_more_than_felt_ones():
    def lean(units):
        return np.ptp(units[:, 25, row(12)], axis=1) / units[:, 25, row(12)].max(axis=1)

    assert lean(expressions("happy", 0.0)).max() < 0.12
    assert 0.1 < (lean(expressions("happy", 1.0)) > 0.25).mean() < 0.4
    assert lean(expressions("happy", 1.0)).max() > 2 * lean(expressions("sad", 1.0)[:, :, [row(15)] * 18]).max()
    for unit in (25, 26):
        surprise = expressions("surprise", 1.0)[:, :, row(unit)]
        assert np.array_equal(surprise[..., 0], surprise[..., 1])


def test_surprise_and_fear_share_a_face_but_not_a_course(monkeypatch):
    surprise, fear = (alike(name, monkeypatch).max(axis=-1) for name in ("surprise", "fear"))
    assert np.abs(surprise[:, 25].mean(axis=0) - fear[:, 25].mean(axis=0)).max() < 0.15

    def share_of_apex(clips, start, stop):
        return (clips[:, start:stop, row(1)].mean(axis=1) / clips[:, :, row(1)].max(axis=1)).mean()

    assert share_of_apex(fear, 12, 15) > share_of_apex(surprise, 12, 15) + 0.2  # fear has crept up already
    assert share_of_apex(fear, 40, 44) > share_of_apex(surprise, 40, 44) + 0.4  # and is still there
    risen = surprise[:, :, row(1)] / surprise[:, :, row(1)].max(axis=1, keepdims=True)
    assert np.diff(risen[:, :26], axis=1).max(axis=1).min() > 0.2  # 0.1 to 0.2 s are 3 to 5 frames
    tremor = np.abs(np.diff(fear[:, 26:40, row(2)], 2, axis=1)).mean()
    assert tremor > 2 * np.abs(np.diff(alike("sad", monkeypatch)[:, 26:34, row(15)], 2, axis=1)).mean()


def test_resting_faces_are_a_matter_of_the_person():
    faces = np.stack([draw_resting_face(np.random.default_rng(seed), 1.0) for seed in range(200)])
    assert faces.shape == (200, len(ACTION_UNITS), 2)
    assert 0.6 < (faces.max(axis=(1, 2)) > 0.15).mean() < 0.9
    assert 0.4 < faces.max() <= 0.5
    assert all((faces[:, row(unit)].max(axis=1) > 0.2).any() for unit in (1, 4, 7, 10, 12, 15))
    assert draw_resting_face(np.random.default_rng(0), 0.0).max() == 0


def test_every_second_clip_talks_at_difficulty_1():
    speech = np.stack([draw_speech(np.random.default_rng(seed), TIME_SEC, 1.0) for seed in range(200)])
    talks = speech.max(axis=(1, 2)) > 0
    assert 0.4 < talks.mean() < 0.6
    assert draw_speech(np.random.default_rng(1), TIME_SEC, 0.0).max() == 0
    mouths = speech[talks][:, :, row(25)]
    turns = ((mouths[:, 1:-1] > mouths[:, :-2]) & (mouths[:, 1:-1] >= mouths[:, 2:])).sum(axis=1)
    assert 3 <= np.median(turns) <= 13  # syllables in two seconds
    assert (np.median(mouths, axis=1) < 0.7 * mouths.max(axis=1)).mean() > 0.8  # it opens and shuts
    for unit in (9, 10, 12, 16, 18, 20):
        assert (speech[:, :, row(unit)].max(axis=1) > 0.2).any()


def test_a_talking_mouth_flashes_what_a_smile_holds(monkeypatch):
    speech = np.stack([draw_speech(np.random.default_rng(seed), TIME_SEC, 1.0) for seed in range(200)])
    smiling = speech[speech[:, :, row(6)].max(axis=1) > 0.1][:, :, row(12)]
    smile = alike("happy", monkeypatch)[:, :, row(12)].max(axis=-1)
    assert len(smiling) > 20
    at_middle = [clips[:, 24:27].max(axis=1).mean() for clips in (smiling, smile)]
    assert abs(at_middle[0] - at_middle[1]) < 0.2
    held = [(clips[:, 20:31] > 0.6 * clips[:, 20:31].max(axis=1, keepdims=True)).mean() for clips in (smiling, smile)]
    assert held[1] > 0.9 > 0.6 > held[0]


def test_all_but_the_expression_is_the_same_for_every_class(monkeypatch):
    def still(rng, name, time_sec, difficulty):
        return np.zeros((len(time_sec), len(ACTION_UNITS), 2))

    monkeypatch.setattr(behaviour, "draw_expression", still)
    monkeypatch.setattr(behaviour, "_damp", lambda speech: speech)
    for seed in range(20):
        clips = [draw_action_units(np.random.default_rng(seed), name, TIME_SEC, 1.0) for name in EXPRESSIONS]
        assert all(np.array_equal(clip, clips[0]) for clip in clips)


def test_an_easy_neutral_clip_only_blinks_and_drifts():
    units = draw_action_units(np.random.default_rng(0), "neutral", TIME_SEC)
    assert units.shape == (50, len(ACTION_UNITS), 2)
    assert np.delete(units, row(45), axis=1).max() < 0.1
