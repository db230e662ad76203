import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from logoformer_hf.benchmarks.ablation import __main__ as command
from logoformer_hf.benchmarks.ablation.__main__ import main, parse_arguments
from logoformer_hf.benchmarks.ablation.benchmark import ENCODER_FACTS
from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.results import Results

# The real command line, with less to do than --quick.
TINY = """
import runpy
import sys

from logoformer_hf.benchmarks.ablation.budget import BUDGETS, Budget

BUDGETS["quick"] = Budget("quick", 14, 14, 10, views=1, encoder_epochs=1, part_epochs=1, model_epochs=1, seeds=2)
sys.argv[0] = "ablation"
runpy.run_module("logoformer_hf.benchmarks.ablation", run_name="__main__", alter_sys=True)
"""


def record(variant: str, seed: int, encoder: float | None = 0.5) -> dict:
    effects = ("intra_class_distance", "inter_class_distance", "distance_ratio", "silhouette", "calibration_error")
    return {
        "variant": variant,
        "seed": seed,
        "encoder": encoder,
        "uar": 0.3,
        "war": 0.3,
        "confusion_matrix": [[1] * 7] * 7,
    } | dict.fromkeys(effects, 0.5)


def test_default_places():
    full, quick = parse_arguments([]), parse_arguments(["--quick"])
    assert (full.output_dir, full.results, full.page) == tuple(
        map(Path, ("outputs/ablation", "docs/ablation.json", "docs/ablation.md"))
    )
    home = Path("outputs/ablation-quick")
    assert (quick.output_dir, quick.results, quick.page) == (home, home / "ablation.json", home / "ablation.md")
    elsewhere = parse_arguments(["--quick", "--output_dir", "x", "--page", "y.md"])
    assert (elsewhere.results, elsewhere.page) == (Path("x/ablation.json"), Path("y.md"))


def test_finished_runs_are_not_done_again(tmp_path, capsys):
    """Nothing is drawn or trained, and only the page is written."""
    results = Results(tmp_path / "ablation.json", BUDGETS["quick"])
    costs = ("num_parameters", "gflops", "train_clips_per_sec", "train_ratio", "test_clips_per_sec", "test_ratio")
    results.costs = dict.fromkeys(("logoformer", "videomae"), dict.fromkeys(costs, 1.0))
    for variant in ("logoformer", "videomae"):
        for seed in range(2):
            results.add(record(variant, seed, None))
    before = results.file.read_text()
    main(["--quick", "--output_dir", str(tmp_path), "--only", "logoformer", "videomae"])
    assert "4 runs" in capsys.readouterr().out
    assert results.file.read_text() == before
    assert not (tmp_path / "clips").exists() and not (tmp_path / "runs").exists()
    assert "VideoMAE" in (tmp_path / "ablation.md").read_text()


@pytest.fixture
def trained(tmp_path, monkeypatch) -> list[tuple[str, int]]:
    """Names and seeds that the command would train, where the clips' frame encoder explains a quarter."""

    def prepare(*_):
        (tmp_path / ENCODER_FACTS).write_text(json.dumps({"explained_variance": 0.25}))
        return tmp_path

    names = []
    monkeypatch.setattr(command, "prepare_benchmark", prepare)
    monkeypatch.setattr(command, "train_all", lambda runs, *_: names.extend((run[0].name, run[1]) for run in runs))
    return names


def test_parts_are_finished_on_their_own_frame_encoder(tmp_path, trained, capsys):
    """As after moving to another machine: what its encoder has not seen is trained beside what the last one has."""
    results = Results(tmp_path / "ablation.json", BUDGETS["quick"])
    for run in (("reference", 0, 0.25), ("reference", 1, 0.75), ("joint", 0, 0.75)):
        results.add(record(*run))
    main(["--quick", "--output_dir", str(tmp_path), "--only", "reference", "joint"])
    assert trained == [("joint", 0), ("reference", 1), ("joint", 1)]
    assert "other frame encoders" in capsys.readouterr().out


def test_on_one_frame_encoder_no_run_is_done_again(tmp_path, trained, capsys):
    results = Results(tmp_path / "ablation.json", BUDGETS["quick"])
    for seed in range(2):
        results.add(record("reference", seed, 0.25))
    main(["--quick", "--output_dir", str(tmp_path), "--only", "reference"])
    assert not trained and "other frame encoders" not in capsys.readouterr().out


def test_the_page_alone_trains_nothing(tmp_path):
    Results(tmp_path / "ablation.json", BUDGETS["quick"]).add(record("reference", 0))
    main(["--quick", "--output_dir", str(tmp_path), "--page_only"])
    assert (tmp_path / "ablation.md").exists() and not (tmp_path / "clips").exists()


def test_results_of_another_budget_are_not_mixed(tmp_path):
    Results(tmp_path / "ablation.json", BUDGETS["full"]).add(record("reference", 0))
    with pytest.raises(ValueError, match="another budget"):
        main(["--quick", "--output_dir", str(tmp_path)])


def test_an_unknown_variant_stops_the_command_before_anything_is_drawn(tmp_path):
    command = [
        sys.executable,
        "-m",
        "logoformer_hf.benchmarks.ablation",
        "--quick",
        "--output_dir",
        tmp_path,
        "--only",
        "windows",
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode != 0
    assert "there is no variant 'windows'; accepted: parts, models, reference" in run.stderr
    assert not list(tmp_path.iterdir())


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-c", TINY, "--quick", "--output_dir", str(folder), "--workers", "1", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "log.txt").open("a") as log:
        # A session of its own, whose number tells its workers from others.
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)


def group_lives(number: int) -> bool:
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_an_interrupted_ablation_goes_on(tmp_path):
    """From nothing: killed after its first run, started again, and a third time with nothing left to do."""
    file, only = tmp_path / "ablation.json", ("--only", "reference", "without_compact", "logoformer")
    killed = start(tmp_path, *only)
    try:
        while not file.exists() and killed.poll() is None:
            time.sleep(0.05)
    finally:
        if killed.poll() is None:
            killed.kill()  # alone: its workers must notice
    assert killed.wait() == -signal.SIGKILL, (tmp_path / "log.txt").read_text()[-3000:]
    while group_lives(killed.pid):
        time.sleep(0.05)
    first = json.loads(file.read_text())["records"]
    assert 1 <= len(first) < 6
    clips = {each: each.stat().st_mtime_ns for each in (tmp_path / "clips").iterdir() if each.suffix in (".npy", "")}

    again = start(tmp_path, *only)
    assert again.wait(timeout=600) == 0, (tmp_path / "log.txt").read_text()[-3000:]
    records = json.loads(file.read_text())["records"]
    names = ("logoformer", "reference", "without_compact")
    assert [(each["seed"], each["variant"]) for each in records] == [(seed, name) for seed in (0, 1) for name in names]
    assert all(each in records for each in first)  # to the second that they took
    assert all(each.stat().st_mtime_ns == time_ns for each, time_ns in clips.items())
    for each in records:
        assert sum(map(sum, each["confusion_matrix"])) == 14
        assert (tmp_path / "runs" / each["variant"] / f"seed-{each['seed']}" / "predictions.parquet").exists()
    page = tmp_path / "ablation.md"
    for title in ("LOGO-Former: window 16x2x2", "without compact loss", "Beside other models"):
        assert title in page.read_text()

    before = file.read_text()
    assert start(tmp_path, *only).wait(timeout=300) == 0
    assert file.read_text() == before
