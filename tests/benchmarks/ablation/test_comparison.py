from dataclasses import replace

from logoformer_hf.benchmarks.ablation.comparison import compared_with
from logoformer_hf.benchmarks.ablation.factors import combine, factors
from logoformer_hf.benchmarks.ablation.variant import REFERENCE


def test_other_models_get_the_recipe_and_the_regularisation_of_the_new_defaults():
    new = combine("new", "New", factors("smoothing", "weight_decay", "dropout", "compact", "frame_windows"))
    light = {"label_smoothing_factor": 0.1}
    new = replace(new, recipe=light | {"weight_decay": 0.15})
    assert new.build_config().window_size == (1, 7, 7)
    rows = {each.name: each for each in compared_with(new)}
    assert rows["old_defaults"].recipe == rows["old_defaults"].config == {}
    assert rows["new_defaults"].config == new.config
    before = rows["plain_two_before"]
    assert (before.recipe, before.config, before.compact_loss_weight, before.tested_on) == ({}, {}, 0.1, "test")
    for name in rows.keys() - {"old_defaults", "plain_two_before", "pixels_old_defaults"}:
        decay = {"new_heavy": 0.5, "plain_two_heavy": 0.5, "plain_two_light": None, "plain_four": None}.get(name, 0.15)
        assert rows[name].recipe == light | ({"weight_decay": decay} if decay else {})
        assert (rows[name].compact_loss, rows[name].compact_loss_weight) == ("margin", 1.0)
        assert rows[name].build_config().hidden_dropout_prob == 0.1
        assert rows[name].tested_on == "test"
        assert rows[name].against in rows
    assert rows["plain_four"].build_config().window_size == REFERENCE.build_config().window_size
    layers = {name: len(rows[name].build_model().logoformer.layers) for name in ("new_defaults", "new_four")}
    assert layers == {"new_defaults": 2, "new_four": 4}
    names = ("plain_two", "plain_two_before", "plain_two_light", "plain_two_heavy", "plain_four")
    plain = {name: rows[name].build_model() for name in names}
    depths = {name: len(each.spatial.layers) + len(each.temporal.layers) for name, each in plain.items()}
    assert depths == dict.fromkeys(plain, 2) | {"plain_four": 4}
