import cv2
import numpy as np
import pytest

from logoformer_hf.faces.detector import Face, YuNetDetector
from logoformer_hf.faces.footage import Footage
from logoformer_hf.faces.geometry import CROP_LANDMARKS, crop_face
from logoformer_hf.faces.quality import MIN_QUALITY, Quality, eye_distance_px, face_quality, share_inside, turn

FAR_ABOVE, FAR_BELOW = 1.5 * MIN_QUALITY, 0.75 * MIN_QUALITY


def face_of(landmarks: np.ndarray, score: float = 0.9) -> Face:
    return Face(np.array([0, 0, 9, 9], np.float32), landmarks, score)


def rated(pixels: np.ndarray, face: Face) -> Quality:
    return face_quality(face, (pixels.shape[1], pixels.shape[0]), crop_face(pixels, face.landmarks))


@pytest.fixture(scope="module")
def detector(detector_file) -> YuNetDetector:
    return YuNetDetector(detector_file, score_threshold=0.3)


@pytest.fixture(params=["face_frontal.mp4", "face_far.mkv", "two_faces.gif"])
def pixels(request, media) -> np.ndarray:
    with Footage(media / request.param) as footage:
        return next(iter(footage)).pixels


def test_faces_as_filmed_are_good(detector_file, media):
    detector = YuNetDetector(detector_file)
    for name in ("face_frontal.mp4", "face_far.mkv", "two_faces.gif"):
        with Footage(media / name) as footage:
            for frame in list(footage)[::12]:
                scale = frame.size[0] / 320
                for face in detector.detect(frame.reduced(320)):
                    assert rated(frame.pixels, face.scaled(scale, scale)).value > FAR_ABOVE, (name, frame)


def test_a_blurred_face_is_not(detector, pixels):
    for face in detector.detect(pixels):
        crop_px_px = eye_distance_px(face.landmarks) / 28.2  # pixels of the frame in one of the crop
        values = []
        for blur in (0.5, 2, 4, 8):
            blurred = cv2.GaussianBlur(pixels, (0, 0), blur * crop_px_px)
            values.append(rated(blurred, face).sharpness)
        assert values == sorted(values, reverse=True)
        assert values[0] == 1 and values[3] == 0 and rated(blurred, face).value == 0


def test_a_small_face_is_not(detector, pixels):
    for face in detector.detect(pixels):
        for width_px, is_good in ((45, True), (12, False)):
            scale = width_px / float(face.box[2])
            if scale > 1:
                continue
            small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            quality = rated(small, face.scaled(scale, scale))
            assert quality.size == quality.value or is_good
            assert quality.value > FAR_ABOVE if is_good else quality.value < FAR_BELOW


def test_a_face_half_outside_is_not(detector, media):
    with Footage(media / "face_frontal.mp4") as footage:
        pixels = next(iter(footage)).pixels
    (face,) = detector.detect(pixels)
    middle_x, eyes_y = int(face.landmarks[2, 0]), int(face.landmarks[:2, 1].mean())
    for cut, shift in ((pixels[:, middle_x:], (middle_x, 0)), (pixels[eyes_y:], (0, eyes_y))):
        moved = Face(face.box, face.landmarks - np.float32(shift), face.score)
        quality = rated(cut, moved)
        assert quality.inside == quality.value < FAR_BELOW


def turned(yaw_deg: float, pitch_deg: float = 0.0) -> np.ndarray:
    """Landmarks of a head turned by these angles; the nose stands out by half an eye distance."""
    points = np.zeros((5, 3))
    points[:, :2] = CROP_LANDMARKS - CROP_LANDMARKS.mean(axis=0)
    points[:, 0] -= points[:2, 0].mean()
    points[2, 2] = 0.5 * (points[1, 0] - points[0, 0])
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    x = points[:, 0] * np.cos(yaw) + points[:, 2] * np.sin(yaw)
    z = points[:, 2] * np.cos(yaw) - points[:, 0] * np.sin(yaw)
    y = points[:, 1] * np.cos(pitch) + z * np.sin(pitch)
    return np.stack([x, y], axis=1) * 200 + 300


def test_a_profile_is_not():
    frame = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    for yaw in (0, 15, -25):
        assert rated(frame, face_of(turned(yaw))).frontal > FAR_ABOVE
    for yaw in (60, -75, 85):
        quality = rated(frame, face_of(turned(yaw)))
        assert quality.frontal == quality.value < FAR_BELOW
    assert turn(turned(0)) < 0.05 < turn(turned(20)) < turn(turned(40)) < turn(turned(60))
    assert turn(turned(0, 30)) > turn(turned(0, 10))


def test_turning_the_picture_changes_nothing():
    landmarks = turned(30)
    rotation = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert np.isclose(turn(landmarks @ rotation.T), turn(landmarks))
    assert np.isclose(eye_distance_px(landmarks @ rotation.T * 3), 3 * eye_distance_px(landmarks))


def test_the_share_inside_is_an_area():
    landmarks = CROP_LANDMARKS * 100
    assert np.isclose(share_inside(landmarks, (100, 100)), 1)
    assert np.isclose(share_inside(landmarks, (50, 100)), 0.5, atol=0.01)
    assert np.isclose(share_inside(landmarks - (50, 50), (400, 400)), 0.25, atol=0.01)
    assert share_inside(landmarks + 500, (100, 100)) == 0


def test_the_worst_part_counts():
    assert Quality(size=1, sharpness=0.9, frontal=0.2, inside=1, score=1).value == 0.2
    frame = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    landmarks = CROP_LANDMARKS * 112
    assert rated(frame, face_of(landmarks, 0.45)).value < FAR_BELOW
    assert rated(frame, face_of(landmarks)).value > FAR_ABOVE
