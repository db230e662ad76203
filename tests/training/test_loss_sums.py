"""Losses in logs and of evaluations are means over the clips that count."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from torch import nn
from toys import toy_trainer

from logoformer_hf.training.losses import margin_compact_loss


@pytest.mark.parametrize(("training", "num_clips"), [(True, 4), (False, 3)])
def test_losses_are_means_over_the_clips_that_count(tmp_path, training, num_clips):
    """In an evaluation the last of these four clips has only been filled up; training has no such clips."""
    trainer = toy_trainer(tmp_path, compact_loss_weight=0.5)
    trainer.accelerator = SimpleNamespace(
        gradient_state=SimpleNamespace(end_of_dataloader=True, remainder=3),
        process_index=0,
        num_processes=1,
        reduce=lambda sums, reduction: {"sum": sums}[reduction],
    )
    logits, labels = torch.randn(4, 7), torch.tensor([0, 3, 3, 6])
    model = Mock(return_value={"logits": logits}, training=training, modules=list)
    trainer.compute_loss(model, {"labels": labels})
    cross_entropy = nn.functional.cross_entropy(logits[:num_clips], labels[:num_clips]).item()
    margin = margin_compact_loss(logits[:num_clips], labels[:num_clips]).item()
    expected = {"loss": cross_entropy + 0.5 * margin, "cross_entropy": cross_entropy, "compact_loss": margin}
    assert trainer.mean_losses(training) == pytest.approx(expected)


def test_a_log_of_the_loss_gets_the_means_since_the_last_one(tmp_path):
    trainer = toy_trainer(tmp_path)
    trainer.loss_sums[True].add({"cross_entropy": torch.tensor(1.0)}, 2)
    trainer.loss_sums[True].add({"cross_entropy": torch.tensor(3.0)}, 4)
    trainer.log({"eval_uar": 0.5})  # not the training's
    trainer.log({"loss": 9.0})
    trainer.log({"loss": 8.0})  # no step since the last one
    logged = [{name: entry[name] for name in entry.keys() - {"step", "epoch"}} for entry in trainer.state.log_history]
    mean = pytest.approx(4 / 6)
    assert logged == [{"eval_uar": 0.5}, {"loss": mean, "cross_entropy": mean}, {"loss": 8.0}]


def test_losses_of_an_evaluation_that_was_broken_off_are_forgotten(tmp_path):
    trainer = toy_trainer(tmp_path)
    losses = trainer.evaluate()
    for training in (False, True):
        trainer.loss_sums[training].add({"cross_entropy": torch.tensor(600.0)}, 3)
    again = trainer.evaluate()
    for name in ("eval_loss", "eval_cross_entropy", "eval_compact_loss"):
        assert again[name] == losses[name]
    assert trainer.mean_losses(training=True) == {"loss": 200.0, "cross_entropy": 200.0}  # those of training are not
