"""Checkpoints that a Trainer wrote, and what becomes of them: killed in the middle, damaged, moved, deleted."""

import json
import shutil
from pathlib import Path

import pytest
from errors import check_named, raises_naming
from toys import toy_trainer

from logoformer_hf.training.checkpoints import (
    CheckpointError,
    begin_checkpoint,
    checkpoint_folder,
    delete_old_checkpoints,
    find_checkpoint,
    list_checkpoints,
    open_checkpoint,
    read_checkpoint,
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """The folder of a training of three epochs, the first of which was the best."""
    folder = tmp_path_factory.mktemp("saved")
    scores = iter((0.9, 0.1, 0.2))
    trainer = toy_trainer(
        folder,
        num_train_epochs=3,
        compute_metrics=lambda predictions: {"uar": next(scores)},
        optim="adamw_torch",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=9,
        load_best_model_at_end=True,
    )
    trainer.train()
    return folder


@pytest.fixture
def run(saved, tmp_path) -> Path:
    return shutil.copytree(saved, tmp_path / "run")


def files_of(checkpoint: Path) -> list[Path]:
    return [path for path in checkpoint.iterdir() if path.is_file()]


def test_the_newest_checkpoint_is_whole_and_knows_its_best(run):
    newest = find_checkpoint(run)
    assert (newest.folder, newest.step, newest.best_step) == (run / "checkpoint-3", 3, 1)
    assert newest.best_folder == run / "checkpoint-1"
    manifest = json.loads((newest.folder / "manifest.json").read_text())
    assert {"model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json"} < set(manifest["files"])
    assert find_checkpoint(run / "nothing") is None


@pytest.mark.parametrize("has_manifest", [True, False])
@pytest.mark.parametrize("share", [0, 0.5, None], ids=["empty", "half", "missing"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(run, share, has_manifest, caplog):
    """Any of its files. Without a manifest it is one of version 0.1."""
    if not has_manifest:
        for checkpoint in list_checkpoints(run).values():
            (checkpoint / "manifest.json").unlink()
        assert find_checkpoint(run).step == 3
    for file in files_of(run / "checkpoint-3"):
        whole = file.read_bytes()
        if share is None and (not has_manifest or file.name == "manifest.json"):
            continue  # what else is missing is looked at when the state is loaded
        if not has_manifest and file.suffix == ".py" and share:
            continue  # half a program can be one; training reads none
        file.unlink()
        if share is not None:
            file.write_bytes(whole[: int(share * len(whole))])
        caplog.clear()
        assert find_checkpoint(run).folder == run / "checkpoint-2", file.name
        check_named(caplog.text, run / "checkpoint-3", file.name)
        file.write_bytes(whole)
    assert find_checkpoint(run).step == 3


def test_one_changed_bit_is_found(run):
    file = run / "checkpoint-3" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with raises_naming(CheckpointError, run / "checkpoint-3", "model.safetensors"):
        read_checkpoint(run / "checkpoint-3")


@pytest.mark.parametrize("has_manifest", [True, False])
def test_weights_and_state_come_from_one_checkpoint(run, has_manifest):
    shutil.copy(run / "checkpoint-2" / "trainer_state.json", run / "checkpoint-3")
    if not has_manifest:
        (run / "checkpoint-3" / "manifest.json").unlink()
    with raises_naming(CheckpointError, run / "checkpoint-3", "trainer_state.json"):
        read_checkpoint(run / "checkpoint-3")


def test_a_checkpoint_that_was_not_finished_is_skipped(tmp_path, run, caplog):
    begin_checkpoint(checkpoint_folder(run, 4))
    shutil.copy(run / "checkpoint-3" / "trainer_state.json", run / "checkpoint-4")
    assert find_checkpoint(run).step == 3
    check_named(caplog.text, run / "checkpoint-4", "incomplete")
    # The first of a run: nothing was ever completed, and the run starts.
    begin_checkpoint(tmp_path / "new" / "checkpoint-1")
    assert find_checkpoint(tmp_path / "new") is None


def test_an_older_version_killed_before_it_wrote_its_state(run):
    for name in ("manifest.json", "trainer_state.json"):
        (run / "checkpoint-3" / name).unlink()
    assert find_checkpoint(run).step == 2


def test_where_all_are_damaged_a_sentence_says_what_to_delete(run):
    for number in (1, 2, 3):
        (run / f"checkpoint-{number}" / "optimizer.pt").write_bytes(b"")
    with raises_naming(CheckpointError, run / "checkpoint-3", "optimizer.pt", "delete", run / "checkpoint-1"):
        find_checkpoint(run)


def test_a_missing_best_checkpoint_stops(run):
    shutil.rmtree(run / "checkpoint-1")
    with raises_naming(CheckpointError, run / "checkpoint-3", run / "checkpoint-1", "missing", "delete"):
        find_checkpoint(run)
    assert find_checkpoint(run, needs_best=False).step == 3


def test_a_damaged_best_checkpoint_stops(run):
    (run / "checkpoint-1" / "model.safetensors").write_bytes(b"")
    with raises_naming(CheckpointError, run / "checkpoint-1", "model.safetensors"):
        open_checkpoint(str(run / "checkpoint-3"), run, needs_best=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [("optimizer.pt", "optimiser"), ("scheduler.pt", "schedule"), ("rng_state.pth", "random numbers")],
)
def test_a_checkpoint_without_a_part_of_the_state_is_refused(run, name, words):
    """As `save_only_model` leaves it: Trainer goes on in silence with a new optimiser."""
    (run / "checkpoint-3" / "manifest.json").unlink()
    (run / "checkpoint-3" / name).unlink()
    with raises_naming(CheckpointError, run / "checkpoint-3", words, "save_only_model"):
        open_checkpoint(True, run, needs_best=True)


def fake_run(folder: Path, best_of: dict[int, int | None]) -> Path:
    """Checkpoints by their steps, each with the best step at its time."""
    for step, best in best_of.items():
        checkpoint = checkpoint_folder(folder, step)
        checkpoint.mkdir(parents=True)
        (checkpoint / "trainer_state.json").write_text(json.dumps({"global_step": step, "best_global_step": best}))
    return folder


@pytest.mark.parametrize(
    ("best_of", "newest", "limit", "kept"),
    [
        ({1: 1, 2: 1, 3: 1}, 3, 2, {1, 3}),  # the last and the best
        ({1: 1, 2: 1, 3: 3}, 3, 2, {1, 3}),  # 2 without its best would be of no use
        ({1: 1, 2: 2, 3: 3}, 3, 2, {2, 3}),
        ({1: 1, 2: 1, 3: 1}, 3, 1, {1, 3}),
        ({1: 1, 2: 2, 3: 3}, 3, 1, {3}),
        ({1: None, 2: None, 3: None}, 3, 2, {2, 3}),
        ({1: 1, 2: 1, 3: 1}, 3, None, {1, 2, 3}),
        ({1: 1, 2: 1, 3: 1}, 3, 0, {1, 2, 3}),
        ({2: 2, 3: 3, 9: 9}, 3, 2, {2, 3}),  # 9 is from before the run went on from an older one
    ],
)
def test_which_checkpoints_are_kept(tmp_path, best_of, newest, limit, kept):
    delete_old_checkpoints(fake_run(tmp_path, best_of), newest, limit)
    assert set(list_checkpoints(tmp_path)) == kept
    assert {path.name for path in tmp_path.iterdir()} == {f"checkpoint-{step}" for step in kept}


def test_older_checkpoints_stay_until_the_new_one_is_complete(tmp_path, monkeypatch):
    """A kill between the two would otherwise leave none."""
    states = []
    monkeypatch.setattr(
        "logoformer_hf.training.trainer.complete_checkpoint",
        lambda folder, state: states.append(set(list_checkpoints(tmp_path))),
    )
    toy_trainer(tmp_path, num_train_epochs=3, save_strategy="epoch", save_total_limit=1).train()
    assert states == [{1}, {1, 2}, {2, 3}]
    assert set(list_checkpoints(tmp_path)) == {3}
