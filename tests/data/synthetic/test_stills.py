"""Drawn stills: the same for the same parameters, in folders that `--dataset stills` reads."""

import numpy as np
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.data.sources.still_tree import find_stills
from logoformer_hf.data.synthetic.plan import plan_clip
from logoformer_hf.data.synthetic.stills import draw_stills
from logoformer_hf.data.synthetic.writer import draw_frames

COUNTS = {"train": 14, "test": 7}


def test_each_is_the_middle_frame_of_a_clip(tmp_path):
    folder = draw_stills(tmp_path / "stills", COUNTS, seed=3, image_size=64)
    plan = find_stills(folder)
    assert len(plan.clips) == 21 and plan.label_names == list(EXPRESSIONS)
    clip = plan_clip("train", 8, 3)
    frames = draw_frames(
        *(clip.identity, clip.action_units, clip.poses, clip.lights, 64, clip.camera, clip.occluders, clip.noise_seed)
    )
    drawn = np.asarray(Image.open(folder / "train" / EXPRESSIONS[clip.label] / "00008.jpg")).astype(int)
    assert np.abs(drawn - frames[len(frames) // 2]).mean() < 6  # noise of the camera, and JPEG
    assert np.abs(drawn - frames[0]).mean() > np.abs(drawn - frames[len(frames) // 2]).mean()


def test_they_are_drawn_once_and_others_are_refused(tmp_path):
    folder = draw_stills(tmp_path / "stills", COUNTS, image_size=32)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    draw_stills(folder, COUNTS, image_size=32)
    assert times == {path: path.stat().st_mtime_ns for path in folder.rglob("*.jpg")}
    with raises_naming(ValueError, folder, "stills.json"):
        draw_stills(folder, COUNTS, seed=1, image_size=32)
    with pytest.raises(ValueError, match="'tests'"):
        draw_stills(tmp_path / "other", {"tests": 7})
