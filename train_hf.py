"""
Trains and evaluates LOGO-Former, or another video classifier of transformers under the same protocol. Without
arguments: the demo, on drawn faces, in minutes on a CPU.

    accelerate launch train_hf.py
    accelerate launch train_hf.py --dataset dfew --data_dir DFEW --fold all --model base --output_dir outputs/dfew
    accelerate launch train_hf.py --dataset ferv39k --data_dir FERV39K --seeds 3 --model base --output_dir outputs/ferv
    accelerate launch train_hf.py run.yaml --learning_rate 3e-4
    accelerate launch train_hf.py --help
"""

import copy
import gc
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import transformers
import yaml
from transformers import HfArgumentParser, set_seed

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification
from logoformer_hf.hub.model_card import write_model_card
from logoformer_hf.data.clips import ClipDataset, check_rows
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import gather_clips
from logoformer_hf.data.transforms import TrainingTransforms
from logoformer_hf.evaluation.scorer import Scorer
from logoformer_hf.hub.push import EXAMPLES, push_folder
from logoformer_hf.models.loading import SIZES, load_model, new_model
from logoformer_hf.models.inputs import reading_processor
from logoformer_hf.evaluation.plots import plot_confusion_matrix, plot_training_curves
from logoformer_hf.evaluation.predictions import PREDICTIONS_FILE, RunInfo, load_runs, read_predictions, write_predictions
from logoformer_hf.training.runs import Run, plan_runs
from logoformer_hf.data.splits import split_clips
from logoformer_hf.evaluation.report import write_report
from logoformer_hf.evaluation.report_text import format_summary
from logoformer_hf.training.run_folder import deciding_arguments, find_checkpoint, is_finished, open_run_folder
from logoformer_hf.training.arguments import RECIPES, LogoFormerTrainingArguments
from logoformer_hf.training.trainer import LogoFormerTrainer
from logoformer_hf.data.collator import collate_clips

HERE = Path(__file__).resolve().parent


@dataclass
class ModelArguments:
    model: str = field(default="tiny", metadata={"help": "Size of a new LOGO-Former.", "choices": list(SIZES)})
    config_overrides: str | None = field(
        default=None, metadata={"help": "Fields of LogoFormerConfig as JSON, e.g. '{\"window_size\": [4, 7, 7]}'."}
    )
    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "A saved LOGO-Former, or another video classifier of transformers, to fine-tune instead."},
    )
    backbone_checkpoint: str | None = field(
        default=None, metadata={"help": "Local file or folder with a pretrained ResNet for the frame encoder."}
    )

    def __post_init__(self):
        if self.model_name_or_path and (self.backbone_checkpoint or self.config_overrides):
            raise ValueError("--model_name_or_path brings its own frame encoder and configuration: give it alone.")

    @property
    def description(self) -> str:
        """The model for readers, without a path."""
        if self.model_name_or_path:
            return f"fine-tuned {Path(self.model_name_or_path).name}"
        overrides = parse_overrides(self.config_overrides)
        return ", ".join([f"LOGO-Former {self.model}", *(f"{name} {value}" for name, value in overrides.items())])


@dataclass
class ProtocolArguments:
    select_on: str = field(
        default="validation",
        metadata={
            "help": "What the best epoch is chosen on: 'validation' clips, or, as most published numbers, 'test'.",
            "choices": ["validation", "test"],
        },
    )
    validation_size: float = field(
        default=0.1, metadata={"help": "Share of the training clips that is held out to choose on."}
    )
    seeds: int = field(default=1, metadata={"help": "Runs with different seeds, counted from --seed."})
    beside: str | None = field(
        default=None,
        metadata={
            "help": "Output folder of other runs, e.g. with --compact_loss none, that the report shows beside these."
        },
    )

    def __post_init__(self):
        if self.seeds < 1:
            raise ValueError(f"`seeds` is {self.seeds}; it must be at least 1.")


