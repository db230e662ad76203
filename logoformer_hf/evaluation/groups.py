"""
UAR by groups of people, where a data set says who is in its clips.

The clips of a person are alike, so an interval over clips is too narrow for a statement on other people. Here it is
over people: the delete-one jackknife, which computes UAR without each person in turn, with Student's quantile for one
degree of freedom less than there are people; and where the limits over clips are further away, these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

from ..data.rows import GROUPS, PERSON
from .intervals import CONFIDENCE
from .predictions import Predictions
from .significance import uar_war_estimates
from .uar import uar_and_war

ALL = "all"


@dataclass(frozen=True)
class GroupScores:
    """
    UAR of the clips of some people, all folds pooled.

    Attributes:
        column: "sex", "age_group" or "race"; "all" for everybody.
        value: the group's value of it; empty for everybody.
        num_people: number of people.
        num_clips: number of clips.
        num_classes: classes that have a clip in the group; UAR is the mean of their recalls.
        uar: 0 to 1.
        low: lower limit of the 95 % interval over people; None with a single person.
        high: upper limit.
    """

    column: str
    value: str
    num_people: int
    num_clips: int
    num_classes: int
    uar: float
    low: float | None
    high: float | None


def score_groups(runs: Sequence[Predictions]) -> list[GroupScores]:
    """
    UAR of all people and of each group. Empty where it is not known who is in the clips, or nothing of them.

    Args:
        runs: one for each fold, with one seed.
    """
    if not all(PERSON in run.people and any(name in run.people for name in GROUPS) for run in runs):
        return []
    people = np.array([who or "" for run in runs for who in run.people[PERSON]])
    labels = np.concatenate([run.labels for run in runs])
    is_right = np.concatenate([run.labels == run.predictions for run in runs])
    num_classes = len(runs[0].run.label_names)

    def score(column: str, value: str, chosen: np.ndarray) -> GroupScores:
        counts = _count(people[chosen], labels[chosen], is_right[chosen], num_classes)
        return _score(column, value, counts)

    scores = [score(ALL, "", np.ones(len(labels), bool))]
    for column in GROUPS:
        values = [value for run in runs for value in run.people.get(column, [None] * len(run.labels))]
        for value in sorted({value for value in values if value is not None}):
            scores.append(score(column, value, np.array([each == value for each in values])))
    return scores


def _count(people: np.ndarray, labels: np.ndarray, is_right: np.ndarray, num_classes: int) -> np.ndarray:
    """Numbers of clips by person, class, and wrong (0) or right (1)."""
    names, numbers = np.unique(people, return_inverse=True)
    counts = np.zeros((len(names), num_classes, 2), np.int64)
    np.add.at(counts, (numbers, labels, is_right.astype(int)), 1)
    return counts


def _score(column: str, value: str, counts: np.ndarray) -> GroupScores:
    """The scores of the people of `counts` (people, classes, 2)."""
    total = counts.sum(axis=0)
    uar, num_people = float(uar_and_war(total)[0]), len(counts)
    low = high = None
    if num_people > 1:
        without = uar_and_war(total - counts)[0]  # (people,)
        error = np.sqrt((num_people - 1) / num_people * np.square(without - without.mean()).sum())
        half = student_t.ppf((1 + CONFIDENCE) / 2, num_people - 1) * error
        clips = total.sum(axis=1)
        # Only which clips are right counts, so wrong ones may stand in any other column.
        matrix = np.diag(total[:, 1])
        matrix[np.arange(len(clips)), (np.arange(len(clips)) + 1) % len(clips)] += total[:, 0]
        over_clips = uar_war_estimates([matrix])[0]
        low = float(max(0, min(uar - half, over_clips.low)))
        high = float(min(1, max(uar + half, over_clips.high)))
    num_clips, num_classes = int(total.sum()), int((total.sum(axis=1) > 0).sum())
    return GroupScores(column, value, num_people, num_clips, num_classes, uar, low, high)
