"""Tests a model on one view of every clip, or on several, whose scores are averaged."""

from dataclasses import replace

import datasets
import numpy as np

from ..data.clips import ClipDataset
from ..data.views import ClipViews
from ..video_processing_logoformer import LogoFormerVideoProcessor
from .clip_predictions import ClipPredictions
from .trainer import LogoFormerTrainer


def predict_views(
    trainer: LogoFormerTrainer, rows: datasets.Dataset, reader: LogoFormerVideoProcessor, num_views: int
) -> ClipPredictions:
    """
    The outputs of the trainer's model for test clips; clips that cannot be read are left out. All processes call it.

    Args:
        trainer: with the model.
        rows: the clips.
        reader: reads clips for the model, see `models.inputs.reading_processor`.
        num_views: of `TEST_VIEWS`.

    Raises:
        VideoReadError: none of the clips can be read.
        NonFiniteError: scores that are infinite or NaN.
    """
    if num_views == 1:
        return trainer.predict_clips(ClipDataset(rows, reader, keep_unreadable=True))
    return average_views(trainer.predict_clips(ClipViews(rows, reader, keep_unreadable=True)), num_views)


def average_views(views: ClipPredictions, num_views: int) -> ClipPredictions:
    """
    One prediction a clip from those for its views.

    Scores are averaged after the softmax, as where four views are published: every view then counts the same, however
    large its logits are. The logits of the result are the logarithms of the mean scores, of which the softmax gives
    the mean scores again; embeddings are averaged. Losses stay means over the views.

    Args:
        views: view v of clip c in row `num_views` x c + v. A clip counts where all its views do.
        num_views: of each clip.
    """
    clips, counts = np.unique(views.rows // num_views, return_counts=True)
    whole = clips[counts == num_views]
    is_whole = np.isin(views.rows // num_views, whole)
    logits = views.logits[is_whole].astype(np.float64).reshape(len(whole), num_views, -1)
    log_scores = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
    metrics = {
        name: value / num_views if name.endswith("_samples_per_second") else value
        for name, value in views.metrics.items()
    }
    return replace(
        views,
        logits=np.logaddexp.reduce(log_scores, axis=1) - np.log(num_views),
        embeddings=views.embeddings[is_whole].reshape(len(whole), num_views, -1).mean(axis=1),
        labels=views.labels[is_whole][::num_views],
        metrics=metrics,
        rows=whole,
    )
