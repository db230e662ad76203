"""A folder to push, and a Hub on this machine (`hub_server`), which fails where a test makes it."""

import shutil
from pathlib import Path

import huggingface_hub
import pytest
from hub_server import running_hub
from PIL import Image
from pushes import CARD
from toys import save_model

from logoformer_hf.cli import main
from logoformer_hf.hub import push as hub


@pytest.fixture(scope="session")
def saved_folder(tmp_path_factory) -> Path:
    """What a finished run leaves, and private files beside it."""
    folder = tmp_path_factory.mktemp("outputs") / "run"
    save_model(folder)
    (folder / "README.md").write_text(CARD)
    (folder / "eval_results.json").write_text('{"test_uar": 0.5}\n')
    Image.new("RGB", (40, 40)).save(folder / "confusion_matrix.png")
    for name in ("training_args.bin", "optimizer.pt", "old.pth", "notes.txt", ".env", "clips.csv"):
        (folder / name).write_text("private")
    (folder / "checkpoint-10").mkdir()
    shutil.copy(folder / "model.safetensors", folder / "checkpoint-10")
    return folder


@pytest.fixture(scope="module")
def shards(dfew_tree, tmp_path_factory) -> Path:
    """Prepared shards of a small DFEW."""
    folder = tmp_path_factory.mktemp("outputs") / "shards"
    arguments = ["--dataset", "dfew", "--data_dir", str(dfew_tree), "--output_dir", str(folder)]
    arguments += ["--clips_per_shard", "10", "--num_workers", "0"]
    main(["prepare", *arguments, "--cache_dir", str(tmp_path_factory.mktemp("cache"))])
    return folder


@pytest.fixture
def output_dir(saved_folder, tmp_path) -> Path:
    return shutil.copytree(saved_folder, tmp_path / "run")


@pytest.fixture
def hub_server(monkeypatch):
    """A running Hub, and this process not offline for it."""
    with running_hub() as server:
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(hub, "FIRST_WAIT_SEC", 0.01)
        yield server
