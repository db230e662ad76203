"""Real worker processes on array files made by hand."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from logoformer_hf.benchmarks.ablation.benchmark import ENCODER_FACTS
from logoformer_hf.benchmarks.ablation.budget import Budget
from logoformer_hf.benchmarks.ablation.candidates import LEFT_OUT
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.benchmarks.ablation.variant import GRID
from logoformer_hf.benchmarks.ablation.variants import find_variants
from logoformer_hf.benchmarks.ablation.workers import train_all
from logoformer_hf.evaluation.predictions import PREDICTIONS_FILE, read_predictions

BUDGET = Budget("tiny", 21, 14, 7, views=1, encoder_epochs=1, part_epochs=2, model_epochs=1, seeds=2)
LABELS = {
    "train": [0] * 9 + [1, 2, 3, 4, 5, 6] * 2,
    "validation": [0, 1, 2, 3, 4, 5, 6] * 2,
    "test": [6, 5, 4, 3, 2, 1, 0] * 2,
}


@pytest.fixture
def clips_dir(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / ENCODER_FACTS).write_text(json.dumps({"explained_variance": 0.25}))
    rng = np.random.default_rng(0)
    for split, labels in LABELS.items():
        tokens = rng.normal(size=(1, len(labels), *GRID, 64)) + np.array(labels)[None, :, None, None, None, None]
        np.save(folder / f"{split}_tokens.npy", tokens.astype(np.float16))
        np.save(folder / f"{split}_frames.npy", rng.integers(0, 256, (1, len(labels), 16, 3, 56, 56), dtype=np.uint8))
        np.savez(folder / f"{split}.npz", labels=labels, clip_ids=[f"{split}/{n}" for n in range(len(labels))])
    return folder


def test_every_run_leaves_a_record_and_predictions(clips_dir, tmp_path, capfd):
    results = Results(tmp_path / "ablation.json", BUDGET)
    reference, videomae = find_variants(["reference", "videomae"])
    runs = [(reference, 0), (videomae, 0), (reference, 1)]
    train_all(runs, BUDGET, clips_dir, tmp_path, 2, results)
    records = json.loads((tmp_path / "ablation.json").read_text())["records"]
    assert [(each["variant"], each["seed"]) for each in records] == [
        ("reference", 0),
        ("videomae", 0),
        ("reference", 1),
    ]
    shares = np.bincount(LABELS["train"]) / len(LABELS["train"])
    for record in records:
        confusion = np.array(record["confusion_matrix"])
        assert (confusion.sum(axis=1) == 2).all()
        recalls = confusion.diagonal() / 2
        assert record["uar"] == pytest.approx(recalls.mean())
        assert record["war"] == pytest.approx(recalls @ shares)
        written = read_predictions(tmp_path / "runs" / record["variant"] / f"seed-{record['seed']}" / PREDICTIONS_FILE)
        assert list(written.labels) == LABELS["validation"]
        assert record["tested_on"] == "validation" and record["machine"]
        assert np.array_equal(confusion, written.confusion_matrix)
        assert (written.run.seed, written.run.selection) == (record["seed"], "last")
        assert "view_difficulty 0.3" in written.run.data.dataset_name
    assert [record["encoder"] for record in records] == [0.25, None, 0.25]
    first, second = (each for each in records if each["variant"] == "reference")
    assert first["intra_class_distance"] != second["intra_class_distance"]
    shown = capfd.readouterr()
    assert "5/5" in shown.err  # two epochs of each of two, and one
    assert "reference, seed 1: UAR" in shown.out


def test_what_was_chosen_is_tested_on_other_people(clips_dir, tmp_path):
    """By a recipe of its own."""
    (reference,) = find_variants(["reference"])
    chosen = replace(
        reference, name="new", group="chosen", recipe={"num_train_epochs": 1, "label_smoothing_factor": 0.1}
    )
    results = Results(tmp_path / "ablation.json", BUDGET)
    train_all([(chosen, 0)], BUDGET, clips_dir, tmp_path, 1, results)
    assert results.records[0]["tested_on"] == "test"
    written = read_predictions(tmp_path / "runs" / "new" / "seed-0" / PREDICTIONS_FILE)
    assert list(written.labels) == LABELS["test"]


@pytest.mark.slow
def test_scores_of_a_class_without_training_clips_are_told_apart(clips_dir, tmp_path):
    results = Results(tmp_path / "ablation.json", BUDGET)
    train_all([(LEFT_OUT[1], 8)], BUDGET, clips_dir, tmp_path, 1, results)
    [record] = results.records
    confusion = np.array(record["confusion_matrix"])
    assert confusion.sum(axis=1).tolist() == [2, 0, 2, 2, 2, 2, 2]  # seed 8 leaves out class 1
    recalls = np.delete(confusion.diagonal() / 2, 1)
    shares = np.array([9, 2, 2, 2, 2, 2]) / 19
    assert record["uar"] == pytest.approx(recalls.mean()) and record["war"] == pytest.approx(recalls @ shares)
    assert 0 <= record["unknown_auroc"] <= 1


def test_the_same_seed_gives_the_same_record(clips_dir, tmp_path):
    (reference,) = find_variants(["reference"])
    records = []
    for name in ("one", "again"):
        results = Results(tmp_path / f"{name}.json", BUDGET)
        train_all([(reference, 3)], BUDGET, clips_dir, tmp_path / name, 1, results)
        records.append({key: value for key, value in results.records[0].items() if key != "train_sec"})
    assert records[0] == records[1]


def test_what_a_worker_cannot_do_reaches_the_caller(clips_dir, tmp_path):
    (clips_dir / "validation_tokens.npy").unlink()
    runs = [(find_variants(["reference"])[0], 0)]
    with pytest.raises(FileNotFoundError, match=r"validation_tokens\.npy"):
        train_all(runs, BUDGET, clips_dir, tmp_path, 1, Results(tmp_path / "ablation.json", BUDGET))


PARENT = """
import sys
from pathlib import Path

from logoformer_hf.benchmarks.ablation.budget import Budget
from logoformer_hf.benchmarks.ablation.candidates import LEFT_OUT
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.benchmarks.ablation.variants import find_variants
from logoformer_hf.benchmarks.ablation.workers import train_all

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    budget = Budget("long", 21, 14, 7, views=1, encoder_epochs=1, part_epochs=10000, model_epochs=1, seeds=1)
    runs = [(find_variants(["reference"])[0], 0)]
    train_all(runs, budget, folder / "clips", folder, 1, Results(folder / "r", budget))
"""


@pytest.mark.slow
def test_workers_end_with_the_program_that_started_them(clips_dir, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with (tmp_path / "log.txt").open("w") as log:
        # A session of its own, whose number tells its workers from others.
        parent = subprocess.Popen([sys.executable, script, tmp_path], stdout=log, stderr=log, start_new_session=True)
    deadline_sec = time.monotonic() + 120
    while "1/10000" not in (tmp_path / "log.txt").read_text():
        assert parent.poll() is None and time.monotonic() < deadline_sec, (tmp_path / "log.txt").read_text()
        time.sleep(0.1)
    os.killpg(parent.pid, 0)
    parent.kill()  # alone: its worker must notice
    assert parent.wait() == -signal.SIGKILL
    while time.monotonic() < deadline_sec:
        try:
            os.killpg(parent.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(parent.pid, signal.SIGKILL)
    pytest.fail("a worker lives on")
