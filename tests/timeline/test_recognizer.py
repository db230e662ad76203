"""The recogniser: what it takes, what it says, and real footage."""

import math
import shutil
import threading

import numpy as np
import pytest
import torch
import video_models
from cards import FACES, FERV39K, model_card
from errors import raises_naming
from scripted_footage import ScriptedDetector, check_scores, face_at, frame_pixels, push_all, same, times_at
from toys import new_model

import logoformer_hf
from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerModel, LogoFormerVideoProcessor
from logoformer_hf.faces.footage import Footage
from logoformer_hf.timeline import recognizer
from logoformer_hf.timeline.recognizer import DRAWN_FACES_NOTE, UNKNOWN_DATA_NOTE, ExpressionRecognizer


def test_it_is_a_public_name():
    assert logoformer_hf.ExpressionRecognizer is ExpressionRecognizer
    assert logoformer_hf.Timeline.__name__ == "Timeline"


def test_a_model_that_is_given_is_not_changed(footage_model):
    model = LogoFormerForVideoClassification.from_pretrained(footage_model).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    processor = LogoFormerVideoProcessor.from_pretrained(footage_model)
    recognizer = ExpressionRecognizer(model, processor, detector="none", device="cpu")
    windows = push_all(recognizer.open(keep_crops=True), times_at(10, 3))
    check_scores(windows, footage_model)
    assert model.training and all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert set(before) == set(model.state_dict())


@pytest.mark.parametrize("kind", video_models.KINDS)
def test_other_video_classifiers_read_whole_windows(kind, recognizer_of, tmp_path):
    folder = video_models.save(tmp_path, kind)
    num_frames = video_models.KINDS[kind][2]
    windows = push_all(recognizer_of(model=folder).open(keep_crops=True), times_at(10, 5))
    assert len(windows) == 20 - (num_frames + 1) // 2 + 1
    assert {len(window.frame_times_sec) for window in windows} == {num_frames}
    assert all(len(window.crops) == num_frames and abs(sum(window.scores.values()) - 1) < 1e-9 for window in windows)


def test_without_token_reuse_the_scores_are_the_same(recognizer_of):
    detector = [face_at(10), face_at(90)]
    reusing, whole = (
        push_all(recognizer_of(ScriptedDetector(always=detector), reuse_tokens=reuse).open(), times_at(10, 4))
        for reuse in (True, False)
    )
    for one, other in zip(reusing, whole, strict=True):
        assert list(one.scores.values()) == pytest.approx(list(other.scores.values()), abs=1e-5)


