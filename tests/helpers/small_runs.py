"""Trainings of seconds on own clips of two frames, with a model of a few thousand weights."""

import json
from pathlib import Path

from dataset_trees import write_frames

from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.evaluation.report import Report
from logoformer_hf.training.evaluate import evaluate_model
from logoformer_hf.training.evaluation_arguments import EvaluationArguments
from logoformer_hf.training.train import main as train

TINY = {
    "image_size": 32,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "backbone_config": {
        "model_type": "resnet",
        "layer_type": "basic",
        "embedding_size": 8,
        "hidden_sizes": [8, 8, 16],
        "depths": [1, 1, 1],
        "out_features": ["stage3"],
    },
}
NEW = ["--config_overrides", json.dumps(TINY)]
NAMES = ("happy", "sad")


def run_small(output_dir: Path, data_dir: Path, cache_dir: Path, *arguments: str, dataset: str = "clips") -> Path:
    """Trains one epoch in this process; `NEW` among the arguments names the model."""
    settings = ["--dataset", dataset, "--data_dir", str(data_dir), "--output_dir", str(output_dir)]
    settings += ["--cache_dir", str(cache_dir), "--use_cpu", "True", "--dataloader_num_workers", "0"]
    train([*settings, "--num_train_epochs", "1", "--validation_size", "0.25", *arguments])
    return output_dir


def evaluate_small(
    model: Path, output_dir: Path, cache_dir: Path, split="test", allow=False, shared_labels=False, **source
) -> Report:
    """Tests a model in this process, by default on own clips."""
    settings = {"num_workers": 0, "use_cpu": True, "allow_seen_clips": allow, "shared_labels": shared_labels}
    args = EvaluationArguments(str(model), str(output_dir), split=split, **settings)
    return evaluate_model(args, SourceArguments(**{"dataset": "clips", "cache_dir": str(cache_dir)} | source))


def write_own(root: Path, first: int, train=4, test=2, validation=0) -> Path:
    """Own clips, each with a content of its own, counted from `first`."""
    for split, count in (("train", train), ("test", test), ("validation", validation)):
        for name in NAMES:
            for number in range(count):
                write_frames(root / split / name / f"{split}{number}", 2, first)
                first += 1
    return root
