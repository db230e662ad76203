"""Windows of a clip's tokens: divided and merged, padded and masked, and in an order without padding."""

import math

import pytest
import torch

from logoformer_hf.token_windows_logoformer import (
    WindowOrder,
    merge_windows,
    padding_mask,
    partition_windows,
)


@pytest.mark.parametrize("grid", [(4, 4, 4), (5, 7, 3), (1, 1, 1), (16, 7, 7)])
def test_merging_windows_undoes_partitioning(grid):
    tokens = torch.randn(2, *grid, 3)
    windows = partition_windows(tokens, (4, 4, 2))
    assert torch.equal(merge_windows(windows, (4, 4, 2), grid), tokens)


def test_a_window_holds_the_tokens_of_its_place():
    tokens = torch.arange(4 * 6 * 6.0).view(1, 4, 6, 6, 1)
    windows = partition_windows(tokens, (2, 3, 3))
    assert windows.shape == (1, 8, 18, 1)
    assert torch.equal(windows[0, 3, :, 0], tokens[0, :2, 3:, 3:, 0].flatten())  # the last window of the first frames


def test_padding_mask_hides_padding_and_nothing_else():
    assert padding_mask(torch.zeros(2, 4, 4, 4, 8), (2, 2, 2)) is None
    mask = padding_mask(torch.zeros(2, 3, 2, 2, 8), (2, 2, 2))  # the second window's second frame is padding
    assert mask.shape == (4, 1, 8, 8)
    assert torch.equal(mask[0], torch.zeros(1, 8, 8))
    assert torch.equal(mask[1, 0, 0] == 0, torch.tensor([True] * 4 + [False] * 4))


GRIDS = [(4, 4, 4), (5, 7, 3), (1, 1, 1), (16, 7, 7), (3, 3, 1)]


@pytest.mark.parametrize("grid", GRIDS)
def test_window_order_is_undone(grid):
    tokens = torch.randn(2, *grid, 3)
    order = WindowOrder(grid, (4, 4, 2))
    assert torch.equal(order.to_grid(order.from_grid(tokens)), tokens)


@pytest.mark.parametrize("grid", GRIDS)
def test_boxes_of_the_window_order_hold_the_windows_without_padding(grid):
    order = WindowOrder(grid, (4, 4, 2))
    numbers = torch.arange(1.0, 1 + math.prod(grid)).view(1, *grid, 1)
    boxes = order.split(order.from_grid(numbers))
    assert order.join([box.flatten(1, 2) for box in boxes]).shape == (1, math.prod(grid), 1)
    found = sorted(window[:, 0].tolist() for box in boxes for window in box[0])
    padded = partition_windows(numbers, (4, 4, 2))[0, :, :, 0]  # 0 is padding
    assert found == sorted(window[window > 0].tolist() for window in padded)
