"""What comes before a face: how often, where, and that it never hides all of it."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from logoformer_hf.data.synthetic.occlusion import KINDS, Occluder, draw_occluders
from logoformer_hf.data.synthetic.person import Identity
from logoformer_hf.data.synthetic.writer import draw_frames

NUM_FRAMES = 30
IDENTITY = Identity.draw(np.random.default_rng(0))
POSES = np.tile([0, 0, 0, 0, 0, 1, 0, 0], (NUM_FRAMES, 1)).astype(float)
LIGHTS = np.tile([1, 0, 0, 0, 0], (NUM_FRAMES, 1)).astype(float)


def hidden(occluders: list[Occluder], size: int = 96) -> np.ndarray:
    """Which pixels change, shape (frames, height, width)."""
    scene = (IDENTITY, np.zeros((NUM_FRAMES, 18, 2)), POSES, LIGHTS, size)
    bare, covered = draw_frames(*scene).astype(int), draw_frames(*scene, occluders=occluders).astype(int)
    return np.abs(bare - covered).sum(axis=3) > 30


def drawn(difficulty: float, count: int) -> list[list[Occluder]]:
    rng = np.random.default_rng(3)
    return [draw_occluders(rng, difficulty, NUM_FRAMES, IDENTITY) for _ in range(count)]


def test_they_come_with_difficulty():
    shares = [np.mean([bool(clip) for clip in drawn(level, 600)]) for level in (0.0, 0.5, 1.0)]
    assert shares[0] == 0
    assert 0.12 < shares[1] < 0.23
    assert 0.29 < shares[2] < 0.41


def test_every_kind_comes_and_survives_json():
    occluders = [occluder for clip in drawn(1.0, 100) for occluder in clip]
    assert {occluder.kind for occluder in occluders} == set(KINDS)
    for occluder in occluders:
        copy = Occluder(**json.loads(json.dumps(asdict(occluder))))
        assert json.dumps(asdict(copy)) == json.dumps(asdict(occluder))


def test_they_hide_a_part_and_never_the_whole_face():
    for clip in [clip for clip in drawn(1.0, 90) if clip]:
        share = hidden(clip)[:, 20:90, 26:70].mean(axis=(1, 2))
        assert share.max() < 0.6
        assert hidden(clip).any()


def test_a_hand_comes_and_goes_on_its_side():
    change = hidden([Occluder("hand", side=-1, x=-0.5, y=0.2, start_frame=5, stop_frame=18, move_frames=4)])
    there = change.any(axis=(1, 2))
    assert not there[:5].any()
    assert there[10:18].all()
    assert not there[24:].any()
    assert change[12, :, :48].sum() > 3 * change[12, :, 48:].sum()


def test_a_strand_of_hair_hangs_over_one_eye_and_sways():
    change = hidden([Occluder("hair", side=1, colour=(200.0, 40.0, 40.0), sway=0.06)])
    assert change[0, 40:50, 52:72].mean() > 0.2
    assert not change[0, 40:50, 22:44].any()
    assert (change[0] != change[8]).any()


@pytest.mark.parametrize("side", [-1, 0, 1])
@pytest.mark.parametrize("size", [32, 96])
def test_a_caption_is_at_the_bottom_and_stays(side, size):
    change = hidden([Occluder("caption", side=side, text="LIVE", band=True)], size)
    assert not change[:, : round(0.7 * size)].any()
    assert change[0].any()
    assert (change == change[0]).all()


def test_a_hand_goes_with_the_head():
    hand = [Occluder("hand", x=0.5, y=0.3)]
    poses = POSES.copy()
    poses[:, 3] = 8 / 96
    scene = (IDENTITY, np.zeros((NUM_FRAMES, 18, 2)))
    still = draw_frames(*scene, POSES, LIGHTS, 96, occluders=hand)[0].astype(int)
    moved = draw_frames(*scene, poses, LIGHTS, 96, occluders=hand)[0].astype(int)
    assert np.abs(moved[20:80, 38:88] - still[20:80, 30:80]).mean() < 0.5
