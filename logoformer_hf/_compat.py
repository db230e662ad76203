"""
Private attributes of the libraries, each with the reason and the version that was tested. No other module reads one,
except the files that are saved with a checkpoint: they cannot import this module and give the reasons themselves.
"""

import argparse
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:  # both take long to import
    from datasets import DatasetBuilder
    from transformers import PreTrainedModel

# The common base class of batch norm in one, two and three dimensions and of its synchronised form has no public name
# (torch 2.14).
BatchNorm = torch.nn.modules.batchnorm._BatchNorm


def initialise_weights(model: "PreTrainedModel", module: nn.Module) -> None:
    """
    Initialises the weights of one module as the model initialises its own.

    The public functions of the library initialise whole models only (transformers 5.24).
    """
    model._init_weights(module)


def can_leave_out_steps(optimizer: torch.optim.Optimizer) -> bool:
    """
    Whether an optimiser leaves out a step, on the device, where its attribute `found_inf` is 1. Only a GradScaler
    calls `step` so, and asks for it by the private attribute (torch 2.14).
    """
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def sizes_of_one_are_not_special() -> AbstractContextManager[Any]:
    """
    While an exported graph is recorded, lets sizes of 0 and 1 be like any other ones.

    Otherwise a graph for any number of windows cannot be recorded, and there is no public setting (torch 2.14).
    """
    from torch.fx.experimental import _config

    settings: Any = _config
    context: AbstractContextManager[Any] = settings.patch(backed_size_oblivious=True)
    return context


def parser_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """All arguments of a parser; argparse has no public list of them (Python 3.14)."""
    return list(parser._actions)


def open_beside_cache(builder: "DatasetBuilder", name: str, mode: str) -> IO[str]:
    """
    Opens an additional file in the folder of a builder's Arrow files.

    While the rows are built, this folder has a temporary name, and it is renamed to `builder.cache_dir` afterwards;
    only the private attribute has the current name (datasets 5.2).
    """
    file: IO[str] = builder._fs.open(f"{builder._output_dir}/{name}", mode, encoding="utf-8")
    return file
