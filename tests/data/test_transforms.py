import random

import numpy as np
import pytest
import torch
from errors import raises_naming

from logoformer_hf.data.transforms import TrainingTransforms, clip_seed

EVERYTHING = {"min_crop_area": 0.3, "color_jitter": 0.5, "erasing_prob": 1.0}


def picture(height: int = 50, width: int = 70) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_all_frames_of_a_clip_change_alike(options):
    transforms = TrainingTransforms(32, **options)
    frames = picture().repeat(16, 1, 1, 1)
    results = [transforms(frames, seed) for seed in range(20)]
    for result in results:
        assert result.shape == (16, 3, 32, 32)
        assert result.dtype == torch.uint8
        assert (result == result[:1]).all()
    # and clips not: no crop, flip or colour comes twice
    assert len({result[0].numpy().tobytes() for result in results}) == 20


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_result_depends_on_the_seed_alone(options):
    transforms = TrainingTransforms(32, **options)
    frames = torch.stack([picture(), picture().flip(-1)])
    untouched = frames.clone()
    expected = transforms(frames, 7)
    for global_seed in range(5):
        torch.manual_seed(global_seed)
        random.seed(global_seed)
        np.random.seed(global_seed)
        torch_state, python_state, numpy_state = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]
        transforms(frames, 100 + global_seed)  # another clip in between
        assert torch.equal(transforms(frames, 7), expected)
        assert torch.equal(torch.get_rng_state(), torch_state)
        assert random.getstate() == python_state
        assert (np.random.get_state()[1] == numpy_state).all()
    assert torch.equal(TrainingTransforms(32, **options)(frames, 7), expected)
    assert torch.equal(frames, untouched)


def test_flip_happens_as_often_as_asked():
    frames = picture(32, 32)[None]
    keep_all = {"min_crop_area": 1.0}  # of a square: a crop of ratio 1 or none fits, so only the flip is left
    never, always = (
        TrainingTransforms(32, flip_prob=0.0, **keep_all),
        TrainingTransforms(32, flip_prob=1.0, **keep_all),
    )
    half = TrainingTransforms(32, flip_prob=0.5, **keep_all)
    flipped = 0
    for seed in range(100):
        assert torch.equal(never(frames, seed), frames)
        assert torch.equal(always(frames, seed), frames.flip(-1))
        flipped += torch.equal(half(frames, seed), frames.flip(-1))
    assert 30 < flipped < 70


@pytest.mark.parametrize("size", [(200, 200), (200, 356), (356, 200)], ids=["square", "landscape", "portrait"])
def test_crop_keeps_at_least_the_area_asked_for(size):
    """On a ramp along each axis of the central square, the values at the borders tell what was cropped."""
    ramp = torch.linspace(0, 255, 200)
    square = torch.stack([ramp.expand(200, 200), ramp[:, None].expand(200, 200), ramp.expand(200, 200)])
    margin = (size[0] - 200) // 2, (size[1] - 200) // 2
    frames = torch.full((1, 3, *size), 255, dtype=torch.uint8)
    frames[0, :, margin[0] : margin[0] + 200, margin[1] : margin[1] + 200] = square.round().byte()
    areas, middles = [], set()
    for seed in range(60):
        result = TrainingTransforms(64, min_crop_area=0.7, flip_prob=0.0)(frames, seed)[0].float() / 255
        areas.append(float((result[0].max() - result[0].min()) * (result[1].max() - result[1].min())))
        middles.add((round(float(result[0].mean()), 2), round(float(result[1].mean()), 2)))
    assert min(areas) > 0.63  # interpolation trims the ramp's ends
    assert min(areas) < 0.8
    assert max(areas) > 0.85
    assert len(middles) > 30


@pytest.mark.parametrize(
    ("image_size", "min_crop_area", "expected"), [(112, 1.0, 112), (112, 0.7, 122), (112, 0.28, 140), (224, 0.7, 243)]
)
def test_frames_need_the_pixels_of_an_average_crop(image_size, min_crop_area, expected):
    assert TrainingTransforms(image_size, min_crop_area).min_side_px == expected
    assert expected**2 * (1 + min_crop_area) / 2 >= image_size**2


def test_pixels_in_any_order_give_the_same_crop():
    frames = picture(128, 128).repeat(4, 1, 1, 1)
    last = frames.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    for seed in range(5):
        assert torch.equal(TrainingTransforms(64)(last, seed), TrainingTransforms(64)(frames, seed))


def test_jitter_and_erasing_are_off_unless_asked_for():
    frames = torch.full((2, 3, 40, 40), 100, dtype=torch.uint8)
    for seed in range(20):
        assert (TrainingTransforms(32)(frames, seed) == 100).all()
    jittered = [TrainingTransforms(32, color_jitter=0.5)(frames, seed) for seed in range(20)]
    assert all((result == result[0, 0, 0, 0]).all() for result in jittered)  # one colour stays one colour
    assert len({int(result[0, 0, 0, 0]) for result in jittered}) > 10
    for seed in range(20):
        erased = TrainingTransforms(32, erasing_prob=1.0)(frames, seed)
        assert set(erased.unique().tolist()) == {0, 100}
        assert 0.01 < (erased == 0).float().mean() < 0.25


def test_clip_seed_tells_seed_epoch_and_clip_apart():
    seeds = {
        clip_seed(seed, epoch, clip_id)
        for seed in (0, 1, 11)
        for epoch in (0, 1, 11)
        for clip_id in ("a", "b", "1", "1/a", "00001")
    }
    assert len(seeds) == 3 * 3 * 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    # As a number that stays: it may depend neither on Python's string hashing nor on the machine.
    assert clip_seed(42, 3, "clip") == 2712007220372395877


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_crop_area", 0.0),
        ("min_crop_area", 1.1),
        ("flip_prob", -0.1),
        ("flip_prob", 1.1),
        ("color_jitter", -1),
        ("color_jitter", 2),
        ("erasing_prob", 1.5),
        ("erasing_prob", float("nan")),
    ],
)
def test_impossible_options_are_named(name, value):
    with raises_naming(ValueError, name, value):
        TrainingTransforms(32, **{name: value})
