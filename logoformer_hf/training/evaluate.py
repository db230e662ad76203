"""Tests a trained model on clips of any source."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedModel

from .._files import check_writable
from ..data.collator import collate_clips
from ..data.facts import DataFacts, note_on_faces
from ..data.folder_lock import folder_lock
from ..data.identity import CONTENT_ID, each_clip_once
from ..data.sources.arguments import SourceArguments
from ..data.sources.gather import gather_clips, note_unreadable
from ..data.sources.source import Source
from ..data.splits import check_tested_once
from ..data.workers import errors_of_workers
from ..evaluation.predictions import (
    PREDICTIONS_FILE,
    RUN_FOLDERS,
    Predictions,
    RunInfo,
    people_of,
    read_predictions,
    write_predictions,
)
from ..evaluation.report import Report
from ..evaluation.report_files import write_report
from ..export.runtimes import TORCH, load_with_runtime
from ..hub.training_data import trained_on_of
from ..models.heads import get_temperature, known_labels, set_labels
from ..models.inputs import reading_processor
from ..models.loading import load_trained_model, name_classes
from .arguments import LogoFormerTrainingArguments
from .evaluation_arguments import EvaluationArguments
from .evaluation_folder import check_same_evaluation, deciding_settings, keep_settings
from .library_state import library_state_kept
from .run_folder import SETTINGS_FILE
from .runs import plan_runs
from .seen_clips import compare_tested, part_of
from .trainer import LogoFormerTrainer
from .views_of_clips import predict_views


def evaluate_model(args: EvaluationArguments, source_args: SourceArguments) -> Report:
    """
    Tests a trained model on clips of any source, with labels matched by name, and writes predictions and report. Each
    fold of a data set with folds is tested separately.

    Args:
        args: the model, the split and the output folder.
        source_args: the clips.

    Raises:
        ValueError: the model has no class for a label of the clips, or was trained on some of them, or the output
            folder holds another evaluation or a training.
        FolderInUseError: another program works in the output folder.
    """
    output_dir, settings = Path(args.output_dir), deciding_settings(args, source_args)
    check_output_dir(output_dir)
    check_same_evaluation(output_dir, settings)
    check_writable(args.output_dir)
    model = load_with_runtime(args.model, args.runtime)[0]  # fails before the clips are gathered rather than after it
    if args.shared_labels and source_args.labels is not None:
        raise ValueError("`shared_labels` chooses the classes, and so does `labels`: give one of them.")
    with library_state_kept():
        runs = plan_runs(args.output_dir, source_args.folds, [0])
        choose = partial(shared_labels, model=model) if args.shared_labels else None
        with each_clip_once():
            sources = {
                run.fold: gather_clips(source_args, run.fold, run.folder / "problems.csv", choose_labels=choose)
                for run in runs
            }
        for source in sources.values():
            if args.split not in source.rows:
                raise ValueError(f"`split` is {args.split!r}; this data set has {', '.join(source.rows)}.")
        check_tested_once({fold: source.rows[args.split] for fold, source in sources.items()})
        infos = {fold: describe_run(args, source, fold) for fold, source in sources.items()}
        with folder_lock(output_dir):
            check_same_evaluation(output_dir, settings)  # another program may just have ended one
            keep_settings(output_dir, settings)
            tested = [test_fold(args, sources[run.fold], infos[run.fold], run.folder) for run in runs]
            return write_report(args.output_dir, tested)


def shared_labels(names: Sequence[str], model: PreTrainedModel) -> list[str]:
    """
    Those of the names that are classes of the model, too, also by synonyms.

    Raises:
        ValueError: fewer than two.
    """
    known = known_labels(model, names)
    shared = [name for name in names if name in known]
    if len(shared) < 2:
        raise ValueError(
            f"`shared_labels`: the model has the classes {name_classes(model)}, and the clips {', '.join(names)}: "
            f"{'only ' + shared[0] if shared else 'none'} in common, and two are needed."
        )
    if left_out := [name for name in names if name not in known]:
        print(
            f"Tested on the classes in common: {', '.join(shared)}. Clips of others are left out: "
            f"{', '.join(left_out)}."
        )
    return shared


def check_output_dir(output_dir: Path) -> None:
    """Raises a ValueError for a folder of a training or of a model, whose files would be replaced."""
    for pattern in RUN_FOLDERS:
        for name in (SETTINGS_FILE, "config.json"):
            if found := next(output_dir.glob(f"{pattern}{name}"), None):
                raise ValueError(
                    f"`output_dir` is {output_dir}, which holds a trained model ({found}): its predictions and report "
                    "would be overwritten, or be taken for those of its training. Choose another folder."
                )


def test_fold(args: EvaluationArguments, source: Source, run: RunInfo, folder: Path) -> Predictions:
    """Tests the model on one fold, writes its predictions to `folder` and returns them."""
    rows = source.rows[args.split]
    label_names = rows.features["label"].names
    load = partial(load_with_runtime, runtime=args.runtime)
    model, processor, classes = load_trained_model(args.model, label_names, load)
    temperature = get_temperature(model)  # of all its classes; the next line leaves those that the clips have
    set_labels(model, label_names, dict(zip(label_names, classes, strict=True)))
    run = replace(run, score_temperature=temperature)
    trainer = LogoFormerTrainer(
        model=model,
        args=LogoFormerTrainingArguments(
            output_dir=str(folder),
            per_device_eval_batch_size=args.batch_size,
            dataloader_num_workers=args.num_workers,
            use_cpu=args.use_cpu or args.runtime != TORCH,
            compact_loss="none",
            eval_strategy="no",
            save_strategy="no",
            load_best_model_at_end=False,
        ),
        data_collator=collate_clips,
        processing_class=processor,
    )
    with errors_of_workers("Give the same command again; with less of `num_workers` it needs less memory."):
        output = predict_views(trainer, rows, reading_processor(processor, model), args.test_views)
    run = replace(run, data=note_unreadable(source, trainer.gather_problems(), folder / "problems.csv"))
    file = folder / PREDICTIONS_FILE
    tested = rows.select(output.rows)
    clip_ids, contents, people = list(tested["clip_id"]), list(tested[CONTENT_ID]), people_of(tested)
    write_predictions(file, clip_ids, output.labels, output.logits, output.embeddings, run, contents, people)
    return read_predictions(file)


def describe_run(args: EvaluationArguments, source: Source, fold: int | None) -> RunInfo:
    """
    The facts of this test. Which clips the model was trained on is read from the record in its folder or repository;
    what else is known of its training, from the predictions in its folder, where there are any.

    Raises:
        ValueError: the model was trained on clips of this split, and `allow_seen_clips` is not given.
    """
    rows, part = source.rows[args.split], part_of(source.facts, fold)
    record = trained_on_of(args.model)
    own_predictions = Path(args.model) / PREDICTIONS_FILE
    trained = read_predictions(own_predictions).run if own_predictions.exists() else None
    if record is None and trained is not None:
        check_by_facts(args, source, fold, trained)
    facts: dict[str, Any] = {
        "label_names": rows.features["label"].names,
        "data": source.facts,
        "split": args.split,
        "fold": fold,
        "test_views": None if args.test_views == 1 else args.test_views,
        "seen_clips": compare_tested(
            args.model, record, rows, part, args.split, args.allow_seen_clips, source.identifies_copies
        ),
    }
    if trained is None:
        last = record.trainings[-1].part.data if record is not None and record.trainings else None
        elsewhere = None if last is None or is_same_data(last, source) else last.dataset_name
        model = f"{Path(args.model).name} ({AutoConfig.from_pretrained(args.model).model_type})"
        return RunInfo(**facts, seed=0, selection="given", model=model, trained_on=elsewhere)
    if note := note_on_faces(trained.data, source.facts):
        print(note)
    facts |= {"seed": trained.seed, "model": trained.model}
    facts |= {"compact_loss": trained.compact_loss, "compact_loss_weight": trained.compact_loss_weight}
    facts |= {"train_share": trained.train_share}
    if not is_same_data(trained.data, source):
        return RunInfo(**facts, selection="given", trained_on=trained.data.dataset_name)
    return RunInfo(**facts, selection=trained.selection)


def is_same_data(trained: DataFacts, source: Source) -> bool:
    """Whether a model was trained on the data set of these clips."""
    return (trained.dataset, trained.dataset_name) == (source.facts.dataset, source.facts.dataset_name)


def check_by_facts(args: EvaluationArguments, source: Source, fold: int | None, trained: RunInfo) -> None:
    """
    For a model of an earlier version, which has no record of its clips: raises a ValueError for the training split of
    its own data set, and for another fold.
    """
    if trained.data.dataset == source.facts.dataset and (trained.fold != fold or args.split == "train"):
        raise ValueError(
            f"{args.model} was trained on {trained.data.dataset_name}, {trained.name}: split {args.split!r} "
            f"{'' if fold is None else f'of fold {fold} '}has clips that it was trained on. Test it on other clips."
        )
