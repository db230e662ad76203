"""The examples of the documentation, run as they stand: Python pages, the notebook; and links that lead somewhere."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from paths import DOCS, ROOT, TESTS

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor

PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
CLIPS = TESTS / "before_the_move" / "clips"


def run_example(page: str, folder) -> str:
    """The only Python block of a page, as a script in a folder of its own."""
    [code] = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)
    (folder / "example.py").write_text(code)
    environment = os.environ | {"HF_HOME": str(folder / "home")}
    finished = subprocess.run(
        [sys.executable, "example.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished.stdout


def test_training_from_python(tmp_path):
    shutil.copytree(CLIPS, tmp_path / "my_clips")
    printed = run_example("python.md", tmp_path)
    assert re.search(r"test/\w+/test\d \(6, 64\)", printed)  # embeddings of the six test clips
    written = {path.name for path in (tmp_path / "outputs" / "python").iterdir()}
    assert {"model.safetensors", "modeling_logoformer.py", "predictions.parquet"} <= written


def test_footage(tmp_path, tiny_folder, media, detector_file):
    shutil.copytree(tiny_folder, tmp_path / "my_model")
    shutil.copy(detector_file, tmp_path / "face_detection_yunet.onnx")
    shutil.copy(media / "face_frontal.mp4", tmp_path / "interview.mp4")
    printed = run_example("footage.md", tmp_path)
    assert re.search(r"0\.00 to 1\.77 s, person 1: \w+", printed) and "mean_score" in printed
    assert "person 1: " in (tmp_path / "interview.srt").read_text()


@pytest.mark.parametrize("page", ["add_a_data_set.md", "add_an_attention_part.md"])
def test_additions(page, tmp_path):
    run_example(page, tmp_path)


def test_the_notebook(tmp_path, monkeypatch):
    torch.manual_seed(0)
    config = LogoFormerConfig.tiny()
    LogoFormerForVideoClassification(config).save_pretrained(tmp_path / "model")
    LogoFormerVideoProcessor.from_config(config).save_pretrained(tmp_path / "model")
    monkeypatch.setenv("LOGOFORMER_MODEL", str(tmp_path / "model"))
    monkeypatch.setenv("LOGOFORMER_VIDEO", str(CLIPS / "test" / "happy" / "test0.mp4"))
    notebook = nbformat.read(DOCS / "example.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert all(name in text for name in config.id2label.values())
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2  # frames, attention


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), flags=re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, target
