"""Models of a few thousand weights, data sets of a few clips, and facts of runs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import torch
from torch import nn

from logoformer_hf import (
    EXPRESSIONS,
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
)
from logoformer_hf.configuration_logoformer import resnet18_to_stage3
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.data.facts import DataFacts, LeftOutClip
from logoformer_hf.data.rows import clip_features
from logoformer_hf.evaluation.predictions import RunInfo
from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.trainer import LogoFormerTrainer

# --- models


def toy_config(**overrides) -> LogoFormerConfig:
    """A model of a few thousand weights on a (4, 3, 3) grid that its windows don't divide."""
    defaults = {
        "num_frames": 4,
        "image_size": 48,
        "backbone_config": resnet18_to_stage3(embedding_size=4, hidden_sizes=[4, 6, 8], depths=[1, 1, 1]),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "window_size": (2, 2, 2),
        "drop_path_rate": 0.0,
    }
    return LogoFormerConfig(**defaults | overrides)


def toy_model(**overrides) -> LogoFormerForVideoClassification:
    """The same weights in every call, in evaluation mode."""
    return new_model(toy_config(**overrides))


def new_model(config: LogoFormerConfig) -> LogoFormerForVideoClassification:
    """A model whose weights are a function of its configuration; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LogoFormerForVideoClassification(config).eval()


def set_fixed_weights(model: nn.Module) -> None:
    """Weights that no random number generator can change."""
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            steps = torch.arange(parameter.numel(), dtype=torch.float64)
            parameter.copy_((0.3 * torch.sin(0.7 * steps + number)).view(parameter.shape))


def save_model(folder: Path, config: LogoFormerConfig | None = None) -> LogoFormerForVideoClassification:
    """A model, by default a tiny one, with its processor, as a run leaves them in its folder."""
    config = LogoFormerConfig.tiny() if config is None else config
    model = new_model(config)
    model.save_pretrained(folder)
    LogoFormerVideoProcessor.from_config(config).save_pretrained(folder)
    return model


# --- clips


def clip_rows(
    videos: Sequence[Any],
    labels: Sequence[int] | None = None,
    label_names: Sequence[str] = EXPRESSIONS,
    prefix: str = "",
    num_frames: int = 0,
) -> datasets.Dataset:
    """Rows of these videos, called by their number; without labels, each class in turn."""
    columns = {
        "clip_id": [f"{prefix}{number}" for number in range(len(videos))],
        "video": [str(video) for video in videos],
        "num_frames": [num_frames] * len(videos),  # lists are often wrong; nothing may depend on it
        "label": [number % len(label_names) for number in range(len(videos))] if labels is None else labels,
    }
    return datasets.Dataset.from_dict(columns, features=clip_features(label_names))


class RandomClips(torch.utils.data.Dataset):
    """Clips of noise in memory, with what the Trainer expects of `ClipDataset`."""

    def __init__(self, num_clips: int, num_classes: int = 7, num_frames: int = 4):
        self.frames = torch.randint(
            0, 256, (num_clips, num_frames, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        self.labels = [index % num_classes for index in range(num_clips)]
        self.clip_ids = [f"clip {index}" for index in range(num_clips)]
        self.epochs = []

    def set_epoch(self, epoch):
        self.epochs.append(epoch)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {"frames": self.frames[index], "label": self.labels[index], "clip_id": self.clip_ids[index]}


# --- training


def trainer_model(**overrides) -> LogoFormerForVideoClassification:
    """The model of `toy_trainer`."""
    return toy_model(image_size=32, num_hidden_layers=1, **overrides)


def toy_trainer(
    folder: str | Path,
    num_clips: int = 8,
    model=None,
    train_dataset=None,
    eval_dataset=None,
    processor=None,
    compute_metrics=None,
    **arguments,
) -> LogoFormerTrainer:
    """A Trainer on the CPU with a toy model and noise, that saves nothing and takes large SGD steps."""
    settings = {
        "output_dir": str(folder),
        "use_cpu": True,
        "optim": "sgd",
        "learning_rate": 0.1,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 8,
        "eval_strategy": "no",
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "logging_steps": 1,
        "dataloader_num_workers": 0,
        "disable_tqdm": True,
        "freeze_batch_norm": True,
    }
    model = trainer_model() if model is None else model
    return LogoFormerTrainer(
        model=model,
        args=LogoFormerTrainingArguments(**settings | arguments),
        train_dataset=RandomClips(num_clips) if train_dataset is None else train_dataset,
        eval_dataset=RandomClips(5) if eval_dataset is None else eval_dataset,
        data_collator=collate_clips,
        processing_class=processor or LogoFormerVideoProcessor.from_config(toy_config(image_size=32)),
        compute_metrics=compute_metrics,
    )


def poison(trainer: LogoFormerTrainer, label: int, value: float = math.nan) -> None:
    """Makes the loss of every clip with this label infinite or NaN, and leaves the others alone."""
    clip_losses = trainer.clip_losses

    def poisoned(outputs, labels):
        losses = clip_losses(outputs, labels)
        return losses | {"cross_entropy": losses["cross_entropy"] + torch.where(labels == label, value, 0.0).sum()}

    trainer.clip_losses = poisoned


# --- facts


def data_facts(dataset: str = "dfew", dataset_name: str = "DFEW", **facts) -> DataFacts:
    return DataFacts(dataset, dataset_name, **facts)


def run_info(
    dataset: str = "dfew",
    dataset_name: str = "DFEW",
    num_folds: int | None = None,
    setup: str | None = None,
    left_out: Sequence[str] = (),
    **facts,
) -> RunInfo:
    """
    Facts of a run from flat arguments.

    Args:
        dataset, dataset_name, num_folds, setup: of the data set.
        left_out: names of clips of the tested split and fold that were left out.
        facts: of the run; a run has the seven expressions, seed 42, and is chosen on validation clips.
    """
    facts = {"label_names": EXPRESSIONS, "seed": 42, "selection": "validation", "model": "LOGO-Former tiny"} | facts
    clips = tuple(LeftOutClip(clip_id, facts.get("split", "test"), facts.get("fold")) for clip_id in left_out)
    return RunInfo(data=DataFacts(dataset, dataset_name, num_folds, setup, clips), **facts)
