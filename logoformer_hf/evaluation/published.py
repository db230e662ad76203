"""The published results that the scores of a run can be compared with."""

from dataclasses import dataclass

from ..configuration_logoformer import EXPRESSIONS
from ..data.published import METHODS
from ..data.sources.table import SOURCES
from .predictions import RunInfo

HOW_CHOSEN = (
    "Most published code picks the best epoch on the test set, so most of these numbers are higher than a choice on "
    "held-out clips would have made them."
)


@dataclass(frozen=True)
class PublishedResult:
    """
    UAR and WAR of a method on one data set, in percent as published; the other fields as in `PublishedMethod`.
    """

    name: str
    year: int | None
    paper: str
    uar: float
    war: float
    params_m: int | None
    gflops: int | None


def published_beside(run: RunInfo) -> list[PublishedResult]:
    """
    The published results that the scores of this run can be compared with. There are none for another data set or
    split, a part of a data set, other classes than the seven, or a model that was trained on another data set or on
    tested clips.
    """
    comparable = (
        run.split == "test"
        and run.data.setup is None
        and run.trained_on is None
        and not (run.seen_clips and run.seen_clips.trained_on)
        and set(run.label_names) == set(EXPRESSIONS)
    )
    if not comparable or run.data.dataset not in SOURCES:
        return []
    numbers = SOURCES[run.data.dataset].published
    return [
        PublishedResult(method.name, method.year, method.paper, *numbers[method.name], method.params_m, method.gflops)
        for method in METHODS
        if method.name in numbers
    ]
