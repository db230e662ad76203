import json

import cv2
import numpy as np
import pytest
from errors import raises_naming

from logoformer_hf.faces import follow as module
from logoformer_hf.faces import search
from logoformer_hf.faces.detector import Face, YuNetDetector
from logoformer_hf.faces.follow import FaceFollower, TrackedFrame, crop_of
from logoformer_hf.faces.footage import Footage, MemoryFrame
from logoformer_hf.faces.geometry import CROP_LANDMARKS, crop_matrix

SIZE = (320, 180)  # width and height of drawn frames
FACE_PX = 48
COLOURS = {"red": (200, 60, 60), "blue": (60, 60, 200), "green": (60, 200, 60)}


def background(seed: int = 0) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(60, 190, (9, 16, 3), dtype=np.uint8)
    return blocks.repeat(20, axis=0).repeat(20, axis=1)


class SquareDetector:
    """Finds squares of pure colours, one of each; counts how often it is asked."""

    def __init__(self):
        self.num_calls, self.sizes = 0, []

    def detect(self, frame: np.ndarray) -> list[Face]:
        self.num_calls += 1
        self.sizes.append(frame.shape[1])
        faces = []
        for colour in COLOURS.values():
            is_it = (np.abs(frame.astype(int) - colour) < 12).all(axis=2)
            if is_it.sum() > 40:
                rows, columns = np.flatnonzero(is_it.any(axis=1)), np.flatnonzero(is_it.any(axis=0))
                box = np.array([columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1], np.float32)
                faces.append(Face(box, (box[:2] + CROP_LANDMARKS * box[2:]).astype(np.float32), 0.9))
        return faces


def draw(squares: dict[str, float], seed: int = 0, size_px: int = FACE_PX) -> np.ndarray:
    """A frame with a square of each colour, from this x on."""
    pixels = background(seed)
    for colour, x in squares.items():
        pixels[60 : 60 + size_px, round(x) : round(x) + size_px] = COLOURS[colour]
    return pixels


def frames_of(pictures: list[np.ndarray], fps: float = 30.0) -> list[MemoryFrame]:
    return [MemoryFrame(index, index / fps, pixels) for index, pixels in enumerate(pictures)]


def run(follower: FaceFollower, frames, wanted=lambda index: True) -> list[TrackedFrame]:
    given = []
    for frame in frames:
        given += follower.push(frame, wanted(frame.index))
    return given + follower.finish()


def numbers(tracked: list[TrackedFrame]) -> list[list[int]]:
    return [[face.track_id for face in frame.faces] for frame in tracked]


def test_every_wanted_frame_comes_once_with_its_face_where_it_is():
    frames = frames_of([draw({"red": 20 + 3 * index}) for index in range(40)])
    detector = SquareDetector()
    tracked = run(FaceFollower(detector), frames, lambda index: index % 5 != 2)
    assert [each.frame.index for each in tracked] == [index for index in range(40) if index % 5 != 2]
    assert detector.num_calls == 14
    for each in tracked:
        (face,) = each.faces
        assert face.track_id == 1
        assert np.abs(face.face.box - (20 + 3 * each.frame.index, 60, FACE_PX, FACE_PX)).max() < 0.01
        assert np.abs(face.face.landmarks - (face.face.box[:2] + CROP_LANDMARKS * FACE_PX)).max() < 0.01
        assert face.is_interpolated == (each.frame.index % 3 != 0 and each.frame.index != 39)


def test_frames_come_as_soon_as_their_faces_are_known():
    follower = FaceFollower(SquareDetector())
    delays = []
    for frame in frames_of([draw({"red": 100})] * 40):
        delays += [frame.index - each.frame.index for each in follower.push(frame, True)]
    assert max(delays) <= 3 and len(delays) == 40


def test_where_frames_are_rare_all_are_searched():
    for fps, num_calls in ((30, 10), (10, 30), (15, 15), (5, 30)):
        detector = SquareDetector()
        run(FaceFollower(detector), frames_of([draw({"red": 100})] * 30, fps))
        assert num_calls <= detector.num_calls <= num_calls + 1, fps


def test_a_face_that_is_missed_for_a_while_is_interpolated_and_for_long_is_not():
    def pictures(hidden: range) -> list[np.ndarray]:
        return [draw({} if index in hidden else {"red": 20 + 2 * index}) for index in range(90)]

    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures(range(30, 39))))
    assert numbers(tracked) == [[1]] * 90
    assert np.abs(tracked[34].faces[0].face.box[0] - (20 + 2 * 34)) < 0.01
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures(range(30, 60))))
    assert numbers(tracked)[:28] == [[1]] * 28 and numbers(tracked)[60:] == [[1]] * 30
    assert numbers(tracked)[33:57] == [[]] * 24