@dataclass
class TransformArguments:
    min_crop_area: float = field(default=0.7, metadata={"help": "Smallest part of the central square a crop keeps."})
    color_jitter: float = field(default=0.0, metadata={"help": "Strength of random colour changes, 0 to 1."})
    erasing_prob: float = field(default=0.0, metadata={"help": "Chance that a rectangle of a clip is erased."})


@dataclass
class RecipeArguments:
    recipe: str = field(
        default="modern", metadata={"help": "Named defaults for the training arguments.", "choices": list(RECIPES)}
    )


@dataclass
class Settings:
    """All arguments, by what they are about."""

    model: ModelArguments
    source: SourceArguments
    protocol: ProtocolArguments
    transforms: TransformArguments
    recipe: RecipeArguments
    training: LogoFormerTrainingArguments


def parse_arguments(arguments: list[str]) -> Settings:
    """Command line over YAML file over recipe over defaults."""
    parser = HfArgumentParser([field.type for field in Settings.__dataclass_fields__.values()])
    known = {action.dest for action in parser._actions}
    settings = {}
    if arguments and arguments[0].endswith((".yaml", ".yml")):
        settings = yaml.safe_load(Path(arguments[0]).read_text()) or {}
        if unknown := sorted(set(settings) - known):
            raise ValueError(f"{arguments[0]}: unknown setting {unknown[0]!r}; `train_hf.py --help` lists them all.")
        arguments = arguments[1:]
    if isinstance(settings.get("config_overrides"), dict):
        settings["config_overrides"] = json.dumps(settings["config_overrides"])
    parser.set_defaults(**settings)
    recipe = parser.parse_known_args(arguments)[0].recipe
    parser.set_defaults(**RECIPES[recipe] | settings)
    return Settings(*parser.parse_args_into_dataclasses(arguments))


def parse_overrides(text: str | None) -> dict:
    try:
        overrides = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise ValueError(f"--config_overrides is {text!r}, which is not JSON: {error}.") from error
    if unknown := sorted(set(overrides) - set(LogoFormerConfig.__dataclass_fields__)):
        raise ValueError(f"--config_overrides: LogoFormerConfig has no field {unknown[0]!r}.")
    return overrides


def build_model(args: ModelArguments, label_names: list[str]):
    """The model, its own processor, and a sentence about both."""
    if args.model_name_or_path:
        return load_model(args.model_name_or_path, label_names)
    return new_model(args.model, label_names, parse_overrides(args.config_overrides), args.backbone_checkpoint)


