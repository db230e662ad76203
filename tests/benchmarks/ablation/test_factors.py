from dataclasses import fields

from logoformer_hf.benchmarks.ablation.factors import FACTORS, combine
from logoformer_hf.benchmarks.ablation.training import RECIPE
from logoformer_hf.benchmarks.ablation.variant import REFERENCE
from logoformer_hf.training.arguments import LogoFormerTrainingArguments


def test_every_factor_changes_fields_from_their_old_values():
    known = {field.name for field in fields(LogoFormerTrainingArguments)}
    old_recipe = RECIPE | {key: getattr(REFERENCE, key) for key in ("compact_loss", "compact_loss_weight")}
    assert len({factor.name for factor in FACTORS}) == len({factor.title for factor in FACTORS}) == len(FACTORS)
    for factor in FACTORS:
        assert known.issuperset(factor.recipe), factor.name
        changed, old = combine("", "", [factor]).build_config(), combine("", "", []).build_config()
        assert all(getattr(changed, name) != getattr(old, name) for name in factor.config), factor.name
        assert all(value != old_recipe[name] for name, value in factor.recipe.items()), factor.name
        assert bool(factor.config) != bool(factor.recipe or factor.trials), factor.name


def test_without_factors_it_is_the_model_of_the_old_defaults():
    new, old = combine("new", "New", []).build_model(), REFERENCE.build_model()
    assert {name: value.shape for name, value in new.state_dict().items()} == {
        name: value.shape for name, value in old.state_dict().items()
    }
    assert new.logoformer.layers[0].global_attention.window_size == old.config.window_size


def test_windows_of_local_attention_and_of_summaries_change_apart():
    named = {factor.name: factor for factor in FACTORS}
    local, summaries = named["frame_windows"], named["frame_summaries"]

    def sizes(*factors):
        config = combine("", "", factors).build_config()
        return config.window_size, config.summary_size

    tube, frame = (16, 2, 2), (1, 7, 7)
    assert [sizes(), sizes(local), sizes(summaries), sizes(local, summaries)] == [
        (tube, tube),
        (frame, tube),
        (tube, frame),
        (frame, frame),
    ]


def test_a_combination_has_all_changes():
    named = {factor.name: factor for factor in FACTORS}
    new = combine("new", "New", [named["compact"], named["mixup"], named["dropout"]], group="chosen")
    assert (new.compact_loss, new.compact_loss_weight, new.group) == ("margin", 1.0, "chosen")
    assert new.recipe == {"mixup_alpha": 0.4} and new.build_config().hidden_dropout_prob == 0.1
    assert combine("new", "New", []).compact_loss_weight == REFERENCE.compact_loss_weight
