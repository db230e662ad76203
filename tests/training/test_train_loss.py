"""The mean loss of a training, undisturbed and interrupted."""

import math

import torch
from toys import RandomClips, toy_trainer

from logoformer_hf.data.collator import collate_clips


def train(folder, checkpoint=None):
    """Five clips in batches of two, logged every second step: sums that a resume finds in their middle."""
    trainer = toy_trainer(
        folder,
        train_dataset=RandomClips(5),
        per_device_train_batch_size=2,
        num_train_epochs=2,
        logging_steps=2,
        save_strategy="steps",
        save_steps=1,
        save_total_limit=9,
    )
    return trainer.train(resume_from_checkpoint=checkpoint)


def test_a_resume_changes_no_bit(tmp_path):
    whole = train(tmp_path)
    assert whole.training_loss == whole.metrics["train_loss"] > 0
    for step in range(1, 7):
        resumed = train(tmp_path, str(tmp_path / f"checkpoint-{step}"))
        assert resumed.metrics["train_loss"] == whole.metrics["train_loss"], step
        assert resumed.training_loss == whole.training_loss


def test_it_is_the_mean_over_clips(tmp_path):
    """Not over steps, the last of which has one clip."""
    trainer = toy_trainer(tmp_path, train_dataset=RandomClips(5), per_device_train_batch_size=2, learning_rate=0.0)
    found = trainer.train().training_loss
    batch = trainer._prepare_inputs(collate_clips([trainer.train_dataset[index] for index in range(5)]))
    trainer.model.train()
    torch.testing.assert_close(found, trainer.compute_loss(trainer.model, batch).item(), rtol=1e-5, atol=0)


def test_of_a_checkpoint_without_sums_it_is_not_known(tmp_path):
    """Of version 0.1: better none than that of the last steps alone."""
    train(tmp_path)
    for name in ("train_loss.json", "manifest.json"):
        (tmp_path / "checkpoint-4" / name).unlink()
    resumed = train(tmp_path, str(tmp_path / "checkpoint-4"))
    assert "train_loss" not in resumed.metrics and math.isnan(resumed.training_loss)
    assert not (tmp_path / "checkpoint-6" / "train_loss.json").exists()
