"""
LOGO-Former (Ma, Sun, Li, "LOGO-Former: Local-Global Spatio-Temporal Transformer for Dynamic Facial Expression
Recognition", ICASSP 2023, arXiv 2305.03343). The classes are in the order of the computation: embeddings of the frame
encoder's tokens, local attention inside space-time windows, global attention to one summary per window, feed-forward,
pooled embedding.
"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint
from torchvision.ops import StochasticDepth
from transformers import AutoBackbone, PreTrainedModel, ResNetBackbone
from transformers import initialization as init
from transformers.activations import ACT2FN
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.processing_utils import Unpack
from transformers.utils import ModelOutput, TransformersKwargs, can_return_tuple
from transformers.utils.output_capturing import OutputRecorder, capture_outputs, maybe_install_capturing_hooks

from .configuration_logoformer import LogoFormerConfig
from .saved_settings_logoformer import CONFIG_FILES, error_of_field, errors_of_file
from .saved_weights_logoformer import load_weights
from .token_windows_logoformer import WindowOrder, count_windows, merge_windows, padding_mask, partition_windows


@dataclass
class LogoFormerModelOutput(ModelOutput):
    """
    Output of `LogoFormerModel`.

    Args:
        last_hidden_state (`(batch, frames, height, width, hidden)`): normalised tokens.
        pooler_output (`(batch, hidden)`): mean of the tokens, the embedding of the clip.
        hidden_states (one more than layers, each `(batch, frames, height, width, hidden)`): tokens before the first
            and after every layer, before the last LayerNorm; on request.
        local_attentions (one per layer, `(batch x windows, heads, tokens, tokens)`): on request, eager attention only.
        global_attentions (one per layer, `(batch, heads, tokens, windows)`): on request, eager attention only.
    """

    last_hidden_state: torch.Tensor | None = None
    pooler_output: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    local_attentions: tuple[torch.Tensor, ...] | None = None
    global_attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class LogoFormerClassifierOutput(ModelOutput):
    """
    Output of `LogoFormerForVideoClassification`.

    Args:
        loss (`()`): mean cross-entropy, when labels are given.
        logits (`(batch, labels)`): scores before the softmax.
        embedding (`(batch, hidden)`): mean of the tokens, input of the classifier; used by the compact loss and plots.
        hidden_states, local_attentions, global_attentions: as in `LogoFormerModelOutput`.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    embedding: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    local_attentions: tuple[torch.Tensor, ...] | None = None
    global_attentions: tuple[torch.Tensor, ...] | None = None


def frames_of_windows(num_frames: int, window: int, device: torch.device) -> torch.Tensor:
    """How many frames each of the windows along the frames has, `(windows,)`: all but the last have `window`."""
    [number] = count_windows([num_frames], [window])
    starts = torch.arange(number, device=device) * window
    return (num_frames - starts).clamp(max=window)


