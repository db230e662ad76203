"""
Logit adjustment: a cross-entropy for balanced recall where classes differ in size. Source: Menon et al., "Long-tail
Learning via Logit Adjustment", ICLR 2021.
"""

from typing import Any

import torch

from .arguments import LogoFormerTrainingArguments


def logit_shift(args: LogoFormerTrainingArguments, dataset: Any, num_classes: int) -> torch.Tensor | None:
    """
    What the cross-entropy of a training adds to the logits of each class: `logit_adjustment` x log(share of the
    training clips). With 1 the shifted logits learn how frequent classes are, and those of the model what else there
    is to know.

    Args:
        args: with `logit_adjustment`, tau of the paper, and the device.
        dataset: the training clips, with the class number of every clip as `labels`; None where nothing is trained.
        num_classes: of the model. A class without a clip counts as one clip: log(0) would leave no finite loss.

    Returns:
        `(classes,)` float32 on the device, or None where `logit_adjustment` is 0 or nothing is trained.

    Raises:
        ValueError: the data set has no `labels`, no clips, or a label that is no class of the model.
    """
    if not args.logit_adjustment or dataset is None:
        return None
    labels = getattr(dataset, "labels", None)
    if labels is None:
        raise ValueError(
            f"`logit_adjustment` needs the class number of every clip, and {type(dataset).__name__} has no attribute "
            "`labels`."
        )
    if len(labels) == 0 or not all(0 <= label < num_classes for label in labels):
        found = f"{min(labels)} to {max(labels)}" if len(labels) else "none"
        raise ValueError(
            f"`logit_adjustment` needs the class number of every clip, 0 to {num_classes - 1}; `labels` of "
            f"{type(dataset).__name__} has {found}."
        )
    clips_of_class = torch.tensor(labels).bincount(minlength=num_classes).clamp(min=1)
    return (args.logit_adjustment * (clips_of_class / len(labels)).log()).to(args.device)
