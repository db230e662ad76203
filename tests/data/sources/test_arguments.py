"""The command-line arguments that choose clips."""

from dataclasses import fields
from typing import get_type_hints

import pytest
from errors import raises_naming
from transformers import HfArgumentParser

from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.table import SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_every_option_of_a_source_is_an_argument_with_its_help(name):
    arguments = {field.name: field for field in fields(SourceArguments)}
    for option in fields(SOURCES[name].options):
        argument = arguments[option.name]
        assert argument.default == option.default
        # Not by `argument.type`, which HfArgumentParser overwrites.
        assert get_type_hints(SourceArguments)[option.name] == get_type_hints(SOURCES[name].options)[option.name]
        assert argument.metadata["help"]


def test_the_command_line_reads_them():
    parser = HfArgumentParser(SourceArguments)
    [args] = parser.parse_args_into_dataclasses(
        ["--dataset", "dfew", "--data_dir", "x", "--fold", "all", "--label_map", "0=sad", "1=happy"]
    )
    assert args.source is SOURCES["dfew"] and list(args.folds) == [1, 2, 3, 4, 5]
    assert args.options == SOURCES["dfew"].options(data_dir="x", fold="all", label_map=["0=sad", "1=happy"])
    with pytest.raises(SystemExit):
        parser.parse_args_into_dataclasses(["--dataset", "nowhere"])


def test_without_arguments_they_are_the_synthetic_faces():
    args = SourceArguments()
    assert (args.dataset, list(args.folds), args.labels) == ("faces", [None], None)
    assert args.options == SOURCES["faces"].options()


def test_folds():
    assert list(SourceArguments(dataset="dfew", data_dir="x", fold="2").folds) == [2]
    assert list(SourceArguments(dataset="ferv39k", data_dir="x").folds) == [None]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dataset": "dfew", "fold": "1"}, ["dfew", "data_dir"]),
        ({"dataset": "dfew", "data_dir": "x"}, ["dfew", "fold", "all"]),
        ({"dataset": "dfew", "data_dir": "x", "fold": "6"}, ["dfew", "fold", "'6'", "1, 2, 3, 4, 5", "all"]),
        ({"dataset": "dfew", "data_dir": "x", "fold": "all", "list_file": ["a", "b"]}, ["all", "list_file"]),
        ({"dataset": "ferv39k", "data_dir": "x", "fold": "1"}, ["fold", "ferv39k", "dfew", "prepared"]),
        ({"dataset": "clips", "data_dir": "x", "setup": "Action"}, ["setup", "clips", "ferv39k"]),
        ({"data_dir": "x"}, ["data_dir", "faces", "dfew"]),
        ({"dataset": "clips", "data_dir": "x", "difficulty": 0.5}, ["difficulty", "clips", "faces"]),
        ({"dataset": "dfew", "data_dir": "x", "fold": "1", "uneven_classes": True}, ["uneven_classes", "faces"]),
        ({"dataset": "clips", "data_dir": "x", "view_difficulty": 0.5}, ["view_difficulty", "clips", "faces"]),
        ({"view_difficulty": -0.5}, ["faces", "view_difficulty", "-0.5"]),
        ({"difficulty": 1.5}, ["faces", "difficulty", "1.5"]),
        ({"difficulty": float("nan")}, ["faces", "difficulty", "nan"]),
    ],
)
def test_arguments_that_do_not_fit_are_named(settings, words):
    with raises_naming(ValueError, *words):
        SourceArguments(**settings)
