import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from errors import raises_naming
from transformers import TrainingArguments

from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.run_folder import (
    DECIDING_ARGUMENTS,
    deciding_arguments,
    default_settings,
    is_finished,
    open_run_folder,
)
from logoformer_hf.training.settings import TransformArguments


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
        ({"seed": 0, "learning_rate": None}, ["learning_rate", "0.2", "None"]),
        ({"seed": 1, "learning_rate": 0.2}, ["seed", "0", "1"]),
        ({"seed": 0, "learning_rate": 0.2, "optim": "sgd"}, ["optim", "None", "'sgd'"]),
    ],
)
def test_other_settings_are_refused_and_named(tmp_path, changed, words):
    open_run_folder(tmp_path, {"seed": 0, "learning_rate": 0.2})
    with raises_naming(ValueError, tmp_path, "output_dir", *words):
        open_run_folder(tmp_path, changed)
    assert json.loads((tmp_path / "run.json").read_text()) == {"seed": 0, "learning_rate": 0.2}


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "pytorch_model.bin"])
def test_a_model_of_something_else_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with raises_naming(ValueError, tmp_path, name, "output_dir"):
        open_run_folder(tmp_path, {"seed": 0})
    assert [each.name for each in tmp_path.iterdir()] == [name]


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
        ("label_smoothing_factor", 0.1),
        ("decay_positions", False),
        ("ema_decay", 0.9),
        ("logit_adjustment", 1.0),
        ("mixup_alpha", 0.4),
        ("mixup_kind", "time"),
    ):
        beside = {"mixup_alpha": 0.4} if name == "mixup_kind" else {}
        assert deciding(**beside | {name: value})[name] == value != usual[name]


def test_a_run_is_finished_when_its_predictions_are_there(tmp_path):
    assert not is_finished(tmp_path / "run")
    (tmp_path / "predictions.parquet").touch()
    assert is_finished(tmp_path)


def test_an_argument_that_a_library_adds_is_not_compared(tmp_path):
    usual = deciding_arguments(LogoFormerTrainingArguments(output_dir=str(tmp_path), use_cpu=True))
    assert set(usual) <= {*DECIDING_ARGUMENTS, "num_processes"}
    known = {field for field in TrainingArguments.__dataclass_fields__ if field in DECIDING_ARGUMENTS}
    assert len(known) > 35
    # One that an earlier version also wrote.
    open_run_folder(tmp_path, usual | {"some_new_argument": 1, "cache_dir": None})
    open_run_folder(tmp_path, usual)


def test_a_setting_that_an_earlier_version_did_not_know_had_its_default(tmp_path):
    defaults = default_settings(TransformArguments)
    assert defaults["color_jitter"] == 0.0
    open_run_folder(tmp_path, {"seed": 0})
    open_run_folder(tmp_path, {"seed": 0, "color_jitter": 0.0}, defaults=defaults)
    with raises_naming(ValueError, "color_jitter", "0.0", "0.5"):
        open_run_folder(tmp_path, {"seed": 0, "color_jitter": 0.5}, defaults=defaults)


def test_spellings_of_one_path_are_one_setting(tmp_path, monkeypatch):
    (tmp_path / "DFEW").mkdir()
    (tmp_path / "link").symlink_to("DFEW")
    (tmp_path / "list.txt").touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    # As an earlier version wrote it, from the same folder.
    (tmp_path / "run" / "run.json").write_text('{"data_dir": "DFEW", "list_file": ["list.txt"], "frames": "jpg_256"}')
    for data_dir in ("DFEW/", "./DFEW", str(tmp_path / "DFEW"), "link"):
        for list_file in ("list.txt", str(tmp_path / "list.txt")):
            settings = {"data_dir": data_dir, "list_file": [list_file], "frames": "jpg_256/"}
            open_run_folder(tmp_path / "run", settings)
            open_run_folder(tmp_path / "new", settings)
    monkeypatch.chdir("/")  # from another working folder
    open_run_folder(tmp_path / "new", settings | {"data_dir": str(tmp_path / "DFEW")})
    (tmp_path / "other").mkdir()
    with raises_naming(ValueError, "data_dir", tmp_path / "other"):
        open_run_folder(tmp_path / "new", settings | {"data_dir": str(tmp_path / "other")})


def test_clips_may_be_moved_where_they_are_compared_themselves(tmp_path):
    settings = {"data_dir": str(tmp_path / "before"), "list_file": ["before.txt"], "frames": None, "seed": 0}
    moved = settings | {"data_dir": str(tmp_path / "after"), "list_file": ["after.txt"], "frames": "jpg_256"}
    open_run_folder(tmp_path / "known", settings | {"data_digest": "35 clips, 1a2b"})
    open_run_folder(tmp_path / "known", moved)
    open_run_folder(tmp_path / "unknown", settings)
    with raises_naming(ValueError, "data_dir", tmp_path / "after"):
        open_run_folder(tmp_path / "unknown", moved)


def test_the_order_of_a_label_map_says_nothing(tmp_path):
    open_run_folder(tmp_path, {"label_map": ["1=sad", "0=happy"]})
    open_run_folder(tmp_path, {"label_map": ["0 = happy", "1=sad"]})
    with raises_naming(ValueError, "label_map"):
        open_run_folder(tmp_path, {"label_map": ["0=sad", "1=happy"]})


def test_spellings_of_one_json_text_are_one_setting(tmp_path):
    open_run_folder(tmp_path, {"config_overrides": '{"hidden_size": 32, "num_frames": 8}'})
    open_run_folder(tmp_path, {"config_overrides": '{ "num_frames":8, "hidden_size":32}'})
    with raises_naming(ValueError, "config_overrides", "16"):
        open_run_folder(tmp_path, {"config_overrides": '{"hidden_size": 16, "num_frames": 8}'})
    with raises_naming(ValueError, "config_overrides"):
        open_run_folder(tmp_path, {"config_overrides": None})


@pytest.mark.parametrize("content", ["", '{"seed": 0, "learni', "[]", "\x00" * 20])
def test_a_damaged_file_of_settings_is_told_in_a_sentence(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with raises_naming(ValueError, tmp_path / "run.json", "damaged", "delete"):
        open_run_folder(tmp_path, {"seed": 0})
    assert (tmp_path / "run.json").read_text() == content


def test_checkpoints_without_settings_are_not_gone_on_from(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    with raises_naming(ValueError, tmp_path, "run.json", "output_dir"):
        open_run_folder(tmp_path, {"seed": 0})
