"""
Trains and evaluates LOGO-Former. Without arguments: the demo, on drawn faces, in minutes on a CPU.

    accelerate launch train_hf.py
    accelerate launch train_hf.py --model base --recipe paper --output_dir outputs/base
    accelerate launch train_hf.py run.yaml --learning_rate 3e-4
    accelerate launch train_hf.py --help
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import evaluate
import transformers
import yaml
from transformers import HfArgumentParser, set_seed

from logoformer_hf import EXPRESSIONS, LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.backbone import load_backbone_checkpoint
from logoformer_hf.card import write_model_card
from logoformer_hf.data.clips import ClipDataset, check_rows, keep_labels
from logoformer_hf.data.synthetic import build_synthetic_clips
from logoformer_hf.data.transforms import TrainingTransforms
from logoformer_hf.plots import plot_confusion_matrix, plot_training_curves
from logoformer_hf.trainer import RECIPES, ClipCollator, LogoFormerTrainer, LogoFormerTrainingArguments

HERE = Path(__file__).resolve().parent
MODELS = {"tiny": LogoFormerConfig.tiny, "small": LogoFormerConfig.small, "base": LogoFormerConfig}


@dataclass
class ModelArguments:
    model: str = field(default="tiny", metadata={"help": "Size of a new model.", "choices": list(MODELS)})
    config_overrides: str | None = field(
        default=None, metadata={"help": "Fields of LogoFormerConfig as JSON, e.g. '{\"window_size\": [4, 7, 7]}'."}
    )
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "A saved LOGO-Former to fine-tune instead of a new one."}
    )
    backbone_checkpoint: str | None = field(
        default=None, metadata={"help": "Local file or folder with a pretrained ResNet for the frame encoder."}
    )


@dataclass
class DataArguments:
    cache_dir: str | None = field(default=None, metadata={"help": "Where the drawn clips are kept."})
    num_train_clips: int = field(default=1400, metadata={"help": "Drawn clips to train on."})
    num_validation_clips: int = field(default=350, metadata={"help": "Drawn clips to choose the best epoch on."})
    num_test_clips: int = field(default=350, metadata={"help": "Drawn clips to test on, once."})
    clips_seed: int = field(default=0, metadata={"help": "Seed of the drawn clips, apart from the run's --seed."})
    labels: list[str] | None = field(
        default=None, metadata={"help": f"Use these classes alone, in this order. Known: {' '.join(EXPRESSIONS)}."}
    )
    min_crop_area: float = field(default=0.7, metadata={"help": "Smallest part of the central square a crop keeps."})
    color_jitter: float = field(default=0.0, metadata={"help": "Strength of random colour changes, 0 to 1."})
    erasing_prob: float = field(default=0.0, metadata={"help": "Chance that a rectangle of a clip is erased."})


@dataclass
class RecipeArguments:
    recipe: str = field(
        default="modern", metadata={"help": "Named defaults for the training arguments.", "choices": list(RECIPES)}
    )


def parse_arguments(arguments: list[str]):
    """Command line over YAML file over recipe over defaults."""
    parser = HfArgumentParser([ModelArguments, DataArguments, RecipeArguments, LogoFormerTrainingArguments])
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
    return parser.parse_args_into_dataclasses(arguments)


def load_clips(args: DataArguments):
    rows = build_synthetic_clips(
        cache_dir=args.cache_dir,
        num_train=args.num_train_clips,
        num_validation=args.num_validation_clips,
        num_test=args.num_test_clips,
        seed=args.clips_seed,
    )
    if args.labels is not None:
        rows = keep_labels(rows, args.labels)
    check_rows(rows)
    return rows


def parse_overrides(text: str | None) -> dict:
    try:
        overrides = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise ValueError(f"--config_overrides is {text!r}, which is not JSON: {error}.") from error
    if unknown := sorted(set(overrides) - set(LogoFormerConfig.__dataclass_fields__)):
        raise ValueError(f"--config_overrides: LogoFormerConfig has no field {unknown[0]!r}.")
    return overrides


def build_model(args: ModelArguments, label_names: list[str]):
    if args.model_name_or_path:
        if args.backbone_checkpoint or args.config_overrides:
            raise ValueError("--model_name_or_path brings its own frame encoder and configuration: give it alone.")
        model = LogoFormerForVideoClassification.from_pretrained(args.model_name_or_path)
        processor = LogoFormerVideoProcessor.from_pretrained(args.model_name_or_path)
        new = model.set_labels(label_names)
        print(f"fine-tuning {args.model_name_or_path}; new classes: {', '.join(new) or 'none'}.")
        return model, processor
    id2label = dict(enumerate(label_names))
    label2id = {name: number for number, name in id2label.items()}
    config = MODELS[args.model](id2label=id2label, label2id=label2id, **parse_overrides(args.config_overrides))
    model = LogoFormerForVideoClassification(config)
    processor = LogoFormerVideoProcessor(
        size={"shortest_edge": config.image_size},
        crop_size={"height": config.image_size, "width": config.image_size},
        num_frames=config.num_frames,
    )
    if args.backbone_checkpoint:
        report = load_backbone_checkpoint(model, args.backbone_checkpoint)
        processor.image_mean, processor.image_std = list(report.image_mean), list(report.image_std)
        print(report)
    return model, processor


def print_table(results: dict, training_args: LogoFormerTrainingArguments) -> None:
    print(f"\ntest UAR {results['test_uar']:7.1%}    (mean of the recalls, on {results['test_num_clips']} clips)")
    print(f"test WAR {results['test_war']:7.1%}    (accuracy)")
    for name, recall in results["test_recall"].items():
        print(f"  {name:<10} {'no clips' if recall is None else f'{recall:6.1%}'}")
    print(f"clips per second: {results['train_samples_per_second']:.1f} training", end=", ")
    print(f"{results['test_samples_per_second']:.1f} testing")
    print(f"model, processor, card, results and pictures: {Path(training_args.output_dir).resolve()}")


def main(arguments: list[str]) -> None:
    model_args, data_args, recipe_args, training_args = parse_arguments(arguments)
    transformers.logging.set_verbosity_warning()
    transformers.logging.disable_progress_bar()  # of loading and saving; Trainer's own bar stays
    set_seed(training_args.seed)

    with training_args.main_process_first(desc="drawing the clips"):
        rows = load_clips(data_args)
    label_names = rows["train"].features["label"].names

    model, processor = build_model(model_args, label_names)
    transforms = TrainingTransforms(
        processor.crop_size["height"],
        min_crop_area=data_args.min_crop_area,
        color_jitter=data_args.color_jitter,
        erasing_prob=data_args.erasing_prob,
    )
    metric = evaluate.load(str(HERE / "logoformer_hf" / "metrics.py"), keep_in_memory=True)

    def measure(predictions: transformers.EvalPrediction) -> dict:
        return metric.compute(
            predictions=predictions.predictions.argmax(axis=1),
            references=predictions.label_ids,
            label_names=label_names,
        )

    def measure_epoch(predictions: transformers.EvalPrediction) -> dict:
        scores = measure(predictions)
        return {name: scores[name] for name in ("uar", "war", "macro_f1")}

    trainer = LogoFormerTrainer(
        model=model,
        args=training_args,
        train_dataset=ClipDataset(rows["train"], processor, transforms, seed=training_args.seed),
        eval_dataset=ClipDataset(rows["validation"], processor),
        data_collator=ClipCollator(processor),
        processing_class=processor,
        compute_metrics=measure_epoch,
    )
    train_metrics = trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint).metrics

    test = trainer.predict(ClipDataset(rows["test"], processor), metric_key_prefix="test")
    if not trainer.is_world_process_zero():
        return
    train_metrics.pop("total_flos", None)  # the library's guess for text models
    results = train_metrics | test.metrics | {f"test_{name}": value for name, value in measure(test).items()}
    output_dir = Path(training_args.output_dir)
    trainer.model.save_pretrained(output_dir)
    processor.save_pretrained(output_dir)
    (output_dir / "eval_results.json").write_text(json.dumps(results, indent=2) + "\n")
    plot_confusion_matrix(results["test_confusion_matrix"], label_names, output_dir / "confusion_matrix.png")
    plot_training_curves(trainer.state.log_history, output_dir / "training_curves.png")
    write_model_card(
        output_dir / "README.md",
        HERE / "hub_card" / "model_card.md",
        model_name=output_dir.name,
        results=results,
        dataset_name="drawn faces of logoformer-hf",
        label_names=label_names,
        clips_per_split={split: len(clips) for split, clips in rows.items()},
        selection=f"the one with the best {training_args.metric_for_best_model.upper()} on the validation clips"
        if training_args.load_best_model_at_end
        else "the last of the run",
        training={
            "started from": model_args.model_name_or_path or f"new weights, model {model_args.model}",
            "frame encoder": model_args.backbone_checkpoint or "trained along",
            "recipe": recipe_args.recipe,
            "epochs": training_args.num_train_epochs,
            "batch size": training_args.train_batch_size
            * training_args.gradient_accumulation_steps
            * training_args.world_size,
            "learning rate": training_args.learning_rate,
            "compact loss": f"{training_args.compact_loss}, weight {training_args.compact_loss_weight}",
            "seed": training_args.seed,
        },
        synthetic=True,
    )
    print_table(results, training_args)


if __name__ == "__main__":
    main(sys.argv[1:])
