import pytest
import torch

from logoformer_hf.benchmarks.ablation.trials import UNIT_CENTER_WEIGHT, erase, unit_center_weight, unit_length


def test_half_of_the_clips_lose_a_rectangle_in_all_frames():
    torch.manual_seed(0)
    erased = erase(torch.ones(200, 3, 7, 7, 4))
    assert erased.shape == (200, 3, 7, 7, 4)
    assert torch.equal(erased, erased[:, :1, :, :, :1].expand_as(erased))  # the same place in all frames and features
    holes = erased[:, 0, :, :, 0] == 0
    sizes = holes.flatten(1).sum(1)
    assert 60 < (sizes > 0).sum() <= 110 and sizes.max() <= 0.4 * 49  # both sides are rounded
    for hole in holes[sizes > 0]:
        assert hole.sum() == hole.any(0).sum() * hole.any(1).sum()


def test_embeddings_get_length_1_and_keep_their_direction():
    embeddings = torch.tensor([[3.0, 4.0], [0.0, -2.0]], dtype=torch.float16)
    assert torch.allclose(unit_length(embeddings), torch.tensor([[0.6, 0.8], [0.0, -1.0]]))


def test_the_weight_rises_over_a_third_of_the_steps():
    assert [unit_center_weight(step, 300) for step in (0, 50, 100, 299)] == pytest.approx(
        [0.0, UNIT_CENTER_WEIGHT / 2, UNIT_CENTER_WEIGHT, UNIT_CENTER_WEIGHT]
    )
