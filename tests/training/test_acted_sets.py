"""CREMA-D and RAVDESS from the videos as they are downloaded to report, card and shards: drawn people in a studio."""

import json
from pathlib import Path

import numpy as np
import pytest
from acted_trees import crema_d_names, ravdess_names, write_actors, write_video
from errors import check_named, raises_naming
from PIL import Image
from small_runs import NEW, evaluate_small, run_small
from studio import FPS, studio_frames

from logoformer_hf.cli import main
from logoformer_hf.data import face_crops
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source
from logoformer_hf.evaluation.predictions import read_predictions
from logoformer_hf.hub.push_data import push_shards
from logoformer_hf.video_reading_logoformer import read_clip

CREMA_D_CLASSES = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
RAVDESS_CLASSES = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
ACTORS = (1001, 1002, 1019, 1037)  # two of the first fold, one of two others
NUM_FRAMES = 4


@pytest.fixture(scope="module")
def crema_d(tmp_path_factory) -> Path:
    """One clip of each class of five actors."""
    root = tmp_path_factory.mktemp("acted") / "CREMA-D"
    for actor in ACTORS:
        for code, expression in CREMA_D_CLASSES.items():
            name = next(name for name in crema_d_names([actor]) if name[9:12] == code)
            write_video(
                root / "VideoFlash" / f"{name}.flv", studio_frames(actor, expression, num_frames=NUM_FRAMES), FPS
            )
    write_actors(root / "VideoDemographics.csv")
    return root


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory) -> Path:
    """One clip of each class of an actor of the first fold and of one of the second."""
    root = tmp_path_factory.mktemp("acted") / "RAVDESS"
    for actor in ("01", "06"):
        for number, expression in enumerate(RAVDESS_CLASSES, start=1):
            start = f"02-01-{number:02d}"
            name = next(name for name in ravdess_names() if name.startswith(start) and name.endswith(actor))
            frames = studio_frames(int(actor), expression, number, NUM_FRAMES)
            write_video(root / f"Actor_{actor}" / f"{name}.mp4", frames, FPS)
    return root


