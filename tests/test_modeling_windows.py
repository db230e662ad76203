"""Windows in the model: summaries, and what attention may see; clips of any length and frames of any size."""

import math

import pytest
import torch
from torch import nn
from torch.export import Dim
from toys import set_fixed_weights, toy_config, toy_model
from transformers import AutoModelForVideoClassification

from logoformer_hf import LogoFormerConfig
from logoformer_hf.modeling_logoformer import (
    LogoFormerGlobalAttention,
    LogoFormerLocalAttention,
    LogoFormerMLP,
)
from logoformer_hf.token_windows_logoformer import WindowOrder, count_windows, padding_mask, partition_windows


def clip(batch_size: int = 2, num_frames: int = 4, image_size: int = 48) -> torch.Tensor:
    return torch.randn(batch_size, num_frames, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))


# --- what attention may and may not see


def test_local_attention_stays_inside_its_window():
    attention = LogoFormerLocalAttention(toy_config()).eval()
    tokens = torch.randn(1, 4, 4, 4, 16)
    changed = tokens.clone()
    changed[0, 0, 0, 0] += 1.0  # a token of the first window
    difference = (attention(changed)[0] - attention(tokens)[0]).abs().amax(dim=-1)[0]  # (frames, height, width)
    inside = torch.zeros(4, 4, 4, dtype=torch.bool)
    inside[:2, :2, :2] = True
    assert (difference[inside] > 0).all()
    assert torch.equal(difference[~inside], torch.zeros_like(difference[~inside]))


def test_every_token_depends_on_every_window_through_global_attention():
    attention = LogoFormerGlobalAttention(toy_config()).eval()
    tokens = torch.randn(1, 4, 3, 3, 16, requires_grad=True)
    output, _ = attention(tokens)
    for frame, row, column in [(0, 0, 0), (3, 2, 2), (1, 2, 0)]:
        (gradient,) = torch.autograd.grad(output[0, frame, row, column].sum(), tokens, retain_graph=True)
        per_window = partition_windows(gradient.abs().sum(dim=-1, keepdim=True), (2, 2, 2)).sum(dim=2)
        assert (per_window > 0).all()


def test_padding_changes_nothing(monkeypatch):
    """Windows that stick out see the same as if the grid ended there, whatever the padding holds."""
    padded = []

    def pad_with_noise(tokens, padding, *args, **kwargs):
        padded.append(padding)
        result = torch.full_like(real_pad(tokens, padding), 7.7)
        result[tuple(slice(0, size) for size in tokens.shape)] = tokens
        return result

    real_pad = nn.functional.pad
    # On the grid, where windows are padded. Summaries rely on zeros: checked below, against a convolution.
    local_only = toy_model(use_global_attention=False, attn_implementation="eager")
    expected = local_only(clip()).logits
    mask = padding_mask(torch.zeros(2, 4, 3, 3, 16), (2, 2, 2))
    monkeypatch.setattr("logoformer_hf.modeling_logoformer.padding_mask", lambda *args: mask)
    monkeypatch.setattr(nn.functional, "pad", pad_with_noise)
    torch.testing.assert_close(local_only(clip()).logits, expected)
    assert padded


def test_summaries_are_the_strided_depthwise_convolution_of_the_real_tokens():
    attention = LogoFormerGlobalAttention(toy_config()).eval()
    set_fixed_weights(attention)
    tokens = torch.randn(2, 4, 3, 3, 16)
    convolution = nn.Conv3d(16, 16, kernel_size=2, stride=2, groups=16)
    with torch.no_grad():
        convolution.weight.copy_(attention.summary_weight.T.reshape(16, 1, 2, 2, 2))
        convolution.bias.copy_(attention.summary_bias)
    grid = nn.functional.pad(tokens, (0, 0, 0, 1, 0, 1)).permute(0, 4, 1, 2, 3)
    expected = attention.summary_norm(convolution(grid).flatten(2).transpose(1, 2))
    torch.testing.assert_close(attention.summarise(tokens), expected, rtol=1e-5, atol=1e-5)
    assert torch.isfinite(attention.summarise(tokens)).all()


