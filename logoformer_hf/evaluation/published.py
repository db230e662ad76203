"""The published results that the scores of a run can be compared with."""

from dataclasses import dataclass

from ..data.published import METHODS, HumanScores
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
    split, a part of a data set, other classes than those of its protocol, or a model that was trained on another data
    set or on tested clips.
    """
    if not _is_whole_protocol(run) or run.trained_on is not None:
        return []
    if run.seen_clips and run.seen_clips.trained_on:
        return []
    numbers = SOURCES[run.data.dataset].published
    return [
        PublishedResult(method.name, method.year, method.paper, *numbers[method.name], method.params_m, method.gflops)
        for method in METHODS
        if method.name in numbers
    ]


def human_beside(run: RunInfo) -> HumanScores | None:
    """What people reach on the clips of this run, None where that is not known."""
    return SOURCES[run.data.dataset].human if _is_whole_protocol(run) else None


def _is_whole_protocol(run: RunInfo) -> bool:
    """Whether all classes and clips of a data set's protocol are tested."""
    source = SOURCES.get(run.data.dataset)
    if source is None or run.split != "test" or run.data.setup is not None:
        return False
    return set(run.label_names) == set(source.classes)
