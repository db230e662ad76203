"""Drawn clips: the same every time, classes as often as asked for, and never half a cache taken for a whole one."""

import json
import logging
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import av
import datasets
import numpy as np
import pytest
from errors import check_named, raises_naming
from paths import ROOT
from processes import TIMEOUT_SEC, environment_with

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.data.rows import clip_features
from logoformer_hf.data.synthetic import clips as synthetic
from logoformer_hf.data.synthetic.behaviour import EXPRESSION_UNITS
from logoformer_hf.data.synthetic.clips import build_synthetic_clips
from logoformer_hf.data.synthetic.plan import DFEW_PERCENT, SPLITS, clip_labels, plan_clip
from logoformer_hf.data.synthetic.rig import ACTION_UNITS
from logoformer_hf.data.synthetic.writer import draw_frames

SMALL = {"num_train": 14, "num_validation": 7, "num_test": 8, "image_size": 32}


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("synthetic")


@pytest.fixture(scope="module")
def clips(cache_dir):
    return build_synthetic_clips(cache_dir, **SMALL, num_workers=2)


def clip_bytes(splits: datasets.DatasetDict) -> dict[str, bytes]:
    return {row["clip_id"]: Path(row["video"]).read_bytes() for split in splits.values() for row in split}


def decode(path: str) -> np.ndarray:
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(int)


def finished_folders(cache_dir: Path) -> list[Path]:
    return [path for path in cache_dir.iterdir() if path.is_dir() and path.suffix == ""]


def test_rows(clips):
    assert list(clips) == ["train", "validation", "test"]
    for name, split in clips.items():
        assert split.features == clip_features(identity=datasets.Value("string"))
        assert split["clip_id"][6] == f"{name}/00006"
        assert all(Path(path).is_absolute() and path.endswith(".mp4") for path in split["video"])
    assert [len(split) for split in clips.values()] == [14, 7, 8]


def test_classes_are_balanced(clips):
    for split in clips.values():
        counts = Counter(split["label"])
        assert set(counts) == set(range(7))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_uneven_classes_follow_dfew_at_every_count():
    percent = np.array([DFEW_PERCENT[name] for name in EXPRESSIONS])
    assert abs(percent.sum() - 100) < 0.1
    labels = clip_labels(9000, uneven=True)
    for count in (7, 14, 100, 350, 1400, 9000):
        assert clip_labels(count, uneven=True) == labels[:count]
        counts = np.bincount(labels[:count], minlength=7)
        assert counts.min() >= 1
        if count >= 100:
            assert np.abs(counts - count * percent / percent.sum()).max() < 1
    assert clip_labels(9) == [0, 1, 2, 3, 4, 5, 6, 0, 1]


def test_only_the_test_split_of_uneven_clips_is_even(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "_draw_clips", lambda plans, *_: [path.write_bytes(b"") for path in plans])
    clips = build_synthetic_clips(tmp_path, 140, 70, 70, difficulty=1, uneven=True)
    assert clips["train"]["label"][:] == clip_labels(140, uneven=True)
    assert clips["validation"]["label"][:] == clip_labels(70, uneven=True)
    assert clips["test"]["label"][:] == clip_labels(70)
    assert max(Counter(clips["train"]["identity"]).values()) == 7


def test_no_person_is_in_two_splits(clips):
    names = [set(split["identity"]) for split in clips.values()]
    assert sum(map(len, names)) == len(set.union(*names)) == 2 + 1 + 2
    for difficulty in (0, 1):
        people = [{plan_clip(split, index, 0, difficulty).identity for index in range(70)} for split in SPLITS]
        assert [len(faces) for faces in people] == [10, 10, 10]
        assert len(set.union(*people)) == 30


def test_the_files_hold_what_the_rows_say(clips):
    for split in clips.values():
        for row in split:
            assert decode(row["video"]).shape == (row["num_frames"], 32, 32, 3)
    with av.open(clips["test"][0]["video"]) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 25


