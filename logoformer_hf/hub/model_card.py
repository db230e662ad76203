"""Writes the card of a trained LOGO-Former, which the Hub shows on the page of its repository."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from .._files import hub_card_file, write_text
from ..configuration_logoformer import LogoFormerConfig
from ..data.sources.table import source_of, terms_of
from ..data.terms import DataTerms
from ..evaluation.calibration import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, MIN_CLIPS
from ..evaluation.predictions import RunInfo
from ..evaluation.seen_text import describe_seen_clips
from ..evaluation.significance import Estimate, recall_estimates, uar_war_estimates
from ..evaluation.tables import interval, markdown_table, percent, plain_text
from .cards import hub_repo, quoted_name

TEMPLATE = "model_card.md"
# Key in the results -> (metric's name on the Hub, its arguments there, name in the card's metadata)
_METRICS = {
    "test_uar": ("recall", {"average": "macro"}, "UAR (mean of per-class recalls)"),
    "test_war": ("accuracy", None, "WAR (accuracy)"),
    "test_macro_f1": ("f1", {"average": "macro"}, "macro F1"),
}
_NEEDED = (*_METRICS, "test_recall", "test_confusion_matrix", "test_num_clips", "test_empty_classes")

_CALIBRATION = ("test_ece", "test_nll", "test_brier", "test_mean_score")


def write_model_card(
    path: str | Path,
    *,
    model_name: str,
    config: LogoFormerConfig,
    run: RunInfo,
    results: Mapping[str, Any],
    clips_per_split: Mapping[str, int],
    training: Mapping[str, Any],
    fine_tuned_from: str | None = None,
    frame_encoder_from: str | None = None,
    example_videos: Sequence[str] = (),
) -> None:
    """
    Writes the card of a LOGO-Former. Its metadata also contain the test results, for the Hub.

    Args:
        path: card to write, usually `README.md` beside the checkpoint, `confusion_matrix.png` and
            `training_curves.png`.
        model_name: repository (or folder) in the card's snippets with `from_pretrained`; also the title.
        config: configuration of the model; its `score_temperature` is that of the results.
        run: data set, fold, seed, selection of the epoch, and test clips that were left out.
        results: result of `ExpressionMetrics` for the test split, each key with the prefix `test_`: `test_uar`,
            `test_war`, `test_macro_f1` (0 to 1), `test_recall` ({name: 0 to 1, or None without a clip}),
            `test_confusion_matrix` (rows are true classes), `test_num_clips`, `test_empty_classes`. With those of
            `training.calibrate.calibration_results` the card says how well scores are calibrated, and without them
            that this was not measured. May have further keys.
        clips_per_split: number of clips of each split, e.g. {"train": 8000, "validation": 1356, "test": 2341}.
        training: settings to list, {name: value}. They are published unchanged and must not contain paths.
        fine_tuned_from: model that was fine-tuned, as passed to `from_pretrained`, or None.
        frame_encoder_from: origin of the initial weights of the frame encoder, or None. A path outside the cache of
            the Hub is not published; the card then only mentions pretrained weights.
        example_videos: files of the repository for the Hub's widget, e.g. "examples/happy.mp4".

    Raises:
        ValueError: a key of `results` is missing, its recalls are for other classes than the run's, its temperature is
            not that of the configuration, or the run did not train a model.
    """
    _check_results(results, run)
    _check_temperature(results, config)
    terms, source = terms_of(run.data), source_of(run.data)
    other_weights = bool(fine_tuned_from or frame_encoder_from)
    synthetic = run.data.dataset == "faces"
    base_models = [repo for repo in (hub_repo(fine_tuned_from), hub_repo(frame_encoder_from)) if repo]
    card = ModelCard.from_template(
        _metadata(model_name, run, results, terms, synthetic and not other_weights, base_models, example_videos),
        template_path=str(hub_card_file(TEMPLATE)),
        model_name=plain_text(model_name),
        quoted_name=quoted_name(model_name),
        label_names=[plain_text(name) for name in run.label_names],
        dataset_name=plain_text(run.data.dataset_name),
        config=config,
        run=run,
        num_clips=results["test_num_clips"],
        empty_classes=[plain_text(name) for name in results["test_empty_classes"]],
        terms=terms,
        limits=source.limits if source else (),
        synthetic=synthetic,
        all_ours=synthetic and not other_weights,
        tested_on=plain_text(_tested_on(run)),
        seen_clips=describe_seen_clips(run),
        splits=_table_of_splits(clips_per_split, run),
        settings=_origin(fine_tuned_from, frame_encoder_from)
        | {plain_text(name): plain_text(value) for name, value in training.items()},
        other_weights=other_weights,
        temperature=config.score_temperature,
        num_fitted_clips=clips_per_split.get("validation", 0),
        min_fitted_clips=MIN_CLIPS,
        is_at_limit=config.score_temperature in (LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE),
        calibration=_calibration_in_words(results),
        **_results_in_words(results, run.label_names),
    )
    write_text(path, str(card))


def _check_results(results: Mapping[str, Any], run: RunInfo) -> None:
    missing = [key for key in _NEEDED if key not in results]
    if missing:
        raise ValueError(f"`results` lacks {', '.join(missing)}; it must have {', '.join(_NEEDED)}")
    recall = results["test_recall"]
    if list(recall) != list(run.label_names):
        raise ValueError(
            f"`test_recall` has the classes {list(recall)}; it must have those of the run, {list(run.label_names)}"
        )
    if run.selection == "given":
        raise ValueError(
            "`selection` of the run is 'given', so it did not train the model; the card needs a run that trained it"
        )


def _check_temperature(results: Mapping[str, Any], config: LogoFormerConfig) -> None:
    known = results.get("score_temperature")
    if known != config.score_temperature:
        raise ValueError(
            f"`score_temperature` is {config.score_temperature} in the configuration and {known} in `results`; both "
            "must be that of the same training"
        )
    ending = "" if known is None else "_calibrated"
    if known is not None or "test_ece" in results:
        keys = [f"{name}{end}" for name in _CALIBRATION for end in {"", ending}]
        if missing := sorted(key for key in keys if key not in results):
            raise ValueError(f"`results` lacks {', '.join(missing)}, which belong to the calibration of the scores")


def _calibration_in_words(results: Mapping[str, Any]) -> dict[str, str] | None:
    """Numbers of the card on the calibration of scores, with the table of them; None where it was not measured."""
    if "test_ece" not in results:
        return None
    rows = [("as they are", "")]
    words = {"right": percent(results["test_war"])}
    if results["score_temperature"] is not None:
        rows.append((f"logits divided by {results['score_temperature']:.3f}", "_calibrated"))
    for _, ending in rows:
        words |= {f"{name}{ending}": percent(results[f"test_{name}{ending}"]) for name in ("ece", "mean_score")}
    words["table"] = markdown_table(
        [
            "scores",
            "mean highest score, %",
            "right, %",
            "calibration error, %",
            "negative log-likelihood",
            "Brier score",
        ],
        [
            [
                name,
                *(words[f"mean_score{ending}"], words["right"], words[f"ece{ending}"]),
                *(f"{results[f'test_{measure}{ending}']:.4f}" for measure in ("nll", "brier")),
            ]
            for name, ending in rows
        ],
    )
    return words


def _tested_on(run: RunInfo) -> str:
    fold = None if run.fold is None else f"fold {run.fold}"
    return ", ".join(part for part in (run.data.dataset_name, run.data.part, fold) if part)


def _metadata(
    model_name: str,
    run: RunInfo,
    results: Mapping[str, Any],
    terms: DataTerms | None,
    all_ours: bool,
    base_models: list[str],
    example_videos: Sequence[str],
) -> ModelCardData:
    """The metadata of the card for the Hub: licence, tags, results."""
    others = [mark for mark in run.marks if run.selection != "test" or "test set" not in mark]
    warning = ", epoch chosen on these test clips" if run.selection == "test" else ""
    warning += "".join(f", {mark}" for mark in others)
    warning += "" if run.test_views is None else f", {run.test_views} views of each clip"
    return ModelCardData(
        license="apache-2.0" if all_ours else "other",
        license_name=None if all_ours else terms.license_name if terms else "terms-of-the-training-data",
        license_link=terms.url if terms else None,
        library_name="transformers",
        pipeline_tag="video-classification",
        tags=["facial-expression-recognition", "logoformer", *([terms.name.lower()] if terms else [])],
        metrics=[hub_name for hub_name, _, _ in _METRICS.values()],
        base_model=base_models or None,
        widget=[{"src": file, "example_title": Path(file).stem} for file in example_videos] or None,
        model_name=model_name,
        eval_results=[
            EvalResult(
                task_type="video-classification",
                task_name="Facial expression recognition in video",
                dataset_type=terms.name.lower() if terms else run.data.dataset,
                dataset_name=_tested_on(run),
                dataset_split=run.split,
                metric_type=hub_name,
                metric_name=name + warning,
                metric_value=round(float(results[key]), 4),
                metric_args=arguments,
            )
            for key, (hub_name, arguments, name) in _METRICS.items()
        ],
    )


def _results_in_words(results: Mapping[str, Any], label_names: Sequence[str]) -> dict[str, str]:
    """Tables and phrases of the card on the test results, by their names in the template."""
    matrix = results["test_confusion_matrix"]
    uar, war = uar_war_estimates([matrix])
    classes = list(zip(label_names, map(sum, matrix), recall_estimates(matrix), strict=True))
    measured = sorted(
        ((name, clips, recall) for name, clips, recall in classes if recall), key=lambda row: row[2].value
    )
    return {
        "weakest": _recall_in_words(*measured[0]),
        "strongest": _recall_in_words(*measured[-1]),
        "measures": markdown_table(
            ["measure", "%", "95 % interval"],
            [
                ["**UAR**", f"**{percent(results['test_uar'])}**", interval(uar)],
                ["**WAR**", f"**{percent(results['test_war'])}**", interval(war)],
                ["macro F1", percent(results["test_macro_f1"]), interval(None)],
            ],
        ),
        "recalls": markdown_table(
            ["expression", "test clips", "recall, %", "95 % interval"],
            [
                [
                    plain_text(name),
                    f"{clips:,}",
                    percent(None if estimate is None else estimate.value),
                    interval(estimate),
                ]
                for name, clips, estimate in classes
            ],
        ),
        "counts": markdown_table(
            ["true", *map(plain_text, label_names)],
            [[plain_text(name), *map(str, row)] for name, row in zip(label_names, matrix, strict=True)],
        ),
    }


def _recall_in_words(name: str, clips: int, recall: Estimate) -> str:
    return f"{percent(recall.value)} % for {plain_text(name)} ({clips:,} test clips)"


def _table_of_splits(clips_per_split: Mapping[str, int], run: RunInfo) -> str:
    used = [split for split in clips_per_split if not (run.selection == "test" and split == "validation")]
    return markdown_table(["split", "clips"], [[split, f"{clips_per_split[split]:,}"] for split in used])


def _origin(fine_tuned_from: str | None, frame_encoder_from: str | None) -> dict[str, str]:
    """The settings that name the origin of the initial weights."""

    def where(source: str | None) -> str:
        repo = hub_repo(source)
        if repo:
            return f"[{repo}](https://huggingface.co/{repo})"
        return "pretrained weights that are not on the Hub" if source else "new weights"

    if fine_tuned_from:
        return {"started from": where(fine_tuned_from)}
    return {"started from": "new weights", "frame encoder": where(frame_encoder_from)}
