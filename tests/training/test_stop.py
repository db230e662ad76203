"""SIGTERM in the middle of a training."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from errors import check_named
from processes import launch
from toys import RandomClips, toy_model, toy_trainer

from logoformer_hf._console import leave_group
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


def test_a_worker_that_sigterm_has_ended_is_no_error_of_its_own(capsys):
    with pytest.raises(StoppedBySignal), StopOnSigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated.")
    check_named(capsys.readouterr().err, "SIGTERM", "checkpoint")
    with pytest.raises(RuntimeError, match="another"), StopOnSigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("another error")


def stop_and_go_on(folder: Path) -> None:
    """In one of two processes: SIGTERM reaches the second one alone, and both stop after the same step."""
    rank = int(os.environ["RANK"])
    whole = train(folder / "whole", RandomClips(8), save_strategy="epoch")
    with pytest.raises(StoppedBySignal):
        train(folder / "run", ClipsWithSigterm(8, 5) if rank else RandomClips(8), save_strategy="epoch")
    again = train(folder / "run", RandomClips(8), True, save_strategy="epoch")
    states = [
        json.loads((folder / name / "checkpoint-4" / "train_loss.json").read_text()) for name in ("whole", "run")
    ]
    facts = {"same": torch.equal(again, whole), "sums": states, "saved": sorted(list_checkpoints(folder / "run"))}
    (folder / f"{rank}.json").write_text(json.dumps(facts))


@pytest.mark.slow
def test_two_processes_stop_after_the_same_step_and_go_on(tmp_path):
    """Eight clips, two steps an epoch: the second process reads its fifth clip for the first step of the second."""
    launch(2, __file__, str(tmp_path))
    facts = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert facts[0] == facts[1] and facts[0]["same"]
    one, other = facts[0]["sums"]
    assert one == other and len(one["loss_sum_and_clips_of_each_process"]) == 2
    manifest = json.loads((tmp_path / "run" / "checkpoint-4" / "manifest.json").read_text())
    assert {"rng_state_0.pth", "rng_state_1.pth"} < set(manifest["files"])


if __name__ == "__main__":  # as the processes of a launch run it
    stop_and_go_on(Path(sys.argv[1]))
    leave_group()
