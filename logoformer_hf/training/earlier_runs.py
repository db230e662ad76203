"""Runs that version 0.1 began: the same command goes on with the defaults of then, where it does not say otherwise."""

from pathlib import Path
from typing import Any

from ..evaluation.predictions import RUN_FOLDERS
from .run_folder import SETTINGS_FILE, read_settings

# Of the recipes, as far as they have other values now.
EARLIER_RECIPES: dict[str, dict[str, Any]] = {"modern": {"weight_decay": 0.05, "mixup_alpha": 0.0}}


def is_of_earlier_version(run_folder: Path) -> bool:
    """
    Whether version 0.1 began the run in a folder, which wrote no `mixup_alpha`. False for a damaged file: what reads
    the settings says so.
    """
    file = run_folder / SETTINGS_FILE
    if not file.is_file():
        return False
    try:
        return "mixup_alpha" not in read_settings(file)
    except ValueError:
        return False


def earlier_recipe(recipe: str, output_dir: Path) -> dict[str, Any]:
    """What a recipe was where version 0.1 began the runs in an output folder, as far as it is not that now."""
    files = (file for place in RUN_FOLDERS for file in output_dir.glob(f"{place}{SETTINGS_FILE}"))
    return EARLIER_RECIPES.get(recipe, {}) if any(is_of_earlier_version(file.parent) for file in files) else {}
