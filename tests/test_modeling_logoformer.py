import copy
import shutil

import pytest
import torch
from errors import raises_naming
from torch import nn
from toys import set_fixed_weights, toy_model
from transformers import (
    AutoModel,
    AutoModelForVideoClassification,
    ConvNextConfig,
    Dinov2Config,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
)

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerModel
from logoformer_hf.modeling_logoformer import LogoFormerLayer
from logoformer_hf.token_windows_logoformer import padding_mask


def clip(batch_size: int = 2, num_frames: int = 4, image_size: int = 48) -> torch.Tensor:
    return torch.randn(batch_size, num_frames, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))


# --- outputs


def test_outputs_and_their_shapes():
    model = toy_model(attn_implementation="eager")
    outputs = model(clip(), output_attentions=True, output_hidden_states=True)
    assert outputs.loss is None
    assert outputs.logits.shape == (2, 7)
    assert outputs.embedding.shape == (2, 16)
    assert [tuple(state.shape) for state in outputs.hidden_states] == [(2, 4, 3, 3, 16)] * 3
    assert [tuple(weights.shape) for weights in outputs.local_attentions] == [(2 * 8, 2, 8, 8)] * 2
    assert [tuple(weights.shape) for weights in outputs.global_attentions] == [(2, 2, 36, 8)] * 2
    for weights in (*outputs.local_attentions, *outputs.global_attentions):
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))
    plain = model(clip())
    assert (plain.hidden_states, plain.local_attentions, plain.global_attentions) == (None, None, None)

    base = model.logoformer(clip())
    assert base.last_hidden_state.shape == (2, 4, 3, 3, 16)
    torch.testing.assert_close(base.last_hidden_state.mean(dim=(1, 2, 3)), base.pooler_output)
    torch.testing.assert_close(base.pooler_output, outputs.embedding)


def test_attentions_can_be_asked_for_in_the_configuration_or_one_by_one():
    model = toy_model(attn_implementation="eager")
    assert model(clip(), output_global_attentions=True).local_attentions is None
    model.config.output_attentions = True
    assert len(model(clip()).local_attentions) == 2


def test_attentions_without_eager_are_an_error():
    with raises_naming(ValueError, "eager"):
        toy_model()(clip(), output_attentions=True)


def test_loss_is_plain_cross_entropy_and_scales_with_the_whole_batch():
    model = toy_model()
    labels = torch.tensor([0, 6])
    outputs = model(clip(), labels=labels)
    torch.testing.assert_close(outputs.loss, nn.functional.cross_entropy(outputs.logits, labels))
    # Trainer gives the clips of all micro-batches.
    assert torch.equal(model(clip(), labels=labels, num_items_in_batch=None).loss, outputs.loss)
    scaled = model(clip(), labels=labels, num_items_in_batch=torch.tensor(8)).loss
    torch.testing.assert_close(scaled, outputs.loss / 4)


