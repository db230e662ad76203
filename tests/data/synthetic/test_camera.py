"""Cameras: each fault does what it says, and without faults the picture stays as it is."""

import json
from dataclasses import asdict, fields

import numpy as np
import pytest

from logoformer_hf.data.synthetic.camera import Camera, shoot
from logoformer_hf.data.synthetic.person import Identity
from logoformer_hf.data.synthetic.rig import Light, Pose, render_face

FACE = render_face(Identity.draw(np.random.default_rng(3)), {}, Pose(), Light())


def taken(movement_px=(0, 0), **faults) -> np.ndarray:
    before = FACE.copy()
    image = shoot(FACE, Camera(**faults), np.random.default_rng(0), movement_px)
    assert (before == FACE).all()  # the picture that goes in is not touched
    assert (image.shape, image.dtype) == (FACE.shape, np.uint8)
    return image.astype(int)


def detail(image: np.ndarray, axis: int = 1) -> float:
    return (np.diff(image, axis=axis) ** 2).mean()


def test_a_camera_without_faults_changes_nothing():
    assert (taken() == FACE).all()
    assert (taken(movement_px=(9, 4)) == FACE).all()


def test_at_difficulty_0_there_are_no_faults():
    rng = np.random.default_rng(0)
    assert all(Camera.draw(rng, 0.0) == Camera() for _ in range(20))


def test_at_difficulty_1_every_fault_occurs_and_none_always():
    rng = np.random.default_rng(0)
    cameras = [Camera.draw(rng, 1.0) for _ in range(200)]
    for fault in fields(Camera):
        values = {getattr(camera, fault.name) for camera in cameras}
        assert len(values) > 5, fault.name
    assert sum(camera.saturation == 0 for camera in cameras) > 5
    for name in ("defocus_px", "resolution", "noise", "jpeg_quality", "shutter"):
        assert 0.3 < np.mean([getattr(camera, name) == 0 for camera in cameras]) < 0.9
    assert all(32 <= camera.resolution <= 128 for camera in cameras if camera.resolution)
    assert all(18 <= camera.crf <= 34 for camera in cameras)


def test_a_camera_survives_json():
    rng = np.random.default_rng(1)
    for camera in (Camera.draw(rng, 1.0) for _ in range(20)):
        assert Camera(**json.loads(json.dumps(asdict(camera)))) == camera


@pytest.mark.parametrize("faults", [{"defocus_px": 1.5}, {"resolution": 40}])
def test_blur_and_low_resolution_take_detail_away(faults):
    assert detail(taken(**faults)) < 0.75 * detail(FACE.astype(int))
    assert np.abs(taken(**faults).mean() - FACE.mean()) < 2


def test_movement_smears_along_its_way():
    sideways = taken(movement_px=(8, 0), shutter=1.0)
    lost = [1 - detail(sideways, axis) / detail(FACE.astype(int), axis) for axis in (0, 1)]
    assert lost[1] > lost[0] + 0.1
    assert (taken(movement_px=(0.2, 0), shutter=1.0) == FACE).all()


def test_noise_is_as_strong_as_it_says_and_new_in_every_picture():
    camera, rng = Camera(noise=6.0), np.random.default_rng(0)
    first, second = (shoot(FACE, camera, rng).astype(int) for _ in range(2))
    flat = (FACE > 40).all(axis=2) & (FACE < 215).all(axis=2)
    assert (first - FACE)[flat].std() == pytest.approx(6, rel=0.15)
    assert abs((first - FACE)[flat].mean()) < 1
    assert (first != second).any()
    assert (shoot(FACE, camera, np.random.default_rng(0)) == first).all()


def test_compression_leaves_blocks():
    change = np.abs(taken(jpeg_quality=10) - FACE)
    assert 1 < change.mean() < 20
    steps = np.abs(np.diff(taken(jpeg_quality=5).sum(axis=2), axis=1)).mean(axis=0)
    assert steps[7::8].mean() > 1.3 * steps.mean()


def test_colours():
    red, green, blue = np.moveaxis(taken(saturation=0.0), 2, 0)
    assert np.abs(red - green).max() <= 1
    assert np.abs(green - blue).max() <= 1
    assert taken(exposure=1.3).mean() > FACE.mean() > taken(exposure=0.7).mean()
    assert taken(gamma=1.5).mean() < FACE.mean() < taken(gamma=0.7).mean()
    assert taken(contrast=0.6).std() < FACE.std() < taken(contrast=1.3).std()
    warm = taken(red=1.1, blue=0.8).mean(axis=(0, 1)) / FACE.mean(axis=(0, 1))
    assert warm[0] > warm[1] > warm[2]