@pytest.fixture(scope="module", autouse=True)
def cropped_in_this_process():
    """Processes would take longer to start than to crop so few clips."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face_crops, "_CLIPS_PER_PROCESS", 1000)
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Tables and crops of all tests here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(crema_d, cache, detector_file, tmp_path_factory) -> Path:
    """A run of one epoch on crops of the first fold."""
    faces = ("--fold", "1", "--faces", "--detector", str(detector_file), "--on_problem", "skip")
    output_dir = tmp_path_factory.mktemp("run") / "out"
    return run_small(output_dir, crema_d, cache, *faces, *NEW, dataset="crema_d")


def test_predictions_know_the_people(trained):
    predictions = read_predictions(trained / "predictions.parquet")
    assert set(predictions.people["identity"]) == {"1001", "1002"} and len(predictions.clip_ids) == 12
    assert set(predictions.people["sex"]) == {"male", "female"}
    assert predictions.run.data.faces and predictions.run.fold == 1
    assert len(predictions.run.left_out) == 1463 - 12


def test_the_report_is_divided_by_people_and_has_human_voters_beside(trained):
    report = json.loads((trained / "report.json").read_text())
    groups = {(group["column"], group["value"]): group for group in report["groups"]}
    assert groups["all", ""]["num_people"] == 2 and groups["all", ""]["num_clips"] == 12
    assert groups["sex", "female"]["num_people"] == groups["sex", "male"]["num_people"] == 1
    assert groups["sex", "male"]["low"] is None and groups["all", ""]["low"] < groups["all", ""]["high"]
    assert {column for column, _ in groups} == {"all", "sex", "age_group", "race"}
    assert report["human"]["uar"] == 69.1 and set(report["human"]["recalls"]) == set(CREMA_D_CLASSES.values())
    text = (trained / "report.md").read_text()
    check_named(text, "UAR by groups of people", "sex: female", "age: 20-29", "Beside people", "69.1", "96.1")


def test_the_epoch_is_chosen_on_other_people(trained):
    held_out = json.loads((trained / "validation_clips.json").read_text())
    assert len(held_out) == 6 and len({name[:4] for name in held_out}) == 1


def test_the_card_names_the_terms(trained):
    card = (trained / "README.md").read_text()
    check_named(card, "license_name: odbl", "opendatacommons.org", "H. Cao", "not settled", "91 actors")


def test_the_classes_in_common(trained, ravdess, cache, detector_file, tmp_path):
    source = {"dataset": "ravdess", "data_dir": str(ravdess), "fold": "1", "on_problem": "skip"}
    source |= {"faces": True, "detector": str(detector_file)}
    with raises_naming(ValueError, "calm", "surprise", "shared_labels"):
        evaluate_small(trained, tmp_path / "all", cache, **source)
    report = evaluate_small(trained, tmp_path / "shared", cache, shared_labels=True, **source)
    assert set(report.run.label_names) == set(CREMA_D_CLASSES.values())
    assert report.clips.tested == 6 and report.run.trained_on == "CREMA-D" and report.published == []
    assert {group.column for group in report.groups} == {"all", "sex"}
    again = evaluate_small(
        trained, tmp_path / "named", cache, labels=["happy", "sad", "neutral", "angry", "disgust", "fear"], **source
    )
    assert again.seeds[0].pooled.confusion_matrix == report.seeds[0].pooled.confusion_matrix
    with raises_naming(ValueError, "`shared_labels`", "`labels`"):
        evaluate_small(trained, tmp_path / "both", cache, shared_labels=True, labels=["happy", "sad"], **source)


def test_shards_of_crops_may_be_published_with_their_terms(crema_d, cache, detector_file, tmp_path):
    shards = tmp_path / "shards"
    settings = {"data_dir": crema_d, "cache_dir": cache, "detector": detector_file, "output_dir": shards}
    options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    choices = ("--dataset", "crema_d", "--fold", "all", "--faces", "--on_problem", "skip", "--num_workers", "0")
    main(["prepare", *choices, *options])
    card = (shards / "README.md").read_text()
    check_named(card, "license: odbl", "opendatacommons.org", "H. Cao", "`race`", "`identity`", "crops of the main")
    assert "Keep this repository private" not in card and "viewer" not in card
    assert push_shards(shards, "me/crema-d", dry_run=True) is None
    run = run_small(tmp_path / "run", shards, cache, "--fold", "3", *NEW, dataset="prepared")
    predictions = read_predictions(run / "predictions.parquet")
    assert set(predictions.people["identity"]) == {"1037"} and "age_group" in predictions.people


def test_real_faces_in_flv(media, cache, detector_file, tmp_path):
    """Sorenson's FLV, as CREMA-D has it, of a real person; a clip without a face is left out with the reason."""
    folder = tmp_path / "CREMA-D" / "VideoFlash"
    for name, video, first in (
        ("1001_DFA_HAP_XX", "face_frontal.mp4", 0),
        ("1019_DFA_NEU_XX", "face_frontal.mp4", 20),
        ("1019_DFA_SAD_XX", "no_face.mp4", 0),
    ):
        frames, _ = read_clip(media / video, lambda total, first=first: range(first, first + 5))
        height, width = (side // 4 * 2 for side in frames.shape[1:3])  # half the size, and even
        small = np.stack([np.asarray(Image.fromarray(frame).resize((width, height))) for frame in frames])
        write_video(folder / f"{name}.flv", small)
    source = {"dataset": "crema_d", "data_dir": str(folder), "fold": "1", "on_problem": "skip"}
    source |= {"faces": True, "detector": str(detector_file), "cache_dir": str(cache)}
    found = load_source(SourceArguments(**source), 1)
    assert found.rows.num_rows == {"test": 1, "train": 1}
    row = found.rows["test"][0]
    assert row["num_frames"] == 5 and {image.size for image in row["video"]} == {(122, 122)}
    assert "no face" in next(each.reason for each in found.problems if each.clip_id == "1019_DFA_SAD_XX")
