"""Two models on the same clips: the numbers, the words, the pairing, and what cannot be compared."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.evaluation.compare import compare, compare_runs, format_comparison, plot_comparison
from logoformer_hf.evaluation.predictions import PREDICTIONS_FILE, RunInfo, read_predictions, write_predictions
from logoformer_hf.evaluation.projection import ProjectionError
from logoformer_hf.evaluation.significance import McNemar

RUN = RunInfo(EXPRESSIONS, "clips", "my clips", seed=42, selection="validation", model="tiny", compact_loss="none")
LABELS = np.repeat(np.arange(7), [40, 30, 30, 20, 20, 5, 5])  # 150 clips


def write(folder, wrong=(), labels=LABELS, clip_ids=None, embeddings=True, run=RUN):
    """A run that has the clips at the positions `wrong` wrong, and all others right."""
    predictions = labels.copy()
    predictions[list(wrong)] = (labels[list(wrong)] + 1) % len(run.label_names)
    logits = np.eye(len(run.label_names))[predictions] * 3
    clip_ids = [f"clip-{number}" for number in range(len(labels))] if clip_ids is None else clip_ids
    rng = np.random.default_rng(0)
    vectors = np.eye(len(run.label_names))[labels] + rng.normal(0, 0.2, logits.shape) if embeddings else None
    write_predictions(folder / PREDICTIONS_FILE, clip_ids, labels, logits, vectors, run)
    return folder


def test_numbers_worked_out_by_hand(tmp_path):
    a = write(tmp_path / "a", wrong=range(0, 20))  # 20 happy ones
    b = write(tmp_path / "b", wrong=[*range(16, 22), 149])  # 6 happy ones, 4 of them also wrong in A, and a fear
    comparison = compare(a, b)
    [pair] = comparison.seeds
    assert (pair.seed_a, pair.seed_b, pair.num_clips) == (42, 42, 150)
    assert (pair.war_a, pair.war_b) == (pytest.approx(130 / 150), pytest.approx(143 / 150))
    assert (pair.uar_a, pair.uar_b) == (pytest.approx(6.5 / 7), pytest.approx((34 / 40 + 5 + 4 / 5) / 7))
    assert pair.recall_b == {name: 1.0 for name in EXPRESSIONS} | {"happy": 34 / 40, "fear": 4 / 5}
    assert (pair.mcnemar.only_a, pair.mcnemar.only_b) == (3, 16)
    assert pair.mcnemar.p_value == pytest.approx(2 * (1 + 19 + 171 + 969) / 2**19)
    assert pair.war_difference.value == pytest.approx(13 / 150)
    assert 0 < pair.war_difference.low < 13 / 150 < pair.war_difference.high

    text = format_comparison(comparison)
    assert f"A: {a} (tiny, no compact loss)" in text
    assert "| WAR                     |  86.67 |  95.33 |  +8.67 |" in text
    assert "| recall of fear          | 100.00 |  80.00 | -20.00 |" in text
    assert "B is better by 8.67 points of WAR, more than chance would give (p = 0.004, McNemar)." in text
    assert "chosen on the test set" not in text


def test_what_cannot_be_told_apart(tmp_path):
    text = format_comparison(compare(write(tmp_path / "a", wrong=[0, 1, 2]), write(tmp_path / "b", wrong=[3, 60])))
    assert "By WAR they cannot be told apart (+0.67 points, p = 1.000, McNemar)." in text
    assert "By UAR they cannot be told apart (" in text


def test_a_that_is_better(tmp_path):
    text = format_comparison(compare(write(tmp_path / "a"), write(tmp_path / "b", wrong=range(0, 150, 3))))
    assert "A is better by 33.33 points of WAR, more than chance would give (p < 0.001, McNemar)." in text
    assert "points of UAR (95 % interval -" in text


def test_classes_are_matched_by_name(tmp_path):
    order = [6, 5, 4, 3, 2, 1, 0]
    other = replace(RUN, label_names=[EXPRESSIONS[number] for number in order])
    a = write(tmp_path / "a", wrong=[0, 70])
    b = write(tmp_path / "b", labels=6 - LABELS, run=other)  # the same classes by name, all right
    [pair] = compare(a, b).seeds
    assert (pair.war_b, pair.mcnemar) == (1.0, McNemar(0, 2, 0.5))


def test_clips_are_matched_by_their_id(tmp_path):
    a = write(tmp_path / "a", wrong=[0])
    order = np.random.default_rng(0).permutation(150)
    b = write(
        tmp_path / "b", wrong=[int(np.argmin(order))], labels=LABELS[order], clip_ids=[f"clip-{n}" for n in order]
    )
    [pair] = compare(a, b).seeds
    assert pair.mcnemar == McNemar(0, 0, 1.0)


def test_folds_are_pooled_and_seeds_paired(tmp_path):
    for name, seeds in (("a", (1, 2, 3)), ("b", (2, 3, 4))):
        for seed in seeds:
            for fold in (1, 2):
                run = replace(RUN, seed=seed, fold=fold, num_folds=5)
                ids = [f"{fold}-{number}" for number in range(150)]
                wrong = range(seed) if name == "a" else range(3, 3 + 2 * seed)
                write(tmp_path / name / f"fold-{fold}" / f"seed-{seed}", wrong, clip_ids=ids, run=run)
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert [(pair.seed_a, pair.seed_b, pair.num_clips) for pair in comparison.seeds] == [(2, 2, 300), (3, 3, 300)]
    assert comparison.notes == ["Only A has seed 1: not compared.", "Only B has seed 4: not compared."]
    assert comparison.embeddings[0] == "fold 1"
    assert len(comparison.embeddings[1]) == 150  # never of two folds together
    # differences of WAR are -2 and -3 in 150
    assert "Mean of B - A over 2 seeds: " in format_comparison(comparison)
    assert "-1.67 points of WAR (standard deviation 0.47)" in format_comparison(comparison)


def test_single_seeds_are_a_pair_whatever_their_numbers(tmp_path):
    comparison = compare(write(tmp_path / "a"), write(tmp_path / "b", run=replace(RUN, seed=7)))
    assert "my clips, seed 42 and 7, 150 clips, percent:" in format_comparison(comparison)


def test_other_clips_stop_unless_the_common_ones_are_asked_for(tmp_path):
    a = write(tmp_path / "a", wrong=[0])
    b = write(tmp_path / "b", labels=LABELS[:-5], clip_ids=["new", *(f"clip-{number}" for number in range(1, 145))])
    with pytest.raises(
        ValueError, match=r"144 clips were tested by both, 6 only by A \(clip-0, .*\); 1 only by B \(new\).*--common"
    ):
        compare(a, b)
    comparison = compare(a, b, common=True)
    assert comparison.seeds[0].num_clips == 144
    assert comparison.seeds[0].recall_a["fear"] is None
    assert len(comparison.embeddings[2]) == len(comparison.embeddings[3]) == 144
    text = format_comparison(comparison)
    assert "Compared on the 144 clips that both tested; 6 only by A (clip-0, clip-145, clip-146, ...); 1 only" in text
    assert "| recall of fear          |      - |      - |     - |                |" in text


@pytest.mark.parametrize(
    ("run", "labels", "ids", "message"),
    [
        (replace(RUN, dataset="dfew"), LABELS, None, "dataset is 'clips' in A and 'dfew' in B"),
        (replace(RUN, setup="Action"), LABELS, None, "setup is None in A and 'Action' in B"),
        (replace(RUN, label_names=[*EXPRESSIONS[:6], "contempt"]), LABELS, None, "they differ in contempt, fear"),
        (RUN, 6 - LABELS, None, "label of 130 of 150 clips, e.g. clip-0: happy in A, fear in B"),
        (RUN, LABELS, [f"other-{number}" for number in range(150)], "0 clips were tested by both.*other-2, ...[)]$"),
    ],
)
def test_what_cannot_be_compared(tmp_path, run, labels, ids, message):
    a, b = write(tmp_path / "a"), write(tmp_path / "b", labels=labels, clip_ids=ids, run=run)
    with pytest.raises(ValueError, match=message):
        compare(a, b)


def test_seeds_without_a_common_one(tmp_path):
    one = [
        read_predictions(write(tmp_path / str(seed), run=replace(RUN, seed=seed)) / PREDICTIONS_FILE)
        for seed in (1, 2, 3)
    ]
    with pytest.raises(ValueError, match="A has seeds 1, 2 and B 3: none in common"):
        compare_runs(one[:2], one[2:])


def test_numbers_chosen_on_the_test_set_are_marked(tmp_path):
    comparison = compare(write(tmp_path / "a", run=replace(RUN, selection="test")), write(tmp_path / "b"))
    text = format_comparison(comparison)
    assert f"A: {tmp_path / 'a'} (tiny, no compact loss) (chosen on the test set)" in text
    assert "percent, A (chosen on the test set):" in text
    assert "A's epoch was chosen otherwise (test) than B's (validation)" in text


def test_both_embeddings_are_drawn(tmp_path):
    comparison = compare(write(tmp_path / "a"), write(tmp_path / "b"))
    a, b = plot_comparison(comparison, tmp_path / "both.png")
    assert a.points.shape == b.points.shape == (150, 2)
    with Image.open(tmp_path / "both.png") as picture:
        assert picture.width > 1.5 * picture.height
    without = compare(tmp_path / "a", write(tmp_path / "c", embeddings=False))
    with pytest.raises(ProjectionError, match="no run of the same fold whose embeddings"):
        plot_comparison(without, tmp_path / "never.png")
