"""The order of a choice, with trainings whose results are made up."""

import json

import pytest

from logoformer_hf.benchmarks.ablation import choosing
from logoformer_hf.benchmarks.ablation.benchmark import ENCODER_FACTS
from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.candidates import BASES, CANDIDATES, LEFT_OUT
from logoformer_hf.benchmarks.ablation.decays import decay_rows
from logoformer_hf.benchmarks.ablation.design import FIRST, SECOND, third_design
from logoformer_hf.benchmarks.ablation.factors import combine, factors
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.benchmarks.ablation.training import CPU

GAINS = {"mixup": 0.02, "weight_decay": 0.007, "dropout": 0.006, "compact": 0.004, "content": -0.01, "erasing": 0.007}
GAINS |= {"decay_0.15": 0.006, "decay_0.3": 0.009}
THIRD = third_design(factors("mixup", "weight_decay", "dropout"))


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """Makes a choice in a folder; returns what was chosen, and the phases of the trainings."""
    (tmp_path / ENCODER_FACTS).write_text(json.dumps({"explained_variance": 0.5}))
    levels = {
        design.run_name(number): (design.factors, row)
        for design in (FIRST, SECOND, THIRD)
        for number, row in enumerate(design.levels())
    }

    def run(gains):
        phases = []

        def train_all(runs, budget, clips_dir, output_dir, num_workers, results, machine):
            assert (num_workers, machine) == (3, CPU)
            phases.append([(variant.name, seed) for variant, seed in runs])
            for variant, seed in runs:
                tried, row = levels.get(variant.name, ((), ()))
                on = [factor.name for factor, level in zip(tried, row, strict=True) if level > 0]
                uar = 0.5 + sum(gains.get(name, 0.0) for name in [*on, variant.name])
                encoder = 0.5 if variant.reads_tokens else None
                record = {"variant": variant.name, "seed": seed, "encoder": encoder, "uar": uar}
                results.add(record | {"calibration_error": 0.1})

        monkeypatch.setattr(choosing, "train_all", train_all)
        results = Results(tmp_path / "ablation.json", BUDGETS["quick"])
        return choosing.choose_defaults(BUDGETS["quick"], tmp_path, tmp_path, 3, results, CPU), phases

    return run


def test_the_designs_then_other_people_then_single_changes(choose):
    new, phases = choose(GAINS)
    first, second, third, decays, tokens, pixels, left_out, candidates = phases
    for design, planned in ((FIRST, first), (SECOND, second), (THIRD, third)):
        assert planned == [(variant.name, seed) for variant, seed in design.runs()]
    assert decays == [(each.name, seed) for seed in range(8) for each in decay_rows(())]
    assert new.recipe == {"mixup_alpha": 0.4, "weight_decay": 0.15} and new.build_config().hidden_dropout_prob == 0.1
    assert (new.compact_loss_weight, new.trials) == (0.1, ())
    assert [seed for name, seed in tokens if name == "new_defaults"] == list(range(16))
    assert {name for name, _ in pixels} == {"pixels_old_defaults", "pixels_new_defaults"}
    assert left_out == [(each.name, seed) for seed in range(7) for each in LEFT_OUT]
    assert {name for name, _ in candidates} == {each.name for each in (*BASES, *CANDIDATES)}


def test_where_nothing_pays_the_defaults_stay(choose):
    new, _ = choose({})
    assert (new.config, new.recipe) == (combine("", "", []).config, {}) and new.title == "the old defaults"


def test_an_interrupted_choice_goes_on(choose):
    first, _ = choose(GAINS)
    second, phases = choose(GAINS)
    assert phases == [] and second == first
