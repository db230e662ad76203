"""Recognisers with a tiny model, and footage in memory."""

from pathlib import Path

import pytest
import torch
from toys import new_model

from logoformer_hf import LogoFormerConfig, LogoFormerVideoProcessor
from logoformer_hf.timeline.recognizer import ExpressionRecognizer


@pytest.fixture(scope="session")
def footage_model(tmp_path_factory) -> Path:
    """A folder with a tiny model whose scores differ from window to window, and its processor."""
    folder = tmp_path_factory.mktemp("footage_model")
    config = LogoFormerConfig.tiny(image_size=32)
    model = new_model(config)
    with torch.no_grad():
        model.classifier.weight.mul_(20)
    model.save_pretrained(folder)
    LogoFormerVideoProcessor.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture
def recognizer_of(footage_model):
    """Function that makes a recogniser with this detector, and any other arguments."""

    def make(detector=None, model=footage_model, **arguments) -> ExpressionRecognizer:
        return ExpressionRecognizer(model, detector=detector, device="cpu", **arguments)

    return make
