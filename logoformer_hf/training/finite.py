"""Stops a training at the first loss, gradient or weight that is infinite or no number."""

import math
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .._compat import can_leave_out_steps
from ..models.finite import NonFiniteError, describe_tensors, non_finite_tensors

# GradScaler halves its factor after every step whose scaled gradients overflow, and skips that step. Below this factor
# the gradients of the loss itself overflow, and no step would ever be made again.
SMALLEST_SCALE = 1.0


class FiniteCheck(TrainerCallback):
    """
    Raises a `NonFiniteError` in every process before the weights of a step change, and before weights that are not
    finite are saved.

    The losses of a step are summed on their device. Where the optimiser can leave out a step on the device (fused
    AdamW and SGD), the check is read one step later, and nothing waits for a GPU: the step that is not finite changes
    no weight, and no further one is made. With other optimisers a GPU is waited for once in an optimiser step.
    Trainer's own filter of such losses (`logging_nan_inf_filter`, off here) waits in every micro-batch.

    With a GradScaler (float16), a step whose scaled gradients overflow is skipped, as it must be.

    Attributes:
        clip_ids: names of this process' clips of the step, empty where the data set gives none.
        loss: sum of the losses of this process' micro-batches of the step.
        grad_norm: norm of the gradients of all processes before it was clipped.
    """

    def __init__(self, accelerator: Accelerator):
        self.accelerator = accelerator
        self._unread: _UnreadStep | None = None
        self.begin_step([])

    def begin_step(self, clip_ids: list[str]) -> None:
        """Forgets the step before."""
        self.clip_ids = clip_ids
        self.loss: torch.Tensor | None = None
        self.grad_norm: torch.Tensor | float | None = None

    def add_loss(self, loss: torch.Tensor) -> None:
        """Adds the loss of a micro-batch."""
        self.loss = loss.detach() if self.loss is None else self.loss + loss.detach()

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Checks the losses of all processes, and their gradients where no GradScaler does."""
        self._read(args)
        if self.loss is None:
            return
        loss = self.accelerator.reduce(self.loss, reduction="sum")
        norm = 0.0 if self.accelerator.scaler is not None or self.grad_norm is None else self.grad_norm
        values = torch.stack([loss, torch.as_tensor(norm, dtype=loss.dtype, device=loss.device)])
        self._unread = _UnreadStep(values, state.global_step + 1, self.clip_ids)
        optimizer = getattr(kwargs["optimizer"], "optimizer", kwargs["optimizer"])  # accelerate wraps it
        if self.accelerator.scaler is None and can_leave_out_steps(optimizer):
            optimizer.found_inf = (~values.isfinite().all()).float()
        else:
            self._read(args)

    def _read(self, args: TrainingArguments) -> None:
        """Stops where the step whose check was not read yet is not finite."""
        step, self._unread = self._unread, None
        if step is None:
            return
        loss, norm = step.read()
        if not math.isfinite(loss) or not math.isfinite(norm):
            self._stop("gradient" if math.isfinite(loss) else "loss", step.number, step.clip_ids, args)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Checks the weights where they are saved or evaluated next, and the factor of a GradScaler."""
        scaler = self.accelerator.scaler
        if self.accelerator.optimizer_step_was_skipped and scaler is not None and scaler.get_scale() < SMALLEST_SCALE:
            self._stop("gradient", state.global_step, self.clip_ids, args)
        if control.should_save or control.should_evaluate:
            self._check_weights(kwargs["model"], args, state)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Checks the weights at the end of an epoch."""
        self._check_weights(kwargs["model"], args, state)

    def _check_weights(self, model: torch.nn.Module, args: TrainingArguments, state: TrainerState) -> None:
        self._read(args)
        if names := non_finite_tensors(model.state_dict()):
            raise NonFiniteError(
                f"after step {state.global_step} {describe_tensors(names)} of the model have values that are infinite "
                f"or NaN. {self._clips(self.clip_ids)} {advice(args)}"
            )

    def _stop(self, what: str, step: int, clip_ids: list[str], args: TrainingArguments) -> None:
        raise NonFiniteError(
            f"the {what} of step {step} is infinite or NaN, and the weights were not changed by it. "
            f"{self._clips(clip_ids)} {advice(args)}"
        )

    def _clips(self, clip_ids: list[str]) -> str:
        names = gather_object(clip_ids)
        return f"The clips of this step: {', '.join(names)}." if names else "The data set gives no names of its clips."


class _UnreadStep:
    """
    Values of a step on their way from its device.

    Args:
        values: sum of the losses, norm of the gradients.
        number: of the step, counted from 1.
        clip_ids: names of this process' clips.
    """

    def __init__(self, values: torch.Tensor, number: int, clip_ids: list[str]):
        self.number, self.clip_ids = number, clip_ids
        self._values, self._copied = values, None
        if values.is_cuda:  # into page-locked memory: otherwise the copy would be waited for at once
            self._values = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._values.copy_(values, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()

    def read(self) -> list[float]:
        """The values, once they are there."""
        if self._copied is not None:
            self._copied.synchronize()
        numbers: list[float] = self._values.tolist()
        return numbers


def advice(args: TrainingArguments) -> str:
    """What the user of a training that was stopped can do."""
    return (
        f"Checkpoints in {args.output_dir} are from before it. Look at these clips, or train with other settings, "
        "e.g. a lower `learning_rate`, in another `output_dir`."
    )
