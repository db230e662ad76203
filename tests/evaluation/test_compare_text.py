"""A comparison in words: each number in its place, and the marks that it must bear."""

from dataclasses import replace

from errors import check_named
from predicted import own_run, write_150_clips

from logoformer_hf.evaluation.compare import compare
from logoformer_hf.evaluation.compare_text import SIGNIFICANT, format_comparison

RUN = own_run()


def rows(text: str) -> dict[str, list[str]]:
    """Cells of the table by the first one of their row."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {first: cells for first, *cells in lines}


def sentences(text: str, *words: str) -> list[str]:
    """Lines outside of the table that hold all of these words."""
    return [line for line in text.splitlines() if line[:1] != "|" and all(word in line for word in words)]


def test_numbers_worked_out_by_hand(tmp_path):
    a = write_150_clips(tmp_path / "a", wrong=range(0, 20))  # 20 happy ones
    b = write_150_clips(tmp_path / "b", wrong=[*range(16, 22), 149])  # 6 happy ones, 4 also wrong in A, and a fear
    text = format_comparison(compare(a, b))
    check_named(text, f"A: {a} (tiny", f"B: {b} (tiny", "my clips, seed 42", "150 clips")
    table = rows(text)
    assert table["WAR"][:3] == ["86.67", "95.33", "+8.67"]
    assert [cells[:3] for name, cells in table.items() if "fear" in name] == [["100.00", "80.00", "-20.00"]]
    assert [cells[:3] for cells in table.values()][-1] == ["3", "16", "+13"]
    [said] = sentences(text, "WAR", "8.67")
    check_named(said, "B", "0.004", "McNemar")
    assert "test set" not in text


def test_what_cannot_be_told_apart(tmp_path):
    comparison = compare(
        write_150_clips(tmp_path / "a", wrong=[0, 1, 2]), write_150_clips(tmp_path / "b", wrong=[3, 60])
    )
    [pair] = comparison.seeds
    assert pair.mcnemar.p_value > SIGNIFICANT and pair.uar_difference.low < 0 < pair.uar_difference.high
    text = format_comparison(comparison)
    assert len(sentences(text, "WAR", "+0.67", "1.000")) == len(sentences(text, "UAR", "95 %")) == 1
    assert "better" not in text


def test_a_that_is_better(tmp_path):
    text = format_comparison(
        compare(write_150_clips(tmp_path / "a"), write_150_clips(tmp_path / "b", wrong=range(0, 150, 3)))
    )
    [war] = sentences(text, "WAR", "33.33")
    assert war.startswith("A ") and "p < 0.001" in war
    [uar] = sentences(text, "UAR", "95 %")
    assert uar.startswith("A ")


def test_a_class_without_a_common_clip(tmp_path):
    a = write_150_clips(tmp_path / "a")
    b = write_150_clips(tmp_path / "b", clip_ids=[*(f"clip-{n}" for n in range(145)), *"vwxyz"])
    text = format_comparison(compare(a, b, common=True))
    assert [cells[:3] for name, cells in rows(text).items() if "fear" in name] == [["-", "-", "-"]]
    assert sentences(text, "145 clips", "(clip-145, clip-146, clip-147, ...)", "(v, w, x, ...)")


def test_seeds_have_a_mean(tmp_path):
    for name in "ab":
        for seed in (2, 3):
            wrong = range(seed) if name == "a" else range(3, 3 + 2 * seed)
            write_150_clips(tmp_path / name / f"seed-{seed}", wrong, run=replace(RUN, seed=seed))
    text = format_comparison(compare(tmp_path / "a", tmp_path / "b"))
    check_named(text, "seed 2", "seed 3")
    # differences of WAR are -2 and -3 in 150
    assert sentences(text, "2 seeds", "-1.67", "0.47")


def test_p_values_are_corrected_for_the_number_of_seeds(tmp_path):
    for name in "ab":
        for seed in range(5):
            wrong = range(6) if name == "a" else []  # p = 0.031 for each
            write_150_clips(tmp_path / name / f"seed-{seed}", wrong, run=replace(RUN, seed=seed))
    comparison = compare(tmp_path / "a", tmp_path / "b")
    alone = format_comparison(replace(comparison, seeds=comparison.seeds[:1]))
    assert sentences(alone, "B is better", "WAR", "p = 0.031") and not sentences(alone, "Holm")
    text = format_comparison(comparison)
    assert len(sentences(text, "By WAR", "p = 0.156")) == 5 and sentences(text, "5 pairs of seeds", "Holm")
    assert "better" not in text.replace("UAR", "") or not sentences(text, "better", "WAR")


def test_single_seeds_of_other_numbers(tmp_path):
    text = format_comparison(
        compare(write_150_clips(tmp_path / "a"), write_150_clips(tmp_path / "b", run=replace(RUN, seed=7)))
    )
    assert sentences(text, "my clips", "42", "7", "150 clips")


def test_numbers_chosen_on_the_test_set_are_marked(tmp_path):
    chosen = replace(RUN, selection="test")
    text = format_comparison(compare(write_150_clips(tmp_path / "a", run=chosen), write_150_clips(tmp_path / "b")))
    first, second = text.splitlines()[:2]
    assert chosen.mark in first and chosen.mark not in second
    [heading] = sentences(text, "150 clips")
    assert f"A{chosen.mark}" in heading and f"B{chosen.mark}" not in heading
    assert sentences(text, "(test)", "(validation)")  # that epochs were chosen in two ways is said
