import cv2
import numpy as np
import pytest
from errors import raises_naming

from logoformer_hf.faces.geometry import (
    CROP_LANDMARKS,
    CROP_SIDE_PX,
    crop_corners,
    crop_face,
    crop_matrix,
    whole_frame_crop,
)


def placed(angle_deg: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    """The canonical landmarks, turned, scaled and shifted."""
    turn = np.radians(angle_deg)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return CROP_LANDMARKS @ matrix.T + shift


def test_the_canonical_landmarks_are_those_of_training_crops():
    drawn_px = np.array([(40.7, 49.2), (71.6, 49.8), (55.7, 66.0), (41.6, 79.2), (68.3, 79.9)])
    assert np.abs(CROP_LANDMARKS * 112 - drawn_px).max() < 2.5
    assert np.allclose((CROP_LANDMARKS * 112).mean(axis=0), drawn_px.mean(axis=0), atol=0.01)
    assert CROP_SIDE_PX == 112


@pytest.mark.parametrize("angle_deg", [0, 30, -45, 90, 180])
@pytest.mark.parametrize("scale", [20.0, 112.0, 700.0])
def test_landmarks_come_to_their_places(angle_deg, scale):
    landmarks = placed(angle_deg, scale, (310.5, -20.0))
    matrix = crop_matrix(landmarks, 112)
    assert np.allclose(landmarks @ matrix[:, :2].T + matrix[:, 2], CROP_LANDMARKS * 112, atol=1e-6)
    assert np.isclose(np.linalg.det(matrix[:, :2]), (112 / scale) ** 2)


def test_the_matrix_is_the_best_similarity_and_mirrors_nothing():
    rng = np.random.default_rng(0)
    landmarks = placed(10, 90, (50, 60)) + rng.normal(0, 4, (5, 2))
    matrix = crop_matrix(landmarks, 112)

    def error(changed: np.ndarray) -> float:
        return float(((landmarks @ changed[:, :2].T + changed[:, 2] - CROP_LANDMARKS * 112) ** 2).sum())

    for _ in range(200):
        scale, turn = 1 + rng.normal(0, 0.01), rng.normal(0, 0.01)
        change = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        other = change @ matrix
        other[:, 2] += rng.normal(0, 0.3, 2)
        assert error(other) >= error(matrix)
    mirrored = landmarks * (-1, 1)
    assert np.linalg.det(crop_matrix(mirrored, 112)[:, :2]) > 0


def test_a_frame_that_is_a_crop_already_stays_as_it_is():
    frame = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    assert np.array_equal(crop_face(frame, CROP_LANDMARKS * 112), frame)
    assert np.array_equal(whole_frame_crop(frame), frame)


def test_the_middle_of_a_pixel_is_the_middle():
    """Half a pixel's error would shift every crop."""
    frame = np.zeros((448, 448, 3), dtype=np.uint8)
    frame[200:208, 200:208] = 255  # two pixels of the crop
    crop = crop_face(frame, CROP_LANDMARKS * 448)
    assert np.array_equal(crop[50:52, 50:52], np.full((2, 2, 3), 255))
    assert crop.sum() == 255 * 2 * 2 * 3


@pytest.mark.parametrize("scale", [2.0, 3.3, 6.0, 9.7])
def test_a_large_face_is_averaged(scale):
    """A pattern of single pixels becomes grey; sampling would leave some of it."""
    side = int(112 * scale)
    frame = np.zeros((side, side, 3), dtype=np.uint8)
    frame[(np.add.outer(np.arange(side), np.arange(side)) % 2) == 1] = 255
    crop = crop_face(frame, CROP_LANDMARKS * side)[8:-8, 8:-8].astype(float)
    assert np.abs(crop - 127.5).max() < 30 and crop.std() < 8
    assert crop_face(frame, placed(20, side, (0, 0))).std() > 0


def test_outside_of_the_frame_its_border_goes_on():
    frame = np.full((60, 60, 3), 90, dtype=np.uint8)
    frame[:, 0] = 200
    crop = crop_face(frame, placed(0, 60, (-30, 0)), 112)
    assert set(np.unique(crop[:, :40])) == {200}
    assert set(np.unique(crop[:, 70:])) == {90}


def test_the_corners_are_those_of_the_crop():
    landmarks = placed(25, 200, (100, 50))
    matrix = crop_matrix(landmarks, 112)
    corners = crop_corners(landmarks)
    assert np.allclose(corners @ matrix[:, :2].T + matrix[:, 2], [(0, 0), (112, 0), (112, 112), (0, 112)])


@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (112, 200), (50, 40)])
def test_a_whole_frame_is_cropped_in_its_middle(shape):
    frame = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    crop = whole_frame_crop(frame, 112)
    assert crop.shape == (112, 112, 3)
    side = min(shape)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    square = frame[top : top + side, left : left + side]
    expected = cv2.resize(square, (112, 112), interpolation=cv2.INTER_AREA if side > 112 else cv2.INTER_LINEAR)
    assert np.array_equal(crop, expected)


@pytest.mark.parametrize("landmarks", [np.full((5, 2), np.nan), np.full((5, 2), 7.0)])
def test_landmarks_that_say_nothing_are_refused(landmarks):
    with raises_naming(ValueError, "landmarks"):
        crop_face(np.zeros((9, 9, 3), dtype=np.uint8), landmarks)
