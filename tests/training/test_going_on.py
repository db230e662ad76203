"""Runs that were killed, moved, damaged or met a full disk, and what the same command makes of them."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from errors import check_named, raises_naming
from paths import ROOT
from processes import TIMEOUT_SEC, environment_with
from safetensors.torch import load_file

from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.folder_lock import folder_lock
from logoformer_hf.data.trained_on import TRAINED_ON_FILE, read_trained_on
from logoformer_hf.evaluation.predictions import read_predictions
from logoformer_hf.training.checkpoints import find_checkpoint
from logoformer_hf.training.train import main as train


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


# The smallest run: 21 clips, two epochs, a model of a few thousand weights.
SMALL_MODEL = json.dumps(
    {
        "image_size": 32,
        "num_frames": 2,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
    }
)
SMALL = ["--num_train_clips", "14", "--num_validation_clips", "7", "--num_test_clips", "7", "--use_cpu", "True"]
SMALL += ["--num_train_epochs", "2", "--per_device_train_batch_size", "7", "--config_overrides", SMALL_MODEL]


def small_command(cache_dir: Path, output_dir: Path, *arguments: str) -> list[str]:
    folders = ["--cache_dir", str(cache_dir), "--output_dir", str(output_dir)]
    return [*SMALL, *folders, "--dataloader_num_workers", "0", *arguments]


@pytest.fixture(scope="module")
def small(cache_dir, tmp_path_factory):
    """A finished small run."""
    folder = tmp_path_factory.mktemp("small") / "run"
    train(small_command(cache_dir, folder))
    return folder


def unfinish(folder: Path, copy: Path) -> Path:
    """A copy of a finished run as a kill before its test leaves it."""
    shutil.copytree(folder, copy)
    for name in ("predictions.parquet", "model.safetensors", "eval_results.json"):
        (copy / name).unlink()
    return copy


def same_run(one: Path, other: Path) -> None:
    """Weights, predictions and results are the same, bit for bit; times are not compared."""
    weights, others = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert all(torch.equal(tensor, others[name]) for name, tensor in weights.items())
    predicted, again = (read_predictions(folder / "predictions.parquet") for folder in (one, other))
    assert np.array_equal(predicted.scores, again.scores) and predicted.clip_ids == again.clip_ids
    results = [json.loads((folder / "eval_results.json").read_text()) for folder in (one, other)]
    timed = ("_runtime", "_per_second")
    results = [{name: value for name, value in each.items() if not name.endswith(timed)} for each in results]
    assert results[0] == results[1]


def test_a_moved_run_tests_its_best_epoch(small, cache_dir, tmp_path, capsys):
    """Given by its absolute path, with another spelling of a setting, from another working folder."""
    folder = unfinish(small, tmp_path / "moved")
    spaced = SMALL_MODEL.replace(", ", " ,  ")
    train(small_command(cache_dir, folder, "--config_overrides", spaced))
    check_named(capsys.readouterr().out, folder / "checkpoint-4")
    same_run(small, folder)


def test_a_moved_run_without_its_best_epoch_stops(small, cache_dir, tmp_path):
    folder = unfinish(small, tmp_path / "moved")
    state = json.loads((folder / "checkpoint-4" / "trainer_state.json").read_text())
    best = folder / f"checkpoint-{state['best_global_step']}"
    assert best.name == "checkpoint-2"  # the weights of the first epoch; the second one is not better
    shutil.rmtree(best)
    with raises_naming(ValueError, folder / "checkpoint-4", best):
        train(small_command(cache_dir, folder))
    assert not (folder / "predictions.parquet").exists()


@pytest.mark.parametrize("name", ["optimizer.pt", TRAINED_ON_FILE])
def test_a_damaged_newest_checkpoint_changes_nothing_but_time(small, cache_dir, tmp_path, capsys, name):
    folder = unfinish(small, tmp_path / "run")
    (folder / "checkpoint-4" / name).write_bytes(b"")
    train(small_command(cache_dir, folder, "--resume_from_checkpoint", "True"))
    check_named(capsys.readouterr().out, folder / "checkpoint-2")
    same_run(small, folder)


def test_a_second_program_in_the_folder_is_refused(small, cache_dir, tmp_path):
    folder = unfinish(small, tmp_path / "run")
    with folder_lock(folder), raises_naming(OSError, folder, str(os.getpid())):
        train(small_command(cache_dir, folder))
    train(small_command(cache_dir, folder))
    with folder_lock(folder):  # a finished run is only read
        train(small_command(cache_dir, folder))


def start(command: list[str], **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, ROOT / "train_hf.py", *command],
        env=environment_with(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_sigterm_to_all_its_processes_saves_and_leaves(cache_dir, tmp_path):
    """With workers, which batch systems send it, too."""
    command = small_command(cache_dir, tmp_path / "run", "--dataloader_num_workers", "2", "--num_train_epochs", "300")
    with start(command) as program:
        while not list((tmp_path / "run").glob("checkpoint-*/manifest.json")):
            assert program.poll() is None, program.stderr.read()
            time.sleep(0.05)
        os.killpg(program.pid, signal.SIGTERM)
        _, told = program.communicate(timeout=TIMEOUT_SEC)
    assert program.returncode == 143, told
    newest = find_checkpoint(tmp_path / "run")
    check_named(told, "SIGTERM", newest.folder)
    assert "Traceback" not in told


def test_a_worker_that_is_killed_is_told_and_the_same_command_goes_on(small, cache_dir, tmp_path, monkeypatch):
    """As systems do that run out of memory."""

    def read_and_die(clips, index):
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(clips, index)

    read = ClipDataset.__getitem__
    with monkeypatch.context() as patched:
        patched.setattr(ClipDataset, "__getitem__", read_and_die)
        with raises_naming(OSError, tmp_path / "run", "dataloader_num_workers", "memory"):
            train([*small_command(cache_dir, tmp_path / "run"), "--dataloader_num_workers", "1"])
    train(small_command(cache_dir, tmp_path / "run"))
    same_run(small, tmp_path / "run")


def test_a_full_disk_ends_in_a_sentence_and_the_same_command_goes_on(small, cache_dir, tmp_path):
    """A limit on the size of files fails as a full disk does, at the optimiser's state, the largest file."""
    limit_bytes = (small / "model.safetensors").stat().st_size * 3 // 2
    command = small_command(cache_dir, tmp_path / "run")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, usual[1]))
    try:
        with raises_naming(OSError, tmp_path / "run" / "checkpoint-2", "could not be written"):
            train(command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    train(command)
    same_run(small, tmp_path / "run")


def test_a_cache_folder_is_enough_where_the_usual_one_cannot_be_written(small, cache_dir, tmp_path):
    """And in the plainest locale, with a settings file in UTF-8."""
    (tmp_path / "file").touch()
    settings, folder = tmp_path / "run.yaml", tmp_path / "für"
    settings.write_text(f"output_dir: {folder}\ncache_dir: {cache_dir}\nreport_to: none # für\n", encoding="utf-8")
    home = str(tmp_path / "file" / "hf")
    command = [str(settings), *SMALL, "--dataloader_num_workers", "0"]
    with start(command, HF_HOME=home, HOME=home, XDG_CACHE_HOME=home, LC_ALL="C") as program:
        _, told = program.communicate(timeout=TIMEOUT_SEC)
    assert program.returncode == 0, told
    same_run(small, folder)


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with raises_naming(OSError, tmp_path / "file" / "cache", "cache_dir"):
        train(small_command(tmp_path / "file" / "cache", tmp_path / "run"))


def test_an_epoch_that_was_not_chosen_is_not_reported_as_chosen(cache_dir, tmp_path):
    """Without an evaluation there is no best epoch: neither the predictions nor the record of the clips names one."""
    train(small_command(cache_dir, tmp_path / "run", "--eval_delay", "5", "--logging_steps", "1"))
    assert read_predictions(tmp_path / "run" / "predictions.parquet").run.selection == "last"
    [training] = read_trained_on(tmp_path / "run" / TRAINED_ON_FILE).trainings
    assert training.select_on == "last" and len(training.validation) == 7
    check_named((tmp_path / "run" / "report.md").read_text(), "No epoch was chosen")
