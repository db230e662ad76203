"""
Pretrains the frame encoder of a LOGO-Former on clips without labels, for `--backbone_checkpoint`.

Places of the grid are hidden in all frames of a clip, and the whole model learns to tell what is in every place, as
histograms of gradients (`models.masked_clips`). Labels of a data set that has some are not looked at.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

import transformers
from datasets import Dataset, DatasetDict
from transformers import set_seed

from .._files import check_writable, read_json, whole_file, write_json
from ..configuration_logoformer import EXPRESSIONS
from ..data.clips import ClipDataset, check_files
from ..data.collator import collate_clips
from ..data.folder_lock import folder_lock
from ..data.identity import CONTENT_ID
from ..data.sources.gather import gather_clips, list_problems
from ..data.sources.source import Source
from ..data.splits import choose_of_every_class
from ..data.trained_on import TRAINED_ON_FILE, TrainedOn, Training, identifiers_of, write_trained_on
from ..data.transforms import TrainingTransforms
from ..data.workers import errors_of_workers
from ..models.finite import check_finite_weights
from ..models.loading import new_model
from ..models.masked_clips import LogoFormerForMaskedClips
from .checkpoints import STATE_FILE, errors_of_writing
from .held_out import HELD_OUT_FILE, keep_names, read_names
from .library_state import library_state_kept
from .masked_trainer import CollapseError, MaskedClipsTrainer
from .processes import in_turn, on_main_process
from .resume import check_resume, choose_checkpoint
from .run_clips import check_same_clips
from .run_folder import DATA_DIGEST, deciding_arguments, open_run_folder
from .runs import Run, plan_runs
from .seen_clips import history_of, part_of
from .settings import NewModelArguments, Program, Settings, parse_arguments, parse_overrides
from .stop import StopOnSigterm
from .train import DEFAULTS, advice_on_unreadable_clips

PRETRAINING_FILE = "pretraining.json"  # what was explained in the end; written last, it marks a finished pretraining
COLLAPSED_FILE = "collapsed.json"  # why a pretraining ended before its time, and does not go on
DESCRIPTION = (
    "Trains the frame encoder of a LOGO-Former on clips without labels: parts of the face are hidden, and what is in "
    "them is predicted. The output folder is for --backbone_checkpoint. Takes the options of `logoformer train` but "
    "those about labels and tests. A YAML file with settings may come first."
)
MIN_CLIPS = 16  # fewer say nothing of how faces differ
# Options of `logoformer train` about labels, tests, the choice of an epoch or its losses, by the group that has them.
_UNUSED = {
    "protocol": ("select_on", "train_share", "test_views", "seeds", "allow_seen_clips", "beside"),
    "source": ("labels",),
    "training": (
        *("class_balanced_sampling", "compact_loss", "compact_loss_weight", "label_smoothing_factor"),
        *("load_best_model_at_end", "metric_for_best_model", "push_to_hub"),
        *("mixup_alpha", "mixup_kind", "logit_adjustment", "freeze_batch_norm"),
    ),
}


PRETRAIN_CLIPS = Program(
    "logoformer pretrain-clips",
    DESCRIPTION,
    NewModelArguments,
    {
        "dataset": "videos",
        "model": "base",
        "output_dir": "outputs/clips",
        "learning_rate": 2e-3,
        "weight_decay": 0.05,
        "mixup_alpha": 0.0,
        "load_best_model_at_end": False,
        "metric_for_best_model": "loss",
    },
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command `logoformer pretrain-clips`. `arguments` are those of the command line by default."""
    settings = parse_arguments(sys.argv[1:] if arguments is None else arguments, PRETRAIN_CLIPS)
    check_unused(settings)
    with library_state_kept():
        transformers.logging.set_verbosity_warning()
        transformers.logging.disable_progress_bar()  # of loading and saving; Trainer's own bar stays
        pretrain(settings)


def check_unused(settings: Settings) -> None:
    """Raises a ValueError for an option that has no effect here, or for several folds."""
    usual = parse_arguments(["--data_dir", "."], PRETRAIN_CLIPS)
    for group, names in _UNUSED.items():
        for name in names:
            if getattr(getattr(settings, group), name) != getattr(getattr(usual, group), name):
                raise ValueError(f"`{name}` has no effect where labels are not looked at: leave it out.")
    if len(settings.source.folds) > 1:
        raise ValueError(
            "`fold` is 'all'; a pretraining has one set of clips: name one fold, whose test clips it leaves out."
        )