def test_frame_tokens_can_be_computed_beforehand():
    model = toy_model()
    frame_tokens = model.encode_frames(clip())
    assert frame_tokens.shape == (2, 4, 3, 3, 8)
    torch.testing.assert_close(model(inputs_embeds=frame_tokens).logits, model(clip()).logits)
    # Every frame alone: a frame's tokens do not depend on the other frames.
    torch.testing.assert_close(model.encode_frames(clip()[:, 2:3]), frame_tokens[:, 2:3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("num_frames", "image_size"), [(1, 48), (3, 48), (9, 48), (4, 33), (4, 100), (7, 80)])
def test_any_number_of_frames_and_any_image_size(num_frames, image_size):
    assert toy_model()(clip(num_frames=num_frames, image_size=image_size)).logits.isfinite().all()


def test_embeddings_interpolate_along_their_own_axis():
    embeddings = toy_model().logoformer.embeddings
    with torch.no_grad():
        embeddings.time_embeddings.copy_(torch.arange(4.0).view(1, 4, 1).expand(1, 4, 16))
        embeddings.space_embeddings.copy_(torch.arange(3.0).view(1, 3, 1, 1).expand(1, 3, 3, 16))
    assert (embeddings.time(8)[0, :, 0].diff() >= 0).all() and embeddings.time(8).shape == (1, 8, 16)
    space = embeddings.space(6, 4)
    assert space.shape == (1, 6, 4, 16)
    assert (space[0, :, 0, 0].diff() > 0).all() and torch.allclose(space[0, 2, :, 0], space[0, 2, 0, 0])


def test_time_order_matters():
    """The model sees movement, not a bag of frames."""
    model = toy_model(initializer_range=0.5)  # embeddings large enough to be felt in an untrained model
    assert (model(clip()).logits - model(clip().flip(1)).logits).abs().max() > 1e-3


@pytest.mark.parametrize(("local", "global_"), [(False, True), (True, False), (False, False)])
def test_parts_can_be_left_out(local, global_):
    model = toy_model(use_local_attention=local, use_global_attention=global_, attn_implementation="eager")
    names = [name for name, _ in model.named_parameters()]
    assert any("local_attention" in name for name in names) == local
    assert any("global_attention" in name for name in names) == global_
    outputs = model(clip(), labels=torch.tensor([1, 2]), output_attentions=True)
    outputs.loss.backward()
    assert (outputs.local_attentions is not None) == local
    assert (outputs.global_attentions is not None) == global_


# --- the parts of a layer


class Doubling(nn.Module):
    """A part without weights that writes down what it is given."""

    def __init__(self):
        super().__init__()
        self.given = []

    def forward(self, tokens, attention_mask=None, **kwargs):
        self.given.append((tokens, attention_mask, kwargs))
        return 2 * tokens, None


def layer_and_tokens() -> tuple[LogoFormerLayer, torch.Tensor]:
    layer = toy_model().logoformer.layers[1]
    tokens = torch.randn(2, 4, 3, 3, 16, generator=torch.Generator().manual_seed(2))
    return layer, tokens


def test_parts_are_in_the_order_of_the_computation():
    layer, tokens = layer_and_tokens()
    assert layer.parts == {"local_attention": "local_norm", "global_attention": "global_norm", "mlp": "mlp_norm"}
    mask = padding_mask(tokens, (2, 2, 2))
    expected = tokens
    for part, norm in (
        (layer.local_attention, layer.local_norm),
        (layer.global_attention, layer.global_norm),
        (layer.mlp, layer.mlp_norm),
    ):
        expected = expected + part(norm(expected), mask)[0]
    assert torch.equal(layer(tokens, mask), expected)


def test_keys_of_a_checkpoint_are_those_of_earlier_versions():
    attention = [f"{part}.{kind}" for part in ("query", "key", "value", "output") for kind in ("weight", "bias")]
    summary = ["summary_weight", "summary_bias", "summary_norm.weight", "summary_norm.bias"]
    new = {f"global_attention.{name}_embeddings" for name in ("space", "time")}
    assert set(layer_and_tokens()[0].state_dict()) - new == {
        *(f"local_attention.{name}" for name in attention),
        *(f"global_attention.{name}" for name in (*attention, *summary)),
        *(f"mlp.{part}.{kind}" for part in ("fc1", "fc2") for kind in ("weight", "bias")),
        *(f"{part}_norm.{kind}" for part in ("local", "global", "mlp") for kind in ("weight", "bias")),
    }


def test_a_part_is_added_before_another():
    layer, tokens = layer_and_tokens()
    keys = set(layer.state_dict())
    part = Doubling()
    layer.set_part("mixing", part, before="global_attention")
    assert list(layer.parts.items()) == [
        ("local_attention", "local_norm"),
        ("mixing", "mixing_norm"),
        ("global_attention", "global_norm"),
        ("mlp", "mlp_norm"),
    ]
    assert set(layer.state_dict()) - keys == {"mixing_norm.weight", "mixing_norm.bias"}
    assert keys < set(layer.state_dict())
    mask = padding_mask(tokens, (2, 2, 2))
    output = layer(tokens, mask, some_option=3)
    [(given, given_mask, options)] = part.given
    before = tokens + layer.local_attention(layer.local_norm(tokens), mask)[0]
    assert torch.equal(given, layer.mixing_norm(before))
    assert given_mask is mask and options == {"some_option": 3}
    after = before + 2 * given
    after = after + layer.global_attention(layer.global_norm(after))[0]
    assert torch.equal(output, after + layer.mlp(layer.mlp_norm(after))[0])


def test_a_part_is_added_last_with_a_norm_of_a_name_of_its_own():
    layer, tokens = layer_and_tokens()
    before = layer(tokens)
    layer.set_part("mixing", Doubling(), norm="last_norm")
    assert list(layer.parts.items())[-1] == ("mixing", "last_norm")
    assert torch.equal(layer(tokens), before + 2 * layer.last_norm(before))


def test_a_part_is_replaced_in_its_place_and_keeps_its_norm():
    layer, tokens = layer_and_tokens()
    parts, norm = dict(layer.parts), layer.global_norm
    layer.set_part("global_attention", Doubling())
    assert list(layer.parts.items()) == list(parts.items()) and layer.global_norm is norm
    assert not any(key.startswith("global_attention") for key in layer.state_dict())
    after = tokens + layer.local_attention(layer.local_norm(tokens))[0]
    after = after + 2 * norm(after)
    assert torch.equal(layer(tokens), after + layer.mlp(layer.mlp_norm(after))[0])


def test_a_part_before_one_that_is_not_there():
    layer, _ = layer_and_tokens()
    with raises_naming(ValueError, "nothing"):
        layer.set_part("mixing", Doubling(), before="nothing")


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("mlp", {"before": "global_attention"}, "mlp"),
        ("mlp", {"norm": "other_norm"}, "mlp"),
        ("forward", {}, "forward"),
        ("drop_path", {}, "drop_path"),
        ("a.b", {}, "a.b"),
        ("mixing", {"norm": "mlp_norm"}, "mlp_norm"),
        ("mixing", {"before": "nothing"}, "nothing"),
    ],
)
def test_a_part_that_does_not_fit_changes_nothing(name, options, named):
    layer, tokens = layer_and_tokens()
    before, keys = layer(tokens), set(layer.state_dict())
    with raises_naming(ValueError, named):
        layer.set_part(name, Doubling(), **options)
    assert set(layer.state_dict()) == keys and torch.equal(layer(tokens), before)


