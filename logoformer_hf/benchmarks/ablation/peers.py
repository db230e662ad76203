"""Models that LOGO-Former is compared with, and variants of it that the configuration cannot express."""

from typing import Any

import torch
from torch import nn
from transformers import AutoBackbone, VideoMAEConfig, VideoMAEForVideoClassification

from ...configuration_logoformer import LogoFormerConfig
from ...modeling_logoformer import (
    LogoFormerClassifierOutput,
    LogoFormerEmbeddings,
    LogoFormerForVideoClassification,
    LogoFormerGlobalAttention,
    LogoFormerLocalAttention,
    LogoFormerPreTrainedModel,
)
from ...token_windows_logoformer import padding_mask

Attended = tuple[torch.Tensor, torch.Tensor | None]  # output of a part of a layer: tokens, attention weights


class ClassTokenLogoFormer(LogoFormerForVideoClassification):
    """
    LOGO-Former whose embedding is a class token instead of the mean token.

    The class token belongs to no window and takes no part in local attention. In every layer it queries the summaries
    of all windows, as every other token does, and passes through the feed-forward part. No token attends to it. The
    layers get all tokens as one sequence with the class token at its end, `(batch, frames x height x width + 1,
    hidden)`.
    """

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.class_token = nn.Parameter(torch.randn(1, 1, config.hidden_size) * config.initializer_range)
        grid = (config.num_frames, config.grid_size, config.grid_size)
        layers: Any = self.logoformer.layers
        for layer in layers:
            layer.set_part("local_attention", LocalBesideClassToken(layer.local_attention, grid))
            layer.set_part("global_attention", GlobalWithClassToken(layer.global_attention, grid))

    def forward(
        self, pixel_values: Any = None, inputs_embeds: torch.Tensor | None = None, **kwargs: Any
    ) -> LogoFormerClassifierOutput:
        """As `LogoFormerForVideoClassification.forward`, without a loss, for clips of the configuration's size."""
        base = self.logoformer
        if inputs_embeds is None:
            inputs_embeds = base.encode_frames(pixel_values)
        tokens = base.embeddings(inputs_embeds)  # (batch, frames, height, width, hidden)
        mask = padding_mask(tokens, self.config.window_size)
        class_token = self.class_token.expand(tokens.shape[0], -1, -1)  # (batch, 1, hidden)
        sequence = torch.cat([tokens.flatten(1, 3), class_token], dim=1)  # (batch, tokens + 1, hidden)
        for layer in base.layers:
            sequence = layer(sequence, mask)
        embedding = base.layernorm(sequence[:, -1])  # (batch, hidden)
        return LogoFormerClassifierOutput(logits=self.classifier(embedding), embedding=embedding)


class LocalBesideClassToken(nn.Module):
    """Local attention of the tokens of the grid `(frames, height, width)`; the output for the class token is zero."""

    def __init__(self, attention: LogoFormerLocalAttention, grid: tuple[int, int, int]):
        super().__init__()
        self.attention = attention
        self.grid = grid

    def forward(self, sequence: torch.Tensor, attention_mask: torch.Tensor | None = None, **kwargs: Any) -> Attended:
        """`sequence (batch, tokens + 1, hidden)` with the class token last; returns the same shape and weights."""
        tokens = sequence[:, :-1].unflatten(1, self.grid)  # (batch, frames, height, width, hidden)
        output, weights = self.attention(tokens, attention_mask, **kwargs)
        return nn.functional.pad(output.flatten(1, 3), (0, 0, 0, 1)), weights  # (batch, tokens + 1, hidden)


class GlobalWithClassToken(nn.Module):
    """Global attention of the tokens of the grid `(frames, height, width)` and of the class token after them."""

    def __init__(self, attention: LogoFormerGlobalAttention, grid: tuple[int, int, int]):
        super().__init__()
        self.attention = attention
        self.grid = grid

    def forward(self, sequence: torch.Tensor, attention_mask: torch.Tensor | None = None, **kwargs: Any) -> Attended:
        """`sequence (batch, tokens + 1, hidden)` with the class token last; returns the same shape and weights."""
        summaries = self.attention.summarise(sequence[:, :-1].unflatten(1, self.grid))  # (batch, windows, hidden)
        return self.attention.attend(sequence, summaries, **kwargs)


class MeanSummaryLogoFormer(LogoFormerForVideoClassification):
    """LOGO-Former whose summaries are means of windows: sums, which the LayerNorm makes equal to means."""

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        layers: Any = self.logoformer.layers
        for layer in layers:
            attention = layer.global_attention
            weight = torch.ones_like(attention.summary_weight)  # (tokens of a window, hidden)
            del attention.summary_weight
            attention.register_buffer("summary_weight", weight, persistent=False)


