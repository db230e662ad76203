"""Prepares the arrays to train on: draws clips, reads them, and encodes them for "parts", each once."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from safetensors.torch import load_file, save_file
from transformers import AutoBackbone

from ..._files import whole_file, write_json
from ...data.synthetic.clips import VERSION as DRAWING
from ...data.synthetic.clips import build_synthetic_clips
from ...data.synthetic.plan import plan_clip
from ...data.transforms import TrainingTransforms, clip_seed
from ...training.run_folder import open_run_folder
from ...video_processing_logoformer import sample_frame_indices
from .budget import Budget
from .clips import store_frames
from .encoder import store_tokens, train_encoder
from .variant import reference_config

# Full difficulty of the movements, but a low one of the view: the variants differ in how they process the course of a
# clip, and at full difficulty of the view a frame encoder of this size, trained for minutes, recognises almost
# nothing.
DIFFICULTY = {"difficulty": 1.0, "view_difficulty": 0.3}
# Seeds of the synthetic clips; other seeds draw other people. Choices look at "validation" only: these are the people
# that variants have been compared on from the beginning. Those of "test" are for what has been chosen.
CLIPS_SEED, ENCODER_SEED, TEST_SEED = 0, 1, 2
SPLITS = ("train", "validation", "test")
ENCODER_FACTS = "encoder.json"  # in the folder of the frame tokens
_FEWEST = 7  # clips of a split


def describe_difficulty(mark: str = "") -> str:
    """The difficulty of the synthetic clips as text, with `mark` before and after each name."""
    return " and ".join(f"{mark}{name}{mark} {value:g}" for name, value in DIFFICULTY.items())


def prepare_benchmark(budget: Budget, output_dir: Path, num_workers: int, tokens: bool, device: str = "cpu") -> Path:
    """
    Writes the missing array files: frames, and frame tokens of a frozen frame encoder.

    Args:
        budget: numbers of clips and epochs.
        output_dir: folder of the ablation.
        num_workers: processes that draw and read clips.
        tokens: whether frame tokens are needed; training their frame encoder takes most of the time on a CPU.
        device: device that the frame encoder is trained and run on.

    Returns:
        The folder of the array files.

    Raises:
        ValueError: the folder holds other clips.
    """
    folder = open_clips_folder(budget, output_dir)
    for split in SPLITS:
        store_split(split, budget, output_dir, num_workers)
    if tokens:
        encoder = frozen_encoder(budget, output_dir, num_workers, device)
        for split in SPLITS:
            store_tokens(encoder.to(device), folder / f"{split}_frames.npy", folder / f"{split}_tokens.npy")
    return folder


def open_clips_folder(budget: Budget, output_dir: Path) -> Path:
    """The folder of the array files, made for this budget. Raises a `ValueError` where it holds other clips."""
    folder = output_dir / "clips"
    epochs = {"part_epochs", "model_epochs", "seeds"}  # of the variants' training, on which the clips do not depend
    facts = {name: value for name, value in asdict(budget).items() if name not in epochs}
    open_run_folder(folder, facts | DIFFICULTY | {"drawing": DRAWING, "test_seed": TEST_SEED})
    return folder


def draw(output_dir: Path, num_workers: int, **options: Any) -> DatasetDict:
    """Synthetic clips of the ablation's difficulty, by the options of `build_synthetic_clips`; drawn once."""
    counts = dict.fromkeys(("num_train", "num_validation", "num_test"), _FEWEST)
    shared: dict[str, Any] = {"cache_dir": output_dir / "drawn", "num_workers": num_workers, **DIFFICULTY}
    return build_synthetic_clips(**counts | shared | options)


def store_split(split: str, budget: Budget, output_dir: Path, num_workers: int) -> None:
    """Draws the clips of one of `SPLITS` and writes its frames, labels and names. Existing files are kept."""
    folder = output_dir / "clips"
    if (folder / f"{split}.npz").exists():  # written last
        return
    if split == "test":
        rows = draw(output_dir, num_workers, num_test=budget.num_test_clips, seed=TEST_SEED)["test"]
    else:
        counts = {"num_train": budget.num_train_clips, "num_test": budget.num_test_clips}
        drawn = draw(output_dir, num_workers, **counts, seed=CLIPS_SEED, uneven=True)
        rows = drawn["train" if split == "train" else "test"]  # all classes are equally frequent in "test" only
    if split == "train":
        transforms, views = TrainingTransforms(reference_config().image_size), budget.views
        store_frames(rows, folder / "train_frames.npy", num_workers, transforms, views)
    else:
        store_frames(rows, folder / f"{split}_frames.npy", num_workers)
    with whole_file(folder / f"{split}.npz") as partial, partial.open("wb") as file:
        np.savez(file, labels=rows["label"], clip_ids=rows["clip_id"])


def read_encoder(clips_dir: Path) -> float:
    """
    The share of the action units' variance that the frame encoder explains, 0 to 1, at full precision. It identifies
    the encoder: another machine rounds differently and trains another encoder, with which a seed gives another run.
    """
    return json.loads((clips_dir / ENCODER_FACTS).read_text())["explained_variance"]


def frozen_encoder(budget: Budget, output_dir: Path, num_workers: int, device: str = "cpu") -> torch.nn.Module:
    """The frame encoder of "parts", read from its file or trained on a device."""
    file = output_dir / "clips" / "encoder.safetensors"
    if not file.exists():
        units = store_encoder_clips(budget, output_dir, num_workers)
        fit_encoder(output_dir / "clips", units, budget.encoder_epochs, device)
    encoder = AutoBackbone.from_config(reference_config().backbone_config).eval()
    encoder.load_state_dict(load_file(file))
    return encoder


def store_encoder_clips(budget: Budget, output_dir: Path, num_workers: int) -> np.ndarray:
    """Draws the clips of the frame encoder's people and writes their frames; returns `true_units`."""
    rows = draw(output_dir, num_workers, num_train=budget.num_encoder_clips, seed=ENCODER_SEED)["train"]
    # A flip would exchange the action units of the two sides.
    transforms = TrainingTransforms(reference_config().image_size, flip_prob=0.0)
    store_frames(rows, output_dir / "clips" / "encoder_frames.npy", num_workers, transforms)
    return true_units(rows)


def fit_encoder(folder: Path, units: np.ndarray, epochs: int, device: str = "cpu") -> None:
    """Trains the frame encoder on the stored frames and their `true_units`, and writes its files."""
    frames = np.load(folder / "encoder_frames.npy", mmap_mode="r")[0]
    encoder, explained = train_encoder(frames, units, epochs, device=device)
    print(f"the frame encoder explains {explained:.1%} of the action units' variance on clips it has not seen.")
    write_json(folder / ENCODER_FACTS, {"explained_variance": explained})
    with whole_file(folder / "encoder.safetensors") as partial:
        save_file(encoder.state_dict(), partial)


def true_units(rows: Dataset) -> np.ndarray:
    """Action units of the frames that `store_frames` reads: `(clips, frames, units of both sides)`, 0 to 1."""
    units = []
    for index, row in enumerate(rows):
        plan = plan_clip("train", index, ENCODER_SEED, label=row["label"], **DIFFICULTY)
        generator = torch.Generator().manual_seed(clip_seed(0, 0, row["clip_id"]))  # as `ClipDataset` chooses them
        frames = sample_frame_indices(row["num_frames"], generator=generator)
        units.append(plan.action_units[frames].reshape(len(frames), -1))
    return np.stack(units)
