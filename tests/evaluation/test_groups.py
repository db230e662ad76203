"""UAR by groups of people: who counts where, and intervals over people."""

from dataclasses import replace

import numpy as np
import pytest
from predicted import run_info

from logoformer_hf.evaluation.groups import GroupScores, score_groups
from logoformer_hf.evaluation.predictions import (
    PREDICTIONS_FILE,
    Predictions,
    RunInfo,
    people_of,
    read_predictions,
    write_predictions,
)
from logoformer_hf.evaluation.uar import uar_and_war

CLIPS_EACH = 4  # of each of seven classes


def run_of(is_right, people, fold: int | None = None, **groups) -> Predictions:
    """Predictions of clips `(people, classes, clips)` of 0 and 1; groups by the number of the person."""
    is_right = np.asarray(is_right)
    num_people, num_classes, num_clips = is_right.shape
    labels = np.tile(np.repeat(np.arange(num_classes), num_clips), num_people)
    predictions = np.where(is_right.ravel(), labels, (labels + 1) % num_classes)
    who = np.repeat(np.arange(num_people), num_classes * num_clips)
    names = {name: [values[number] for number in who] for name, values in {"identity": people, **groups}.items()}
    run: RunInfo = run_info(fold=fold, num_folds=fold and 5)
    ids = [f"{fold}-{number}" for number in range(len(labels))]
    return Predictions(run, ids, labels, predictions, np.eye(num_classes)[predictions], None, None, names)


def draw(num_people: int, rates, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((num_people, 7, CLIPS_EACH)) < np.reshape(rates, (-1, 1, 1))


def by_name(scores: list[GroupScores]) -> dict[str, GroupScores]:
    return {score.value or score.column: score for score in scores}


def test_groups_are_counted_apart():
    is_right = np.zeros((4, 7, CLIPS_EACH), int)
    is_right[0] = 1
    is_right[1, :3] = 1
    is_right[2, 0, 0] = 1
    run = run_of(is_right, "abcd", sex=["female", "female", "male", None], race=[None] * 4)
    scores = by_name(score_groups([run]))
    assert list(scores) == ["all", "female", "male"]
    assert (scores["female"].num_people, scores["female"].num_clips, scores["female"].num_classes) == (2, 56, 7)
    assert scores["female"].uar == pytest.approx((1 + 3 / 7) / 2)
    assert scores["male"].uar == pytest.approx(1 / 28)
    assert (scores["male"].low, scores["male"].high) == (None, None)
    counts = np.stack([4 * CLIPS_EACH - is_right.sum(axis=(0, 2)), is_right.sum(axis=(0, 2))], axis=1)
    assert scores["all"].uar == pytest.approx(uar_and_war(counts)[0])


def test_folds_are_pooled_and_people_counted_once():
    first = run_of(draw(2, 0.5), "ab", fold=1, sex=["female", "male"])
    second = run_of(draw(2, 0.5, seed=1), "cd", fold=2, sex=["female", "male"])
    scores = by_name(score_groups([first, second]))
    assert [scores[name].num_people for name in ("all", "female", "male")] == [4, 2, 2]
    assert scores["all"].num_clips == 4 * 28


def test_people_who_differ_widen_the_interval():
    alike = score_groups([run_of(draw(10, 0.6), range(10), sex=["female"] * 10)])[0]
    rates = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    different = score_groups([run_of(draw(10, rates), range(10), sex=["female"] * 10)])[0]
    assert alike.uar == pytest.approx(different.uar, abs=0.06)
    assert different.high - different.low > 2 * (alike.high - alike.low)
    for score in (alike, different):
        assert 0 <= score.low < score.uar < score.high <= 1


def test_how_often_the_interval_holds():
    """Seven people a group, who differ: an interval over clips alone would miss the truth far more often."""
    rng = np.random.default_rng(0)
    hits, trials = 0, 200
    for trial in range(trials):
        rates = rng.beta(4, 3, 7)
        score = score_groups([run_of(draw(7, rates, seed=trial), range(7), sex=["male"] * 7)])[1]
        hits += score.low <= 4 / 7 <= score.high
    assert hits >= 0.9 * trials


def test_nothing_is_known():
    known = run_of(draw(2, 0.5), "ab", sex=["female", "male"])
    assert score_groups([replace(known, people={})]) == []
    assert score_groups([replace(known, people={"identity": known.people["identity"]})]) == []


def test_people_are_stored_with_predictions(tmp_path):
    run = run_of(draw(2, 0.5), "ab", sex=["female", None])
    file = tmp_path / PREDICTIONS_FILE
    write_predictions(file, run.clip_ids, run.labels, run.scores * 9, None, run.run, None, run.people)
    assert read_predictions(file).people == run.people
    assert people_of(_Rows(run.people)) == run.people


class _Rows(dict):
    @property
    def column_names(self):
        return [*self, "clip_id"]
