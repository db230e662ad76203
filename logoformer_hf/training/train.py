"""Trains and tests one run after another, each in its own folder, and writes one report on all of them."""

import copy
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import datasets
import transformers
from transformers import PreTrainedModel, set_seed
from transformers.video_processing_utils import BaseVideoProcessor

from .._files import check_writable, error_as_warning, hub_card_file
from ..configuration_logoformer import OLD_VALUES
from ..data.clips import ClipDataset
from ..data.collator import collate_clips
from ..data.facts import DataFacts
from ..data.folder_lock import folder_lock
from ..data.sources.arguments import SourceArguments
from ..data.sources.gather import note_unreadable
from ..data.trained_on import TRAINED_ON_FILE, write_trained_on
from ..data.transforms import TrainingTransforms
from ..data.workers import errors_of_workers
from ..evaluation.predictions import PREDICTIONS_FILE, RunInfo, load_runs, read_predictions
from ..evaluation.report_files import write_report
from ..evaluation.report_text import format_summary
from ..evaluation.scorer import Scorer, load_metric
from ..hub.model_card import TEMPLATE
from ..hub.push import push_folder
from ..image_reading_logoformer import VideoReadError
from ..models.inputs import reading_processor
from ..models.loading import load_model, new_model
from .arguments import LogoFormerTrainingArguments
from .calibrate import calibrate, calibration_results
from .checkpoints import errors_of_writing
from .device_defaults import cores_per_process, describe_numbers
from .earlier_runs import is_of_earlier_version
from .held_out import HELD_OUT_FILE, SHARE_FILE, keep_names
from .library_state import library_state_kept
from .loader_wait import describe_wait
from .processes import in_turn, on_main_process
from .resume import check_resume, choose_checkpoint
from .run_clips import RunClips, gather_in_turn
from .run_files import describe_run_folder, write_run
from .run_folder import DATA_DIGEST, deciding_arguments, default_settings, is_finished, open_run_folder
from .runs import Run, plan_runs
from .settings import ModelArguments, ProtocolArguments, Settings, TransformArguments, parse_arguments, parse_overrides
from .stop import StopOnSigterm
from .trainer import LogoFormerTrainer
from .views_of_clips import predict_views

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
    if is_main_process and args.device.type == "cuda":
        print(describe_numbers(args))
    seeds = range(args.seed, args.seed + settings.protocol.seeds)
    runs = on_main_process(args, lambda: plan_runs(output_dir, settings.source.folds, seeds))
    on_main_process(args, lambda: check_before(runs, settings))
    beside = load_runs(settings.protocol.beside) if settings.protocol.beside and is_main_process else []
    clips = gather_in_turn(runs, settings)
    for number, run in enumerate(runs, start=1):
        go_on(run, f"run {number} of {len(runs)}", settings, clips.pop(run, None))
        gc.collect()  # frees the model of this run before the next one is built
        if is_main_process:
            describe_run_folder(run, settings)

    if is_main_process:
        with error_as_warning(f"the report in {output_dir} was not written; the same command tries again"):
            report = write_report(
                output_dir, [read_predictions(run.folder / PREDICTIONS_FILE) for run in runs], beside
            )
            print(f"\n{format_summary(report)}\n")
        print(f"report, models, cards, predictions and pictures: {output_dir.resolve()}")
        if args.push_to_hub:
            push_folder(
                output_dir, args.hub_model_id or output_dir.resolve().name, private=bool(args.hub_private_repo)
            )


