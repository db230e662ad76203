"""The page from records made by hand, whose numbers are known."""

import re

import numpy as np
import pytest
from PIL import Image

from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.page import GENERATED, TITLE, write_page
from logoformer_hf.benchmarks.ablation.results import Results, mean_gain
from logoformer_hf.benchmarks.ablation.variant import REFERENCE
from logoformer_hf.benchmarks.ablation.variants import VARIANTS, find_variants
from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.data.facts import DataFacts
from logoformer_hf.evaluation.predictions import PREDICTIONS_FILE, RunInfo, write_predictions

QUICK = BUDGETS["quick"]
PARTS, MODELS = (find_variants([group]) for group in ("parts", "models"))
COSTS = {
    name: {
        "num_parameters": 109_047 + 10_000 * number,
        "gflops": 0.25 + number,
        "train_clips_per_sec": 50.0 / (number + 1),
        "train_ratio": 1 / (number + 1),
        "test_clips_per_sec": 100.0 * (number + 1),
        "test_ratio": number + 1.0,
    }
    for number, name in enumerate(("logoformer", "former_dfer", "videomae"))
}


def uar_of(number: int, seed: int) -> float:
    return 0.30 + 0.01 * number + (0.002 + 0.001 * number) * seed


def make_results(tmp_path, variants=VARIANTS, num_seeds: int = 2, costs=COSTS, encoder: float = 0.25) -> Results:
    results = Results(tmp_path / "ablation.json", QUICK)
    results.costs = costs
    for variant in variants:
        number = VARIANTS.index(variant)
        for seed in range(num_seeds):
            record = {"variant": variant.name, "seed": seed, "uar": uar_of(number, seed), "war": 0.5 + 0.1 * seed}
            record |= {"confusion_matrix": (10 * np.eye(7, dtype=int) + 10).tolist()}
            record |= {"encoder": encoder if variant.reads_tokens else None}
            record |= {"intra_class_distance": 1.0 + seed, "inter_class_distance": 4.0, "silhouette": -0.125}
            results.records.append(record | {"distance_ratio": number / 8, "calibration_error": 0.0625})
    return results


def write_runs(folder) -> None:
    """Predictions of the two runs whose embeddings are drawn."""
    rng = np.random.default_rng(0)
    labels = np.arange(28) % 7
    run = RunInfo(EXPRESSIONS, DataFacts("faces", "faces"), 0, "last", "LOGO-Former")
    for name in ("without_compact", "reference"):
        file = folder / "runs" / name / "seed-0" / PREDICTIONS_FILE
        ids = [f"test/{index}" for index in range(28)]
        write_predictions(file, ids, labels, rng.normal(size=(28, 7)), rng.normal(size=(28, 4)), run)


def tables(page) -> list[dict[str, list[str]]]:
    """Of every table the cells of each row by the row's title."""
    found = re.findall(r"(?:^\|.*\n)+", page.read_text(), flags=re.MULTILINE)
    split = [[[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()] for table in found]
    return [{title: cells for title, *cells in rows[2:]} for rows in split]


def runs_there(page) -> tuple[int, int]:
    """How many runs the page says there are, and of how many."""
    there, all_of_them = re.search(r"(\d+)\s+of\s+the\s+(\d+)\s+planned", page.read_text()).groups()
    return int(there), int(all_of_them)


def test_a_row_for_every_variant_with_its_numbers(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path), tmp_path)
    parts, _, models = tables(page)
    assert list(parts) == [variant.title for variant in PARTS]
    assert list(models) == [variant.title for variant in MODELS]
    for number, variant in enumerate(VARIANTS):
        cells = (parts | models)[variant.title]
        first, second = (100 * uar_of(number, seed) for seed in range(2))
        assert cells[0] == f"{(first + second) / 2:.2f} ± {(second - first) / 2**0.5:.2f}"
        assert cells[1] == "55.00 ± 7.07"
        assert cells[5 if variant in PARTS else 4] == "2"
    assert parts[REFERENCE.title][2:4] == models["LOGO-Former"][2:4] == ["-", "-"]
    estimate = mean_gain(np.array([uar_of(1, seed) - uar_of(0, seed) for seed in range(2)]))
    gap = f"{100 * estimate.value:+.2f}"
    assert parts["without local attention"][2:4] == [gap, f"{100 * estimate.low:.2f} to {100 * estimate.high:.2f}"]
    assert gap == "+1.05"
    names = [variant.name for variant in VARIANTS]
    few, without = (names.index(name) for name in ("few_clips", "few_clips_without_local"))
    gain = np.mean([uar_of(without, seed) - uar_of(few, seed) for seed in range(2)])
    assert parts["a fifth of the clips, and no local attention"][2] == f"{100 * gain:+.2f}"
    assert runs_there(page) == (len(VARIANTS) * 2, len(VARIANTS) * 2)


