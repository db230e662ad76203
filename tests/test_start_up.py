"""
What starting the package, its command and a worker of a data loader imports. How long it takes is measured by
`python -m logoformer_hf.benchmarks.start_up`.
"""

import json
import subprocess
import sys

import pytest

# Libraries that only training, evaluation, pictures or data sets need.
HEAVY = {"accelerate", "cv2", "datasets", "evaluate", "gradio", "matplotlib", "sklearn"}
# What transformers imports by itself, with what is installed here, is no matter of this package.
BASELINE = "from transformers import AutoBackbone, AutoConfig, AutoModelForVideoClassification, AutoVideoProcessor\n"
COMMAND = """
import json, sys
{baseline}
before = set(sys.modules)
import logoformer_hf.cli
try:
    logoformer_hf.cli.main({arguments})
except SystemExit:
    pass
print(json.dumps(sorted(set(sys.modules) - before)))
"""
WORKER = """
import json, sys
import datasets
import torch
from PIL import Image
from torch.utils.data import DataLoader

from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.transforms import TrainingTransforms
from logoformer_hf.video_processing_logoformer import LogoFormerVideoProcessor

def modules(clips):
    return sorted(sys.modules)

if __name__ == "__main__":
    import logoformer_hf.training.train  # as in a program that trains
    frames = [Image.new("RGB", (120, 120), (value,) * 3) for value in range(16)]
    row = {"clip_id": ["0"], "video": [frames], "num_frames": [16], "label": [0]}
    rows = datasets.Dataset.from_dict(row).cast_column("video", datasets.List(datasets.Image()))
    clips = ClipDataset(rows, LogoFormerVideoProcessor(), TrainingTransforms(112))
    [imported] = DataLoader(clips, num_workers=1, collate_fn=modules, multiprocessing_context="spawn")
    print(json.dumps(imported))
"""


def printed_modules(program: str, tmp_path) -> set[str]:
    """The modules that a program prints as its last line."""
    (tmp_path / "program.py").write_text(program)
    finished = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return set(json.loads(finished.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["tran"], []])
def test_help_and_unknown_commands_import_no_command(arguments, tmp_path):
    imported = printed_modules(COMMAND.format(baseline=BASELINE, arguments=arguments), tmp_path)
    assert "logoformer_hf.cli" in imported
    assert not HEAVY & imported
    packages = ("data", "training", "evaluation", "hub", "models", "benchmarks")
    assert not {name for name in imported if name.startswith(tuple(f"logoformer_hf.{each}" for each in packages))}


def test_a_spawned_worker_imports_what_it_reads_with(tmp_path):
    imported = printed_modules(WORKER, tmp_path)
    assert {"logoformer_hf.data.clips", "logoformer_hf.video_reading_logoformer"} <= imported
    assert not {"evaluate", "sklearn", "matplotlib", "cv2"} & imported
    assert not {name for name in imported if name.startswith(("logoformer_hf.training", "logoformer_hf.evaluation"))}
