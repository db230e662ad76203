import pytest

from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.decays import HIGH_DECAY, choose_decay, decay_rows
from logoformer_hf.benchmarks.ablation.factors import factors
from logoformer_hf.benchmarks.ablation.results import Results


def test_rows_differ_in_their_weight_decay_alone():
    rows = decay_rows(factors("mixup", "summary_places"))
    assert [row.recipe for row in rows] == [
        {"mixup_alpha": 0.4, "weight_decay": level} for level in (0.05, 0.15, 0.3, 0.5)
    ]
    assert all(row.build_config().use_summary_positions and row.tested_on == "validation" for row in rows)
    assert {row.against for row in rows} == {rows[0].name}
    assert HIGH_DECAY.recipe == {"weight_decay": 0.5}


@pytest.mark.parametrize(
    ("means", "chosen"),
    [
        ((0.68, 0.682, 0.684, 0.684), None),  # less than half a point
        ((0.68, 0.687, 0.690, 0.691), 0.15),
        ((0.68, 0.687, 0.650, 0.690), 0.15),
        ((0.68, 0.684, 0.690, 0.650), 0.3),
        ((0.68, 0.650, 0.684, 0.691), 0.5),
    ],
)
def test_the_smallest_that_is_hardly_behind_is_taken(tmp_path, means, chosen):
    results = Results(tmp_path / "ablation.json", BUDGETS["quick"])
    for row, mean in zip(decay_rows(()), means, strict=True):
        for seed, difference in ((0, -0.02), (1, 0.02)):
            results.add({"variant": row.name, "seed": seed, "encoder": 0.5, "uar": mean + difference})
    assert [each.recipe["weight_decay"] for each in choose_decay(results)] == ([] if chosen is None else [chosen])
