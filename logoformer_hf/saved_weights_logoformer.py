"""Weights of saved models, which may be damaged or somebody else's: what is wrong is said with the file's name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from .reading_limits_logoformer import first_line
from .saved_settings_logoformer import fault_of_file, place_of_settings

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
WEIGHT_FILES = (WEIGHTS, INDEX, "pytorch_model.bin")
# What the library raises with a sentence on this argument where tensors have other shapes than the model's.
MISMATCH = "ignore_mismatched_sizes"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a folder; empty where there are none. Raises a `ValueError` for a wrong index of them."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    index = folder / INDEX
    if not index.is_file():
        return []
    if fault := fault_of_file(index):
        raise ValueError(f"{index} is damaged: {fault}")
    names: Any = json.loads(index.read_text(encoding="utf-8")).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise ValueError(f"{index} is damaged: `weight_map` must have the file of every tensor.")
    files = sorted({folder / str(name) for name in names.values()})
    if strange := [file for file in files if file.parent != folder or not file.is_file()]:
        raise ValueError(f"{index} names {strange[0]}, which is no file in its folder.")
    return files


def tensors_in(files: list[Path]) -> Iterator[tuple[Path, str, tuple[int, ...]]]:
    """File, name and shape of every tensor; values are not read. Raises a `ValueError` for other files."""
    for file in files:
        try:
            with safe_open(file, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 (it is no dictionary)
                    yield file, name, tuple(weights.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{file} is damaged or no safetensors, e.g. a pickle under its name ({first_line(error)}); copy or "
                "download it again."
            ) from error


def load_weights(load: Callable[..., Any], name_or_path: Any, options: dict[str, Any]) -> Any:
    """
    What the `from_pretrained` of a LOGO-Former gives, or one error with the file whose weights are at fault.

    Args:
        load: the library's `from_pretrained` of this model; takes the options.
        name_or_path: folder, or name on the Hub.
        options: of `from_pretrained`.

    Raises:
        OSError: no such model.
        ValueError: a file that is no safetensors, an index that names others, tensors of other shapes than the
            configuration says, or none for a part of the model besides the classifier. With
            `output_loading_info=True`, the names of missing ones are returned instead.
    """
    folder = Path(str(name_or_path), options.get("subfolder") or "")
    if folder.is_dir():
        weight_files(folder)  # an index may name files elsewhere
    try:
        model, found = load(**(options | {"output_loading_info": True}))
    except (ImportError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        file = place_of_settings(name_or_path, WEIGHT_FILES, **options)[1]
        if file is None:
            raise
        for _ in tensors_in(weight_files(file.parent)):  # names a file that is damaged
            pass
        if MISMATCH in str(error):
            raise ValueError(f"{file}: {other_shapes(load, options)}") from error
        if isinstance(error, (UnpicklingError, EOFError)):
            raise ValueError(
                f"{file} is damaged or holds more than tensors; code in it is not run. Save its tensors as "
                f"{WEIGHT_FILES[0]}."
            ) from error
        raise
    if options.get("output_loading_info"):
        return model, found
    base, prefix = model.base_model, "" if model.base_model is model else model.base_model_prefix
    if missing := sorted({name for name, _ in base.named_parameters(prefix)} & set(found["missing_keys"])):
        shown, file = place_of_settings(name_or_path, WEIGHT_FILES, **options)
        raise ValueError(
            f"{shown if file else name_or_path}: {len(missing)} tensors of the model are missing, e.g. {missing[0]}; "
            "only the classifier may be. `output_loading_info=True` loads it all the same, with random values for "
            "these, and returns their names."
        )
    return model


def other_shapes(load: Callable[..., Any], options: dict[str, Any]) -> str:
    """A sentence on the tensors that have other shapes than the model's."""
    _, found = load(**(options | {MISMATCH: True, "output_loading_info": True}))
    mismatched = sorted(found["mismatched_keys"])
    name, stored, expected = mismatched[0]
    return (
        f"{len(mismatched)} of its tensors have other shapes than the configuration says, e.g. {name}: "
        f"{tuple(stored)} instead of {tuple(expected)}. `{MISMATCH}=True` takes new values for them."
    )
