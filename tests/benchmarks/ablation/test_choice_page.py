"""The sections from records made by hand, whose numbers are known."""

import numpy as np
import pytest

from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.choice_page import (
    candidates_section,
    choice_sections,
    chosen_section,
    decays_section,
    designs_section,
    left_out_section,
    recalls_table,
)
from logoformer_hf.benchmarks.ablation.design import FIRST, SECOND, third_design
from logoformer_hf.benchmarks.ablation.factors import factors
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.benchmarks.ablation.variant import REFERENCE, Variant

MIXUP = "mixup, alpha 0.4"
SMOOTH = Variant("smooth", "label smoothing", "candidates")
DROPOUT = Variant("dropout", "dropout 0.1", "candidates")
OLD = Variant("old", "old defaults", "chosen", against="old")
NEW = Variant("new", "new defaults", "chosen", against="old")


@pytest.fixture
def results(tmp_path):
    results = Results(tmp_path / "ablation.json", BUDGETS["quick"])

    def add(name, *uars):
        for seed, uar in enumerate(uars):
            record = {"variant": name, "seed": seed, "encoder": 0.5, "uar": uar, "war": uar, "machine": "a GPU"}
            record |= {"calibration_error": 0.125, "silhouette": 0.25}
            results.add(record | {"confusion_matrix": (np.eye(7, dtype=int) * 2 + 1).tolist()})

    for name, gain in ((REFERENCE.name, 0.0), ("old", 0.0)):
        add(name, 0.5 + gain, 0.6 + gain, 0.4 + gain)
    results.fill = add
    return results


def rows(section: str) -> dict[str, list[str]]:
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines[2:]}


def test_candidates_have_their_difference_from_the_reference_of_the_same_seeds(results):
    results.fill("smooth", 0.53, 0.62, 0.41)
    results.fill("dropout", 0.49, 0.58)
    section = candidates_section(results, [SMOOTH, DROPOUT])
    table = rows(section)
    assert table["label smoothing"] == ["+2.00", "-0.48 to 4.48", "0.15", "0.125", "3"]  # p = 0.074, for two rows
    assert table["dropout 0.1"][0] == "-1.50" and table["dropout 0.1"][-1] == "2"
    assert "corrected for 2 rows (Holm)" in " ".join(section.split()) and "on a GPU" in " ".join(section.split())


def test_what_was_chosen_stands_beside_what_it_is_compared_with(results):
    results.fill("new", 0.53, 0.62, 0.41)
    table = rows(chosen_section(results, [OLD, NEW], "Chosen", "All on one machine."))
    assert table["old defaults"][2:4] == ["-", "-"]
    assert table["new defaults"] == [
        "52.00 ± 10.54",
        "52.00 ± 10.54",
        "+2.00 (-0.48 to 4.48)",
        "old defaults",
        "0.125 ± 0.000",
        "-",
        "0.250 ± 0.000",
        "3",
    ]


def test_recalls_are_means_over_the_seeds(results):
    assert rows(recalls_table(results, [OLD]))["old defaults"] == ["33.33"] * 7  # 3 of 9 of each class


def test_a_row_without_pairs_is_left_out(results):
    results.fill("dropout", 0.5)
    assert candidates_section(results, [DROPOUT]) == ""


def test_factors_have_their_effects_and_the_second_design_decides(results):
    for design, number in ((FIRST, 30), (SECOND, 16), (third_design(factors("mixup")), 16)):
        for run, level in enumerate(design.levels()[:number]):
            record = {"variant": design.run_name(run), "seed": run, "encoder": 0.5}
            # The product of all is another column than those of the factors.
            small = 1e-3 * level.prod()
            uar, error = 0.6 + 0.01 * level[0] + small, 0.1 + 0.03 * level[1] + small
            results.add(record | {"uar": uar, "calibration_error": error})
    text, *parts = designs_section(results).split("\n\nThe ")
    assert "0.5 points" in text
    assert "Of the 14 changes of the first one (30 of 32 runs)\n1 are" in text
    assert f'the largest effect has\n"{MIXUP}": +2.' in text or f'the largest effect has\n"{MIXUP}": +1.9' in text
    assert [part.partition(":")[0] for part in parts] == ["second one", "third one"]
    assert "16 of 16 runs" in parts[0] and "16 of 16 runs" in parts[1]
    second, third = map(rows, parts)
    for table, factor in ((second, MIXUP), (third, "a feed-forward after each attention")):
        assert 1.8 < float(table[factor][0]) < 2.2
        assert (table[factor][-1] == "yes") is (table is second)
    assert 0.055 < float(second["averaged weights (0.998)"][3]) < 0.065
    assert second["averaged weights (0.998)"][-1] == "-"


def test_a_design_that_is_hardly_begun_is_left_out(results):
    for number in range(10):
        record = {"variant": SECOND.run_name(number), "seed": number, "encoder": 0.5}
        results.add(record | {"uar": 0.5, "calibration_error": 0.1})
    assert designs_section(results) == ""


def test_weight_decays_have_their_lowest_seed(results):
    results.fill("decay_0.05", 0.5, 0.6)
    assert rows(decays_section(results))["0.05"][0] == "55.00 ± 7.07"
    results.fill("decay_0.3", 0.2, 0.7)
    table = rows(decays_section(results))
    assert list(table) == ["0.05", "0.3"]
    assert table["0.3"][1:3] == ["20.00", "-10.00"]


def test_a_class_that_was_left_out(results):
    for name, auroc in (("left_out_none_0", 0.6), ("left_out_margin_1", 0.7)):
        for seed in range(2):
            record = {"variant": name, "seed": seed, "encoder": 0.5, "uar": 0.5, "mean_average_precision": 0.25}
            results.add(record | {"unknown_auroc": auroc + 0.01 * seed})
    table = rows(left_out_section(results))
    assert table["no compact loss"] == ["0.605 ± 0.007", "0.500 ± 0.000", "0.250 ± 0.000", "-", "2"]
    assert table["margin x 1"][0] == "0.705 ± 0.007" and table["margin x 1"][3].startswith("+0.100 (")


def test_nothing_is_written_of_what_has_no_records(results):
    assert candidates_section(results, []) == chosen_section(results, [], "Chosen", "") == ""


def test_sections_are_those_of_the_records(results):
    assert not any(choice_sections(results))
    for name in ("cutmix_time", "new_defaults", "pixels_new_defaults"):
        results.fill(name, 0.5, 0.6)
    chosen, recalls, pixels, design, decays, left_out, candidates = choice_sections(results)
    assert design == decays == left_out == ""
    assert list(rows(chosen)) == list(rows(recalls)) == ["LOGO-Former, new defaults"]
    assert list(rows(pixels)) == ["LOGO-Former, new defaults, on pixels"]
    assert list(rows(candidates)) == ["some frames of another clip"]
