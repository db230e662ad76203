"""A learning rate that drops to a tenth after every so many epochs."""

import math

import torch


def drop_to_tenths(
    optimizer: torch.optim.Optimizer, epochs: int, steps_per_epoch: float
) -> torch.optim.lr_scheduler.StepLR:
    """
    A schedule that multiplies the learning rates of an optimiser by 0.1 after every `epochs` epochs.

    Args:
        optimizer: of the training; learning rates that an earlier schedule has lowered are put back first.
        epochs: from one drop to the next, at least 1.
        steps_per_epoch: optimiser steps of an epoch.
    """
    for group in optimizer.param_groups:
        group["lr"] = group.get("initial_lr", group["lr"])
    # Rounded up, so that the last step of an epoch has the learning rate of that epoch.
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=math.ceil(epochs * steps_per_epoch), gamma=0.1)
