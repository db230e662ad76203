"""LOGO-Former's Trainer: cross-entropy plus the compact loss, exact under gradient accumulation."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import default_collate
from transformers import Trainer, TrainerCallback, TrainingArguments

from ..data.transforms import clip_seed
from .losses import center_compact_loss, margin_compact_loss
from ..models.inputs import model_inputs
from ..models.heads import output_layer

# Named sets of training arguments; whoever names one can still change each of its values.
RECIPES = {
    # AdamW with warm-up and cosine decay: reaches in few epochs what plain SGD needs many for.
    "modern": {
        "optim": "adamw_torch",
        "learning_rate": 1e-3,
        "weight_decay": 0.05,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "per_device_train_batch_size": 16,
        "num_train_epochs": 10,
    },
    # As the authors' public port trains: SGD with momentum, batches of 32, 100 epochs, a tenth every 40.
    "paper": {
        "optim": "sgd",
        "optim_args": "momentum=0.9",
        "learning_rate": 0.01,
        "weight_decay": 1e-4,
        "lr_scheduler_type": "constant",
        "lr_decay_epochs": 40,
        "per_device_train_batch_size": 32,
        "num_train_epochs": 100,
    },
}


@dataclass
class LogoFormerTrainingArguments(TrainingArguments):
    """Trainer's own arguments, those of the two losses, and defaults that keep the best epoch on validation UAR."""

    compact_loss: str = field(
        default="margin",
        metadata={
            "help": "Form of the compact loss: 'margin' on the logits, 'center' on the embeddings, or 'none'.",
            "choices": ["margin", "center", "none"],
        },
    )
    compact_loss_weight: float = field(
        default=0.1, metadata={"help": "What the compact loss is multiplied by before cross-entropy is added."}
    )
    class_balanced_sampling: bool = field(
        default=False,
        metadata={"help": "Draw clips with replacement so that every class is seen equally often in an epoch."},
    )
    freeze_batch_norm: bool = field(
        default=False,
        metadata={"help": "Keep the batch-norm statistics of the frame encoder as they were loaded."},
    )
    lr_decay_epochs: int = field(
        default=0,
        metadata={
            "help": "Multiply the learning rate by 0.1 every so many epochs, instead of lr_scheduler_type; 0: no."
        },
    )
    output_dir: str = field(
        default="outputs/demo", metadata={"help": "Folder for the model, its processor, the results and pictures."}
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When the validation clips are evaluated."})
    save_strategy: str = field(default="epoch", metadata={"help": "When a checkpoint is saved."})
    save_total_limit: int = field(default=2, metadata={"help": "Checkpoints kept: the last and the best."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Test the best epoch, not the last."})
    metric_for_best_model: str = field(default="uar", metadata={"help": "What the best epoch is best at."})
    logging_steps: float = field(default=10, metadata={"help": "Optimiser steps between two logs."})
    per_device_eval_batch_size: int = field(default=32, metadata={"help": "Clips a step of evaluation, per process."})
    dataloader_pin_memory: bool = field(
        default_factory=torch.cuda.is_available,
        metadata={"help": "Speeds up the way to a GPU; on where there is one."},
    )
    dataloader_num_workers: int = field(default=2, metadata={"help": "Processes that decode clips."})
    report_to: str = field(default="none", metadata={"help": "Where logs go besides the output folder."})
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "Kept off: a clip's columns are read by the data set, not by the model."}
    )

    def __post_init__(self):
        if self.compact_loss not in ("margin", "center", "none"):
            raise ValueError(f"`compact_loss` is {self.compact_loss!r}; it must be 'margin', 'center' or 'none'.")
        if not (self.compact_loss_weight >= 0 and math.isfinite(self.compact_loss_weight)):
            raise ValueError(f"`compact_loss_weight` is {self.compact_loss_weight}; it must be at least 0.")
        if self.lr_decay_epochs < 0:
            raise ValueError(f"`lr_decay_epochs` is {self.lr_decay_epochs}; it must be at least 0.")
        if self.lr_decay_epochs and self.max_steps > 0:
            raise ValueError("`lr_decay_epochs` counts epochs: set `num_train_epochs` with it, not `max_steps`.")
        super().__post_init__()


def collate_clips(clips: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Clips of `ClipDataset` to `frames (batch, frames, channels, height, width)` uint8 and `labels (batch,)`."""
    shapes = {tuple(clip["frames"].shape) for clip in clips}
    if len(shapes) > 1:
        raise ValueError(f"the clips of a batch have different shapes: {sorted(shapes)}.")
    return {
        # In a worker it writes into shared memory; a stack on the heap made workers grow by a GB over 10,000 clips.
        "frames": default_collate([clip["frames"] for clip in clips]),
        "labels": torch.tensor([clip["label"] for clip in clips]),
    }


class ClipSampler(torch.utils.data.Sampler[int]):
    """
    The order of an epoch's clips, a function of (seed, epoch) alone, the same in every process and after a resume.

    Args:
        num_clips: clips of the data set, and of an epoch.
        seed: of the run.
        labels: class number of every clip. With them clips are drawn with replacement, each class equally often in
            expectation; without, every clip comes once.
    """

    def __init__(self, num_clips: int, seed: int, labels: Sequence[int] | None = None):
        self.num_clips = num_clips
        self.seed = seed
        self.labels = None if labels is None else torch.tensor(labels)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_clips

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(clip_seed(self.seed, self.epoch, "order"))
        if self.labels is None:
            return iter(torch.randperm(len(self), generator=generator).tolist())
        weights = 1.0 / self.labels.bincount()[self.labels].double()  # (clips,)
        return iter(torch.multinomial(weights, len(self), replacement=True, generator=generator).tolist())


class EpochCallback(TrainerCallback):
    """
    Tells data set and sampler which epoch begins. Trainer itself does not after a resume in the middle of an epoch,
    and with several processes it tells the sampler alone.
    """

    def __init__(self):
        self.listeners = {}  # by their part, so that a second call of `train` replaces the sampler of the first

    def on_epoch_begin(self, args, state, control, **kwargs):
        for listener in self.listeners.values():
            listener.set_epoch(int(state.epoch or 0))


@dataclass
class ClipPredictions:
    """
    What a model says about the clips of a data set, in their order, each once.

    Args:
        logits: `(clips, classes)`, scores before the softmax.
        embeddings: `(clips, hidden)`, what the model's output layer makes the logits of.
        labels: `(clips,)`, class numbers of the data set.
        metrics: what `compute_metrics` and Trainer measured.
    """

    logits: np.ndarray
    embeddings: np.ndarray
    labels: np.ndarray
    metrics: dict[str, float]


class LogoFormerTrainer(Trainer):
    """
    Trains a video classifier on clips with cross-entropy + `compact_loss_weight` x compact loss.

    Works with every model that gives `logits`, and with the `center` form also an `embedding`. The two losses are
    logged apart as `cross_entropy` and `compact_loss`, means over the clips since the last log.

    Clips come as uint8 frames (`collate_clips`) and are rescaled and normalised on the device of the model, by the
    model's own processor (`processing_class`).

    Under gradient accumulation the loss of a clip is divided by the number of clips of the whole step, so that
    cross-entropy and `margin` are exactly what one large batch gives, an uneven last step included (with
    `freeze_batch_norm`, since batch-norm statistics are those of a micro-batch). `center` compares the classes of one
    micro-batch: its value is the mean over micro-batches weighted by their clips, which differs from one large batch.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.args.n_gpu > 1:
            raise ValueError(
                f"{self.args.n_gpu} GPUs are visible to one process; start with `accelerate launch --multi_gpu`, or "
                "show it one GPU with CUDA_VISIBLE_DEVICES."
            )
        if self.processing_class is None:
            raise ValueError("`processing_class` is missing: the model's own video processor, which normalises clips.")
        # compute_loss divides by the clips of the whole step, whatever the model's forward accepts.
        self.model_accepts_loss_kwargs = True
        self._loss_sums = {True: None, False: None}  # while training, while evaluating
        self._epochs = EpochCallback()
        self.add_callback(self._epochs)
        if hasattr(self.train_dataset, "set_epoch"):
            self._epochs.listeners["train_dataset"] = self.train_dataset

    def _get_train_sampler(self, train_dataset=None) -> torch.utils.data.Sampler:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        labels = dataset.labels if self.args.class_balanced_sampling else None
        sampler = ClipSampler(len(dataset), seed, labels)
        self._epochs.listeners["sampler"] = sampler
        return sampler

    def _prepare_inputs(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        inputs = dict(inputs)
        frames = inputs.pop("frames").to(self.args.device)  # as uint8, a quarter of what they become there
        return super()._prepare_inputs(inputs | model_inputs(self.processing_class, frames))

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        if model.training and self.args.freeze_batch_norm:
            for module in model.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        inputs = dict(inputs)
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        num_clips = labels.shape[0] if model.training else self.count_own_clips(labels.shape[0])
        own = {name: outputs[name][:num_clips] for name in ("logits", "embedding") if name in outputs}
        losses = self.clip_losses(own, labels[:num_clips])  # sums over the clips of this micro-batch
        loss = losses["cross_entropy"] + self.args.compact_loss_weight * losses["compact_loss"]
        self.remember_losses(losses, num_clips, training=model.training)

        if num_items_in_batch is None:
            loss = loss / labels.shape[0]
        elif self.args.average_tokens_across_devices:
            # num_items_in_batch counts the clips of all processes, whose gradients are averaged.
            loss = loss * self.accelerator.num_processes / num_items_in_batch
        else:
            loss = loss / num_items_in_batch
        return (loss, outputs) if return_outputs else loss

    def count_own_clips(self, batch_size: int) -> int:
        """
        How many clips at the front of a batch of evaluation count: accelerate fills the last batches of several
        processes up with clips from the start of the data set, which have been seen already.
        """
        state = self.accelerator.gradient_state
        if not state.end_of_dataloader or state.remainder <= 0:
            return batch_size
        before = self.accelerator.process_index * batch_size  # clips of the last step in the processes before this one
        return min(max(state.remainder - before, 0), batch_size)

    def clip_losses(self, outputs: Mapping[str, torch.Tensor], labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Both losses summed over the clips; `center`, which has no value per clip, times the number of clips."""
        logits = outputs["logits"]
        cross_entropy = nn.functional.cross_entropy(
            logits.float(), labels, reduction="sum", label_smoothing=self.args.label_smoothing_factor
        )
        if self.args.compact_loss == "margin":
            compact_loss = margin_compact_loss(logits, labels, reduction="sum")
        elif self.args.compact_loss == "center" and len(labels) > 0:
            if "embedding" not in outputs:
                raise ValueError(
                    f"`compact_loss` is 'center', which compares embeddings, and {type(self.model).__name__} gives "
                    "none: use 'margin' with this model."
                )
            compact_loss = center_compact_loss(outputs["embedding"], labels) * labels.shape[0]
        else:
            compact_loss = torch.zeros_like(cross_entropy)
        return {"cross_entropy": cross_entropy, "compact_loss": compact_loss}

    def remember_losses(self, losses: dict[str, torch.Tensor], num_clips: int, training: bool) -> None:
        sums = torch.stack([*losses.values(), torch.full_like(losses["compact_loss"], num_clips)]).detach()
        known = self._loss_sums[training]
        self._loss_sums[training] = sums if known is None else known + sums

    def mean_losses(self, training: bool) -> dict[str, float]:
        """The losses remembered since the last call, means over the clips of all processes."""
        sums = self.accelerator.reduce(self._loss_sums[training], reduction="sum")
        self._loss_sums[training] = None
        cross_entropy, compact_loss = (sums[:2] / sums[2]).tolist()
        if self.args.compact_loss == "none":
            return {"loss": cross_entropy, "cross_entropy": cross_entropy}
        loss = cross_entropy + self.args.compact_loss_weight * compact_loss
        return {"loss": loss, "cross_entropy": cross_entropy, "compact_loss": compact_loss}

    def predict_clips(self, dataset: torch.utils.data.Dataset, metric_key_prefix: str = "test") -> ClipPredictions:
        """Logits and embeddings of all clips of a data set with labels, on every process."""
        embeddings = []

        def gather(layer: nn.Module, inputs: tuple[torch.Tensor]) -> None:
            embeddings.append(self.accelerator.gather_for_metrics(inputs[0]).float().cpu())

        with output_layer(self.model).register_forward_pre_hook(gather):
            output = self.predict(dataset, metric_key_prefix=metric_key_prefix)
        return ClipPredictions(
            logits=output.predictions,
            embeddings=torch.cat(embeddings).numpy(),
            labels=output.label_ids,
            metrics=output.metrics,
        )

    def evaluation_loop(self, *args, metric_key_prefix: str = "eval", **kwargs):
        self._loss_sums[False] = None  # of an evaluation that was broken off
        output = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **kwargs)
        # Trainer's own loss is a mean over batches, and so depends on the number of processes.
        losses = self.mean_losses(training=False)
        output.metrics.update({f"{metric_key_prefix}_{name}": value for name, value in losses.items()})
        return output

    def log(self, logs: dict[str, float], *args, **kwargs) -> None:
        if "loss" in logs and self._loss_sums[True] is not None:
            losses = self.mean_losses(training=True)
            logs.update({name: round(value, 4) for name, value in losses.items() if name != "loss"})
        super().log(logs, *args, **kwargs)

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None):
        if self.args.lr_decay_epochs == 0:
            return super().create_scheduler(num_training_steps, optimizer)
        if self.lr_scheduler is None:
            steps_per_epoch = num_training_steps / self.args.num_train_epochs
            # Rounded up: the last step of an epoch still has the epoch's learning rate.
            decay_steps = math.ceil(self.args.lr_decay_epochs * steps_per_epoch)
            optimizer = self.optimizer if optimizer is None else optimizer
            self.lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=decay_steps, gamma=0.1)
            self._created_lr_scheduler = True
        return self.lr_scheduler