def test_a_model_with_a_part_of_its_own_is_saved_and_loaded(tmp_path):
    """The weights of the other parts keep their keys, so a checkpoint without the part loads into a model with it."""
    model = toy_model()
    model.save_pretrained(tmp_path)
    changed = toy_model(initializer_range=0.3)
    for layer in changed.logoformer.layers:
        layer.set_part("mixing", Doubling(), before="mlp")
    unused = changed.load_state_dict(model.state_dict(), strict=False)
    assert unused.unexpected_keys == []
    assert set(unused.missing_keys) == {
        f"logoformer.layers.{layer}.mixing_norm.{kind}" for layer in (0, 1) for kind in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("backbone", "stride"),
    [
        (ConvNextConfig(depths=[1, 1], hidden_sizes=[8, 16], num_stages=2, out_features=["stage2"]), 8),
        (
            Dinov2Config(
                hidden_size=8,
                num_hidden_layers=1,
                num_attention_heads=2,
                image_size=48,
                patch_size=16,
                out_features=["stage1"],
            ),
            16,
        ),
    ],
)
def test_other_frame_encoders(backbone, stride):
    model = toy_model(backbone_config=backbone, feature_stride=stride)
    assert model.encode_frames(clip()).shape[2:4] == (48 // stride, 48 // stride)
    expected = model(clip()).logits
    # Recording must leave the frame encoder's own hooks alone, in this call and in later ones.
    torch.testing.assert_close(model(clip(), output_hidden_states=True).logits, expected, rtol=0, atol=1e-5)
    assert torch.equal(model(clip()).logits, expected)


def test_unused_stages_are_not_built():
    model = LogoFormerModel(LogoFormerConfig())
    assert len(model.backbone.encoder.stages) == 3
    assert model.encode_frames(torch.zeros(1, 1, 3, 112, 112)).shape == (1, 1, 7, 7, 256)


# --- golden numbers: the mathematics cannot change by accident


def test_golden_logits_and_gradients():
    model = toy_model(use_summary_positions=False)  # as models of version 0.1
    set_fixed_weights(model)
    steps = torch.arange(4 * 3 * 48 * 48, dtype=torch.float64)
    pixel_values = torch.sin(0.01 * steps).float().view(1, 4, 3, 48, 48)
    outputs = model(pixel_values, labels=torch.tensor([3]))
    outputs.loss.backward()
    torch.testing.assert_close(outputs.logits[0], torch.tensor(GOLDEN["logits"]), rtol=1e-4, atol=1e-5)
    gradients = {name: parameter.grad.double().norm().item() for name, parameter in model.named_parameters()}
    for name, norm in GOLDEN["gradient_norms"].items():
        assert gradients[name] == pytest.approx(norm, rel=1e-3), name


# Written down from this model in float64; float32 gave the same six digits.
GOLDEN = {
    "logits": [0.771018, 0.949022, -0.238405, -0.737816, 0.262685, 1.031844, 0.119036],
    "gradient_norms": {
        "logoformer.backbone.embedder.embedder.convolution.weight": 1.00812e-05,
        "logoformer.embeddings.projection.weight": 0.0812925,
        "logoformer.embeddings.space_embeddings": 0.0311525,
        "logoformer.embeddings.time_embeddings": 0.0462661,
        "logoformer.layers.0.local_attention.query.weight": 2.65758e-05,
        "logoformer.layers.0.global_attention.summary_weight": 0.0179772,
        "logoformer.layers.1.local_attention.value.weight": 0.201897,
        "logoformer.layers.1.global_attention.key.weight": 0.000201384,
        "logoformer.layers.1.mlp.fc2.weight": 0.245541,
        "logoformer.layernorm.weight": 1.34129,
        "classifier.weight": 1.33961,
    },
}


# --- as the library's own video models


@pytest.mark.parametrize("windows", [{}, {"window_size": (2, 3, 3)}, {"summary_size": (4, 2, 1)}])
def test_sdpa_and_eager_agree(windows):
    model = toy_model(initializer_range=0.3, **windows)
    assert model.config._attn_implementation == "sdpa"
    expected = model(clip()).logits
    model.set_attn_implementation("eager")
    assert model.config._attn_implementation == "eager"
    torch.testing.assert_close(model(clip()).logits, expected, rtol=0, atol=1e-5)
    model.set_attn_implementation("sdpa")
    torch.testing.assert_close(model(clip()).logits, expected, rtol=0, atol=0)


def test_saved_with_safetensors_and_loaded(tmp_path):
    model = toy_model()
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    for kwargs in ({}, {"attn_implementation": "eager"}, {"attn_implementation": "sdpa"}, {"device_map": "cpu"}):
        loaded = AutoModelForVideoClassification.from_pretrained(tmp_path, **kwargs)
        torch.testing.assert_close(loaded(clip()).logits, model(clip()).logits, rtol=0, atol=1e-5)
    base = AutoModel.from_pretrained(tmp_path)
    assert type(base) is LogoFormerModel
    torch.testing.assert_close(base(clip()).pooler_output, model(clip()).embedding)


def test_new_number_of_labels_with_ignore_mismatched_sizes(tmp_path):
    toy_model().save_pretrained(tmp_path)
    loaded = LogoFormerForVideoClassification.from_pretrained(tmp_path, num_labels=3, ignore_mismatched_sizes=True)
    assert loaded(clip()).logits.shape == (2, 3)
    with raises_naming(ValueError, "mismatch"):
        LogoFormerForVideoClassification.from_pretrained(tmp_path, num_labels=3)


@pytest.mark.parametrize("use_reentrant", [False, True])
@pytest.mark.parametrize("is_frozen", [False, True])
def test_gradient_checkpointing_gives_the_same_gradients_and_statistics(use_reentrant, is_frozen):
    plain = toy_model().train()
    checkpointed = copy.deepcopy(plain)
    checkpointed.gradient_checkpointing_enable({"use_reentrant": use_reentrant})
    for model in (plain, checkpointed):
        for module in model.modules():
            if is_frozen and isinstance(module, nn.BatchNorm2d):
                module.eval()
        for _ in range(2):
            model(clip(), labels=torch.tensor([0, 1])).loss.backward()
    for (name, one), other in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)
    for (name, one), other in zip(plain.named_buffers(), checkpointed.buffers(), strict=True):
        assert torch.equal(one, other), name