def test_a_track_that_ends_is_said_once_after_its_last_frame():
    pictures = [draw({"blue": 200, **({"red": 20} if index < 30 else {})}) for index in range(120)]
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures))
    first = {number: row for row, each in enumerate(numbers(tracked)) for number in each}
    ended = [(row, number) for row, each in enumerate(tracked) for number in each.ended]
    assert len(ended) == 1
    row, number = ended[0]
    assert row > first[number] and not any(number in later for later in numbers(tracked)[row:])


@pytest.mark.parametrize("cut_at", [30, 31, 32])
def test_a_cut_ends_tracks_and_nothing_is_interpolated_over_it(cut_at):
    pictures = [draw({"red": 40 if index < cut_at else 200}, seed=index >= cut_at) for index in range(60)]
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures))
    assert numbers(tracked) == [[1]] * cut_at + [[2]] * (60 - cut_at)
    assert [each.frame.index for each in tracked if each.is_cut] == [cut_at]
    for each in tracked:
        assert round(float(each.faces[0].face.box[0]), 3) == (40 if each.frame.index < cut_at else 200)
    assert [each.frame.index for each in tracked if each.ended] == [cut_at]
    assert tracked[cut_at].ended == (1,)


@pytest.mark.parametrize("fps", [0.25, 0.5, 1, 2, 3, 5])
@pytest.mark.parametrize("speed_px", [0, 4])
def test_low_rates(fps, speed_px):
    frames = frames_of([draw({"red": 20 + speed_px * index}) for index in range(30)], fps)
    tracked = run(FaceFollower(SquareDetector()), frames)
    assert numbers(tracked) == [[1]] * 30
    assert not any(each.ended or each.is_cut for each in tracked)
    for each in tracked:
        assert np.abs(each.faces[0].face.box[0] - (20 + speed_px * each.frame.index)) < 0.01


def test_a_missed_detection_at_a_low_rate_is_interpolated():
    pictures = [draw({} if index == 10 else {"red": 100 + index}) for index in range(20)]
    for fps in (1, 2):
        tracked = run(FaceFollower(SquareDetector()), frames_of(pictures, fps))
        assert numbers(tracked) == [[1]] * 20
        assert [each.frame.index for each in tracked if each.faces[0].is_interpolated] == [10]
        assert np.abs(tracked[10].faces[0].face.box[0] - 110) < 0.01


def noise(rng: np.random.Generator) -> np.ndarray:
    """A frame of noise at full amplitude."""
    return 255 * rng.integers(0, 2, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def test_a_face_goes_on_before_a_background_that_changes_completely():
    rng, pictures = np.random.default_rng(0), []
    for index in range(60):
        pixels = background(index) if index % 2 else noise(rng)
        x = 20 + 3 * index
        pixels[60 : 60 + FACE_PX, x : x + FACE_PX] = COLOURS["red"]
        pictures.append(pixels)
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures))
    assert numbers(tracked) == [[1]] * 60
    assert not any(each.is_cut or each.ended for each in tracked)


def test_somebody_else_at_the_same_place_after_a_cut_is_somebody_else():
    pictures = [draw({"red" if index < 30 else "blue": 100}, seed=index >= 30) for index in range(60)]
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures))
    assert numbers(tracked) == [[1]] * 30 + [[2]] * 30
    assert [each.frame.index for each in tracked if each.is_cut] == [30] and tracked[30].ended == (1,)


def placed_face(pixels: np.ndarray, face: Face, backdrop: np.ndarray) -> np.ndarray:
    """A filmed head before another background; with its face at 110 px in the middle."""
    matrix = crop_matrix(face.landmarks, 110.0)
    matrix[:, 2] += (105, 35)
    head = cv2.warpAffine(pixels, matrix, SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    is_head = ((columns - 160) / 60) ** 2 + ((rows - 95) / 75) ** 2 < 1
    return np.where(is_head[..., None], head, backdrop)


@pytest.fixture
def filmed(media, detector_file) -> dict[str, list[tuple[np.ndarray, Face]]]:
    """30 frames of two real people, and the face in each."""
    detector, people = YuNetDetector(detector_file), {}
    for name in ("face_frontal.mp4", "face_far.mkv"):
        with Footage(media / name) as footage:
            pictures = [frame.pixels for frame in footage][:30]
        people[name] = [(pixels, detector.detect(pixels)[0]) for pixels in pictures]
    return people


def test_a_real_face_before_noise(filmed, detector_file):
    rng = np.random.default_rng(0)
    pictures = [placed_face(pixels, face, noise(rng)) for pixels, face in filmed["face_frontal.mp4"]]
    tracked = run(FaceFollower(YuNetDetector(detector_file)), frames_of(pictures))
    assert numbers(tracked) == [[1]] * 30 and not any(each.is_cut for each in tracked)


def test_a_cut_from_one_real_face_to_another_at_the_same_place(filmed, detector_file):
    pictures = [
        placed_face(pixels, face, background(seed))
        for seed, name in enumerate(("face_frontal.mp4", "face_far.mkv"))
        for pixels, face in filmed[name]
    ]
    tracked = run(FaceFollower(YuNetDetector(detector_file)), frames_of(pictures))
    assert numbers(tracked) == [[1]] * 30 + [[2]] * 30
    assert [each.frame.index for each in tracked if each.is_cut] == [30] and tracked[30].ended == (1,)


@pytest.mark.parametrize("flash", ["white", "bright", "black"])
def test_a_flash_is_no_cut(flash):
    pictures = [draw({"red": 40 + index}) for index in range(60)]
    for index in range(29, 34):
        bright = pictures[index].astype(float) * 1.7 + 40
        pictures[index] = {
            "white": np.full_like(pictures[index], 255),
            "black": np.zeros_like(pictures[index]),
            "bright": np.clip(bright, 0, 255).astype(np.uint8),
        }[flash]
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures))
    assert not any(each.is_cut for each in tracked)
    assert numbers(tracked) == [[1]] * 60


