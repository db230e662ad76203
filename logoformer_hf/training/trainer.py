"""LOGO-Former's Trainer: cross-entropy plus the compact loss, exact under gradient accumulation."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate.utils import gather_object
from torch import nn
from transformers import PreTrainedModel, Trainer
from transformers.trainer_utils import EvalLoopOutput, TrainOutput
from transformers.video_processing_utils import BaseVideoProcessor

from .._compat import BatchNorm
from ..data.batch_parts import read_in_parts
from ..data.clips import NOT_COUNTED
from ..data.sampler import ClipSampler, draw_seed, own_generator
from ..data.trained_on import TRAINED_ON_FILE, TrainedOn, write_trained_on
from ..data.workers import leave_signals_to_main_process
from ..image_reading_logoformer import VideoReadError
from ..models.heads import output_layer, set_temperature
from ..models.inputs import model_inputs
from .arguments import LogoFormerTrainingArguments
from .checkpoint_flow import CheckpointFlow
from .checkpoints import (
    Checkpoint,
    begin_checkpoint,
    checkpoint_folder,
    complete_checkpoint,
    delete_old_checkpoints,
    errors_of_writing,
    open_checkpoint,
    read_checkpoint,
)
from .clip_predictions import ClipPredictions, check_scores
from .epochs import EpochCallback
from .finite import FiniteCheck
from .global_batch import center_loss_of_processes, own_clips, own_share
from .loader_wait import LoaderWait
from .logit_adjustment import logit_shift
from .loss_sums import LossSums
from .losses import margin_compact_loss
from .lr_steps import drop_to_tenths
from .mixup import Mixture, draw_mixture
from .train_loss import TrainLoss
from .weight_average import WeightAverage

logger = logging.getLogger(__name__)

# How the names of positions, class tokens and weights of summaries end, which `decay_positions` is about.
POSITIONS = ("embeddings", "class_token", "cls_token", "summary_weight")


class LogoFormerTrainer(Trainer):
    """
    Trains a video classifier on clips with cross-entropy + `compact_loss_weight` x compact loss.

    Works with every model whose output has `logits`; the `center` form also needs an `embedding`. The two losses are
    logged separately as `cross_entropy` and `compact_loss`, means over the clips since the last log.

    Batches hold uint8 frames (`collate_clips`). They are rescaled and normalised on the device of the model, by the
    model's own processor (`processing_class`).

    The loss of a clip is divided by the number of clips of the whole step, over micro-batches and processes, and every
    clip counts once. So cross-entropy and `margin` equal those of one large batch, also in an uneven last step (with
    `freeze_batch_norm`, since batch-norm statistics are those of a micro-batch). `center` compares the classes of the
    micro-batches that all processes have at the same time: under accumulation its value is the mean over these,
    weighted by their clips, which differs from that of one large batch.

    With `mixup_alpha`, models are trained on mixtures of the clips of a micro-batch, and both losses are those of both
    labels, weighted as the clips are. `logit_adjustment` shifts the logits of the cross-entropy, in training alone.

    Clips with the label `NOT_COUNTED`, which could not be read, add nothing to losses and scores; `problems` has the
    reasons. A loss, gradient, weight or score that is infinite or NaN raises a `NonFiniteError` in every process.
    """

    args: LogoFormerTrainingArguments
    model: PreTrainedModel
    processing_class: BaseVideoProcessor

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.args.n_gpu > 1:
            raise ValueError(
                f"{self.args.n_gpu} GPUs are visible to one process; start with `accelerate launch --multi_gpu`, or "
                "make one GPU visible with CUDA_VISIBLE_DEVICES."
            )
        if self.processing_class is None:
            raise ValueError(
                "`processing_class` is missing; it must be the model's own video processor, which normalises clips."
            )
        problem_type = getattr(self.model.config, "problem_type", None)
        if problem_type not in (None, "single_label_classification"):
            raise ValueError(
                f"`problem_type` of the model is {problem_type!r}; it must be 'single_label_classification' or null: "
                "every clip has one label, and the loss is cross-entropy."
            )
        # compute_loss divides by the clips of the whole step, whatever the model's forward accepts.
        self.model_accepts_loss_kwargs = True
        self.loss_sums = {True: LossSums(), False: LossSums()}  # of training, of evaluation
        self._epochs = EpochCallback()
        self._finite = FiniteCheck(self.accelerator)
        self._checkpoints = CheckpointFlow()
        self.loader_wait = LoaderWait()
        for callback in (self._epochs, self._checkpoints, self._finite, self.loader_wait):
            self.add_callback(callback)  # what checks weights comes after what decides to save them
        self._train_loss = TrainLoss()
        self._num_mixed = 0  # micro-batches of the step that were mixed so far
        self._logit_shift = logit_shift(self.args, self.train_dataset, cast(int, self.model.config.num_labels))
        self._average = WeightAverage(self.args.ema_decay) if self.args.ema_decay else None
        if self._average is not None:
            self.add_callback(self._average)
        # The record of the clips that every checkpoint gets, where the caller keeps one.
        self.trained_on: TrainedOn | None = None
        self.problems: dict[str, str] = {}  # clips that this process could not read, each with the reason
        if hasattr(self.train_dataset, "set_epoch"):
            self._epochs.listeners["train_dataset"] = self.train_dataset

    def train(
        self, resume_from_checkpoint: Checkpoint | str | Path | bool | None = None, *args: Any, **kwargs: Any
    ) -> TrainOutput:
        """
        As in `Trainer`. A temperature that was fitted for other weights is removed from the configuration.

        Args:
            resume_from_checkpoint: folder of a checkpoint, True for the newest whole one in `output_dir`, or one that
                was opened.
            args, kwargs: as in `Trainer`.

        Raises:
            CheckpointError: the checkpoint, or the best one so far, is not whole or lacks a part of the state.
            ValueError: `ema_decay` with FSDP or DeepSpeed.
        """
        if self._average is not None and (self.is_fsdp_enabled or self.is_deepspeed_enabled):
            raise ValueError(
                f"`ema_decay` is {self.args.ema_decay}, which needs the whole model in every process: set it to 0 "
                "with FSDP and DeepSpeed."
            )
        set_temperature(self.model, None)
        resumed = open_checkpoint(resume_from_checkpoint, self.args.output_dir or "", self.args.load_best_model_at_end)
        self._checkpoints.resumed = resumed
        self._train_loss.load(None if resumed is None else resumed.folder, self.accelerator)
        output = super().train(None if resumed is None else str(resumed.folder), *args, **kwargs)
        if self._average is not None:  # a best checkpoint has been loaded with its averages
            has_best = self.args.load_best_model_at_end and self.state.best_model_checkpoint is not None
            self._average.finish(None if has_best else self.model)
        return output._replace(training_loss=output.metrics.get("train_loss", math.nan))

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As in `Trainer`, which takes a further step when it goes on from a checkpoint after `max_steps`."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        super()._run_epoch(*args, **kwargs)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As in `Trainer`, with a manifest, which is written last; older checkpoints are deleted after that."""
        run_folder = self._get_output_dir(trial)
        checkpoint = checkpoint_folder(run_folder, self.state.global_step)
        limit, self.args.save_total_limit = self.args.save_total_limit, 0
        try:
            with errors_of_writing(checkpoint):
                if self.args.should_save:
                    begin_checkpoint(checkpoint)
                self.accelerator.wait_for_everyone()
                with self._averaged():
                    super()._save_checkpoint(model, trial)
                if self.args.should_save and self._average is not None:
                    self._average.save(checkpoint, self.model)
                self._train_loss.save(checkpoint, self.accelerator)
                if self.args.should_save and self.trained_on is not None:
                    write_trained_on(checkpoint / TRAINED_ON_FILE, self.trained_on)
                self.accelerator.wait_for_everyone()  # each process has written its random state
                if self.args.should_save:
                    complete_checkpoint(checkpoint, self.state)
        finally:
            self.args.save_total_limit = limit
        if self.args.should_save:
            delete_old_checkpoints(run_folder, self.state.global_step, limit)

    def _averaged(self) -> AbstractContextManager[None]:
        """Inside the block, during a training with `ema_decay`, the model has the averages of its weights."""
        return nullcontext() if self._average is None else self._average.applied(self.model)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self._average is not None:
            self._average.load(Path(resume_from_checkpoint), self.model)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """As in `Trainer`; a new best is saved at once, also between two checkpoints."""
        is_best: bool = super()._determine_best_metric(metrics, trial)
        if is_best and self.args.load_best_model_at_end:
            self.control.should_save = True
        return is_best

    def _load_best_model(self) -> None:
        """As in `Trainer`, which goes on with the last weights where the best checkpoint is missing."""
        read_checkpoint(Path(self.state.best_model_checkpoint or ""))
        super()._load_best_model()

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        return self._prepare_loader(super().get_train_dataloader(), self._epochs.begin_next)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> torch.utils.data.DataLoader[Any]:
        return self._prepare_loader(super().get_eval_dataloader(eval_dataset))

    def get_test_dataloader(self, test_dataset: Any) -> torch.utils.data.DataLoader[Any]:
        return self._prepare_loader(super().get_test_dataloader(test_dataset))

    def _prepare_loader(
        self, loader: torch.utils.data.DataLoader[Any], next_epoch: Callable[[], bool] | None = None
    ) -> torch.utils.data.DataLoader[Any]:
        leave_signals_to_main_process(own_generator(loader, self.args.seed))
        return read_in_parts(loader, self.args.device, next_epoch)

    def _get_train_sampler(self, train_dataset: Any = None) -> ClipSampler:
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        labels = getattr(dataset, "labels", None)
        if self.args.class_balanced_sampling and labels is None:
            raise ValueError(
                f"`class_balanced_sampling` needs the class number of every clip, and {type(dataset).__name__} has no "
                "attribute `labels`."
            )
        labels = labels if self.args.class_balanced_sampling else None
        sampler = ClipSampler(len(dataset), seed, labels)
        self._epochs.listeners["sampler"] = sampler
        return sampler

    def get_batch_samples(self, epoch_iterator: Iterator[Any], *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`, without the clips that accelerate fills up the last step of several processes with."""
        own = map(self._without_filler, self.loader_wait.timed(epoch_iterator, self.accelerator.num_processes))
        batches, num_clips = super().get_batch_samples(own, *args, **kwargs)
        self._num_mixed = 0
        self._finite.begin_step([name for batch in batches for name in batch.get("clip_ids", [])])
        return batches, num_clips

    def _without_filler(self, batch: dict[str, Any]) -> dict[str, Any]:
        accelerator = self.accelerator
        if accelerator.num_processes == 1 or not accelerator.gradient_state.end_of_dataloader:
            return batch
        return own_clips(
            batch, len(cast(Any, self.train_dataset)), accelerator.num_processes, accelerator.process_index
        )

    def training_step(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        """As in `Trainer`; the loss is kept for the check before the optimiser's step."""
        with self._eager_unless(len(inputs["labels"]) == self._train_batch_size):
            loss = super().training_step(model, inputs, *args, **kwargs)
        self._finite.add_loss(loss)
        return loss

    def _eager_unless(self, is_full_batch: bool) -> AbstractContextManager[Any]:
        """
        Inside the block a compiled model is run as it is written, unless the batch is a full one: for another size, as
        that of the last batch of an epoch, it would be compiled again, and later batches would run slower.
        """
        if is_full_batch or not self.args.torch_compile:
            return nullcontext()
        eager: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return eager

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        self._finite.grad_norm = super()._get_grad_norm(*args, **kwargs)
        return self._finite.grad_norm

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        inputs = dict(inputs)
        inputs.pop("clip_ids", None)
        self._note_problems(inputs.pop("problems", {}))
        frames = inputs.pop("frames").to(self.args.device, non_blocking=True)  # uint8: a quarter of the bytes
        return super()._prepare_inputs(inputs | model_inputs(self.processing_class, frames))

    def _note_problems(self, problems: Mapping[str, str]) -> None:
        for clip_id, reason in problems.items():
            if clip_id not in self.problems:
                logger.warning("clip %s cannot be read and is left out: %s", clip_id, reason)
        self.problems.update(problems)

    def gather_problems(self) -> dict[str, str]:
        """The clips that could not be read until now, in any process, and the reasons. Called by all processes."""
        return dict(gather_object(list(self.problems.items())))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """
        The loss of a micro-batch, a scalar, and with `return_outputs` also the model's outputs.

        Args:
            model: the model, possibly wrapped.
            inputs: inputs of the model, and `labels` `(batch,)`.
            return_outputs: whether the outputs are returned too.
            num_items_in_batch: clips of the whole optimiser step; None divides by those of this micro-batch.
        """
        if model.training and self.args.freeze_batch_norm:
            for module in model.modules():
                if isinstance(module, BatchNorm):
                    module.eval()
        inputs = dict(inputs)
        labels = inputs.pop("labels")
        mixture = self._draw_mixture(inputs, labels) if model.training and self.args.mixup_alpha else None
        outputs = model(**(mixture.mix(inputs) if mixture else inputs))
        own = {name: outputs[name] for name in ("logits", "embedding") if name in outputs}
        if not model.training:
            num_own = self.count_own_clips(labels.shape[0])
            own, labels = {name: values[:num_own] for name, values in own.items()}, labels[:num_own]
        elif self._logit_shift is not None:
            own["shifted_logits"] = own["logits"].float() + self._logit_shift
        num_clips = (labels != NOT_COUNTED).sum()
        # Sums over the clips of this micro-batch.
        if mixture:
            losses = mixture.losses(labels, lambda labels: self.clip_losses(own, labels))
        else:
            losses = self.clip_losses(own, labels)
        loss = self.add_up(losses, num_clips, num_items_in_batch, model.training)
        return (loss, outputs) if return_outputs else loss

    def add_up(
        self, losses: Mapping[str, torch.Tensor], num_clips: torch.Tensor, num_items: Any, training: bool
    ) -> Any:
        """
        Adds the losses of a micro-batch, each summed over the `num_clips` of its clips that count, to what is logged.
        Returns its part of the loss of the step, a scalar; `num_items` is as in `compute_loss`.
        """
        loss = self.weigh_losses(losses)
        self.loss_sums[training].add(losses, num_clips)
        if training:
            self._train_loss.add(loss, num_clips)
        # num_items counts the clips of all processes, whose gradients are averaged.
        divisor = num_clips if num_items is None else torch.as_tensor(num_items)
        factor = 1 if num_items is None else self.accelerator.num_processes
        return loss * factor / divisor.clamp(min=1)

    def _draw_mixture(self, inputs: Mapping[str, Any], labels: torch.Tensor) -> Mixture:
        number, self._num_mixed = self._num_mixed, self._num_mixed + 1
        return draw_mixture(
            self.args.mixup_alpha,
            self.args.mixup_kind,
            inputs,
            labels,
            self.args.seed,
            self.state.global_step,
            number,
            self.accelerator.process_index,
        )

    def count_own_clips(self, batch_size: int) -> int:
        """
        Number of clips at the start of an evaluation batch that count. With several processes accelerate fills up the
        last batches with clips from the start of the data set, which were evaluated before.
        """
        state = self.accelerator.gradient_state
        if not state.end_of_dataloader or state.remainder <= 0:
            return batch_size
        return own_share(state.remainder, batch_size, self.accelerator.process_index)

    def clip_losses(self, outputs: Mapping[str, torch.Tensor], labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """
        Each loss summed over the clips. `center`, which has no value per clip, is multiplied by the number of clips.

        A subclass may add further losses, with their weights in `loss_weights`.

        Args:
            outputs: `logits (batch, classes)`, where the model returns one `embedding (batch, hidden)`, and, where the
                cross-entropy is that of others, `shifted_logits`, of the shape of the logits.
            labels: `(batch,)`, class numbers, or `NOT_COUNTED` for clips that add nothing.

        Raises:
            ValueError: the `center` form with a model that returns no `embedding`.
        """
        logits = outputs["logits"]
        cross_entropy = nn.functional.cross_entropy(
            outputs.get("shifted_logits", logits).float(),
            labels,
            ignore_index=NOT_COUNTED,
            reduction="sum",
            label_smoothing=self.args.label_smoothing_factor,
        )
        losses = {"cross_entropy": cross_entropy}
        if self.args.compact_loss == "margin":
            per_clip = margin_compact_loss(logits, labels.clamp(min=0), reduction="none")
            losses["compact_loss"] = (per_clip * (labels != NOT_COUNTED)).sum()
        elif self.args.compact_loss == "center":
            if "embedding" not in outputs:
                raise ValueError(
                    f"`compact_loss` is 'center', which needs an `embedding`, but {type(self.model).__name__} returns "
                    "none: use 'margin' with this model."
                )
            losses["compact_loss"] = center_loss_of_processes(
                outputs["embedding"], labels, logits.shape[1], self.accelerator
            )
        return losses

    @property
    def loss_weights(self) -> dict[str, float]:
        """Factor of each loss of `clip_losses` in their sum."""
        return {"cross_entropy": 1.0, "compact_loss": self.args.compact_loss_weight}

    def weigh_losses(self, losses: Mapping[str, Any]) -> Any:
        """The weighted sum of losses."""
        return sum(self.loss_weights[name] * value for name, value in losses.items())

    def mean_losses(self, training: bool) -> dict[str, float]:
        """Each loss since the last call and their weighted sum, `loss`: means over the clips of all processes."""
        means = self.loss_sums[training].means(self.accelerator)
        return {"loss": self.weigh_losses(means)} | means

    def predict_clips(
        self, dataset: torch.utils.data.Dataset[Any], metric_key_prefix: str = "test"
    ) -> ClipPredictions:
        """
        Logits and embeddings of all clips of a data set with labels, on every process.

        Raises:
            VideoReadError: none of the clips can be read.
            NonFiniteError: scores that are infinite or NaN.
        """
        embeddings = []

        def gather(layer: nn.Module, inputs: tuple[torch.Tensor]) -> None:
            embeddings.append(self.accelerator.gather_for_metrics(inputs[0]).float())  # copied after the last batch

        with output_layer(self.model).register_forward_pre_hook(gather):
            output = self.predict(dataset, metric_key_prefix=metric_key_prefix)
        labels = cast(np.ndarray, output.label_ids)
        rows = np.flatnonzero(labels != NOT_COUNTED)
        if not len(rows):
            raise VideoReadError(f"none of {len(labels)} clips can be read: {next(iter(self.problems.items()), '')}.")
        return ClipPredictions(
            logits=cast(np.ndarray, output.predictions)[rows],  # a tuple only for models with further outputs
            embeddings=torch.cat(embeddings).cpu().numpy()[rows],
            labels=labels[rows],
            metrics=output.metrics or {},
            rows=rows,
        )

    def evaluation_loop(
        self,
        dataloader: torch.utils.data.DataLoader[Any],
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """
        As in `Trainer`, with the losses as means over all clips in the metrics.

        Raises:
            NonFiniteError: scores that are infinite or NaN.
        """
        self.loss_sums[False].forget()  # left over from an interrupted evaluation
        draw_seed()
        # Compiling it would take longer than most evaluations.
        with self._averaged(), self._eager_unless(is_full_batch=False):
            output = super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        # Trainer's own loss is a mean over batches, which depends on the number of processes.
        losses = self.mean_losses(training=False)
        check_scores(output, losses["loss"], dataloader.dataset)
        named = {f"{metric_key_prefix}_{name}": value for name, value in losses.items()}
        return output._replace(metrics=(output.metrics or {}) | named)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """As in `Trainer`; logs of the training have each loss and their weighted sum, means over the clips since."""
        if "loss" in logs and self.loss_sums[True]:
            logs.update(self.mean_losses(training=True))  # Trainer's own is a mean over steps, also of uneven ones
        if "train_loss" in logs:  # that of Trainer leaves out the steps before a resume
            del logs["train_loss"]
            if (train_loss := self._train_loss.mean(self.accelerator)) is not None:
                logs["train_loss"] = train_loss
        super().log(logs, *args, **kwargs)

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """As in `Trainer`; without `decay_positions` learned positions and weights of summaries are not decayed."""
        names: list[str] = super().get_decay_parameter_names(model)
        return names if self.args.decay_positions else [name for name in names if not name.endswith(POSITIONS)]

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        """As in `Trainer`; with `lr_decay_epochs` a schedule that multiplies the learning rate by 0.1 in steps."""
        if self.args.lr_decay_epochs == 0:
            return super().create_scheduler(num_training_steps, optimizer)
        if self.lr_scheduler is None:
            steps_per_epoch = num_training_steps / self.args.num_train_epochs
            optimizer = self.optimizer if optimizer is None else optimizer
            assert optimizer is not None  # Trainer creates it first
            self.lr_scheduler = cast(Any, drop_to_tenths(optimizer, self.args.lr_decay_epochs, steps_per_epoch))
            self._created_lr_scheduler = True
        return self.lr_scheduler
