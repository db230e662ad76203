import cv2
import numpy as np
import pytest

from logoformer_hf.data.synthetic.scenes import draw_cast
from logoformer_hf.faces.detector import Face, YuNetDetector
from logoformer_hf.faces.follow import FaceFollower, TrackedFrame, crop_of
from logoformer_hf.faces.footage import Footage, MemoryFrame
from logoformer_hf.faces.geometry import CROP_LANDMARKS
from logoformer_hf.faces.tilt import FACE_PX, SIDE_PX, Tilt, find_tilted, roll_deg, with_tilt

NUM_FRAMES = 4


@pytest.fixture(scope="module")
def detector(detector_file) -> YuNetDetector:
    return YuNetDetector(detector_file)


def turned(pixels: np.ndarray, angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """A frame turned clockwise about its middle, and the matrix `(2, 3)`."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle_deg, 1.0)
    picture = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return picture, matrix


def follow(detector, pictures) -> list[TrackedFrame]:
    follower, tracked = FaceFollower(detector), []
    for index, pixels in enumerate(pictures):
        tracked += follower.push(MemoryFrame(index, index / 30, pixels), True)
    return tracked + follower.finish()


def landmark_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance, in eye distances."""
    return float(np.linalg.norm(found - truth, axis=1).mean() / np.linalg.norm(truth[1] - truth[0]))


def angle_between(one_deg: float, other_deg: float) -> float:
    return abs((one_deg - other_deg + 180) % 360 - 180)


def check_turned(detector, pixels: np.ndarray, angle_deg: float, max_error: float) -> None:
    (face,) = detector.detect(pixels)
    picture, matrix = turned(pixels, angle_deg)
    truth = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    for each in follow(detector, [picture] * NUM_FRAMES):
        (found,) = each.faces
        assert landmark_error(found.face.landmarks, truth) < max_error
        assert angle_between(roll_deg(found.face.landmarks), roll_deg(truth)) < 13


@pytest.mark.parametrize("name", ["face_frontal.mp4", "face_far.mkv"])
@pytest.mark.parametrize("angle_deg", [-45, -30, 30, 45])
def test_real_heads(name, angle_deg, media, detector):
    with Footage(media / name) as footage:
        pictures = [frame.pixels for frame in footage]
    for pixels in pictures[::30]:
        check_turned(detector, pixels, angle_deg, 0.18)


@pytest.mark.parametrize("angle_deg", [-30, 30])
def test_drawn_heads(angle_deg, detector):
    for actor in draw_cast(0)[:5]:
        picture = cv2.resize(actor.picture(0), (300, 300)).astype(float)
        pixels = np.full((360, 640, 3), (150.0, 140.0, 120.0))
        pixels[40:340, 170:470] = pixels[40:340, 170:470] * (1 - picture[..., 3:] / 255) + picture[..., :3]
        check_turned(detector, pixels.clip(0, 255).astype(np.uint8), angle_deg, 0.19)


def test_upright_faces_stay_as_they_were_detected(media, detector):
    with Footage(media / "face_frontal.mp4") as footage:
        frames = list(footage)[:30]
    tracked = follow(detector, [frame.pixels for frame in frames])
    for each in tracked[::3]:
        (face,) = detector.detect(each.frame.reduced(320))
        assert np.array_equal(each.faces[0].face.landmarks, face.scaled(2, 2).landmarks)


def clip_of_tilted_heads(media, detector) -> list[TrackedFrame]:
    with Footage(media / "two_faces.gif") as footage:
        return follow(detector, [frame.pixels for frame in footage])


def test_crops_of_tilted_heads_are_upright(media, detector):
    for each in clip_of_tilted_heads(media, detector)[20::6]:
        for face in each.faces:
            large = cv2.resize(crop_of(face, each.frame), (160, 160), interpolation=cv2.INTER_CUBIC)
            found = max(detector.detect(large), key=lambda other: other.score)
            assert abs(roll_deg(found.landmarks)) < 9
            assert abs(roll_deg(face.face.landmarks)) > 10  # which they are not without a turn


def test_a_saved_state_knows_the_tilt(media, detector):
    expected = clip_of_tilted_heads(media, detector)
    first, second = FaceFollower(detector), FaceFollower(detector)
    tracked: list[TrackedFrame] = []
    for each in expected:
        if each.frame.index == 31:
            second.load_state_dict(first.state_dict())
        follower = first if each.frame.index < 31 else second
        tracked += follower.push(MemoryFrame(each.frame.index, each.frame.time_sec, each.frame.pixels), True)
    for one, other in zip(tracked + second.finish(), expected, strict=True):
        for face, expected_face in zip(one.faces, other.faces, strict=True):
            assert np.array_equal(face.face.landmarks, expected_face.face.landmarks)


class LeaningDetector:
    """Finds the same face in any picture, tilted by the angles of a list one after the other."""

    def __init__(self, angles_deg: list[float], score: float = 0.9):
        self.angles_deg, self.score, self.num_calls = angles_deg, score, 0

    def detect(self, frame: np.ndarray) -> list[Face]:
        self.num_calls += 1
        return [face_at(self.angles_deg[min(self.num_calls, len(self.angles_deg)) - 1], self.score)]


def face_at(angle_deg: float, score: float = 0.9, leans_upright: bool = True) -> Face:
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = (CROP_LANDMARKS - CROP_LANDMARKS.mean(axis=0)) @ turn.T * 90 + SIDE_PX / 2
    corner = (SIDE_PX - FACE_PX) / 2
    box = np.array([corner, corner, FACE_PX, FACE_PX], np.float32)
    return Face(box, landmarks.astype(np.float32), score, leans_upright)


PICTURE = np.zeros((SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


def test_the_angle_is_approached_in_steps():
    detector = LeaningDetector([13.0, -6.5, 0.0])
    found = find_tilted(detector, PICTURE, face_at(5), 5.0)
    assert detector.num_calls == 3
    assert roll_deg(found.landmarks) == pytest.approx(5 + 20 - 10, abs=0.01)
    assert np.array_equal(found.box, face_at(5).box)


@pytest.mark.parametrize(
    "detector",
    [LeaningDetector([40.0]), LeaningDetector([0.0], score=0.7), type("Blind", (), {"detect": lambda self, _: []})()],
)
def test_without_a_better_face_the_detection_stays(detector):
    face, tilt = face_at(20), Tilt(known_deg=30.0)
    assert with_tilt(detector, PICTURE, face, tilt) is face and tilt.known_deg == 0


def test_when_a_face_is_searched_again():
    upright, tilt = LeaningDetector([0.0]), Tilt()
    for _ in range(10):
        assert roll_deg(with_tilt(upright, PICTURE, face_at(2), tilt).landmarks) == pytest.approx(2, abs=0.01)
    assert upright.num_calls == 2 and tilt.known_deg == 0
    with_tilt(upright, PICTURE, face_at(25), tilt)
    assert tilt.known_deg == pytest.approx(25, abs=0.01)
    calls = upright.num_calls
    with_tilt(upright, PICTURE, face_at(3), tilt)  # seems upright, and was not
    assert upright.num_calls == calls + 1
    sure = face_at(25, leans_upright=False)
    assert with_tilt(upright, PICTURE, sure, tilt) is sure and upright.num_calls == calls + 1