def test_a_pan_is_no_cut():
    wide = np.concatenate([background(seed) for seed in range(3)], axis=1)
    wide = cv2.GaussianBlur(wide, (0, 0), 8)  # a moving camera blurs
    pictures = []
    for index in range(40):
        pixels = np.ascontiguousarray(wide[:, 15 * index : 15 * index + 320])
        pixels[60:108, 100:148] = COLOURS["red"]
        pictures.append(pixels)
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures))
    assert not any(each.is_cut for each in tracked) and numbers(tracked) == [[1]] * 40


def test_a_detection_in_one_frame_is_nobody():
    pictures = [draw({"red": 40, **({"blue": 200} if index == 30 else {})}) for index in range(60)]
    assert numbers(run(FaceFollower(SquareDetector()), frames_of(pictures))) == [[1]] * 60


def test_a_detection_that_no_other_could_follow_is_a_track():
    picture, empty = draw({"red": 100}), draw({})
    for pictures in ([picture], [picture] * 2, [empty, picture]):
        tracked = run(FaceFollower(SquareDetector()), frames_of(pictures))
        assert numbers(tracked)[-1] == [1]
    assert numbers(run(FaceFollower(SquareDetector()), frames_of([empty] * 9 + [picture])))[-1] == []


@pytest.mark.parametrize("cut_at", [30, 31, 32])
def test_the_last_frame_before_a_cut_comes_back(cut_at):
    pictures = [draw({"red": 40 if index < cut_at else 200}, seed=index >= cut_at) for index in range(60)]
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures), lambda index: index % 20 == 5)
    assert [each.frame.index for each in tracked] == [5, 25, cut_at - 1, 45]
    assert [each.is_last for each in tracked] == [False, False, True, False]
    assert numbers(tracked) == [[1], [1], [1], [2]] and tracked[3].is_cut
    tracked = run(FaceFollower(SquareDetector()), frames_of(pictures), lambda index: index == cut_at - 1)
    assert [(each.frame.index, each.is_last) for each in tracked] == [(cut_at - 1, False)]


def test_a_hole_ends_tracks_and_the_frame_before_it_has_its_face():
    frames = frames_of([draw({"red": 100})] * 42)
    for frame in frames[21:]:
        frame.time_sec += 3.0
    tracked = run(FaceFollower(SquareDetector(), detect_every=6), frames)
    assert numbers(tracked) == [[1]] * 21 + [[2]] * 21
    assert [each.frame.index for each in tracked if each.ended or each.is_cut] == [21]
    assert tracked[21].ended == (1,)


def test_small_faces_are_looked_for_in_a_larger_picture_now_and_then():
    class Demanding(SquareDetector):
        def detect(self, frame: np.ndarray) -> list[Face]:
            return [face for face in super().detect(frame) if face.box[2] >= 20]

    pictures = [draw({"red": 100}, size_px=32).repeat(2, axis=0).repeat(2, axis=1) for _ in range(60)]
    detector = Demanding()
    tracked = run(FaceFollower(detector, detection_side_px=160), frames_of(pictures))
    assert numbers(tracked) == [[1]] * 60 and set(detector.sizes) == {160, 320}
    assert np.abs(tracked[7].faces[0].face.box - (200, 120, 64, 64)).max() < 4
    empty = SquareDetector()
    run(FaceFollower(empty, detection_side_px=160), frames_of([background()] * 300))
    assert 8 <= sum(size == 320 for size in empty.sizes) <= 12


