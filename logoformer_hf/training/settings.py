"""
All settings of a training. The command line overrides a YAML file, that a recipe, and that the defaults.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from transformers import HfArgumentParser

from .._compat import parser_actions
from ..configuration_logoformer import LogoFormerConfig
from ..data.sources.arguments import SourceArguments
from ..models.loading import SIZES
from .arguments import RECIPES, LogoFormerTrainingArguments

DESCRIPTION = (
    "Trains and tests LOGO-Former, or another video classifier of transformers under the same protocol. Without "
    "arguments: the demo on synthetic faces, in minutes on a CPU. A YAML file with settings may come first."
)


@dataclass
class ModelArguments:
    model: str = field(default="tiny", metadata={"help": "Size of a new LOGO-Former.", "choices": list(SIZES)})
    config_overrides: str | None = field(
        default=None, metadata={"help": "Fields of LogoFormerConfig as JSON, e.g. '{\"window_size\": [4, 7, 7]}'."}
    )
    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "A saved LOGO-Former, or another video classifier of transformers, to fine-tune instead."},
    )
    backbone_checkpoint: str | None = field(
        default=None, metadata={"help": "Local file or folder with a pretrained ResNet for the frame encoder."}
    )

    def __post_init__(self) -> None:
        if self.model_name_or_path and (self.backbone_checkpoint or self.config_overrides):
            raise ValueError("--model_name_or_path brings its own frame encoder and configuration: give it alone.")

    @property
    def description(self) -> str:
        """The model for readers, without a path."""
        if self.model_name_or_path:
            return f"fine-tuned {Path(self.model_name_or_path).name}"
        overrides = parse_overrides(self.config_overrides)
        return ", ".join([f"LOGO-Former {self.model}", *(f"{name} {value}" for name, value in overrides.items())])


@dataclass
class ProtocolArguments:
    select_on: str = field(
        default="validation",
        metadata={
            "help": "What the best epoch is chosen on: 'validation' clips, or, as most published numbers, 'test'.",
            "choices": ["validation", "test"],
        },
    )
    validation_size: float = field(
        default=0.1, metadata={"help": "Share of the training clips that is held out to choose on."}
    )
    seeds: int = field(default=1, metadata={"help": "Runs with different seeds, counted from --seed."})
    beside: str | None = field(
        default=None,
        metadata={
            "help": "Output folder of other runs, e.g. with --compact_loss none, that the report shows beside these."
        },
    )

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"`seeds` is {self.seeds}; it must be at least 1.")


@dataclass
class TransformArguments:
    min_crop_area: float = field(default=0.7, metadata={"help": "Smallest part of the central square a crop keeps."})
    color_jitter: float = field(default=0.0, metadata={"help": "Strength of random colour changes, 0 to 1."})
    erasing_prob: float = field(default=0.0, metadata={"help": "Chance that a rectangle of a clip is erased."})


@dataclass
class RecipeArguments:
    recipe: str = field(
        default="modern", metadata={"help": "Named defaults for the training arguments.", "choices": list(RECIPES)}
    )


@dataclass
class Settings:
    """All arguments, by what they are about."""

    model: ModelArguments
    source: SourceArguments
    protocol: ProtocolArguments
    transforms: TransformArguments
    recipe: RecipeArguments
    training: LogoFormerTrainingArguments


def build_parser() -> HfArgumentParser:
    """The parser of all settings."""
    groups: list[Any] = [each.type for each in fields(Settings)]
    return HfArgumentParser(groups, prog="logoformer train", description=DESCRIPTION)


def parse_arguments(arguments: Sequence[str]) -> Settings:
    """
    The settings of a command line; a first argument that ends in .yaml or .yml is the file.

    Raises:
        ValueError: a file with an unknown setting, or values that do not go together.
        SystemExit: an unknown argument, or a value of a wrong type; argparse has printed why.
    """
    arguments = list(arguments)
    parser = build_parser()
    known = {action.dest for action in parser_actions(parser)}
    settings: dict[str, Any] = {}
    if arguments and arguments[0].endswith((".yaml", ".yml")):
        settings = yaml.safe_load(Path(arguments[0]).read_text(encoding="utf-8")) or {}
        if unknown := sorted(set(settings) - known):
            raise ValueError(f"{arguments[0]}: unknown setting {unknown[0]!r}; `train_hf.py --help` lists them all.")
        arguments = arguments[1:]
    if isinstance(settings.get("config_overrides"), dict):
        settings["config_overrides"] = json.dumps(settings["config_overrides"])
    parser.set_defaults(**settings)
    recipe = parser.parse_known_args(arguments)[0].recipe
    parser.set_defaults(**RECIPES[recipe] | settings)
    return Settings(*parser.parse_args_into_dataclasses(arguments))


def parse_overrides(text: str | None) -> dict[str, Any]:
    try:
        overrides = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise ValueError(f"--config_overrides is {text!r}, which is not JSON: {error}.") from error
    if not isinstance(overrides, dict):
        raise ValueError(
            f"--config_overrides is {text!r}; it must be a JSON object, e.g. '{{\"window_size\": [4, 7, 7]}}'."
        )
    if unknown := sorted(set(overrides) - set(LogoFormerConfig.__dataclass_fields__)):
        raise ValueError(f"--config_overrides: LogoFormerConfig has no field {unknown[0]!r}.")
    return overrides
