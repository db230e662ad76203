"""Head, camera and light: quiet in easy clips, lively and still in bounds in hard ones."""

import numpy as np
import pytest

from logoformer_hf.data.synthetic.motion import draw_lights, draw_poses, drift, ease

TIME_SEC = np.arange(50) / 25


def draw(function, difficulty: float) -> np.ndarray:
    return np.stack([function(np.random.default_rng(seed), TIME_SEC, difficulty) for seed in range(150)])


def test_ease_goes_from_nothing_to_all():
    assert ease(np.array([-1, 0, 0.5, 1, 2])).tolist() == [0, 0, 0.5, 1, 1]


def test_drift_stays_near_zero():
    waves = drift(np.random.default_rng(0), TIME_SEC, 300, 0.1)
    assert waves.shape == (50, 300)
    assert np.abs(waves).max() <= 0.1


def test_poses_stay_in_bounds():
    poses = draw(draw_poses, 1.0)
    assert poses.shape == (150, 50, 8)
    assert (np.abs(poses).max(axis=(0, 1)) <= (0.35, 0.45, 0.3, 0.12, 0.1, 1.22, 1, 1)).all()
    assert np.abs(poses[..., 1]).max() > 0.4
    assert (poses[..., 5].min(), poses[..., 5].max()) == pytest.approx((0.78, 1.22), abs=0.08)


def test_lights_stay_in_bounds():
    lights = draw(draw_lights, 1.0)
    assert lights.shape == (150, 50, 5)
    assert lights[..., 0].min() >= 0.5 and lights[..., 0].max() <= 1.4
    assert np.abs(lights[..., 3]).max() <= 1
    assert lights[..., (2, 4)].min() >= 0 and lights[..., (2, 4)].max() <= 1
    assert 0.25 < (lights[..., 4].max(axis=1) > 0.1).mean() < 0.75  # some have a shadow, others none
    assert draw(draw_lights, 0.0)[..., 4].max() == 0


@pytest.mark.parametrize("function", [draw_poses, draw_lights])
def test_difficulty_spreads_clips_and_moves_within_them(function):
    easy, half, hard = (draw(function, difficulty) for difficulty in (0.0, 0.5, 1.0))
    for spread in (np.std([easy, half, hard], axis=(1, 2)), np.ptp([easy, half, hard], axis=2).mean(axis=1)):
        calm = spread[:, (0, 1, 2, 3)]  # of the lights the direction moves much in all
        assert (calm.sum(axis=1)[1:] > 1.05 * calm.sum(axis=1)[:-1]).all()
    assert np.array_equal(hard, draw(function, 1.0))
