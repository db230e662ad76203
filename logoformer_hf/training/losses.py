"""
The compact loss: small distances within a class, large ones between classes. Pure functions of a batch.

The paper's abstract asks for minimal distances within a class and maximal ones between classes; its formula was not
available to us. Both forms here are our choice, see `docs/training.md`. Both compute in float32 (float64 stays), so
they are finite for any logits or embeddings in float16 or bfloat16. Neither waits for the device: no shape depends on
the labels.
"""

import torch
from torch import nn


def margin_compact_loss(logits: torch.Tensor, labels: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """
    Half the symmetric KL divergence between the softmax over the wrong classes and the uniform distribution.

    With q the softmax of the logits over the K - 1 classes that are not the label and u = 1 / (K - 1), the loss of a
    clip is 1/2 sum_j (q_j - u) log q_j: zero exactly when the clip is equally far from every wrong class. Source:
    Kobayashi, "Large Margin In Softmax Cross-Entropy Loss", BMVC 2019.

    Args:
        logits: `(batch, classes)`, at least two classes; with two there is one wrong class and the loss is zero.
        labels: `(batch,)`, class numbers.
        reduction: "mean" over the batch, "sum", or "none" for `(batch,)`.

    Returns:
        A scalar, or `(batch,)`.

    Raises:
        ValueError: shapes that don't fit, or an unknown reduction.
    """
    check_batch("logits", logits, labels)
    num_classes = logits.shape[1]
    logits = logits if logits.dtype == torch.float64 else logits.float()
    # By their numbers: a Boolean index would give the same logits, and wait for the device to count them.
    wrong = torch.arange(num_classes - 1, device=labels.device).expand(len(labels), -1)
    wrong = wrong + (wrong >= labels[:, None])  # (batch, classes - 1), all class numbers but the label
    wrong_logits = logits.gather(1, wrong)  # (batch, classes - 1)
    log_q = nn.functional.log_softmax(wrong_logits, dim=1)
    loss = 0.5 * ((log_q.exp() - 1 / (num_classes - 1)) * log_q).sum(dim=1)  # (batch,)
    if reduction == "none":
        return loss
    if reduction not in ("mean", "sum"):
        raise ValueError(f"`reduction` is {reduction!r}; it must be 'mean', 'sum' or 'none'.")
    return loss.mean() if reduction == "mean" else loss.sum()


def center_compact_loss(
    embeddings: torch.Tensor, labels: torch.Tensor, num_classes: int | None = None, eps: float = 1e-6
) -> torch.Tensor:
    """
    Mean squared distance to the own class centre, divided by the mean squared distance between centres.

    Centres are the means of the batch's own clips. Classes without a clip in the batch have no centre and take no
    part. With fewer than two classes the loss is zero. The value is defined for the whole batch: the mean over
    micro-batches is another quantity, see `LogoFormerTrainer`.

    Args:
        embeddings: `(batch, hidden)`.
        labels: `(batch,)`, class numbers; clips with a negative one take no part.
        num_classes: how many classes there are; None looks at the labels, for which the device is waited for.
        eps: added to the distance between centres, which is zero while all embeddings are equal.

    Returns:
        A scalar, not below zero.

    Raises:
        ValueError: shapes that don't fit.
    """
    check_batch("embeddings", embeddings, labels)
    embeddings = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
    if len(labels) == 0:
        return embeddings.sum() * 0.0
    if num_classes is None:
        num_classes = max(int(labels.max()) + 1, 1)
    is_counted = labels >= 0
    embeddings = torch.where(is_counted[:, None], embeddings, 0.0)
    # A distance ratio does not change with scale; dividing first keeps squares of large embeddings finite.
    embeddings = embeddings / embeddings.detach().abs().amax().clamp_min(1.0)
    membership = labels[:, None] == torch.arange(num_classes, device=labels.device)  # (batch, classes)
    clips_of_class = membership.sum(dim=0)  # (classes,)
    is_present, num_present = clips_of_class > 0, (clips_of_class > 0).sum()
    centers = (
        membership.to(embeddings.dtype).T @ embeddings / clips_of_class.clamp(min=1)[:, None]
    )  # (classes, hidden)
    distances = (embeddings - centers[labels.clamp(min=0)]).square().sum(dim=1)  # (batch,)
    within = (distances * is_counted).sum() / is_counted.sum().clamp(min=1)
    # The mean over pairs of centres is twice their variance, corrected for the pairs of a centre with itself. Classes
    # without a clip have a centre of zeros, which is left out of both sums.
    deviations = (centers - centers.sum(dim=0) / num_present.clamp(min=1)).square().sum(dim=1) * is_present
    between = 2 * deviations.sum() / (num_present - 1).clamp(min=1)
    has_pairs = num_present >= 2
    ratio = within / torch.where(has_pairs, between + eps, 1.0)
    return torch.where(has_pairs, ratio, embeddings.sum() * 0.0)  # zero that still has a gradient


def check_batch(name: str, values: torch.Tensor, labels: torch.Tensor) -> None:
    """Raises a `ValueError` unless `values` is `(batch, width)`, `labels` `(batch,)` and logits have two classes."""
    if values.ndim != 2 or labels.shape != values.shape[:1]:
        raise ValueError(
            f"`{name}` has shape {tuple(values.shape)} and `labels` {tuple(labels.shape)}; they must be (batch, width)"
            " and (batch,)."
        )
    if name == "logits" and values.shape[1] < 2:
        raise ValueError(f"`logits` has shape {tuple(values.shape)}; the margin form needs at least two classes.")