def check_before(runs: Sequence[Run], settings: Settings) -> None:
    """What fails before the training rather than after it. Raises the errors of `train`."""
    if settings.training.push_to_hub and len(runs) > 1:
        raise ValueError(
            f"--push_to_hub publishes one model, but there are {len(runs)} runs: use `logoformer push` on one of them."
        )
    check_resume(settings.training, runs)
    check_folders(Path(settings.training.output_dir), settings.source.cache_dir)
    hub_card_file(TEMPLATE)
    load_metric()
    if settings.protocol.beside:
        load_runs(settings.protocol.beside)
    for run in runs:
        look_at(run, settings)


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
            advice = f"Give the same command again: it goes on from the newest checkpoint in {run.folder}."
            with errors_of_workers(f"{advice} With less of `dataloader_num_workers` it needs less memory."):
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
    of_protocol = ("select_on", "validation_size", "train_share", "test_views")
    deciding |= {name: getattr(settings.protocol, name) for name in of_protocol}
    deciding |= deciding_arguments(settings.training) | {"fold": run.fold, "seed": run.seed}
    # The last two may change when a run goes on: the result says which clips it speaks of.
    return {name: deciding[name] for name in deciding if name not in ("cache_dir", "on_problem", "check")}


def train_and_test(run: Run, settings: Settings, clips: RunClips) -> None:
    """Trains and tests one run, and writes model, results and predictions."""
    training_args = copy.copy(settings.training)
    training_args.output_dir, training_args.seed = str(run.folder), run.seed
    training_args.push_to_hub = False  # Trainer's push would include pickles and omit card and code
    is_main_process = training_args.process_index == 0
    set_seed(run.seed)

    deciding = deciding_settings(settings, run) | {DATA_DIGEST: clips.source.data_digest}
    in_turn(training_args, lambda: open_run_folder(run.folder, deciding, write=is_main_process, defaults=DEFAULTS))
    if is_main_process:
        note_clips(run, settings, clips)
    rows = clips.rows
    label_names = rows["train"].features["label"].names

    model, processor, sentence = in_turn(training_args, lambda: build_model(settings.model, label_names, run.folder))
    if is_main_process:
        print(sentence)
    reader = reading_processor(processor, model)
    skip = settings.source.on_problem == "skip"
    is_apart = settings.protocol.select_on == "validation"
    transforms = TrainingTransforms(reader.crop_size["height"], **asdict(settings.transforms))
    scorer = Scorer(label_names)
    trainer = LogoFormerTrainer(
        model=model,
        args=training_args,
        train_dataset=ClipDataset(rows["train"], reader, transforms, seed=run.seed, keep_unreadable=skip),
        eval_dataset=ClipDataset(rows["validation"], reader, keep_unreadable=skip or not is_apart),
        data_collator=collate_clips,
        processing_class=processor,
        compute_metrics=scorer.score_epoch,
    )
    trainer.trained_on = clips.trained_on
    checkpoint = on_main_process(training_args, lambda: choose_checkpoint(training_args, run.folder, trainer.model))
    if checkpoint and is_main_process:
        print(f"{run}: goes on from {checkpoint.folder}.")
    with StopOnSigterm() as stop, advice_on_unreadable_clips(run, settings):
        trainer.add_callback(stop)
        train_metrics = trainer.train(resume_from_checkpoint=checkpoint).metrics
    # After the training, a clip that cannot be read is listed, and the others are tested.
    tested = predict_views(trainer, rows["test"], reader, settings.protocol.test_views)
    # Chosen on the test clips, there are no others to calibrate on.
    validation = ClipDataset(rows["validation"], reader, keep_unreadable=True) if is_apart else None
    temperature = calibrate(trainer, validation)
    problems = trainer.gather_problems()
    # Where it is not the best epoch that is tested, no clips chose it.
    seen = clips.seen if is_best_tested(trainer) else replace(clips.seen, validation_trained_on=0)
    if is_main_process:
        if not is_best_tested(trainer):
            write_trained_on(run.folder / TRAINED_ON_FILE, clips.trained_on.without_choice())
        print_speed(run, train_metrics if checkpoint is None else None, tested.metrics)
        print_wait(run, trainer, settings)
        train_metrics.pop("total_flos", None)  # the library's estimate is for text models
        scores = scorer.score(tested.logits, tested.labels)
        results = train_metrics | tested.metrics | {f"test_{name}": value for name, value in scores.items()}
        results |= calibration_results(tested, temperature) | {"seen_clips": asdict(seen)}
        results["clips_per_split"] = {split: len(each) for split, each in rows.items()}
        facts = note_unreadable(clips.source, problems, run.folder / "problems.csv")
        info = describe_run(run, settings, is_best_tested(trainer), label_names, facts)
        info = replace(info, score_temperature=temperature, seen_clips=seen)
        results["test_views"] = settings.protocol.test_views
        results["chosen_on_test_set"] = info.selection == "test"
        with errors_of_writing(run.folder):
            write_run(run, trainer, info, results, rows["test"].select(tested.rows), tested)


