"""New defaults beside the old ones, and beside other models by the same recipe, on people that no choice has seen."""

from typing import Any

from .decays import HIGH_DECAY
from .factors import REGULARISATION
from .variant import GRID, Variant

_PLAIN = "plain transformers (Former-DFER's kind)"


def compared_with(new: Variant) -> tuple[Variant, ...]:
    """
    The rows of "chosen" and "pixels": old and new defaults, deeper ones, and other models by the same recipe.

    Args:
        new: the new defaults.
    """
    recipe: dict[str, Any] = {"recipe": new.recipe, "compact_loss": new.compact_loss}
    recipe["compact_loss_weight"] = new.compact_loss_weight
    # Plain transformers have the best of four recipes: with two other weight decays, and the old one.
    heavy = recipe | {"recipe": {**new.recipe, **HIGH_DECAY.recipe}}
    light = recipe | {"recipe": {key: value for key, value in new.recipe.items() if key != "weight_decay"}}
    regularised = {key: value for key, value in new.config.items() if key in REGULARISATION}
    four = {"num_hidden_layers": 4}
    joint = {"window_size": GRID, "use_global_attention": False}

    def chosen(name: str, title: str, against: str, **changes: object) -> Variant:
        return Variant(name, title, "chosen", against=against, **changes)  # type: ignore[arg-type]

    on_pixels = {"group": "pixels", "against": "pixels_old_defaults"}
    plain_two = {"config": regularised, "model": "former_dfer_two"}
    plain_four = {"config": regularised, "model": "former_dfer"}
    return (
        chosen("old_defaults", "LOGO-Former, old defaults", "old_defaults"),
        chosen("new_defaults", "LOGO-Former, new defaults", "old_defaults", config=new.config, **recipe),
        chosen("new_heavy", "LOGO-Former, with weight decay 0.5", "old_defaults", config=new.config, **heavy),
        chosen("plain_two", f"{_PLAIN}, two layers", "new_defaults", **plain_two, **recipe),
        chosen("plain_two_before", f"{_PLAIN}, two layers, old recipe", "new_defaults", model="former_dfer_two"),
        chosen("plain_two_light", f"{_PLAIN}, two layers, weight decay 0.05", "new_defaults", **plain_two, **light),
        chosen("plain_two_heavy", f"{_PLAIN}, two layers, weight decay 0.5", "new_defaults", **plain_two, **heavy),
        chosen("joint_two", "joint attention, two layers", "new_defaults", config={**joint, **regularised}, **recipe),
        chosen("new_four", "LOGO-Former, four layers", "plain_four", config={**new.config, **four}, **recipe),
        chosen("plain_four", f"{_PLAIN}, four layers, weight decay 0.05", "plain_four", **plain_four, **light),
        Variant("pixels_old_defaults", "LOGO-Former, old defaults, on pixels", **on_pixels),  # type: ignore[arg-type]
        Variant(
            "pixels_new_defaults",
            "LOGO-Former, new defaults, on pixels",
            config=new.config,
            **on_pixels,  # type: ignore[arg-type]
            **recipe,
        ),
    )
