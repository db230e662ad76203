import time
from types import SimpleNamespace

import pytest
import torch
from toys import RandomClips, toy_trainer

from logoformer_hf.training import loader_wait
from logoformer_hf.training.loader_wait import LoaderWait, StepTimes, describe_wait


def slowly(batches, sec):
    for batch in batches:
        time.sleep(sec)
        yield batch


ON_CPU = SimpleNamespace(device=torch.device("cpu"))


def begun() -> LoaderWait:
    wait = LoaderWait()
    wait.on_epoch_begin(ON_CPU, None, None)
    return wait


def batches_of(*sizes):
    return ({"labels": torch.zeros(size)} for size in sizes)


def test_waiting_and_steps_are_told_apart():
    wait = begun()
    assert wait.all_epochs.share is wait.all_epochs.clips_per_sec is None
    for batch in wait.timed(slowly(batches_of(2, 2, 1), 0.02), num_processes=3):
        assert len(batch["labels"]) in (1, 2)
        time.sleep(0.01)
        wait.on_step_end(ON_CPU, None, None)
    times = wait.all_epochs
    assert times.waited_sec >= 0.06 and times.steps_sec >= 0.03 and times.num_clips == 15
    assert times.share == pytest.approx(times.waited_sec / (times.waited_sec + times.steps_sec))
    assert times.clips_per_sec == pytest.approx(15 / (times.waited_sec + times.steps_sec))


def test_time_between_steps_is_not_counted():
    """That of an evaluation, or of saving."""
    wait = begun()
    for _ in wait.timed(batches_of(1, 1)):
        wait.on_step_end(ON_CPU, None, None)
        counted = wait.all_epochs.steps_sec
        time.sleep(0.01)
        wait.on_step_end(ON_CPU, None, None)
        assert wait.all_epochs.steps_sec == counted


def test_the_first_epoch_is_told_apart():
    wait = begun()
    assert wait.after_first_epoch == StepTimes()
    list(wait.timed(batches_of(5)))
    wait.on_epoch_begin(ON_CPU, None, None)
    list(wait.timed(batches_of(2)))
    wait.on_epoch_begin(ON_CPU, None, None)
    list(wait.timed(batches_of(1)))
    assert wait.after_first_epoch.num_clips == 3 and wait.all_epochs.num_clips == 8


class Event:
    """As torch.cuda's, at a time that is given."""

    def __init__(self, ms: float):
        self.ms = ms

    def synchronize(self):
        pass

    def elapsed_time(self, later):
        return later.ms - self.ms


def test_a_gpu_waits_where_it_has_nothing_to_do(monkeypatch):
    """Whoever launches its steps waits at other times. The gap over an evaluation is not counted."""
    events = iter([Event(100), Event(350), Event(400), Event(900), Event(1000)])
    monkeypatch.setattr(loader_wait, "event_now", lambda: next(events))
    on_gpu, wait = SimpleNamespace(device=torch.device("cuda")), begun()
    for number, _ in enumerate(wait.timed(batches_of(1, 1, 1))):
        wait.on_step_end(on_gpu, None, None)  # at 100, 400 and 900 ms
        if number == 1:
            wait.on_evaluate(on_gpu, None, None)
    waited_sec, total = wait.all_epochs.waited_sec, wait.all_epochs.waited_sec + wait.all_epochs.steps_sec
    wait.on_epoch_end(on_gpu, None, None)
    assert wait.all_epochs.waited_sec == pytest.approx(waited_sec + 0.25)  # from 100 to 350 ms
    assert wait.all_epochs.waited_sec + wait.all_epochs.steps_sec == pytest.approx(total)


class SlowClips(RandomClips):
    def __getitem__(self, index):
        time.sleep(0.02)
        return super().__getitem__(index)


def test_a_training_knows_how_long_it_waited(tmp_path):
    trainer = toy_trainer(
        tmp_path, train_dataset=SlowClips(8), per_device_train_batch_size=2, gradient_accumulation_steps=2
    )
    trainer.train()
    times = trainer.loader_wait.all_epochs
    assert times.num_clips == 8 and times.waited_sec >= 8 * 0.02
    assert times.steps_sec > 0 and 0 < times.share < 1


@pytest.mark.parametrize(
    ("num_workers", "is_prepared", "named", "not_named"),
    [
        (2, False, ["--dataloader_num_workers 14", "now 2", "logoformer prepare"], []),
        (14, False, ["logoformer prepare"], ["--dataloader_num_workers"]),
        (2, True, ["--dataloader_num_workers 14"], ["logoformer prepare"]),
        (14, True, ["all cores"], ["--dataloader_num_workers", "logoformer prepare"]),
    ],
)
def test_what_to_change(num_workers, is_prepared, named, not_named):
    sentence = describe_wait(0.62, num_workers, 16, is_prepared)
    assert "62%" in sentence
    assert all(each in sentence for each in named) and not any(each in sentence for each in not_named)


def test_a_short_wait_needs_no_advice():
    assert describe_wait(0.04, 2, 16, False) == "4% of the training's time was spent waiting for clips."
