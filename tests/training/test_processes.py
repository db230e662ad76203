"""What the main process does for all: real processes without a launcher, whose own messages would be among theirs."""

import socket
import subprocess
import sys

import pytest
from errors import check_named
from paths import ROOT
from processes import TIMEOUT_SEC, environment_with

from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.processes import in_turn, on_main_process


def test_one_process_calls_it(tmp_path):
    args = LogoFormerTrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    assert on_main_process(args, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        on_main_process(args, lambda: 1 // 0)
    assert in_turn(args, lambda: 3) == 3 and in_turn(args, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        in_turn(args, lambda: 1 // 0)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_two(*arguments: str) -> list[tuple[int, str]]:
    """Status and stderr of two processes of `train_hf.py` on the CPU."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, ROOT / "train_hf.py", "--use_cpu", "True", *arguments],
            env=environment_with(**shared, RANK=rank, LOCAL_RANK=rank, CUDA_VISIBLE_DEVICES=""),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for rank in ("0", "1")
    ]
    return [(process.wait(TIMEOUT_SEC), process.stderr.read()) for process in started]


def test_two_processes_say_once_that_a_folder_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    (status, told), (other_status, other_told) = run_two("--output_dir", str(tmp_path / "file" / "out"))
    assert status == other_status == 2
    check_named(told, tmp_path / "file" / "out")
    assert "Traceback" not in told + other_told and str(tmp_path) not in other_told


def test_two_processes_say_once_what_is_wrong_with_the_clips(tmp_path):
    (tmp_path / "clips").mkdir()
    source = ["--dataset", "clips", "--data_dir", str(tmp_path / "clips"), "--cache_dir", str(tmp_path / "cache")]
    (status, told), (other_status, other_told) = run_two(*source, "--output_dir", str(tmp_path / "out"))
    assert status == other_status == 2
    check_named(told, tmp_path / "clips")
    assert "Traceback" not in told + other_told and str(tmp_path) not in other_told
