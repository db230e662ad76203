"""New defaults beside the old ones, and beside other models by the same recipe, on people that no choice has seen."""

from .factors import REGULARISATION
from .variant import GRID, Variant


def compared_with(new: Variant) -> tuple[Variant, ...]:
    """
    The rows of "chosen" and "pixels": old and new defaults, deeper ones, and other models by the same recipe.

    Args:
        new: the new defaults.
    """
    recipe = {"recipe": new.recipe, "compact_loss": new.compact_loss, "compact_loss_weight": new.compact_loss_weight}
    # Without its weight decay, which plain transformers do not stand: they have the better one of both recipes.
    lighter = recipe | {"recipe": {key: value for key, value in new.recipe.items() if key != "weight_decay"}}
    regularised = {key: value for key, value in new.config.items() if key in REGULARISATION}
    four = {"num_hidden_layers": 4}
    joint = {"window_size": GRID, "use_global_attention": False}

    def chosen(name: str, title: str, against: str, **changes: object) -> Variant:
        return Variant(name, title, "chosen", against=against, **changes)  # type: ignore[arg-type]

    on_pixels = {"group": "pixels", "against": "pixels_old_defaults"}
    return (
        chosen("old_defaults", "LOGO-Former, old defaults", "old_defaults"),
        chosen("new_defaults", "LOGO-Former, as chosen", "old_defaults", config=new.config, **recipe),
        chosen("new_four", "the same, four layers", "plain_four", config={**new.config, **four}, **recipe),
        chosen(
            "plain_four",
            "plain transformers (Former-DFER's kind), four layers, weight decay as before",
            "plain_four",
            config=regularised,
            model="former_dfer",
            **lighter,
        ),
        chosen(
            "plain_two",
            "plain transformers (Former-DFER's kind), two layers",
            "new_defaults",
            config=regularised,
            model="former_dfer_two",
            **recipe,
        ),
        chosen(
            "plain_two_lighter",
            "the same, weight decay as before",
            "new_defaults",
            config=regularised,
            model="former_dfer_two",
            **lighter,
        ),
        chosen("joint_two", "joint attention, two layers", "new_defaults", config={**joint, **regularised}, **recipe),
        Variant("pixels_old_defaults", "LOGO-Former, old defaults, on pixels", **on_pixels),  # type: ignore[arg-type]
        Variant(
            "pixels_new_defaults",
            "LOGO-Former, as chosen, on pixels",
            config=new.config,
            **on_pixels,  # type: ignore[arg-type]
            **recipe,  # type: ignore[arg-type]
        ),
    )
