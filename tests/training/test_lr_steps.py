import pytest
import torch

from logoformer_hf.training.lr_steps import drop_to_tenths


def test_the_learning_rate_drops_with_the_epoch_and_begins_again():
    """Every 2 epochs of 1.5 steps; a second schedule for the same optimiser begins with the first learning rate."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    for _ in range(2):
        schedule, rates = drop_to_tenths(optimizer, 2, 1.5), []
        for _ in range(7):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        assert rates == pytest.approx([0.5] * 3 + [0.05] * 3 + [0.005])


def test_a_step_belongs_to_the_epoch_that_it_began_in():
    schedule = drop_to_tenths(torch.optim.SGD([torch.zeros(1)], lr=1.0), 1, 2.5)
    assert schedule.step_size == 3
