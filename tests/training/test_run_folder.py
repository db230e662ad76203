import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from errors import check_named, raises_naming

from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.run_folder import deciding_arguments, find_checkpoint, is_finished, open_run_folder


def test_a_folder_opens_again_with_the_same_settings(tmp_path):
    folder = tmp_path / "fold-1" / "seed-0"
    open_run_folder(folder, {"seed": 0, "window_size": (4, 2, 2)})
    before = (folder / "run.json").read_text()
    open_run_folder(folder, {"seed": 0, "window_size": (4, 2, 2)})
    assert (folder / "run.json").read_text() == before
    assert json.loads(before) == {"seed": 0, "window_size": [4, 2, 2]}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 0, "learning_rate": 0.1}, ["learning_rate", "0.2", "0.1"]),
        ({"seed": 0}, ["learning_rate", "0.2", "None"]),
        ({"seed": 1, "learning_rate": 0.2}, ["seed", "0", "1"]),
        ({"seed": 0, "learning_rate": 0.2, "optim": "sgd"}, ["optim", "None", "'sgd'"]),
    ],
)
def test_other_settings_are_refused_and_named(tmp_path, changed, words):
    open_run_folder(tmp_path, {"seed": 0, "learning_rate": 0.2})
    with raises_naming(ValueError, tmp_path, "output_dir", *words):
        open_run_folder(tmp_path, changed)
    assert json.loads((tmp_path / "run.json").read_text()) == {"seed": 0, "learning_rate": 0.2}


def test_only_one_process_writes(tmp_path):
    open_run_folder(tmp_path / "run", {"seed": 0}, write=False)
    assert not (tmp_path / "run").exists()


def test_opening_changes_nothing_of_the_process(tmp_path):
    states = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].tolist()
    environment, folder = dict(os.environ), Path.cwd()
    open_run_folder(tmp_path / "run", {"seed": 0})
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    assert np.random.get_state()[1].tolist() == states[2]
    assert (dict(os.environ), Path.cwd()) == (environment, folder)


def test_what_decides_is_told_from_what_does_not(tmp_path):
    def deciding(**settings) -> dict:
        settings = {"output_dir": str(tmp_path), "use_cpu": True} | settings
        return deciding_arguments(LogoFormerTrainingArguments(**settings))

    usual = deciding()
    assert usual["num_processes"] == 1
    json.dumps(usual)
    for same in (
        {"output_dir": "elsewhere", "save_total_limit": 7, "logging_steps": 3, "per_device_eval_batch_size": 2},
        {"dataloader_num_workers": 0, "dataloader_persistent_workers": False},
        {"report_to": "tensorboard", "run_name": "mine", "disable_tqdm": True},
    ):
        assert deciding(**same) == usual, same
    for name, value in (
        ("learning_rate", 0.5),
        ("compact_loss", "none"),
        ("per_device_train_batch_size", 3),
        ("class_balanced_sampling", True),
        ("dataloader_drop_last", True),
    ):
        assert deciding(**{name: value})[name] == value != usual[name]


def test_a_run_is_finished_when_its_predictions_are_there(tmp_path):
    assert not is_finished(tmp_path / "run")
    (tmp_path / "predictions.parquet").touch()
    assert is_finished(tmp_path)


def test_the_newest_whole_checkpoint_is_found(tmp_path, caplog):
    assert find_checkpoint(tmp_path) is None
    for step in (9, 88, 176, 264):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (9, 88, 176):
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    (tmp_path / "checkpoint-999-copy").mkdir()
    assert find_checkpoint(tmp_path) == str(tmp_path / "checkpoint-176")
    check_named(caplog.text, tmp_path / "checkpoint-264")
