"""
Private attributes of the libraries, each with the reason and the version that was tried. Nothing else here reads one;
the files that travel with a checkpoint, which can't import this one, say their own reasons.
"""

import argparse
from typing import IO, TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:  # both take long to import
    from datasets import DatasetBuilder
    from transformers import PreTrainedModel

# The common base of batch norm in one, two and three dimensions and of its synchronised form, which has no public name
# (torch 2.14).
BatchNorm = torch.nn.modules.batchnorm._BatchNorm


def initialise_weights(model: "PreTrainedModel", module: nn.Module) -> None:
    """New weights of a module, drawn as the model draws its own: the library initialises whole models only (5.24)."""
    model._init_weights(module)


def parser_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """All arguments of a parser, which argparse does not list (Python 3.14)."""
    return list(parser._actions)


def open_beside_cache(builder: "DatasetBuilder", name: str, mode: str) -> IO[str]:
    """
    Opens a file of our own beside the Arrow files of a builder.

    While the rows are built, they are in a folder with another name than `builder.cache_dir`, which is renamed
    afterwards; only the private attribute follows (datasets 5.2).
    """
    file: IO[str] = builder._fs.open(f"{builder._output_dir}/{name}", mode, encoding="utf-8")
    return file
