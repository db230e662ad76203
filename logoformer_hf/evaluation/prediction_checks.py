"""Checks of predictions that are read or written: files are damaged on disks, and edited by hand and by tools."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..data.identity import CONTENT_ID
from ..data.rows import GROUPS, PERSON

if TYPE_CHECKING:
    from .predictions import Predictions

# Scores are rounded to float32.
_LARGEST_ERROR_OF_SUM = 1e-3
_LARGEST_ERROR_OF_SCORE = 1e-6
_COLUMNS = ("clip_id", "label", "prediction", "scores")  # an embedding and the identifier by content are optional

PEOPLE = (PERSON, *GROUPS)  # columns on the people in the clips, of sources that know them

_TEXT, _WHOLE, _NUMBER = "text", "a whole number", "a number"
_NONE = " or null"
_TYPES: Mapping[str, tuple[type, ...]] = {_TEXT: (str,), _WHOLE: (int,), _NUMBER: (int, float)}
_FACTS = {
    "dataset": _TEXT,
    "dataset_name": _TEXT,
    "model": _TEXT,
    "split": _TEXT,
    "selection": _TEXT,
    "seed": _WHOLE,
    "fold": _WHOLE + _NONE,
    "num_folds": _WHOLE + _NONE,
    "setup": _TEXT + _NONE,
    "trained_on": _TEXT + _NONE,
    "faces": _TEXT + _NONE,
    "compact_loss": _TEXT + _NONE,
    "compact_loss_weight": _NUMBER + _NONE,
    "score_temperature": _NUMBER + _NONE,
    "train_share": _NUMBER + _NONE,
    "test_views": _WHOLE + _NONE,
}


def check_columns(table: pa.Table, origin: str) -> None:
    """Raises a `ValueError` for a missing column, a column of another type, or a missing value."""
    if missing := [name for name in _COLUMNS if name not in table.column_names]:
        raise ValueError(f"{origin} has no column {missing[0]!r}; it has {', '.join(table.column_names)}")
    if table.num_rows == 0:
        raise ValueError(f"{origin}: no clips")
    for name in [*_COLUMNS, "embedding", CONTENT_ID, *PEOPLE]:
        if name not in table.column_names:
            continue
        column = table[name].combine_chunks()
        wanted, is_wanted = _TYPES_OF_COLUMNS.get(name, ("lists of floating-point numbers", _is_list_of_floats))
        if not is_wanted(column.type):
            raise ValueError(f"{origin}: column {name!r} has the type {column.type}; it must be {wanted}")
        is_list = name in ("scores", "embedding")
        if (column.null_count and name not in (CONTENT_ID, *PEOPLE)) or (is_list and column.flatten().null_count):
            raise ValueError(f"{origin}: column {name!r} has rows without a value; every clip must have one")


def check_facts(facts: Mapping[str, Any], origin: str) -> None:
    """Raises a `ValueError` for facts of a run that are not of their type, or a fold that there is not."""
    for name, wanted in _FACTS.items():
        value, types = facts[name], _TYPES[wanted.removesuffix(_NONE)]
        if value is None and wanted.endswith(_NONE):
            continue
        if not isinstance(value, types) or isinstance(value, bool):
            raise ValueError(f"{origin}: {name!r} of the run's facts is {value!r}; it must be {wanted}")
    for name in ("label_names", "left_out"):
        if not isinstance(facts[name], list) or not all(isinstance(each, str) for each in facts[name]):
            raise ValueError(
                f"{origin}: {name!r} of the run's facts is {facts[name]!r:.80}; it must be a list of names"
            )
    if not all(isinstance(value, int) for value in (facts.get("seen_clips") or {}).values()):
        raise ValueError(f"{origin}: 'seen_clips' of the run's facts is {facts['seen_clips']!r}; it must be numbers")
    fold, num_folds = facts["fold"], facts["num_folds"]
    if fold is not None and num_folds is not None and not 1 <= fold <= num_folds:
        raise ValueError(f"{origin}: 'fold' of the run's facts is {fold}; it must be from 1 to {num_folds}")


def check_values(predictions: "Predictions", origin: str) -> None:
    """Raises a `ValueError` for invalid predictions; its message starts with `origin`."""
    clip_ids, num_classes = predictions.clip_ids, len(predictions.run.label_names)
    if not clip_ids:
        raise ValueError(f"{origin}: no clips")
    for name in ("labels", "predictions", "scores", "embeddings"):
        values = getattr(predictions, name)
        if values is None:
            continue
        if len(values) != len(clip_ids):
            raise ValueError(f"{origin}: {len(values)} {name} for {len(clip_ids)} clip ids")
        if values.ndim == 2:
            _refuse(
                ~np.isfinite(values).all(axis=1),
                f"{name} of {{}} clips are not all finite numbers",
                predictions,
                origin,
            )
        else:
            outside = np.asarray((values < 0) | (values >= num_classes))
            _refuse(outside, f"{name} of {{}} clips are outside of 0 to {num_classes - 1}", predictions, origin)
    if predictions.scores.shape[1] != num_classes:
        raise ValueError(f"{origin}: {predictions.scores.shape[1]} scores a clip for {num_classes} classes")
    if predictions.content_ids is not None and len(predictions.content_ids) != len(clip_ids):
        raise ValueError(f"{origin}: {len(predictions.content_ids)} content ids for {len(clip_ids)} clip ids")
    for name, people in predictions.people.items():
        if len(people) != len(clip_ids):
            raise ValueError(f"{origin}: {len(people)} values of {name!r} for {len(clip_ids)} clip ids")
    if len(set(clip_ids)) != len(clip_ids):
        ids, counts = np.unique(clip_ids, return_counts=True)
        raise ValueError(f"{origin}: clip {ids[counts > 1][0]} occurs twice; every clip must be tested exactly once")
    _check_scores(predictions, origin)


def _check_scores(predictions: "Predictions", origin: str) -> None:
    scores = predictions.scores.astype(np.float64)
    _refuse(np.any(scores < 0, axis=1), "scores of {} clips are less than 0", predictions, origin)
    no_sum = np.abs(scores.sum(axis=1) - 1) > _LARGEST_ERROR_OF_SUM
    _refuse(no_sum, "scores of {} clips do not add up to 1", predictions, origin)
    of_predicted = scores[np.arange(len(scores)), predictions.predictions]
    no_largest = of_predicted < scores.max(axis=1) - _LARGEST_ERROR_OF_SCORE
    _refuse(no_largest, "predictions of {} clips are not the classes with the largest score", predictions, origin)


def _refuse(faulty: np.ndarray, fault: str, predictions: "Predictions", origin: str) -> None:
    if faulty.any():
        example = predictions.clip_ids[int(faulty.argmax())]
        raise ValueError(f"{origin}: {fault.format(faulty.sum())}, e.g. of {example}")


def _is_text(column: pa.DataType) -> bool:
    return bool(pa.types.is_string(column) or pa.types.is_large_string(column))


def _is_list_of_floats(column: pa.DataType) -> bool:
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_kind(column) for is_kind in kinds) and bool(pa.types.is_floating(column.value_type))


_TYPES_OF_COLUMNS = {
    **dict.fromkeys(("clip_id", CONTENT_ID, *PEOPLE), ("text", _is_text)),
    **dict.fromkeys(("label", "prediction"), ("whole numbers", pa.types.is_integer)),
}