# --- summaries of other windows than those of local attention


@pytest.mark.parametrize(
    ("window_size", "summary_size"), [((1, 3, 3), (4, 2, 2)), ((4, 1, 1), (2, 2, 2)), ((2, 2, 2), (3, 2, 1))]
)
@pytest.mark.parametrize("num_frames", [4, 7])
def test_summaries_are_those_of_their_own_windows(window_size, summary_size, num_frames):
    """The same as with these windows for both attentions; local attention stays in its own."""
    model = toy_model(window_size=window_size, summary_size=summary_size, initializer_range=0.3)
    other = toy_model(window_size=summary_size, initializer_range=0.3)
    attention, expected = (each.logoformer.layers[0].global_attention for each in (model, other))
    expected.load_state_dict(attention.state_dict())
    tokens = torch.randn(2, num_frames, 3, 3, 16)
    for order in (None, WindowOrder(tokens.shape[1:4], window_size)):
        ours = attention(tokens)[0] if order is None else attention(order.from_grid(tokens), window_order=order)[0]
        ours = ours if order is None else order.to_grid(ours)
        torch.testing.assert_close(ours, expected(tokens)[0], rtol=0, atol=1e-5)
    assert attention.summarise(tokens).shape == (2, math.prod(count_windows(tokens.shape[1:4], summary_size)), 16)
    assert model.logoformer.layers[0].local_attention.window_size == window_size


def test_without_a_size_of_their_own_summaries_are_those_of_the_windows(tmp_path):
    """As in models that were saved before there was one."""
    model = toy_model(initializer_range=0.3)
    assert model.config.summary_size is None
    same = toy_model(summary_size=(2, 2, 2), initializer_range=0.3)
    assert torch.equal(same(clip()).logits, model(clip()).logits)
    another = toy_model(summary_size=(4, 1, 1), initializer_range=0.3)
    another.save_pretrained(tmp_path)
    again = AutoModelForVideoClassification.from_pretrained(tmp_path)
    assert again.config.summary_size == (4, 1, 1)
    torch.testing.assert_close(again(clip(1, 7)).logits, another(clip(1, 7)).logits, rtol=0, atol=1e-6)


def test_without_local_attention_tokens_are_in_the_order_of_the_summaries(monkeypatch):
    """So that no layer brings them into another one."""
    model = toy_model(use_local_attention=False, summary_size=(3, 2, 1))
    orders = []
    monkeypatch.setattr(
        "logoformer_hf.modeling_logoformer.WindowOrder",
        lambda grid, size: orders.append(size) or WindowOrder(grid, size),
    )
    model(clip())
    assert orders == [(3, 2, 1)]


# --- positions of windows


def test_positions_of_summaries_are_those_of_their_windows_and_move_keys_alone():
    attention = LogoFormerGlobalAttention(toy_config(use_summary_positions=True, summary_size=(3, 2, 1)))
    space, time = attention.space_embeddings, attention.time_embeddings
    assert space.shape == (1, 2, 3, 16) and time.shape == (1, 2, 16)  # of a grid of 4 x 3 x 3 tokens
    nn.init.normal_(space), nn.init.normal_(time)
    tokens = torch.randn(1, 4, 3, 3, 16)
    positions = attention.summary_positions(tokens, None)
    expected = [time[0, t] + space[0, h, w] for t in range(2) for h in range(2) for w in range(3)]
    torch.testing.assert_close(positions[0], torch.stack(expected))
    seen = {}
    attention.key.register_forward_pre_hook(lambda _, inputs: seen.update(key=inputs[0]))
    attention.value.register_forward_pre_hook(lambda _, inputs: seen.update(value=inputs[0]))
    attention(tokens)
    torch.testing.assert_close(seen["value"], attention.summarise(tokens))
    torch.testing.assert_close(seen["key"], attention.summarise(tokens) + positions)
    assert attention.summary_positions(torch.randn(1, 10, 5, 3, 16), None).shape == (1, 4 * 3 * 3, 16)  # interpolated


