"""Crops of faces from raw clips: where they are, that they are computed once, and what happens without a face."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from errors import check_named, raises_naming
from processes import TIMEOUT_SEC, environment_with
from raw_clips import (
    BACKGROUND,
    HEIGHT_PX,
    LANDMARKS,
    NUM_FRAMES,
    WIDTH_PX,
    footage,
    places_px,
    use_plain_detector,
    write_raw_clip,
    write_raw_tree,
)

from logoformer_hf.data import face_crops
from logoformer_hf.data.clips import has_embedded_frames
from logoformer_hf.data.face_crops import CropFormat, FaceCropper
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source
from logoformer_hf.faces.detector import load_detector
from logoformer_hf.faces.geometry import crop_face
from logoformer_hf.video_reading_logoformer import read_clip

SIDE_PX = 122  # as training on 112 pixels needs


@pytest.fixture
def plain(monkeypatch, tmp_path) -> str:
    return use_plain_detector(monkeypatch.setattr, tmp_path)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return write_raw_tree(tmp_path_factory.mktemp("raw") / "own", clips_per_label=1)


@pytest.fixture
def cropped_videos(monkeypatch) -> list[str]:
    """The videos that are decoded from now on."""
    videos = []
    find_main_person = face_crops.find_main_person

    def noted(video, *arguments):
        videos.append(str(video))
        return find_main_person(video, *arguments)

    monkeypatch.setattr(face_crops, "find_main_person", noted)
    return videos


def arguments(tree: Path, cache_dir: Path, detector: str, **settings) -> SourceArguments:
    own = {"dataset": "clips", "data_dir": str(tree), "cache_dir": str(cache_dir)}
    return SourceArguments(**own, faces=True, detector=detector, **settings)


def frames_of(row: dict) -> np.ndarray:
    """`(frames, height, width, 3)` of a row with embedded frames."""
    return np.stack([np.asarray(image) for image in row["video"]])


def check_crops(row: dict, video: Path) -> None:
    """One crop for each frame, of the place where the drawn face is."""
    raw, _ = read_clip(video, range)
    crops = frames_of(row)
    assert crops.shape == (NUM_FRAMES, SIDE_PX, SIDE_PX, 3) and row["num_frames"] == NUM_FRAMES
    for crop, frame, corner in zip(crops, raw, places_px(), strict=True):
        check_place(crop, frame, LANDMARKS + corner)


def check_place(crop: np.ndarray, frame: np.ndarray, landmarks: np.ndarray) -> None:
    """A crop is that of these landmarks: 8 pixels beside it would differ by more."""
    differences = [
        np.abs(crop.astype(int) - crop_face(frame, landmarks + shift, SIDE_PX)).mean()
        for shift in ((0, 0), (8, 0), (-8, 0), (0, 8), (0, -8))
    ]
    assert differences[0] < 12 and differences[0] < 0.7 * min(differences[1:]), differences


def test_every_frame_becomes_a_crop_of_its_face(plain, tree, tmp_path):
    source = load_source(arguments(tree, tmp_path, plain))
    assert source.rows.num_rows == {"train": 2, "validation": 2, "test": 2} and not source.problems
    assert has_embedded_frames(source.rows["train"])
    for split, rows in source.rows.items():
        assert rows.features["label"].names == ["happy", "sad"]
        for row in rows:
            label = rows.features["label"].int2str(row["label"])
            assert row["clip_id"].startswith(f"{split}/{label}/")
            check_crops(row, tree / f"{row['clip_id']}.mp4")


def test_the_real_detector_is_used_by_several_processes(detector_file, tree, tmp_path):
    """Which load it themselves. It looks at every third frame; between them places are interpolated."""
    cropper = FaceCropper(CropFormat(str(detector_file)), tmp_path, num_processes=2)
    raw = load_source(SourceArguments(dataset="clips", data_dir=str(tree), cache_dir=str(tmp_path))).rows
    cropped = cropper.crop(raw, "stop")
    check_named(cropped.faces, detector_file.stem, "geometry")
    detector = load_detector(detector_file)
    for rows in cropped.rows.values():
        for row in rows:
            crops, (frames, _) = frames_of(row), read_clip(tree / f"{row['clip_id']}.mp4", range)
            assert len(crops) == len(frames) == NUM_FRAMES
            for number in range(0, NUM_FRAMES, 3):
                check_place(crops[number], frames[number], detector.detect(frames[number])[0].landmarks)


def test_folders_of_frames_are_cropped_in_their_order(plain, tmp_path):
    from PIL import Image

    for split, index in (("train", 0), ("test", 1)):
        for label in ("happy", "sad"):
            folder = tmp_path / "own" / split / label / "a"
            folder.mkdir(parents=True)
            for number, frame in enumerate(footage(index + 2 * (label == "sad"))):
                Image.fromarray(frame).save(folder / f"frame{number}.png")
    source = load_source(arguments(tmp_path / "own", tmp_path, plain))
    for row in source.rows["train"]:
        check_crops(row, tmp_path / "own" / row["clip_id"])


def test_what_was_cropped_is_not_decoded_again(plain, tree, tmp_path, cropped_videos):
    first = load_source(arguments(tree, tmp_path, plain))
    assert len(cropped_videos) == 6
    for settings in ({}, {"labels": ["sad", "happy"]}, {"on_problem": "skip"}, {"check": "full"}):
        again = load_source(arguments(tree, tmp_path, plain, **settings))
        for split, rows in first.rows.items():
            videos = {row["clip_id"]: row["video"] for row in again.rows[split]}
            assert all(videos[row["clip_id"]] == row["video"] for row in rows)
    assert len(cropped_videos) == 6
    load_source(arguments(tree, tmp_path, plain, face_side_px=64))
    assert len(cropped_videos) == 2 * 6  # another size is another set of crops


def test_only_a_clip_that_changed_is_cropped_again(plain, tmp_path, cropped_videos):
    tree = write_raw_tree(tmp_path / "own", clips_per_label=1)
    load_source(arguments(tree, tmp_path, plain))
    changed = write_raw_clip(tree / "test/sad/0.mp4", footage(9))
    added = write_raw_clip(tree / "test/sad/1.mp4", footage(10))
    os.utime(changed, (1, 1))
    source = load_source(arguments(tree, tmp_path, plain))
    assert sorted(cropped_videos[6:]) == [str(changed), str(added)]
    for row in source.rows["test"]:
        check_crops(row, tree / f"{row['clip_id']}.mp4")


def test_another_detector_file_gives_other_crops(plain, tree, tmp_path, cropped_videos):
    faces = load_source(arguments(tree, tmp_path, plain)).facts.faces
    Path(plain).write_bytes(b"other weights")
    other = load_source(arguments(tree, tmp_path, plain)).facts.faces
    assert len(cropped_videos) == 2 * 6 and faces != other and other.startswith("plain ")


@pytest.fixture
def with_empty_scenes(tmp_path) -> Path:
    """Own clips, of which one shows nobody."""
    tree = write_raw_tree(tmp_path / "own", clips_per_label=1)
    write_raw_clip(tree / "train/happy/1.mp4", footage(6))
    empty = np.empty((NUM_FRAMES, HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    empty[:] = BACKGROUND
    write_raw_clip(tree / "train/happy/0.mp4", empty)
    return tree


def test_a_clip_without_a_face_stops_and_the_others_are_kept(plain, with_empty_scenes, tmp_path, cropped_videos):
    for _ in range(2):
        with raises_naming(ClipProblems, "1 of 7", "train/happy/0", "face", "on_problem") as caught:
            load_source(arguments(with_empty_scenes, tmp_path, plain))
        assert str(with_empty_scenes) not in caught.value.problems[0].reason
    assert len(cropped_videos) == 7  # neither the others nor the one without a face are decoded again
    source = load_source(arguments(with_empty_scenes, tmp_path, plain, on_problem="skip"))
    assert len(cropped_videos) == 7
    assert source.rows.num_rows == {"train": 2, "validation": 2, "test": 2}
    assert [problem.clip_id for problem in source.problems] == ["train/happy/0"]
    assert source.facts.left_out_of("train") == ["train/happy/0"]
    assert "train/happy/0" in " ".join(source.notes)


def test_a_split_without_any_face_is_an_error(plain, tmp_path):
    tree = write_raw_tree(tmp_path / "own", clips_per_label=1)
    for label in ("happy", "sad"):
        write_raw_clip(tree / f"test/{label}/0.mp4", np.full((3, HEIGHT_PX, WIDTH_PX, 3), BACKGROUND, np.uint8))
    with raises_naming(ClipProblems, "No test clip is left"):
        load_source(arguments(tree, tmp_path, plain, on_problem="skip"))


def test_a_broken_clip_is_a_problem_and_is_tried_again(plain, tmp_path, cropped_videos):
    tree = write_raw_tree(tmp_path / "own", clips_per_label=1)
    rows = load_source(SourceArguments(dataset="clips", data_dir=str(tree), cache_dir=str(tmp_path))).rows
    broken = tree / "test/sad/0.mp4"
    content = broken.read_bytes()
    broken.write_bytes(b"no video")
    cropper = FaceCropper(CropFormat(plain), tmp_path)
    for _ in range(2):
        cropped = cropper.crop(rows, "skip")
        assert [(problem.clip_id, problem.path) for problem in cropped.problems] == [("test/sad/0", str(broken))]
    assert cropped_videos.count(str(broken)) == 2 and len(cropped_videos) == 7
    broken.write_bytes(content)
    assert not cropper.crop(rows, "stop").problems


def test_of_several_people_the_main_one_is_used(plain, tmp_path):
    tree = write_raw_tree(tmp_path / "own", clips_per_label=1)
    write_raw_clip(tree / "test/sad/0.mp4", footage(3, lanes=(0, 1)))
    source = load_source(arguments(tree, tmp_path, plain))
    assert any("1 clip" in note and "several people" in note and "test/sad/0" in note for note in source.notes)


def test_cropping_draws_no_random_number(plain, tree, tmp_path):
    """Training must not depend on whether the crops were in the cache."""
    state = torch.get_rng_state()
    load_source(arguments(tree, tmp_path, plain))
    assert torch.equal(state, torch.get_rng_state())


# A program that crops with the plain detector, writes the name of every video to a file, and takes its time.
PROGRAM = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[5:]
from raw_clips import use_plain_detector
from test_face_crops import arguments, load_source
from logoformer_hf.data import crop_packs, face_crops
tree, cache, log, pause = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
detector = use_plain_detector(setattr, tree.parent)
find_main_person = face_crops.find_main_person
def noted(video, *rest):
    with open(log, "a") as file:
        file.write(f"{video}\\n")
    time.sleep(pause)
    return find_main_person(video, *rest)
face_crops.find_main_person = noted
crop_packs._MIN_CLIPS = 3
print(load_source(arguments(tree, cache, detector)).rows.num_rows)
"""


