"""
Windows of a clip's tokens: a grid of (frames, height, width) tokens is divided into windows, padded and masked where
they do not divide it, or in an order of the tokens that needs no padding.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn


def count_windows(grid: Sequence[int], window_size: Sequence[int]) -> list[int]:
    """Windows along each axis; the last one of an axis may stick out of the grid."""
    # No division of a negative number, which an exported graph would round to zero where Python rounds it down.
    return [(size + window - 1) // window for size, window in zip(grid, window_size, strict=True)]


def partition_windows(tokens: torch.Tensor, window_size: Sequence[int]) -> torch.Tensor:
    """
    Divides a grid of tokens into windows. The end of each axis is padded with zeros to a multiple of the window.

    Args:
        tokens: `(batch, frames, height, width, channels)`.
        window_size: tokens of a window along (frames, height, width).

    Returns:
        `(batch, windows, tokens of a window, channels)`, windows and tokens in (frames, height, width) order.
    """
    batch_size, *grid, channels = tokens.shape
    pad_frames, pad_height, pad_width = (-size % window for size, window in zip(grid, window_size, strict=True))
    # An exported graph is for every grid: it always pads, also by nothing.
    if torch.compiler.is_exporting() or pad_frames or pad_height or pad_width:
        tokens = nn.functional.pad(tokens, (0, 0, 0, pad_width, 0, pad_height, 0, pad_frames))
    counts = count_windows(grid, window_size)
    # (batch, windows t, window frames, windows h, window height, windows w, window width, channels)
    tokens = tokens.reshape(
        batch_size, counts[0], window_size[0], counts[1], window_size[1], counts[2], window_size[2], channels
    )
    # (batch, windows t, windows h, windows w, window frames, window height, window width, channels)
    tokens = tokens.permute(0, 1, 3, 5, 2, 4, 6, 7)
    # (batch, windows, tokens of a window, channels)
    return tokens.flatten(4, 6).flatten(1, 3)


def merge_windows(windows: torch.Tensor, window_size: Sequence[int], grid: Sequence[int]) -> torch.Tensor:
    """
    The inverse of `partition_windows`; removes the padding.

    Args:
        windows: `(batch, windows, tokens of a window, channels)`.
        window_size: tokens of a window along (frames, height, width).
        grid: tokens of the clip along (frames, height, width).

    Returns:
        `(batch, frames, height, width, channels)`.
    """
    batch_size, channels = windows.shape[0], windows.shape[-1]
    counts = count_windows(grid, window_size)
    # (batch, windows t, windows h, windows w, window frames, window height, window width, channels)
    windows = windows.reshape(batch_size, *counts, *window_size, channels)
    # (batch, windows t, window frames, windows h, window height, windows w, window width, channels)
    windows = windows.permute(0, 1, 4, 2, 5, 3, 6, 7)
    # (batch, padded frames, padded height, padded width, channels)
    tokens = windows.flatten(5, 6).flatten(3, 4).flatten(1, 2)
    return tokens[:, : grid[0], : grid[1], : grid[2]]


def padding_mask(tokens: torch.Tensor, window_size: Sequence[int]) -> torch.Tensor | None:
    """
    Mask that local attention adds to its scores so that no token attends to the padding of its window.

    Args:
        tokens: `(batch, frames, height, width, channels)`.
        window_size: tokens of a window along (frames, height, width).

    Returns:
        `(batch x windows, 1, tokens of a window, tokens of a window)`, 0 for real and the lowest finite number for
        padded keys; None where the windows divide the grid, except in a graph that is exported, which is for every
        grid.
    """
    batch_size, *grid, _ = tokens.shape
    is_exporting = torch.compiler.is_exporting()
    if not is_exporting and all(size % window == 0 for size, window in zip(grid, window_size, strict=True)):
        return None
    is_real = partition_windows(tokens.new_ones(1, *grid, 1), window_size)[0, :, :, 0]  # (windows, tokens)
    mask = (1.0 - is_real) * torch.finfo(tokens.dtype).min
    num_windows, num_tokens = mask.shape
    mask = mask[None, :, None, None, :].expand(batch_size, num_windows, 1, num_tokens, num_tokens)
    return mask.reshape(batch_size * num_windows, 1, num_tokens, num_tokens)


class WindowOrder:
    """
    An order of the tokens of a clip, window after window, in which no window needs padding.

    The grid is cut into boxes with windows of one shape each: whole windows, and the smaller ones at the end of an
    axis that the window does not divide. 7 x 7 tokens and windows of 2 x 2 give 3 x 3 whole windows, 3 windows of
    2 x 1 at the side, 3 of 1 x 2 below and 1 of 1 x 1 in the corner. The boxes follow one another, in each box its
    windows, in each window its tokens.

    Args:
        grid: tokens of the clip along (frames, height, width).
        window_size: tokens of a window along (frames, height, width).
    """

    def __init__(self, grid: Sequence[int], window_size: Sequence[int]):
        self.grid, self.window_size = tuple(grid), tuple(window_size)
        self.axes = []  # along each axis the boxes' start, end and tokens of a window
        for size, window in zip(grid, window_size, strict=True):
            whole = size // window * window
            boxes = [(0, whole, window), (whole, size, size - whole)]
            self.axes.append([(start, end, tokens) for start, end, tokens in boxes if start < end])
        self.boxes = list(itertools.product(*self.axes))
        self.window_sizes = [[tokens for _, _, tokens in box] for box in self.boxes]
        self.num_tokens = [math.prod([end - start for start, end, _ in box]) for box in self.boxes]

    def from_grid(self, tokens: torch.Tensor) -> torch.Tensor:
        """`(batch, frames, height, width, channels)` to `(batch, tokens, channels)` in this order."""
        boxes = []
        for ((t, t_end, _), (h, h_end, _), (w, w_end, _)), size in zip(self.boxes, self.window_sizes, strict=True):
            boxes.append(partition_windows(tokens[:, t:t_end, h:h_end, w:w_end], size).flatten(1, 2))
        return self.join(boxes)

    def to_grid(self, tokens: torch.Tensor) -> torch.Tensor:
        """The inverse of `from_grid`."""
        boxes = [
            merge_windows(windows, size, [end - start for start, end, _ in box])
            for windows, size, box in zip(self.split(tokens), self.window_sizes, self.boxes, strict=True)
        ]
        for axis in (2, 1, 0):  # joins those beside one another, then those below, then those after
            count = len(self.axes[axis])
            boxes = [torch.cat(boxes[i : i + count], axis + 1) for i in range(0, len(boxes), count)]
        return boxes[0]

    def windows_from_grid(self, values: torch.Tensor) -> torch.Tensor:
        """
        Values of the windows, `(batch, windows t, windows h, windows w, channels)`, to `(batch, windows, channels)` in
        this order.
        """
        boxes = []
        for box in self.boxes:
            t, h, w = (
                slice(start // window, -(-end // window))
                for (start, end, _), window in zip(box, self.window_size, strict=True)
            )
            boxes.append(values[:, t, h, w].flatten(1, 3))
        return self.join(boxes)

    def split(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """`(batch, tokens, channels)` to `(batch, windows, tokens of a window, channels)` of every box, as views."""
        return [
            box.unflatten(1, (-1, math.prod(size)))
            for box, size in zip(tokens.split(self.num_tokens, 1), self.window_sizes, strict=True)
        ]

    def join(self, boxes: Sequence[torch.Tensor]) -> torch.Tensor:
        """`(batch, tokens, channels)` of every box to that of the clip."""
        return boxes[0] if len(boxes) == 1 else torch.cat(list(boxes), 1)
