"""One run: trains a variant with one seed by `LogoFormerTrainer`, tests it once and measures the result."""

import gc
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback

from ...configuration_logoformer import EXPRESSIONS
from ...data.facts import DataFacts
from ...evaluation.predictions import PREDICTIONS_FILE, RunInfo, write_predictions
from ...training.arguments import RECIPES, LogoFormerTrainingArguments
from ...training.finite import FiniteCheck
from ...training.trainer import LogoFormerTrainer
from .benchmark import describe_difficulty, read_encoder
from .budget import Budget
from .clips import StoredClips, clip_processor, keep_batch
from .cuda_graph import replay_training
from .effects import measure_effects, unknown_auroc
from .token_trainer import TokenTrainer
from .variant import Variant

# The values of "modern" when the parts were compared, whatever they are now.
RECIPE: dict[str, Any] = RECIPES["modern"] | {
    "label_smoothing_factor": 0.0,
    "mixup_alpha": 0.0,
    "mixup_kind": "sum",
    "weight_decay": 0.05,
    "decay_positions": True,
    "ema_decay": 0.0,
    "logit_adjustment": 0.0,
}
# For "parts", three times that of the recipe, which is for wider models: with that, one run had a UAR of 42.0 %, not
# 47.2.
TOKEN_LEARNING_RATE = 3e-3


@dataclass(frozen=True)
class Machine:
    """
    Where a run is computed.

    Attributes:
        device: "cpu", or a device of CUDA, which keeps the clips in its memory.
        graphs: whether training on frame tokens replays CUDA graphs.
    """

    device: str = "cpu"
    graphs: bool = False

    @property
    def title(self) -> str:
        """Name of the processor or the GPU."""
        return torch.cuda.get_device_name(self.device) if self.on_gpu else platform.processor() or platform.machine()

    @property
    def on_gpu(self) -> bool:
        """Whether the device is another one than the CPU."""
        return self.device != "cpu"


CPU = Machine()


