import subprocess
import sys

import cv2
import numpy as np
import pytest
from errors import raises_naming

from logoformer_hf.faces import detector as detectors
from logoformer_hf.faces.detector import YuNetDetector, load_detector
from logoformer_hf.faces.footage import Footage


@pytest.fixture(scope="module")
def detector(detector_file) -> YuNetDetector:
    return YuNetDetector(detector_file)


def test_a_real_face_is_found_where_it_is(detector, media):
    with Footage(media / "face_frontal.mp4") as footage:
        frame = next(iter(footage))
    (face,) = detector.detect(frame.pixels)
    (small,) = detector.detect(frame.reduced(320))
    assert face.score > 0.8 and face.box.dtype == face.landmarks.dtype == np.float32
    assert np.abs(small.scaled(2, 2).box - face.box).max() < 15
    eye, other_eye, nose, mouth, other_mouth = face.landmarks
    assert eye[0] < nose[0] < other_eye[0] and mouth[0] < other_mouth[0]
    assert max(eye[1], other_eye[1]) < nose[1] < min(mouth[1], other_mouth[1])
    x, y, width, height = face.box
    assert ((face.landmarks > (x, y)) & (face.landmarks < (x + width, y + height))).all()


def test_nobody_is_found_where_nobody_is(detector, media):
    with Footage(media / "no_face.mp4") as footage:
        assert not any(detector.detect(frame.reduced(320)) for frame in list(footage)[::10])


def test_pictures_of_any_size_come_one_after_the_other(detector, media):
    with Footage(media / "two_faces.gif") as footage:
        frame = next(iter(footage))
    expected = [len(detector.detect(frame.reduced(side_px))) for side_px in (320, 480)]
    assert expected == [2, 2]
    assert detector.detect(np.zeros((1, 1, 3), dtype=np.uint8)) == []
    assert detector.detect(np.zeros((7, 300, 3), dtype=np.uint8)) == []
    again = detector.detect(frame.reduced(320))
    fresh = YuNetDetector(detector.path).detect(frame.reduced(320))
    for one, other in zip(again, fresh, strict=True):
        assert np.array_equal(one.box, other.box) and np.array_equal(one.landmarks, other.landmarks)


def test_rows_that_are_no_faces_are_dropped(detector, monkeypatch):
    good = np.arange(15, dtype=np.float32) + 1
    rows = np.stack([good, good, good, good])
    rows[0, 5] = np.nan
    rows[1, 2] = 0
    rows[3, 14] = 99
    monkeypatch.setattr(
        detector, "_network", type("Network", (), {"setInputSize": None, "detect": lambda self, picture: (1, rows)})()
    )
    monkeypatch.setattr(detector, "_size", (8, 8))
    faces = detector.detect(np.zeros((8, 8, 3), dtype=np.uint8))
    assert [face.score for face in faces] == [99, 15]
    assert faces[1].landmarks.tolist() == [[5, 6], [7, 8], [9, 10], [11, 12], [13, 14]]


def test_making_one_says_nothing(detector_file):
    """OpenCV 5 warns at each creation of a detector."""
    code = "import sys; from logoformer_hf.faces.detector import YuNetDetector; YuNetDetector(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(detector_file)], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""


def field(number: int, content: bytes | int) -> bytes:
    """A field of a protocol buffer with less than 128 bytes."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    return bytes([number << 3 | 2, len(content)]) + content


def write_other_network(path) -> None:
    """An ONNX file whose only layer is a ReLU."""
    sizes = b"".join(field(1, field(1, size)) for size in (1, 3, 64, 64))
    picture = field(2, field(1, field(1, 1) + field(2, sizes)))  # float32
    relu = field(1, b"input") + field(2, b"output") + field(4, b"Relu")
    values = field(11, field(1, b"input") + picture) + field(12, field(1, b"output") + picture)
    graph = field(1, relu) + field(2, b"graph") + values
    path.write_bytes(field(1, 7) + field(8, field(2, 13)) + field(7, graph))


BAD_FILES = {
    "text.onnx": lambda path: path.write_text("Dear diary"),
    "empty.onnx": lambda path: path.touch(),
    "weights.bin": lambda path: path.write_bytes(bytes(range(256)) * 40),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_detector_is_refused(name, tmp_path, capfd):
    path = tmp_path / name
    BAD_FILES[name](path)
    with raises_naming(ValueError, path, "YuNet") as caught:
        load_detector(path)
    assert "\n" not in str(caught.value) and capfd.readouterr().err == ""


def test_another_network_is_refused(tmp_path, capfd):
    path = tmp_path / "other.onnx"
    write_other_network(path)
    assert cv2.dnn.readNetFromONNX(str(path)) is not None  # a network, though none that finds faces
    capfd.readouterr()
    with raises_naming(ValueError, path, "YuNet") as caught:
        load_detector(path)
    assert "\n" not in str(caught.value) and capfd.readouterr().err == ""


def test_a_missing_file_and_none(tmp_path):
    with raises_naming(FileNotFoundError, tmp_path / "gone.onnx"):
        load_detector(tmp_path / "gone.onnx")
    with raises_naming(FileNotFoundError, tmp_path):
        load_detector(tmp_path)
    assert load_detector("none") is None


def test_without_network_one_sentence_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with raises_naming(
        FileNotFoundError, "https://huggingface.co/opencv/face_detection_yunet", "--detector", "--faces"
    ) as caught:
        load_detector()
    assert "\n" not in str(caught.value)


def test_the_default_is_downloaded_from_the_hub(detector_file, monkeypatch):
    asked = []

    def download(*names):
        asked.append(names)
        return str(detector_file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert isinstance(load_detector(), YuNetDetector)
    assert asked == [(detectors.DETECTOR_REPO, detectors.DETECTOR_FILE)]