def test_clip_lengths():
    lengths = np.array([len(plan_clip("train", index).poses) for index in range(700)])
    assert lengths.min() == 8
    assert 100 < lengths.max() <= 120
    assert 0.02 < (lengths < 16).mean() < 0.07
    assert ((lengths >= 24) & (lengths <= 60)).mean() > 0.7


@pytest.mark.parametrize("label", range(7))
def test_an_expression_rises_from_rest_and_falls_back(label):
    blink = ACTION_UNITS.index(45)
    plans = [plan_clip("test", index) for index in range(label, 1400, 7)]
    assert sum(len(plan.poses) < 16 for plan in plans) > 3
    for plan in plans:
        assert plan.label == label
        assert plan.action_units.min() >= 0
        assert plan.action_units.max() <= 1
        units = np.delete(plan.action_units, blink, axis=1).max(axis=-1)  # of the two sides
        assert units[[0, -1]].max() < 0.2
        if EXPRESSIONS[label] == "neutral":
            assert units.max() < 0.1
        for unit, far in EXPRESSION_UNITS[EXPRESSIONS[label]].items():
            course = plan.action_units[:, ACTION_UNITS.index(unit)].max(axis=-1)
            assert course.max() > 0.5 * far
            assert (course > 0.35 * far).mean() > 0.25  # long enough to be seen, in the shortest clip as well


def test_eyes_blink():
    for difficulty in (0, 1):
        plans = [plan_clip("train", index, 0, difficulty) for index in range(50)]
        shut = np.concatenate([plan.action_units[:, ACTION_UNITS.index(45)] for plan in plans])
        assert 0.02 < (shut > 0.9).mean() < 0.2


def test_the_label_changes_nothing_but_the_expression():
    for index in range(30):
        plans = [plan_clip("train", index, difficulty=1.0, label=label) for label in range(7)]
        assert [plan.label for plan in plans] == list(range(7))
        for plan in plans[1:]:
            assert np.array_equal(plan.poses, plans[0].poses) and np.array_equal(plan.lights, plans[0].lights)
            for name in ("person", "identity", "camera", "occluders", "noise_seed"):
                assert getattr(plan, name) == getattr(plans[0], name)
            blinks = [each.action_units[:, ACTION_UNITS.index(45)] for each in (plan, plans[0])]
            assert np.array_equal(*blinks)
            assert not np.array_equal(plan.action_units, plans[0].action_units)


def test_how_it_is_seen_leaves_what_the_face_does_alone():
    for index in range(7):
        seen_well, seen_badly = (plan_clip("train", index, 0, 1.0, view_difficulty=view) for view in (0.0, 1.0))
        assert np.array_equal(seen_well.action_units, seen_badly.action_units)
        assert not np.array_equal(seen_well.poses, seen_badly.poses)
        assert not np.array_equal(seen_well.lights, seen_badly.lights)
        assert seen_well.identity != seen_badly.identity and seen_well.camera != seen_badly.camera
        assert seen_well.occluders == []
        left_out = plan_clip("train", index, 0, 1.0)
        assert (left_out.identity, left_out.camera) == (seen_badly.identity, seen_badly.camera)


def test_how_it_is_seen_has_a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "_draw_clips", lambda plans, *_: [path.write_bytes(b"") for path in plans])
    for view, folders in ((None, 1), (0.5, 1), (0.0, 2), (1, 3)):
        build_synthetic_clips(tmp_path, **SMALL, difficulty=0.5, view_difficulty=view)
        assert len(finished_folders(tmp_path)) == folders


def test_a_person_rests_alike_in_all_clips():
    # Label 2, neutral: the lowest of each unit over a clip is the face at rest, give or take the drift.
    people = [
        [plan_clip("train", 7 * person + clip, difficulty=1.0, label=2) for clip in range(4)] for person in range(9)
    ]
    rests = np.array([[plan.action_units.min(axis=0) for plan in plans] for plans in people])
    assert np.ptp(rests, axis=1).max() < 0.1
    assert rests.mean(axis=1).max(axis=(1, 2)).max() > 0.25


