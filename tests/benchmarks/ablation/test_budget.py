import pytest

from logoformer_hf.benchmarks.ablation.budget import BUDGETS
from logoformer_hf.benchmarks.ablation.variants import VARIANTS, find_variants

FULL = BUDGETS["full"]


def test_every_variant_of_a_group_sees_as_many_clips():
    for variant in VARIANTS:
        epochs = FULL.part_epochs if variant.reads_tokens else FULL.model_epochs
        assert FULL.epochs(variant) * variant.clips_share == pytest.approx(epochs)


def test_few_clips_are_seen_more_often():
    reference, few, videomae = find_variants(["reference", "few_clips", "videomae"])
    assert [FULL.epochs(variant) for variant in (reference, few, videomae)] == [9, 45, 12]
