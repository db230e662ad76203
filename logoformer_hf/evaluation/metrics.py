"""The usual scores of the field as an `evaluate` metric: UAR, WAR, macro F1, recall per class, confusion matrix.

`evaluate.load` copies this file and the file of its `from .` import to another folder and imports the copies, also
offline. This file therefore imports nothing else of its package, and has no line `import a, b`, which evaluate takes
for the name of one module.
"""

import operator
import warnings
from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

from .uar import uar_and_war, wrong_and_right

_DESCRIPTION = """\
Expression recognition on video clips: UAR (mean of per-class recalls), WAR (plain accuracy), macro F1, recall per
class and the confusion matrix. UAR and macro F1 are means over the classes that occur in `references`.
"""

# Shown to users as part of the docstrings of `compute` and `add_batch`.
_INPUTS = """
Args:
    predictions: predicted class number of every clip; list, array or tensor of integers, shape (clips,).
    references: true class number of every clip, same shape.
    label_names (`list[str]`, *optional*): names of the classes in the order of their numbers; sets the number of
        classes. Without it the classes are 0 to the largest given number, named "0", "1", ...

Returns:
    dict with
    - `uar`: mean of the recalls of the classes that occur in `references`, 0 to 1;
    - `war`: share of clips classified correctly, 0 to 1;
    - `macro_f1`: mean of the F1 scores of the classes that occur in `references`, 0 to 1. A class that is predicted
      but does not occur lowers the precision of the others and is not in the mean (scikit-learn's default adds a 0);
    - `recall`: {class name: recall, or None for a class without a clip};
    - `confusion_matrix`: numbers of clips, one list per true class, one column per predicted class, in label order;
    - `num_clips`: number of clips;
    - `empty_classes`: names of the classes without a clip, which a warning names too.

Raises:
    ValueError: no clips, different lengths, a value that is not an integer or not a class number, a duplicate name.

Example:
    >>> metric = evaluate.load(str(logoformer_hf.METRIC_FILE), keep_in_memory=True)
    >>> metric.compute(predictions=[0, 1, 1], references=[0, 0, 1], label_names=["happy", "sad"])["uar"]
    0.75
"""


class ExpressionMetrics(evaluate.Metric):
    """UAR, WAR, macro F1, recalls and confusion matrix: `compute(predictions=..., references=..., label_names=...)`.

    Load it with `evaluate.load(path_of_this_file, keep_in_memory=True)`. In memory nothing is shared, so several
    processes can compute at the same time, each on all clips, as `Trainer` passes them to `compute_metrics` on every
    process. Without `keep_in_memory` the clips are written to a file in the cache folder. Processes that load the
    metric with the same `experiment_id` (there is a default) then lock each other's file, wait a second and choose
    another name, and a `compute` that raises does not delete its file; a different `experiment_id` per process avoids
    the wait. Only where each process has a *part* of the clips: pass `num_process`, `process_id` and an
    `experiment_id` that the processes share and no other run uses, without `keep_in_memory`; process 0 returns the
    result.

    An instance can compute repeatedly, also after an error; each `compute` starts without clips.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features({name: datasets.Value("int64") for name in ("predictions", "references")}),
            format="numpy",
        )

    def compute(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> dict[str, Any] | None:
        """Computes all scores over the clips given here and those added before."""
        if predictions is None and references is None and self.writer is None:
            raise ValueError("no clips: give `predictions` and `references` with at least one class number each")
        numbers: dict[str, Any] | None = super().compute(predictions=predictions, references=references, **kwargs)
        return numbers

    def add_batch(self, *, predictions: Any = None, references: Any = None) -> None:
        """Adds clips for the next `compute`."""
        # Checked before the base class, which would convert 1.7 to 1 and keep half of an invalid batch.
        predictions, references = _integers(predictions, "predictions"), _integers(references, "references")
        if len(predictions) != len(references):
            raise ValueError(
                f"{len(predictions)} predictions for {len(references)} references; there must be one of each per clip"
            )
        super().add_batch(predictions=predictions, references=references)

    def add(self, *, prediction: Any = None, reference: Any = None) -> None:
        """Adds one clip for the next `compute`."""
        self.add_batch(predictions=[prediction], references=[reference])

    def _compute(
        self, predictions: np.ndarray, references: np.ndarray, label_names: Sequence[str] | None = None
    ) -> dict[str, Any]:
        if len(references) == 0:
            raise ValueError(
                "no clips: `predictions` and `references` are empty; each must have at least one class number"
            )
        if label_names is None:
            label_names = [str(number) for number in range(max(predictions.max(), references.max()) + 1)]
        label_names = list(label_names)
        if len(set(label_names)) != len(label_names):
            raise ValueError(f"`label_names` is {label_names} and has a name twice; the names must be different")
        _check_range(predictions, "predictions", len(label_names))
        _check_range(references, "references", len(label_names))

        labels = list(range(len(label_names)))
        occurring = np.unique(references).tolist()
        empty = [name for number, name in enumerate(label_names) if number not in occurring]
        if empty:
            warnings.warn(
                f"no clip of {', '.join(empty)}: UAR and macro F1 are means over the other classes", stacklevel=2
            )
        matrix = confusion_matrix(references, predictions, labels=labels)
        counts = wrong_and_right(matrix)
        uar, war = uar_and_war(counts)
        return {
            "uar": float(uar),
            "war": float(war),
            "macro_f1": float(f1_score(references, predictions, labels=occurring, average="macro")),
            "recall": dict.fromkeys(label_names)
            | {label_names[number]: float(counts[number, 1] / counts[number].sum()) for number in occurring},
            "confusion_matrix": matrix.tolist(),
            "num_clips": len(references),
            "empty_classes": empty,
        }


def _integers(values: Any, argument: str) -> list[int]:
    """Python integers of a list, array or tensor; raises a `ValueError` for the first value that is not an integer."""
    if values is None:
        raise ValueError(f"`{argument}` is missing; it must be a list, array or tensor of class numbers, one per clip")
    integers = []
    for position, value in enumerate(values.tolist() if hasattr(values, "tolist") else values):
        try:
            if isinstance(value, bool):  # an `int` in Python, but not a class number
                raise TypeError
            integers.append(operator.index(value))
        except TypeError:
            raise ValueError(
                f"`{argument}` has {value!r:.60} at position {position}; it must be an integer class number"
            ) from None
    return integers


def _check_range(numbers: np.ndarray, argument: str, num_classes: int) -> None:
    outside = np.flatnonzero((numbers < 0) | (numbers >= num_classes))
    if outside.size:
        position = outside[0]
        raise ValueError(
            f"`{argument}` has {numbers[position]} at position {position}; "
            f"class numbers of {num_classes} classes are 0 to {num_classes - 1}"
        )
