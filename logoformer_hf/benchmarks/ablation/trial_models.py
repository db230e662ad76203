"""
Parts of layers that were tried and that no field of `LogoFormerConfig` makes. They are here to make their runs again;
what pays becomes a field. All read tokens on the grid, not in window order.
"""

import math
from collections.abc import Collection
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from ...configuration_logoformer import LogoFormerConfig
from ...modeling_logoformer import LogoFormerGlobalAttention, LogoFormerLocalAttention, LogoFormerMLP
from ...token_windows_logoformer import padding_mask, partition_windows

OFFSETS, CONTENT, SECOND_MLP = "offsets", "content", "second_mlp"


def add_trials(model: PreTrainedModel, trials: Collection[str]) -> None:
    """Adds what is named to every layer of a new LOGO-Former, or replaces its parts; other names are ignored."""
    layers: Any = model.base_model.layers
    for layer in layers:
        new: dict[str, nn.Module] = {}
        if OFFSETS in trials:
            new["local_attention"] = OffsetAttention(layer.config)
        if CONTENT in trials:
            new["global_attention"] = ContentAttention(layer.config)
        for name, part in new.items():
            layer.set_part(name, part)
        if SECOND_MLP in trials:
            # After each attention, the order of DualFormer (arXiv 2112.04674).
            new["local_mlp"] = LogoFormerMLP(layer.config)
            layer.set_part("local_mlp", new["local_mlp"], before="global_attention")
        for part in new.values():
            part.apply(model._init_weights)


class OffsetAttention(LogoFormerLocalAttention):
    """
    Local attention that adds a learned number to its scores, one for every head and every offset between two tokens of
    a window; 0 in a new model.
    """

    takes_window_order = False

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        num_offsets = math.prod(2 * size - 1 for size in self.window_size)
        self.offset_bias = nn.Parameter(torch.zeros(num_offsets, config.num_attention_heads))

    def position_bias(self) -> torch.Tensor:
        """What is added to the scores of a window, `(1, heads, tokens, tokens)`, by the offset of query and key."""
        index = torch.zeros((), dtype=torch.int64, device=self.offset_bias.device)
        for axis, size in enumerate(self.window_size):
            places = torch.arange(size, device=index.device)
            offsets = places[:, None] - places + size - 1  # (tokens, tokens) of this axis, from 0 on
            shape = [size if each == axis else 1 for each in range(3)]
            index = index * (2 * size - 1) + offsets.reshape(*shape, *shape)
        bias = self.offset_bias[index.flatten(3, 5).flatten(0, 2)]  # (tokens, tokens, heads)
        return bias.permute(2, 0, 1)[None]

    def forward(
        self, tokens: torch.Tensor, attention_mask: torch.Tensor | None = None, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Tokens `(batch, frames, height, width, hidden)`; returns that shape and weights."""
        bias = self.position_bias()
        return super().forward(tokens, bias if attention_mask is None else attention_mask + bias, *args, **kwargs)


class ContentAttention(LogoFormerGlobalAttention):
    """
    Global attention to two summaries of every window and head: the one whose weights are learned for their places, and
    a mean of its tokens that their content weighs. For clips whose frames fill their windows.
    """

    takes_window_order = False

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.content_score = nn.Linear(config.hidden_size, config.num_attention_heads)
        self.content_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def summarise_by_content(self, tokens: torch.Tensor) -> torch.Tensor:
        """
        One mean of its tokens per window and head, `(batch, windows, heads, hidden)`, in which a token weighs as much
        as its content says; the padding of a window weighs nothing.
        """
        windows = partition_windows(tokens, self.window_size)  # (batch, windows, tokens of a window, hidden)
        scores = self.content_score(windows)  # (batch, windows, tokens of a window, heads)
        mask = padding_mask(tokens[:1], self.window_size)
        if mask is not None:
            scores = scores + mask[:, 0, 0, :, None]
        return self.content_norm(torch.matmul(scores.softmax(2).transpose(2, 3), windows))

    def project_content(self, projection: nn.Module, summaries: torch.Tensor) -> torch.Tensor:
        """
        Keys or values of summaries by content, `(batch, windows, heads, hidden)` to `(batch, windows, hidden)`: of
        each head those of its own summary.
        """
        projected = projection(summaries).unflatten(3, (-1, self.head_size))  # (batch, windows, heads, heads, size)
        return projected.diagonal(dim1=2, dim2=3).transpose(2, 3).flatten(2)

    def forward(
        self, tokens: torch.Tensor, attention_mask: torch.Tensor | None = None, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Tokens `(batch, frames, height, width, hidden)`; returns that shape, and weights of both kinds together."""
        fixed, content = self.summarise(tokens), self.summarise_by_content(tokens)
        positions = self.summary_positions(tokens, None)  # (1, windows, hidden)
        if positions is None:
            positions = torch.zeros_like(fixed[:1])
        keys = fixed + positions, content + positions[:, :, None]
        key = torch.cat([self.key(keys[0]), self.project_content(self.key, keys[1])], 1)
        value = torch.cat([self.value(fixed), self.project_content(self.value, content)], 1)
        output, weights = self.attend_projected(self.query(tokens.flatten(1, 3)), key, value, None, **kwargs)
        if weights is not None:
            weights = weights.unflatten(3, (2, -1)).sum(3)  # (batch, heads, tokens, windows)
        return self.dropout(self.output(output)).unflatten(1, tokens.shape[1:4]), weights
