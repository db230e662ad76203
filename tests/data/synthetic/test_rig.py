"""The rig: every action unit moves what it belongs to, the head turns, the light falls where it says."""

from dataclasses import replace

import numpy as np
import pytest
from errors import raises_naming

from logoformer_hf.data.synthetic.person import GLASSES, HAIR_STYLES, Identity
from logoformer_hf.data.synthetic.rig import ACTION_UNITS, Light, Pose, render_face

SYMMETRIC = replace(Identity.draw(np.random.default_rng(3)), hair_style="bald", glasses="none")
# The rows of the picture, from 0 (top) to 1 (bottom), where each action unit shows on an upright face.
WHERE = {1: (0.15, 0.45), 2: (0.15, 0.45), 4: (0.2, 0.47), 5: (0.36, 0.55), 6: (0.38, 0.72), 7: (0.36, 0.56)}
WHERE |= {9: (0.3, 0.75), 10: (0.5, 0.8), 12: (0.5, 0.82), 15: (0.6, 0.9), 16: (0.62, 0.98), 17: (0.6, 1.0)}
WHERE |= {18: (0.6, 0.9), 20: (0.55, 0.85), 23: (0.6, 0.85), 25: (0.62, 0.95), 26: (0.6, 1.0), 45: (0.38, 0.56)}


def draw(units=None, pose=None, light=None, **options) -> np.ndarray:
    return render_face(SYMMETRIC, units or {}, pose or Pose(), light or Light(contrast=0), **options).astype(int)


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_an_action_unit_moves_its_region_and_little_else(unit):
    change = np.abs(draw({unit: 1.0}) - draw()).sum(axis=2)
    top, bottom = (round(edge * len(change)) for edge in WHERE[unit])
    assert change.max() > 150
    assert change[top:bottom].sum() > 0.85 * change.sum()


def darkest_row(units: dict[int, float], x: float, top: int, bottom: int) -> int:
    """Row of the darkest pixel between two rows, `x` face units to the right of the middle."""
    return top + draw(units)[top:bottom, 64 + round(41.6 * x)].sum(axis=1).argmin()


# The inner end of a brow, and the outer.
@pytest.mark.parametrize(("unit", "x", "up"), [(1, 0.25, True), (2, 0.55, True), (4, 0.25, False)])
def test_brows_go_the_right_way(unit, x, up):
    bottom = 46 if up else 56  # above the lashes, or where the lowered brow goes
    travel = darkest_row({unit: 1.0}, x, 24, bottom) - darkest_row({}, x, 24, bottom)
    assert travel < -3 if up else travel > 3


def test_the_corners_of_the_mouth_go_the_right_way():
    def curve(unit: int, x: float) -> int:
        return darkest_row({unit: 1.0}, x, 78, 110) - darkest_row({unit: 1.0}, 0.0, 78, 110)

    assert curve(12, 0.42) < -3  # a smile: its corners are above its middle
    assert curve(15, 0.32) > 3


@pytest.mark.parametrize(("unit", "wider"), [(5, True), (6, False), (7, False), (45, False)])
def test_eyes_open_and_close(unit, wider):
    def white(units):
        return (draw(units)[40:75].min(axis=2) > 215).sum()

    assert white({unit: 1.0}) > 1.3 * white({}) if wider else white({unit: 1.0}) < 0.8 * white({})


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_a_stronger_action_unit_goes_further(unit):
    rest = draw()
    assert np.abs(draw({unit: 1.0}) - rest).sum() > np.abs(draw({unit: 0.4}) - rest).sum() > 0


def test_a_hair_of_movement_shows():
    assert (draw({12: 0.52}) != draw({12: 0.5})).any()


def test_the_face_is_symmetric_and_turns_both_ways_alike():
    turned, mirrored = draw(pose=Pose(yaw=0.2, roll=0.1)), draw(pose=Pose(yaw=-0.2, roll=-0.1))[:, ::-1]
    assert np.abs(turned - mirrored).mean() < 2  # the lamp's reflection in the eyes is on one side
    assert np.abs(turned - draw()).mean() > 5


