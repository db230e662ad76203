"""The temperature that training stores: fitted once, on validation clips alone, and never left over."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from errors import check_named, raises_naming
from processes import launch
from toys import RandomClips, toy_trainer, trainer_model
from transformers import AutoConfig, AutoModelForVideoClassification
from video_models import save

from logoformer_hf._console import leave_group
from logoformer_hf.evaluation.calibration import fit_temperature, measure_calibration
from logoformer_hf.evaluation.predictions import read_predictions
from logoformer_hf.models.heads import get_temperature
from logoformer_hf.training.calibrate import calibrate, calibration_results
from logoformer_hf.training.settings import parse_overrides
from logoformer_hf.training.train import main as train
from logoformer_hf.training.trainer import ClipPredictions, LogoFormerTrainer

CLIPS = {"num_train_clips": 28, "num_validation_clips": 56, "num_test_clips": 63}
SETTINGS = {"num_train_epochs": 1, "dataloader_num_workers": 0, "use_cpu": True, "compact_loss": "none"}
OVERRIDES = {"image_size": 32, "num_frames": 2, "num_hidden_layers": 1}


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


def words(**settings) -> list[str]:
    return [word for name, value in settings.items() for word in (f"--{name}", str(value))]


def made_up(labels, sureness, seed):
    """Logits that are right in about two thirds of the clips, as sure as `sureness` makes them."""
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(len(labels)) < 0.67, labels, (labels + 1) % 7)
    logits = sureness * (np.eye(7)[said] * 2.0 + rng.normal(scale=0.5, size=(len(labels), 7)))
    return logits.astype(np.float32)


@pytest.fixture
def run_with_known_logits(cache_dir, tmp_path, monkeypatch):
    """
    A training whose predictions are made up: too sure on validation clips, hesitant on test clips, so that it shows
    which of them decided the temperature.
    """
    asked = []

    def predict_clips(trainer, dataset, metric_key_prefix="test"):
        is_validation = len(dataset) == CLIPS["num_validation_clips"]
        asked.append((metric_key_prefix, len(dataset)))
        logits = made_up(dataset.labels, 4.0 if is_validation else 0.5, seed=len(dataset))
        metrics = {f"{metric_key_prefix}_samples_per_second": 1.0}
        embeddings, rows = np.zeros((len(logits), 3), np.float32), np.arange(len(logits))
        return ClipPredictions(logits, embeddings, np.array(dataset.labels), metrics, rows)

    monkeypatch.setattr(LogoFormerTrainer, "predict_clips", predict_clips)

    def run(name="out", **settings):
        asked.clear()
        new = {} if "model_name_or_path" in settings else {"config_overrides": json.dumps(OVERRIDES)}
        folders = {"cache_dir": cache_dir, "output_dir": tmp_path / name}
        train(words(**CLIPS | SETTINGS | new | folders | settings))
        return tmp_path / name, list(asked)

    return run


def check_calibrated(folder):
    """The temperature in the configuration is in all files; the numbers are those of the test clips."""
    predictions = read_predictions(folder / "predictions.parquet")
    results = json.loads((folder / "eval_results.json").read_text())
    temperature = AutoConfig.from_pretrained(folder).score_temperature
    assert temperature == results["score_temperature"] == predictions.run.score_temperature
    raw = torch.tensor(made_up(predictions.labels, 0.5, seed=CLIPS["num_test_clips"]), dtype=torch.float64)
    np.testing.assert_allclose(predictions.scores, raw.softmax(1), atol=1e-6)  # those of the model, not divided
    for ending, scores in (("", raw), ("_calibrated", raw / temperature)):
        measured = measure_calibration(scores.softmax(1).numpy(), predictions.labels)
        for name in ("ece", "nll", "brier", "mean_score"):
            assert results[f"test_{name}{ending}"] == pytest.approx(getattr(measured, name), abs=1e-5)
    report = json.loads((folder / "report.json").read_text())["seeds"][0]["runs"][0]
    assert report["score_temperature"] == temperature
    assert report["calibration"]["calibrated"]["ece"] == results["test_ece_calibrated"]
    return temperature


def test_the_temperature_is_fitted_on_validation_clips_alone(run_with_known_logits, monkeypatch):
    fitted = []

    def spy(logits, labels):
        fitted.append((np.array(logits), np.array(labels)))
        return fit_temperature(logits, labels)

    monkeypatch.setattr("logoformer_hf.training.calibrate.fit_temperature", spy)
    folder, asked = run_with_known_logits()
    assert sorted(asked) == [("test", 63), ("validation", 56)]
    [(logits, labels)] = fitted
    np.testing.assert_array_equal(logits, made_up(labels, 4.0, seed=56))
    temperature = check_calibrated(folder)
    assert temperature == fit_temperature(logits, labels)
    # The validation clips are eight times as sure as the test clips: of those it would be less than 1.
    tested = read_predictions(folder / "predictions.parquet")
    assert temperature > 2 and fit_temperature(np.log(tested.scores), tested.labels) < 1
    card = (folder / "README.md").read_text()
    check_named(card, f"temperature {temperature:.3f}", "56 validation clips", "logits divided by")
    check_named((folder / "report.md").read_text(), f"with temperature {temperature:.3f}", "validation clips")


def test_without_a_choice_of_the_epoch_validation_clips_still_calibrate(run_with_known_logits):
    folder, _ = run_with_known_logits(load_best_model_at_end=False)
    assert check_calibrated(folder) > 2
    assert "they chose the epoch" not in (folder / "README.md").read_text()


@pytest.mark.parametrize("best", [True, False])
def test_chosen_on_the_test_clips_nothing_is_fitted(run_with_known_logits, best):
    folder, asked = run_with_known_logits(select_on="test", load_best_model_at_end=best)
    assert asked == [("test", 63)]
    results = json.loads((folder / "eval_results.json").read_text())
    assert results["score_temperature"] is None and "test_ece_calibrated" not in results
    assert 0 < results["test_ece"] < 1
    assert AutoConfig.from_pretrained(folder).score_temperature is None
    check_named((folder / "README.md").read_text(), "The scores are not calibrated")
    check_named((folder / "report.md").read_text(), "No temperature")


@pytest.mark.slow
def test_fine_tuning_leaves_no_old_temperature(run_with_known_logits):
    first, _ = run_with_known_logits("first")
    assert AutoConfig.from_pretrained(first).score_temperature > 2
    folder, _ = run_with_known_logits("few", model_name_or_path=first, num_validation_clips=7)
    assert AutoConfig.from_pretrained(folder).score_temperature is None
    check_named((folder / "README.md").read_text(), "at least 50 validation clips")


def test_another_kind_of_model_is_calibrated_too(run_with_known_logits, tmp_path):
    save(tmp_path / "videomae", "videomae")
    folder, _ = run_with_known_logits(model_name_or_path=tmp_path / "videomae")
    assert check_calibrated(folder) > 2
    model = AutoModelForVideoClassification.from_pretrained(folder)
    model.save_pretrained(folder / "again")
    assert AutoConfig.from_pretrained(folder / "again").score_temperature == get_temperature(model) > 2


def calibrate_and_save(folder: str) -> None:
    """Calibrates on clips with the labels in a folder, and writes there which temperature this process has then."""
    trainer = toy_trainer(folder, model=sure_model(), per_device_eval_batch_size=2)
    clips = RandomClips(63)
    clips.labels = np.load(Path(folder) / "labels.npy").tolist()
    calibrate(trainer, clips)
    name = f"{trainer.args.world_size}_{trainer.args.process_index}.txt"
    (Path(folder) / name).write_text(str(trainer.model.config.score_temperature))


def sure_model():
    """A new model whose scores differ from clip to clip."""
    model = trainer_model()
    model.classifier.weight.data *= 150
    return model


@pytest.mark.slow
def test_two_processes_fit_what_one_would(tmp_path):
    """Two real ones, on an odd number of clips. A sixth of the labels is the model's second guess."""
    said = toy_trainer(tmp_path, model=sure_model()).predict_clips(RandomClips(63)).logits
    second, first = said.argsort(axis=1)[:, -2:].T
    labels = np.where(np.arange(63) % 6 > 0, first, second)
    np.save(tmp_path / "labels.npy", labels)
    expected = fit_temperature(said, labels)
    assert 0.2 < expected < 5 and expected != pytest.approx(1, rel=0.05)
    for clips in ([*range(62)], [*range(63), 0]):  # one that is left out or counted twice would be seen
        assert fit_temperature(said[clips], labels[clips]) != pytest.approx(expected, rel=1e-3)
    launch(2, __file__, str(tmp_path))
    assert [float((tmp_path / f"2_{number}.txt").read_text()) for number in (0, 1)] == pytest.approx(
        [expected] * 2, rel=1e-4
    )


