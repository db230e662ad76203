"""Tests a trained model on clips of any source."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from .._files import check_writable
from ..data.clips import ClipDataset
from ..data.collator import collate_clips
from ..data.facts import note_on_faces
from ..data.sources.arguments import SourceArguments
from ..data.sources.gather import gather_clips
from ..data.sources.source import Source
from ..evaluation.predictions import PREDICTIONS_FILE, Predictions, RunInfo, read_predictions, write_predictions
from ..evaluation.report import Report
from ..evaluation.report_files import write_report
from ..models.heads import get_temperature, set_labels
from ..models.inputs import reading_processor
from ..models.loading import load_pretrained, load_trained_model
from .arguments import LogoFormerTrainingArguments
from .evaluation_arguments import EvaluationArguments
from .library_state import library_state_kept
from .runs import plan_runs
from .trainer import LogoFormerTrainer


def evaluate_model(args: EvaluationArguments, source_args: SourceArguments) -> Report:
    """
    Tests a trained model on clips of any source, with labels matched by name, and writes predictions and report. Each
    fold of a data set with folds is tested separately.

    Args:
        args: the model, the split and the output folder.
        source_args: the clips.

    Raises:
        ValueError: the model has no class for a label of the clips, or was trained on some of them.
    """
    check_writable(args.output_dir)
    load_pretrained(args.model)  # fails before the clips are gathered rather than after it
    tested = []
    with library_state_kept():
        for run in plan_runs(args.output_dir, source_args.folds, [0]):
            source = gather_clips(source_args, run.fold, run.folder / "problems.csv")
            if args.split not in source.rows:
                raise ValueError(f"`split` is {args.split!r}; this data set has {', '.join(source.rows)}.")
            tested.append(test_fold(args, source, run.fold, run.folder))
    return write_report(args.output_dir, tested)


def test_fold(args: EvaluationArguments, source: Source, fold: int | None, folder: Path) -> Predictions:
    """Tests the model on one fold, writes its predictions to `folder` and returns them."""
    rows = source.rows[args.split]
    label_names = rows.features["label"].names
    model, processor, classes = load_trained_model(args.model, label_names)
    temperature = get_temperature(model)  # of all its classes; the next line leaves those that the clips have
    set_labels(model, label_names, dict(zip(label_names, classes, strict=True)))
    run = replace(describe_run(args, source, fold, model.config.model_type), score_temperature=temperature)
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
    """
    The facts of this test. What the model was trained on is read from the predictions in its folder, where there are
    any.

    Raises:
        ValueError: the model was trained on clips of this split.
    """
    facts: dict[str, Any] = {
        "label_names": source.rows[args.split].features["label"].names,
        "data": source.facts,
        "split": args.split,
        "fold": fold,
    }
    own_predictions = Path(args.model) / PREDICTIONS_FILE
    if not own_predictions.exists():
        return RunInfo(**facts, seed=0, selection="given", model=f"{Path(args.model).name} ({model_type})")
    trained = read_predictions(own_predictions).run
    if note := note_on_faces(trained.data, source.facts):
        print(note)
    facts |= {"seed": trained.seed, "model": trained.model}
    facts |= {"compact_loss": trained.compact_loss, "compact_loss_weight": trained.compact_loss_weight}
    if trained.data.dataset != source.facts.dataset:
        return RunInfo(**facts, selection="given", trained_on=trained.data.dataset_name)
    if trained.fold != fold or args.split == "train":
        raise ValueError(
            f"{args.model} was trained on {trained.data.dataset_name}, {trained.name}: split {args.split!r} "
            f"{'' if fold is None else f'of fold {fold} '}has clips that it was trained on. Test it on other clips."
        )
    return RunInfo(**facts, selection=trained.selection)
