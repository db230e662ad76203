"""Scores of a classifier on clips, and a trained model tested on clips of any source."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import evaluate
import numpy as np
from transformers import EvalPrediction

from ..data.clips import ClipDataset
from ..data.sources.gather import Source, gather_clips
from ..data.sources.arguments import SourceArguments
from ..models.loading import load_trained_model
from ..models.inputs import reading_processor
from ..models.heads import set_labels
from ..evaluation.predictions import PREDICTIONS_FILE, Predictions, RunInfo, read_predictions, write_predictions
from .runs import plan_runs
from ..evaluation.report import write_report
from .trainer import LogoFormerTrainer
from .arguments import LogoFormerTrainingArguments
from ..data.collator import collate_clips

METRIC_FILE = Path(__file__).with_name("metrics.py")


class Scorer:
    """
    UAR, WAR and what explains them, by the metric in `metrics.py`, which is loaded once.

    Args:
        label_names: names of the classes in the order of their numbers.
    """

    def __init__(self, label_names: Sequence[str]):
        self.label_names = list(label_names)
        self.metric = evaluate.load(str(METRIC_FILE), keep_in_memory=True)

    def score(self, logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """What `ExpressionMetrics` gives for logits `(clips, classes)` and labels `(clips,)`."""
        return self.metric.compute(predictions=logits.argmax(axis=1), references=labels, label_names=self.label_names)

    def score_epoch(self, predictions: EvalPrediction) -> dict[str, float]:
        """The three numbers that a Trainer logs and chooses by."""
        scores = self.score(predictions.predictions, predictions.label_ids)
        return {name: scores[name] for name in ("uar", "war", "macro_f1")}


@dataclass
class EvaluationArguments:
    """Which model is tested, and how."""

    model: str = field(metadata={"help": "Folder of a trained model, or its name on the Hub."})
    output_dir: str = field(metadata={"help": "Folder for predictions, report and pictures."})
    split: str = field(default="test", metadata={"help": "Which clips: 'test', or another split of the data set."})
    batch_size: int = field(default=32, metadata={"help": "Clips a step."})
    num_workers: int = field(default=2, metadata={"help": "Processes that decode clips."})
    use_cpu: bool = field(default=False, metadata={"help": "Leave a GPU alone."})


def evaluate_model(args: EvaluationArguments, source_args: SourceArguments) -> tuple[dict[str, Any], RunInfo]:
    """
    Tests a trained model on clips of any source, labels matched by name, and writes predictions and report. Of a data
    set with folds each fold is tested by itself.

    Args:
        args: model and output folder.
        source_args: which clips.

    Returns:
        The report, see `write_report`, and the facts of its first run.

    Raises:
        ValueError: the model has no class for a label of the clips, or was trained on some of them.
    """
    tested = []
    for run in plan_runs(args.output_dir, source_args.folds, [0]):
        source = gather_clips(source_args, run.fold, run.folder / "problems.csv")
        if args.split not in source.rows:
            raise ValueError(f"`split` is {args.split!r}; this data set has {', '.join(source.rows)}.")
        tested.append(test_fold(args, source, run.fold, run.folder))
    return write_report(args.output_dir, tested), tested[0].run


def test_fold(args: EvaluationArguments, source: Source, fold: int | None, folder: Path) -> Predictions:
    """Predictions of one fold, also written to `folder`."""
    rows = source.rows[args.split]
    label_names = rows.features["label"].names
    model, processor, classes = load_trained_model(args.model, label_names)
    set_labels(model, label_names, dict(zip(label_names, classes, strict=True)))
    run = describe_run(args, source, fold, model.config.model_type)
    trainer = LogoFormerTrainer(
        model=model,
        args=LogoFormerTrainingArguments(
            output_dir=str(folder),
            per_device_eval_batch_size=args.batch_size,
            dataloader_num_workers=args.num_workers,
            use_cpu=args.use_cpu,
            compact_loss="none",
            eval_strategy="no",
            save_strategy="no",
            load_best_model_at_end=False,
        ),
        data_collator=collate_clips,
        processing_class=processor,
    )
    output = trainer.predict_clips(ClipDataset(rows, reading_processor(processor, model)))
    file = folder / PREDICTIONS_FILE
    write_predictions(file, list(rows["clip_id"]), output.labels, output.logits, output.embeddings, run)
    return read_predictions(file)


def describe_run(args: EvaluationArguments, source: Source, fold: int | None, model_type: str) -> RunInfo:
    """The facts of this test. What the model was trained on stands in the predictions beside it, if it is ours."""
    facts = {
        "label_names": source.rows[args.split].features["label"].names,
        "dataset": source.dataset,
        "dataset_name": source.dataset_name,
        "setup": source.setup,
        "split": args.split,
        "fold": fold,
        "num_folds": source.num_folds,
        "left_out": [problem.clip_id for problem in source.problems.get(args.split, [])],
    }
    own_predictions = Path(args.model) / PREDICTIONS_FILE
    if not own_predictions.exists():
        return RunInfo(**facts, seed=0, selection="given", model=f"{Path(args.model).name} ({model_type})")
    trained = read_predictions(own_predictions).run
    facts |= {"seed": trained.seed, "model": trained.model}
    facts |= {"compact_loss": trained.compact_loss, "compact_loss_weight": trained.compact_loss_weight}
    if trained.dataset != source.dataset:
        return RunInfo(**facts, selection="given", trained_on=trained.dataset_name)
    if trained.fold != fold or args.split == "train":
        raise ValueError(
            f"{args.model} was trained on {trained.dataset_name}, {trained.name}: split {args.split!r} "
            f"{'' if fold is None else f'of fold {fold} '}has clips that it knows. Test it on clips that it does not."
        )
    return RunInfo(**facts, selection=trained.selection)
