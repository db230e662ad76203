import pytest
import torch
from torch.utils.data import DataLoader

from logoformer_hf.data.sampler import ClipSampler, draw_seed, own_generator
from logoformer_hf.data.transforms import clip_seed


def test_it_is_a_function_of_seed_and_epoch():
    sampler, same = ClipSampler(25, seed=1), ClipSampler(25, seed=1)
    assert list(sampler) == list(same)
    assert sorted(sampler) == list(range(25))
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first
    sampler.set_epoch(0)
    assert list(sampler) == first
    assert list(ClipSampler(25, seed=2)) != first


def test_an_order_is_drawn_with_a_seed_of_its_own():
    """Of the run's seed, the epoch and the word "order": a run that was begun with an earlier version goes on."""
    sampler, balanced = ClipSampler(6, seed=3), ClipSampler(6, seed=3, labels=[0, 0, 0, 0, 1, 1])
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        balanced.set_epoch(epoch)
        order, draws = (torch.Generator().manual_seed(clip_seed(3, epoch, "order")) for _ in range(2))
        assert list(sampler) == torch.randperm(6, generator=order).tolist()
        weights = torch.tensor([1 / 4] * 4 + [1 / 2] * 2, dtype=torch.float64)
        assert list(balanced) == torch.multinomial(weights, 6, replacement=True, generator=draws).tolist()


def test_the_order_does_not_depend_on_the_global_generator():
    first = list(ClipSampler(25, seed=1))
    torch.manual_seed(7)
    assert list(ClipSampler(25, seed=1)) == first
    assert list(ClipSampler(4, seed=1, labels=[0, 0, 0, 1])) == list(ClipSampler(4, seed=1, labels=[0, 0, 0, 1]))


def state_after(iterate) -> torch.Tensor:
    """State of the global generator after what is done to it from a fixed one."""
    torch.manual_seed(7)
    iterate()
    return torch.get_rng_state()


@pytest.mark.parametrize("labels", [None, [0, 0, 0, 1]])
def test_an_iteration_draws_what_a_data_loader_draws(labels):
    """Then loaders with a generator of their own leave the global one as loaders without one do."""
    sampler = ClipSampler(4, seed=1, labels=labels)
    usual = state_after(lambda: list(DataLoader([1, 2, 3, 4], shuffle=False)))
    assert not torch.equal(usual, state_after(lambda: None))
    assert torch.equal(state_after(lambda: list(sampler)), usual)
    own = own_generator(DataLoader([1, 2, 3, 4], sampler=sampler), seed=3)
    assert torch.equal(state_after(lambda: list(own)), usual)
    assert torch.equal(state_after(lambda: [list(own), list(own)]), state_after(lambda: [draw_seed(), draw_seed()]))


def test_own_generators_of_one_seed_give_the_same_seeds_to_workers():
    seeds = [own_generator(DataLoader([1]), seed).generator.initial_seed() for seed in (3, 3, 4)]
    assert seeds == [3, 3, 4]


def test_balanced_sampling_shows_every_class_equally_often():
    labels = [0] * 900 + [1] * 90 + [2] * 10
    drawn = torch.tensor(labels)[list(ClipSampler(1000, seed=0, labels=labels))]
    assert len(drawn) == 1000
    assert all(280 < count < 390 for count in drawn.bincount().tolist())


def test_a_class_without_a_clip_is_never_drawn():
    sampler = ClipSampler(3, seed=0, labels=[0, 5, 5])
    assert len(sampler) == 3 and set(sampler) <= {0, 1, 2}
