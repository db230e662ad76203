"""The faces for the picture: of each stretch of time the moment that shows it best, and not too many."""

from dataclasses import replace

import numpy as np
import pytest
from pictures import save_frames
from timelines import made_up_timeline, made_up_window

from logoformer_hf.image_reading_logoformer import VideoReadError
from logoformer_hf.timeline.segments import Segment
from logoformer_hf.timeline.thumbnails import MAX_PER_TRACK, Thumbnails


def crop(grey: int) -> np.ndarray:
    return np.full((112, 112, 3), grey, np.uint8)


@pytest.fixture
def timeline():
    """Person 1 is sad, best so at 2 s, then happy, best so at 4 s; person 2 is sad."""
    made_up = made_up_timeline({}, 6)
    scores = [(1, 1.0, "sad", 0.6), (1, 2.0, "sad", 0.9), (1, 3.0, "happy", 0.6), (1, 4.0, "happy", 0.8)]
    scores.append((2, 2.0, "sad", 0.9))
    made_up.windows = [
        made_up_window(track, time, label, score, crop=crop(round(10 * time + track)), box=(10 * time, 10, 16, 20))
        for track, time, label, score in scores
    ]
    spans = [(1, 0.0, 2.5, "sad"), (1, 2.5, 6.0, "happy"), (2, 1.0, 3.0, "sad")]
    made_up.segments = [Segment(track, start, end, label, 0.7) for track, start, end, label in spans]
    return made_up


def test_crops_of_the_best_windows(timeline):
    found = Thumbnails.from_crops(timeline)
    assert [(face.time_sec, int(face.pixels[0, 0, 0])) for face in found.of(1)] == [(2.0, 21), (4.0, 41)]
    assert [face.pixels.shape for face in found.of(2)] == [(96, 96, 3)]
    assert found.of(3) == []


def test_the_middle_of_the_window_is_shown(timeline):
    crops = np.stack([crop(number) for number in range(16)])
    timeline.windows = [replace(window, crops=crops) for window in timeline.windows]
    assert Thumbnails.from_crops(timeline).of(2)[0].pixels.max() == 8


@pytest.mark.parametrize("crops", [None, np.empty((0, 112, 112, 3), np.uint8)])
def test_windows_without_crops_give_none(timeline, crops):
    timeline.windows = [replace(window, crops=crops) for window in timeline.windows]
    assert Thumbnails.from_crops(timeline).of(1) == []


def test_faces_are_cut_out_of_the_footage(tmp_path, timeline):
    frames = np.zeros((25 * 6, 60, 80, 3), np.uint8)
    for number, frame in enumerate(frames):  # a light square moves ten pixels a second, where the boxes are
        left = round(10 * number / 25)
        frame[10:30, left : left + 16] = 200
        frame[0, 0] = number
    save_frames(tmp_path / "frames", frames)
    faces = Thumbnails.from_footage(tmp_path / "frames", timeline).of(1)
    assert [face.time_sec for face in faces] == [2.0, 4.0]
    for face in faces:
        light = np.argwhere(face.pixels[..., 0] > 100)
        assert np.ptp(light, axis=0) == pytest.approx((96 / 1.25, 96 * 16 / 25), abs=4)
        assert light.mean(axis=0) == pytest.approx((47.5, 47.5), abs=3)


def test_a_face_is_cut_out_of_the_frame_that_its_box_is_of(tmp_path, timeline):
    frames = np.zeros((150, 60, 80, 3), np.uint8)
    frames[53, 10:30, 20:36] = 200  # at 2.12 s
    save_frames(tmp_path / "frames", frames)
    timeline.windows = [replace(timeline.windows[1], start_sec=1.0, end_sec=3.1, box=(60, 40, 16, 20))]
    rows = [(1.5, 60, 40, 16, 20), (2.12, 20, 10, 16, 20), (2.9, 60, 40, 16, 20)]
    timeline.boxes = {1: np.array(rows, np.float32)}
    faces = Thumbnails.from_footage(tmp_path / "frames", timeline).of(1)
    assert faces and all(face.pixels[48, 48, 0] == 200 for face in faces)


def test_a_box_outside_of_the_picture(tmp_path, timeline):
    save_frames(tmp_path / "frames", np.full((50, 6, 8, 3), 90, np.uint8))
    timeline.windows = [replace(timeline.windows[0], box=(-30.0, -5.0, 40.0, 400.0), start_sec=0.0, end_sec=1.0)]
    (face,) = {face.time_sec: face for face in Thumbnails.from_footage(tmp_path / "frames", timeline).of(1)}.values()
    assert face.pixels.min() == face.pixels.max() == 90


def test_nobody_needs_no_footage(tmp_path, timeline):
    assert Thumbnails.from_footage(tmp_path / "none", made_up_timeline({}, 4)).of(1) == []
    with pytest.raises(VideoReadError, match="none"):
        Thumbnails.from_footage(tmp_path / "none", timeline)


def test_their_number_is_bounded():
    episodes = [(3.0 * number, 3.0 * number + 3, ("happy", "unsure", "sad")[number % 3]) for number in range(150)]
    timeline = made_up_timeline({1: episodes, 2: episodes[:9]}, 450, with_crops=True)
    faces = Thumbnails.from_crops(timeline).of(1)
    assert len(faces) == MAX_PER_TRACK and faces == sorted(faces, key=lambda face: face.time_sec)
    assert all(face.pixels.max() < 255 for face in faces)  # that of "unsure" in these crops
    assert len(Thumbnails.from_crops(timeline).of(2)) == 9
