"""Which checkpoint a run goes on from, by `--resume_from_checkpoint` and without it."""

import shutil
from pathlib import Path

import pytest
from errors import raises_naming
from toys import toy_trainer, trainer_model

from logoformer_hf.training import checkpoints
from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.checkpoints import CheckpointError
from logoformer_hf.training.resume import check_resume, choose_checkpoint
from logoformer_hf.training.runs import Run, plan_runs

MODEL = trainer_model()  # as those of `toy_trainer`


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    toy_trainer(folder, num_train_epochs=2, save_strategy="epoch").train()
    return folder


def arguments(which: str | bool | None) -> LogoFormerTrainingArguments:
    return LogoFormerTrainingArguments(output_dir="out", use_cpu=True, resume_from_checkpoint=which)


@pytest.mark.parametrize("which", [None, "True", "true", "yes", True])
def test_true_is_the_newest(run, tmp_path, which):
    check_resume(arguments(which), plan_runs(run, [1, 2], [0]))
    assert choose_checkpoint(arguments(which), run, MODEL).folder == run / "checkpoint-2"
    assert choose_checkpoint(arguments(which), tmp_path, MODEL) is None  # the first call of the same command


@pytest.mark.parametrize("which", ["False", "no", "OFF"])
def test_false_is_refused(run, which):
    with raises_naming(ValueError, "resume_from_checkpoint", which, "output_dir"):
        check_resume(arguments(which), [Run(None, 0, run)])


def test_one_checkpoint_for_several_runs_is_refused(run):
    check_resume(arguments(str(run / "checkpoint-1")), [Run(None, 0, run)])
    with raises_naming(ValueError, "resume_from_checkpoint", "2 runs"):
        check_resume(arguments(str(run / "checkpoint-1")), plan_runs(run, [1, 2], [0]))


def test_a_checkpoint_that_is_named(run, tmp_path):
    assert choose_checkpoint(arguments(str(run / "checkpoint-2")), run, MODEL).folder == run / "checkpoint-2"
    with raises_naming(ValueError, run / "checkpoint-1", run / "checkpoint-2", "delete"):
        choose_checkpoint(arguments(str(run / "checkpoint-1")), run, MODEL)
    with raises_naming(CheckpointError, tmp_path / "nothing"):
        choose_checkpoint(arguments(str(tmp_path / "nothing")), run, MODEL)


def test_a_checkpoint_from_elsewhere_is_copied_with_its_best(tmp_path):
    """So that the same command goes on from what the run has saved since then."""
    scores = iter((0.9, 0.1, 0.1))

    def trainer(folder, num_epochs):
        return toy_trainer(
            folder,
            num_train_epochs=num_epochs,
            compute_metrics=lambda predictions: {"uar": next(scores)},
            eval_strategy="epoch",
            save_strategy="epoch",
            load_best_model_at_end=True,
        )

    trainer(tmp_path / "one", 2).train()
    named = arguments(str(tmp_path / "one" / "checkpoint-2"))
    found = choose_checkpoint(named, tmp_path / "two", MODEL)
    assert found.folder == tmp_path / "two" / "checkpoint-2"
    assert {path.name for path in (tmp_path / "two").iterdir()} == {"checkpoint-1", "checkpoint-2"}
    (tmp_path / "one").rename(tmp_path / "away")
    trainer(tmp_path / "two", 3).train(resume_from_checkpoint=found)
    (tmp_path / "away").rename(tmp_path / "one")
    assert choose_checkpoint(named, tmp_path / "two", MODEL).folder == tmp_path / "two" / "checkpoint-3"


def test_a_checkpoint_of_another_model_is_refused_and_not_copied(run, tmp_path):
    named = arguments(str(run / "checkpoint-2"))
    for other in (trainer_model(intermediate_size=24), trainer_model(use_local_attention=False)):
        with raises_naming(ValueError, "resume_from_checkpoint", run / "checkpoint-2", "another model", "layers.0"):
            choose_checkpoint(named, tmp_path / "mine", other)
    assert not (tmp_path / "mine").exists()


def test_a_resume_reads_every_checkpoint_once(run, monkeypatch):
    """To compare its files with the manifest, weights and state of the optimiser are read from end to end."""
    read, digest_of = [], checkpoints.digest_of
    monkeypatch.setattr(checkpoints, "digest_of", lambda file: read.append(file) or digest_of(file))
    found = choose_checkpoint(arguments("True"), run, MODEL)
    toy_trainer(run, num_train_epochs=2).train(resume_from_checkpoint=found)
    assert {file.parent for file in read} == {run / "checkpoint-2"} and len(read) == len(set(read))


def test_models_without_a_state_are_refused(tmp_path):
    toy_trainer(tmp_path, save_strategy="epoch", save_only_model=True).train()
    with raises_naming(CheckpointError, tmp_path / "checkpoint-1", "save_only_model"):
        choose_checkpoint(arguments(None), tmp_path, MODEL)
    shutil.rmtree(tmp_path / "checkpoint-1")
    assert choose_checkpoint(arguments(None), tmp_path, MODEL) is None
