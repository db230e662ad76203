"""Options with choices take them in any case."""

import argparse

import pytest

from logoformer_hf._choices import as_declared, ignore_case_of_choices
from logoformer_hf.cli import build_parser


@pytest.mark.parametrize("command", ["evaluate", "prepare"])
def test_the_commands_take_any_case(command):
    needed = ["--output_dir", "out", *(["--model", "m"] if command == "evaluate" else [])]
    args = build_parser([command]).parse_args([command, *needed, "--dataset", "DFEW", "--on_problem", "SKIP"])
    assert (args.dataset, args.on_problem) == ("dfew", "skip")


def test_choices_that_differ_in_case_alone_stay_two():
    assert [as_declared(["a", "A"], text) for text in ("a", "A", "b")] == ["a", "A", "b"]


def test_other_options_stay_as_they_are():
    parser = argparse.ArgumentParser()
    parser.add_argument("--number", type=int, choices=[1, 2])
    parser.add_argument("--free")
    ignore_case_of_choices(parser)
    args = parser.parse_args(["--number", "2", "--free", "ABC"])
    assert (args.number, args.free) == (2, "ABC")
