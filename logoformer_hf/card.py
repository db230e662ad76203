"""The model card of a trained checkpoint: what a model repository shows as its README."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

# Key in the results -> (metric's name on the Hub, name in the card's metadata)
_METRICS = {
    "test_uar": ("recall", "UAR (mean of per-class recalls)"),
    "test_war": ("accuracy", "WAR (accuracy)"),
    "test_macro_f1": ("f1", "macro F1"),
}
_NEEDED = (*_METRICS, "test_recall", "test_confusion_matrix", "test_num_clips", "test_empty_classes")


def write_model_card(
    path: str | Path,
    template_path: str | Path,
    *,
    model_name: str,
    results: Mapping[str, Any],
    dataset_name: str,
    label_names: Sequence[str],
    clips_per_split: Mapping[str, int],
    selection: str,
    training: Mapping[str, Any],
    synthetic: bool = False,
) -> None:
    """Writes the card, with the test results also in its metadata, where the Hub reads them.

    Args:
        path: card to write, usually `README.md` beside the checkpoint, `confusion_matrix.png` and
            `training_curves.png`.
        template_path: Jinja template of the card, `hub_card/model_card.md`.
        model_name: repository (or folder) that `from_pretrained` takes in the card's snippet; also the title.
        results: what `ExpressionMetrics` gives for the test split, each key with `test_` before it: `test_uar`,
            `test_war`, `test_macro_f1` (0 to 1), `test_recall` ({name: 0 to 1, or None without a clip}),
            `test_confusion_matrix` (rows are true classes), `test_num_clips`, `test_empty_classes`. May hold more.
        dataset_name: what it was trained and tested on, as readers know it, e.g. "DFEW, fold 1".
        label_names: names of the classes in the order of their numbers.
        clips_per_split: number of clips of each split, e.g. {"train": 8000, "validation": 1356, "test": 2341}.
        selection: which of the run's checkpoints it is, as in "The checkpoint is `the one with the best UAR ...`".
        training: settings to list, {name: value}.
        synthetic: the clips are drawn; the card then says that the model is no use for real faces.

    Raises:
        ValueError: `results` lacks a key, or its recalls are not those of `label_names`.
    """
    missing = [key for key in _NEEDED if key not in results]
    if missing:
        raise ValueError(f"the results lack {', '.join(missing)}; the card needs {', '.join(_NEEDED)}")
    recall = results["test_recall"]
    if list(recall) != list(label_names):
        raise ValueError(f"test_recall is for the classes {list(recall)}, label_names are {list(label_names)}")

    metadata = ModelCardData(
        license="apache-2.0",
        library_name="transformers",
        pipeline_tag="video-classification",
        tags=["facial-expression-recognition", "logoformer"],
        metrics=[hub_name for hub_name, _ in _METRICS.values()],
        model_name=model_name,
        eval_results=[
            EvalResult(
                task_type="video-classification",
                task_name="Facial expression recognition in video",
                dataset_type=re.sub(r"[^a-z0-9]+", "-", dataset_name.lower()).strip("-"),
                dataset_name=dataset_name,
                dataset_split="test",
                metric_type=hub_name,
                metric_name=name,
                metric_value=round(float(results[key]), 4),
            )
            for key, (hub_name, name) in _METRICS.items()
        ],
    )
    clips = [sum(row) for row in results["test_confusion_matrix"]]
    card = ModelCard.from_template(
        metadata,
        template_path=str(template_path),
        model_name=model_name,
        dataset_name=dataset_name,
        label_names=label_names,
        classes=list(zip(label_names, clips, recall.values(), strict=True)),
        clips_per_split=clips_per_split,
        selection=selection,
        training=training,
        synthetic=synthetic,
        **{key: results[key] for key in _NEEDED},
    )
    card.save(path)
