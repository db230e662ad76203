"""The picture of the crop's geometry: the same each time, small, and the one that the code draws."""

import sys

import draw_face_crop
import numpy as np
from draw_face_crop import BOX, LANDMARKS, draw_frame, draw_picture, write_picture
from paths import DOCS
from PIL import Image

from logoformer_hf.faces.detector import YuNetDetector


def test_the_command_writes_the_same_picture_each_time(tmp_path, monkeypatch, capsys):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(sys, "argv", ["draw_face_crop", str(tmp_path / name)])
        draw_face_crop.main()
    files = [tmp_path / name / "face_crop.png" for name in ("first", "second")]
    assert files[0].read_bytes() == files[1].read_bytes() and "face_crop.png" in capsys.readouterr().out


def test_the_picture_in_docs_is_this_one_and_small(tmp_path):
    with Image.open(DOCS / "face_crop.png") as there, Image.open(write_picture(tmp_path)) as drawn:
        assert there.size == drawn.size == draw_picture().size
        difference = np.abs(np.asarray(there.convert("RGB")).astype(int) - np.asarray(drawn.convert("RGB")))
    assert difference.mean() < 2  # other versions of the libraries draw edges a little differently
    assert (DOCS / "face_crop.png").stat().st_size < 200_000


def test_the_landmarks_are_where_a_detector_finds_them(detector_file):
    (face,) = YuNetDetector(detector_file).detect(draw_frame())
    assert np.abs(face.landmarks - LANDMARKS).max() < 3
    assert np.abs(face.box - BOX).max() < 6
