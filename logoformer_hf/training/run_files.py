"""Writes the files of a run: model, results and predictions first, then what is made of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoConfig, TrainerState

from .._files import error_as_warning, whole_file, write_json
from ..data.identity import CONTENT_ID
from ..evaluation.plots import plot_confusion_matrix, plot_training_curves
from ..evaluation.predictions import PREDICTIONS_FILE, RunInfo, people_of, read_predictions, write_predictions
from ..hub.model_card import write_model_card
from ..hub.push import EXAMPLES
from ..models.finite import check_finite_weights
from .arguments import LogoFormerTrainingArguments
from .checkpoints import STATE_FILE
from .clip_predictions import ClipPredictions
from .runs import Run
from .settings import Settings
from .trainer import LogoFormerTrainer

RESULTS_FILE = "eval_results.json"


def write_run(
    run: Run,
    trainer: LogoFormerTrainer,
    info: RunInfo,
    results: dict[str, Any],
    clips: Dataset,
    tested: ClipPredictions,
) -> None:
    """
    Writes model, processor, results and the state of the training, and at last the predictions: with them the run is
    finished.

    Args:
        run: the run.
        trainer: with the tested model.
        info: the facts of the run.
        results: for `eval_results.json`.
        clips: the tested clips.
        tested: what the model said of them.

    Raises:
        NonFiniteError: the model has weights that are not finite; nothing is written.
    """
    check_finite_weights(trainer.model, str(run))
    trainer.model.save_pretrained(run.folder)
    trainer.processing_class.save_pretrained(run.folder)
    write_json(run.folder / RESULTS_FILE, results)
    with whole_file(run.folder / STATE_FILE) as partial:
        trainer.state.save_to_json(str(partial))
    file = run.folder / PREDICTIONS_FILE
    clip_ids, contents, people = list(clips["clip_id"]), list(clips[CONTENT_ID]), people_of(clips)
    write_predictions(file, clip_ids, tested.labels, tested.logits, tested.embeddings, info, contents, people)


def describe_run_folder(run: Run, settings: Settings) -> None:
    """
    Writes the pictures and the card of a finished run that are not there yet, from the files of the run.

    An error of one of them is a warning: the same command tries again.
    """
    writers: dict[str, Callable[[Path, Run, Settings], None]] = {
        "confusion_matrix.png": draw_confusion_matrix,
        "training_curves.png": draw_training_curves,
        "README.md": write_card,
    }
    for name, write in writers.items():
        if not (run.folder / name).exists():
            with error_as_warning(f"{run.folder / name} was not written; the same command tries again"):
                write(run.folder / name, run, settings)


def draw_confusion_matrix(path: Path, run: Run, settings: Settings) -> None:
    """Draws the confusion matrix of the test clips."""
    predictions = read_predictions(run.folder / PREDICTIONS_FILE)
    info = predictions.run
    plot_confusion_matrix(predictions.confusion_matrix, info.label_names, path, f"{run}{info.mark}")


def draw_training_curves(path: Path, run: Run, settings: Settings) -> None:
    """Draws what the training logged."""
    history = TrainerState.load_from_json(str(run.folder / STATE_FILE)).log_history
    info = read_predictions(run.folder / PREDICTIONS_FILE).run
    plot_training_curves(history, path, f"{run}{info.mark}", settings.protocol.select_on)


def changes_of_training(args: LogoFormerTrainingArguments) -> dict[str, Any]:
    """What else a card says of clips, losses and weights, where anything is done to them."""
    values = {
        "mixtures of clips": f"alpha {args.mixup_alpha:g}, {args.mixup_kind}" if args.mixup_alpha else "",
        "label smoothing": args.label_smoothing_factor,
        "logit adjustment": args.logit_adjustment,
        "classes": "drawn equally often" if args.class_balanced_sampling else "",
        "averaged weights": args.ema_decay,
    }
    return {name: value for name, value in values.items() if value}


def write_card(path: Path, run: Run, settings: Settings) -> None:
    """Writes the model card; of a LOGO-Former only."""
    config = AutoConfig.from_pretrained(run.folder)
    if config.model_type != "logoformer":
        return
    args = settings.training
    info = read_predictions(run.folder / PREDICTIONS_FILE).run
    results = json.loads((run.folder / RESULTS_FILE).read_text(encoding="utf-8"))
    write_model_card(
        path,
        model_name=run.folder.resolve().name,
        config=config,
        run=info,
        results=results,
        clips_per_split=results["clips_per_split"],
        training={
            "model": info.model,
            "recipe": settings.recipe.recipe,
            "epochs": args.num_train_epochs,
            "batch size": args.train_batch_size * args.gradient_accumulation_steps * args.world_size,
            "learning rate": args.learning_rate,
            "weight decay": args.weight_decay,
            "compact loss": f"{args.compact_loss}, weight {args.compact_loss_weight}",
            **changes_of_training(args),
            **({} if info.train_share is None else {"share of the training clips": f"{100 * info.train_share:g} %"}),
            **({} if info.test_views is None else {"views of a test clip": info.test_views}),
            "seed": run.seed,
        },
        fine_tuned_from=settings.model.model_name_or_path,
        frame_encoder_from=settings.model.backbone_checkpoint,
        example_videos=EXAMPLES,
    )
