"""Logit adjustment: the shift of every class, its cross-entropy in training, and that nothing else is shifted."""

import math

import numpy as np
import pytest
import torch
from errors import raises_naming
from torch import nn
from toys import RandomClips, toy_trainer

from logoformer_hf.data.clips import NOT_COUNTED
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.training.logit_adjustment import logit_shift
from logoformer_hf.training.losses import center_compact_loss, margin_compact_loss

LABELS = [0, 0, 0, 0, 1, 1, 2, 2]  # of 7 classes


class UnevenClips(RandomClips):
    """Eight clips of noise, half of them of one class, and none of four classes."""

    def __init__(self):
        super().__init__(len(LABELS))
        self.labels = list(LABELS)


def adjusted_trainer(folder, **arguments):
    return toy_trainer(folder, train_dataset=UnevenClips(), **{"logit_adjustment": 1.0} | arguments)


def expected_shift(strength: float) -> torch.Tensor:
    return torch.tensor([strength * math.log(share) for share in (0.5, 0.25, 0.25, *[0.125] * 4)])


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_the_shift_is_the_log_of_the_share_of_the_training_clips(tmp_path, strength):
    """A class without a clip counts as one clip."""
    args = adjusted_trainer(tmp_path, logit_adjustment=strength).args
    torch.testing.assert_close(logit_shift(args, UnevenClips(), 7), expected_shift(strength))
    assert logit_shift(args, None, 7) is None
    assert logit_shift(toy_trainer(tmp_path).args, UnevenClips(), 7) is None


@pytest.mark.parametrize(
    ("labels", "found"), [([], "none"), ([0, 3, 7], "0 to 7"), (np.array([NOT_COUNTED, 2]), f"{NOT_COUNTED} to 2")]
)
def test_labels_that_are_no_classes_are_named(tmp_path, labels, found):
    args, clips = adjusted_trainer(tmp_path).args, UnevenClips()
    clips.labels = labels
    with raises_naming(ValueError, "logit_adjustment", "0 to 6", "UnevenClips", found):
        logit_shift(args, clips, 7)


def test_a_data_set_without_labels_is_named(tmp_path):
    clips = torch.utils.data.TensorDataset(torch.zeros(8))
    with raises_naming(ValueError, "logit_adjustment", "TensorDataset", "labels"):
        toy_trainer(tmp_path, train_dataset=clips, logit_adjustment=1.0)


@pytest.mark.parametrize("mixup_alpha", [0.0, 0.4])
@pytest.mark.parametrize("form", ["margin", "center"])
@pytest.mark.parametrize("num_items", [None, 24])
def test_the_cross_entropy_of_a_training_is_that_of_shifted_logits(tmp_path, form, mixup_alpha, num_items):
    """With label smoothing, for both labels of a mixture; the compact loss is that of what the model gives."""
    settings = {"compact_loss": form, "compact_loss_weight": 0.5, "label_smoothing_factor": 0.1}
    trainer = adjusted_trainer(tmp_path, mixup_alpha=mixup_alpha, **settings)
    batch = collate_clips([trainer.train_dataset[index] for index in range(8)])
    batch["labels"][3] = NOT_COUNTED
    batch = trainer._prepare_inputs(batch)
    labels, share, partners = batch["labels"], 1.0, torch.arange(8)
    if mixup_alpha:
        mixture = trainer._draw_mixture(batch, labels)
        share, partners, trainer._num_mixed = mixture.share, mixture.partners, 0
    loss, outputs = trainer.compute_loss(trainer.model.train(), batch, True, num_items)
    counted = labels != NOT_COUNTED
    logits, embedding = outputs.logits[counted], outputs.embedding[counted]
    expected = 0.0
    for weight, each in ((share, labels[counted]), (1 - share, labels[partners][counted])):
        compact = 7 * center_compact_loss(embedding, each, 7)
        if form == "margin":
            compact = margin_compact_loss(logits, each, reduction="sum")
        shifted = logits + expected_shift(1.0)
        cross_entropy = nn.functional.cross_entropy(shifted, each, reduction="sum", label_smoothing=0.1)
        expected += weight * (cross_entropy + 0.5 * compact)
    torch.testing.assert_close(loss, expected / (num_items or 7))
    assert trainer.mean_losses(training=True)["loss"] == pytest.approx(expected.item() / 7, rel=1e-5)
    loss.backward()
    assert trainer.model.logoformer.embeddings.projection.weight.grad.isfinite().all()


def test_evaluation_shifts_nothing(tmp_path):
    losses, logits = [], []
    for strength in (0.0, 1.0):
        trainer = adjusted_trainer(tmp_path, logit_adjustment=strength)
        losses.append(trainer.evaluate()["eval_loss"])
        logits.append(torch.from_numpy(trainer.predict_clips(trainer.eval_dataset).logits))
    assert losses[0] == losses[1] and torch.equal(*logits)


def test_a_training_learns_what_is_rare_sooner(tmp_path):
    """On noise, where nothing but the shares can be learned, each class then gets an equal score."""
    gaps = []
    for strength in (0.0, 1.0):
        settings = {"compact_loss": "none", "num_train_epochs": 60, "learning_rate": 0.02}
        trainer = adjusted_trainer(tmp_path, logit_adjustment=strength, **settings)
        trainer.train()
        logits = torch.from_numpy(trainer.predict_clips(RandomClips(7)).logits)[:, :3].mean(dim=0)
        gaps.append(float(logits[0] - logits[1:].mean()))
    assert abs(gaps[1]) < gaps[0] / 2
