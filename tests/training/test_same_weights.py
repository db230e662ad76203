"""Workers of data loaders, their number, how they are started, and a resume change no bit of what is trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import marked_frames, save_frames
from toys import clip_rows, toy_config, toy_model, toy_trainer

from logoformer_hf import LogoFormerVideoProcessor
from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.transforms import TrainingTransforms


@pytest.fixture(scope="module")
def clips_on_disk(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(6):
        save_frames(folder / str(number), marked_frames(9 + number, 40, 44) + np.uint8(20 * number))
    return [folder / str(number) for number in range(6)]


@pytest.mark.parametrize("balanced", [False, True])
def test_workers_and_a_resume_change_no_bit_of_the_weights(tmp_path, clips_on_disk, balanced):
    """Random crops and drop path over several epochs, with an evaluation after each."""
    processor = LogoFormerVideoProcessor.from_config(toy_config(image_size=32))

    def train(folder, num_workers, persistent, num_epochs=3, save="epoch", checkpoint=None):
        torch.manual_seed(0)
        clips = ClipDataset(clip_rows(clips_on_disk), processor, TrainingTransforms(32), seed=42)
        trainer = toy_trainer(
            folder,
            model=toy_model(image_size=32, num_hidden_layers=2, drop_path_rate=0.5),
            train_dataset=clips,
            eval_dataset=ClipDataset(clip_rows(clips_on_disk), processor),
            dataloader_num_workers=num_workers,
            dataloader_persistent_workers=persistent,
            per_device_train_batch_size=2,
            num_train_epochs=num_epochs,
            class_balanced_sampling=balanced,
            eval_strategy="epoch",
            metric_for_best_model="eval_loss",
            save_strategy=save,
            save_steps=2,
            save_total_limit=9,
        )
        assert trainer.args.dataloader_persistent_workers == persistent
        torch.manual_seed(1)
        trainer.train(resume_from_checkpoint=checkpoint)
        assert clips.epoch == num_epochs - 1
        return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])

    undisturbed = train(tmp_path, 2, True)
    assert torch.equal(train(tmp_path / "new workers", 2, False), undisturbed)
    assert torch.equal(train(tmp_path / "no workers", 0, False), undisturbed)
    assert (train(tmp_path / "shorter", 2, True, num_epochs=2) - undisturbed).abs().max() > 1e-3
    again = train(tmp_path, 2, True, checkpoint=str(tmp_path / "checkpoint-3"))  # after the first epoch
    assert torch.equal(again, undisturbed)
    train(tmp_path / "steps", 2, True, save="steps")
    for step in (2, 4):  # in the middle of the first and of the second epoch
        checkpoint = str(tmp_path / "steps" / f"checkpoint-{step}")
        assert torch.equal(train(tmp_path / "steps", 2, True, save="steps", checkpoint=checkpoint), undisturbed)


@pytest.fixture(scope="module")
def train_with(tmp_path_factory, clips_on_disk):
    """Function that trains for two epochs with random crops and drop path, and returns the weights."""
    processor = LogoFormerVideoProcessor.from_config(toy_config(image_size=32))

    def train(num_workers: int, **arguments) -> torch.Tensor:
        torch.manual_seed(0)
        trainer = toy_trainer(
            tmp_path_factory.mktemp("workers"),
            model=toy_model(image_size=32, num_hidden_layers=2, drop_path_rate=0.5),
            train_dataset=ClipDataset(clip_rows(clips_on_disk), processor, TrainingTransforms(32, 0.7, 0.5, 0.3, 0.5)),
            dataloader_num_workers=num_workers,
            per_device_train_batch_size=2,
            num_train_epochs=2,
            **arguments,
        )
        trainer.train()
        return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])

    return train


@pytest.fixture(scope="module")
def without_workers(train_with) -> torch.Tensor:
    return train_with(0)


@pytest.mark.parametrize(
    ("context", "num_workers", "arguments"),
    [
        ("fork", 3, {"dataloader_persistent_workers": False, "dataloader_prefetch_factor": 5}),
        ("fork", 16, {}),
        ("spawn", 1, {}),
        ("forkserver", 1, {}),
    ],
)
def test_how_workers_are_started_changes_no_bit_of_the_weights(
    train_with, without_workers, context, num_workers, arguments
):
    if context not in torch.multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {context}")
    weights = train_with(num_workers, dataloader_multiprocessing_context=context, **arguments)
    assert torch.equal(weights, without_workers)
