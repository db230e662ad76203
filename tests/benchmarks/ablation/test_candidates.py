from collections import Counter
from dataclasses import fields

from logoformer_hf.benchmarks.ablation.candidates import BASES, CANDIDATES
from logoformer_hf.benchmarks.ablation.training import RECIPE
from logoformer_hf.benchmarks.ablation.variant import REFERENCE
from logoformer_hf.training.arguments import LogoFormerTrainingArguments


def test_every_candidate_changes_the_old_defaults():
    """Each in another way, by a field that exists and whose old value is another one."""
    known = {field.name for field in fields(LogoFormerTrainingArguments)}
    seen = []
    for each in CANDIDATES:
        old = REFERENCE.build_config()
        config = each.build_config()
        changed = {name: getattr(config, name) for name in each.config}
        assert all(value != getattr(old, name) for name, value in changed.items()), each.name
        assert known.issuperset(each.recipe), each.name
        assert all(value != RECIPE.get(name) for name, value in each.recipe.items()), each.name
        loss = (each.compact_loss, each.compact_loss_weight)
        seen.append((each.model, sorted(changed.items()), sorted(each.recipe.items()), *loss))
    assert all(count == 1 for count in Counter(map(str, seen)).values())
    assert (REFERENCE.model, [], [], REFERENCE.compact_loss, REFERENCE.compact_loss_weight) not in seen


def test_every_candidate_is_compared_with_the_old_defaults_of_its_model():
    bases = {each.name: each for each in BASES}
    for each in CANDIDATES:
        assert each.model == bases[each.against].model, each.name


def test_the_old_recipe_has_a_value_for_what_candidates_change():
    """So that rows stay what they were when the recipe's values change."""
    names = {name for each in CANDIDATES for name in each.recipe}
    assert names - set(RECIPE) == {"class_balanced_sampling"}  # which all runs of the ablation set
