"""The mean loss over all clips of a training, also of one that was interrupted."""

import json
from pathlib import Path

import torch
from accelerate import Accelerator

from .._files import write_json

TRAIN_LOSS_FILE = "train_loss.json"


class TrainLoss:
    """
    Sum of the losses of the clips that were trained on, and their number. Each process adds up its own, step by step,
    and goes on from the sums in a checkpoint: a resume changes no bit of the mean.
    """

    def __init__(self) -> None:
        self._sums: torch.Tensor | None = None  # (2,), on the device of the losses

    def add(self, loss_sum: torch.Tensor, num_clips: torch.Tensor | int) -> None:
        """Adds a loss summed over clips, a scalar, and their number, without waiting for the device."""
        dtype = torch.float32 if loss_sum.device.type == "mps" else torch.float64  # which MPS lacks
        sums = torch.stack(
            [loss_sum.detach().to(dtype), torch.as_tensor(num_clips, dtype=dtype, device=loss_sum.device)]
        )
        self._sums = sums if self._sums is None else self._sums.to(sums) + sums

    def mean(self, accelerator: Accelerator) -> float | None:
        """Mean over the clips of all processes; None if nothing was added, or if a part of the sums is not known."""
        loss_sum, num_clips = accelerator.reduce(self._own(accelerator), reduction="sum").tolist()
        return loss_sum / num_clips if num_clips > 0 else None  # of NaN, too

    def save(self, checkpoint: Path, accelerator: Accelerator) -> None:
        """Writes the sums of every process to the folder of a checkpoint. All processes call it."""
        sums = accelerator.gather(self._own(accelerator)[None])  # (processes, 2)
        if accelerator.is_main_process and bool(sums.isfinite().all()):
            write_json(checkpoint / TRAIN_LOSS_FILE, {"loss_sum_and_clips_of_each_process": sums.tolist()})

    def load(self, checkpoint: Path | None, accelerator: Accelerator) -> None:
        """Starts from the sums in a checkpoint, or from none. Checkpoints of version 0.1 have no sums."""
        self._sums = None
        if checkpoint is None:
            return
        file = checkpoint / TRAIN_LOSS_FILE
        if not file.exists():
            self._sums = torch.full((2,), torch.nan)  # not known, and so will the mean be
            return
        sums = json.loads(file.read_text(encoding="utf-8"))["loss_sum_and_clips_of_each_process"]
        if len(sums) != accelerator.num_processes:  # a resume with another number of processes
            sums = [torch.tensor(sums).sum(dim=0).tolist()] + [[0.0, 0.0]] * (accelerator.num_processes - 1)
        self._sums = torch.tensor(sums[accelerator.process_index], dtype=torch.float64)

    def _own(self, accelerator: Accelerator) -> torch.Tensor:
        sums = torch.zeros(2, dtype=torch.float64) if self._sums is None else self._sums
        dtype = torch.float32 if accelerator.device.type == "mps" else torch.float64
        return sums.to(accelerator.device, dtype)
