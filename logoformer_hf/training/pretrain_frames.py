"""
Pretrains the frame encoder of a LOGO-Former on stills, for `--backbone_checkpoint`.

What is trained is a LOGO-Former of one frame without layers: frame encoder, projection, LayerNorm, mean over the
places of the picture, and a linear output layer. A still is a clip of one frame, so that all else is as in `train`:
data, transforms, sampling, losses, choice of the epoch, resuming, report and card. Of a video a random frame is taken
in each epoch, and the middle one for tests.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import transformers

from .library_state import library_state_kept
from .settings import NewModelArguments, Program, parse_arguments, parse_overrides
from .train import train

# Fields of the configuration that make a LOGO-Former a classifier of single frames.
ONE_FRAME = {"num_frames": 1, "num_hidden_layers": 0, "window_size": [1, 1, 1]}
DESCRIPTION = (
    "Trains the frame encoder of a LOGO-Former on stills, with a linear output layer, and tests it. The output folder "
    "is for --backbone_checkpoint. Takes the options of `logoformer train`; settings of the transformer's layers "
    "change nothing. A YAML file with settings may come first."
)


@dataclass
class FrameEncoderArguments(NewModelArguments):
    """Which frame encoder is trained: that of a LOGO-Former of this size."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # In the settings themselves, so that a folder of this command is never taken for one of `train`.
        self.config_overrides = json.dumps(parse_overrides(self.config_overrides) | ONE_FRAME)

    @property
    def description(self) -> str:
        """Name of the model for reports, without a path."""
        overrides = parse_overrides(self.config_overrides)
        others = (f"{name} {value}" for name, value in overrides.items() if name not in ONE_FRAME)
        return ", ".join([f"frame encoder of LOGO-Former {self.model}", *others])


PRETRAIN_FRAMES = Program(
    "logoformer pretrain-frames",
    DESCRIPTION,
    FrameEncoderArguments,
    {
        "dataset": "stills",
        "model": "base",
        "output_dir": "outputs/frames",
        "weight_decay": 0.05,
        "mixup_alpha": 0.0,
        "per_device_train_batch_size": 128,
        "per_device_eval_batch_size": 256,
    },
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command `logoformer pretrain-frames`. `arguments` are those of the command line by default."""
    settings = parse_arguments(sys.argv[1:] if arguments is None else arguments, PRETRAIN_FRAMES)
    with library_state_kept():
        transformers.logging.set_verbosity_warning()
        transformers.logging.disable_progress_bar()  # of loading and saving; Trainer's own bar stays
        train(settings)
    if settings.training.process_index == 0:
        folder = Path(settings.training.output_dir)
        of_run = folder if settings.protocol.seeds == 1 else folder / f"seed-{settings.training.seed}"
        print(f"for a LOGO-Former: logoformer train --model {settings.model.model} --backbone_checkpoint {of_run} ...")