def test_a_job_is_json():
    plan = plan_clip("test", 4, difficulty=1.0)
    job = json.loads(json.dumps(plan.job("a.mp4", 64)))
    assert np.shape(job["action_units"]) == (len(plan.poses), len(ACTION_UNITS), 2)
    assert (np.shape(job["poses"])[1], np.shape(job["lights"])[1]) == (8, 5)
    assert (job["path"], job["image_size"], job["fps"], job["seed"]) == ("a.mp4", 64, 25, plan.noise_seed)


@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_the_expression_shows_in_the_picture(difficulty):
    def draw(plan):
        moments = [0, len(plan.poses) // 2]
        courses = [getattr(plan, name)[moments].tolist() for name in ("action_units", "poses", "lights")]
        return draw_frames(plan.identity, *courses, image_size=64).astype(int)

    for index in range(4):
        neutral, *shown = (draw(plan_clip("test", index, 0, difficulty, label)) for label in (2, 0, 1, 3, 4, 5, 6))
        for frames in shown:
            first, apex = np.abs(frames - neutral).max(axis=(1, 2, 3))
            assert apex > 30 > 2 * first


def test_bytes_depend_on_neither_workers_nor_counts_but_on_seed_and_difficulty(clips, tmp_path):
    fewer = {"num_train": 7, "num_validation": 7, "num_test": 7, "image_size": 32, "num_workers": 1}
    before, again = clip_bytes(clips), clip_bytes(build_synthetic_clips(tmp_path, **fewer))
    assert len(again) == 21
    assert {clip_id: before[clip_id] for clip_id in again} == again
    other = clip_bytes(build_synthetic_clips(tmp_path, **fewer, seed=1))
    assert all(other[clip_id] != again[clip_id] for clip_id in again)
    hard = clip_bytes(build_synthetic_clips(tmp_path, **fewer, difficulty=1.0))
    assert all(hard[clip_id] != again[clip_id] for clip_id in again)
    assert len(finished_folders(tmp_path)) == 3


def test_another_seed_changes_everything_about_a_clip():
    for difficulty in (0.0, 1.0):
        plan, again, other = (plan_clip("train", 3, seed, difficulty) for seed in (0, 0, 1))
        for name in ("action_units", "poses", "lights"):
            assert np.array_equal(getattr(plan, name), getattr(again, name))
            assert not np.array_equal(getattr(plan, name)[0], getattr(other, name)[0])
        assert plan.identity == again.identity != other.identity
        assert plan.noise_seed == again.noise_seed != other.noise_seed
        assert (plan.camera, plan.occluders) == (again.camera, again.occluders)


def test_a_second_call_draws_nothing(clips, cache_dir, monkeypatch):
    monkeypatch.setattr(synthetic, "_draw_clips", None)
    assert build_synthetic_clips(str(cache_dir), **SMALL)["train"].to_list() == clips["train"].to_list()


def test_the_default_cache_is_the_one_of_datasets(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(synthetic, "_draw_clips", lambda plans, *_: [path.write_bytes(b"") for path in plans])
    video = build_synthetic_clips(**SMALL)["train"][0]["video"]
    assert Path(video).is_relative_to(tmp_path / "logoformer_synthetic")


def test_a_deleted_clip_is_drawn_again_with_a_warning(clips, cache_dir, caplog):
    before = clip_bytes(clips)
    deleted = Path(clips["test"][2]["video"])
    deleted.unlink()
    with caplog.at_level(logging.WARNING):
        again = build_synthetic_clips(cache_dir, **SMALL)
    check_named(caplog.text, "1 clips", deleted)
    assert clip_bytes(again) == before


def test_a_killed_run_leaves_nothing_that_a_later_one_takes(tmp_path, monkeypatch):
    # No `if __name__ == "__main__"`: workers must not run the caller's script again.
    script = tmp_path / "script.py"
    script.write_text(
        "from logoformer_hf.data.synthetic.clips import build_synthetic_clips\n"
        f"build_synthetic_clips({str(tmp_path / 'cache')!r}, 210, 7, 7, image_size=64, num_workers=1)\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, env=environment_with())
    deadline_sec = time.monotonic() + TIMEOUT_SEC
    while len(list(tmp_path.glob("cache/*/train/*.mp4"))) < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline_sec
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert finished_folders(tmp_path / "cache") == []

    # The next run clears away what it left, and draws every clip (here: a few bytes) afresh.
    monkeypatch.setattr(synthetic, "_draw_clips", lambda plans, *_: [path.write_bytes(b"new") for path in plans])
    clips = build_synthetic_clips(tmp_path / "cache", 210, 7, 7, image_size=64)
    assert set(clip_bytes(clips).values()) == {b"new"}
    assert len(finished_folders(tmp_path / "cache")) == 1
    assert not list(tmp_path.glob("cache/*.partial"))


def test_an_interrupted_run_stops_its_workers(tmp_path, monkeypatch):
    started = []

    def popen(*args, **kwargs):
        started.append(subprocess_popen(*args, **kwargs))
        return started[-1]

    def interrupted(done, **_):
        next(done)
        raise KeyboardInterrupt

    subprocess_popen = subprocess.Popen
    monkeypatch.setattr(synthetic.subprocess, "Popen", popen)
    monkeypatch.setattr(synthetic, "tqdm", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_synthetic_clips(tmp_path, 700, 7, 7, image_size=64, num_workers=2)
    assert len(started) == 2
    assert all(worker.poll() is not None for worker in started)
    assert len(list(tmp_path.glob("*/*/*.mp4"))) < 100
    assert finished_folders(tmp_path) == []


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "input(); raise SystemExit(3)"])
def test_a_failing_worker_is_reported(tmp_path, monkeypatch, program):
    broken = tmp_path / "broken.py"
    broken.write_text(program)
    monkeypatch.setattr(synthetic, "_WRITER", (sys.executable, str(broken)))
    with raises_naming(RuntimeError, "train/0000", ".mp4", "3"):
        build_synthetic_clips(tmp_path / "cache", **SMALL, num_workers=2)
    assert finished_folders(tmp_path / "cache") == []


def test_the_callers_folder_does_not_change_what_draws(tmp_path, monkeypatch):
    package = synthetic._WRITER[-1].split(".")[0]
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise SystemExit(4)")
    monkeypatch.chdir(tmp_path)
    assert len(build_synthetic_clips(tmp_path / "cache", 7, 7, 7, image_size=32, num_workers=1)["test"]) == 7


@pytest.mark.parametrize(
    ("arguments", "error", "accepted"),
    [
        ({"num_train": 6}, ValueError, ["7"]),
        ({"num_validation": 0}, ValueError, ["7"]),
        ({"num_test": 70.0}, TypeError, []),
        ({"num_test": True}, TypeError, []),
        ({"image_size": 65}, ValueError, []),
        ({"image_size": 16}, ValueError, ["32", "512"]),
        ({"image_size": "128"}, TypeError, []),
        ({"seed": -1}, ValueError, ["0"]),
        ({"num_workers": 0}, ValueError, ["1"]),
        ({"difficulty": 1.1}, ValueError, ["0", "1"]),
        ({"difficulty": float("nan")}, ValueError, ["0", "1"]),
        ({"difficulty": "hard"}, TypeError, ["0", "1"]),
        ({"difficulty": True}, TypeError, ["0", "1"]),
        ({"view_difficulty": -1}, ValueError, ["0", "1"]),
        ({"uneven": 1}, TypeError, ["True", "False"]),
        ({"cache_dir": 5}, TypeError, []),
    ],
)
def test_bad_arguments_are_named(tmp_path, arguments, error, accepted):
    [(name, value)] = arguments.items()
    with raises_naming(error, name, repr(value), *accepted):
        build_synthetic_clips(**{"cache_dir": tmp_path} | arguments)
    assert list(tmp_path.iterdir()) == []


def test_bad_clips_are_named():
    with raises_naming(ValueError, "split", "'dev'", *SPLITS):
        plan_clip("dev", 0)
    with raises_naming(ValueError, "index", "-1"):
        plan_clip("train", -1)
    with raises_naming(ValueError, "label", "7"):
        plan_clip("train", 0, label=7)
    with raises_naming(ValueError, "difficulty", "-0.1"):
        plan_clip("train", 0, difficulty=-0.1)
