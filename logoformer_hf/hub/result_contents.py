"""Checks that values of `eval_results.json`, before they are published, are scores, counts and names of classes."""

import math
import re
from collections.abc import Collection
from typing import Any

from ..data.json_fields import shown
from .name_contents import check_range

MAX_COUNT = 10**9 - 1  # of clips
_MAX_WHOLE = 10**15  # of other whole numbers, as bytes of memory
_SPLITS = ("train", "validation", "test")
_SHARES = re.compile("test_(?:uar|war|macro_f1|(?:ece|mean_score)(?:_calibrated)?)")


def check_results(values: dict[str, Any]) -> None:
    """
    Checks values whose types are checked already. None is a number that is not known.

    Raises:
        ValueError: a score that is not from 0 to 1, a count that is none, a split of another name, a matrix that is
            not square, or a class that is named twice; the message has the field.
    """
    for name, value in values.items():
        if isinstance(value, int):
            check_range(value, -_MAX_WHOLE, _MAX_WHOLE, name)
        if _SHARES.fullmatch(name):
            check_range(value, 0, 1, name)
    check_count(values.get("test_num_clips"), "test_num_clips")
    for name, recall in (values.get("test_recall") or {}).items():
        check_range(recall, 0, 1, f"test_recall.{name[:100]}")
    for name, number in (values.get("seen_clips") or {}).items():
        check_count(number, f"seen_clips.{name}")
    for name, number in (values.get("clips_per_split") or {}).items():
        if name not in _SPLITS:
            raise ValueError(f"`clips_per_split` has {shown(name)}; its splits are {', '.join(_SPLITS)}")
        check_count(number, f"clips_per_split.{name}")
    matrix = values.get("test_confusion_matrix") or []
    if any(len(row) != len(matrix) for row in matrix):
        raise ValueError("`test_confusion_matrix` must have as many columns as rows, one for each class")
    for number in (number for row in matrix for number in row):
        check_count(number, "test_confusion_matrix")
    empty = values.get("test_empty_classes") or []
    if len(set(empty)) < len(empty):
        raise ValueError("`test_empty_classes` has a name twice")
    temperature = values.get("score_temperature")
    if temperature is not None and temperature <= 0:
        raise ValueError(f"`score_temperature` is {shown(temperature)}; it must be above zero")


def check_matrix_size(values: dict[str, Any], names: Collection[str]) -> None:
    """
    Checks the confusion matrix of results.

    Args:
        values: of `eval_results.json`.
        names: of the classes of the model; where results have recalls, those of the tested classes count.

    Raises:
        ValueError: the matrix has another number of classes.
    """
    matrix, num_classes = values.get("test_confusion_matrix"), len(values.get("test_recall") or names)
    if matrix is not None and len(matrix) != num_classes:
        raise ValueError(f"`test_confusion_matrix` has {len(matrix):,} rows; it must have {num_classes:,}")


def check_count(value: Any, where: str) -> None:
    """Raises a ValueError for what is no number of clips; None is a number that is not known."""
    if isinstance(value, float) and value != math.floor(value):
        raise ValueError(f"`{where}` is {shown(value)}; it must be a whole number")
    check_range(value, 0, MAX_COUNT, where)