def kept_bytes(model: nn.Module) -> int:
    """Memory of what a forward pass keeps for the backward pass besides the weights."""
    weights = {each.untyped_storage().data_ptr() for each in [*model.parameters(), *model.buffers()]}
    kept = {}

    def keep(values):
        storage = values.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = (storage.nbytes(), values)  # held, so that no later tensor has the address
        return values

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
        model(clip(), labels=torch.tensor([0, 1]))
    return sum(size for size, _ in kept.values())


def test_gradient_checkpointing_keeps_less_of_the_frame_encoder_and_of_the_layers():
    model = toy_model().train()
    everything = kept_bytes(model)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    little = kept_bytes(model)
    model.logoformer.gradient_checkpointing = False
    layers_alone = kept_bytes(model)
    assert little < everything / 2
    assert everything > layers_alone > little


def test_bfloat16_forward_and_backward():
    model = toy_model().to(torch.bfloat16)
    outputs = model(clip().to(torch.bfloat16), labels=torch.tensor([0, 1]))
    assert outputs.logits.dtype == torch.bfloat16
    outputs.loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    reference = toy_model()(clip()).logits
    torch.testing.assert_close(outputs.logits.float(), reference, rtol=0.1, atol=0.05)


def test_folded_batch_norm_gives_the_same_logits_and_cannot_be_saved(tmp_path):
    model = toy_model()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.running_mean.uniform_(-1, 1, generator=torch.Generator().manual_seed(3))
        norm.running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(4))
    expected = model(clip()).logits
    folded = copy.deepcopy(model).fold_batch_norm()
    assert norms and not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(clip()).logits, expected, rtol=0, atol=1e-5)
    assert torch.equal(folded.fold_batch_norm()(clip()).logits, folded(clip()).logits)  # once is enough
    assert torch.equal(model(clip()).logits, expected)
    for each in (folded, folded.logoformer):
        with raises_naming(ValueError, "folded"):
            each.save_pretrained(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_batch_norm_is_folded_for_inference_only():
    with raises_naming(ValueError, "eval()"):
        toy_model().train().fold_batch_norm()
    backbone = ConvNextConfig(depths=[1], hidden_sizes=[8], num_stages=1, out_features=["stage1"])
    with raises_naming(ValueError, "ConvNextBackbone"):
        toy_model(backbone_config=backbone, feature_stride=4).fold_batch_norm()


def test_frames_are_encoded_channels_last():
    """The memory order in which convolutions are faster; tokens then need no copy."""
    assert toy_model().encode_frames(clip()).is_contiguous()


def test_compiles_as_one_graph():
    model = toy_model()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(clip()).logits, model(clip()).logits, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs g++ on a CPU")
def test_the_folded_and_compiled_model_with_fixed_weights_gives_the_same_logits():
    model = toy_model(num_hidden_layers=1)
    folded = copy.deepcopy(model).fold_batch_norm()
    compiled = torch.compile(folded, options={"freezing": True})
    with torch.inference_mode():
        for num_frames in (4, 6):
            frames = clip()[:, :1].repeat(1, num_frames, 1, 1, 1)
            torch.testing.assert_close(compiled(frames).logits, model(frames).logits, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_compiles_with_a_dynamic_batch():
    model = toy_model(num_hidden_layers=1)
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="eager")
    with torch.no_grad():
        for batch_size in (2, 3, 5):
            pixel_values = clip(batch_size)
            torch.testing.assert_close(compiled(pixel_values).logits, model(pixel_values).logits, rtol=1e-5, atol=1e-5)


def test_drop_path_is_for_training_only_and_rises_over_the_layers():
    model = toy_model(drop_path_rate=0.5, num_hidden_layers=3)
    assert [layer.drop_path.p for layer in model.logoformer.layers] == [0.0, 0.25, 0.5]
    assert torch.equal(model(clip()).logits, model(clip()).logits)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, ["pixel_values", "inputs_embeds"]),
        ({"pixel_values": torch.zeros(4, 3, 48, 48)}, ["pixel_values", "(4, 3, 48, 48)"]),
        ({"pixel_values": torch.zeros(1, 4, 1, 48, 48)}, ["pixel_values", "(1, 4, 1, 48, 48)", "channels=3"]),
        ({"pixel_values": torch.zeros(1, 0, 3, 48, 48)}, ["pixel_values", "(1, 0, 3, 48, 48)"]),
        ({"pixel_values": torch.zeros(1, 4, 3, 48, 48, dtype=torch.uint8)}, ["pixel_values", "uint8"]),
        ({"inputs_embeds": torch.zeros(1, 4, 3, 3, 9)}, ["inputs_embeds", "(1, 4, 3, 3, 9)", "features=8"]),
        (
            {"pixel_values": torch.zeros(2, 4, 3, 48, 48), "labels": torch.zeros(3, dtype=torch.long)},
            ["labels", "(3,)", "(2,)"],
        ),
        ({"pixel_values": torch.zeros(2, 4, 3, 48, 48), "labels": torch.zeros(2)}, ["labels", "float32"]),
        ({"pixel_values": torch.zeros(2, 4, 3, 48, 48), "labels": torch.tensor([0, 7])}, ["labels", "7", "6"]),
    ],
)
def test_bad_input_is_named(inputs, words):
    with raises_naming(ValueError, *words):
        toy_model()(**inputs)


def test_weights_start_like_the_librarys_own():
    """Same spread of the initial weights in attention and feed-forward as VideoMAE's."""
    ours = toy_model(hidden_size=64, num_attention_heads=4, intermediate_size=128)
    theirs = VideoMAEForVideoClassification(
        VideoMAEConfig(image_size=32, num_frames=4, hidden_size=64, num_hidden_layers=1, num_attention_heads=4)
    )
    ours_std = ours.logoformer.layers[0].mlp.fc1.weight.std()
    theirs_std = theirs.videomae.encoder.layer[0].intermediate.dense.weight.std()
    torch.testing.assert_close(ours_std, theirs_std, rtol=0.05, atol=0.0)
