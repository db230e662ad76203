"""Trains and tests one run after another, each in its own folder, and writes one report on all of them."""

import copy
import functools
import gc
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import datasets
import transformers
from datasets import DatasetDict
from transformers import PreTrainedModel, set_seed
from transformers.video_processing_utils import BaseVideoProcessor

from .._files import check_writable, hub_card_file, write_json
from ..data.clips import ClipDataset
from ..data.collator import collate_clips
from ..data.facts import DataFacts
from ..data.identity import CONTENT_ID
from ..data.sources.arguments import SourceArguments
from ..data.trained_on import TRAINED_ON_FILE, write_trained_on
from ..data.transforms import TrainingTransforms
from ..evaluation.plots import plot_confusion_matrix, plot_training_curves
from ..evaluation.predictions import PREDICTIONS_FILE, RunInfo, load_runs, read_predictions, write_predictions
from ..evaluation.report_files import write_report
from ..evaluation.report_text import format_summary
from ..evaluation.scorer import Scorer, load_metric
from ..hub.model_card import TEMPLATE, write_model_card
from ..hub.push import EXAMPLES, push_folder
from ..modeling_logoformer import LogoFormerForVideoClassification
from ..models.inputs import reading_processor
from ..models.loading import load_model, new_model
from .arguments import LogoFormerTrainingArguments
from .calibrate import calibrate, calibration_results
from .checkpoints import errors_of_writing
from .library_state import library_state_kept
from .lock import folder_lock
from .processes import on_main_process
from .resume import check_resume, choose_checkpoint
from .run_clips import RunClips, gather_runs
from .run_folder import DATA_DIGEST, deciding_arguments, default_settings, is_finished, open_run_folder
from .runs import Run, plan_runs
from .settings import ModelArguments, ProtocolArguments, Settings, TransformArguments, parse_arguments, parse_overrides
from .stop import StopOnSigterm
from .trainer import ClipPredictions, LogoFormerTrainer

