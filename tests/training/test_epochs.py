"""Which epoch data set and sampler draw for, also after a resume."""

import torch
from toys import toy_trainer


def test_data_set_and_sampler_are_told_every_epoch(tmp_path):
    trainer = toy_trainer(tmp_path, num_train_epochs=3)
    trainer.train()
    assert list(dict.fromkeys(trainer.train_dataset.epochs)) == [0, 1, 2]


def test_resuming_sees_the_same_clips(tmp_path):
    """The second half of a run, resumed from its checkpoint in the middle of an epoch, ends with the same weights."""
    shared = {
        "num_clips": 12,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 2,
        "class_balanced_sampling": True,
    }
    shared |= {"save_strategy": "steps", "save_steps": 4}
    whole = toy_trainer(tmp_path, **shared)
    whole.train()
    resumed = toy_trainer(tmp_path, **shared)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert set(resumed.train_dataset.epochs) == {1}
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)