def test_few_frames_wait_however_many_are_wanted(monkeypatch):
    monkeypatch.setattr(module, "MAX_HELD_FRAMES", 10)
    follower = FaceFollower(SquareDetector(), detect_every=1000)
    monkeypatch.setattr(search, "MAX_DETECTION_PERIOD_SEC", 1e9)
    frames = frames_of([draw({"red": 100})] * 100)
    given = []
    for frame in frames:
        given += follower.push(frame, True)
        assert len(follower._held) <= 10
    given += follower.finish()
    assert [each.frame.index for each in given] == list(range(100))


def plain(tracked: list[TrackedFrame]) -> list:
    return [
        (
            each.frame.index,
            each.ended,
            each.is_cut,
            [(face.track_id, face.quality, face.is_interpolated, face.face.box.tolist()) for face in each.faces],
        )
        for each in tracked
    ]


def eventful() -> list[MemoryFrame]:
    pictures = []
    for index in range(120):
        squares = {"red": 20 + 2 * index} if index < 70 else {"green": 100}
        if index % 40 > 12:
            squares["blue"] = 260 - index
        pictures.append(draw(squares, seed=index >= 70))
    return frames_of(pictures)


@pytest.mark.parametrize("every", [1, 20])
@pytest.mark.parametrize("stop_at", [1, 17, 34, 70, 71, 72, 73, 100, 119])
def test_a_saved_state_goes_on_equally(stop_at, every):
    def is_wanted(index: int) -> bool:
        return index % every == 0

    frames = eventful()
    expected = plain(run(FaceFollower(SquareDetector()), frames, is_wanted))
    first, second = FaceFollower(SquareDetector()), FaceFollower(SquareDetector())
    given = []
    for frame in frames[:stop_at]:
        given += first.push(frame, is_wanted(frame.index))
    state = first.state_dict()
    for _ in range(2):  # loading does not use the state up
        second = FaceFollower(SquareDetector())
        second.load_state_dict(state)
        assert plain(given) + plain(run(second, frames[stop_at:], is_wanted)) == expected
    json.dumps(state, default=lambda array: array.tolist())  # numbers, strings, lists, dictionaries, arrays


def test_memory_of_the_past_is_given_up():
    follower = FaceFollower(SquareDetector())
    pictures = [draw({"red": 100, **({"blue": 200} if index % 60 < 20 else {})}) for index in range(60)]
    sizes = []
    for index in range(900):
        follower.push(MemoryFrame(index, index / 30, pictures[index % 60]), index % 4 == 0)
        sizes.append(sum(len(history.times) for history in follower._histories.values()) + len(follower._held))
    assert max(sizes[450:]) <= max(sizes[:450]) < 80


def test_without_a_detector_every_frame_is_one_face():
    frames = frames_of([draw({"red": index}) for index in range(10)])
    tracked = run(FaceFollower(None), frames, lambda index: index % 2 == 0)
    assert [each.frame.index for each in tracked] == [0, 2, 4, 6, 8] and numbers(tracked) == [[1]] * 5
    (face,) = tracked[0].faces
    assert face.face.box.tolist() == [0, 0, 320, 180] and face.quality == 1
    assert crop_of(face, frames[0]).shape == (112, 112, 3)
    crop = crop_of(face, frames[0], 180)
    assert np.array_equal(crop, frames[0].pixels[:, 70:250])


def test_wants_and_bad_arguments():
    frames = frames_of([draw({"red": 100})] * 10)
    follower = FaceFollower(SquareDetector(), wants=lambda time_sec: time_sec > 0.2)
    given = [each for frame in frames for each in follower.push(frame)] + follower.finish()
    assert [each.frame.index for each in given] == [7, 8, 9]
    with raises_naming(ValueError, "0.100", "0.300"):
        follower.push(frames[3])
    for name in ("detect_every", "detection_side_px"):
        with raises_naming(ValueError, f"{name}=0"):
            FaceFollower(None, **{name: 0})
    with raises_naming(ValueError, "max_gap_sec=-1"):
        FaceFollower(None, max_gap_sec=-1)
    assert FaceFollower(SquareDetector()).finish() == []


@pytest.mark.parametrize(
    ("name", "num_frames", "people"),
    [("face_frontal.mp4", 72, [1]), ("face_far.mkv", 87, [1]), ("two_faces.gif", 56, [1, 2]), ("no_face.mp4", 95, [])],
)
def test_real_clips(name, num_frames, people, media, detector_file):
    with Footage(media / name) as footage:
        tracked = run(FaceFollower(YuNetDetector(detector_file)), footage)
    assert numbers(tracked) == [people] * num_frames
    assert all(face.quality > 0.6 for each in tracked for face in each.faces)
    assert not any(each.is_cut or each.ended for each in tracked)
    if len(people) == 2:  # nobody changes places
        left = [[face.face.box[0] < 200 for face in each.faces] for each in tracked]
        assert all(row == left[0] for row in left) and sum(left[0]) == 1
