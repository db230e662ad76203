"""
The frozen frame encoder of "parts".

The frame encoders of the field are pretrained on photographs of faces. For synthetic faces a small ResNet is trained
instead to predict action units from single frames of other people. It is the same for every variant, so variants
differ only in what follows it, and its frame tokens are computed once.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets.utils import tqdm
from torch import nn
from transformers import AutoBackbone

from ..._files import whole_file
from ...models.inputs import model_inputs
from .clips import clip_processor
from .variant import reference_config

CLIPS_AT_ONCE = 16
HEAD_CHANNELS = 16


def train_encoder(
    frames: np.ndarray, units: np.ndarray, epochs: int, seed: int = 0, device: str = "cpu"
) -> tuple[nn.Module, float]:
    """
    Trains the frame encoder of `reference_config` to predict action units with two linear layers on its feature map.

    Args:
        frames: uint8 `(clips, frames, channels, height, width)`.
        units: intensities of both sides' action units, 0 to 1, `(clips, frames, units)`.
        epochs: passes over all frames.
        seed: seed of the weights and the order.
        device: device to train on.

    Returns:
        The encoder, in memory of the CPU, and the share of the action units' variance that it explains on the last
        tenth of the clips, which is held out.
    """
    torch.manual_seed(seed)
    config = reference_config()
    encoder: Any = AutoBackbone.from_config(config.backbone_config)
    # Few channels per position: a layer on all features at once would overfit to the people of the training clips.
    head = nn.Sequential(
        nn.Conv2d(encoder.channels[0], HEAD_CHANNELS, kernel_size=1),
        nn.Flatten(),
        nn.Linear(HEAD_CHANNELS * config.grid_size**2, units.shape[-1]),
    )
    encoder, head = encoder.to(device), head.to(device)
    parameters = [*encoder.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.05)
    num_train = len(frames) - max(len(frames) // 10, 1)
    num_steps = epochs * -(-num_train // CLIPS_AT_ONCE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=num_steps)
    with tqdm(total=num_steps, desc="Training the frame encoder", unit="step") as bar:
        for _ in range(epochs):
            for clips in torch.randperm(num_train).split(CLIPS_AT_ONCE):
                clips = clips.numpy()  # with one element a tensor would be a scalar index in NumPy
                optimiser.zero_grad()
                read = head(encode(encoder.train(), frames[clips]))
                target = torch.from_numpy(units[clips]).float().to(device).flatten(0, 1)  # (clips x frames, units)
                loss = nn.functional.mse_loss(read, target)
                loss.backward()
                optimiser.step()
                schedule.step()
                bar.update()
    encoder.eval(), head.eval()
    with torch.inference_mode():
        held_out = [head(encode(encoder, clip[None])).cpu().numpy() for clip in frames[num_train:]]
    truth = units[num_train:]
    errors = np.square(np.stack(held_out) - truth).mean(axis=(0, 1))  # (units,)
    return encoder.cpu(), float(1 - errors.sum() / truth.var(axis=(0, 1)).sum())


def encode(encoder: nn.Module, frames: np.ndarray) -> torch.Tensor:
    """uint8 `(clips, frames, channels, height, width)` to features `(clips x frames, features, height, width)`."""
    on_device = torch.from_numpy(np.array(frames)).to(next(encoder.parameters()).device)
    pixels = model_inputs(clip_processor(), on_device)["pixel_values"]
    # In this memory order, as in the model, convolutions take three quarters of the time on a CPU.
    return encoder(pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last)).feature_maps[0]


def store_tokens(encoder: Any, frames_file: Path, file: Path) -> None:
    """
    Writes frame tokens of a file by `store_frames`, float16 `(views, clips, frames, height, width, features)`. The
    device of the encoder computes them.
    """
    if file.exists():
        return
    frames = np.load(frames_file, mmap_mode="r")
    grid = reference_config().grid_size
    shape = (*frames.shape[:3], grid, grid, encoder.channels[0])
    with (
        whole_file(file) as partial,
        tqdm(total=shape[0] * shape[1], desc=f"Encoding {frames_file.stem}", unit="clip") as bar,
        torch.inference_mode(),
    ):
        tokens = np.lib.format.open_memmap(partial, "w+", np.float16, shape)
        for view in range(shape[0]):
            for start in range(0, shape[1], CLIPS_AT_ONCE):
                clips = slice(start, start + CLIPS_AT_ONCE)
                features = encode(encoder, frames[view, clips])
                # (clips, frames, height, width, features)
                tokens[view, clips] = features.permute(0, 2, 3, 1).unflatten(0, (-1, shape[2])).half().cpu().numpy()
                bar.update(len(frames[view, clips]))
        tokens.flush()
