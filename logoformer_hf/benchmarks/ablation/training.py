"""One run: trains a variant with one seed by `LogoFormerTrainer`, tests it once and measures the result."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback

from ...configuration_logoformer import EXPRESSIONS
from ...data.collator import collate_clips
from ...data.facts import DataFacts
from ...evaluation.predictions import PREDICTIONS_FILE, RunInfo, write_predictions
from ...evaluation.scorer import Scorer
from ...training.arguments import RECIPES, LogoFormerTrainingArguments
from ...training.trainer import LogoFormerTrainer
from .benchmark import describe_difficulty, read_encoder
from .budget import Budget
from .clips import StoredClips, clip_processor
from .effects import measure_effects
from .variants import Variant

# For "parts", three times that of the recipe, which is for wider models: with that, one run had a UAR of 42.0 %, not
# 47.2.
TOKEN_LEARNING_RATE = 3e-3


class TokenTrainer(LogoFormerTrainer):
    """Trains on frame tokens, which are passed to the model as `inputs_embeds` without a processor."""

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        inputs = dict(inputs)
        # Stored as float16; (batch, frames, height, width, features)
        inputs["inputs_embeds"] = inputs.pop("frames").float()
        return Trainer._prepare_inputs(self, inputs)


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
    variant: Variant, seed: int, budget: Budget, clips_dir: Path, output_dir: Path, report: Callable[[], None]
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

    Returns:
        The record of the run as JSON values: frame encoder, scores, confusion matrix, `measure_effects` and seconds.
    """
    set_seed(seed)
    kind = "tokens" if variant.reads_tokens else "frames"
    train = StoredClips(clips_dir, "train", kind, variant.frames, seed, variant.clips_share)
    test = StoredClips(clips_dir, "test", kind, variant.frames, seed)
    trainer = make_trainer(variant, seed, budget.epochs(variant), train, output_dir)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(EpochReporter(report))
    start_sec = time.perf_counter()
    trainer.train()
    train_sec = time.perf_counter() - start_sec

    tested = trainer.predict_clips(test)
    scores = torch.from_numpy(tested.logits).softmax(dim=1).numpy()
    scored = Scorer(EXPRESSIONS).score(tested.logits, tested.labels)
    recalls = np.array([scored["recall"][name] for name in EXPRESSIONS])
    shares = np.bincount(train.labels, minlength=len(EXPRESSIONS)) / len(train)
    info = RunInfo(
        label_names=EXPRESSIONS,
        data=DataFacts("faces", f"drawn faces of logoformer-hf ({describe_difficulty()})"),
        seed=seed,
        selection="last",
        model=variant.title,
        compact_loss=variant.compact_loss,
        compact_loss_weight=variant.compact_loss_weight,
    )
    output_dir.mkdir(parents=True, exist_ok=True)
    write_predictions(
        output_dir / PREDICTIONS_FILE, test.clip_ids, tested.labels, tested.logits, tested.embeddings, info
    )
    return {
        "variant": variant.name,
        "seed": seed,
        "encoder": read_encoder(clips_dir) if variant.reads_tokens else None,
        "uar": scored["uar"],
        "war": float(recalls @ shares),  # at the class frequencies of the training clips
        "confusion_matrix": scored["confusion_matrix"],
        **measure_effects(tested.embeddings, scores, tested.labels),
        "train_sec": round(train_sec, 1),
    }


def make_trainer(
    variant: Variant, seed: int, num_epochs: int, train: StoredClips, output_dir: Path
) -> LogoFormerTrainer:
    """A `LogoFormerTrainer` with a new model of the variant."""
    changes: dict[str, Any] = {"num_train_epochs": num_epochs}
    if variant.reads_tokens:
        changes["learning_rate"] = TOKEN_LEARNING_RATE
    args = LogoFormerTrainingArguments(
        **RECIPES["modern"] | changes,
        output_dir=str(output_dir),
        seed=seed,
        compact_loss=variant.compact_loss,
        compact_loss_weight=variant.compact_loss_weight,
        class_balanced_sampling=True,  # UAR gives classes equal weight, and the rarest has a hundredth of the clips
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        load_best_model_at_end=False,
        dataloader_num_workers=0,
        label_names=["labels"],  # not every model has the argument in its forward
        disable_tqdm=True,
    )
    return (TokenTrainer if variant.reads_tokens else LogoFormerTrainer)(
        model=variant.build_model(),
        args=args,
        train_dataset=train,
        data_collator=collate_clips,
        processing_class=clip_processor(),
    )