def test_a_model_of_drawn_faces_says_so(recognizer_of, footage_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(footage_model, folder)
    model_card(folder / "README.md", run=FERV39K)
    assert recognizer_of(model=folder).notes == []
    model_card(folder / "README.md", run=FACES)
    assert recognizer_of(model=folder).notes == [DRAWN_FACES_NOTE]
    model = LogoFormerForVideoClassification.from_pretrained(folder)
    processor = LogoFormerVideoProcessor.from_pretrained(folder)
    assert ExpressionRecognizer(model, processor, None, device="cpu").notes == [DRAWN_FACES_NOTE]


def test_a_model_without_a_description_says_so(recognizer_of, footage_model, monkeypatch):
    assert recognizer_of().notes == [UNKNOWN_DATA_NOTE]
    asked = []
    monkeypatch.setattr(recognizer, "trained_on_drawn_faces", asked.append)
    model = new_model(LogoFormerConfig.tiny(image_size=32))
    made = ExpressionRecognizer(model, LogoFormerVideoProcessor.from_pretrained(footage_model), "none", device="cpu")
    assert made.notes == [UNKNOWN_DATA_NOTE] and asked == []  # a model without a name is not looked for


def test_what_cannot_be_used_is_named(recognizer_of, footage_model, tmp_path):
    with raises_naming(OSError, tmp_path / "nothing"):
        recognizer_of(model=tmp_path / "nothing")
    LogoFormerForVideoClassification.from_pretrained(footage_model).save_pretrained(tmp_path / "bare")
    with raises_naming(OSError, tmp_path / "bare", "processor"):
        recognizer_of(model=tmp_path / "bare")
    LogoFormerModel.from_pretrained(footage_model).save_pretrained(tmp_path / "headless")
    LogoFormerVideoProcessor.from_pretrained(footage_model).save_pretrained(tmp_path / "headless")
    with raises_naming(ValueError, tmp_path / "headless", "classifier", "train_hf.py"):
        recognizer_of(model=tmp_path / "headless")
    with raises_naming(FileNotFoundError, tmp_path / "no.onnx"):
        recognizer_of(detector=tmp_path / "no.onnx")
    for name, value in {"pair_sec": 0, "batch_size": 0, "detect_every": 0, "min_score": 1.5}.items():
        with raises_naming(ValueError, name, value):
            recognizer_of(**{name: value})
    model = LogoFormerForVideoClassification.from_pretrained(footage_model)
    with raises_naming(ValueError, "processor"):
        ExpressionRecognizer(model, detector="none")
    with raises_naming(ValueError, "processor"):
        ExpressionRecognizer(footage_model, LogoFormerVideoProcessor(), detector="none")


def test_weights_and_scores_of_nan_are_refused(recognizer_of, footage_model):
    made = recognizer_of()
    with torch.no_grad():
        made.model.model.classifier.bias[1] = math.nan
    with raises_naming(ValueError, footage_model, "NaN"):
        push_all(made.open(), times_at(10, 5))
    model = LogoFormerForVideoClassification.from_pretrained(footage_model)
    model.classifier.bias.data[1] = math.inf
    with raises_naming(ValueError, footage_model, "classifier.bias"):
        ExpressionRecognizer(model, LogoFormerVideoProcessor.from_pretrained(footage_model), "none", device="cpu")


def test_two_faces(recognizer_of, footage_model, media, detector_file):
    windows = list(recognizer_of(detector_file).stream(media / "two_faces.gif", keep_crops=True))
    assert {window.track_id for window in windows} == {1, 2}
    assert len(windows) > 20 and all(window.is_classified for window in windows)
    check_scores(windows, footage_model)
    left, right = ([w.box[0] for w in windows if w.track_id == track_id] for track_id in (1, 2))
    assert max(left) < min(right) or max(right) < min(left)


def test_nobody(recognizer_of, media, detector_file):
    timeline = recognizer_of(detector_file).read(media / "no_face.mp4")
    assert timeline.windows == timeline.segments == [] and len(timeline.frame()) == len(timeline.summary()) == 0
    assert any("No face was found" in note and "no_face.mp4" in note for note in timeline.notes)
    assert timeline.without_face == [(0.0, timeline.duration_sec)]
    assert timeline.duration_sec == pytest.approx(95 / 24, abs=0.1)


def test_one_face_is_one_track_over_the_whole_video(recognizer_of, media, detector_file):
    timeline = recognizer_of(detector_file).read(media / "face_frontal.mp4")
    assert [(window.track_id, window.is_short) for window in timeline.windows] == [(1, False)] * 3
    assert (timeline.width_px, timeline.height_px, timeline.without_face) == (640, 360, [])
    assert timeline.fps == pytest.approx(30) and timeline.duration_sec == pytest.approx(2.4)
    starts = [window.start_sec for window in timeline.windows]
    assert starts == pytest.approx([0.0, 0.25, 0.5], abs=1 / 30)
    assert all(np.isfinite(window.box).all() for window in timeline.windows)


@pytest.mark.parametrize("name", ["face_frontal.mp4", "two_faces.gif"])
def test_pushed_frames_give_the_windows_of_their_file(name, recognizer_of, media, detector_file):
    recognizer = recognizer_of(detector_file)
    expected = list(recognizer.stream(media / name))
    session, windows = recognizer.open(), []
    with Footage(media / name) as footage:
        for frame in footage:
            windows += session.push(frame.pixels, frame.time_sec)
    same(windows + session.close(), expected)


@pytest.mark.parametrize("gives", [None, 5, [None], [(1, 2, 3, 4)]])
def test_a_detector_that_gives_no_faces_is_named(gives):
    class Detector:
        def detect(self, frame):
            return gives

    with pytest.raises(TypeError, match=r"`detect` of Detector gave .*; it must give a list of `Face`, empty"):
        recognizer.open_detector(Detector()).detect(frame_pixels(0))


def test_a_detector_works_in_a_process_that_was_forked_during_a_detection(monkeypatch):
    detector = recognizer.open_detector(ScriptedDetector(always=[face_at(10)]))
    detector._lock.acquire()  # as another thread of the parent had it
    monkeypatch.setattr(recognizer.os, "getpid", lambda: -1)
    found = []
    thread = threading.Thread(target=lambda: found.extend(detector.detect(frame_pixels(0))), daemon=True)
    thread.start()
    thread.join(30)
    assert len(found) == 1


def test_a_detector_may_serve_several_sessions_in_turn(recognizer_of):
    recognizer = recognizer_of(ScriptedDetector(always=[face_at(10)]))
    alone = push_all(recognizer.open(), times_at(10, 3))
    sessions, windows = [recognizer.open(), recognizer.open()], ([], [])
    for number, time_sec in enumerate(times_at(10, 3)):
        for session, found in zip(sessions, windows, strict=True):
            found += session.push(frame_pixels(number), time_sec)
    for session, found in zip(sessions, windows, strict=True):
        assert [each.scores for each in found + session.close()] == [each.scores for each in alone]
