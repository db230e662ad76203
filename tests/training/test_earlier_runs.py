"""Defaults for runs that version 0.1 began; tests/test_before_the_move.py has one that goes on."""

import json

import pytest

from logoformer_hf.training.earlier_runs import earlier_recipe, is_of_earlier_version
from logoformer_hf.training.settings import parse_arguments

EARLIER = {"weight_decay": 0.05, "mixup_alpha": 0.0}


def begin(folder, **settings):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"seed": 42} | settings))


@pytest.mark.parametrize("place", ["", "fold-3", "seed-7", "fold-2/seed-7"])
def test_a_run_that_was_begun_with_other_defaults_keeps_them(tmp_path, place):
    begin(tmp_path / "out" / place)
    assert is_of_earlier_version(tmp_path / "out" / place)
    assert earlier_recipe("modern", tmp_path / "out") == EARLIER and earlier_recipe("port", tmp_path / "out") == {}
    folder = ["--output_dir", str(tmp_path / "out")]
    args = parse_arguments(folder).training
    assert (args.weight_decay, args.mixup_alpha) == (0.05, 0.0)
    args = parse_arguments([*folder, "--mixup_alpha", "0.2"]).training
    assert (args.weight_decay, args.mixup_alpha) == (0.05, 0.2)
    args = parse_arguments([*folder, "--recipe", "port"]).training
    assert (args.weight_decay, args.mixup_alpha) == (1e-4, 0.0)


def test_others_have_the_defaults_of_now(tmp_path):
    begin(tmp_path / "new", mixup_alpha=0.4)
    begin(tmp_path / "damaged")
    (tmp_path / "damaged" / "run.json").write_text("{")
    for name in ("new", "damaged", "not_there"):
        assert not is_of_earlier_version(tmp_path / name)
        args = parse_arguments(["--output_dir", str(tmp_path / name)]).training
        assert (args.weight_decay, args.mixup_alpha) == (0.3, 0.4)
