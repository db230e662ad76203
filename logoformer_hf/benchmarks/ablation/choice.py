"""The rule by which candidates become defaults, which was fixed before any of them was trained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .results import Results
from .variant import GRID, REFERENCE, Variant

SMALLEST_GAIN = 0.005  # of UAR, 0 to 1
LARGE_GAIN = 0.01
FEWEST_BETTER = 2  # seeds
RULE = (
    f"A candidate pays where its UAR on validation people is higher by more than {100 * SMALLEST_GAIN:g} points in "
    f"the mean of three seeds, and higher in at least {FEWEST_BETTER} of them; of the candidates of one axis the best "
    "one is taken. Then all that were taken together, those of at least "
    f"{100 * LARGE_GAIN:g} point together, and each alone are compared on the same people, and the best becomes the "
    "default."
)
# Fields of a configuration that are regularisation, not structure: plain transformers get them too.
REGULARISATION = ("hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate")


def pays(gains: np.ndarray) -> bool:
    """Whether differences of UAR, one for every seed, fulfil `RULE`."""
    return len(gains) >= FEWEST_BETTER and bool(gains.mean() > SMALLEST_GAIN and (gains > 0).sum() >= FEWEST_BETTER)


def choose(results: Results, candidates: Sequence[Variant]) -> dict[str, Variant]:
    """The best candidate that pays of each axis, by axis."""
    chosen: dict[str, Variant] = {}
    for variant in candidates:
        gains = results.gains(variant.name, REFERENCE.name)
        if not variant.axis or not pays(gains):
            continue
        best = chosen.get(variant.axis)
        if best is None or gains.mean() > results.gains(best.name, REFERENCE.name).mean():
            chosen[variant.axis] = variant
    return chosen


def combine(name: str, title: str, variants: Sequence[Variant]) -> Variant:
    """A variant with the changes of all given ones, which must be of different axes."""
    config = {key: value for each in variants for key, value in each.config.items()}
    recipe = {key: value for each in variants for key, value in each.recipe.items()}
    combined = replace(REFERENCE, name=name, title=title, group="candidates", config=config, recipe=recipe)
    for each in variants:
        if each.axis == "compact":
            combined = replace(combined, compact_loss=each.compact_loss, compact_loss_weight=each.compact_loss_weight)
    return combined


COMBINATIONS = {"all_that_paid": "all that paid", "what_paid_a_point": "what paid at least a point"}


def combinations(results: Results, chosen: Mapping[str, Variant]) -> list[Variant]:
    """All that were chosen together, and those with a large gain together: sets of at least two, if they differ."""
    large = [each for each in chosen.values() if results.gains(each.name, REFERENCE.name).mean() >= LARGE_GAIN]
    found = []
    if len(chosen) > 1:
        found.append(combine("all_that_paid", COMBINATIONS["all_that_paid"], list(chosen.values())))
    if 1 < len(large) < len(chosen):
        found.append(combine("what_paid_a_point", COMBINATIONS["what_paid_a_point"], large))
    return found


def best(results: Results, tried: Sequence[Variant]) -> Variant:
    """The one of these with the largest gain over the reference that has enough seeds, or the reference."""
    gains = {each.name: results.gains(each.name, REFERENCE.name) for each in tried}
    known = [each for each in tried if len(gains[each.name]) >= FEWEST_BETTER]
    return max(known, key=lambda each: float(gains[each.name].mean()), default=REFERENCE)


def compared_with(new: Variant) -> tuple[Variant, ...]:
    """
    The rows of "chosen" and "pixels": old and new defaults, deeper ones, and other models by the same recipe.

    Args:
        new: the new defaults.
    """
    recipe = {"recipe": new.recipe, "compact_loss": new.compact_loss, "compact_loss_weight": new.compact_loss_weight}
    regularised = {key: value for key, value in new.config.items() if key in REGULARISATION}
    four = {"num_hidden_layers": 4}
    joint = {"window_size": GRID, "use_global_attention": False}

    def chosen(name: str, title: str, against: str, **changes: object) -> Variant:
        return Variant(name, title, "chosen", against=against, **changes)  # type: ignore[arg-type]

    on_pixels = {"group": "pixels", "against": "pixels_old_defaults"}
    return (
        chosen("old_defaults", "LOGO-Former, old defaults", "old_defaults"),
        chosen("new_defaults", "LOGO-Former, new defaults", "old_defaults", config=new.config, **recipe),
        chosen("new_four", "the same, four layers", "plain_four", config={**new.config, **four}, **recipe),
        chosen(
            "plain_four",
            "plain transformers (Former-DFER's kind), four layers",
            "plain_four",
            config=regularised,
            model="former_dfer",
            **recipe,
        ),
        chosen(
            "plain_two",
            "plain transformers (Former-DFER's kind), two layers",
            "new_defaults",
            config=regularised,
            model="former_dfer_two",
            **recipe,
        ),
        chosen("joint_two", "joint attention, two layers", "new_defaults", config={**joint, **regularised}, **recipe),
        Variant("pixels_old_defaults", "LOGO-Former, old defaults, on pixels", **on_pixels),  # type: ignore[arg-type]
        Variant(
            "pixels_new_defaults",
            "LOGO-Former, new defaults, on pixels",
            config=new.config,
            **on_pixels,  # type: ignore[arg-type]
            **recipe,  # type: ignore[arg-type]
        ),
    )