# Of settings that a run of an earlier version does not know.
DEFAULTS = default_settings(ModelArguments, SourceArguments, TransformArguments, ProtocolArguments) | default_settings(
    LogoFormerTrainingArguments
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The program `train_hf.py`. `arguments` are those of the command line by default."""
    settings = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    with library_state_kept():
        transformers.logging.set_verbosity_warning()
        transformers.logging.disable_progress_bar()  # of loading and saving; Trainer's own bar stays
        train(settings)


def train(settings: Settings) -> None:
    """
    Trains and tests every unfinished run, one for each fold and seed, and writes one report on all runs.

    Raises:
        ValueError: settings that exclude each other, a folder that holds a run with other settings or on other clips,
            or clips to test on that the model is or was trained on.
        OSError: the output folder cannot be written to, or the installation lacks a template.
    """
    args = settings.training
    is_main_process = args.process_index == 0
    output_dir = Path(args.output_dir)
    runs = plan_runs(output_dir, settings.source.folds, range(args.seed, args.seed + settings.protocol.seeds))
    if args.push_to_hub and len(runs) > 1:
        raise ValueError(
            f"--push_to_hub publishes one model, but there are {len(runs)} runs: use `logoformer push` on one of them."
        )
    check_resume(args, runs)
    on_main_process(args, lambda: check_folders(output_dir, settings.source.cache_dir))
    hub_card_file(TEMPLATE)  # this and the metric fail before the training rather than after it
    load_metric()
    beside = load_runs(settings.protocol.beside) if settings.protocol.beside else []

    for run in runs:
        on_main_process(args, functools.partial(look_at, run, settings))
    with args.main_process_first(desc="gathering the clips"):
        clips = gather_runs(runs, settings, verbose=is_main_process)
    for number, run in enumerate(runs, start=1):
        go_on(run, f"run {number} of {len(runs)}", settings, clips.pop(run, None))
        gc.collect()  # frees the model of this run before the next one is built

    if is_main_process:
        report = write_report(output_dir, [read_predictions(run.folder / PREDICTIONS_FILE) for run in runs], beside)
        print(f"\n{format_summary(report)}\n")
        print(f"report, models, cards, predictions and pictures: {output_dir.resolve()}")
        if args.push_to_hub:
            push_folder(
                output_dir, args.hub_model_id or output_dir.resolve().name, private=bool(args.hub_private_repo)
            )


def go_on(run: Run, title: str, settings: Settings, clips: RunClips | None) -> None:
    """
    Trains and tests a run that is not finished, which has `clips`; no other program may work in its folder meanwhile.
    """
    args = settings.training
    finished = on_main_process(args, lambda: look_at(run, settings))
    if args.process_index == 0:
        print(f"{title}, {run}:{' finished' if finished else ''} {run.folder}")
    if finished or clips is None:
        return
    with ExitStack() as stack:
        on_main_process(args, lambda: stack.enter_context(folder_lock(run.folder)))
        if not on_main_process(args, lambda: look_at(run, settings)):  # another program may just have ended it
            train_and_test(run, settings, clips)


def check_folders(output_dir: Path, cache_dir: str | None) -> None:
    """Checks that results and tables of clips can be written. Raises OSError."""
    check_writable(output_dir)
    try:
        check_writable(cache_dir or datasets.config.HF_DATASETS_CACHE)
    except OSError as error:
        raise OSError(f"{error} Name a folder for clips and their tables with `cache_dir`.") from error


def look_at(run: Run, settings: Settings) -> bool:
    """Whether a run is finished. Raises ValueError if its folder holds a run with other settings."""
    open_run_folder(run.folder, deciding_settings(settings, run), write=False, defaults=DEFAULTS)
    return is_finished(run.folder)


def deciding_settings(settings: Settings, run: Run) -> dict[str, Any]:
    """All settings that the result of a run depends on, as JSON values."""
    deciding = asdict(settings.model) | asdict(settings.source) | asdict(settings.transforms)
    deciding |= {name: getattr(settings.protocol, name) for name in ("select_on", "validation_size")}
    deciding |= deciding_arguments(settings.training) | {"fold": run.fold, "seed": run.seed}
    del deciding["cache_dir"]
    return deciding


def train_and_test(run: Run, settings: Settings, clips: RunClips) -> None:
    """Trains and tests one run and writes its files, the predictions last."""
    training_args = copy.copy(settings.training)
    training_args.output_dir, training_args.seed = str(run.folder), run.seed
    training_args.push_to_hub = False  # Trainer's push would include pickles and omit card and code
    is_main_process = training_args.process_index == 0
    set_seed(run.seed)

    with training_args.main_process_first(desc="opening the folder of the run"):
        deciding = deciding_settings(settings, run) | {DATA_DIGEST: clips.source.data_digest}
        open_run_folder(run.folder, deciding, write=is_main_process, defaults=DEFAULTS)
    if is_main_process:
        write_trained_on(run.folder / TRAINED_ON_FILE, clips.trained_on)
    rows = clips.rows
    label_names = rows["train"].features["label"].names

    model, processor, sentence = build_model(settings.model, label_names)
    if is_main_process:
        print(sentence)
    reader = reading_processor(processor, model)
    transforms = TrainingTransforms(reader.crop_size["height"], **asdict(settings.transforms))
    scorer = Scorer(label_names)
    trainer = LogoFormerTrainer(
        model=model,
        args=training_args,
        train_dataset=ClipDataset(rows["train"], reader, transforms, seed=run.seed),
        eval_dataset=ClipDataset(rows["validation"], reader),
        data_collator=collate_clips,
        processing_class=processor,
        compute_metrics=scorer.score_epoch,
    )
    trainer.trained_on = clips.trained_on
    checkpoint = on_main_process(training_args, lambda: choose_checkpoint(training_args, run.folder))
    if checkpoint and is_main_process:
        print(f"{run}: goes on from {checkpoint}.")
    with StopOnSigterm() as stop:
        trainer.add_callback(stop)
        train_metrics = trainer.train(resume_from_checkpoint=checkpoint).metrics
    tested = trainer.predict_clips(ClipDataset(rows["test"], reader))
    # Chosen on the test clips, there are no others to calibrate on.
    is_apart = settings.protocol.select_on == "validation"
    temperature = calibrate(trainer, ClipDataset(rows["validation"], reader) if is_apart else None)
    if is_main_process:
        print_speed(run, train_metrics if checkpoint is None else None, tested.metrics)
        train_metrics.pop("total_flos", None)  # the library's estimate is for text models
        scores = scorer.score(tested.logits, tested.labels)
        results = train_metrics | tested.metrics | {f"test_{name}": value for name, value in scores.items()}
        results |= calibration_results(tested, temperature) | {"seen_clips": asdict(clips.seen)}
        info = describe_run(run, settings, is_best_tested(trainer), label_names, clips.source.facts)
        info = replace(info, score_temperature=temperature, seen_clips=clips.seen)
        results["chosen_on_test_set"] = info.selection == "test"
        with errors_of_writing(run.folder):
            write_run(run, settings, trainer, info, results, rows, tested)


def is_best_tested(trainer: LogoFormerTrainer) -> bool:
    """Whether the weights are those of the best epoch; without an evaluation (`eval_delay`) none was chosen."""
    return trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint is not None


def build_model(args: ModelArguments, label_names: Sequence[str]) -> tuple[PreTrainedModel, BaseVideoProcessor, str]:
    """The model, its own processor, and a sentence that describes both."""
    if args.model_name_or_path:
        return load_model(args.model_name_or_path, label_names)
    return new_model(args.model, label_names, parse_overrides(args.config_overrides), args.backbone_checkpoint)


def print_speed(run: Run, train_metrics: dict[str, float] | None, test_metrics: dict[str, float]) -> None:
    """
    Prints clips per second. `train_metrics` is None after a resume: Trainer then divides all clips of the training by
    the seconds since the resume.
    """
    if train_metrics is not None:
        print(f"{run}: {train_metrics['train_samples_per_second']:.1f} clips per second training", end=", ")
    print(f"{test_metrics['test_samples_per_second']:.1f} clips per second testing")


def describe_run(
    run: Run, settings: Settings, is_best_tested: bool, label_names: Sequence[str], facts: DataFacts
) -> RunInfo:
    """The facts of a run that are stored with its predictions."""
    return RunInfo(
        label_names=label_names,
        data=facts,
        fold=run.fold,
        seed=run.seed,
        selection=settings.protocol.select_on if is_best_tested else "last",
        model=settings.model.description,
        compact_loss=settings.training.compact_loss,
        compact_loss_weight=settings.training.compact_loss_weight,
    )


def write_run(
    run: Run,
    settings: Settings,
    trainer: LogoFormerTrainer,
    info: RunInfo,
    results: dict[str, Any],
    rows: DatasetDict,
    tested: ClipPredictions,
) -> None:
    """Writes all files of a run, see `output_files.py`. The predictions come last and mark the run as finished."""
    trainer.model.save_pretrained(run.folder)
    trainer.processing_class.save_pretrained(run.folder)
    write_json(run.folder / "eval_results.json", results)
    plot_confusion_matrix(
        results["test_confusion_matrix"], info.label_names, run.folder / "confusion_matrix.png", f"{run}{info.mark}"
    )
    plot_training_curves(trainer.state.log_history, run.folder / "training_curves.png")
    if isinstance(trainer.model, LogoFormerForVideoClassification):
        write_card(run, settings, trainer.model, info, results, {split: len(clips) for split, clips in rows.items()})
    write_predictions(
        run.folder / PREDICTIONS_FILE,
        list(rows["test"]["clip_id"]),
        tested.labels,
        tested.logits,
        tested.embeddings,
        info,
        list(rows["test"][CONTENT_ID]),
    )


def write_card(
    run: Run,
    settings: Settings,
    model: LogoFormerForVideoClassification,
    info: RunInfo,
    results: dict[str, Any],
    clips_per_split: dict[str, int],
) -> None:
    """Writes the model card of a run, `README.md` in its folder."""
    args = settings.training
    write_model_card(
        run.folder / "README.md",
        model_name=run.folder.resolve().name,
        config=model.config,
        run=info,
        results=results,
        clips_per_split=clips_per_split,
        training={
            "model": info.model,
            "recipe": settings.recipe.recipe,
            "epochs": args.num_train_epochs,
            "batch size": args.train_batch_size * args.gradient_accumulation_steps * args.world_size,
            "learning rate": args.learning_rate,
            "compact loss": f"{args.compact_loss}, weight {args.compact_loss_weight}",
            "seed": run.seed,
        },
        fine_tuned_from=settings.model.model_name_or_path,
        frame_encoder_from=settings.model.backbone_checkpoint,
        example_videos=EXAMPLES,
    )