def note_clips(run: Run, settings: Settings, clips: RunClips) -> None:
    """Writes which clips the run trains on, and which ones it holds out or leaves to others, into its folder."""
    write_trained_on(run.folder / TRAINED_ON_FILE, clips.trained_on)
    if clips.holds_out:
        keep_names(run.folder / HELD_OUT_FILE, clips.rows["validation"])
    if settings.protocol.train_share < 1:
        keep_names(run.folder / SHARE_FILE, clips.rows["train"])


def is_best_tested(trainer: LogoFormerTrainer) -> bool:
    """Whether the weights are those of the best epoch; without an evaluation (`eval_delay`) none was chosen."""
    return trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint is not None


@contextmanager
def advice_on_unreadable_clips(run: Run, settings: Settings) -> Iterator[None]:
    """Adds to the error of a clip that cannot be read what the user can do."""
    try:
        yield
    except VideoReadError as error:
        can_skip = hasattr(settings.source.options, "on_problem")
        skip = ", or leave such clips out with --on_problem skip," if can_skip else ""
        raise VideoReadError(
            f"{error}\nThe checkpoints in {run.folder} are kept. Repair the clip{skip} and give the command again: it "
            "goes on from the newest one."
        ) from error


def build_model(
    args: ModelArguments, label_names: Sequence[str], run_folder: Path
) -> tuple[PreTrainedModel, BaseVideoProcessor, str]:
    """The model, its own processor, and a sentence that describes both."""
    if args.model_name_or_path:
        return load_model(args.model_name_or_path, label_names)
    overrides = (OLD_VALUES if is_of_earlier_version(run_folder) else {}) | parse_overrides(args.config_overrides)
    normalisation = (args.image_mean, args.image_std)
    return new_model(args.model, label_names, overrides, args.backbone_checkpoint, *normalisation)


def print_speed(run: Run, train_metrics: dict[str, float] | None, test_metrics: dict[str, float]) -> None:
    """
    Prints clips per second. `train_metrics` is None after a resume: Trainer then divides all clips of the training by
    the seconds since the resume.
    """
    if train_metrics is not None:
        print(f"{run}: {train_metrics['train_samples_per_second']:.1f} clips per second training", end=", ")
    print(f"{test_metrics['test_samples_per_second']:.1f} clips per second testing")


def print_wait(run: Run, trainer: LogoFormerTrainer, settings: Settings) -> None:
    """Prints the share of the training's time in which it waited for clips, and what to change."""
    share, args = trainer.loader_wait.all_epochs.share, trainer.args
    if share is not None:
        is_prepared = settings.source.dataset == "prepared"
        print(f"{run}: {describe_wait(share, args.dataloader_num_workers, cores_per_process(), is_prepared)}")
        later = trainer.loader_wait.after_first_epoch
        if later.clips_per_sec is not None:
            print(
                f"{run}: {later.clips_per_sec:.1f} clips per second after the first epoch, evaluation and saving left "
                f"out; {later.share:.0%} of it waiting."
            )


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
        train_share=settings.protocol.train_share if settings.protocol.train_share < 1 else None,
        test_views=settings.protocol.test_views if settings.protocol.test_views > 1 else None,
    )