def pretrain(settings: Settings) -> None:
    """
    Pretrains, or goes on with a pretraining that was interrupted, and writes the model.

    Raises:
        ValueError: a folder that holds a run with other settings or on other clips, or fewer than `MIN_CLIPS` clips.
        CollapseError: the model says the same of all clips, now or in the folder's pretraining.
        ClipProblems, OSError: clips that cannot be used, or an output folder that cannot be written to.
    """
    args = settings.training
    [fold] = settings.source.folds
    [run] = plan_runs(args.output_dir, [fold], [args.seed])
    deciding = deciding_settings(settings, run)

    def look_at() -> bool:
        check_resume(args, [run])
        check_writable(run.folder)
        open_run_folder(run.folder, deciding, write=False, defaults=DEFAULTS)
        if (run.folder / COLLAPSED_FILE).exists():
            raise CollapseError(f"{run.folder}: {read_json(run.folder / COLLAPSED_FILE)['message']}")
        is_done = (run.folder / PRETRAINING_FILE).exists()
        if not is_done:
            check_settings(settings, run)
        return is_done

    if not on_main_process(args, look_at):
        source = in_turn(args, lambda: gather(run, settings))
        with ExitStack() as stack:
            on_main_process(args, lambda: stack.enter_context(folder_lock(run.folder)))
            advice = f"Give the same command again: it goes on from the newest checkpoint in {run.folder}."
            with errors_of_workers(f"{advice} With less of `dataloader_num_workers` it needs less memory."):
                train_and_write(run, settings, deciding, source)
    if args.process_index == 0:
        results = read_json(run.folder / PRETRAINING_FILE)
        print(describe(results))
        size = settings.model.model
        print(f"for a LOGO-Former: logoformer train --model {size} --backbone_checkpoint {run.folder} ...")


def check_settings(settings: Settings, run: Run) -> None:
    """
    Raises a ValueError for what no pretraining can be made with, before clips are gathered and anything is written:
    numbers out of their range, or a model that cannot be built.
    """
    args, share = settings.training, settings.protocol.validation_size
    if not 0 < share < 1:
        raise ValueError(f"`validation_size` is {share}; it must be more than 0 and less than 1.")
    if args.per_device_train_batch_size < 2:
        raise ValueError(
            f"`per_device_train_batch_size` is {args.per_device_train_batch_size}; it must be at least 2: only clips "
            "of one batch show whether the model distinguishes clips."
        )
    if args.max_steps <= 0 and args.num_train_epochs <= 0:
        raise ValueError(f"`num_train_epochs` is {args.num_train_epochs}; it must be more than 0.")
    if not (args.learning_rate >= 0 and math.isfinite(args.learning_rate)):
        raise ValueError(f"`learning_rate` is {args.learning_rate}; it must be at least 0, e.g. 0.002.")
    if args.logging_strategy == "no":
        raise ValueError("`logging_strategy` is 'no'; it must be 'steps' or 'epoch': logs show whether it collapses.")
    model, _, _ = build_model(settings)
    if model.config.grid_size < 2:
        raise ValueError(
            f"`image_size` is {model.config.image_size}, one token a frame; it must give at least 2 x 2, of which "
            "some are hidden."
        )


def build_model(settings: Settings) -> tuple[Any, Any, str]:
    """A new LOGO-Former with a classifier, its processor, and a sentence on what it begins with."""
    args = settings.model
    normalisation = (args.image_mean, args.image_std)
    overrides = parse_overrides(args.config_overrides)
    return new_model(args.model, EXPRESSIONS, overrides, args.backbone_checkpoint, *normalisation)


def deciding_settings(settings: Settings, run: Run) -> dict[str, Any]:
    """All settings that the result of a pretraining depends on, as JSON values."""
    deciding = asdict(settings.model) | asdict(settings.source) | asdict(settings.transforms)
    deciding |= {
        "validation_size": settings.protocol.validation_size,
        "select_on": "none",
    }  # no run of `train` has that
    deciding |= deciding_arguments(settings.training) | {"fold": run.fold, "seed": run.seed}
    return {name: deciding[name] for name in deciding if name not in ("cache_dir", "on_problem", "check")}


def gather(run: Run, settings: Settings) -> Source:
    """The clips, of which those in "train" are used. Raises the errors of `pretrain`."""
    is_main_process = settings.training.process_index == 0
    source = gather_clips(settings.source, run.fold, None, is_main_process)
    check_same_clips(run, source)
    if source.problems and is_main_process:
        list_problems(source.problems, run.folder / "problems.csv")
    if "train" not in source.rows or len(source.rows["train"]) < MIN_CLIPS:
        number = len(source.rows["train"]) if "train" in source.rows else 0
        raise ValueError(
            f"{source.facts.dataset_name} has {number} clips to train on; a pretraining needs {MIN_CLIPS} at least."
        )
    check_files(source.rows["train"], "train")
    return source