def test_positions_have_gradients_and_are_new_weights_alone():
    model = toy_model(initializer_range=0.3, use_summary_positions=True)
    model(clip(), labels=torch.tensor([0, 3])).loss.backward()
    names = {"global_attention.space_embeddings", "global_attention.time_embeddings"}
    new = {f"logoformer.layers.{layer}.{name}" for layer in (0, 1) for name in names}
    parameters = dict(model.named_parameters())
    without = toy_model(use_summary_positions=False)
    assert parameters.keys() - dict(without.named_parameters()).keys() == new
    assert all(parameters[name].grad.abs().max() > 0 for name in new)


def test_new_models_have_random_positions():
    [layer, _] = toy_model(use_summary_positions=True).logoformer.layers
    assert layer.global_attention.space_embeddings.std() > 0 and layer.global_attention.time_embeddings.std() > 0


@pytest.mark.parametrize("window_size", [(2, 2, 2), (3, 2, 4)])
@pytest.mark.parametrize(("num_frames", "image_size"), [(4, 48), (9, 33)])
def test_sdpa_and_eager_agree_with_positions(window_size, num_frames, image_size):
    """In window order, and on the grid."""
    model = toy_model(initializer_range=0.3, window_size=window_size, use_summary_positions=True)
    expected = model(clip(2, num_frames, image_size)).logits
    model.set_attn_implementation("eager")
    torch.testing.assert_close(model(clip(2, num_frames, image_size)).logits, expected, rtol=0, atol=1e-5)


# --- windows that the frames do not fill


def still_clips(model, num_frames: list[int]) -> torch.Tensor:
    """Logits of one frame repeated so many times, without the embeddings of time: `(lengths, labels)`."""
    nn.init.zeros_(model.logoformer.embeddings.time_embeddings)
    with torch.no_grad():
        frame = model.encode_frames(clip(1, 1))
        return torch.cat([model(inputs_embeds=frame.expand(-1, each, -1, -1, -1)).logits for each in num_frames])


@pytest.mark.parametrize("attn_implementation", ["sdpa", "eager"])  # in window order, and on the grid
@pytest.mark.parametrize(
    "windows",
    [
        {"window_size": (16, 2, 2)},
        {"window_size": (1, 3, 3), "summary_size": (16, 2, 2)},
        {"window_size": (16, 2, 2), "use_summary_positions": True},
    ],
)
def test_a_clip_that_does_not_move_has_the_same_logits_in_any_length(attn_implementation, windows):
    options = windows | {"num_frames": 16, "attn_implementation": attn_implementation}
    logits = still_clips(toy_model(initializer_range=0.3, **options), list(range(1, 65)))
    torch.testing.assert_close(logits, logits[:1].expand_as(logits), rtol=0, atol=1e-5)
    old = still_clips(toy_model(initializer_range=0.3, resample_partial_windows=False, **options), [15, 16, 17, 32])
    assert (old[0] - old[1]).abs().max() > 0.01 and (old[2] - old[1]).abs().max() > 0.01
    torch.testing.assert_close(old[3], logits[31], rtol=0, atol=1e-5)  # whole windows are as they were


def test_a_partial_window_is_resampled_as_by_averaging():
    """Half of the frames of a window: each has the weights of two, and half of the attention."""
    attention = LogoFormerGlobalAttention(toy_config(window_size=(4, 1, 1))).eval()
    tokens = torch.randn(1, 6, 1, 1, 16)
    weight = attention.summary_weight
    torch.nn.init.normal_(weight)
    pairs = weight.unflatten(0, (2, 2)).sum(1)  # (frames, hidden)
    sums = torch.stack([(tokens[0, :4, 0, 0] * weight).sum(0), (tokens[0, 4:, 0, 0] * pairs).sum(0)])
    summaries = attention.summarise(tokens)
    torch.testing.assert_close(summaries[0], attention.summary_norm(sums + attention.summary_bias), rtol=0, atol=1e-5)
    shares = attention.window_shares(tokens, None)
    torch.testing.assert_close(shares.exp(), torch.tensor([1.0, 0.5]).expand(1, 1, 6, 2))
    assert attention.window_shares(tokens[:, :4], None) is None  # no mask where all are whole


