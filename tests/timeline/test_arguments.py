"""Arguments of `predict`: what they must be, said before anything is loaded."""

from argparse import ArgumentParser

import pytest
from errors import raises_naming
from processes import run_python

from logoformer_hf.timeline.arguments import PredictArguments, add_predict_arguments


@pytest.mark.parametrize(("shard", "share"), [(None, (1, 1)), ("1/1", (1, 1)), ("3/20", (3, 20)), ("20/20", (20, 20))])
def test_a_shard_is_a_number_of_many(shard, share):
    assert PredictArguments("m", shard=shard).share() == share


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "1/0", "-1/3", "1/3/5", "a/b", "", " 1/3", "1.5/3", "¹/3"])
def test_what_is_no_shard_is_named_beside_an_example(shard):
    with raises_naming(ValueError, f"--shard {shard}", "3/20"):
        PredictArguments("m", shard=shard)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("detect_every", 0),
        ("num_processes", 0),
        ("pair_sec", 0.0),
        ("pair_sec", -1.0),
        ("pair_sec", 1e-12),
        ("output", ""),
        ("pair_sec", float("nan")),
        ("pair_sec", float("inf")),
    ],
)
def test_numbers_that_are_too_small_are_named(name, value):
    with raises_naming(ValueError, f"--{name} {value}"):
        PredictArguments("m", **{name: value})


def test_the_smallest_numbers_are_accepted():
    arguments = PredictArguments("m", batch_size=1, detect_every=1, num_processes=1, pair_sec=0.01)
    assert arguments.detector == "auto" and arguments.output is None


def test_paths_come_before_or_after_a_switch():
    parser = ArgumentParser()
    add_predict_arguments(parser)
    assert parser.parse_args(["--overwrite", "a.mp4", "b"]).paths == ["a.mp4", "b"]
    args = parser.parse_args(["a.mp4"])
    assert args.paths == ["a.mp4"] and not args.overwrite
    with pytest.raises(SystemExit):
        parser.parse_args(["--overwrite"])


def test_the_module_is_imported_without_what_only_the_work_needs():
    code = "import sys, logoformer_hf.timeline.arguments; print([m for m in ('cv2', 'pandas') if m in sys.modules])"
    loaded = "import sys, logoformer_hf; print([m for m in ('cv2', 'pandas') if m in sys.modules])"
    assert run_python(code).stdout == run_python(loaded).stdout
