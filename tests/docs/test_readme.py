"""What the README shows works as it stands there."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from paths import ROOT

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.data.synthetic.person import Identity
from logoformer_hf.data.synthetic.rig import ACTION_UNITS, Light, Pose
from logoformer_hf.data.synthetic.writer import write_clip

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^pip install -e .*&& (.*)$", README, flags=re.MULTILINE)


def code_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def test_the_two_commands():
    assert COMMANDS == ["accelerate launch train_hf.py", "pytest"]
    assert 'pip install -e ".[test]" && pytest' in (ROOT / ".ci" / "run").read_text().splitlines()
    assert (ROOT / "train_hf.py").exists()


def test_everything_it_points_to_is_there():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.fixture
def workplace(tmp_path):
    """A folder as the demo leaves it, with a clip beside it and the package's metric where the README expects it."""
    LogoFormerForVideoClassification(LogoFormerConfig.tiny()).save_pretrained(tmp_path / "outputs" / "demo")
    processor = LogoFormerVideoProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    processor.save_pretrained(tmp_path / "outputs" / "demo")
    pose, light = Pose(), Light()
    write_clip(
        tmp_path / "clip.mp4",
        Identity.draw(np.random.default_rng(0)),
        np.zeros((20, len(ACTION_UNITS), 2)),
        [list(vars(pose).values())] * 20,
        [list(vars(light).values())] * 20,
        image_size=64,
        fps=25,
    )
    (tmp_path / "logoformer_hf").symlink_to(ROOT / "logoformer_hf")
    return tmp_path


def test_the_snippets_run_one_after_the_other(workplace):
    snippets = code_blocks(README)
    assert len(snippets) == 5
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(snippets)],
        cwd=workplace,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(workplace / "hf")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    for shown in ("torch.Size([2, 64])", "torch.Size([2, 4, 256, 4])", "0.8333"):
        assert shown in run.stdout


def test_importing_the_package_stays_light():
    """Importing it pulls in torch and transformers, and by itself none of the heavy rest."""
    # Some releases of transformers import scikit-learn themselves where it is installed.
    code = (
        "import sys\nfrom transformers import AutoBackbone, AutoModelForVideoClassification, AutoVideoProcessor\n"
        "before = set(sys.modules)\n"
        "import logoformer_hf\n"
        "print(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(run.stdout.split())
    assert "logoformer_hf.modeling_logoformer" in imported
    assert not {"evaluate", "datasets", "cv2", "gradio", "sklearn", "matplotlib"} & imported
