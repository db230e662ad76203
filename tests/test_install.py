"""
The package as its users install it: a wheel, built from the source distribution, in an environment that knows nothing
of this checkout, used from an empty folder.
"""

import os
import shutil
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from hub_server import running_hub
from paths import ROOT, TESTS

BUILD = "from setuptools import build_meta; print(build_meta.build_{kind}({folder!r}))"
SMALL = '{"image_size": 32, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}'
TRAIN = ["--dataset", "clips", "--data_dir", "clips", "--config_overrides", SMALL, "--validation_size", "0.2"]
TRAIN += ["--num_train_epochs", "1", "--per_device_train_batch_size", "4", "--cache_dir", "cache"]
TRAIN += ["--dataloader_num_workers", "1"]

# In one process, because each takes seconds to start.
REST = """
import sys

import evaluate
import logoformer_hf
from logoformer_hf.cli import main

assert logoformer_hf.__file__.startswith(sys.prefix), logoformer_hf.__file__
clips = ["--dataset", "clips", "--data_dir", "clips", "--cache_dir", "cache"]
main(["evaluate", "--model", "run", "--output_dir", "tested", *clips])
main(["report", "tested", "--beside", "run"])
main(["compare", "run", "tested"])
main(["prepare", "--output_dir", "shards", "--side_px", "32", "--num_workers", "0", *clips])
main(["push", "run", "--repo", "me/faces", "--dry-run", "--space"])
main(["push", "run", "--repo", "me/faces", "--space"])
main(["push", "shards", "--repo", "me/shards", "--private"])
metric = evaluate.load(str(logoformer_hf.METRIC_FILE), keep_in_memory=True)
print(metric.compute(predictions=[0, 1, 1, 2], references=[0, 0, 1, 2], label_names=["happy", "sad", "neutral"]))
"""


def run(command: list, cwd: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    finished = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=600
    )
    assert finished.returncode == 0, finished.stdout[-1000:] + finished.stderr[-3000:]
    return finished.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the source distribution, as PyPI's users without a wheel do it."""
    folder = tmp_path_factory.mktemp("build")
    checkout = folder / "checkout"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("logoformer_hf", "hub_card"):
        shutil.copytree(ROOT / name, checkout / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    sdist = run([sys.executable, "-c", BUILD.format(kind="sdist", folder=str(folder))], checkout).split()[-1]
    with tarfile.open(folder / sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    return folder / run([sys.executable, "-c", BUILD.format(kind="wheel", folder=str(folder))], source).split()[-1]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Folder of the programs of an environment with the wheel, and with what it requires from this environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    run(
        [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-deps", "--no-index", wheel],
        folder,
    )
    [packages] = folder.rglob("site-packages")
    (packages / "required.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return programs


@pytest.fixture(scope="module")
def trained(installed, tmp_path_factory) -> Path:
    """An empty folder in which `logoformer train` was called on a few own clips."""
    folder = tmp_path_factory.mktemp("empty")
    shutil.copytree(TESTS / "before_the_move" / "clips", folder / "clips")
    run([installed / "logoformer", "train", "--output_dir", "run", *TRAIN], folder)
    return folder


def test_the_wheel_has_all_that_runs_and_nothing_of_the_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        kept = [name for name in archive.namelist() if name.endswith("LICENSE")]
    assert len(kept) == 1
    in_checkout = {
        path.relative_to(ROOT).as_posix()
        for folder in ("logoformer_hf", "hub_card")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == {name if name.startswith("logoformer_hf/") else f"logoformer_hf/{name}" for name in in_checkout}


def test_training_leaves_a_whole_folder(trained):
    assert {"README.md", "model.safetensors", "predictions.parquet", "report.md", "video_reading_logoformer.py"} <= {
        path.name for path in (trained / "run").iterdir()
    }


def test_everything_after_training_works_too(trained, installed):
    with running_hub() as server:
        printed = run(
            [installed / "python", "-c", REST],
            trained,
            HF_ENDPOINT=server.url,
            HF_TOKEN="hf_writes",
            HF_HUB_OFFLINE="0",
            HF_HUB_DISABLE_XET="1",
            HF_HOME=str(trained / "home"),
        )
        model, space = server.repos["models", "me/faces"], server.repos["spaces", "me/faces"]
        assert {"handler.py", "LICENSE", "examples/happy.mp4", "README.md"} <= set(model.files)
        assert {"app.py", "README.md", "examples/away-and-back.mp4"} <= set(space.files)
        assert "data/test-00000-of-00001.parquet" in server.repos["datasets", "me/shards"].files
    assert "'uar': 0.8333" in printed
    assert (trained / "tested" / "report.md").exists() and (trained / "shards" / "source.json").exists()


def test_training_as_a_module_under_accelerate_goes_on_where_a_run_is_finished(trained, installed):
    launch = [installed / "python", "-m", "accelerate.commands.launch", "-m", "logoformer_hf.training"]
    printed = run([*launch, "--output_dir", "run", *TRAIN], trained)
    assert "seed 42: finished run" in printed


def test_what_is_missing_in_an_installation_is_said_before_training(installed, trained, tmp_path):
    broken = tmp_path / "broken"
    [package] = (installed.parent).rglob("site-packages/logoformer_hf")
    shutil.copytree(package, broken / "logoformer_hf")
    (broken / "logoformer_hf" / "hub_card" / "model_card.md").unlink()
    code = "import sys; from logoformer_hf.cli import main; main(['train', *sys.argv[1:]])"
    finished = subprocess.run(
        [installed / "python", "-c", code, "--output_dir", str(tmp_path / "new"), *TRAIN],
        cwd=trained,
        env=os.environ | {"PYTHONPATH": str(broken)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert finished.returncode == 2 and "model_card.md" in finished.stderr
    assert not (tmp_path / "new").exists()