class EpochReporter(TrainerCallback):
    """Calls `report` at the end of every epoch."""

    def __init__(self, report: Callable[[], None]):
        self.report = report

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Calls `report`."""
        self.report()


def train_run(
    variant: Variant,
    seed: int,
    budget: Budget,
    clips_dir: Path,
    output_dir: Path,
    report: Callable[[], None],
    machine: Machine = CPU,
) -> dict[str, Any]:
    """
    Trains and tests one variant, and writes its predictions and embeddings to `output_dir`.

    The last epoch is tested, without a choice of the epoch.

    Args:
        variant: variant to train.
        seed: seed of the weights, dropout and the order of the clips.
        budget: numbers of epochs.
        clips_dir: folder by `prepare_benchmark`.
        output_dir: folder of the run.
        report: called after every epoch.
        machine: where to train.

    Returns:
        The record of the run as JSON values: frame encoder, scores, confusion matrix, `measure_effects`, tested split,
        machine and seconds.
    """
    set_seed(seed)
    kind = "tokens" if variant.reads_tokens else "frames"
    device = machine.device if machine.on_gpu else None
    left_out = variant.left_out(seed)
    train = StoredClips(clips_dir, "train", kind, variant.frames, seed, variant.clips_share, device, left_out)
    test = StoredClips(clips_dir, variant.tested_on, kind, variant.frames, seed, device=device)
    trainer = make_trainer(variant, seed, budget.epochs(variant), train, output_dir, machine)
    graphs = machine.graphs and variant.reads_tokens
    if graphs:
        example = train.__getitems__(list(range(min(trainer.args.per_device_train_batch_size, len(train)))))
        replay_training(trainer.model, example["frames"].float())
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(EpochReporter(report))
    start_sec = time.perf_counter()
    trainer.train()
    train_sec = time.perf_counter() - start_sec

    tested = trainer.predict_clips(test)
    measures = measure_run(tested.logits, tested.embeddings, np.asarray(tested.labels), train.labels, left_out)
    info = RunInfo(
        label_names=EXPRESSIONS,
        data=DataFacts("faces", f"drawn faces of logoformer-hf ({describe_difficulty()})"),
        seed=seed,
        selection="last",
        model=variant.title,
        compact_loss=variant.compact_loss,
        compact_loss_weight=variant.compact_loss_weight,
    )
    del trainer
    gc.collect()  # of what a graph keeps on the device
    output_dir.mkdir(parents=True, exist_ok=True)
    write_predictions(
        output_dir / PREDICTIONS_FILE, test.clip_ids, tested.labels, tested.logits, tested.embeddings, info
    )
    return {
        "variant": variant.name,
        "seed": seed,
        "encoder": read_encoder(clips_dir) if variant.reads_tokens else None,
        **measures,
        "tested_on": variant.tested_on,
        "changes": variant.changes,
        "machine": machine.title,
        "train_sec": round(train_sec, 1),
    }


def measure_run(
    logits: np.ndarray, embeddings: np.ndarray, labels: np.ndarray, train_labels: Sequence[int], left_out: int | None
) -> dict[str, Any]:
    """
    The scores of a run, as JSON values.

    Args:
        logits: of the tested clips, `(clips, classes)`.
        embeddings: of the tested clips, `(clips, hidden)`.
        labels: class numbers of the tested clips, `(clips,)`.
        train_labels: those of the training clips, by whose frequencies the WAR weighs the recalls.
        left_out: the class without training clips; the scores are then of the other classes, and one of both.
    """
    scores = torch.from_numpy(logits).softmax(dim=1).numpy()
    known = np.ones(len(labels), dtype=bool) if left_out is None else labels != left_out
    confusion = np.zeros((len(EXPRESSIONS),) * 2, dtype=int)
    np.add.at(confusion, (labels[known], logits[known].argmax(axis=1)), 1)
    classes = np.unique(labels[known])
    recalls = confusion[classes, classes] / confusion[classes].sum(axis=1)
    shares = np.bincount(train_labels, minlength=len(EXPRESSIONS))[classes] / len(train_labels)
    measures = {
        "uar": float(recalls.mean()),
        "war": float(recalls @ shares),
        "confusion_matrix": confusion.tolist(),
        **measure_effects(embeddings[known], scores[known], labels[known]),
    }
    return measures if left_out is None else measures | {"unknown_auroc": unknown_auroc(scores, ~known)}


def make_trainer(
    variant: Variant, seed: int, num_epochs: int, train: StoredClips, output_dir: Path, machine: Machine
) -> LogoFormerTrainer:
    """A `LogoFormerTrainer` with a new model of the variant."""
    changes: dict[str, Any] = {"num_train_epochs": num_epochs}
    if variant.reads_tokens:
        changes["learning_rate"] = TOKEN_LEARNING_RATE
    if machine.on_gpu:  # one kernel instead of dozens, and fewer batches to test
        changes |= {"optim": "adamw_torch_fused", "per_device_eval_batch_size": 128}
    fixed: dict[str, Any] = {
        "output_dir": str(output_dir),
        "seed": seed,
        "compact_loss": variant.compact_loss,
        "compact_loss_weight": variant.compact_loss_weight,
        "class_balanced_sampling": True,  # UAR gives classes equal weight, and the rarest has a hundredth of the clips
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_strategy": "no",
        "load_best_model_at_end": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        "label_names": ["labels"],  # not every model has the argument in its forward
        "disable_tqdm": True,
        "use_cpu": not machine.on_gpu,
    }
    if variant.reads_tokens:
        kind: Callable[..., LogoFormerTrainer] = partial(TokenTrainer, trials=variant.trials)
    else:
        kind = LogoFormerTrainer
    trainer = kind(
        model=variant.build_model(),
        args=LogoFormerTrainingArguments(**RECIPE | changes | fixed | dict(variant.recipe)),
        train_dataset=train,
        data_collator=keep_batch,
        processing_class=clip_processor(),
    )
    if machine.on_gpu:
        trainer.remove_callback(FiniteCheck)  # it waits for the device in every step; scores are checked in the end
    return trainer
