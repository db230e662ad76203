"""
Writes the page with every option of every command: `python docs/write_command_line.py docs/command_line.md`

Options of training that `transformers.TrainingArguments` declares are listed with their default only: they depend on
the release of transformers, whose documentation describes them.
"""

import argparse
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import transformers
from transformers import TrainingArguments

from logoformer_hf._compat import parser_actions
from logoformer_hf.cli import COMMANDS, build_parser
from logoformer_hf.data.sources.arguments import CommonArguments, SourceArguments
from logoformer_hf.data.sources.table import SOURCES
from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.pretrain_clips import PRETRAIN_CLIPS
from logoformer_hf.training.pretrain_frames import PRETRAIN_FRAMES
from logoformer_hf.training.settings import Program, Settings
from logoformer_hf.training.settings import build_parser as build_training_parser

MEANINGS = "https://huggingface.co/docs/transformers/main_classes/trainer#transformers.TrainingArguments"
INTRODUCTION = """\
# Command line

Written by `python docs/write_command_line.py docs/command_line.md` from the parsers; `logoformer COMMAND --help`
prints the same.

`accelerate launch train_hf.py`, `accelerate launch -m logoformer_hf.training` and `logoformer train` take the same
options. Their first argument may be a YAML file with options: `logoformer train run.yaml --seed 1`. The command line
overrides the file, the file overrides the recipe, and the recipe overrides the defaults below. Options with the
default `True` or `False` take one of these words.
"""
CLIPS = """\
## Which clips

Options of `logoformer train`, `logoformer prepare` and `logoformer evaluate`. An option that does not apply to the
chosen data set is an error.
"""
# Commands that take the options of `logoformer train`.
PROGRAMS = {"pretrain-frames": PRETRAIN_FRAMES, "pretrain-clips": PRETRAIN_CLIPS}


def command_line_page() -> str:
    """The page as Markdown."""
    actions: dict[str, argparse.Action] = {}
    for action in parser_actions(build_training_parser()):
        actions.setdefault(
            action.dest, action
        )  # the first one; the second is `--no_...` for an option that is on by default
    parts = [INTRODUCTION, CLIPS, source_table(actions), "## logoformer train\n"]
    for group in dataclasses.fields(Settings):
        arguments: Any = group.type
        if arguments is LogoFormerTrainingArguments:
            parts += training_sections(actions)
        elif arguments is not SourceArguments:
            parts += [f"### {group.name}\n", table(actions[field.name] for field in dataclasses.fields(arguments))]
    parser = build_parser(list(COMMANDS))
    [commands] = (action.choices for action in parser_actions(parser) if isinstance(action.choices, dict))
    of_clips = {field.name for field in dataclasses.fields(SourceArguments)}
    for name, command in COMMANDS.items():
        if name in PROGRAMS:
            text = (command.run.__doc__ or "").strip()
            parts += [f"## logoformer {name}\n", f"{text}\n", defaults_of(PROGRAMS[name])]
        elif name != "train":
            own = [action for action in parser_actions(commands[name]) if action.dest not in of_clips]
            parts += [f"## logoformer {name}\n", f"{(command.run.__doc__ or '').strip()}\n", table(own)]
    return "\n".join(parts)


def defaults_of(program: Program) -> str:
    """The defaults of a program that differ from those of `logoformer train`."""
    changed: dict[str, argparse.Action] = {}
    for action in parser_actions(build_training_parser(program)):
        if action.dest in program.defaults:
            changed.setdefault(action.dest, action)  # the first one, as above
    return f"Takes the options of `logoformer train`. These have other defaults:\n\n{table(changed.values())}"


def source_table(actions: dict[str, argparse.Action]) -> str:
    """The table of the options that choose clips, with the data sets that they apply to."""
    rows = ["| option | default | data sets | meaning |", "| --- | --- | --- | --- |"]
    common = {field.name for field in dataclasses.fields(CommonArguments)}
    for field in dataclasses.fields(SourceArguments):
        action = actions[field.name]
        takers = [
            name
            for name, source in SOURCES.items()
            if field.name in {option.name for option in dataclasses.fields(source.options)} - common
        ]
        cells = f"`--{action.dest}`", default_of(action), ", ".join(takers) or "all", meaning_of(action)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def training_sections(actions: dict[str, argparse.Action]) -> Iterable[str]:
    """The options that `LogoFormerTrainingArguments` declares, then those that it inherits."""
    own = LogoFormerTrainingArguments.__annotations__
    machine = {field.name for field in dataclasses.fields(LogoFormerTrainingArguments) if has_factory(field)}
    yield "### training: options of this package, or with defaults of their own\n"
    yield table((actions[name] for name in own), by_machine=machine)
    yield f"### training: other options of transformers {transformers.__version__}\n"
    yield f"[Their meaning]({MEANINGS}).\n"
    rest = [
        field for field in dataclasses.fields(TrainingArguments) if field.name in actions and field.name not in own
    ]
    defaults = {field.name: "-" if has_factory(field) else default_of(actions[field.name]) for field in rest}
    yield ", ".join(f"`--{name}` ({default})" for name, default in defaults.items()) + "\n"


def has_factory(field: dataclasses.Field[Any]) -> bool:
    """Whether the default of a field is computed, so that it may depend on the machine."""
    return field.default_factory is not dataclasses.MISSING


def table(actions: Iterable[argparse.Action], by_machine: Iterable[str] = ()) -> str:
    """A table of options with their defaults; the defaults of those in `by_machine` depend on the machine."""
    rows = ["| option | default | meaning |", "| --- | --- | --- |"]
    for action in actions:
        if action.dest != "help":
            name = f"`--{action.dest}`" if action.option_strings else f"`{action.dest}`"
            default = "by the machine" if action.dest in by_machine else default_of(action)
            rows.append(f"| {name} | {default} | {meaning_of(action)} |")
    return "\n".join(rows) + "\n"


def meaning_of(action: argparse.Action) -> str:
    """The help text of an option and its choices, as the text of a table cell."""
    meaning = (action.help or "").replace("|", "\\|").replace("\n", " ").replace("%%", "%")
    choices = ", ".join(f"`{choice}`" for choice in action.choices or ())
    return f"{meaning} One of {choices}." if choices else meaning


def default_of(action: argparse.Action) -> str:
    """The default of an option, as the text of a table cell."""
    if action.required or (not action.option_strings and action.nargs is None):
        return "needed"
    if action.default is None:
        return "-"
    return f"`{action.default}`" if str(action.default) else "empty"


def main() -> None:
    """Writes the page to the path on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0].strip())
    parser.add_argument("page", type=Path)
    parser.parse_args().page.write_text(command_line_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
