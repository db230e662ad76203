import torch

from logoformer_hf.data.sampler import ClipSampler
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


def test_the_global_generator_says_nothing_and_stays_as_it_was():
    first = list(ClipSampler(25, seed=1))
    torch.manual_seed(7)
    state = torch.get_rng_state()
    assert list(ClipSampler(25, seed=1)) == first
    assert list(ClipSampler(4, seed=1, labels=[0, 0, 0, 1])) == list(ClipSampler(4, seed=1, labels=[0, 0, 0, 1]))
    assert torch.equal(torch.get_rng_state(), state)


def test_balanced_sampling_shows_every_class_equally_often():
    labels = [0] * 900 + [1] * 90 + [2] * 10
    drawn = torch.tensor(labels)[list(ClipSampler(1000, seed=0, labels=labels))]
    assert len(drawn) == 1000
    assert all(280 < count < 390 for count in drawn.bincount().tolist())


def test_a_class_without_a_clip_is_never_drawn():
    sampler = ClipSampler(3, seed=0, labels=[0, 5, 5])
    assert len(sampler) == 3 and set(sampler) <= {0, 1, 2}