# --- without the program around it


def test_a_trainer_removes_the_temperature_of_the_weights_that_it_changes(tmp_path):
    trainer = toy_trainer(tmp_path, model=trainer_model(score_temperature=1.5))
    trainer.train()
    assert trainer.model.config.score_temperature is None


def test_calibrating_changes_the_configuration_and_no_score(tmp_path):
    clips = RandomClips(56)
    trainer = toy_trainer(tmp_path)
    before = trainer.predict_clips(clips)
    temperature = calibrate(trainer, clips)
    assert temperature == trainer.model.config.score_temperature == fit_temperature(before.logits, before.labels)
    assert temperature != 1
    np.testing.assert_array_equal(trainer.predict_clips(clips).logits, before.logits)
    assert calibrate(trainer, clips) == temperature  # of the raw logits again, not of divided ones
    assert calibrate(trainer, RandomClips(7)) is None and trainer.model.config.score_temperature is None
    calibrate(trainer, clips)
    assert calibrate(trainer, None) is None and trainer.model.config.score_temperature is None


def test_results_without_a_temperature_have_no_second_part():
    labels = np.arange(70) % 7
    tested = ClipPredictions(made_up(labels, 1.0, seed=0), np.zeros((70, 1)), labels, {}, np.arange(70))
    assert set(calibration_results(tested, None)) == {
        *("score_temperature", "test_ece", "test_nll", "test_brier", "test_mean_score"),
    }


def test_a_temperature_cannot_be_set_by_hand():
    with raises_naming(ValueError, "config_overrides", "score_temperature", "validation"):
        parse_overrides('{"score_temperature": 2.0}')


if __name__ == "__main__":  # as the processes of a launch run it
    calibrate_and_save(sys.argv[1])
    leave_group()
