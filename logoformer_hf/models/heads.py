"""The output layer of a classifier and its labels, matched by the meaning of their names."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from .._compat import initialise_weights
from ..data.labels import match_label_names


def class_names(model: PreTrainedModel) -> list[str]:
    """Names of the model's classes in the order of their numbers."""
    id2label: Any = model.config.id2label  # never None, unlike its type: the library sets it
    return [id2label[number] for number in range(len(id2label))]


def known_labels(model: PreTrainedModel, label_names: Sequence[str]) -> dict[str, int]:
    """
    The model's class number of each of these labels that it has, by the meaning of the names: "Happiness" is "happy".

    Raises:
        ValueError: two of the labels, or two of the model's classes for one label, have the same meaning.
    """
    known = class_names(model)
    class_of = match_label_names([*known, *label_names])[1]
    wanted = [class_of[name] for name in label_names]
    for whose, names in (("the labels", label_names), ("the model's classes", known)):
        for meaning in wanted:
            same = [name for name in names if class_of[name] == meaning]
            if len(same) > 1:
                raise ValueError(
                    f"{' and '.join(map(repr, same))} of {whose} have the same meaning: keep one of them."
                )
    number = {class_of[name]: number for number, name in enumerate(known)}
    return {name: number[class_of[name]] for name in label_names if class_of[name] in number}


@torch.no_grad()
def set_labels(model: PreTrainedModel, label_names: Sequence[str], known: Mapping[str, int]) -> None:
    """
    Replaces the labels of a model, or changes their order, with a new output layer. A temperature that was fitted for
    the old one is removed.

    Args:
        model: any video classifier whose output layer is a linear `classifier`.
        label_names: at least two different names in the order of their numbers.
        known: number of the old class whose weights a label keeps. Other labels get new weights.

    Raises:
        ValueError: fewer than two labels, equal labels, or no linear `classifier`.
    """
    if len(set(label_names)) < max(len(label_names), 2):
        raise ValueError(f"`label_names` is {list(label_names)}; it must be at least two different names.")
    old = output_layer(model)
    new = nn.Linear(old.in_features, len(label_names), bias=old.bias is not None)
    initialise_weights(model, new)
    new = new.to(old.weight.device, old.weight.dtype)
    for row, name in enumerate(label_names):
        if name in known:
            for tensor, old_tensor in zip(new.parameters(), old.parameters(), strict=True):
                tensor[row] = old_tensor[known[name]]
    model.classifier = new
    model.num_labels = len(label_names)  # type: ignore[assignment]  # for mypy every attribute of a module is a tensor
    for field, value in number_labels(label_names).items():
        setattr(model.config, field, value)
    set_temperature(model, None)


def set_temperature(model: PreTrainedModel, temperature: float | None) -> None:
    """
    Sets the temperature of calibrated scores in the configuration of any classifier; None: not calibrated. That of a
    model which never had one is left as it is.
    """
    if temperature is not None or get_temperature(model) is not None:
        model.config.score_temperature = temperature


def get_temperature(model: PreTrainedModel) -> float | None:
    """
    The temperature of calibrated scores in the configuration of any classifier, or None.

    Raises:
        ValueError: it is not a finite number of more than 0.
    """
    temperature = getattr(model.config, "score_temperature", None)
    if temperature is None:
        return None
    # LogoFormerConfig checks its own; the configurations of other models take any value.
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 < temperature < math.inf:
        raise ValueError(
            f"`score_temperature` in the configuration of this {model.config.model_type} is {temperature!r}; it must "
            "be a finite number of more than 0, or null for a model that is not calibrated."
        )
    return float(temperature)


def number_labels(label_names: Sequence[str]) -> dict[str, dict[Any, Any]]:
    """The fields `id2label` and `label2id` of a configuration."""
    id2label = dict(enumerate(label_names))
    return {"id2label": id2label, "label2id": {name: number for number, name in id2label.items()}}


def output_layer(model: PreTrainedModel) -> nn.Linear:
    """The layer from a clip's embedding `(batch, hidden)` to its logits `(batch, classes)`."""
    layer = getattr(model, "classifier", None)
    if not isinstance(layer, nn.Linear):
        raise ValueError(
            f"the `classifier` of {type(model).__name__} is {type(layer).__name__}; it must be a linear output layer."
        )
    return layer