def test_what_models_cost_stands_beside_them(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path), tmp_path)
    models = tables(page)[-1]
    assert models["LOGO-Former"][5:] == ["109 k", "0.25", "50 (1.00)", "100 (1.00)"]
    assert models["VideoMAE"][5:] == ["129 k", "2.25", "17 (0.33)", "300 (3.00)"]


def test_the_effects_of_the_compact_loss(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path), tmp_path)
    effects = tables(page)[1]
    assert set(effects) == {"margin x 0.1", "none", "margin x 1", "center x 0.1", "center x 1"}
    assert effects["margin x 0.1"] == [
        "1.500 ± 0.707",
        "4.000 ± 0.000",
        "0.000 ± 0.000",
        "-0.125 ± 0.000",
        "-",  # these records are of before it was measured
        "0.062 ± 0.000",
    ]
    number = [variant.name for variant in VARIANTS].index("without_compact")
    assert effects["none"][2] == f"{number / 8:.3f} ± 0.000"


def test_one_seed_has_no_deviation_and_no_interval(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path, num_seeds=1), tmp_path)
    parts, effects, models = tables(page)
    assert parts["without local attention"] == ["31.00", "50.00", "-", "-", "-", "1"]
    assert effects["none"][0] == "1.000"
    assert models["VideoMAE"][:5] == [f"{100 * uar_of(len(VARIANTS) - 1, 0):.2f}", "50.00", "-", "-", "1"]


def test_every_picture_of_the_page_is_written(tmp_path):
    page = tmp_path / "docs" / "ablation.md"
    write_runs(tmp_path)
    write_page(page, make_results(tmp_path), tmp_path)
    named = re.findall(r"!\[.+\]\((.+)\)", page.read_text())
    assert len(named) == 3
    for name in named:
        with Image.open(page.parent / name) as picture:
            assert min(picture.size) > 300
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def test_without_predictions_the_last_projection_stays(tmp_path):
    (tmp_path / "ablation_compact.png").write_text("the last one")
    write_page(tmp_path / "ablation.md", make_results(tmp_path), tmp_path / "nowhere")
    assert (tmp_path / "ablation_compact.png").read_text() == "the last one"


def test_what_is_written_by_hand_stays(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path, num_seeds=1), tmp_path)
    assert page.read_text().startswith(f"{TITLE}\n\n{GENERATED}\n")
    by_hand = "# Another title\n\nThe windows pay. | a | b |\n\n"
    page.write_text(by_hand + page.read_text().replace("30.00", "99.99").removeprefix(f"{TITLE}\n\n"))
    for _ in range(2):
        (tmp_path / "ablation.json").unlink(missing_ok=True)
        write_page(page, make_results(tmp_path), tmp_path)
        text = page.read_text()
        assert text.startswith(by_hand + GENERATED) and text.count(GENERATED) == 1 and "99.99" not in text


def test_without_models_the_page_is_of_the_parts(tmp_path):
    page = tmp_path / "ablation.md"
    for costs in ({}, COSTS):
        write_page(page, make_results(tmp_path, PARTS, costs=costs), tmp_path)
        assert len(tables(page)) == 2 and "Beside other models" not in page.read_text()
    assert not (tmp_path / "ablation_models.png").exists()


