"""
All settings of a training. Priority: command line, then YAML file, then what is faster on a GPU, then recipe, then the
defaults.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from transformers import HfArgumentParser
from transformers.hf_argparser import string_to_bool

from .._choices import as_declared, ignore_case_of_choices
from .._compat import parser_actions
from ..configuration_logoformer import LogoFormerConfig
from ..data.sources.arguments import SourceArguments
from ..models.loading import SIZES
from .arguments import RECIPES, LogoFormerTrainingArguments
from .device_defaults import cores_per_process, device_defaults, gpu_capability
from .earlier_runs import earlier_recipe
from .evaluation_arguments import VIEWS_FIELD, check_test_views

DESCRIPTION = (
    "Trains and tests LOGO-Former, or another video classifier of transformers under the same protocol. Without "
    "arguments: the demo on synthetic faces, in minutes on a CPU. A YAML file with settings may come first."
)


@dataclass
class ModelArguments:
    """Which model is trained: a new LOGO-Former, or a saved model."""

    model: str = field(default="tiny", metadata={"help": "Size of a new LOGO-Former.", "choices": list(SIZES)})
    config_overrides: str | None = field(
        default=None, metadata={"help": "Fields of LogoFormerConfig as JSON, e.g. '{\"window_size\": [4, 7, 7]}'."}
    )
    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "A saved LOGO-Former, or another video classifier of transformers, to fine-tune instead."},
    )
    backbone_checkpoint: str | None = field(
        default=None,
        metadata={
            "help": "Local file or folder with a pretrained ResNet for the frame encoder, as `pretrain-frames` and "
            "`pretrain-clips` write them."
        },
    )
    image_mean: list[float] | None = field(
        default=None,
        metadata={
            "help": "With --backbone_checkpoint: mean of the pixels, 0 to 1, that it was trained with, one number or "
            "three (red, green, blue); by default what its folder says, or a guess by the name of the file, which is "
            "printed. `--image_mean 0 --image_std 1` leaves pixels in 0 to 1."
        },
    )
    image_std: list[float] | None = field(
        default=None, metadata={"help": "Standard deviation of these pixels; given together with --image_mean."}
    )

    def __post_init__(self) -> None:
        self._check_normalisation()
        if self.model_name_or_path and (self.backbone_checkpoint or self.config_overrides):
            raise ValueError(
                "--model_name_or_path loads a frame encoder and a configuration: give it without "
                "--backbone_checkpoint and --config_overrides."
            )

    def _check_normalisation(self) -> None:
        if self.image_mean is None and self.image_std is None:
            return
        if self.backbone_checkpoint is None:
            raise ValueError(
                "`image_mean` and `image_std` are those of the weights in `backbone_checkpoint`: give all three."
            )
        if self.image_mean is None or self.image_std is None:
            lacking = "image_mean" if self.image_mean is None else "image_std"
            raise ValueError(f"`{lacking}` is missing: give `image_mean` and `image_std` together.")
        self.image_mean = _one_per_channel("image_mean", self.image_mean)
        self.image_std = _one_per_channel("image_std", self.image_std)
        are_means = all(0 <= value <= 1 for value in self.image_mean)
        if not are_means or not all(0 < value <= 1 for value in self.image_std):
            raise ValueError(
                f"`image_mean` is {self.image_mean} and `image_std` is {self.image_std}; they are for pixels from 0 "
                "to 1, so means are from 0 to 1, and deviations more than 0 and at most 1: divide those for pixels "
                "from 0 to 255 by 255."
            )

    @property
    def description(self) -> str:
        """Name of the model for reports, without a path."""
        if self.model_name_or_path:
            return f"fine-tuned {Path(self.model_name_or_path).name}"
        overrides = parse_overrides(self.config_overrides)
        return ", ".join([f"LOGO-Former {self.model}", *(f"{name} {value}" for name, value in overrides.items())])


@dataclass
class NewModelArguments(ModelArguments):
    """Which frame encoder is pretrained: that of a new LOGO-Former."""

    def __post_init__(self) -> None:
        if self.model_name_or_path:
            raise ValueError(
                "--model_name_or_path is for `logoformer train`; to start from pretrained weights of a frame encoder "
                "give --backbone_checkpoint."
            )
        super().__post_init__()


def _one_per_channel(name: str, values: Sequence[float]) -> list[float]:
    """Three numbers, of one or three."""
    if len(values) not in (1, 3):
        raise ValueError(f"`{name}` has {len(values)} numbers; it must have one, or three (red, green, blue).")
    return list(values) * (3 // len(values))


@dataclass
class ProtocolArguments:
    """How the epoch is chosen, how many runs there are, and what the report compares them with."""

    select_on: str = field(
        default="validation",
        metadata={
            "help": "Clips that the best epoch is chosen on: 'validation', or 'test' as for most published numbers.",
            "choices": ["validation", "test"],
        },
    )
    validation_size: float = field(
        default=0.1, metadata={"help": "Share of the training clips that is held out for validation, 0 to 1."}
    )
    train_share: float = field(
        default=1.0,
        metadata={
            "help": "Share of the clips to train on that is used, more than 0 to 1: of every class, or whole people "
            "where it is known who is in the clips. Which, is a function of the run's seed; validation and test stay "
            "whole."
        },
    )
    seeds: int = field(default=1, metadata={"help": "Number of runs with different seeds, counted up from --seed."})
    test_views: int = field(default=1, metadata=VIEWS_FIELD)
    allow_seen_clips: bool = field(
        default=False,
        metadata={
            "help": "Test, or choose the epoch, also on clips that the model was trained on; every result is marked."
        },
    )
    beside: str | None = field(
        default=None,
        metadata={
            "help": "Output folder of other runs, e.g. with --compact_loss none, that the report compares these with."
        },
    )

    def __post_init__(self) -> None:
        if not 0 < self.train_share <= 1:
            raise ValueError(f"`train_share` is {self.train_share}; it must be more than 0 and at most 1, as 0.1.")
        check_test_views(self.test_views)
        if self.seeds < 1:
            raise ValueError(f"`seeds` is {self.seeds}; it must be at least 1.")


@dataclass
class TransformArguments:
    """Augmentation of the training clips."""

    min_crop_area: float = field(
        default=0.7, metadata={"help": "Smallest share of the central square's area that a crop keeps, 0 to 1."}
    )
    color_jitter: float = field(default=0.0, metadata={"help": "Strength of random colour changes, 0 to 1."})
    erasing_prob: float = field(
        default=0.0, metadata={"help": "Probability that a rectangle of a clip is erased, 0 to 1."}
    )


@dataclass
class RecipeArguments:
    """The recipe, a named set of training arguments."""

    recipe: str = field(
        default="modern", metadata={"help": "Named defaults for the training arguments.", "choices": list(RECIPES)}
    )


@dataclass
class Settings:
    """All arguments, one field per group."""

    model: ModelArguments
    source: SourceArguments
    protocol: ProtocolArguments
    transforms: TransformArguments
    recipe: RecipeArguments
    training: LogoFormerTrainingArguments


@dataclass(frozen=True)
class Program:
    """
    A command that trains.

    Attributes:
        name: as it is called.
        description: for its help.
        model: dataclass of the options of its model.
        defaults: of options that differ from those of `logoformer train`, whichever recipe is chosen.
    """

    name: str
    description: str
    model: type[ModelArguments] = ModelArguments
    defaults: Mapping[str, Any] = field(default_factory=dict)


TRAIN = Program("logoformer train", DESCRIPTION)


def build_parser(program: Program = TRAIN) -> HfArgumentParser:
    """The parser of all settings."""
    groups: list[Any] = [program.model if each.type is ModelArguments else each.type for each in fields(Settings)]
    # An abbreviation would be another option as soon as one with the same beginning is added.
    parser = HfArgumentParser(groups, prog=program.name, description=program.description, allow_abbrev=False)
    parser.set_defaults(**program.defaults)
    ignore_case_of_choices(parser)
    for action in parser_actions(parser):
        if action.dest == "recipe":
            action.type = recipe_name
    return parser


def recipe_name(text: str) -> str:
    """The recipe of this name in any case. `port` was called `paper`, though no paper has its values."""
    name = as_declared(RECIPES, text)
    return "port" if name.casefold() == "paper" else name


def parse_arguments(arguments: Sequence[str], program: Program = TRAIN) -> Settings:
    """
    The settings of a command line. A first argument that ends in .yaml or .yml is read as a settings file. Where the
    output folder has a run of version 0.1, defaults of the recipe are those of then.

    Raises:
        ValueError: an unknown argument or setting, a file that is no YAML, or values that exclude each other.
        SystemExit: a value of a wrong type; argparse has printed the reason.
    """
    arguments = list(arguments)
    parser = build_parser(program)
    if arguments and arguments[0].endswith((".yaml", ".yml")):
        options = {action.dest: action for action in reversed(parser_actions(parser))}  # `--x` before `--no_x`
        arguments = [
            *read_settings_file(Path(arguments[0]), options),
            *arguments[1:],
        ]  # the later of two values counts
    given = parser.parse_known_args(arguments)[0]
    recipe = RECIPES[given.recipe] | earlier_recipe(given.recipe, Path(given.output_dir))
    parser.set_defaults(**recipe | dict(program.defaults))
    given = parser.parse_known_args(arguments)[0]
    parser.set_defaults(**device_defaults(given, gpu_capability(), cores_per_process()))
    return Settings(*parser.parse_args_into_dataclasses(arguments))


class _AsWritten(yaml.SafeLoader):
    """Reads scalars as they are written, except null: YAML itself makes False of `no`, 8 of `010`, 1.5 of `1.50`."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As in `SafeLoader`, which takes the last of several values of one key."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.YAMLError(f"{min(twice)!r} stands there twice")
        return super().construct_mapping(node, deep)


_AsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_settings_file(file: Path, options: Mapping[str, argparse.Action]) -> list[str]:
    """
    The settings of a YAML file as arguments, so that they are checked as those of the command line are.

    Args:
        file: a mapping of settings to values; `label_map`, `optim_args` and settings that are JSON, as
            `config_overrides`, may be mappings themselves.
        options: all settings by their names.

    Raises:
        ValueError: no YAML, no mapping, or an unknown setting.
        OSError: the file cannot be read.
    """
    try:
        content = file.read_text(encoding="utf-8")
        settings, typed = yaml.load(content, _AsWritten), yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no YAML in UTF-8: {' '.join(str(error).split())}") from error
    settings = {} if settings is None else settings
    if not isinstance(settings, dict):
        raise ValueError(f"{file} holds {settings!r:.60}; it must hold one `setting: value` a line.")
    arguments = []
    for key, value in settings.items():
        name = str(key).replace("-", "_")
        if name not in options:
            raise ValueError(f"{file}: unknown setting {key!r}; `train_hf.py --help` lists them all.")
        if isinstance(value, dict):
            value = _mapping_argument(name, value, typed[key])
        if options[name].type is string_to_bool and isinstance(value, str):
            value = {"on": "yes", "off": "no"}.get(value.lower(), value)  # booleans of YAML, not of the command line
        if isinstance(value, list) and options[name].nargs != "+":
            raise ValueError(f"{file}: {key} is the list {value}; it takes one value.")
        if isinstance(value, list):
            arguments += [f"--{name}", *map(str, value)]
        elif value is not None:
            arguments.append(f"--{name}={value}")
    return arguments


def _mapping_argument(name: str, written: Mapping[str, Any], typed: Mapping[Any, Any]) -> str | list[str]:
    """A setting whose value is a mapping as the value of the option, from its values as written and with types."""
    if name == "label_map":
        return [f"{number}={label}" for number, label in written.items()]
    if name == "optim_args":
        return ",".join(f"{key}={value}" for key, value in typed.items())
    return json.dumps(typed, default=str)


def parse_overrides(text: str | None) -> dict[str, Any]:
    """
    Fields of `LogoFormerConfig` with their values, from the JSON object in `--config_overrides`.

    Raises:
        ValueError: no JSON, no object, an unknown field, or one that training sets.
    """
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
    if overrides.get("problem_type") not in (None, "single_label_classification"):
        raise ValueError(
            f"--config_overrides: `problem_type` is {overrides['problem_type']!r}; every clip has one label, and the "
            "loss is cross-entropy: leave it out."
        )
    if "score_temperature" in overrides:
        raise ValueError(
            "--config_overrides: `score_temperature` is fitted on validation clips after the training; leave it out."
        )
    return overrides
