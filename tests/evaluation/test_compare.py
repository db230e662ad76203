"""Two models on the same clips: the numbers, the pairing, and what cannot be compared."""

from dataclasses import replace

import numpy as np
import pytest
from errors import check_named, raises_naming
from PIL import Image
from predicted import LABELS, own_run, write_150_clips
from toys import data_facts

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.data.trained_on import SeenClips
from logoformer_hf.evaluation.compare import compare, compare_runs, plot_comparison
from logoformer_hf.evaluation.compare_text import format_comparison
from logoformer_hf.evaluation.predictions import PREDICTIONS_FILE, read_predictions
from logoformer_hf.evaluation.projection import ProjectionError
from logoformer_hf.evaluation.significance import McNemar

RUN = own_run()


def test_numbers_worked_out_by_hand(tmp_path):
    a = write_150_clips(tmp_path / "a", wrong=range(0, 20))  # 20 happy ones
    b = write_150_clips(
        tmp_path / "b", wrong=[*range(16, 22), 149]
    )  # 6 happy ones, 4 of them also wrong in A, and a fear
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


def test_classes_are_matched_by_name(tmp_path):
    order = [6, 5, 4, 3, 2, 1, 0]
    other = replace(RUN, label_names=[EXPRESSIONS[number] for number in order])
    a = write_150_clips(tmp_path / "a", wrong=[0, 70])
    b = write_150_clips(tmp_path / "b", labels=6 - LABELS, run=other)  # the same classes by name, all right
    [pair] = compare(a, b).seeds
    assert (pair.war_b, pair.mcnemar) == (1.0, McNemar(0, 2, 0.5))


def test_clips_are_matched_by_their_id(tmp_path):
    a = write_150_clips(tmp_path / "a", wrong=[0])
    order = np.random.default_rng(0).permutation(150)
    b = write_150_clips(
        tmp_path / "b", wrong=[int(np.argmin(order))], labels=LABELS[order], clip_ids=[f"clip-{n}" for n in order]
    )
    [pair] = compare(a, b).seeds
    assert pair.mcnemar == McNemar(0, 0, 1.0)


def test_clips_of_another_name_are_matched_by_their_content(tmp_path):
    contents = [f"content {number}" for number in range(150)]
    contents[3] = contents[2]  # one clip twice, under two names
    a = write_150_clips(tmp_path / "a", wrong=[0, 3], contents=contents)
    names = ["moved", "moved too", *(f"clip-{number}" for number in range(2, 150))]
    order = np.random.default_rng(0).permutation(150)
    at = {number: place for place, number in enumerate(order)}
    b = write_150_clips(
        tmp_path / "b",
        wrong=[at[0], at[2]],
        labels=LABELS[order],
        clip_ids=[names[number] for number in order],
        contents=[contents[number] for number in order],
    )
    comparison = compare(a, b)
    assert comparison.seeds[0].mcnemar == McNemar(1, 1, 1.0) and comparison.notes == []
    assert len(comparison.embeddings[2]) == 150


def test_clips_of_one_name_and_other_content_are_no_pairs(tmp_path):
    """As drawn faces of two seeds are."""
    a = write_150_clips(tmp_path / "a")
    b = write_150_clips(tmp_path / "b", contents=[f"other {number}" for number in range(150)])
    with raises_naming(ValueError, "0 clips", "150 have the same name in both and other content") as caught:
        compare(a, b)
    assert "--common" not in str(caught.value)
    c = write_150_clips(tmp_path / "c", contents=[f"content of clip-{number}" for number in range(100)] + ["x"] * 50)
    comparison = compare(a, c, common=True)
    assert comparison.seeds[0].num_clips == 100
    check_named(comparison.notes[0], "50 only by A", "50 have the same name")


def test_files_of_earlier_versions_are_matched_by_name_and_that_is_said(tmp_path):
    a, b = write_150_clips(tmp_path / "a", contents=None), write_150_clips(tmp_path / "b")
    comparison = compare(a, b)
    assert comparison.seeds[0].num_clips == 150
    [note] = comparison.notes
    check_named(note, "names", "of A have no identifiers")


def test_what_a_model_was_trained_on_is_said_with_every_number(tmp_path):
    seen = replace(RUN, seen_clips=SeenClips(trained_on=7))
    comparison = compare(write_150_clips(tmp_path / "a"), write_150_clips(tmp_path / "b", run=seen))
    check_named(format_comparison(comparison), f"B: {comparison.name_b} (trained on 7 of the tested clips)")


