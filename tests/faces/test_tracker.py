import numpy as np
import pytest

from logoformer_hf.faces.appearance import face_signature, signature_distance
from logoformer_hf.faces.detector import Face
from logoformer_hf.faces.geometry import CROP_LANDMARKS
from logoformer_hf.faces.holes import MAX_STRETCHED_SEC
from logoformer_hf.faces.tracker import FaceTracker, without_duplicates

# Two people's colours, as histograms of sum 1.
RED, BLUE = np.eye(8, dtype=np.float32)[1] + 0.1, np.eye(8, dtype=np.float32)[6] + 0.1


def face_at(x: float, y: float = 100.0, size: float = 60.0, score: float = 0.9) -> Face:
    corner = np.array([x - size / 2, y - size / 2])
    landmarks = (corner + CROP_LANDMARKS * size).astype(np.float32)
    return Face(np.array([*corner, size, size], np.float32), landmarks, score)


def follow(course, tracker: FaceTracker | None = None) -> list[list[int]]:
    """Track numbers of every (time, faces, signatures)."""
    tracker = tracker or FaceTracker()
    numbers = []
    for time_sec, faces, signatures in course:
        update = tracker.update(time_sec, faces, signatures)
        numbers.append([-1 if track is None else track.track_id for track in update.seen])
    return numbers


def test_two_people_keep_their_numbers_and_single_detections_get_none():
    course = []
    for step in range(20):
        faces = [face_at(100 + 2 * step), face_at(300 - step)]
        marks = [RED, BLUE]
        if step == 7:
            faces.append(face_at(200, 20))  # wallpaper
            marks.append(BLUE)
        course.append((step / 10, faces, marks))
    numbers = follow(course)
    assert numbers[0] == [0, 0] and numbers[7] == [1, 2, 0]
    assert all(row[:2] == [1, 2] for row in numbers[1:])


def test_the_order_of_detections_does_not_matter():
    tracker = FaceTracker()
    for step in range(10):
        faces, marks = [face_at(100 + step), face_at(300)], [RED, BLUE]
        if step % 2:
            faces, marks = faces[::-1], marks[::-1]
        seen = tracker.update(step / 10, faces, marks).seen
        if step:
            assert [track.track_id for track in seen] == ([2, 1] if step % 2 else [1, 2])


def test_missed_detections_keep_the_number_and_long_absence_does_not():
    course = [(step / 10, [face_at(100 + 5 * step)] if step < 10 or step > 17 else [], None) for step in range(25)]
    course = [(time, faces, [RED] * len(faces)) for time, faces, _ in course]
    assert {row[0] for row in follow(course)[1:] if row} == {1}
    away = [(time, faces, marks) for time, faces, marks in course if time < 1.0]
    back = [(time + 2.5, faces, marks) for time, faces, marks in away]
    numbers = follow([*away, *[(1.0 + step / 10, [], []) for step in range(14)], *back])
    assert numbers[9] == [1] and numbers[-1] == [2]


