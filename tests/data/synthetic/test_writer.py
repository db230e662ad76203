"""Clips: pictures as the plan says, the same bytes for the same plan, and a program that is there at once."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import av
import numpy as np
import pytest
from errors import raises_naming
from processes import TIMEOUT_SEC, environment_with

from logoformer_hf.data import synthetic
from logoformer_hf.data.synthetic.camera import Camera
from logoformer_hf.data.synthetic.occlusion import Occluder
from logoformer_hf.data.synthetic.person import Identity
from logoformer_hf.data.synthetic.rig import ACTION_UNITS, Light, Pose, render_face
from logoformer_hf.data.synthetic.writer import draw_frames, write_clip

NUM_FRAMES = 12
FOLDER = Path(synthetic.__file__).parent


@pytest.fixture(scope="module")
def plan() -> dict:
    rng = np.random.default_rng(2)
    poses = rng.normal(0, 0.05, (NUM_FRAMES, 8))
    poses[:, 5] += 1
    return {
        "identity": Identity.draw(rng, 1.0),
        "action_units": rng.uniform(0, 0.6, (NUM_FRAMES, len(ACTION_UNITS), 2)),
        "poses": poses,
        "lights": np.tile([1.0, -1.0, 0.3, 0.2, 0.4], (NUM_FRAMES, 1)),
        "image_size": 64,
    }


FAULTS = {
    "camera": Camera(noise=5.0, resolution=48, jpeg_quality=40, crf=30, shutter=0.5, defocus_px=0.4),
    "occluders": [Occluder("hand", x=0.5, y=0.4, start_frame=3), Occluder("caption", side=0, text="LIVE")],
    "seed": 7,
}


def test_frames_are_what_the_rig_draws_one_by_one(plan):
    frames = draw_frames(**plan)
    assert (frames.shape, frames.dtype) == ((NUM_FRAMES, 64, 64, 3), np.uint8)
    for number in (0, 5, NUM_FRAMES - 1):
        units = dict(zip(ACTION_UNITS, map(tuple, plan["action_units"][number]), strict=True))
        pose, light = Pose(*plan["poses"][number]), Light(*plan["lights"][number])
        alone = render_face(plan["identity"], units, pose, light, image_size=64)
        assert (alone == frames[number]).all()


def test_the_same_arguments_give_the_same_bytes(plan, tmp_path):
    for name in ("first", "second"):
        write_clip(tmp_path / f"{name}.mp4", **plan, **FAULTS, fps=25)
    write_clip(tmp_path / "other.mp4", **plan, **FAULTS | {"seed": 8}, fps=25)
    first, second, other = ((tmp_path / f"{name}.mp4").read_bytes() for name in ("first", "second", "other"))
    assert first == second != other


def test_a_clip_holds_its_frames(plan, tmp_path):
    write_clip(tmp_path / "clip.mp4", **plan, **FAULTS, fps=25)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.width, stream.height) == (25, 64, 64)
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
    frames = draw_frames(**plan, **FAULTS)
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(int) - frames).mean() < 12


def test_a_camera_that_sees_few_pixels_gives_large_frames(plan):
    frames = draw_frames(**plan, camera=Camera(resolution=32))
    assert frames.shape == (NUM_FRAMES, 64, 64, 3)
    assert np.abs(frames.astype(int) - draw_frames(**plan)).mean() < 12


def test_a_caption_is_sharp_where_the_face_is_not(plan):
    camera, caption = Camera(resolution=32, defocus_px=3.0), [Occluder("caption", text="LIVE")]
    blurred = draw_frames(**plan, camera=camera, occluders=caption)[0].astype(int)
    assert np.abs(np.diff(blurred[50:], axis=1)).max() > 100 > np.abs(np.diff(blurred[:40], axis=1)).max()


def test_lengths_that_differ_are_named(plan):
    with raises_naming(ValueError, "12", "11"):
        draw_frames(**plan | {"poses": plan["poses"][:-1]})


def start(code: list[str], **options) -> subprocess.CompletedProcess:
    environment = environment_with(PYTHONPATH=str(FOLDER.parent))
    return subprocess.run(
        [sys.executable, *code], env=environment, text=True, capture_output=True, timeout=TIMEOUT_SEC, **options
    )


def test_the_program_writes_what_the_function_writes(plan, tmp_path):
    jobs = []
    for name, faults in (("plain", {}), ("faulty", FAULTS)):
        write_clip(tmp_path / f"{name}.mp4", **plan, **faults, fps=25)
        job = plan | faults | {"path": str(tmp_path / f"{name}-by-program.mp4"), "fps": 25}
        job |= {name: plan[name].tolist() for name in ("action_units", "poses", "lights")}
        job["identity"] = asdict(plan["identity"])
        if faults:
            job |= {"camera": asdict(faults["camera"]), "occluders": [asdict(each) for each in faults["occluders"]]}
        jobs.append(json.dumps(job))
    run = start(["-m", "synthetic.writer"], input="\n".join(jobs) + "\n", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, "\n\n"), run.stderr
    for name in ("plain", "faulty"):
        written, by_program = tmp_path / f"{name}.mp4", tmp_path / f"{name}-by-program.mp4"
        assert written.read_bytes() == by_program.read_bytes()


def test_the_program_starts_without_the_heavy_libraries(tmp_path):
    run = start(["-c", "import sys, synthetic.writer; print(*sys.modules)"], cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    heavy = {"torch", "transformers", "datasets", "torchvision", "scipy", "logoformer_hf"}
    assert not heavy & set(run.stdout.split())