def train_and_test(run: Run, settings: Settings) -> None:
    """One run, from its clips to its predictions, which are written last."""
    training_args = copy.copy(settings.training)
    training_args.output_dir, training_args.seed = str(run.folder), run.seed
    training_args.push_to_hub = False  # Trainer's push would take pickles along and leave the card and the code behind
    chief = training_args.process_index == 0
    set_seed(run.seed)

    with training_args.main_process_first(desc="gathering the clips"):
        source = gather_clips(settings.source, run.fold, run.folder / "problems.csv", verbose=chief)
    rows = split_clips(source.rows, settings.protocol.select_on, settings.protocol.validation_size, run.seed)
    check_rows(rows)
    label_names = rows["train"].features["label"].names

    model, processor, report = build_model(settings.model, label_names)
    if chief:
        print(report)
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
    checkpoint = training_args.resume_from_checkpoint or find_checkpoint(run.folder)
    if checkpoint and chief:
        print(f"{run}: goes on from {checkpoint}.")
    train_metrics = trainer.train(resume_from_checkpoint=checkpoint).metrics

    tested = trainer.predict_clips(ClipDataset(rows["test"], reader))
    if not chief:
        return
    train_metrics.pop("total_flos", None)  # the library's guess for text models
    if checkpoint is None:  # otherwise Trainer counts clips of before and time of now
        print(f"{run}: {train_metrics['train_samples_per_second']:.1f} clips per second training", end=", ")
    print(f"{tested.metrics['test_samples_per_second']:.1f} clips per second testing")
    scores = scorer.score(tested.logits, tested.labels)
    results = train_metrics | tested.metrics | {f"test_{name}": value for name, value in scores.items()}
    info = RunInfo(
        label_names=label_names,
        dataset=source.dataset,
        dataset_name=source.dataset_name,
        setup=source.setup,
        fold=run.fold,
        num_folds=source.num_folds,
        seed=run.seed,
        selection=settings.protocol.select_on if training_args.load_best_model_at_end else "last",
        model=settings.model.description,
        compact_loss=training_args.compact_loss,
        compact_loss_weight=training_args.compact_loss_weight,
        left_out=[problem.clip_id for problem in source.problems.get("test", [])],
    )
    trainer.model.save_pretrained(run.folder)
    processor.save_pretrained(run.folder)
    (run.folder / "eval_results.json").write_text(json.dumps(results, indent=2) + "\n")
    plot_confusion_matrix(
        results["test_confusion_matrix"], label_names, run.folder / "confusion_matrix.png", f"{run}{info.mark}"
    )
    plot_training_curves(trainer.state.log_history, run.folder / "training_curves.png")
    if isinstance(model, LogoFormerForVideoClassification):
        write_card(run, settings, model.config, info, results, {split: len(clips) for split, clips in rows.items()})
    write_predictions(
        run.folder / PREDICTIONS_FILE,
        list(rows["test"]["clip_id"]),
        tested.labels,
        tested.logits,
        tested.embeddings,
        info,
    )


def write_card(
    run: Run, settings: Settings, config: LogoFormerConfig, info: RunInfo, results: dict, clips_per_split: dict
) -> None:
    args = settings.training
    write_model_card(
        run.folder / "README.md",
        HERE / "hub_card" / "model_card.md",
        model_name=run.folder.resolve().name,
        config=config,
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


def main(arguments: list[str]) -> None:
    settings = parse_arguments(arguments)
    args = settings.training
    transformers.logging.set_verbosity_warning()
    transformers.logging.disable_progress_bar()  # of loading and saving; Trainer's own bar stays
    chief = args.process_index == 0
    output_dir = Path(args.output_dir)
    seeds = range(args.seed, args.seed + settings.protocol.seeds)
    runs = plan_runs(output_dir, settings.source.folds, seeds)
    if args.push_to_hub and len(runs) > 1:
        raise ValueError(f"--push_to_hub publishes one model, and these are {len(runs)} runs: choose one afterwards.")
    beside = load_runs(settings.protocol.beside) if settings.protocol.beside else []

    for number, run in enumerate(runs, start=1):
        deciding = asdict(settings.model) | asdict(settings.source) | asdict(settings.transforms)
        deciding |= {name: getattr(settings.protocol, name) for name in ("select_on", "validation_size")}
        deciding |= deciding_arguments(args) | {"fold": run.fold, "seed": run.seed, "cache_dir": None}
        with args.main_process_first(desc="opening the folder of the run"):
            open_run_folder(run.folder, deciding, write=chief)
        if chief:
            print(f"run {number} of {len(runs)}, {run}:{' finished' if is_finished(run.folder) else ''} {run.folder}")
        if not is_finished(run.folder):
            train_and_test(run, settings)
            gc.collect()  # the model of this run, before the next one is built

    if chief:
        predictions = [read_predictions(run.folder / PREDICTIONS_FILE) for run in runs]
        report = write_report(output_dir, predictions, beside)
        print(f"\n{format_summary(report, predictions[0].run)}\n")
        print(f"report, models, cards, predictions and pictures: {output_dir.resolve()}")
        if args.push_to_hub:
            push_folder(
                output_dir, args.hub_model_id or output_dir.resolve().name, private=bool(args.hub_private_repo)
            )


if __name__ == "__main__":
    main(sys.argv[1:])
