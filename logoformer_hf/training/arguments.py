"""Training arguments: those of `transformers.Trainer`, those of the losses, and named sets of values for both."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import TrainingArguments

from .fixed_arguments import check_fixed_arguments

# Named sets of training arguments; the command line and a YAML file override single values.
RECIPES: dict[str, dict[str, Any]] = {
    # AdamW with warm-up and cosine decay; needs fewer epochs than plain SGD.
    "modern": {
        "optim": "adamw_torch",
        "learning_rate": 1e-3,
        "weight_decay": 0.3,
        "mixup_alpha": 0.4,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "per_device_train_batch_size": 16,
        "num_train_epochs": 10,
    },
    # As a public port (of unknown authorship): SGD with momentum, batches of 32, 100 epochs, learning rate x 0.1 every
    # 40.
    "port": {
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
    """`TrainingArguments` with fields for the losses; by default the epoch with the best validation UAR is kept."""

    compact_loss: str = field(
        default="margin",
        metadata={
            "help": "Form of the compact loss: 'margin' on the logits, 'center' on the embeddings, or 'none'.",
            "choices": ["margin", "center", "none"],
        },
    )
    compact_loss_weight: float = field(
        default=0.1, metadata={"help": "Factor of the compact loss in the sum with cross-entropy."}
    )
    mixup_alpha: float = field(
        default=0.0,
        metadata={
            "help": "Train on mixtures of two clips, with a share from Beta(mixup_alpha, mixup_alpha) and the losses "
            "of both labels; 0: do not mix."
        },
    )
    mixup_kind: str = field(
        default="sum",
        metadata={
            "help": "How mixup_alpha mixes two clips: 'sum' of both, 'time' (some frames of one in the other) or "
            "'space' (a rectangle of one in the other).",
            "choices": ["sum", "time", "space"],
        },
    )
    ema_decay: float = field(
        default=0.0,
        metadata={
            "help": "Evaluate and save an exponential moving average of the weights; this share of it stays in each "
            "step, e.g. 0.999. 0: the weights themselves."
        },
    )
    decay_positions: bool = field(
        default=True,
        metadata={"help": "Apply weight_decay to learned positions, class tokens and the weights of summaries, too."},
    )
    class_balanced_sampling: bool = field(
        default=False,
        metadata={"help": "Draw clips with replacement so that every class is expected equally often in an epoch."},
    )
    logit_adjustment: float = field(
        default=0.0,
        metadata={
            "help": "Train with the cross-entropy of logits + logit_adjustment x log(share of the class among the "
            "training clips), instead of class_balanced_sampling, e.g. 1; the model's own logits are without it. 0: "
            "off."
        },
    )
    freeze_batch_norm: bool = field(
        default=False,
        metadata={"help": "Use the loaded batch-norm statistics of the frame encoder and do not update them."},
    )
    lr_decay_epochs: int = field(
        default=0,
        metadata={
            "help": "Epochs after which the learning rate drops to a tenth, instead of lr_scheduler_type; 0: never."
        },
    )
    output_dir: str = field(
        default="outputs/demo", metadata={"help": "Folder for the model, its processor, the results and pictures."}
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When the validation clips are evaluated."})
    save_strategy: str = field(default="epoch", metadata={"help": "When a checkpoint is saved."})
    save_total_limit: int = field(default=2, metadata={"help": "Checkpoints kept: the last and the best."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Test the best epoch, not the last."})
    metric_for_best_model: str = field(
        default="uar", metadata={"help": "Validation metric that the best epoch is chosen by."}
    )
    logging_steps: float = field(default=10, metadata={"help": "Optimiser steps between two logs."})
    logging_nan_inf_filter: bool = field(
        default=False,
        metadata={
            "help": "Leaves losses that are infinite or NaN out of `train_loss`. Training stops at the first one."
        },
    )
    per_device_eval_batch_size: int = field(
        default=32, metadata={"help": "Clips in one step of evaluation, per process."}
    )
    dataloader_pin_memory: bool = field(
        default_factory=torch.cuda.is_available,
        metadata={"help": "Copy batches to a GPU from page-locked memory; on where a GPU is available."},
    )
    dataloader_num_workers: int = field(default=2, metadata={"help": "Processes that decode clips."})
    dataloader_persistent_workers: bool = field(
        default=True,
        metadata={"help": "Keep these processes from one epoch to the next, so that they start only once."},
    )
    report_to: str = field(
        default="none", metadata={"help": "Service that receives the logs besides the output folder."}
    )
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "Must stay off: the data set reads the columns of a clip, not the model."}
    )

    def __post_init__(self) -> None:
        if self.compact_loss not in ("margin", "center", "none"):
            raise ValueError(f"`compact_loss` is {self.compact_loss!r}; it must be 'margin', 'center' or 'none'.")
        if not (self.compact_loss_weight >= 0 and math.isfinite(self.compact_loss_weight)):
            raise ValueError(f"`compact_loss_weight` is {self.compact_loss_weight}; it must be at least 0.")
        if not (self.mixup_alpha >= 0 and math.isfinite(self.mixup_alpha)):
            raise ValueError(f"`mixup_alpha` is {self.mixup_alpha}; it must be finite and at least 0, e.g. 0.4.")
        if not (self.logit_adjustment >= 0 and math.isfinite(self.logit_adjustment)):
            raise ValueError(f"`logit_adjustment` is {self.logit_adjustment}; it must be finite and at least 0, as 1.")
        if self.logit_adjustment and self.class_balanced_sampling:
            raise ValueError(
                f"`logit_adjustment` is {self.logit_adjustment} and `class_balanced_sampling` is on; both make up for "
                "rare classes, together twice: give one of them."
            )
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"`ema_decay` is {self.ema_decay}; it must be at least 0 and less than 1, e.g. 0.999.")
        if self.mixup_kind not in ("sum", "time", "space"):
            raise ValueError(f"`mixup_kind` is {self.mixup_kind!r}; it must be 'sum', 'time' or 'space'.")
        if self.mixup_kind != "sum" and not self.mixup_alpha:
            raise ValueError(
                f"`mixup_kind` is {self.mixup_kind!r}, but `mixup_alpha` is 0, which mixes nothing; more is "
                "needed, e.g. 0.4."
            )
        if self.lr_decay_epochs < 0:
            raise ValueError(f"`lr_decay_epochs` is {self.lr_decay_epochs}; it must be at least 0.")
        if self.lr_decay_epochs and self.max_steps > 0:
            raise ValueError("`lr_decay_epochs` counts epochs: set `num_train_epochs` with it, not `max_steps`.")
        if self.dataloader_num_workers == 0:
            self.dataloader_persistent_workers = False  # there are no worker processes
        super().__post_init__()
        # A copy from page-locked memory need not be waited for: what reads it is computed after it.
        accelerator_config: Any = self.accelerator_config
        accelerator_config.non_blocking = bool(self.dataloader_pin_memory)
        check_fixed_arguments(self)
