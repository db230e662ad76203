"""People: the tidy few at difficulty 0, everybody at difficulty 1."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from logoformer_hf.data.synthetic.person import BEARDS, COLLARS, GLASSES, HAIR_STYLES, Identity


def crowd(difficulty: float, count: int = 300) -> list[Identity]:
    rng = np.random.default_rng(0)
    return [Identity.draw(rng, difficulty) for _ in range(count)]


@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_a_person_survives_json(difficulty):
    for person in crowd(difficulty, 20):
        copy = Identity(**json.loads(json.dumps(asdict(person))))
        assert json.dumps(asdict(copy)) == json.dumps(asdict(person))


def test_the_same_random_numbers_give_the_same_person():
    assert Identity.draw(np.random.default_rng(1), 0.5) == Identity.draw(np.random.default_rng(1), 0.5)
    assert Identity.draw(np.random.default_rng(1), 0.5) != Identity.draw(np.random.default_rng(2), 0.5)


def test_at_difficulty_0_people_are_plain():
    for person in crowd(0.0):
        assert (person.beard, person.age, person.make_up, person.freckles) == ("none", 0, 0, False)
        assert person.glasses in ("none", "round")


def test_at_difficulty_1_there_is_everything():
    people = crowd(1.0)
    assert {person.hair_style for person in people} == set(HAIR_STYLES)
    assert {person.beard for person in people} == set(BEARDS)
    assert {person.glasses for person in people} == set(GLASSES)
    assert {person.collar for person in people} == set(COLLARS)
    assert any(person.freckles for person in people)
    assert {person.make_up > 0.5 for person in people} == {person.age > 0.7 for person in people} == {True, False}
    assert not any(person.make_up and person.beard != "none" for person in people)


@pytest.mark.parametrize("number", ["face_width", "jaw_taper", "eye_height", "brow_tilt", "mouth_curve", "brow_peak"])
def test_people_differ_more_with_difficulty(number):
    spreads = [np.ptp([getattr(person, number) for person in crowd(level)]) for level in (0.0, 0.5, 1.0)]
    assert spreads[0] < spreads[1] < spreads[2]


def test_colours_stay_colours():
    for person in crowd(1.0):
        for name in ("skin", "hair", "eye_colour", "clothes", "backdrop", "brow_colour", "lipstick", "eye_shadow"):
            colour = getattr(person, name)
            assert len(colour) == 3
            assert 0 <= min(colour) <= max(colour) <= 255


def test_hair_gets_grey_with_age():
    people = [person for person in crowd(1.0) if np.ptp(person.skin) > 0]
    old = [np.ptp(person.hair) for person in people if person.age > 0.8]
    young = [np.ptp(person.hair) for person in people if person.age < 0.3]
    assert np.mean(old) < 0.7 * np.mean(young)
