"""Training on raw clips, in which people are seen with their shoulders, as real processes."""

import json

import pytest
from errors import check_named
from paths import ROOT
from processes import launch
from raw_clips import write_raw_tree
from transformers import AutoModelForVideoClassification

from logoformer_hf.cli import main
from logoformer_hf.evaluation.predictions import read_predictions

OPTIONS = ["--num_train_epochs", "1", "--dataloader_num_workers", "1", "--use_cpu", "True"]


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return write_raw_tree(tmp_path_factory.mktemp("raw") / "own", clips_per_label=2)


@pytest.mark.slow
def test_two_processes_train_on_crops_and_later_runs_use_them(raw, detector_file, tmp_path, capsys):
    own = ["--dataset", "clips", "--data_dir", str(raw), "--cache_dir", str(tmp_path / "cache")]
    faces = ["--faces", "--detector", str(detector_file)]
    run = tmp_path / "run"
    printed = launch(2, "train_hf.py", *own, *faces, *OPTIONS, "--output_dir", str(run), cwd=ROOT)
    assert printed.stdout.count("Faces: ") == 1 and printed.stderr.count("Cropping faces:   0%") == 1
    settings = json.loads((run / "run.json").read_text())
    assert settings["faces"] is True and settings["detector"] == str(detector_file)
    AutoModelForVideoClassification.from_pretrained(run, trust_remote_code=False)
    info = read_predictions(run / "predictions.parquet").run
    assert info.data.faces.startswith(detector_file.stem)
    for file in ("README.md", "report.md"):
        assert "own, crops of faces" in (run / file).read_text()

    packs = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*face_crops/*/*.arrow")}
    evaluate = ["evaluate", "--model", str(run), *own, "--use_cpu", "--num_workers", "0"]
    main([*evaluate, *faces, "--output_dir", str(tmp_path / "same")])
    assert "Note: " not in capsys.readouterr().out
    same = read_predictions(tmp_path / "same" / "predictions.parquet")
    trained = read_predictions(run / "predictions.parquet")
    assert same.clip_ids == trained.clip_ids and abs(same.scores - trained.scores).max() < 1e-4
    assert packs == {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*face_crops/*/*.arrow")}

    main([*evaluate, "--output_dir", str(tmp_path / "whole")])
    check_named(capsys.readouterr().out, "Note: ", "trained on crops of faces", "--faces")
