import pytest
import torch
from torch import nn

from logoformer_hf.benchmarks.ablation.peers import (
    ClassTokenLogoFormer,
    FormerDFERKind,
    MeanSummaryLogoFormer,
    matched_videomae,
)
from logoformer_hf.benchmarks.ablation.variant import GRID, reference_config
from logoformer_hf.modeling_logoformer import LogoFormerForVideoClassification
from logoformer_hf.token_windows_logoformer import padding_mask


def randomise(model: nn.Module) -> nn.Module:
    """Norms and biases that begin as ones and zeros hide what goes wrong."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


@pytest.fixture
def class_token_model() -> ClassTokenLogoFormer:
    # Windows that stick out of the grid on all sides but one.
    return randomise(ClassTokenLogoFormer(reference_config(window_size=(4, 4, 4))))


@pytest.fixture
def former_dfer() -> FormerDFERKind:
    return randomise(FormerDFERKind(reference_config()))


def frame_tokens(batch_size: int = 1) -> torch.Tensor:
    return torch.randn(batch_size, *GRID, 64, generator=torch.Generator().manual_seed(1))


# --- class token


def layer_without_padding(layer, tokens, class_token):
    """The layer window by window, each of them cut out of the grid as small as it is there."""
    windows = [
        (slice(t, t + 4), slice(h, min(h + 4, 7)), slice(w, min(w + 4, 7)))
        for t in range(0, 16, 4)
        for h in (0, 4)
        for w in (0, 4)
    ]
    normed, local = layer.local_norm(tokens), torch.zeros_like(tokens)
    for window in windows:
        inside = normed[0][window]  # (frames, height, width, hidden)
        flat = inside.flatten(0, 2)[None]
        local[0][window] = layer.local_attention.attention.attend(flat, flat)[0].view(inside.shape)
    tokens = tokens + local
    attention, normed = layer.global_attention.attention, layer.global_norm(tokens)
    weight = attention.summary_weight.view(4, 4, 4, -1)
    sums = []
    for window in windows:
        inside = normed[0][window]
        sums.append((inside * weight[: inside.shape[0], : inside.shape[1], : inside.shape[2]]).sum(dim=(0, 1, 2)))
    summaries = attention.summary_norm(torch.stack(sums)[None] + attention.summary_bias)
    both = []
    for each in (tokens.flatten(1, 3), class_token):
        each = each + attention.attend(layer.global_norm(each), summaries)[0]
        both.append(each + layer.mlp(layer.mlp_norm(each))[0])
    return both[0].view(tokens.shape), both[1]


def run_layer(layer, tokens, class_token, mask):
    """The layer on tokens `(batch, frames, height, width, hidden)` and the class token `(batch, 1, hidden)`."""
    sequence = layer(torch.cat([tokens.flatten(1, 3), class_token], dim=1), mask)
    return sequence[:, :-1].unflatten(1, tokens.shape[1:4]), sequence[:, -1:]


def test_padding_does_not_reach_the_class_token(class_token_model):
    layer = class_token_model.logoformer.layers[0]
    tokens, class_token = torch.randn(1, *GRID, 32), torch.randn(1, 1, 32)
    mask = padding_mask(tokens, (4, 4, 4))
    assert mask is not None
    with torch.no_grad():
        found = run_layer(layer, tokens, class_token, mask)
        expected = layer_without_padding(layer, tokens, class_token)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_tokens_go_through_the_layers_of_logoformer_and_never_see_the_class_token(class_token_model):
    layer = class_token_model.logoformer.layers[1]
    tokens = torch.randn(2, *GRID, 32)
    mask = padding_mask(tokens, (4, 4, 4))
    with torch.no_grad():
        found, read = run_layer(layer, tokens, torch.zeros(2, 1, 32), mask)
        again, read_again = run_layer(layer, tokens, torch.ones(2, 1, 32), mask)
        plain = LogoFormerForVideoClassification(class_token_model.config).logoformer.layers[1]
        weights = layer.state_dict().items()
        plain.load_state_dict({key.replace("attention.attention.", "attention."): value for key, value in weights})
        torch.testing.assert_close(found, plain.eval()(tokens, mask))
    torch.testing.assert_close(found, again)
    assert not torch.allclose(read, read_again)


def test_class_token_depends_on_every_place_of_every_frame(class_token_model):
    inputs_embeds = frame_tokens().requires_grad_()
    embedding = class_token_model(inputs_embeds=inputs_embeds).embedding
    (gradient,) = torch.autograd.grad((embedding * torch.randn(32)).sum(), inputs_embeds)
    assert (gradient.abs().sum(dim=-1) > 0).all()


def test_class_token_is_read_and_learns(class_token_model):
    outputs = class_token_model(inputs_embeds=frame_tokens(2))
    assert outputs.embedding.shape == (2, 32)
    torch.testing.assert_close(outputs.logits, class_token_model.classifier(outputs.embedding))
    outputs.logits.square().sum().backward()
    assert class_token_model.class_token.grad.abs().sum() > 0
    mean = LogoFormerForVideoClassification(reference_config())
    names = {name.replace("attention.attention.", "attention.") for name, _ in class_token_model.named_parameters()}
    assert names - set(dict(mean.named_parameters())) == {"class_token"}


# --- window means


@torch.no_grad()
def test_summaries_are_window_means_behind_the_same_norm():
    torch.manual_seed(0)
    model = MeanSummaryLogoFormer(reference_config(window_size=(4, 7, 7)))
    tokens = torch.randn(1, *GRID, 32)
    means = tokens.unflatten(1, (4, 4)).mean(dim=(2, 3, 4))  # (1, windows, hidden)
    for layer in model.logoformer.layers:
        attention = layer.global_attention
        torch.testing.assert_close(attention.summarise(tokens), attention.summary_norm(means), rtol=1e-3, atol=1e-3)


def test_nothing_else_is_another_than_with_learned_summaries():
    torch.manual_seed(0)
    learned = LogoFormerForVideoClassification(reference_config()).state_dict()
    torch.manual_seed(0)
    mean = MeanSummaryLogoFormer(reference_config()).state_dict()
    gone = {f"logoformer.layers.{layer}.global_attention.summary_weight" for layer in (0, 1)}
    assert set(learned) - set(mean) == gone and not set(mean) - set(learned)
    assert all(torch.equal(mean[name], learned[name]) for name in mean)


# --- both


@pytest.mark.parametrize("name", ["class_token_model", "former_dfer"])
def test_pixels_and_their_frame_tokens_give_the_same(name, request):
    model = request.getfixturevalue(name)
    pixels = torch.randn(2, 16, 3, 56, 56)
    backbone = model.backbone if name == "former_dfer" else model.logoformer.backbone
    with torch.no_grad():
        each = [backbone(frame).feature_maps[0].permute(0, 2, 3, 1) for frame in pixels.unbind(dim=1)]
        tokens = torch.stack(each, dim=1)
        assert tokens.shape == (2, *GRID, 64)
        from_pixels, from_tokens = model(pixel_values=pixels), model(inputs_embeds=tokens)
    torch.testing.assert_close(from_pixels.logits, from_tokens.logits, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(from_pixels.embedding, from_tokens.embedding, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["class_token_model", "former_dfer"])
def test_clips_of_a_batch_do_not_meet(name, request):
    model = request.getfixturevalue(name)
    tokens = frame_tokens(3)
    with torch.no_grad():
        together = model(inputs_embeds=tokens).logits
        alone = torch.cat([model(inputs_embeds=clip[None]).logits for clip in tokens])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


# --- Former-DFER's kind


@torch.no_grad()
def test_order_of_frames_matters_through_the_time_embedding_alone(former_dfer):
    tokens = frame_tokens()
    forward, backward = (former_dfer(inputs_embeds=each).logits for each in (tokens, tokens.flip(1)))
    assert (forward - backward).abs().max() > 1e-3
    former_dfer.embeddings.time_embeddings.zero_()
    forward, backward = (former_dfer(inputs_embeds=each).logits for each in (tokens, tokens.flip(1)))
    torch.testing.assert_close(forward, backward, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_places_in_a_frame_matter_through_the_space_embedding_alone(former_dfer):
    tokens = frame_tokens()
    straight, mirrored = (former_dfer(inputs_embeds=each).logits for each in (tokens, tokens.flip(3)))
    assert (straight - mirrored).abs().max() > 1e-3
    former_dfer.embeddings.space_embeddings.zero_()
    straight, mirrored = (former_dfer(inputs_embeds=each).logits for each in (tokens, tokens.flip(3)))
    torch.testing.assert_close(straight, mirrored, rtol=1e-4, atol=1e-5)


def test_one_spatial_and_three_temporal_layers_with_weights_of_their_own():
    model = FormerDFERKind(reference_config())
    assert (len(model.spatial.layers), len(model.temporal.layers)) == (1, 3)
    layers = [*model.spatial.layers, *model.temporal.layers]
    for weight in ("self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight", "linear2.weight"):
        weights = torch.stack([layer.get_parameter(weight) for layer in layers])
        assert len(weights.flatten(1).unique(dim=0)) == 4
        assert (weights.std(dim=(1, 2)) > 0.01).all()
    assert model.embeddings.time_embeddings.std() > 0.01 and model.embeddings.space_embeddings.std() > 0.01


# --- size


@pytest.mark.parametrize("build", [FormerDFERKind, matched_videomae])
def test_peers_are_as_large_as_logoformer(build):
    config = reference_config()
    ours, theirs = (
        sum(map(torch.Tensor.numel, model.parameters()))
        for model in (LogoFormerForVideoClassification(config), build(config))
    )
    assert 0.75 < theirs / ours < 1.25


def test_videomae_sees_the_same_clips_in_tubes_of_two_frames():
    config = reference_config()
    model = matched_videomae(config).eval()
    assert model.videomae.embeddings.num_patches == 8 * 7 * 7
    assert model(pixel_values=torch.zeros(1, 16, 3, 56, 56)).logits.shape == (1, 7)
    assert model.config.id2label == config.id2label
