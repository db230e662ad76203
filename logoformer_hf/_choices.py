"""Options of a command line whose values are choices from a list: case does not matter."""

from argparse import ArgumentParser
from collections.abc import Collection
from functools import partial

from ._compat import parser_actions


def ignore_case_of_choices(parser: ArgumentParser) -> None:
    """Lets the options of a parser that have choices take them in any case: `--dataset DFEW` is `--dataset dfew`."""
    for action in parser_actions(parser):
        if action.choices and all(isinstance(choice, str) for choice in action.choices):
            action.type = partial(as_declared, list(action.choices))


def as_declared(choices: Collection[str], text: str) -> str:
    """The choice that differs from a text in case alone; without one the text itself, which argparse then refuses."""
    if text in choices:
        return text
    return next((choice for choice in choices if choice.casefold() == text.casefold()), text)
