import random
import sys

import pytest
import torch
from PIL import Image
from processes import run_process

from logoformer_hf.benchmarks import reading as benchmark

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "FRAMES_PER_CLIP", 20)
    return benchmark.draw_clips(tmp_path, 2, jpeg_quality=90)


def test_both_loaders_read_the_same_frames(clips):
    rows = benchmark.make_rows(clips, 4)
    for training in (True, False):
        loaders = benchmark.make_loaders({"folders": rows}, training)
        usual, ours = (loader.dataset for loader in loaders.values())
        for index in range(4):
            pixels, label = usual[index]
            item = ours[index]
            assert pixels.shape == item["frames"].shape == (16, 3, 112, 112)
            assert (pixels.dtype, item["frames"].dtype) == (torch.float32, torch.uint8)
            assert item["label"] == label == index
            if not training:  # PIL's and torchvision's filters, and one of them in two steps
                assert (255 * pixels - item["frames"]).abs().mean() < 2


def test_usual_crop_stays_in_the_picture():
    random.seed(0)
    boxes = [benchmark.random_box(256, 256) for _ in range(300)]
    assert all(0 <= left < right <= 256 and 0 <= top < bottom <= 256 for left, top, right, bottom in boxes)
    areas = [(right - left) * (bottom - top) / 256**2 for left, top, right, bottom in boxes]
    assert min(areas) == pytest.approx(0.08, abs=0.02)
    assert max(areas) > 0.9


def test_frames_are_as_large_as_said(clips):
    assert len(clips) == 2
    files = list(clips[0].iterdir())
    assert len(files) == 20
    assert {Image.open(file).size for file in files} == {(256, 256)}


@pytest.mark.slow
def test_the_command_prints_stages_and_speeds():
    printed = run_process([sys.executable, "-m", "logoformer_hf.benchmarks.reading", "--quick"]).stdout
    for header in ("training", "evaluation"):
        lines = printed[printed.index(f"\n{header}") :].splitlines()[1:]
        assert lines[0].split() == [header, "usual", "folders", "shards"]
        values = {line[:40].strip(): [float(value) for value in line[40:].split()] for line in lines[1:9]}
        for title in ("list and decode", "resize and other transforms", "collate", "CPU time of all processes"):
            (found,) = (values[name] for name in values if name.startswith(title))
            assert len(found) == 3
        assert all(speed > 0 for speed in values["clips per second"])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clips(clips):
    assert benchmark.memory_growth_mb(clips, num_clips=10_000) < 100
