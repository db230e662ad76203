"""What is predicted of hidden places, and what is counted as explained."""

import pytest
import torch

from logoformer_hf.configuration_logoformer import LogoFormerConfig
from logoformer_hf.models.masked_clips import (
    NUM_DIRECTIONS,
    LogoFormerForMaskedClips,
    explained_differences,
    gradient_histograms,
    hide_pixels,
    hide_places,
    unexplained_shares,
)


def ramp(axis: int, step: int) -> torch.Tensor:
    """One clip of one frame of 16 x 16 pixels whose brightness rises along rows (2) or columns (3)."""
    rise = torch.arange(16) * abs(step)
    rise = rise.flip(0) if step < 0 else rise
    shape = [1, 1, 1, 1]
    shape[axis] = 16
    return rise.view(shape).expand(1, 3, 16, 16)[:, None].to(torch.uint8)


@pytest.mark.parametrize(("axis", "step", "direction"), [(3, 9, 0), (2, 9, 4), (3, -9, 8), (2, -9, 12)])
def test_a_histogram_has_the_direction_of_the_rise(axis, step, direction):
    histograms = gradient_histograms(ramp(axis, step), 8)
    assert histograms.shape == (1, 1, 2, 2, NUM_DIRECTIONS)
    torch.testing.assert_close(histograms.norm(dim=-1), torch.ones(1, 1, 2, 2), atol=0.05, rtol=0)
    assert (histograms.argmax(dim=-1) == direction).all()


def test_a_histogram_is_of_its_own_cell_alone():
    frames = torch.full((2, 3, 3, 16, 16), 100, dtype=torch.uint8)
    assert not gradient_histograms(frames, 8).any()
    frames[1, 2, :, 12, 4] = 200  # below on the left
    changed = gradient_histograms(frames, 8).norm(dim=-1) > 0
    assert changed.nonzero().tolist() == [[1, 2, 1, 0]]


def test_brighter_light_changes_no_direction():
    dark = torch.randint(0, 100, (1, 2, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    first, then = gradient_histograms(dark, 8), gradient_histograms(dark * 2, 8)
    torch.testing.assert_close(torch.cosine_similarity(first, then, dim=-1), torch.ones(1, 2, 2, 2))
    assert (first.norm(dim=-1) < then.norm(dim=-1)).all() and (then.norm(dim=-1) < 1).all()


def test_as_many_places_are_hidden_in_every_clip_but_others():
    hidden = hide_places(50, 7, 7, share=0.4, generator=torch.Generator().manual_seed(0))
    assert hidden.flatten(1).sum(dim=1).unique().tolist() == [20]
    assert len(hidden.flatten(1).unique(dim=0)) == 50
    assert (hidden.float().mean(dim=0) > 0.2).all() and (hidden.float().mean(dim=0) < 0.6).all()
    assert hide_places(1, 2, 2, share=0.01).sum() == 1


def test_pixels_of_hidden_places_are_the_mean_in_all_frames():
    hidden = torch.zeros(1, 2, 2, dtype=torch.bool)
    hidden[0, 0, 1] = True
    seen = hide_pixels(torch.ones(1, 3, 3, 8, 8), hidden)
    assert not seen[..., :4, 4:].any()
    assert seen.sum() == 3 * 3 * 48


def test_shares_are_0_of_the_truth_and_1_of_the_mean():
    generator = torch.Generator().manual_seed(0)
    histograms = torch.rand(4, 3, 2, 2, NUM_DIRECTIONS, generator=generator)
    weights = (torch.rand(4, 2, 2, generator=generator) < 0.5).float()
    right = unexplained_shares(histograms, histograms, weights)
    assert right == {"look": 0, "motion": 0}
    places = histograms.permute(0, 2, 3, 1, 4)[weights.bool()]  # (places, frames, directions)
    constant = places.mean(dim=(0, 1)).expand_as(histograms)
    shares = unexplained_shares(constant, histograms, weights)
    assert [float(share) for share in shares.values()] == pytest.approx([1, 1])
    still = histograms.mean(dim=1, keepdim=True).expand_as(histograms)
    shares = unexplained_shares(still, histograms, weights)
    assert [float(share) for share in shares.values()] == pytest.approx([0, 1])
    others = histograms + (1 - weights)[:, None, ..., None]  # wrong where nothing counts
    assert unexplained_shares(others, histograms, weights) == right
    assert unexplained_shares(others, histograms, weights * 0) == right


def test_a_mean_face_explains_nothing_of_what_distinguishes_clips():
    generator = torch.Generator().manual_seed(0)
    histograms = torch.rand(6, 3, 2, 2, NUM_DIRECTIONS, generator=generator)
    weights = (torch.rand(6, 2, 2, generator=generator) < 0.6).float()
    assert explained_differences(histograms, histograms, weights) == pytest.approx(1)
    of_places = 5 * torch.rand(1, 1, 2, 2, NUM_DIRECTIONS, generator=generator).expand_as(histograms)
    assert explained_differences(of_places, histograms, weights) == pytest.approx(0, abs=1e-6)
    assert explained_differences(of_places + histograms, histograms, weights) == pytest.approx(1)
    half = histograms.mean(dim=0, keepdim=True) + (histograms - histograms.mean(dim=0)) / 2
    assert 0.7 < explained_differences(half, histograms, torch.ones(6, 2, 2)) < 0.8
    assert explained_differences(histograms[:1], histograms[:1], weights[:1]) == 0


def test_what_is_hidden_is_not_seen():
    torch.manual_seed(0)
    config = LogoFormerConfig.tiny(image_size=32, num_frames=4)
    model = LogoFormerForMaskedClips(config).eval()
    grid = config.grid_size
    frames = torch.randint(0, 255, (2, 4, 3, 32, 32)).to(torch.uint8)
    hidden = hide_places(2, grid, grid)
    histograms = gradient_histograms(frames, 32 // grid)
    pixels = frames.float() / 255
    others = torch.where(hide_pixels(torch.ones_like(pixels), hidden) == 0, torch.rand_like(pixels), pixels)
    with torch.no_grad():
        first, then = (model(each, histograms, hidden) for each in (pixels, others))
        without = model(pixels, histograms, hidden, counted=torch.tensor([True, False]))
        alone = model(pixels[:1], histograms[:1], hidden[:1])
    assert first.unexplained == then.unexplained and first.explained_differences.shape == ()
    assert first.unexplained.keys() == {"look", "motion", "visible_look", "visible_motion"}
    for name, share in alone.unexplained.items():
        torch.testing.assert_close(without.unexplained[name], share)