def resample_summary_weight(weight: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """
    The weights of summaries for windows with fewer frames. Each frame gets the weights of the part of a whole window
    that it stands for. So the sum of the weights over the frames stays, and with it the summary of a clip that does
    not move.

    Args:
        weight: weights of a whole window, `(frames of a window, ...)`.
        frames: how many frames each window has, `(windows,)`.

    Returns:
        `(windows, frames of a window, ...)`, 0 for frames that a window does not have.
    """
    size = weight.shape[0]
    places = torch.arange(size, device=weight.device, dtype=torch.float32)
    step = (size / frames)[:, None]  # frames of a whole window for one of a partial window
    start, end = (places * step)[:, :, None], ((places + 1) * step)[:, :, None]
    # How much of each frame of a whole window (last axis) lies in the part that a frame (second axis) stands for.
    overlap = (torch.minimum(end, places + 1) - torch.maximum(start, places)).clamp(min=0)
    return torch.tensordot(overlap.to(weight.dtype), weight, dims=1)


def fix_sizes(values: torch.Tensor) -> None:
    """
    Makes every size but the first, the batch, a constant of the graph that `torch.compile` builds. With dynamic sizes
    it would carry expressions of them through all layers and take minutes; so it builds one graph a grid instead.
    """
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        for size in values.shape[1:]:
            operator.index(size)


def space_embeddings_of(embeddings: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Learned embeddings `(1, rows, columns, hidden)`, for another grid interpolated: `(1, height, width, hidden)`."""
    if not torch.compiler.is_exporting() and (height, width) == embeddings.shape[1:3]:
        return embeddings
    resized = embeddings.permute(0, 3, 1, 2)  # (1, hidden, rows, columns)
    resized = nn.functional.interpolate(resized.float(), size=(height, width), mode="bicubic")
    return resized.permute(0, 2, 3, 1).to(embeddings.dtype)


def time_embeddings_of(embeddings: torch.Tensor, number: int) -> torch.Tensor:
    """Learned embeddings `(1, times, hidden)`, for another number of times interpolated: `(1, number, hidden)`."""
    if not torch.compiler.is_exporting() and number == embeddings.shape[1]:
        return embeddings
    resized = embeddings.permute(0, 2, 1)  # (1, hidden, times)
    resized = nn.functional.interpolate(resized.float(), size=number, mode="linear")
    return resized.permute(0, 2, 1).to(embeddings.dtype)


class LogoFormerEmbeddings(nn.Module):
    """Projects frame tokens to the width of the transformer and adds learned space and time embeddings."""

    def __init__(self, config: LogoFormerConfig, num_features: int):
        super().__init__()
        self.projection = nn.Linear(num_features, config.hidden_size)  # a 1x1 convolution on channels-last tokens
        self.space_embeddings = nn.Parameter(torch.zeros(1, config.grid_size, config.grid_size, config.hidden_size))
        self.time_embeddings = nn.Parameter(torch.zeros(1, config.num_frames, config.hidden_size))
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def space(self, height: int, width: int) -> torch.Tensor:
        """Space embedding `(1, height, width, hidden)`, interpolated for another grid than the learned one."""
        return space_embeddings_of(self.space_embeddings, height, width)

    def time(self, num_frames: int) -> torch.Tensor:
        """Time embedding `(1, frames, hidden)`, interpolated for another number of frames than the learned one."""
        return time_embeddings_of(self.time_embeddings, num_frames)

    def forward(self, frame_tokens: torch.Tensor) -> torch.Tensor:
        """`(batch, frames, height, width, features)` to `(batch, frames, height, width, hidden)`."""
        _, num_frames, height, width, _ = frame_tokens.shape
        tokens = self.projection(frame_tokens)  # (batch, frames, height, width, hidden)
        tokens = tokens + self.space(height, width)[:, None] + self.time(num_frames)[:, :, None, None]
        return self.dropout(tokens)


def eager_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs: Unpack[TransformersKwargs],
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Attention that also returns its weights.

    Args:
        module: the attention layer.
        query: `(batch, heads, tokens, head size)`.
        key, value: `(batch, heads, sources, head size)`.
        attention_mask: added to the scores `(batch, heads, tokens, sources)`, or None.
        scaling: factor of the scores.
        dropout: probability of dropout on the weights.

    Returns:
        Output `(batch, tokens, heads, head size)` and weights `(batch, heads, tokens, sources)`.
    """
    scores = torch.matmul(query, key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = nn.functional.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    weights = nn.functional.dropout(weights, p=dropout, training=module.training)
    output = torch.matmul(weights, value).transpose(1, 2).contiguous()  # (batch, tokens, heads, head size)
    return output, weights


class LogoFormerAttention(nn.Module):
    """Multi-head attention of one set of tokens to another, the base class of local and global attention."""

    def __init__(self, config: LogoFormerConfig):
        super().__init__()
        self.config = config
        self.head_size = config.hidden_size // config.num_attention_heads
        self.scaling = self.head_size**-0.5
        self.is_causal = False
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def attend(
        self,
        queries: torch.Tensor,
        sources: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Queries `(batch, tokens, hidden)`, sources `(batch, sources, hidden)`; returns the shape of the queries."""
        output, weights = self.attend_projected(
            self.query(queries), self.key(sources), self.value(sources), attention_mask, **kwargs
        )
        return self.dropout(self.output(output)), weights

    def attend_projected(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        The part of `attend` between the projections: query `(batch, tokens, hidden)`, key and value
        `(batch, sources, hidden)`; returns the shape of the query.
        """
        # (batch, heads, tokens or sources, head size)
        query, key, value = [each.unflatten(2, (-1, self.head_size)).transpose(1, 2) for each in (query, key, value)]
        attention_interface: Callable[..., tuple[torch.Tensor, torch.Tensor | None]] = (
            ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        )
        output, weights = attention_interface(
            self,
            query,
            key,
            value,
            attention_mask,
            dropout=self.config.attention_probs_dropout_prob if self.training else 0.0,
            scaling=self.scaling,
            **kwargs,
        )
        return output.flatten(2), weights  # (batch, tokens, hidden)


class LogoFormerLocalAttention(LogoFormerAttention):
    """Attention of every token to the tokens of its own space-time window."""

    takes_window_order = True

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.window_size = config.window_size

    def forward(
        self,
        tokens: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        window_order: WindowOrder | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        Tokens `(batch, frames, height, width, hidden)`, mask by `padding_mask`; returns that shape and weights. Or
        tokens in window order, `(batch, tokens, hidden)`; returns that shape, and None for the weights.
        """
        if window_order is not None:
            projected = [window_order.split(project(tokens)) for project in (self.query, self.key, self.value)]
            outputs = []
            for query, key, value in zip(*projected, strict=True):
                box = [each.flatten(0, 1) for each in (query, key, value)]  # (batch x windows, tokens, hidden)
                output, _ = self.attend_projected(box[0], box[1], box[2], **kwargs)
                outputs.append(output.unflatten(0, query.shape[:2]).flatten(1, 2))  # (batch, tokens, hidden)
            return self.dropout(self.output(window_order.join(outputs))), None

        batch_size, *grid, _ = tokens.shape
        windows = partition_windows(tokens, self.window_size)  # (batch, windows, tokens of a window, hidden)
        flat = windows.flatten(0, 1)  # (batch x windows, tokens of a window, hidden)
        output, weights = self.attend(flat, flat, attention_mask, **kwargs)
        return merge_windows(output.unflatten(0, (batch_size, -1)), self.window_size, grid), weights


class LogoFormerGlobalAttention(LogoFormerAttention):
    """
    Attention of every token to one summary per window of the clip. Its windows may be others than those of local
    attention, `summary_size` in the configuration.
    """

    takes_window_order = True

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.window_size = config.summary_size or config.window_size
        # A depth-wise convolution whose kernel and stride are the window is one weighted sum per window and channel.
        self.summary_weight = nn.Parameter(torch.ones(math.prod(self.window_size), config.hidden_size))
        self.summary_bias = nn.Parameter(torch.zeros(config.hidden_size))
        self.summary_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        if config.use_summary_positions:
            grid = (config.num_frames, config.grid_size, config.grid_size)
            frames, height, width = count_windows(grid, self.window_size)
            self.space_embeddings = nn.Parameter(torch.zeros(1, height, width, config.hidden_size))
            self.time_embeddings = nn.Parameter(torch.zeros(1, frames, config.hidden_size))

    def is_partial(self, num_frames: int) -> bool:
        """Whether the last windows along the frames are to be resampled; always in a graph that is exported."""
        resamples = self.config.resample_partial_windows
        return resamples and (torch.compiler.is_exporting() or num_frames % self.window_size[0] != 0)

    def summarise(self, tokens: torch.Tensor, window_order: WindowOrder | None = None) -> torch.Tensor:
        """
        One summary per window, `(batch, windows, hidden)`. A window that sticks out of the grid has fewer terms in its
        sum: the padding is zero, and in window order there is none. Along the frames weights are resampled instead.
        """
        weight = self.summary_weight.unflatten(0, self.window_size)  # (frames, height, width, hidden)
        # Products and sums: einsum would turn them into matrix products of one column each, which take longer.
        if window_order is not None:
            boxes = []
            for windows, (t, h, w) in zip(window_order.split(tokens), window_order.window_sizes, strict=True):
                weights = weight
                if self.is_partial(t):
                    [weights] = resample_summary_weight(weight, torch.tensor([t], device=tokens.device))
                boxes.append((windows * weights[:t, :h, :w].flatten(0, 2)).sum(2))  # (batch, windows, hidden)
            sums = window_order.join(boxes)
        else:
            windows = partition_windows(tokens, self.window_size)  # (batch, windows, tokens of a window, hidden)
            weights = weight[None]
            if self.is_partial(tokens.shape[1]):
                frames = frames_of_windows(tokens.shape[1], self.window_size[0], tokens.device)
                weights = resample_summary_weight(weight, frames)  # (windows t, frames, height, width, hidden)
            # (batch, windows t or 1, other windows, tokens of a window, hidden)
            windows = windows.unflatten(1, (weights.shape[0], -1))
            sums = (windows * weights.flatten(1, 3)[:, None]).sum(3).flatten(1, 2)  # (batch, windows, hidden)
        return self.summary_norm(sums + self.summary_bias)

    def window_shares(self, tokens: torch.Tensor, window_order: WindowOrder | None) -> torch.Tensor | None:
        """
        Logarithms of the shares of a window that the windows are, `(batch, 1, tokens, windows)`. Added to the scores,
        they let a window with half of the frames receive half of the attention that it would get as a whole one. None
        where all are whole.
        """
        window = self.window_size[0]
        if window_order is None:
            if not self.is_partial(tokens.shape[1]):
                return None
            frames = frames_of_windows(tokens.shape[1], window, tokens.device)
            height, width = count_windows(tokens.shape[2:4], self.window_size[1:])
            frames = frames[:, None].expand(-1, height * width).flatten()
        else:
            sizes = zip(window_order.num_tokens, window_order.window_sizes, strict=True)
            counts = [(size[0], num_tokens // math.prod(size)) for num_tokens, size in sizes]
            if not any(self.is_partial(each) for each, _ in counts):
                return None
            frames = torch.cat([torch.full((number,), each, device=tokens.device) for each, number in counts])
        shares = (frames / window).log().to(tokens.dtype)
        return shares.expand(tokens.shape[0], 1, math.prod(tokens.shape[1:-1]), -1)

    def summary_positions(self, tokens: torch.Tensor, window_order: WindowOrder | None) -> torch.Tensor | None:
        """
        Embeddings of the windows' places, `(1, windows, hidden)`; interpolated where there are more or fewer windows
        than in a clip of the configuration's size. None in a model without them.
        """
        if not self.config.use_summary_positions:
            return None
        grid = tokens.shape[1:4] if window_order is None else window_order.grid
        frames, height, width = count_windows(grid, self.window_size)
        space = space_embeddings_of(self.space_embeddings, height, width)[:, None]
        time = time_embeddings_of(self.time_embeddings, frames)[:, :, None, None]
        positions = space + time  # (1, windows t, windows h, windows w, hidden)
        return positions.flatten(1, 3) if window_order is None else window_order.windows_from_grid(positions)

    def forward(
        self,
        tokens: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        window_order: WindowOrder | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        Tokens `(batch, frames, height, width, hidden)`, or in window order `(batch, tokens, hidden)`; returns the same
        shape and weights.
        """
        # The mask is that of local attention and is not needed here: padding does not change a summary.
        queries, shape = tokens.flatten(1, -2), tokens.shape[1:-1]  # (batch, tokens, hidden)
        if window_order is not None and window_order.window_size != self.window_size:
            # The queries stay in their order. The windows of the summaries are others.
            tokens = window_order.to_grid(tokens)
            window_order = WindowOrder(tokens.shape[1:4], self.window_size)
            tokens = window_order.from_grid(tokens)
        shares = self.window_shares(tokens, window_order)
        positions = self.summary_positions(tokens, window_order)
        summaries = self.summarise(tokens, window_order)  # (batch, windows, hidden)
        key = self.key(summaries if positions is None else summaries + positions)
        value = self.value(summaries)
        output, weights = self.attend_projected(self.query(queries), key, value, shares, **kwargs)
        return self.dropout(self.output(output)).unflatten(1, shape), weights


class LogoFormerMLP(nn.Module):
    """The feed-forward part, applied to every token separately."""

    takes_window_order = True

    def __init__(self, config: LogoFormerConfig):
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACT2FN[config.hidden_act]
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        tokens: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple[torch.Tensor, None]:
        """Tokens `(batch, ..., hidden)`; returns the same shape, and None for the weights."""
        return self.dropout(self.fc2(self.activation(self.fc1(tokens)))), None


class LogoFormerLayer(GradientCheckpointingLayer):
    """
    A list of parts, each after a LayerNorm and inside a residual branch: local attention, global attention,
    feed-forward.

    A part is a module that takes `(tokens, attention_mask, **kwargs)`, tokens `(batch, frames, height, width,
    hidden)`, and returns a tensor of that shape, and its attention weights or None. `set_part` adds or replaces a
    part; `parts` has their names in the order of the computation.

    Where all parts say so by `takes_window_order = True`, the model gives them tokens in window order instead,
    `(batch, tokens, hidden)`, with the keyword `window_order`.
    """

    def __init__(self, config: LogoFormerConfig, drop_path_rate: float):
        super().__init__()
        self.config = config
        self.parts: dict[str, str] = {}  # attribute name of each part -> that of the LayerNorm before it
        if config.use_local_attention:
            self.set_part("local_attention", LogoFormerLocalAttention(config), norm="local_norm")
        if config.use_global_attention:
            self.set_part("global_attention", LogoFormerGlobalAttention(config), norm="global_norm")
        self.set_part("mlp", LogoFormerMLP(config), norm="mlp_norm")
        self.drop_path = StochasticDepth(drop_path_rate, mode="row")

    def set_part(self, name: str, part: nn.Module, norm: str | None = None, before: str | None = None) -> None:
        """
        Replaces the part of this name and keeps its LayerNorm, or adds a new part with a new LayerNorm.

        Args:
            name: attribute name of the part, which also begins the keys of its weights in a checkpoint.
            part: the module.
            norm: attribute name of a new part's LayerNorm; by default `name` with `_norm`.
            before: name of the part that follows a new part; by default the new part is the last one.

        Raises:
            ValueError: `before` names no part; `name` or `norm` is taken or cannot be an attribute; `norm` or
                `before` is given for a part that exists.
        """
        if name in self.parts and (norm, before) != (None, None):
            raise ValueError(f"`name` is {name!r}, a part that stays in its place: leave out `norm` and `before`.")
        if before is not None and before not in self.parts:
            raise ValueError(f"`before` is {before!r}; it must be one of the parts {', '.join(self.parts)}.")
        if name not in self.parts:
            norm = norm or f"{name}_norm"
            if taken := [each for each in (name, norm) if not each.isidentifier() or hasattr(self, each)]:
                raise ValueError(f"{taken[0]!r} cannot name a part or its norm; it must be a new attribute.")
            setattr(self, norm, nn.LayerNorm(self.config.hidden_size, eps=self.config.layer_norm_eps))
            names = list(self.parts)
            names.insert(len(names) if before is None else names.index(before), name)
            self.parts = {each: self.parts.get(each, norm) for each in names}
        setattr(self, name, part)

    def forward(
        self,
        tokens: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> torch.Tensor:
        """
        Tokens `(batch, frames, height, width, hidden)`, mask by `padding_mask`; or in window order, with the keyword
        `window_order`. Returns the same shape.
        """
        for name, norm in self.parts.items():
            output, _ = getattr(self, name)(getattr(self, norm)(tokens), attention_mask, **kwargs)
            tokens = tokens + self.drop_path(output)
        return tokens


class LogoFormerPreTrainedModel(PreTrainedModel):
    """Base class: initial weights, attention implementations, recorded outputs."""

    config: LogoFormerConfig
    config_class = LogoFormerConfig
    base_model_prefix = "logoformer"
    main_input_name = "pixel_values"
    input_modalities: Any = ("video",)
    supports_gradient_checkpointing = True
    _no_split_modules = ["LogoFormerEmbeddings", "LogoFormerLayer"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True
    has_folded_batch_norm = False  # of the base model
    _can_record_outputs = {  # noqa: RUF012
        "hidden_states": LogoFormerLayer,
        "local_attentions": OutputRecorder(LogoFormerLocalAttention, index=1),
        "global_attentions": OutputRecorder(LogoFormerGlobalAttention, index=1),
    }

    def __init__(self, config: LogoFormerConfig, *args: Any, **kwargs: Any):
        with errors_of_file(getattr(config, "name_or_path", None), CONFIG_FILES):
            super().__init__(config, *args, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """As in the library, but whatever is wrong with weights is a `ValueError` that names their file."""
        load = partial(super().from_pretrained, pretrained_model_name_or_path, *args)
        return load_weights(load, pretrained_model_name_or_path, kwargs)

    def set_attn_implementation(self, attn_implementation: str | dict[str, str], *args: Any, **kwargs: Any) -> None:
        """As in the library, but a plain name applies to LOGO-Former only: a ResNet would raise an error."""
        if isinstance(attn_implementation, str):
            attn_implementation = {"": attn_implementation}
        super().set_attn_implementation(attn_implementation, *args, **kwargs)

    @torch.no_grad()
    def fold_batch_norm(self) -> "LogoFormerPreTrainedModel":
        """
        Folds the batch norm of the frame encoder into its convolutions, in place, and returns the model: the same
        outputs, up to rounding, in less time. For inference: a folded model can no longer be saved, and training would
        not update statistics. A second call changes nothing.

        Raises:
            ValueError: the model is in training mode, or its frame encoder has no convolution with a batch norm.
        """
        model: Any = self.base_model
        if model.has_folded_batch_norm:
            return self
        if self.training:
            raise ValueError("the model is in training mode, in which batch norm uses the batch: call model.eval().")
        pairs = [
            module
            for module in model.backbone.modules()
            if isinstance(getattr(module, "normalization", None), nn.BatchNorm2d)
            and isinstance(getattr(module, "convolution", None), nn.Conv2d)
        ]
        if not pairs:
            raise ValueError(f"{type(model.backbone).__name__} has no batch norm after a convolution to fold.")
        for module in pairs:
            module.convolution = fuse_conv_bn_eval(module.convolution, module.normalization)
            module.normalization = nn.Identity()
        model.has_folded_batch_norm = True
        return self

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        """As in the library. Raises a `ValueError` for a model with folded batch norm, which nothing could load."""
        if self.base_model.has_folded_batch_norm:
            raise ValueError("the batch norm of this model was folded, for inference: save the model before that.")
        return super().save_pretrained(*args, **kwargs)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, LogoFormerEmbeddings):
            init.trunc_normal_(module.space_embeddings, std=self.config.initializer_range)
            init.trunc_normal_(module.time_embeddings, std=self.config.initializer_range)
        elif isinstance(module, LogoFormerGlobalAttention):
            # Random as the kernel of a convolution: equal weights would not distinguish the places inside a window.
            init.trunc_normal_(module.summary_weight, std=self.config.initializer_range)
            init.zeros_(module.summary_bias)
            if self.config.use_summary_positions:
                init.trunc_normal_(module.space_embeddings, std=self.config.initializer_range)
                init.trunc_normal_(module.time_embeddings, std=self.config.initializer_range)


def build_backbone(config: LogoFormerConfig) -> Any:
    """The frame encoder. Raises a `ValueError` that names the field by which none can be built, and its file."""
    backbone: Any = config.backbone_config

    def build_without_values(fields: dict[str, Any]) -> None:
        with torch.device("meta"):
            AutoBackbone.from_config(type(backbone)(**fields))

    with errors_of_file(config.name_or_path, CONFIG_FILES):
        try:
            return AutoBackbone.from_config(backbone)
        except MemoryError:
            raise
        except Exception as error:  # of any kind: fields that no configuration of the library checks
            raise error_of_field(error, backbone.to_diff_dict(), build_without_values, "backbone_config.") from error


@contextmanager
def kept_statistics(module: nn.Module) -> Iterator[None]:
    """Inside it batch norm in training mode uses the batch, as always, and leaves its running statistics alone."""
    norms: Any = [each for each in module.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    before = [(each.momentum, each.num_batches_tracked) for each in norms]
    for each in norms:
        each.momentum, each.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for each, values in zip(norms, before, strict=True):
            each.momentum, each.num_batches_tracked = values


def run_checkpointed(part: nn.Module, frames: torch.Tensor) -> torch.Tensor:
    """
    Runs a part of the frame encoder, `(batch x frames, channels, height, width)` to a tensor with four axes. Only
    `frames` is kept for the backward pass, which runs the part again. Batch norm counts the frames once.
    """
    is_again = False

    def run(frames: torch.Tensor) -> torch.Tensor:
        nonlocal is_again
        with kept_statistics(part) if is_again else nullcontext():
            is_again = True
            return part(frames)

    # Not the function that the user chose for the layers: the reentrant one gives no gradients where the input has
    # none, as pixels.
    return checkpoint(run, frames, use_reentrant=False)


RECORDED = ("output_hidden_states", "output_local_attentions", "output_global_attentions")


def is_recorded(config: LogoFormerConfig, options: Mapping[str, Any]) -> bool:
    """Whether the options of a forward pass, or else the configuration, request tokens or weights of the layers."""
    return any(options.get(key, getattr(config, key, False)) for key in RECORDED)


def record_on_request(forward: Callable[..., Any]) -> Callable[..., Any]:
    """
    Prepares a model's forward for the library's `capture_outputs`: `output_attentions`, as a keyword or in the
    configuration, requests local and global attentions, and no hooks are installed in the frame encoder.
    """

    @wraps(forward)
    def wrapper(self: "LogoFormerModel", *args: Any, **kwargs: Any) -> Any:
        asked = kwargs.get("output_attentions")
        for kind in ("local", "global"):
            if asked is not None and getattr(self.config, f"use_{kind}_attention"):
                kwargs[f"output_{kind}_attentions"] = asked
            if kwargs.get(f"output_{kind}_attentions") and self.config._attn_implementation != "eager":
                raise ValueError(
                    f"attention weights were requested, but attn_implementation is "
                    f"{self.config._attn_implementation!r}; only 'eager' returns them: "
                    "model.set_attn_implementation('eager')."
                )
        if is_recorded(self.config, kwargs):
            self.install_recording_hooks()
        return forward(self, *args, **kwargs)

    return wrapper


class LogoFormerModel(LogoFormerPreTrainedModel):
    """LOGO-Former without a classifier: returns the tokens and the embedding of each clip."""

    gradient_checkpointing = False  # set by the library, here and in the layers

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.backbone = build_backbone(config)
        self.embeddings = LogoFormerEmbeddings(config, num_features=self.backbone.channels[0])
        last_layer = max(config.num_hidden_layers - 1, 1)
        self.layers = nn.ModuleList(
            LogoFormerLayer(config, drop_path_rate=config.drop_path_rate * index / last_layer)
            for index in range(config.num_hidden_layers)
        )
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The linear layer that projects frame tokens to the width of the transformer."""
        return self.embeddings.projection

    def install_recording_hooks(self) -> None:
        """
        Installs the library's hooks in the layers of LOGO-Former, not in the backbone. A backbone has its own hooks; a
        second installation from here would make it return the feature map of another stage (seen with Dinov2 and
        ConvNeXt, transformers 5.23).
        """
        if not getattr(self, "_output_capturing_hooks_installed", False):
            backbone, self.backbone = self.backbone, None  # keeps its position among the modules
            maybe_install_capturing_hooks(self)
            self.backbone = backbone

    def encode_frames(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """
        Runs the frame encoder on every frame separately. The tokens of a frame can be computed once and passed to
        `forward` as `inputs_embeds` for every clip that contains the frame.

        Args:
            pixel_values: `(batch, frames, channels, height, width)`.

        Returns:
            Frame tokens `(batch, frames, height / stride, width / stride, features)`.

        Raises:
            ValueError: another shape, no frames, or integers.
        """
        if pixel_values.ndim != 5 or pixel_values.shape[2] != self.config.num_channels:
            raise ValueError(
                f"`pixel_values` has shape {tuple(pixel_values.shape)}; it must be (batch, frames, "
                f"channels={self.config.num_channels}, height, width)."
            )
        if pixel_values.shape[1] == 0:
            raise ValueError(
                f"`pixel_values` has shape {tuple(pixel_values.shape)}; a clip must have at least one frame."
            )
        if not pixel_values.is_floating_point():
            raise ValueError(
                f"`pixel_values` are {pixel_values.dtype}; they must be floating point, rescaled and normalised by "
                "LogoFormerVideoProcessor."
            )
        fix_sizes(pixel_values)
        batch_size = pixel_values.shape[0]
        frames = pixel_values.flatten(0, 1)  # (batch x frames, channels, height, width)
        if frames.device.type in ("cpu", "cuda"):  # where convolutions are faster in this memory order
            frames = frames.contiguous(memory_format=torch.channels_last)
        feature_map = self.run_backbone(frames)  # (batch x frames, features, height, width)
        return feature_map.permute(0, 2, 3, 1).unflatten(0, (batch_size, -1))

    def run_backbone(self, frames: torch.Tensor) -> torch.Tensor:
        """
        Frames `(batch x frames, channels, height, width)` to a feature map `(batch x frames, features, height,
        width)`.

        With gradient checkpointing a ResNet keeps the outputs of its stages alone; other backbones do as they do in
        the library. A graph that is compiled chooses by itself what it keeps.
        """
        backbone: Any = self.backbone
        if (
            self.gradient_checkpointing
            and self.training
            and torch.is_grad_enabled()
            and not torch.compiler.is_compiling()
            and isinstance(backbone, ResNetBackbone)
            and backbone.out_features == backbone.stage_names[-1:]
        ):
            for part in (backbone.embedder, *backbone.encoder.stages):
                frames = run_checkpointed(part, frames)
            return frames
        return backbone(frames).feature_maps[0]

    def run_layers(self, tokens: torch.Tensor, **kwargs: Unpack[TransformersKwargs]) -> torch.Tensor:
        """
        Tokens `(batch, frames, height, width, hidden)` through all layers; returns the same shape.

        In window order, so that no layer pads, masks or moves tokens. On the grid, with windows that are padded and
        masked, where somebody reads tokens or weights between the layers, where a part does not take window order, and
        in a graph that is exported, which is for every grid.
        """
        is_read = is_recorded(self.config, kwargs) or self.config._attn_implementation == "eager"  # it returns weights
        layers: Any = self.layers
        parts = [getattr(layer, name) for layer in layers for name in layer.parts]
        if (
            is_read
            or torch.compiler.is_exporting()
            or not all(getattr(part, "takes_window_order", False) for part in parts)
        ):
            mask = padding_mask(tokens, self.config.window_size) if self.config.use_local_attention else None
            for layer in layers:
                tokens = layer(tokens, mask, **kwargs)
            return tokens
        use_local, summary_size = self.config.use_local_attention, self.config.summary_size
        window_size = self.config.window_size if use_local or summary_size is None else summary_size
        window_order = WindowOrder(tokens.shape[1:4], window_size)
        tokens = window_order.from_grid(tokens)  # (batch, tokens, hidden)
        for layer in layers:
            tokens = layer(tokens, window_order=window_order, **kwargs)
        return window_order.to_grid(tokens)

    @record_on_request
    @capture_outputs(tie_last_hidden_states=False)
    def forward(
        self,
        pixel_values: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> LogoFormerModelOutput:
        """
        Args:
            pixel_values: `(batch, frames, channels, height, width)`, any number of frames, any image size.
            inputs_embeds: instead of `pixel_values`, frame tokens from `encode_frames`,
                `(batch, frames, height, width, features)`.
        """
        if inputs_embeds is None and pixel_values is not None:
            inputs_embeds = self.encode_frames(pixel_values)
        elif inputs_embeds is None or pixel_values is not None:
            raise ValueError("give exactly one of `pixel_values` and `inputs_embeds`.")
        elif inputs_embeds.ndim != 5 or inputs_embeds.shape[-1] != self.embeddings.projection.in_features:
            raise ValueError(
                f"`inputs_embeds` has shape {tuple(inputs_embeds.shape)}; it must be (batch, frames, height, width, "
                f"features={self.embeddings.projection.in_features}), as returned by `encode_frames`."
            )

        fix_sizes(inputs_embeds)
        tokens = self.embeddings(inputs_embeds)  # (batch, frames, height, width, hidden)
        tokens = self.layernorm(self.run_layers(tokens, **kwargs))
        return LogoFormerModelOutput(
            last_hidden_state=tokens,
            pooler_output=tokens.mean(dim=(1, 2, 3)),  # (batch, hidden)
        )


def check_label_range(labels: torch.Tensor, num_labels: int) -> None:
    """Raises a `ValueError` for a label `(batch,)` below 0 or from `num_labels` on."""
    if bad := [label for label in labels.tolist() if not 0 <= label < num_labels]:
        raise ValueError(f"`labels` has {bad[0]}; they must be from 0 to {num_labels - 1}.")


class LogoFormerForVideoClassification(LogoFormerPreTrainedModel):
    """LOGO-Former with a linear classifier on the embedding: one logit per expression."""

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.num_labels: int = config.num_labels  # type: ignore[assignment]  # the library never leaves it None
        self.logoformer = LogoFormerModel(config)
        self.classifier = nn.Linear(config.hidden_size, self.num_labels)
        self.post_init()

    def encode_frames(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Frame tokens, as `LogoFormerModel.encode_frames`."""
        return self.logoformer.encode_frames(pixel_values)

    @can_return_tuple
    def forward(
        self,
        pixel_values: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> LogoFormerClassifierOutput:
        """
        Args:
            pixel_values: `(batch, frames, channels, height, width)`, any number of frames, any image size.
            labels: `(batch,)`, class numbers; the loss is the mean cross-entropy.
            inputs_embeds: instead of `pixel_values`, frame tokens from `encode_frames`,
                `(batch, frames, height, width, features)`.
        """
        kwargs["return_dict"] = True  # whatever the configuration says
        outputs = self.logoformer(pixel_values=pixel_values, inputs_embeds=inputs_embeds, **kwargs)
        embedding = outputs.pooler_output
        logits = self.classifier(embedding)

        loss = None
        if labels is not None:
            if labels.shape != logits.shape[:1] or labels.is_floating_point():
                raise ValueError(
                    f"`labels` are {labels.dtype} of shape {tuple(labels.shape)}; they must be whole numbers of shape "
                    f"{tuple(logits.shape[:1])}, one per clip."
                )
            # On other devices reading the values would wait for the device; under torch.compile it breaks the graph.
            if labels.device.type == "cpu" and not torch.compiler.is_compiling():
                check_label_range(labels, self.num_labels)
            # Under gradient accumulation Trainer passes the clips of the whole step and does not divide the loss
            # itself.
            num_clips = kwargs.get("num_items_in_batch")
            num_clips = labels.shape[0] if num_clips is None else num_clips
            loss = nn.functional.cross_entropy(logits, labels, reduction="sum") / num_clips

        return LogoFormerClassifierOutput(
            loss=loss,
            logits=logits,
            embedding=embedding,
            hidden_states=outputs.hidden_states,
            local_attentions=outputs.local_attentions,
            global_attentions=outputs.global_attentions,
        )


__all__ = ["LogoFormerForVideoClassification", "LogoFormerModel", "LogoFormerPreTrainedModel"]