@pytest.mark.parametrize("hidden_sec", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("is_turning", [False, True])
def test_people_who_cross_keep_their_numbers(hidden_sec, is_turning):
    """One hides the other completely; they go on, or turn round behind each other."""
    course, expected = [], []
    for step in range(50):
        time = step / 10
        way = (time - 2.5) * 120 / max(hidden_sec, 0.5)
        red, blue = 300 + way, 300 - way
        if is_turning and time > 2.5:
            red, blue = blue, red
        faces, marks, order = [face_at(blue)], [BLUE], [2]
        if abs(time - 2.5) > hidden_sec / 2:
            faces, marks, order = [face_at(red), *faces], [RED, *marks], [1, *order]
        course.append((time, faces, marks))
        expected.append(order)
    assert follow(course)[2:] == expected[2:]


def test_a_person_who_comes_nearer_keeps_the_number():
    course = [(step / 10, [face_at(200, 200, 40 * 1.12**step)], [RED]) for step in range(20)]
    assert {row[0] for row in follow(course)[1:]} == {1}


def test_somebody_else_in_the_same_place_is_another_track():
    course = [(step / 10, [face_at(100 if step < 10 else 400)], [RED if step < 10 else BLUE]) for step in range(20)]
    numbers = follow(course)
    assert numbers[9] == [1] and numbers[-1] == [2]


def test_one_face_found_twice_is_one():
    double = [face_at(100, score=0.7), face_at(108, score=0.9), face_at(104, size=25, score=0.95), face_at(300)]
    assert without_duplicates(double) == [2, 3]
    assert without_duplicates([face_at(100, score=0.7), face_at(108)]) == [1]
    assert without_duplicates([face_at(100), face_at(150)]) == [0, 1]  # side by side
    numbers = follow([(step / 10, double[:2], [RED, RED]) for step in range(3)])
    assert numbers == [[-1, 0], [-1, 1], [-1, 1]]


@pytest.mark.parametrize("period_sec", [0.4, 0.5, 1.0, 2.0, 4.5])
def test_a_track_comes_about_at_any_rate(period_sec):
    course = [(step * period_sec, [face_at(100 + 3 * step)], [RED]) for step in range(10)]
    assert [row[0] for row in follow(course)] == [0, *[1] * 9]


@pytest.mark.parametrize("period_sec", [0.5, 1.0, 2.0])
def test_one_missed_detection_at_a_low_rate(period_sec):
    seen = [[] if step in (1, 5) else [face_at(100)] for step in range(10)]
    course = [(step * period_sec, faces, [RED] * len(faces)) for step, faces in enumerate(seen)]
    assert {row[0] for row in follow(course)[3:] if row} == {1}


def test_limits_grow_with_the_usual_time_between_detections_and_not_without_bound():
    tracker = FaceTracker()
    assert tracker.stretched(0.5) == 0.5
    for step in range(20):
        tracker.update(step * 0.1, [], [])
    assert tracker.stretched(0.2) == pytest.approx(0.25) and tracker.stretched(0.5) == 0.5
    tracker.update(30.0, [], [])  # one long pause
    assert tracker.stretched(0.5) == 0.5
    for step in range(20):
        tracker.update(60.0 + 30 * step, [], [])
    assert tracker.stretched(0.5) == MAX_STRETCHED_SEC


def test_a_slide_show_has_no_tracks():
    course = [(6.0 * step, [face_at(100)], [RED]) for step in range(6)]
    assert follow(course) == [[0]] * 6


def test_tracks_end_once():
    tracker = FaceTracker(max_unseen_sec=0.5)
    for step in range(3):
        tracker.update(step / 10, [face_at(100)], [RED])
    ended = [tracker.update(time, [], []).ended for time in (0.3, 0.6, 0.8, 1.0)]
    assert [[track.track_id for track in tracks] for tracks in ended] == [[], [], [1], []]
    tracker.update(2.0, [face_at(100)], [RED])
    tracker.update(2.1, [face_at(100)], [RED])
    assert [track.track_id for track in tracker.end_all()] == [2] and tracker.tracks == []


def test_a_saved_state_goes_on_equally():
    rng = np.random.default_rng(0)
    course = [
        (step / 10, [face_at(100 + 9 * step + rng.normal(0, 2)), face_at(500 - 9 * step)], [RED, BLUE])
        for step in range(40)
    ]
    straight = FaceTracker()
    expected = follow(course, straight)
    first = FaceTracker()
    numbers = follow(course[:17], first)
    second = FaceTracker()
    second.load_state_dict(first.state_dict())
    assert numbers + follow(course[17:], second) == expected
    for one, other in zip(straight.tracks, second.tracks, strict=True):
        assert np.array_equal(one.state, other.state) and np.array_equal(one.covariance, other.covariance)


def test_signatures_tell_colours_apart_and_not_places():
    frames = np.full((2, 120, 200, 3), 128, dtype=np.uint8)
    frames[0, 20:100, 20:100] = (150, 110, 80)
    frames[1, 20:100, 110:190] = (150, 110, 80)
    here, there = face_at(60, 60, 60), face_at(150, 60, 60)
    first, moved = face_signature(frames[0], here), face_signature(frames[1], there)
    assert signature_distance(first, first) == 0 and signature_distance(first, moved) < 0.05
    frames[1, 20:100, 110:190] = (235, 200, 180)
    assert signature_distance(first, face_signature(frames[1], there)) > 0.4
