"""Cards, what the Hub shows of a repository: of a trained model, and of a prepared copy of a data set."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import DatasetCard, DatasetCardData, EvalResult, ModelCard, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ..data.terms import data_terms
from ..evaluation.significance import Estimate, bootstrap_uar_war, recall_estimates
from ..evaluation.tables import interval, markdown_table, percent

if TYPE_CHECKING:
    from ..configuration_logoformer import LogoFormerConfig
    from ..evaluation.predictions import RunInfo

# Key in the results -> (metric's name on the Hub, its arguments there, name in the card's metadata)
_METRICS = {
    "test_uar": ("recall", {"average": "macro"}, "UAR (mean of per-class recalls)"),
    "test_war": ("accuracy", None, "WAR (accuracy)"),
    "test_macro_f1": ("f1", {"average": "macro"}, "macro F1"),
}
_NEEDED = (*_METRICS, "test_recall", "test_confusion_matrix", "test_num_clips", "test_empty_classes")


def hub_repo(name_or_path: str | None) -> str | None:
    """
    The repository of a model, None for one that is on this disk only: its path would tell of folders, not of models.

    Args:
        name_or_path: a repository, a file or folder, or one in the cache of the Hub, which knows its repository.
    """
    if name_or_path is None:
        return None
    if cached := re.search(r"models--([^/\\]+)", name_or_path):
        return cached[1].replace("--", "/")
    try:
        validate_repo_id(name_or_path)
    except HFValidationError:
        return None
    return None if Path(name_or_path).exists() else name_or_path


def write_model_card(
    path: str | Path,
    template_path: str | Path,
    *,
    model_name: str,
    config: "LogoFormerConfig",
    run: "RunInfo",
    results: Mapping[str, Any],
    clips_per_split: Mapping[str, int],
    training: Mapping[str, Any],
    fine_tuned_from: str | None = None,
    frame_encoder_from: str | None = None,
    example_videos: Sequence[str] = (),
) -> None:
    """Writes the card of a LOGO-Former, with the test results also in its metadata, where the Hub reads them.

    Args:
        path: card to write, usually `README.md` beside the checkpoint, `confusion_matrix.png` and
            `training_curves.png`.
        template_path: Jinja template of the card, `hub_card/model_card.md`.
        model_name: repository (or folder) that `from_pretrained` takes in the card's snippets; also the title.
        config: of the model.
        run: data set, fold, seed, how the epoch was chosen, and test clips that were left out.
        results: what `ExpressionMetrics` gives for the test split, each key with `test_` before it: `test_uar`,
            `test_war`, `test_macro_f1` (0 to 1), `test_recall` ({name: 0 to 1, or None without a clip}),
            `test_confusion_matrix` (rows are true classes), `test_num_clips`, `test_empty_classes`. May hold more.
        clips_per_split: number of clips of each split, e.g. {"train": 8000, "validation": 1356, "test": 2341}.
        training: settings to list, {name: value}. They are published as they stand: no paths.
        fine_tuned_from: model that the run went on from, as `from_pretrained` took it.
        frame_encoder_from: where the first weights of the frame encoder came from. Of a path that is not in the cache
            of the Hub, the card says only that there was one.
        example_videos: files of the repository that the Hub's widget offers, e.g. "examples/happy.mp4".

    Raises:
        ValueError: `results` lacks a key, its recalls are not those of the run's classes, or nothing was trained.
    """
    missing = [key for key in _NEEDED if key not in results]
    if missing:
        raise ValueError(f"the results lack {', '.join(missing)}; the card needs {', '.join(_NEEDED)}")
    recall = results["test_recall"]
    if list(recall) != list(run.label_names):
        raise ValueError(f"test_recall is for the classes {list(recall)}, the run's are {list(run.label_names)}")
    if run.selection == "given":
        raise ValueError("the run's selection is 'given', so it trained nothing; this card is for a trained model")

    fold = None if run.fold is None else f"fold {run.fold}"
    tested_on = ", ".join(part for part in (run.dataset_name, run.setup, fold) if part)
    warning = ", epoch chosen on these test clips" if run.selection == "test" else ""
    terms = data_terms(f"{run.dataset} {run.dataset_name}")
    synthetic = run.dataset == "faces"
    all_ours = synthetic and not (fine_tuned_from or frame_encoder_from)
    base_models = [repo for repo in (hub_repo(fine_tuned_from), hub_repo(frame_encoder_from)) if repo]
    metadata = ModelCardData(
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
                dataset_type=terms.name.lower() if terms else run.dataset,
                dataset_name=tested_on,
                dataset_split=run.split,
                metric_type=hub_name,
                metric_name=name + warning,
                metric_value=round(float(results[key]), 4),
                metric_args=arguments,
            )
            for key, (hub_name, arguments, name) in _METRICS.items()
        ],
    )

    matrix, label_names = results["test_confusion_matrix"], list(run.label_names)
    uar, war = bootstrap_uar_war([matrix])
    classes = list(zip(label_names, map(sum, matrix), recall_estimates(matrix), strict=True))
    measured = sorted((row for row in classes if row[2]), key=lambda row: row[2].value)
    used = [split for split in clips_per_split if not (run.selection == "test" and split == "validation")]
    card = ModelCard.from_template(
        metadata,
        template_path=str(template_path),
        model_name=model_name,
        config=config,
        run=run,
        num_clips=results["test_num_clips"],
        empty_classes=results["test_empty_classes"],
        terms=terms,
        synthetic=synthetic,
        all_ours=all_ours,
        tested_on=tested_on,
        weakest=_recall_in_words(*measured[0]),
        strongest=_recall_in_words(*measured[-1]),
        measures=markdown_table(
            ["measure", "%", "95 % interval"],
            [
                ["**UAR**", f"**{percent(results['test_uar'])}**", interval(uar)],
                ["**WAR**", f"**{percent(results['test_war'])}**", interval(war)],
                ["macro F1", percent(results["test_macro_f1"]), interval(None)],
            ],
        ),
        recalls=markdown_table(
            ["expression", "test clips", "recall, %", "95 % interval"],
            [
                [name, f"{clips:,}", percent(estimate and estimate.value), interval(estimate)]
                for name, clips, estimate in classes
            ],
        ),
        counts=markdown_table(
            ["true", *label_names],
            [[name, *map(str, row)] for name, row in zip(label_names, matrix, strict=True)],
        ),
        splits=markdown_table(["split", "clips"], [[split, f"{clips_per_split[split]:,}"] for split in used]),
        settings=_origin(fine_tuned_from, frame_encoder_from) | dict(training),
        other_weights=bool(fine_tuned_from or frame_encoder_from),
    )
    card.save(path)


def _recall_in_words(name: str, clips: int, recall: Estimate) -> str:
    return f"{percent(recall.value)} % for {name} ({clips:,} test clips)"


def _origin(fine_tuned_from: str | None, frame_encoder_from: str | None) -> dict[str, str]:
    """The settings that say where the first weights came from."""

    def where(source: str | None) -> str:
        repo = hub_repo(source)
        if repo:
            return f"[{repo}](https://huggingface.co/{repo})"
        return "pretrained weights that are not on the Hub" if source else "new weights"

    if fine_tuned_from:
        return {"started from": where(fine_tuned_from)}
    return {"started from": "new weights", "frame encoder": where(frame_encoder_from)}


def write_dataset_card(
    path: str | Path,
    template_path: str | Path,
    *,
    repo_name: str,
    dataset: str,
    dataset_name: str,
    clips_per_split: Mapping[str, int],
    label_names: Sequence[str],
    frame_size: str,
    extra_columns: Mapping[str, str],
    notes: Sequence[str] = (),
) -> None:
    """Writes the card of a prepared data set, which also tells `load_dataset` where the splits are.

    Args:
        path: card to write, `README.md` beside the folder `data` with the shards `<split>-00000-of-000NN.parquet`.
        template_path: Jinja template of the card, `hub_card/dataset_card.md`.
        repo_name: repository (or folder) that `load_dataset` takes in the card's snippet.
        dataset: as `--dataset` names it: "dfew", "ferv39k", "clips".
        dataset_name: the same for readers: "DFEW".
        clips_per_split: number of clips of each split that has shards.
        label_names: names of the classes in the order of their numbers.
        frame_size: of the embedded frames, for readers, e.g. "128 pixels on the shorter side".
        extra_columns: columns besides `clip_id`, `video`, `num_frames` and `label`, {name: what it holds}.
        notes: sentences on what was found and left out. They are published as they stand: no paths.
    """
    terms = data_terms(f"{dataset} {dataset_name}")
    num_clips = sum(clips_per_split.values())
    metadata = DatasetCardData(
        license="other",
        license_name=terms.license_name if terms else "terms-of-the-source",
        license_link=terms.url if terms else None,
        pretty_name=f"{dataset_name}, prepared for LOGO-Former",
        task_categories=["video-classification"],
        size_categories=[_size_category(num_clips)],
        tags=["facial-expression-recognition", "logoformer", *([terms.name.lower()] if terms else [])],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in clips_per_split],
            }
        ],
        viewer=False if terms else None,  # the viewer would make, and show, one more copy
    )
    labels = ", ".join(f"{number} {name}" for number, name in enumerate(label_names))
    columns = {
        "clip_id": "name of the clip, the same as in the original",
        "video": "its frames in order, as images",
        "num_frames": "how many there are",
        "label": f"number of the expression: {labels}",
    }
    card = DatasetCard.from_template(
        metadata,
        template_path=str(template_path),
        repo_name=repo_name,
        dataset_name=dataset_name,
        terms=terms,
        has_folds="fold" in extra_columns,
        num_clips=num_clips,
        first_split=next(iter(clips_per_split)),
        splits=markdown_table(["split", "clips"], [[split, f"{clips:,}"] for split, clips in clips_per_split.items()]),
        columns=columns | dict(extra_columns),
        frame_size=frame_size,
        notes=notes,
    )
    card.save(path)


def rename_card(text: str, repo_name: str) -> str:
    """
    The card for the repository that it goes to: title, metadata and snippets name that instead of a folder.

    Args:
        text: what `write_model_card` or `write_dataset_card` wrote. A card without their first snippet comes back as
            it is: somebody wrote it by hand.
        repo_name: `owner/name`.
    """
    snippet = re.search(r'(?:model=|load_dataset\()"([^"]+)"', text)
    if snippet is None:
        return text
    for before, after in (
        ("\n# ", "\n"),
        ("\n- name: ", "\n"),
        ("\n- name: '", "'\n"),
        ('"', '"'),
        ("hf download ", " "),
    ):
        text = text.replace(f"{before}{snippet[1]}{after}", f"{before}{repo_name}{after}")
    return text


def _size_category(num_clips: int) -> str:
    """The Hub's name for a size, e.g. "10K<n<100K" (https://huggingface.co/docs/hub/datasets-cards)."""
    if num_clips < 1_000:
        return "n<1K"
    return "1K<n<10K" if num_clips < 10_000 else "10K<n<100K" if num_clips < 100_000 else "100K<n<1M"