class FormerDFERKind(LogoFormerPreTrainedModel):
    """
    A ResNet with a spatial transformer, then a temporal one, both without windows.

    Follows Former-DFER (Zhao and Liu, *Former-DFER: Dynamic Facial Expression Recognition Transformer*, ACM MM 2021),
    which has one spatial layer inside the frame encoder and three temporal ones, with a class token as the output. Its
    fourth ResNet stage, after the spatial layer, is replaced by the mean over space.
    """

    NUM_SPATIAL_LAYERS, NUM_TEMPORAL_LAYERS = 1, 3

    def __init__(self, config: LogoFormerConfig):
        super().__init__(config)
        self.backbone = AutoBackbone.from_config(config.backbone_config)
        self.embeddings = LogoFormerEmbeddings(config, num_features=self.backbone.channels[0])
        self.class_token = nn.Parameter(torch.randn(1, 1, config.hidden_size) * config.initializer_range)
        self.spatial = self.make_encoder(self.NUM_SPATIAL_LAYERS)
        self.temporal = self.make_encoder(self.NUM_TEMPORAL_LAYERS)
        self.num_labels: int = config.num_labels  # type: ignore[assignment]  # the library never leaves it None
        self.classifier = nn.Linear(config.hidden_size, self.num_labels)
        self.post_init()

    def make_encoder(self, num_layers: int) -> nn.TransformerEncoder:
        """A transformer of `num_layers` pre-norm layers, `(batch, tokens, hidden)` to the same shape."""
        config = self.config
        layer = nn.TransformerEncoderLayer(
            config.hidden_size,
            config.num_attention_heads,
            config.intermediate_size,
            dropout=config.hidden_dropout_prob,
            activation="gelu",
            layer_norm_eps=config.layer_norm_eps,
            batch_first=True,
            norm_first=True,
        )
        norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        return nn.TransformerEncoder(layer, num_layers, norm, enable_nested_tensor=False)

    def forward(
        self, pixel_values: Any = None, inputs_embeds: torch.Tensor | None = None, **kwargs: Any
    ) -> LogoFormerClassifierOutput:
        """Clips or their frame tokens, as `LogoFormerForVideoClassification.forward`, without a loss."""
        if inputs_embeds is None:
            features = self.backbone(pixel_values.flatten(0, 1)).feature_maps[0]
            # (batch, frames, height, width, features)
            inputs_embeds = features.permute(0, 2, 3, 1).unflatten(0, pixel_values.shape[:2])
        batch_size, num_frames, height, width, _ = inputs_embeds.shape
        tokens = self.embeddings.projection(inputs_embeds) + self.embeddings.space(height, width)[:, None]
        tokens = tokens.flatten(0, 1).flatten(1, 2)  # (batch x frames, height x width, hidden)
        frames = self.spatial(tokens).mean(dim=1).unflatten(0, (batch_size, num_frames))  # (batch, frames, hidden)
        frames = frames + self.embeddings.time(num_frames)
        class_token = self.class_token.expand(batch_size, -1, -1)  # (batch, 1, hidden)
        embedding = self.temporal(torch.cat([class_token, frames], dim=1))[:, 0]  # (batch, hidden)
        return LogoFormerClassifierOutput(logits=self.classifier(embedding), embedding=embedding)


class TwoLayerFormerDFERKind(FormerDFERKind):
    """The same with one spatial and one temporal layer: as deep as the ablation's LOGO-Former."""

    NUM_TEMPORAL_LAYERS = 1


def matched_videomae(config: LogoFormerConfig) -> VideoMAEForVideoClassification:
    """
    A VideoMAE with random weights and about as many parameters as a LOGO-Former with its frame encoder: the same
    number of layers at twice the width.

    Its tubes span two frames, as published (Tong et al., *VideoMAE*, NeurIPS 2022), and in space one token of
    LOGO-Former.
    """
    hidden_size = 2 * config.hidden_size
    return VideoMAEForVideoClassification(
        VideoMAEConfig(
            image_size=config.image_size,
            patch_size=config.feature_stride,
            num_frames=config.num_frames,
            tubelet_size=2,
            hidden_size=hidden_size,
            num_hidden_layers=config.num_hidden_layers,
            num_attention_heads=2 * config.num_attention_heads,
            intermediate_size=4 * hidden_size,
            initializer_range=config.initializer_range,
            id2label=config.id2label,
            label2id=config.label2id,
        )
    )