def test_folds_are_pooled_and_seeds_paired(tmp_path):
    for name, seeds in (("a", (1, 2, 3)), ("b", (2, 3, 4))):
        for seed in seeds:
            for fold in (1, 2):
                run = own_run(seed=seed, fold=fold, num_folds=5)
                ids = [f"{fold}-{number}" for number in range(150)]
                wrong = range(seed) if name == "a" else range(3, 3 + 2 * seed)
                write_150_clips(tmp_path / name / f"fold-{fold}" / f"seed-{seed}", wrong, clip_ids=ids, run=run)
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert [(pair.seed_a, pair.seed_b, pair.num_clips) for pair in comparison.seeds] == [(2, 2, 300), (3, 3, 300)]
    only_a, only_b = comparison.notes
    check_named(only_a, "A", "seed 1")
    check_named(only_b, "B", "seed 4")
    assert comparison.embeddings[0] == "fold 1"
    assert len(comparison.embeddings[1]) == 150  # never of two folds together
    assert [pair.war_difference.value for pair in comparison.seeds] == pytest.approx([-2 / 150, -3 / 150])


def test_single_seeds_are_a_pair_whatever_their_numbers(tmp_path):
    [pair] = compare(write_150_clips(tmp_path / "a"), write_150_clips(tmp_path / "b", run=replace(RUN, seed=7))).seeds
    assert (pair.seed_a, pair.seed_b, pair.num_clips) == (42, 7, 150)


def test_other_clips_stop_unless_the_common_ones_are_asked_for(tmp_path):
    a = write_150_clips(tmp_path / "a", wrong=[0])
    b = write_150_clips(
        tmp_path / "b", labels=LABELS[:-5], clip_ids=["new", *(f"clip-{number}" for number in range(1, 145))]
    )
    with raises_naming(ValueError, "144 clips", "6", "(clip-0, ", "1", "(new)", "--common"):
        compare(a, b)
    comparison = compare(a, b, common=True)
    assert comparison.seeds[0].num_clips == 144
    assert comparison.seeds[0].recall_a["fear"] is None
    assert len(comparison.embeddings[2]) == len(comparison.embeddings[3]) == 144
    [note] = comparison.notes
    check_named(note, "144 clips", "(clip-0, clip-145, clip-146, ...)", "(new)")


@pytest.mark.parametrize(
    ("run", "labels", "ids", "words"),
    [
        (replace(RUN, data=data_facts("dfew")), LABELS, None, ["dataset", "'clips'", "'dfew'"]),
        (replace(RUN, data=data_facts("clips", setup="Action")), LABELS, None, ["setup", "None", "'Action'"]),
        (replace(RUN, split="validation"), LABELS, None, ["split", "'test'", "'validation'"]),
        (replace(RUN, label_names=[*EXPRESSIONS[:6], "contempt"]), LABELS, None, ["contempt, fear"]),
        (RUN, 6 - LABELS, None, ["130 of 150 clips", "clip-0", "happy", "fear"]),
        (RUN, LABELS, [f"other-{number}" for number in range(150)], ["0 clips", "clip-2, ...", "other-2, ...)"]),
    ],
)
def test_what_cannot_be_compared(tmp_path, run, labels, ids, words):
    a, b = write_150_clips(tmp_path / "a"), write_150_clips(tmp_path / "b", labels=labels, clip_ids=ids, run=run)
    with raises_naming(ValueError, *words) as caught:
        compare(a, b)
    assert ("--common" in str(caught.value)) is False  # there is nothing in common to compare on


def test_seeds_without_a_common_one(tmp_path):
    one = [
        read_predictions(write_150_clips(tmp_path / str(seed), run=replace(RUN, seed=seed)) / PREDICTIONS_FILE)
        for seed in (1, 2, 3)
    ]
    with raises_naming(ValueError, "1, 2", "3"):
        compare_runs(one[:2], one[2:])


def test_both_embeddings_are_drawn(tmp_path):
    comparison = compare(write_150_clips(tmp_path / "a"), write_150_clips(tmp_path / "b"))
    a, b = plot_comparison(comparison, tmp_path / "both.png")
    assert a.points.shape == b.points.shape == (150, 2)
    with Image.open(tmp_path / "both.png") as picture:
        assert picture.width > 1.5 * picture.height
    without = compare(tmp_path / "a", write_150_clips(tmp_path / "c", embeddings=False))
    with pytest.raises(ProjectionError):
        plot_comparison(without, tmp_path / "never.png")