@pytest.mark.parametrize("names", [["logoformer"], ["logoformer", "videomae"], ["former_dfer"]])
def test_a_page_of_some_models(tmp_path, names):
    """As `--only without_local former_dfer` of the page's own advice leaves them."""
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path, find_variants(names)), tmp_path)
    (models,) = tables(page)
    assert list(models) == [variant.title for variant in find_variants(names)]
    assert (tmp_path / "ablation_models.png").exists()


@pytest.mark.parametrize("names", [[], ["without_local"], ["reference"], ["reference", "joint"]])
def test_a_page_of_few_records_names_no_picture_that_is_not_there(tmp_path, names):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path, find_variants(names) if names else (), costs={}), tmp_path)
    assert runs_there(page) == (2 * len(names), 2 * len(VARIANTS))
    for name in re.findall(r"!\[.+\]\((.+)\)", page.read_text()):
        assert (tmp_path / name).exists(), name


def test_further_seeds_are_counted_apart(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path, num_seeds=3), tmp_path)
    assert runs_there(page) == (2 * len(VARIANTS), 2 * len(VARIANTS))
    assert f"and {len(VARIANTS)} further ones" in " ".join(page.read_text().split())


def test_frame_encoders_are_told_apart_and_their_runs_counted(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path), tmp_path)
    assert "It explains 25% of" in " ".join(page.read_text().split())
    both = make_results(tmp_path)
    both.records += make_results(tmp_path, PARTS[:3], encoder=0.251).records
    write_page(page, both, tmp_path)
    text = " ".join(page.read_text().split())
    assert "There are 2 of them" in text and "25.00 and 25.10 %" in text and "and 6 further ones" in text
    parts = tables(page)[0]
    assert [parts[variant.title][5] for variant in PARTS[:4]] == ["4 (2)", "4 (2)", "4 (2)", "2"]
    assert runs_there(page) == (2 * len(VARIANTS), 2 * len(VARIANTS))


def test_the_commands_of_the_page_name_real_variants(tmp_path):
    page = tmp_path / "ablation.md"
    write_page(page, make_results(tmp_path), tmp_path)
    names = re.search(r"--only ([\w ]+)`", page.read_text())[1].split()
    assert [variant.name for variant in find_variants(names)] == names
    assert "`python -m logoformer_hf.benchmarks.ablation --quick`" in page.read_text()


def page_rows(page):
    """The lines of the table of the parts, without its header."""
    table = page.read_text().partition("## The parts")[2].partition("## ")[0]
    return [line for line in table.splitlines() if line.startswith("|")][2:]


def test_the_page_says_which_differences_are_beyond_chance_when_corrected_for_their_number(tmp_path):
    results = make_results(tmp_path, PARTS, num_seeds=4)
    for record in results.records:
        noise = (0.001, -0.001, 0.0005, 0.0)[record["seed"]]
        gain = {PARTS[1].name: 0.2, PARTS[2].name: 0.0018}.get(record["variant"], 0)  # the second alone: p = 0.02
        noise = 0 if record["variant"] == REFERENCE.name else noise
        record["uar"] = 0.3 + 0.02 * record["seed"] + gain + noise
    write_page(tmp_path / "ablation.md", results, tmp_path)
    text = " ".join((tmp_path / "ablation.md").read_text().split())
    assert f"corrected for {len(PARTS) - 1} differences of parts (Holm)" in text
    [said] = re.findall(r"\(Holm\): (.*?) beyond chance", text)
    assert f'"{PARTS[1].title}"' in said and f'"{PARTS[2].title}"' not in said
    rows = {row.split("|")[1].strip(): row.split("|")[6].strip() for row in page_rows(tmp_path / "ablation.md")}
    assert float(rows[PARTS[2].title]) == pytest.approx(0.02 * (len(PARTS) - 1), rel=0.2)
    assert (float(rows[PARTS[1].title]), rows[REFERENCE.title]) == (0, "-")
    assert re.search(r"1, 2 or 3 points in 80 of 100 cases with 2, 2 or 2 seeds", text)  # pairs that hardly scatter
