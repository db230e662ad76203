"""
What version 0.1 wrote before its modules were moved: a checkpoint, a finished and an interrupted run, prepared shards,
all kept in `before_the_move/`. They load, go on, report and give the same logits.
"""

import json
import re
import shutil

import pytest
import torch
from paths import TESTS
from safetensors.torch import load_file
from transformers import AutoModelForVideoClassification, AutoVideoProcessor

from logoformer_hf import SourceArguments, load_source
from logoformer_hf.cli import main as logoformer
from logoformer_hf.configuration_logoformer import OLD_VALUES
from logoformer_hf.evaluation.predictions import load_runs
from logoformer_hf.training.train import main as train

KEPT = TESTS / "before_the_move"
CLIPS = ("test/happy/test0", "test/sad/test1", "train/neutral/train4")
# The command line that the run was made with.
OVERRIDES = {
    "image_size": 32,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "backbone_config": {
        "model_type": "resnet",
        "layer_type": "basic",
        "embedding_size": 8,
        "hidden_sizes": [8, 8, 16],
        "depths": [1, 1, 1],
        "out_features": ["stage3"],
    },
}
SETTINGS = {
    "dataset": "clips",
    "data_dir": "clips",
    "output_dir": "run",
    "config_overrides": json.dumps(OVERRIDES),
    "num_train_epochs": "2",
    "per_device_train_batch_size": "4",
    "validation_size": "0.2",
    "use_cpu": "True",
    "dataloader_num_workers": "0",
    "cache_dir": "cache",
}


def leaves(value, path=()):
    """All values inside nested dictionaries and lists, with the keys that lead to each."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def scores_of(report):
    """All values of a report but the ends of intervals, which have another method now."""
    return {path: value for path, value in leaves(report) if path[-1] not in ("low", "high")}


def words_of(text):
    """The words of a report without intervals, what is said of their method, and the rules of tables."""
    lines = [line for line in text.splitlines() if not line.startswith("Intervals ")]
    return re.sub(r"[\d.]+ to [\d.]+|-{2,}:?", "", "\n".join(lines)).split()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the clips and the finished run in it."""
    shutil.copytree(KEPT / "clips", tmp_path / "clips")
    shutil.copytree(KEPT / "run", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("by_remote_code", [False, True])
def test_the_checkpoint_gives_the_same_logits_and_embeddings(by_remote_code):
    expected = load_file(KEPT / "expected.safetensors")
    model = AutoModelForVideoClassification.from_pretrained(KEPT / "run", trust_remote_code=by_remote_code).eval()
    processor = AutoVideoProcessor.from_pretrained(KEPT / "run", trust_remote_code=by_remote_code)
    for clip in CLIPS:
        inputs = processor(KEPT / "clips" / f"{clip}.mp4", return_tensors="pt")
        with torch.inference_mode():
            outputs = model(**inputs)
        name = clip.replace("/", ".")
        torch.testing.assert_close(outputs.logits[0], expected[name], rtol=0, atol=1e-5)
        torch.testing.assert_close(outputs.embedding[0], expected[f"{name}.embedding"], rtol=0, atol=1e-5)


def test_the_finished_run_is_reported_again(folder):
    before = json.loads((folder / "run" / "report.json").read_text())
    text = (folder / "run" / "report.md").read_text()
    logoformer(["report", "run"])
    after = json.loads((folder / "run" / "report.json").read_text())
    for of_clips in (*after["seeds"][0]["runs"], after["seeds"][0]["pooled"]):  # what was not measured then
        assert of_clips.pop("calibration")["calibrated"] is None
        assert of_clips.pop("score_temperature", None) is None
    assert after.pop("faces") is None and after.pop("seen_clips") is None and after.pop("train_share") is None
    assert after.pop("test_views") is None
    assert after.pop("groups") == [] and after.pop("human") is None
    assert scores_of(after) == pytest.approx(scores_of(before))
    start, end = ((folder / "run" / "report.md").read_text().split(f"## {name}") for name in ("Calib", "Embed"))
    assert words_of(start[0] + f"## Embed{end[1]}") == words_of(text)
    assert load_runs("run")[0].run.data.dataset == "clips"


def test_the_interrupted_run_goes_on_from_its_checkpoint(folder, capsys):
    finished = folder / "run"  # of another release of transformers, whose arguments are others
    for path in finished.iterdir():
        if path.name not in ("run.json", "checkpoint-3"):
            path.unlink()
    train([word for name, value in SETTINGS.items() for word in (f"--{name}", value)])
    assert "goes on from run/checkpoint-3" in capsys.readouterr().out
    model = AutoModelForVideoClassification.from_pretrained(finished)  # as that version began it
    assert {name: getattr(model.config, name) for name in OLD_VALUES} == OLD_VALUES
    assert json.loads((finished / "checkpoint-6" / "trainer_state.json").read_text())["global_step"] == 6
    assert len(load_runs("run")[0].clip_ids) == 6


def test_a_run_with_other_settings_is_still_refused(folder):
    words = [word for name, value in (SETTINGS | {"validation_size": "0.3"}).items() for word in (f"--{name}", value)]
    with pytest.raises(ValueError, match="validation_size"):
        train(words)


def test_prepared_shards_are_read(tmp_path):
    arguments = SourceArguments(dataset="prepared", data_dir=str(KEPT / "shards"), cache_dir=str(tmp_path))
    source = load_source(arguments)
    assert (source.facts.dataset, source.facts.dataset_name, source.facts.left_out) == ("clips", "clips", ())
    assert {split: len(rows) for split, rows in source.rows.items()} == {"train": 15, "test": 6}
    assert source.rows["test"].features["label"].names == ["happy", "sad", "neutral"]
    row = source.rows["train"][0]
    assert row["num_frames"] == len(row["video"]) == 18 and row["video"][0].size == (32, 32)


def test_finished_shards_are_not_prepared_again(folder, capsys):
    shutil.copytree(KEPT / "shards", folder / "shards")
    files = {path: path.stat().st_mtime_ns for path in (folder / "shards" / "data").iterdir()}
    sizes = ["--side_px", "32", "--clips_per_shard", "10", "--num_workers", "0"]
    prepare = [
        "prepare",
        "--dataset",
        "clips",
        "--data_dir",
        "clips",
        "--output_dir",
        "shards",
        "--cache_dir",
        "cache",
    ]
    logoformer([*prepare, *sizes])
    assert {path: path.stat().st_mtime_ns for path in (folder / "shards" / "data").iterdir()} == files
    with pytest.raises(SystemExit):
        logoformer(prepare)
    assert "side_px" in capsys.readouterr().err