def test_the_head_moves_where_the_pose_says():
    moved = draw(pose=Pose(shift_x=8 / 128, shift_y=4 / 128))
    assert np.abs(moved[20:110, 20:110] - draw()[16:106, 12:102]).mean() < 0.5


def test_light_comes_from_its_side_and_can_be_warm():
    from_the_right = draw(light=Light(contrast=0.5, direction=0.0))
    assert from_the_right[:, 64:].mean() > 1.2 * from_the_right[:, :64].mean()
    from_above = draw(light=Light(contrast=0.5, direction=-np.pi / 2))
    assert from_above[:20].mean() > 1.2 * draw()[:20].mean()
    assert draw(light=Light(brightness=0.8)).mean() < 0.9 * draw(light=Light(contrast=0)).mean()
    red, _, blue = draw(light=Light(warmth=1.0)).mean(axis=(0, 1)) / draw().mean(axis=(0, 1))
    assert red > 1 > blue


@pytest.mark.parametrize("image_size", [32, 112, 200])
def test_pictures_are_rgb_bytes_of_the_wanted_size(image_size):
    image = render_face(SYMMETRIC, {}, Pose(), Light(), image_size=image_size)
    assert image.shape == (image_size, image_size, 3)
    assert image.dtype == np.uint8
    red, _, blue = image[image_size // 4, image_size // 2].astype(int)
    assert red > blue + 20  # the forehead is skin: red comes first


@pytest.mark.parametrize("hair_style", HAIR_STYLES)
@pytest.mark.parametrize("glasses", GLASSES)
def test_every_hair_style_is_drawn(hair_style, glasses):
    image = render_face(replace(SYMMETRIC, hair_style=hair_style, glasses=glasses), {}, Pose(), Light(contrast=0))
    assert (np.abs(image - draw()).max() > 50) == (hair_style != "bald" or glasses != "none")


def test_people_differ_and_can_be_drawn_again():
    people = [Identity.draw(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert people[0] == people[1] != people[2]
    pictures = [render_face(person, {}, Pose(), Light()).astype(int) for person in people]
    assert (pictures[0] == pictures[1]).all()
    assert np.abs(pictures[0] - pictures[2]).mean() > 5


# Units that show on the side where they are, and the rows of the picture to look at.
@pytest.mark.parametrize("unit", [1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 16, 20, 23, 45])
def test_an_action_unit_of_one_side_leaves_the_other_alone(unit):
    rest = draw()
    left, right = (np.abs(draw({unit: pair}) - rest).sum(axis=2) for pair in ((1.0, 0.0), (0.0, 1.0)))
    # The mouth is one piece: its other side follows a little.
    assert left[:, :64].sum() > (1.5 if unit in (10, 15, 16, 23) else 4) * left[:, 64:].sum()
    assert np.abs(left[:, ::-1] - right).mean() < 0.05 * left.mean() + 0.5  # the lamp's reflection is on one side


def test_a_pair_of_equals_is_a_number():
    assert (draw({6: (0.7, 0.7), 12: (0.4, 0.4), 26: (0.3, 0.7)}) == draw({6: 0.7, 12: 0.4, 26: 0.5})).all()


def test_the_jaw_has_no_sides():
    assert (draw({26: (1.0, 0.0)}) == draw({26: (0.0, 1.0)})).all()


def test_a_smile_on_one_side_lifts_one_corner():
    def corner(x: float, pair) -> int:
        return darkest_row({12: pair}, x, 78, 110)

    assert corner(-0.4, (1.0, 0.0)) < corner(0.3, (1.0, 0.0)) - 1
    assert corner(0.4, (0.0, 1.0)) < corner(-0.3, (0.0, 1.0)) - 1


def test_pursed_lips_are_narrow():
    corners = [64 + round(41.6 * x) for x in (-0.3, 0.3)]
    line, skin = (draw(units)[82:100, corners].sum(axis=2).min(axis=0) for units in ({}, {18: 1.0}))
    assert (skin > line + 60).all()


@pytest.mark.parametrize(("gaze", "axis"), [("gaze_x", 1), ("gaze_y", 0)])
def test_the_pupils_go_where_the_gaze_says(gaze, axis):
    def middle(**where) -> float:
        """Of the dark pixels inside the left eye."""
        eye = draw(pose=Pose(**where))[54:70, 36:58].sum(axis=2)
        return np.argwhere(eye < 120)[:, axis].mean() if axis else np.argwhere(eye < 150)[:, 0].mean()

    assert middle(**{gaze: 1.0}) > middle() > middle(**{gaze: -1.0})
    rest, looking = draw(), draw(pose=Pose(**{gaze: 1.0}))
    assert np.abs(rest - looking)[80:].max() == 0  # nothing but the eyes


def test_a_shadow_lies_on_the_side_away_from_the_light():
    shadow = draw(light=Light(contrast=0, direction=0.0, shadow=1.0)) / np.maximum(draw(), 1)
    assert shadow[:, 90:].mean() > 0.98
    assert shadow[:, :38].mean() < 0.5
    edge = np.abs(np.diff(shadow[30].mean(axis=1)))
    assert np.sort(edge)[-3:].sum() > 0.45  # hard: most of it within three pixels


def who(**changes) -> np.ndarray:
    return render_face(replace(SYMMETRIC, **changes), {}, Pose(), Light(contrast=0)).astype(int)


@pytest.mark.parametrize(("beard", "darkens"), [("stubble", 8), ("moustache", 8), ("full", 40)])
def test_beards_are_where_they_grow(beard, darkens):
    bare, bearded = (who(hair=(40.0, 30.0, 30.0), beard=each) for each in ("none", beard))
    change = bare.mean(axis=2) - bearded.mean(axis=2)
    place = change[72:92, 50:78] if beard == "moustache" else change[102:114, 54:74]
    assert place.mean() > darkens
    assert change[:55, 38:90].max() == 0


def test_a_beard_goes_down_with_the_jaw():
    def lowest(units) -> int:
        image = render_face(
            replace(SYMMETRIC, hair=(20.0, 20.0, 20.0), beard="full"), units, Pose(), Light(contrast=0)
        )
        return np.flatnonzero(image[:, 64].mean(axis=1) < 70).max()

    assert lowest({26: 1.0}) > lowest({}) + 4


def test_age_draws_lines_where_movements_do_too():
    change = np.abs(who(age=1.0) - who()).sum(axis=2)
    assert change[18:36, 44:84].max() > 40  # forehead
    assert change[70:95, 36:56].max() > 40  # from the nose to the mouth
    assert change[55:72, 34:56].max() > 40  # under the eye


def test_make_up_is_on_lips_lids_and_lashes():
    plain, made_up = (
        who(make_up=each, lipstick=(190.0, 20.0, 50.0), eye_shadow=(90.0, 60.0, 140.0)) for each in (0, 1)
    )
    change = np.abs(made_up - plain).sum(axis=2)
    assert change[84:98, 54:74].max() > 60
    assert change[48:60, 38:56].max() > 60
    assert change[100:].max() < 20


@pytest.mark.parametrize("pose", [Pose(yaw=0.5), Pose(yaw=-0.5, pitch=0.3), Pose(roll=0.35, pitch=-0.3)])
def test_heads_that_are_far_turned_stay_whole(pose):
    """No hole in the face: between its middle and its chin all is skin, lips or lines, not the green wall."""
    for seed in range(6):
        person = replace(Identity.draw(np.random.default_rng(seed), 1.0), backdrop=(0.0, 255.0, 0.0), clutter=0.0)
        image = render_face(person, {12: 1.0, 25: 0.5}, pose, Light(contrast=0)).astype(int)
        face = image[50:95, 56:72]
        assert (face[..., 1] < 150 + face[..., 0]).all()


def test_an_unknown_action_unit_is_named():
    with raises_naming(ValueError, "[3]", "(1, 2, 4"):
        render_face(SYMMETRIC, {3: 1.0, 12: 1.0}, Pose(), Light())
