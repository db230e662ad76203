"""What pretraining on stills brings: the measurement, with trainings that are replaced."""

import json

import numpy as np
import pytest
from errors import check_named

from logoformer_hf.benchmarks import stills
from logoformer_hf.benchmarks.ablation.results import mean_gain
from logoformer_hf.benchmarks.stills import SeedResult, Setting, main, section


@pytest.fixture
def trainings(monkeypatch):
    """Trainings that write a UAR at once: 0.9 of stills, 0.5 from random weights, and more with every seed after."""
    calls = []

    def run(arguments):
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        calls.append(options)
        folder = stills.Path(options["--output_dir"])
        uar = {"stills": 0.9, "random": 0.5, "pretrained": 0.6 + 0.01 * int(options["--seed"])}[folder.name]
        folder.mkdir(parents=True)
        (folder / "eval_results.json").write_text(json.dumps({"test_uar": uar, "train_runtime": 10.0}))

    monkeypatch.setattr(stills, "train", run)
    monkeypatch.setattr(stills, "pretrain_frames", run)
    monkeypatch.setattr(stills, "STILLS", {"train": 7, "validation": 7, "test": 7})
    return calls


def test_both_trainings_of_a_seed_differ_in_the_frame_encoder_alone(trainings, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- stills -->\n<!-- end of stills -->\n")
    main([str(tmp_path / "out"), "--seeds", "2", "--page", str(page)])
    assert [call["--output_dir"].rpartition("/")[2] for call in trainings] == ["stills", "random", "pretrained"] * 2
    _, random, pretrained = trainings[:3]
    assert pretrained.pop("--backbone_checkpoint") == trainings[0]["--output_dir"]
    assert random.pop("--output_dir") != pretrained.pop("--output_dir") and random == pretrained
    assert random["--train_share"] == "0.2"
    assert len(list((tmp_path / "out" / "seed-1" / "stills-drawn").rglob("*.jpg"))) == 21
    check_named(page.read_text(), "+10.0", "+11.0", "**+10.5 points**", "2 paired seeds")
    before, text = len(trainings), page.read_text()
    main([str(tmp_path / "out"), "--seeds", "2", "--page", str(page)])
    assert len(trainings) == before and page.read_text() == text
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out"), "--seeds", "2", "--difficulty", "1"])
    assert "another measurement" in capsys.readouterr().err


def test_the_interval_is_students():
    """Of 1, 2, 3 the standard error is 1 / sqrt(3), and t of two degrees of freedom 4.303."""
    gain = mean_gain(np.array([1.0, 2.0, 3.0]))
    mean, low, high = gain.value, gain.low, gain.high
    assert mean == 2 and mean - low == pytest.approx(high - mean) == pytest.approx(4.30265 / 3**0.5, rel=1e-4)


def test_a_result_that_is_worse_is_said_as_it_is():
    results = [SeedResult(seed, 0.9, 0.5, 0.45 - 0.01 * seed, 10.0, 20.0) for seed in range(3)]
    check_named(section(results, Setting(1.0)), "**-6.0 points**", "difficulty 1", "-5.0")
