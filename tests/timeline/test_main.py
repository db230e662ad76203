"""`python -m logoformer_hf.timeline`, alone and started by a launcher."""

import subprocess
import sys

import pytest
import torch
from processes import TIMEOUT_SEC, environment_with

from logoformer_hf.timeline import __main__ as program
from logoformer_hf.timeline.__main__ import launched_as, main


def test_it_is_the_command(tmp_path, tiny_folder, write_video, capsys):
    video = str(write_video(tmp_path / "a.mp4", 20))
    options = ["--model", str(tiny_folder), "--detector", "none"]
    assert main([video, *options, "--output", str(tmp_path / "a.srt")]) == 0
    assert "person 1" in (tmp_path / "a.srt").read_text()
    capsys.readouterr()
    assert main([video, *options, "--output", "a.xls"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("logoformer predict: ") and "a.xls" in said and said.count("\n") == 1
    (tmp_path / "b.mp4").write_bytes(b"none")
    assert main([str(tmp_path / "b.mp4"), *options]) == 1


def test_the_part_of_a_process_is_that_of_its_launcher(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert launched_as({}) == launched_as({"WORLD_SIZE": "1", "RANK": "0"}) == ((1, 1), None)
    assert launched_as({"WORLD_SIZE": "4", "RANK": "2", "LOCAL_RANK": "0"}) == ((3, 4), None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert launched_as({"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "3"}) == ((4, 4), "cuda:1")
    assert launched_as({"WORLD_SIZE": "1"}) == ((1, 1), None)


@pytest.mark.parametrize("broken", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_processes_of_a_launcher_divide_the_videos(tmp_path, tiny_folder, write_video, broken):
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    for name in ("b", "c", "d"):
        write_video(folder / f"{name}.mp4", 50)
    if broken:
        (folder / "a.mp4").write_bytes(b"none")  # the first process has it and ends first
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command = [*launcher, "--main_process_port", "0", "-m", "logoformer_hf.timeline", folder]
    options = ["--model", tiny_folder, "--detector", "none", "--output", out, "--formats", "csv"]
    finished = subprocess.run(
        [str(part) for part in (*command, *options)],
        env=environment_with(CUDA_VISIBLE_DEVICES=""),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SEC,
    )
    assert (finished.returncode != 0) == broken, finished.stderr[-3000:]
    written = {path.name for path in out.iterdir() if path.name[0] != "."}
    assert written == {"b.mp4.csv", "c.mp4.csv", "d.mp4.csv"} | ({"a.mp4.problem.txt"} if broken else set())
    assert all(finished.stdout.count(f"{name}.mp4: 1 person") == 1 for name in ("b", "c", "d"))


def test_a_refusal_waits_for_the_other_processes(monkeypatch, capsys):
    """A launcher would end them."""
    waited = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(program, "wait_for_all", lambda *part: waited.append(part))
    assert main(["missing.mp4", "--model", "m"]) == 2
    assert waited == [(2, 2)] and "missing.mp4" in capsys.readouterr().err