def start_program(tree: Path, cache: Path, log: Path, pause_sec: float) -> subprocess.Popen:
    here = Path(__file__).parent
    folders = [str(here), str(here.parent / "helpers")]
    command = [sys.executable, "-c", PROGRAM, str(tree), str(cache), str(log), str(pause_sec), *folders]
    return subprocess.Popen(command, env=environment_with(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def output_of(program: subprocess.Popen) -> str:
    output, errors = program.communicate(timeout=TIMEOUT_SEC)
    assert program.returncode == 0, errors[-3000:]
    return output


def test_a_killed_program_is_continued(tree, tmp_path):
    log, cache = tmp_path / "log", tmp_path / "cache"
    program = start_program(tree, cache, log, pause_sec=0.5)
    deadline = time.monotonic() + TIMEOUT_SEC
    while not list(cache.rglob("0*.arrow")):
        assert program.poll() is None and time.monotonic() < deadline, program.stderr.read()
        time.sleep(0.05)
    program.send_signal(signal.SIGKILL)
    program.communicate()
    started = len(log.read_text().split())
    assert 3 <= started < 6
    assert "'train': 2" in output_of(start_program(tree, cache, log, pause_sec=0))
    videos = log.read_text().split()
    assert len(set(videos)) == 6 and len(videos) <= 6 + started - 3  # at least the finished pack is used
    assert not list(cache.rglob(".partial*"))


@pytest.mark.slow
def test_two_programs_crop_every_clip_once(tree, tmp_path):
    log = tmp_path / "log"
    programs = [start_program(tree, tmp_path / "cache", log, pause_sec=0.05) for _ in range(2)]
    assert all("'test': 2" in output_of(program) for program in programs)
    videos = log.read_text().split()
    assert len(videos) == len(set(videos)) == 6


def test_a_damaged_file_of_the_cache_is_named(plain, tree, tmp_path):
    load_source(arguments(tree, tmp_path, plain))
    [pack] = tmp_path.rglob("logoformer_face_crops/*/*.arrow")
    pack.write_bytes(b"power cut" * 50)
    with raises_naming(OSError, pack, "Delete it"):
        load_source(arguments(tree, tmp_path, plain))
    pack.unlink()
    load_source(arguments(tree, tmp_path, plain))


def test_what_was_finished_before_an_error_is_kept(plain, tree, tmp_path, monkeypatch):
    find_main_person, videos = face_crops.find_main_person, []

    def fails_at_the_fourth(video, *rest):
        videos.append(video)
        if len(videos) == 4:
            raise KeyboardInterrupt
        return find_main_person(video, *rest)

    monkeypatch.setattr(face_crops, "find_main_person", fails_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        load_source(arguments(tree, tmp_path, plain))
    load_source(arguments(tree, tmp_path, plain))
    assert len(videos) == 4 + 3


def test_a_missing_detector_is_told_before_the_clips_are_looked_at(tree, tmp_path):
    with raises_naming(FileNotFoundError, "missing.onnx"):
        load_source(arguments(tmp_path / "no such folder", tmp_path, str(tmp_path / "missing.onnx")))
    (tmp_path / "text.onnx").write_text("no network")
    with raises_naming(ValueError, "text.onnx"):
        load_source(arguments(tree, tmp_path, str(tmp_path / "text.onnx")))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"dataset": "faces", "faces": True}, ["`faces`", "'faces'", "'clips'"]),
        ({"dataset": "prepared", "data_dir": "shards", "faces": True}, ["`faces`", "'prepared'", "'clips'"]),
        ({"detector": "yunet.onnx"}, ["`detector`", "`faces`"]),
        ({"face_side_px": 64}, ["`face_side_px`", "`faces`"]),
        ({"dataset": "clips", "data_dir": "own", "faces": True, "detector": "none"}, ["`detector`", "'auto'"]),
    ],
)
def test_options_that_do_not_fit_are_named(settings, words):
    with raises_naming(ValueError, *words):
        SourceArguments(**settings)


@pytest.mark.parametrize("format", [{"side_px": 0}, {"jpeg_quality": 96}])
def test_formats_that_cannot_be(format):
    with raises_naming(ValueError, *format):
        CropFormat(**format)


def test_an_unwritable_cache_is_told_first(plain, tree, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        load_source(arguments(tree, tmp_path / "file", plain))


def test_crops_stay_on_the_disk(plain, tree, tmp_path):
    rows = load_source(arguments(tree, tmp_path, plain)).rows["train"]
    assert isinstance(rows, datasets.Dataset)
    assert any("logoformer_face_crops" in file["filename"] for file in rows.cache_files)