def test_models_of_before_keep_their_logits(tmp_path):
    """A saved configuration without these fields is that of an older model."""
    folder = tmp_path / "old"
    model = toy_model(initializer_range=0.3, use_summary_positions=False)
    model.save_pretrained(folder)
    file = folder / "config.json"
    text = file.read_text()
    assert '"resample_partial_windows": true' in text and '"use_summary_positions": false' in text
    again = AutoModelForVideoClassification.from_pretrained(folder)
    # Not to the bit: where loaded weights lie in memory decides how they are added up.
    torch.testing.assert_close(again(clip(1, 5)).logits, model(clip(1, 5)).logits, rtol=0, atol=1e-6)
    text = text.replace('  "resample_partial_windows": true,\n', "").replace('  "use_summary_positions": false,\n', "")
    file.write_text(text)
    old = AutoModelForVideoClassification.from_pretrained(folder)
    assert old.config.resample_partial_windows is old.config.use_summary_positions is False
    options = {"resample_partial_windows": False, "use_summary_positions": False}
    expected = toy_model(initializer_range=0.3, **options)(clip(1, 5)).logits
    torch.testing.assert_close(old(clip(1, 5)).logits, expected, rtol=0, atol=1e-6)
    assert not torch.allclose(expected, model(clip(1, 5)).logits, atol=1e-3)
    old.save_pretrained(tmp_path / "again")  # and it stays one
    again = LogoFormerConfig.from_pretrained(tmp_path / "again")
    assert again.resample_partial_windows is again.use_summary_positions is False
    assert LogoFormerConfig().resample_partial_windows is LogoFormerConfig().use_summary_positions is True


# --- window order and grid


class OnTheGrid(LogoFormerMLP):
    """A feed-forward part as of somebody's own, who knows tokens on the grid alone."""

    takes_window_order = False


@pytest.mark.parametrize(
    ("window_size", "summary_size"),
    [((2, 2, 2), None), ((4, 3, 3), None), ((3, 2, 4), None), ((1, 3, 3), (4, 2, 2)), ((4, 1, 1), (3, 2, 4))],
)
@pytest.mark.parametrize(("num_frames", "image_size"), [(4, 48), (1, 80), (9, 33)])
@pytest.mark.parametrize("has_positions", [True, False])
def test_window_order_changes_neither_outputs_nor_gradients(
    window_size, summary_size, num_frames, image_size, has_positions
):
    options = {"window_size": window_size, "summary_size": summary_size, "use_summary_positions": has_positions}
    models = [toy_model(initializer_range=0.3, **options).train() for _ in range(2)]
    pixel_values = clip(3, num_frames, image_size)
    for layer in models[1].logoformer.layers:  # pads and masks
        mlp = OnTheGrid(models[1].config)
        mlp.load_state_dict(layer.mlp.state_dict())
        layer.set_part("mlp", mlp)
    outputs = [model(pixel_values, labels=torch.tensor([0, 3, 6])) for model in models]
    for each in outputs:
        each.loss.backward()
    torch.testing.assert_close(outputs[0].logits, outputs[1].logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(outputs[0].embedding, outputs[1].embedding, rtol=0, atol=1e-5)
    for (name, one), other in zip(models[0].named_parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"window_size": (1, 2, 2), "summary_size": (4, 2, 1)}, {"use_summary_positions": True}]
)
def test_exported_for_any_batch_frames_and_grid(options):
    model = toy_model(num_hidden_layers=1, **options)
    axes = {"inputs_embeds": {axis: Dim.DYNAMIC for axis in range(4)}}
    with torch.no_grad(), torch.fx.experimental._config.patch(backed_size_oblivious=True):
        example = {"inputs_embeds": model.encode_frames(clip())}
        exported = torch.export.export(model, (), example, dynamic_shapes=axes, strict=False).module()
        for batch_size, num_frames, image_size in [(2, 4, 48), (3, 9, 80), (1, 1, 33), (2, 16, 64)]:
            inputs_embeds = model.encode_frames(clip(batch_size, num_frames, image_size))
            expected = model(inputs_embeds=inputs_embeds).logits
            logits = exported(inputs_embeds=inputs_embeds).logits
            torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
