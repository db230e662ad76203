"""SIGTERM in the middle of a training."""

import os
import signal

import pytest
import torch
from errors import check_named
from toys import RandomClips, toy_model, toy_trainer

from logoformer_hf.training.checkpoints import list_checkpoints
from logoformer_hf.training.stop import StopOnSigterm, StoppedBySignal


class ClipsWithSigterm(RandomClips):
    """Sends SIGTERM to this process when a number of clips was read."""

    def __init__(self, num_clips: int, after: int):
        super().__init__(num_clips)
        self.left = after

    def __getitem__(self, index):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__getitem__(index)


def train(folder, clips, checkpoint=None, **settings):
    torch.manual_seed(3)
    trainer = toy_trainer(
        folder,
        model=toy_model(image_size=32, drop_path_rate=0.5),
        train_dataset=clips,
        per_device_train_batch_size=2,
        num_train_epochs=2,
        eval_strategy="epoch",
        metric_for_best_model="eval_loss",
        **settings,
    )
    with StopOnSigterm() as stop:
        trainer.add_callback(stop)
        trainer.train(resume_from_checkpoint=checkpoint)
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


@pytest.mark.parametrize("save_strategy", ["no", "epoch"])
@pytest.mark.parametrize("after", [1, 3, 5, 8], ids=["first step", "a step", "end of an epoch", "second epoch"])
def test_it_saves_and_leaves_and_goes_on(tmp_path, after, save_strategy, capsys):
    """Four clips, two steps an epoch."""
    before = signal.getsignal(signal.SIGTERM)
    whole = train(tmp_path / "whole", RandomClips(4), save_strategy=save_strategy)
    with pytest.raises(StoppedBySignal) as stopped:
        train(tmp_path / "run", ClipsWithSigterm(4, after), save_strategy=save_strategy)
    assert stopped.value.code == 143
    newest = next(iter(list_checkpoints(tmp_path / "run").values()))
    check_named(capsys.readouterr().err, "SIGTERM", newest)
    assert signal.getsignal(signal.SIGTERM) == before
    again = train(tmp_path / "run", RandomClips(4), True, save_strategy=save_strategy)
    assert torch.equal(again, whole)


def test_outside_of_its_block_sigterm_is_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    with StopOnSigterm():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_request_that_no_step_follows_is_not_forgotten(capsys):
    with pytest.raises(StoppedBySignal), StopOnSigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    check_named(capsys.readouterr().err, "SIGTERM", "after the training")
