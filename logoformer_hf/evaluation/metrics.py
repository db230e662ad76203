"""The field's numbers as an `evaluate` metric: UAR, WAR, macro F1, recall per class, confusion matrix.

`evaluate.load` copies this file and the one that it names with `from .` away and imports the copies, also offline: it
imports nothing else of its package, and no line says `import a, b`, which evaluate takes for one module of that name.
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
    predictions: class number of every clip as the model sees it; list, array or tensor of integers, shape (clips,).
    references: true class number of every clip, same shape.
    label_names (`list[str]`, *optional*): names of the classes in the order of their numbers. Fixes how many classes
        there are. Without it the classes are 0 to the largest number seen, named "0", "1", ...

Returns:
    dict with
    - `uar`: mean of the recalls of the classes that occur in `references`, 0 to 1;
    - `war`: share of clips classified correctly, 0 to 1;
    - `macro_f1`: mean of the F1 scores of the classes that occur in `references`, 0 to 1. A class that is only ever
      predicted costs the others precision, it adds no zero of its own (scikit-learn's own default would add one);
    - `recall`: {class name: recall, or None for a class without a clip};
    - `confusion_matrix`: clips counted, one list per true class, one column per predicted class, in label order;
    - `num_clips`: number of clips;
    - `empty_classes`: names of the classes without a clip. They are also named in a warning.

Raises:
    ValueError: no clips, lengths that differ, a value that is no integer or no class number, a name given twice.

Example:
    >>> metric = evaluate.load(str(logoformer_hf.METRIC_FILE), keep_in_memory=True)
    >>> metric.compute(predictions=[0, 1, 1], references=[0, 0, 1], label_names=["happy", "sad"])["uar"]
    0.75
"""


class ExpressionMetrics(evaluate.Metric):
    """UAR, WAR and what explains them. Call `compute(predictions=..., references=..., label_names=...)`.

    Load it with `evaluate.load(path_of_this_file, keep_in_memory=True)`. In memory nothing is shared, so several
    processes may compute at once, each on all clips, as `Trainer` hands them to `compute_metrics` on every process.
    Without `keep_in_memory` the clips pass through a file in the cache folder. Processes that load the metric with the
    same `experiment_id` (there is a default) then lock each other's file, wait a second and take another name, and a
    `compute` that raises leaves its file behind; a distinct `experiment_id` for each process avoids the wait.
    Only where each process holds a *part* of the clips: pass `num_process`, `process_id` and an `experiment_id` that
    the processes share and no other run uses, without `keep_in_memory`; the result comes on process 0.

    An instance can compute again and again, also after an error: each `compute` starts from nothing.
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
        """Computes all numbers over the clips given here and those added before."""
        if predictions is None and references is None and self.writer is None:
            raise ValueError("no clips: give `predictions` and `references`, at least one number each")
        numbers: dict[str, Any] | None = super().compute(predictions=predictions, references=references, **kwargs)
        return numbers

    def add_batch(self, *, predictions: Any = None, references: Any = None) -> None:
        """Adds clips for the next `compute`."""
        # Checked before the base class sees them: it would turn 1.7 into 1, and keep half of a faulty batch.
        predictions, references = _integers(predictions, "predictions"), _integers(references, "references")
        if len(predictions) != len(references):
            raise ValueError(
                f"{len(predictions)} predictions for {len(references)} references: one of each per clip, please"
            )
        super().add_batch(predictions=predictions, references=references)

    def add(self, *, prediction: Any = None, reference: Any = None) -> None:
        """Adds one clip for the next `compute`."""
        self.add_batch(predictions=[prediction], references=[reference])

    def _compute(
        self, predictions: np.ndarray, references: np.ndarray, label_names: Sequence[str] | None = None
    ) -> dict[str, Any]:
        if len(references) == 0:
            raise ValueError("no clips: `predictions` and `references` are empty, at least one number each is needed")
        if label_names is None:
            label_names = [str(number) for number in range(max(predictions.max(), references.max()) + 1)]
        label_names = list(label_names)
        if len(set(label_names)) != len(label_names):
            raise ValueError(f"label_names {label_names} hold a name twice, every class needs a name of its own")
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
    """Plain Python integers of a list, array or tensor; ValueError at the first value that is none."""
    if values is None:
        raise ValueError(f"`{argument}` is missing: a list, array or tensor of class numbers, one per clip")
    integers = []
    for position, value in enumerate(values.tolist() if hasattr(values, "tolist") else values):
        try:
            if isinstance(value, bool):  # Python counts it as an integer, but it answers "correct?", not "which?"
                raise TypeError
            integers.append(operator.index(value))
        except TypeError:
            raise ValueError(
                f"`{argument}` holds {value!r:.60} at position {position}, an integer class number is needed"
            ) from None
    return integers


def _check_range(numbers: np.ndarray, argument: str, num_classes: int) -> None:
    outside = np.flatnonzero((numbers < 0) | (numbers >= num_classes))
    if outside.size:
        position = outside[0]
        raise ValueError(
            f"`{argument}` holds {numbers[position]} at position {position}, "
            f"class numbers of {num_classes} classes are 0 to {num_classes - 1}"
        )
