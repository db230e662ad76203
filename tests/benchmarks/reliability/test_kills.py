"""How the end of a training is judged, with programs of a line in place of trainings."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from logoformer_hf.benchmarks.reliability.cases import CRASH, HANG, RIGHT, TOLD
from logoformer_hf.benchmarks.reliability.kills import go_on, is_complete, judge_end
from logoformer_hf.benchmarks.reliability.programs import start_command
from logoformer_hf.benchmarks.reliability.small_run import check_world_size, difference, last_line
from logoformer_hf.training.checkpoints import begin_checkpoint


def shell(command):
    """A starter that runs a command of the shell in place of each training."""
    return lambda arguments, log, num_ranks=1: start_command(["sh", "-c", command], log)


@pytest.fixture
def folder(tmp_path):
    """A run with a checkpoint of one process."""
    (tmp_path / "run" / "checkpoint-5").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint-5" / "rng_state.pth").touch()
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("command", "verdict"),
    [
        ("echo fine", RIGHT),
        ("echo Traceback; exit 0", CRASH),
        ("echo {folder} is damaged; exit 2", TOLD),
        ("echo {folder} is damaged; exit 1", CRASH),
        ("echo Traceback in {folder}; exit 2", CRASH),
        ("kill -9 $$", CRASH),
    ],
)
def test_every_end_has_its_verdict(folder, command, verdict):
    assert go_on(shell(command.format(folder=folder)), [], folder)[0] == verdict


def test_it_waits_for_the_folder(folder):
    """As ranks hold it whose launcher was killed."""
    busy = f"if mkdir {folder}/first 2>/dev/null; then echo it is in use; exit 2; fi; echo fine"
    assert go_on(shell(busy), [], folder) == (RIGHT, "fine")
    assert (folder.parent / "again-1.log").exists()


def test_one_that_never_ends(folder, monkeypatch):
    monkeypatch.setattr("logoformer_hf.benchmarks.reliability.programs.Program.wait.__defaults__", (0.2,))
    assert go_on(shell("sleep 60"), [], folder)[0] == HANG


def test_an_error_must_name_the_file(tmp_path):
    program = start_command(["sh", "-c", "echo run.json is damaged; exit 2"], tmp_path / "log")
    assert judge_end(program, program.wait(), "run.json") == TOLD
    assert judge_end(program, 2, "optimizer.pt") == CRASH
    assert last_line(program, "damaged") == "run.json is damaged"


def test_the_world_size_is_that_of_the_checkpoint(folder):
    check_world_size(folder, 1)
    with pytest.raises(RuntimeError, match="2"):
        check_world_size(folder, 2)


def test_a_checkpoint_is_complete_by_its_manifest(tmp_path):
    begin_checkpoint(tmp_path / "checkpoint-1")
    assert not is_complete(tmp_path / "checkpoint-1") and not is_complete(tmp_path / "none")
    (tmp_path / "checkpoint-1" / "manifest.json").write_text('{"is_complete": true}')
    assert is_complete(tmp_path / "checkpoint-1")


def write_run(folder, weight=1.0, score=0.5, **results):
    folder.mkdir()
    save_file({"w": np.array([weight], np.float32)}, folder / "model.safetensors")
    pq.write_table(pa.table({"score": [score]}), folder / "predictions.parquet")
    (folder / "eval_results.json").write_text(json.dumps({"test_uar": 0.5, "test_runtime": 1.0} | results))
    return folder


def test_the_first_difference_of_two_runs_is_named(tmp_path):
    one = write_run(tmp_path / "one")
    assert difference(one, write_run(tmp_path / "same", test_runtime=2.0, test_samples_per_second=3.0)) is None
    zero = write_run(tmp_path / "zero", weight=0.0)
    assert "weights w" in difference(zero, write_run(tmp_path / "minus", weight=-0.0))  # bit for bit
    assert "predictions" in difference(one, write_run(tmp_path / "scores", score=0.6))
    assert "test_uar" in difference(one, write_run(tmp_path / "results", test_uar=0.4))
    assert "train_loss" in difference(one, write_run(tmp_path / "more", train_loss=0.4))
