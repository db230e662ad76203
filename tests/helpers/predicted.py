"""Predictions without a model: right or wrong where a test says so, or from seeded noise."""

from pathlib import Path

import numpy as np
from toys import run_info

from logoformer_hf import EXPRESSIONS
from logoformer_hf.evaluation.metrics import ExpressionMetrics
from logoformer_hf.evaluation.predictions import (
    PREDICTIONS_FILE,
    Predictions,
    RunInfo,
    read_predictions,
    write_predictions,
)

LABELS = np.repeat(np.arange(7), [40, 30, 30, 20, 20, 5, 5])


def own_run(**facts) -> RunInfo:
    """A run on own clips without compact loss."""
    facts = {"dataset": "clips", "dataset_name": "my clips", "model": "tiny", "compact_loss": "none"} | facts
    return run_info(**facts)


def write_150_clips(
    folder: Path, wrong=(), labels=LABELS, clip_ids=None, embeddings=True, run=None, contents=True
) -> Path:
    """
    A run that has the clips at the positions `wrong` wrong, and all others right.

    `contents` are identifiers of the clips' content: True for a content of its own for each name, None for a file of
    an earlier version.
    """
    run = own_run() if run is None else run
    predictions = labels.copy()
    predictions[list(wrong)] = (labels[list(wrong)] + 1) % len(run.label_names)
    logits = np.eye(len(run.label_names))[predictions] * 3
    clip_ids = [f"clip-{number}" for number in range(len(labels))] if clip_ids is None else clip_ids
    rng = np.random.default_rng(0)
    vectors = np.eye(len(run.label_names))[labels] + rng.normal(0, 0.2, logits.shape) if embeddings else None
    contents = [f"content of {clip_id}" for clip_id in clip_ids] if contents is True else contents
    write_predictions(folder / PREDICTIONS_FILE, clip_ids, labels, logits, vectors, run, contents)
    return folder


COUNTS = np.array([20, 15, 21, 17, 12, 3, 7])  # DFEW's proportions, 95 clips


def fold_run(fold: int | None = 1, **facts) -> RunInfo:
    """A run on a fold of DFEW with compact loss; without a fold, on a data set with one split."""
    facts = {"num_folds": fold and 5, "compact_loss": "margin", "compact_loss_weight": 0.1} | facts
    return run_info(fold=fold, **facts)


def make_run(folder: Path, run: RunInfo, strength=2.0, embeddings=True, counts=COUNTS) -> Predictions:
    """Predictions of a run; the clips and their noise are a function of the fold, the model's own of its seed."""
    fold = run.fold or 0
    of_clips, of_model = np.random.default_rng(fold), np.random.default_rng([fold, run.seed])
    labels = of_clips.permutation(np.repeat(np.arange(len(counts)), counts))
    logits = np.eye(len(counts))[labels] * strength + of_clips.normal(size=(len(labels), len(counts)))
    logits += of_model.normal(scale=0.3, size=logits.shape)
    ids = [f"{fold}-{number:03d}" for number in range(len(labels))]
    path = folder / f"{run.compact_loss}-{fold}-{run.seed}" / PREDICTIONS_FILE
    contents = [f"content of {clip_id}" for clip_id in ids]
    write_predictions(path, ids, labels, logits, logits if embeddings else None, run, contents)
    return read_predictions(path)


def make_folds(folder: Path, folds=range(1, 6), strength=2.0, **facts) -> list[Predictions]:
    """Predictions of several folds of one seed."""
    return [make_run(folder, fold_run(fold, **facts), strength) for fold in folds]


def measure(*runs: Predictions) -> dict:
    """What the metric gives for the clips of these runs."""
    return ExpressionMetrics(keep_in_memory=True).compute(
        predictions=np.concatenate([run.predictions for run in runs]),
        references=np.concatenate([run.labels for run in runs]),
        label_names=EXPRESSIONS,
    )
