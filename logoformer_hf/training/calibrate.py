"""Calibrates a trained model on its validation clips, and measures what that does to the scores of its test clips."""

from ..data.clips import ClipDataset
from ..evaluation.calibration import fit_temperature, measure_before_and_after
from ..evaluation.predictions import softmax_scores
from ..models.heads import set_temperature
from .clip_predictions import ClipPredictions
from .trainer import LogoFormerTrainer


def calibrate(trainer: LogoFormerTrainer, validation: ClipDataset | None) -> float | None:
    """
    Fits a temperature with the trainer's model as it is and stores it in the model's configuration, on every process.

    Args:
        trainer: after the training, with the weights that are kept.
        validation: clips that neither trained nor test the model, or None where there are none.

    Returns:
        The temperature, or None: without such clips or with too few of them (see `fit_temperature`). The model is then
        not calibrated, also where it was before.
    """
    temperature = None
    if validation is not None:
        predicted = trainer.predict_clips(validation, metric_key_prefix="validation")
        temperature = fit_temperature(predicted.logits, predicted.labels)
    set_temperature(trainer.model, temperature)
    return temperature


def calibration_results(tested: ClipPredictions, temperature: float | None) -> dict[str, float | None]:
    """
    Entries of `eval_results.json`: `score_temperature`, and `test_ece`, `test_nll`, `test_brier`, `test_mean_score`
    (the mean of the highest scores), each also with `_calibrated` where there is a temperature.
    """
    measured = measure_before_and_after([softmax_scores(tested.logits)], [tested.labels], [temperature])
    results: dict[str, float | None] = {"score_temperature": temperature}
    for ending, calibration in (("", measured.raw), ("_calibrated", measured.calibrated)):
        if calibration is not None:
            for name in ("ece", "nll", "brier", "mean_score"):
                results[f"test_{name}{ending}"] = getattr(calibration, name)
    return results
