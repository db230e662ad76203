"""Prepares the arrays to train on: draws clips, reads them, and encodes them for "parts", each once."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
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
from .variants import reference_config

# Full difficulty of the movements, but a low one of the view: the variants differ in how they process the course of a
# clip, and at full difficulty of the view a frame encoder of this size, trained for minutes, recognises almost
# nothing.
DIFFICULTY = {"difficulty": 1.0, "view_difficulty": 0.3}
CLIPS_SEED, ENCODER_SEED = 0, 1  # of the synthetic clips: different people
ENCODER_FACTS = "encoder.json"  # in the folder of the frame tokens
_FEWEST = 7  # clips of a split


def describe_difficulty(mark: str = "") -> str:
    """The difficulty of the synthetic clips as text, with `mark` before and after each name."""
    return " and ".join(f"{mark}{name}{mark} {value:g}" for name, value in DIFFICULTY.items())


def prepare_benchmark(budget: Budget, output_dir: Path, num_workers: int, tokens: bool) -> Path:
    """
    Writes the missing array files: frames, and frame tokens of a frozen frame encoder.

    Args:
        budget: numbers of clips and epochs.
        output_dir: folder of the ablation.
        num_workers: processes that draw and read clips.
        tokens: whether frame tokens are needed; training their frame encoder takes most of the time.

    Returns:
        The folder of the array files.

    Raises:
        ValueError: the folder holds other clips.
    """
    folder = output_dir / "clips"
    epochs = {"part_epochs", "model_epochs", "seeds"}  # of the variants' training, on which the clips do not depend
    facts = {name: value for name, value in asdict(budget).items() if name not in epochs}
    open_run_folder(folder, facts | DIFFICULTY | {"drawing": DRAWING})
    shared: dict[str, Any] = {"cache_dir": output_dir / "drawn", "num_workers": num_workers, **DIFFICULTY}
    rows = build_synthetic_clips(
        num_train=budget.num_train_clips,
        num_validation=_FEWEST,
        num_test=budget.num_test_clips,
        seed=CLIPS_SEED,
        uneven=True,
        **shared,
    )
    side = reference_config().image_size
    store_frames(rows["train"], folder / "train_frames.npy", num_workers, TrainingTransforms(side), budget.views)
    store_frames(rows["test"], folder / "test_frames.npy", num_workers)
    for split in ("train", "test"):
        np.savez(folder / f"{split}.npz", labels=rows[split]["label"], clip_ids=rows[split]["clip_id"])
    if tokens:
        encoder = frozen_encoder(budget, folder, shared, num_workers)
        for split in ("train", "test"):
            store_tokens(encoder, folder / f"{split}_frames.npy", folder / f"{split}_tokens.npy")
    return folder


def read_encoder(clips_dir: Path) -> float:
    """
    The share of the action units' variance that the frame encoder explains, 0 to 1, at full precision. It identifies
    the encoder: another machine rounds differently and trains another encoder, with which a seed gives another run.
    """
    return json.loads((clips_dir / ENCODER_FACTS).read_text())["explained_variance"]


def frozen_encoder(budget: Budget, folder: Path, shared: dict[str, Any], num_workers: int) -> torch.nn.Module:
    """The frame encoder of "parts", read from its file or trained."""
    file = folder / "encoder.safetensors"
    if file.exists():
        encoder = AutoBackbone.from_config(reference_config().backbone_config).eval()
        encoder.load_state_dict(load_file(file))
        return encoder
    rows = build_synthetic_clips(
        num_train=budget.num_encoder_clips, num_validation=_FEWEST, num_test=_FEWEST, seed=ENCODER_SEED, **shared
    )["train"]
    # A flip would exchange the action units of the two sides.
    transforms = TrainingTransforms(reference_config().image_size, flip_prob=0.0)
    store_frames(rows, folder / "encoder_frames.npy", num_workers, transforms)
    frames = np.load(folder / "encoder_frames.npy", mmap_mode="r")[0]
    encoder, explained = train_encoder(frames, true_units(rows), budget.encoder_epochs)
    print(f"the frame encoder explains {explained:.1%} of the action units' variance on clips it has not seen.")
    write_json(folder / ENCODER_FACTS, {"explained_variance": explained})
    with whole_file(file) as partial:
        save_file(encoder.state_dict(), partial)
    return encoder


def true_units(rows: Dataset) -> np.ndarray:
    """Action units of the frames that `store_frames` reads: `(clips, frames, units of both sides)`, 0 to 1."""
    units = []
    for index, row in enumerate(rows):
        plan = plan_clip("train", index, ENCODER_SEED, label=row["label"], **DIFFICULTY)
        generator = torch.Generator().manual_seed(clip_seed(0, 0, row["clip_id"]))  # as `ClipDataset` chooses them
        frames = sample_frame_indices(row["num_frames"], generator=generator)
        units.append(plan.action_units[frames].reshape(len(frames), -1))
    return np.stack(units)
