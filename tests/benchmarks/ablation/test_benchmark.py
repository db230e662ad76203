import numpy as np
import pytest
import torch
from datasets import Dataset

from logoformer_hf.benchmarks.ablation.benchmark import (
    DIFFICULTY,
    ENCODER_SEED,
    SPLITS,
    TEST_SEED,
    frozen_encoder,
    prepare_benchmark,
    true_units,
)
from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.clips import clip_processor, store_frames
from logoformer_hf.benchmarks.ablation.encoder import encode
from logoformer_hf.benchmarks.ablation.variant import REFERENCE
from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.synthetic.clips import build_synthetic_clips
from logoformer_hf.data.synthetic.plan import plan_clip
from logoformer_hf.data.synthetic.rig import ACTION_UNITS
from logoformer_hf.data.transforms import TrainingTransforms

BENCHMARK = "logoformer_hf.benchmarks.ablation.benchmark"


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Dataset:
    counts = {"num_train": 14, "num_validation": 7, "num_test": 7, "image_size": 48}
    folder = tmp_path_factory.mktemp("drawn")
    return build_synthetic_clips(folder, **counts, seed=ENCODER_SEED, num_workers=1, **DIFFICULTY)["train"]


def test_units_are_those_of_the_frames_that_training_reads(rows):
    read = []

    class Recorder(type(clip_processor())):
        def sample_frames(self, *args, **kwargs):
            read.append(super().sample_frames(*args, **kwargs))
            return read[-1]

    processor = clip_processor()
    processor.__class__ = Recorder
    clips = ClipDataset(rows, processor, TrainingTransforms(56, flip_prob=0.0))
    for index in range(len(rows)):
        clips[index]
    units = true_units(rows)
    assert units.shape == (14, 16, 2 * len(ACTION_UNITS))
    assert units.min() >= 0 and 0.5 < units.max() <= 1
    for index, row in enumerate(rows):
        plan = plan_clip("train", index, ENCODER_SEED, label=row["label"], **DIFFICULTY)
        assert len(plan.action_units) == row["num_frames"] > max(read[index])
        for place, frame in enumerate(read[index]):
            assert np.array_equal(units[index, place].reshape(-1, 2), plan.action_units[frame])


def test_units_name_what_the_drawn_frames_do(rows):
    """The mouth of the stored frames changes most where the units say that the jaw moves most."""
    clips = ClipDataset(rows, clip_processor(), TrainingTransforms(56, min_crop_area=1.0, flip_prob=0.0))
    jaw = true_units(rows).reshape(14, 16, -1, 2)[:, :, ACTION_UNITS.index(26)].mean(axis=-1)
    moved = np.abs(np.diff(jaw, axis=1)).ravel()
    mouths = [clips[index]["frames"][:, :, 32:48, 14:42].float() for index in range(14)]
    changed = np.concatenate([mouth.diff(dim=0).abs().mean(dim=(1, 2, 3)).numpy() for mouth in mouths])
    assert np.corrcoef(moved, changed)[0, 1] > 0.3


def test_the_encoder_is_trained_once(rows, tmp_path, monkeypatch):
    trained = []

    def train(frames, units, epochs, device):
        trained.append((frames.shape, units.shape, epochs))
        torch.manual_seed(0)
        return REFERENCE.build_model().logoformer.backbone.eval(), 0.5

    monkeypatch.setattr(f"{BENCHMARK}.train_encoder", train)
    monkeypatch.setattr(f"{BENCHMARK}.build_synthetic_clips", lambda **_: {"train": rows})
    quick = BUDGETS["quick"]
    first, again = (frozen_encoder(quick, tmp_path, 0) for _ in range(2))
    assert trained == [((14, 16, 3, 56, 56), (14, 16, 2 * len(ACTION_UNITS)), quick.encoder_epochs)]
    assert not again.training
    frames = np.load(tmp_path / "clips" / "encoder_frames.npy")[0, :1]
    with torch.inference_mode():
        assert torch.equal(encode(first, frames), encode(again, frames))


def test_clips_of_another_budget_are_not_taken_for_these(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{BENCHMARK}.build_synthetic_clips", lambda **_: pytest.fail("drawn"))
    for name, message in (("full", "drawn"), ("quick", "encoder_epochs 18 .now 2.")):
        with pytest.raises((pytest.fail.Exception, ValueError), match=message):
            prepare_benchmark(BUDGETS[name], tmp_path, 1, tokens=False)


def test_models_need_no_frame_encoder(tmp_path, monkeypatch):
    shared = {"num_validation": 7, "num_test": 7, "image_size": 48, "num_workers": 1}
    drawn = build_synthetic_clips(tmp_path / "drawn", num_train=14, **shared)
    others = build_synthetic_clips(tmp_path / "drawn", num_train=7, seed=TEST_SEED, **shared)
    monkeypatch.setattr(f"{BENCHMARK}.build_synthetic_clips", lambda seed, **_: others if seed == TEST_SEED else drawn)
    folder = prepare_benchmark(BUDGETS["quick"], tmp_path, 1, tokens=False)
    arrays = {f"{split}{ending}" for split in SPLITS for ending in (".npz", "_frames.npy")}
    assert {file.name for file in folder.iterdir()} == {"run.json", *arrays}
    # People that choices look at, and others.
    store_frames(drawn["test"], tmp_path / "seen.npy", 0)
    store_frames(others["test"], tmp_path / "others.npy", 0)
    assert np.array_equal(np.load(folder / "validation_frames.npy"), np.load(tmp_path / "seen.npy"))
    assert np.array_equal(np.load(folder / "test_frames.npy"), np.load(tmp_path / "others.npy"))
    assert not np.array_equal(np.load(tmp_path / "seen.npy"), np.load(tmp_path / "others.npy"))
