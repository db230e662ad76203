import pytest
import torch
from torch import nn
from toys import set_fixed_weights, toy_config, toy_model

from logoformer_hf.benchmarks.ablation.factors import combine, factors
from logoformer_hf.benchmarks.ablation.trial_models import (
    CONTENT,
    OFFSETS,
    SECOND_MLP,
    ContentAttention,
    OffsetAttention,
    add_trials,
)
from logoformer_hf.modeling_logoformer import LogoFormerMLP


def clips(num_frames: int = 4, image_size: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, num_frames, 3, image_size, image_size, generator=generator)


def test_the_bias_is_that_of_the_offset_of_query_and_key():
    attention = OffsetAttention(toy_config(window_size=(4, 2, 3)))
    assert not attention.position_bias().any()
    nn.init.normal_(attention.offset_bias)
    table = attention.offset_bias.unflatten(0, (7, 3, 5))  # (offsets of frames, of rows, of columns, heads)
    bias = attention.position_bias().view(2, 4, 2, 3, 4, 2, 3)
    for query, key in (((0, 0, 0), (0, 0, 0)), ((3, 0, 2), (0, 1, 0)), ((1, 1, 0), (3, 0, 2))):
        offset = [q - k + size - 1 for q, k, size in zip(query, key, (4, 2, 3), strict=True)]
        assert torch.equal(bias[(slice(None), *query, *key)], table[tuple(offset)])


def test_a_summary_by_content_is_a_mean_weighted_by_scores():
    attention = ContentAttention(toy_config()).eval()
    set_fixed_weights(attention)
    tokens = torch.randn(1, 4, 3, 3, 16)
    summaries = attention.summarise_by_content(tokens)
    assert summaries.shape == (1, 8, 2, 16)
    # The last window has the last row and column of the last two frames: two real tokens.
    last = tokens[0, 2:, 2, 2]
    expected = attention.content_norm(attention.content_score(last).softmax(0).T @ last)
    torch.testing.assert_close(summaries[0, -1], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("has_positions", [False, True])
def test_each_head_attends_to_both_kinds_of_summaries(has_positions):
    """Worked out head by head, with the projections of each."""
    config = toy_config(attn_implementation="eager", use_summary_positions=has_positions)
    attention = ContentAttention(config).eval()
    set_fixed_weights(attention)
    tokens = torch.randn(1, 4, 3, 3, 16)
    output, weights = attention(tokens)
    fixed, content = attention.summarise(tokens)[0], attention.summarise_by_content(tokens)[0]
    places = attention.summary_positions(tokens, None)[0] if has_positions else torch.zeros(8, 16)
    heads = []
    for head in (0, 1):
        own = slice(8 * head, 8 * head + 8)
        sources = torch.cat([fixed, content[:, head]])  # (2 x windows, hidden)
        key, value = attention.key(sources + places.repeat(2, 1))[:, own], attention.value(sources)[:, own]
        shares = (attention.query(tokens.flatten(1, 3))[0, :, own] @ key.T / 8**0.5).softmax(1)
        heads.append(shares @ value)
        torch.testing.assert_close(weights[0, head], shares[:, :8] + shares[:, 8:], rtol=0, atol=1e-5)
    torch.testing.assert_close(output.flatten(1, 3)[0], attention.output(torch.cat(heads, 1)), rtol=0, atol=1e-5)


def test_they_are_new_weights_with_gradients_in_every_layer():
    model = toy_model()
    before = set(dict(model.named_parameters()))
    add_trials(model, {OFFSETS, CONTENT, SECOND_MLP, "erasing"})
    for layer in model.logoformer.layers:
        assert list(layer.parts) == ["local_attention", "local_mlp", "global_attention", "mlp"]
        assert isinstance(layer.local_mlp, LogoFormerMLP) and not layer.local_mlp.fc1.bias.any()
        assert not layer.local_attention.offset_bias.any()
    model(clips(), labels=torch.tensor([0, 3])).loss.backward()
    parameters = dict(model.named_parameters())
    new = {name.split(".", 3)[3] for name in parameters.keys() - before}
    assert before < set(parameters)
    assert {name.rpartition(".")[0] or name for name in new} == {
        *("local_attention", "global_attention.content_score", "global_attention.content_norm"),
        *("local_mlp.fc1", "local_mlp.fc2", "local_mlp_norm"),
    }
    assert all(parameters[name].grad is not None for name in parameters.keys() - before)


@pytest.mark.parametrize("trials", [{OFFSETS}, {CONTENT}, {SECOND_MLP}, {OFFSETS, CONTENT, SECOND_MLP}])
@pytest.mark.parametrize("window_size", [(2, 2, 2), (4, 2, 4)])
def test_sdpa_and_eager_agree(trials, window_size):
    model = toy_model(initializer_range=0.3, window_size=window_size)
    before = model(clips()).logits
    add_trials(model, trials)
    for layer in model.logoformer.layers:
        if OFFSETS in trials:
            nn.init.normal_(layer.local_attention.offset_bias, generator=torch.Generator().manual_seed(3))
    expected = model(clips()).logits
    assert not torch.allclose(expected, before, atol=1e-3)
    model.set_attn_implementation("eager")
    torch.testing.assert_close(model(clips()).logits, expected, rtol=0, atol=1e-5)


def test_factors_add_them():
    new = combine("new", "New", factors("offsets", "content", "second_mlp", "erasing"))
    assert new.trials == ("offsets", "content", "second_mlp", "erasing")
    layers = new.build_model().logoformer.layers
    assert {type(layer.local_attention) for layer in layers} == {OffsetAttention}
    assert {type(layer.global_attention) for layer in layers} == {ContentAttention}
    assert all("local_mlp" in layer.parts for layer in layers)