def divide(rows: Dataset, share: float, seed: int, held_out: Sequence[str] | None) -> DatasetDict:
    """
    The clips to train on, and those that are held out to measure what is explained: "train" and "validation".

    Args:
        rows: all clips.
        share: of the clips that are held out, more than 0 and less than 1. A ValueError where too few are left.
        seed: of the run, which chooses them.
        held_out: names of those that were held out before; None chooses them now.
    """
    names = list(rows["clip_id"])
    if held_out is None:
        places = set(choose_of_every_class(names, [0] * len(names), share, seed))
    else:
        known = set(held_out)
        places = {place for place, name in enumerate(names) if name in known}
    others = [place for place in range(len(names)) if place not in places]
    if len(others) < 2 or not places:
        raise ValueError(
            f"`validation_size` is {share}, which leaves {len(others)} of {len(names)} clips to train on and "
            f"{len(places)} to measure with; it must leave at least 2 and 1."
        )
    return DatasetDict(
        train=rows.select(others, keep_in_memory=True), validation=rows.select(sorted(places), keep_in_memory=True)
    )


def train_and_write(run: Run, settings: Settings, deciding: Mapping[str, Any], source: Source) -> None:
    """Trains, and writes the model and what it explains of the clips that were held out."""
    args = settings.training
    is_main_process = args.process_index == 0
    args.output_dir = str(run.folder)
    set_seed(run.seed)
    rows = divide(
        source.rows["train"], settings.protocol.validation_size, run.seed, read_names(run.folder / HELD_OUT_FILE)
    )
    history = history_of(settings.model, args.resume_from_checkpoint, run.folder)
    train, validation = (identifiers_of(rows[split][CONTENT_ID]) for split in ("train", "validation"))
    own = Training(part_of(source.facts, run.fold), "last", train, validation, source.identifies_copies)
    trained_on = history.without(own).joined(TrainedOn((own,)))
    deciding = dict(deciding) | {DATA_DIGEST: source.data_digest}
    in_turn(args, lambda: open_run_folder(run.folder, deciding, write=is_main_process, defaults=DEFAULTS))
    if is_main_process:
        write_trained_on(run.folder / TRAINED_ON_FILE, trained_on)
        keep_names(run.folder / HELD_OUT_FILE, rows["validation"])
    trainer = build_trainer(run, settings, rows, is_main_process)
    trainer.trained_on = trained_on
    checkpoint = on_main_process(args, lambda: choose_checkpoint(args, run.folder, trainer.model))
    if checkpoint and is_main_process:
        print(f"{run}: goes on from {checkpoint.folder}.")
    with StopOnSigterm() as stop, advice_on_unreadable_clips(run, settings):
        trainer.add_callback(stop)
        try:
            metrics = trainer.train(resume_from_checkpoint=checkpoint).metrics
        except CollapseError as error:
            if is_main_process:
                write_json(run.folder / COLLAPSED_FILE, {"message": str(error)})
            raise
    metrics.pop("total_flos", None)  # the library's estimate is for text models
    results: dict[str, Any] = metrics | trainer.evaluate(metric_key_prefix="held_out")
    results["clips_per_split"] = {split: len(each) for split, each in rows.items()}
    if is_main_process:
        with errors_of_writing(run.folder):
            write_model(run, trainer, results)


def build_trainer(run: Run, settings: Settings, rows: DatasetDict, is_main_process: bool) -> MaskedClipsTrainer:
    """The Trainer with a new model."""
    classifier, processor, sentence = in_turn(settings.training, lambda: build_model(settings))
    if is_main_process:
        print(sentence)
    model = LogoFormerForMaskedClips(classifier.config)
    model.logoformer = classifier.logoformer
    skip = settings.source.on_problem == "skip"
    transforms = TrainingTransforms(processor.crop_size["height"], **asdict(settings.transforms))
    return MaskedClipsTrainer(
        model=model,
        args=settings.training,
        train_dataset=ClipDataset(rows["train"], processor, transforms, seed=run.seed, keep_unreadable=skip),
        eval_dataset=ClipDataset(rows["validation"], processor, keep_unreadable=skip),
        data_collator=collate_clips,
        processing_class=processor,
    )


def write_model(run: Run, trainer: MaskedClipsTrainer, results: Mapping[str, Any]) -> None:
    """Writes the LOGO-Former without a classifier, its processor and the results, which mark the end."""
    model: Any = trainer.model
    check_finite_weights(model, str(run))
    model.logoformer.save_pretrained(run.folder)
    trainer.processing_class.save_pretrained(run.folder)
    with whole_file(run.folder / STATE_FILE) as partial:
        trainer.state.save_to_json(str(partial))
    write_json(run.folder / PRETRAINING_FILE, dict(results))


def describe(results: Mapping[str, Any]) -> str:
    """A sentence on what the model explains of the clips that were held out."""
    look, motion, differences = (
        f"{results[f'held_out_explained_{name}']:.1%}" for name in ("look", "motion", "differences")
    )
    return (
        f"of {results['clips_per_split']['validation']:,} clips that were held out, it explains {look} of how hidden "
        f"places look, {motion} of how they move, and {differences} of what distinguishes clips in visible places."
    )
