import time

import pytest
from toys import RandomClips, toy_trainer

from logoformer_hf.training.loader_wait import LoaderWait, describe_wait


def slowly(batches, sec):
    for batch in batches:
        time.sleep(sec)
        yield batch


def test_waiting_and_steps_are_told_apart():
    wait = LoaderWait()
    assert wait.share is None
    for batch in wait.timed(slowly("abc", 0.02)):
        assert batch in "abc"
        time.sleep(0.01)
        wait.on_step_end(None, None, None)
    assert wait.waited_sec >= 0.06 and wait.steps_sec >= 0.03
    assert wait.share == pytest.approx(wait.waited_sec / (wait.waited_sec + wait.steps_sec))


def test_time_between_steps_is_not_counted():
    """That of an evaluation, or of saving."""
    wait = LoaderWait()
    for _ in wait.timed(iter("ab")):
        wait.on_step_end(None, None, None)
        counted = wait.steps_sec
        time.sleep(0.01)
        wait.on_step_end(None, None, None)
        assert wait.steps_sec == counted


class SlowClips(RandomClips):
    def __getitem__(self, index):
        time.sleep(0.02)
        return super().__getitem__(index)


def test_a_training_knows_how_long_it_waited(tmp_path):
    trainer = toy_trainer(
        tmp_path, train_dataset=SlowClips(8), per_device_train_batch_size=2, gradient_accumulation_steps=2
    )
    trainer.train()
    assert trainer.loader_wait.waited_sec >= 8 * 0.02
    assert trainer.loader_wait.steps_sec > 0 and 0 < trainer.loader_wait.share < 1


@pytest.mark.parametrize(
    ("num_workers", "is_prepared", "named", "not_named"),
    [
        (2, False, ["--dataloader_num_workers 15", "now 2", "logoformer prepare"], []),
        (15, False, ["logoformer prepare"], ["--dataloader_num_workers"]),
        (2, True, ["--dataloader_num_workers 15"], ["logoformer prepare"]),
        (15, True, ["all cores"], ["--dataloader_num_workers", "logoformer prepare"]),
    ],
)
def test_what_to_change(num_workers, is_prepared, named, not_named):
    sentence = describe_wait(0.62, num_workers, 16, is_prepared)
    assert "62%" in sentence
    assert all(each in sentence for each in named) and not any(each in sentence for each in not_named)


def test_a_short_wait_needs_no_advice():
    assert describe_wait(0.04, 2, 16, False) == "4% of the training's time was spent waiting for clips."
