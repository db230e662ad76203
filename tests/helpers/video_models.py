"""Tiny random video classifiers of every kind, saved with their own processors."""

from pathlib import Path

import torch
from transformers import (
    TimesformerConfig,
    TimesformerForVideoClassification,
    TimesformerVideoProcessor,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
    VideoMAEVideoProcessor,
    VivitConfig,
    VivitForVideoClassification,
    VivitVideoProcessor,
    VJEPA2Config,
    VJEPA2ForVideoClassification,
    VJEPA2VideoProcessor,
)

from logoformer_hf import (
    EXPRESSIONS,
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
)
from logoformer_hf.models.heads import number_labels

SHARED = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SQUARE = {"crop_size": {"height": 32, "width": 32}}
# Name: a model with these labels, its processor, and the frames of a clip: each has another number of them, so that
# none can be read with another's.
KINDS = {
    "logoformer": (
        lambda **labels: LogoFormerForVideoClassification(
            LogoFormerConfig.tiny(image_size=32, num_frames=6, **labels)
        ),
        lambda: LogoFormerVideoProcessor(size={"shortest_edge": 36}, num_frames=6, **SQUARE),
        6,
    ),
    "videomae": (
        lambda **labels: VideoMAEForVideoClassification(
            VideoMAEConfig(image_size=32, num_frames=4, intermediate_size=32, **SHARED, **labels)
        ),
        lambda: VideoMAEVideoProcessor(size={"shortest_edge": 36}, **SQUARE),
        4,
    ),
    "timesformer": (
        lambda **labels: TimesformerForVideoClassification(
            TimesformerConfig(image_size=32, num_frames=3, intermediate_size=32, **SHARED, **labels)
        ),
        lambda: TimesformerVideoProcessor(
            do_center_crop=False, size={"height": 32, "width": 32}, crop_size={"height": 99, "width": 99}
        ),
        3,
    ),
    "vivit": (
        lambda **labels: VivitForVideoClassification(
            VivitConfig(image_size=32, num_frames=8, intermediate_size=32, **SHARED, **labels)
        ),
        lambda: VivitVideoProcessor(size={"shortest_edge": 36}, **SQUARE),
        8,
    ),
    "vjepa2": (
        lambda **labels: VJEPA2ForVideoClassification(
            VJEPA2Config(
                **SHARED | {"hidden_size": 24},  # in turns of three for its positions
                crop_size=32,
                frames_per_clip=10,
                mlp_ratio=2,
                num_pooler_layers=1,
                pred_hidden_size=24,
                pred_num_attention_heads=2,
                pred_num_hidden_layers=1,
                pred_num_mask_tokens=1,
                **labels,
            )
        ),
        lambda: VJEPA2VideoProcessor(**SQUARE),
        10,
    ),
}


def make_model(kind: str, label_names=EXPRESSIONS):
    """The same weights in every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return KINDS[kind][0](**number_labels(label_names))


def save(folder: Path, kind: str, label_names=EXPRESSIONS) -> Path:
    make_model(kind, label_names).save_pretrained(folder)
    KINDS[kind][1]().save_pretrained(folder)
    return folder
