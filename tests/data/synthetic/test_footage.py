"""Footage of drawn people: the same for the same seed, and the truth is what is in the pictures."""

import json

import av
import cv2
import numpy as np
import pytest
from errors import raises_naming

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.data.synthetic.actor import Actor, Performance
from logoformer_hf.data.synthetic.episodes import draw_episodes
from logoformer_hf.data.synthetic.footage import DrawnFootage, Role, background
from logoformer_hf.data.synthetic.scenes import KINDS, draw_cast, draw_scene
from logoformer_hf.faces.detector import load_detector

SIZE_PX = (320, 180)


@pytest.fixture(scope="module")
def cast() -> list[Actor]:
    return draw_cast(0)


def two_roles(cast, distance_px: float, is_covered: bool = False) -> DrawnFootage:
    """One frame with two people at a distance, the second one in front."""
    roles = [
        Role(
            actor=cast[number],
            takes=np.zeros(1, int),
            middles_px=np.array([[100 + number * distance_px, 80.0]]),
            unit_px=np.full(1, 20.0),
            depths=np.full(1, float(number)),
            tracks=np.full(1, number + 1),
            is_covered=np.full(1, is_covered and number == 0),
            labels=np.zeros(1, int),
        )
        for number in range(2)
    ]
    return DrawnFootage(SIZE_PX, 25.0, roles, np.zeros(1, int), [3], np.ones(1))


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        footage, _ = draw_episodes(4, 1.0, 1, (160, 90))
        footage.write(tmp_path / f"{name}.mp4")
        footage.truth.write(tmp_path / f"{name}.json")
    for ending in ("mp4", "json"):
        assert (tmp_path / f"first.{ending}").read_bytes() == (tmp_path / f"second.{ending}").read_bytes()
    with av.open(str(tmp_path / "first.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert (len(frames), frames[0].shape) == (25, (90, 160, 3))
    drawn = list(footage.frames())
    assert np.abs(frames[12].astype(int) - drawn[12]).mean() < 6  # the loss of H.264
    truth = json.loads((tmp_path / "first.json").read_text())
    assert np.array(truth["boxes_px"]).shape == (25, 1, 4)
    assert truth["times_sec"][:3] == [0, 0.04, 0.08]


def test_a_person_is_opaque_inside_and_transparent_outside(cast):
    picture = cast[0].picture(0)
    side = len(picture)
    assert (picture.shape, picture.dtype) == ((160, 160, 4), np.uint8)
    x, y = (cast[0].landmarks[0, 2] * side).astype(int)
    assert picture[y, x, 3] == 255
    assert (picture[0, :, 3] == 0).all() and (picture[:, 0, 3] == 0).all()
    assert (picture[..., :3] <= picture[..., 3:]).all()  # colours are multiplied by the opacity


def test_a_performance_longer_than_a_chunk_is_the_same_from_any_frame_on():
    performance = Performance.draw(np.random.default_rng(0), "happy", 60, 25)
    forwards = [Actor(performance, 64).picture(frame) for frame in (0, 47, 48, 59)]
    actor = Actor(performance, 64)
    backwards = [actor.picture(frame) for frame in (59, 48, 47, 0)]
    assert all((one == other).all() for one, other in zip(forwards, backwards[::-1], strict=True))


def test_what_is_seen_of_a_face(cast):
    apart = two_roles(cast, 100)
    assert apart.truth.seen.tolist() == [[1.0, 1.0]]
    behind = two_roles(cast, 2)
    assert behind.truth.seen[0, 0] < 0.1
    assert behind.truth.seen[0, 1] == 1.0
    half = two_roles(cast, 25).truth.seen[0, 0]
    assert 0.2 < half < 0.8
    assert two_roles(cast, 100, is_covered=True).truth.seen.tolist() == [[0.0, 1.0]]
    outside = two_roles(cast, 300)
    assert outside.truth.seen[0, 1] == 0


def test_nearer_people_hide_farther_ones_in_the_picture(cast):
    alone, both = two_roles(cast, 100), two_roles(cast, 0)
    (apart,), (together,) = alone.frames(), both.frames()
    # The second person's face, moved to where the first one's is: the first is not seen.
    moved = apart[60:100, 190:210]
    assert np.abs(moved.astype(int) - together[60:100, 90:110]).mean() < 3


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_of_each_kind(kind, cast):
    for seed in range(5):
        footage = draw_scene(kind, seed, cast, SIZE_PX)
        truth = footage.truth
        again = draw_scene(kind, seed, cast, SIZE_PX).truth
        assert np.array_equal(truth.boxes_px, again.boxes_px, equal_nan=True)
        assert 1 <= truth.boxes_px.shape[1] <= 7
        assert (truth.seen >= 0.5).any(axis=0).all()  # everybody is seen at some time
        numbers = [set(person[person > 0].tolist()) for person in truth.tracks.T]
        assert sum(map(len, numbers)) == len(set.union(*numbers))  # no number belongs to two people
        assert truth.is_cut.any() == (kind == "cut")
        if "crossing" in kind:
            middles = truth.boxes_px[..., 0] + truth.boxes_px[..., 2] / 2
            side = np.sign(middles[:, 0] - middles[:, 1])
            assert side[0] == -side[-1]
            gaps = np.abs(middles[:, 0] - middles[:, 1]) - truth.boxes_px[..., 2].mean(axis=1)
            touching_sec = (gaps < 0).sum() / footage.fps
            assert (touching_sec <= 1) == (kind == "crossing")
        if kind == "re_entry":
            assert len(numbers[0]) == 2
            assert (truth.tracks[:, 0] == 0).sum() / footage.fps >= 1.9
        if kind == "dropout":
            assert (truth.seen == 0).any()


def test_kinds_that_do_not_exist(cast):
    with raises_naming(ValueError, "crosing", "crossing"):
        draw_scene("crosing", 0, cast)


def test_backgrounds_differ_and_can_be_plain():
    first, second, plain = (background(seed, 64, 36).astype(int) for seed in (1, 2, -1))
    assert np.abs(first - second).mean() > 5
    edges = np.abs(np.diff(plain, axis=1))
    assert edges.max() <= 8


def test_episodes_are_where_the_labels_are():
    footage, episodes = draw_episodes(3, 40.0, 2)
    truth = footage.truth
    assert {episode.person for episode in episodes} == {0, 1}
    assert len(episodes) >= 8
    for episode in episodes:
        shown = EXPRESSIONS.index(episode.label)
        inside = (truth.times_sec >= episode.onset_sec) & (truth.times_sec <= episode.offset_sec)
        assert (truth.labels[inside, episode.person] == shown).all()
        assert 1.0 < episode.offset_sec - episode.onset_sec < 6
        units = footage.roles[episode.person].actor.performance.action_units
        near = (truth.times_sec > episode.onset_sec - 1.2) & (truth.times_sec < episode.onset_sec - 0.7)
        assert units[inside, :-1].mean() > 2 * units[near, :-1].mean()  # all but blinks
    expected = sum((e.offset_sec - e.onset_sec) * 25 + 1 for e in episodes)
    assert (truth.labels != EXPRESSIONS.index("neutral")).sum() == pytest.approx(expected)
    assert (truth.seen == 1).all()


def test_boxes_and_landmarks_are_those_of_the_detector(cast, detector_file):
    detector = load_detector(detector_file)
    middle_errors, side_errors, landmark_errors = [], [], []
    for number, actor in enumerate(cast):
        footage = draw_episodes(0, 0.04, 1, (640, 360))[0]
        role = Role(**vars_of(footage.roles[0]) | {"actor": actor, "takes": np.array([number])})
        footage = DrawnFootage(footage.size_px, 25.0, [role], footage.scenes, [number], footage.zooms)
        (picture,) = footage.frames()
        small = cv2.resize(picture, SIZE_PX, interpolation=cv2.INTER_AREA)
        (face,) = [found.scaled(2, 2) for found in detector.detect(small)]
        box, side = role.boxes_px[0], np.sqrt(role.boxes_px[0, 2:].prod())
        middle_errors.append(np.hypot(*(face.box[:2] + face.box[2:] / 2 - box[:2] - box[2:] / 2)) / side)
        side_errors.append(np.abs(face.box[2:] - box[2:]).max() / side)
        landmark_errors.append(np.linalg.norm(face.landmarks - role.landmarks_px[0], axis=1).mean() / side)
    assert np.mean(middle_errors) < 0.04
    assert np.mean(side_errors) < 0.08
    assert np.mean(landmark_errors) < 0.05


def vars_of(role: Role) -> dict:
    names = ("actor", "takes", "middles_px", "unit_px", "depths", "tracks", "is_covered", "labels")
    return {name: getattr(role, name) for name in names}
