"""The command `logoformer`, as its users call it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from errors import check_named
from processes import run_process
from toys import run_info

from logoformer_hf.cli import COMMANDS, main, run_reporting
from logoformer_hf.evaluation.predictions import write_predictions

NUM_CLIPS = 70


def write_run(folder: Path, share_right: float, **facts) -> Path:
    """Predictions of 70 clips, of which about this share is right."""
    rng = np.random.default_rng(0)
    labels = np.arange(NUM_CLIPS) % 7
    logits = rng.normal(size=(NUM_CLIPS, 7))
    right = rng.random(NUM_CLIPS) < share_right
    logits[np.flatnonzero(right), labels[right]] += 9
    clip_ids = facts.pop("clip_ids", [f"clip-{number}" for number in range(NUM_CLIPS)])
    run = run_info(**{"dataset": "clips", "dataset_name": "own", "model": folder.name} | facts)
    write_predictions(folder / "predictions.parquet", clip_ids, labels, logits, logits, run)
    return folder


def test_the_installed_command_lists_its_commands():
    shown = run_process([Path(sys.executable).with_name("logoformer"), "--help"]).stdout
    assert {"train", "prepare", "evaluate", "predict", "report", "compare", "push"} <= set(COMMANDS)
    check_named(shown, *COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert f"logoformer {command}" in shown and len(shown) > 200


def test_compare_says_which_is_better(tmp_path, capsys):
    a, b = write_run(tmp_path / "a", 0.3), write_run(tmp_path / "b", 0.8)
    main(["compare", str(a), str(b), "--picture", str(tmp_path / "both.png")])
    check_named(capsys.readouterr().out, f"A: {a}", f"B: {b}", "70 clips", "McNemar")
    assert (tmp_path / "both.png").stat().st_size > 10_000


def test_compare_wants_the_same_clips(tmp_path, capsys):
    others = [f"clip-{number + 5}" for number in range(NUM_CLIPS)]
    a, b = write_run(tmp_path / "a", 0.3), write_run(tmp_path / "b", 0.8, clip_ids=others)
    with pytest.raises(SystemExit) as stopped:
        main(["compare", str(a), str(b)])
    assert stopped.value.code == 2
    assert "--common" in capsys.readouterr().err


def test_report_is_made_again_from_the_predictions(tmp_path, capsys):
    a, b = write_run(tmp_path / "a", 0.3), write_run(tmp_path / "b", 0.8)
    main(["report", str(b), "--beside", str(a)])
    check_named(capsys.readouterr().out, "70 clips", b / "report.md")
    assert [line for line in (b / "report.md").read_text().splitlines() if line[:3] == "## " and line.endswith(" a")]
    assert (b / "projection.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "/nowhere"], ["logoformer report: ", "/nowhere"]),
        (["compare", "/nowhere", "/nowhere"], ["logoformer compare: ", "/nowhere"]),
        (["push", "/nowhere", "--repo", "me/x", "--dry-run"], ["logoformer push: ", "/nowhere"]),
        (["evaluate", "--model", "/nowhere", "--output_dir", "o", "--fold", "1"], ["logoformer evaluate: ", "fold"]),
        (["evaluate", "--output_dir", "o"], ["--model"]),
        (["predict", "/nowhere.mp4", "--model", "m"], ["logoformer predict: ", "/nowhere.mp4"]),
        (["predict", "a.mp4"], ["--model"]),
        (["train", "--fold", "1", "--output_dir", "o"], ["logoformer train: ", "fold", "faces"]),
        (["train", "/nowhere/run.yaml"], ["logoformer train: ", "/nowhere/run.yaml"]),
        (["trian"], ["trian", "evaluate"]),
        ([], ["COMMAND"]),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    check_named(said, *words)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("train", "; the same command goes on from the newest checkpoint"),
        ("prepare", "; the same command goes on, finished shards are kept"),
        ("compare", ""),
    ],
)
def test_ctrl_c_is_no_traceback(capsys, name, said):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run_reporting(name, interrupted)
    assert ended.value.code == 130 and capsys.readouterr().err == f"Interrupted{said}.\n"
