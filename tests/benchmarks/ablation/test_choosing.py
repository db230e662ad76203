"""The order of a choice, with trainings whose results are made up."""

import json

import pytest

from logoformer_hf.benchmarks.ablation import choosing
from logoformer_hf.benchmarks.ablation.benchmark import ENCODER_FACTS
from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.candidates import BASES, CANDIDATES
from logoformer_hf.benchmarks.ablation.results import Results
from logoformer_hf.benchmarks.ablation.training import CPU
from logoformer_hf.benchmarks.ablation.variant import REFERENCE

GAINS = {"dropout": 0.02, "smoothing": 0.006, "weight_decay_0.2": 0.004, "weight_decay_0.5": -0.01, "four_layers": 0.1}


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """Makes a choice in a folder; returns what was chosen, and the phases of the trainings."""
    (tmp_path / ENCODER_FACTS).write_text(json.dumps({"explained_variance": 0.5}))

    def run(gains):
        phases = []

        def train_all(runs, budget, clips_dir, output_dir, num_workers, results, machine):
            assert (num_workers, machine) == (3, CPU)
            phases.append([(variant.name, seed) for variant, seed in runs])
            for variant, seed in runs:
                uar = 0.5 + 0.01 * seed + gains.get(variant.name, -0.01)
                encoder = 0.5 if variant.reads_tokens else None
                results.add({"variant": variant.name, "seed": seed, "encoder": encoder, "uar": uar})

        monkeypatch.setattr(choosing, "train_all", train_all)
        results = Results(tmp_path / "ablation.json", BUDGETS["quick"])
        return choosing.choose_defaults(BUDGETS["quick"], tmp_path, tmp_path, 3, results, CPU), phases

    return run


def test_candidates_then_combinations_then_other_people(choose):
    new, phases = choose(GAINS | {"reference": 0.0, "all_that_paid": 0.03})
    first, third, combined, tokens, pixels = phases
    assert {name for name, _ in first} == {each.name for each in (*BASES, *CANDIDATES)}
    assert {seed for _, seed in first} == {0, 1}
    # Those that were worse in both seeds have no third one.
    hopeful = {"reference", "former_dfer_tokens", "dropout", "smoothing", "weight_decay_0.2", "four_layers"}
    assert set(third) == {(name, 2) for name in hopeful}
    assert combined == [("all_that_paid", seed) for seed in range(3)]
    assert new.config == {"hidden_dropout_prob": 0.1} and new.recipe == {"label_smoothing_factor": 0.1}
    assert [seed for name, seed in tokens if name == "new_defaults"] == list(range(16))
    assert {name for name, _ in pixels} == {"pixels_old_defaults", "pixels_new_defaults"}


def test_a_combination_that_is_worse_than_its_parts_is_not_taken(choose):
    assert choose(GAINS | {"reference": 0.0, "all_that_paid": 0.01})[0].name == "dropout"


def test_where_nothing_pays_the_defaults_stay(choose):
    new, phases = choose({"reference": 0.0})
    assert new == REFERENCE
    assert [len(phase) for phase in phases[1:]] == [2, 6 * 16, 2 * 4]  # what is compared with alone has a third seed


def test_an_interrupted_choice_goes_on(choose):
    gains = GAINS | {"reference": 0.0, "all_that_paid": 0.03}
    choose(gains)
    new, phases = choose(gains)
    assert phases == [] and new.name == "all_that_paid"
