import re
from dataclasses import fields

import pytest
import torch

from logoformer_hf.benchmarks.ablation.variant import GRID, REFERENCE, Variant, reference_config
from logoformer_hf.benchmarks.ablation.variants import GROUPS, PARTS, VARIANTS, find_variants
from logoformer_hf.modeling_logoformer import LogoFormerForVideoClassification
from logoformer_hf.token_windows_logoformer import partition_windows

BY_NAME = {variant.name: variant for variant in VARIANTS}
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=BY_NAME)


def inputs(variant: Variant) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    if variant.reads_tokens:
        return {"inputs_embeds": torch.randn(2, *GRID, 64, generator=generator)}
    return {"pixel_values": torch.randn(2, 16, 3, 56, 56, generator=generator)}


@every_variant
def test_every_variant_scores_seven_classes_and_learns_with_all_its_weights(variant):
    torch.manual_seed(0)
    model = variant.build_model().train()
    logits = model(**inputs(variant)).logits
    assert logits.shape == (2, 7)
    assert model.config.id2label == reference_config().id2label
    logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        if variant.reads_tokens and "backbone" in name:  # frame tokens do not come from it
            assert parameter.grad is None
        else:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_weights_come_from_the_global_generator():
    torch.manual_seed(3)
    one = REFERENCE.build_model().state_dict()
    torch.manual_seed(3)
    same = REFERENCE.build_model().state_dict()
    other = REFERENCE.build_model().state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


def test_tokens_lie_on_the_grid_of_base():
    model = REFERENCE.build_model().eval()
    assert model.encode_frames(torch.zeros(1, 16, 3, 56, 56)).shape == (1, *GRID, 64)
    assert reference_config().window_size == (16, 2, 2)


def changes(variant: Variant) -> dict:
    """All that is another thing than the reference's, of the variant and of the configuration that it makes."""
    found = {
        field.name: getattr(variant, field.name)
        for field in fields(Variant)
        if field.name not in ("name", "title", "config")
        and getattr(variant, field.name) != getattr(REFERENCE, field.name)
    }
    ours, theirs = variant.build_config().to_dict(), REFERENCE.build_config().to_dict()
    assert set(ours) == set(theirs)
    return found | {name: ours[name] for name in ours if ours[name] != theirs[name]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reference", {}),
        ("without_local", {"use_local_attention": False}),
        ("without_global", {"use_global_attention": False}),
        ("joint", {"window_size": [*GRID], "use_global_attention": False}),
        ("mean_summary", {"model": "mean_summary"}),
        (
            "mean_summary_without_local",
            {"model": "mean_summary", "use_local_attention": False, "against": "mean_summary"},
        ),
        ("few_clips", {"clips_share": 0.2}),
        ("few_clips_without_local", {"clips_share": 0.2, "use_local_attention": False, "against": "few_clips"}),
        (
            "few_clips_without_compact",
            {"clips_share": 0.2, "compact_loss": "none", "compact_loss_weight": 0.0, "against": "few_clips"},
        ),
        ("without_compact", {"compact_loss": "none", "compact_loss_weight": 0.0}),
        ("class_token", {"model": "class_token"}),
        ("middle_frame", {"frames": "middle"}),
        ("shuffled_frames", {"frames": "shuffled"}),
        ("former_dfer_tokens", {"model": "former_dfer"}),
        ("logoformer", {"group": "models", "against": "logoformer"}),
        ("former_dfer", {"group": "models", "model": "former_dfer", "against": "logoformer"}),
        ("videomae", {"group": "models", "model": "videomae", "against": "logoformer"}),
    ],
)
def test_a_variant_changes_what_its_title_says_and_nothing_else(name, expected):
    assert changes(BY_NAME[name]) == expected


def test_a_variant_is_compared_with_the_one_that_its_title_names():
    first = {"parts": "reference", "models": "logoformer"}
    twofold = [variant for variant in PARTS if ", and " in variant.title]
    assert len(twofold) == 3
    for variant in VARIANTS:
        if variant in twofold:
            assert BY_NAME[variant.against].title == variant.title.partition(", and ")[0]
        else:
            assert variant.against == first[variant.group]


def test_windows_and_losses_are_what_their_titles_say():
    titled = 0
    for variant in PARTS[1:]:
        if found := re.fullmatch(r"window (\d+)x(\d+)x(\d+)", variant.title):
            size = tuple(map(int, found.groups()))
            assert changes(variant) == {"window_size": [*size]}
            layer = variant.build_model().logoformer.layers[0]
            assert layer.local_attention.window_size == layer.global_attention.window_size == size
        elif found := re.fullmatch(r"(margin|center) x ([\d.]+)", variant.title):
            both = {"compact_loss": found[1], "compact_loss_weight": float(found[2])}
            assert changes(variant) == {key: value for key, value in both.items() if getattr(REFERENCE, key) != value}
        else:
            continue
        titled += 1
    assert titled == 8


def test_parts_that_a_variant_is_without_are_not_there():
    for name, gone, kept in (
        ("without_local", "local_attention", "global_attention"),
        ("without_global", "global_attention", "local_attention"),
        ("mean_summary_without_local", "local_attention", "global_attention"),
    ):
        for layer in BY_NAME[name].build_model().logoformer.layers:
            assert gone not in layer.parts and kept in layer.parts and not hasattr(layer, gone)


def test_joint_attention_is_one_window_of_the_whole_clip():
    model = BY_NAME["joint"].build_model().eval()
    assert all("global_attention" not in layer.parts for layer in model.logoformer.layers)
    tokens = torch.randn(1, *GRID, 32, requires_grad=True)
    assert partition_windows(tokens, model.config.window_size).shape == (1, 1, 16 * 7 * 7, 32)
    first = model.logoformer.layers[0](tokens)[0, 0, 0, 0]  # of the first token
    (gradient,) = torch.autograd.grad(first[0], tokens)
    assert (gradient.abs().sum(dim=-1) > 0).all()  # depends on every other one


def test_models_are_of_their_kind():
    assert type(BY_NAME["logoformer"].build_model()) is LogoFormerForVideoClassification
    assert type(BY_NAME["former_dfer"].build_model()) is type(BY_NAME["former_dfer_tokens"].build_model())
    assert BY_NAME["videomae"].build_model().config.model_type == "videomae"


def test_names_are_unique_and_no_group_is_one():
    names = [variant.name for variant in VARIANTS]
    assert len(set(names)) == len(names) == len({variant.title for variant in VARIANTS})
    assert not set(names) & set(GROUPS)
    assert {variant.group for variant in VARIANTS} == set(GROUPS)


def test_variants_are_found_by_name_and_by_group():
    assert find_variants(None) == list(VARIANTS)
    assert [variant.name for variant in find_variants(["videomae", "joint"])] == ["joint", "videomae"]
    models = [variant for variant in VARIANTS if variant.group == "models"]
    assert find_variants(["models"]) == find_variants(["models", "videomae"]) == models
    assert find_variants(["models", "reference"]) == [REFERENCE, *models]


def test_an_unknown_name_is_refused_with_what_is_accepted():
    with pytest.raises(ValueError, match="no variant 'window'") as error:
        find_variants(["reference", "window"])
    for name in (*GROUPS, *BY_NAME):
        assert name in str(error.value)
