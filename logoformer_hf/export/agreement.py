"""How far an exported model agrees with the model that it was made of."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ..evaluation.uar import uar_and_war
from ..models.heads import known_labels
from .clips import TEST_SPLIT, Batch, ExportClips

BATCH_SIZE = 8
MAX_FLOAT32_DIFFERENCE = 1e-3  # of logits; rounding gives about 1e-6


@dataclass
class Agreement:
    """
    The comparison on some clips.

    Attributes:
        num_clips: of the comparison.
        max_difference: the largest difference of two logits, by the whole graph and by the pair of graphs.
        max_logit: the largest logit of the model, for comparison.
        same_label: share of the clips with the same label, 0 to 1.
        uar: of the model and of the export on these clips; None where the model lacks a class of the clips.
    """

    num_clips: int
    max_difference: float
    max_logit: float
    same_label: float
    uar: dict[str, float] | None

    def values(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def measure_agreement(model: Any, exported: Any, clips: ExportClips, num_clips: int | None) -> Agreement:
    """
    Runs both models on clips of the test split.

    Args:
        model: the model.
        exported: the `ExportedModel`.
        clips: the clips.
        num_clips: how many; None for all.
    """
    plain, whole, pair, labels = [], [], [], []
    for batch in clips.batches(TEST_SPLIT, BATCH_SIZE, num_clips):
        plain.append(logits_of(model, batch))
        whole.append(logits_of(exported, batch))
        with torch.inference_mode():
            tokens = exported.encode_frames(batch.pixel_values)
            pair.append(exported(inputs_embeds=tokens).logits)
        labels.append(batch.labels)
    expected, found, by_pair = torch.cat(plain), torch.cat(whole), torch.cat(pair)
    difference = max(float((each - expected).abs().max()) for each in (found, by_pair))
    return Agreement(
        num_clips=len(expected),
        max_difference=difference,
        max_logit=float(expected.abs().max()),
        same_label=float((found.argmax(-1) == expected.argmax(-1)).float().mean()),
        uar=uar_of(model, clips.label_names, torch.cat(labels), {"model": expected, "exported": found}),
    )


def difference_on_another_size(model: Any, exported: Any) -> float:
    """The largest difference of two logits for one clip of noise, of more and larger frames than the model's own."""
    config = model.config
    sides = config.image_size + 3 * config.feature_stride, 2 * config.image_size
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, config.num_frames + 1, config.num_channels, *sides, generator=generator)
    with torch.inference_mode():
        return float((exported(pixel_values=noise).logits - model(pixel_values=noise).logits).abs().max())


def logits_of(model: Any, batch: Batch) -> torch.Tensor:
    """A model's logits `(batch, classes)`."""
    with torch.inference_mode():
        logits: torch.Tensor = model(pixel_values=batch.pixel_values).logits
    return logits


def uar_of(
    model: Any, label_names: list[str], labels: torch.Tensor, logits: dict[str, torch.Tensor]
) -> dict[str, float] | None:
    """UAR, 0 to 1, of logits by name; None for a model without a class of the labels."""
    known = known_labels(model, label_names)
    if len(known) < len(label_names):
        return None
    classes = [known[name] for name in label_names]
    found = {}
    for name, values in logits.items():
        right = (values[:, classes].argmax(-1) == labels).numpy()
        counts = np.zeros((len(label_names), 2))
        np.add.at(counts, (labels.numpy(), right.astype(int)), 1)
        found[name] = float(uar_and_war(counts)[0])
    return found
