"""Weights of saved models, which may be damaged or somebody else's: what is wrong is said with the file's name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from .reading_limits_logoformer import first_line
from .saved_settings_logoformer import fault_of_file, place_of_settings, shown

WEIGHTS, PICKLED = "model.safetensors", "pytorch_model.bin"
INDEXES = {WEIGHTS: f"{WEIGHTS}.index.json", PICKLED: f"{PICKLED}.index.json"}  # of weights in several files
# What the library raises with a sentence on this argument where tensors have other shapes than the model's.
MISMATCH = "ignore_mismatched_sizes"
LFS_POINTER = b"version https://git-lfs"


def names_of_weights(variant: str | None = None, use_safetensors: bool | None = None, **_: Any) -> tuple[str, ...]:
    """Names of files with weights, in the order in which the library looks, by options of `from_pretrained`."""
    kinds = {None: (WEIGHTS, PICKLED), True: (WEIGHTS,), False: (PICKLED,)}.get(use_safetensors, (WEIGHTS, PICKLED))
    names = [name for kind in kinds for name in (kind, INDEXES[kind])]
    if variant:
        stems = [name.rpartition(".") for name in names]
        names = [f"{stem}.{variant}.{ending}" for stem, _, ending in stems]
    return tuple(names)


def files_of_weights(file: Path, is_whole: bool = True) -> list[Path]:
    """
    The file itself, or those that it names if it is an index.

    Args:
        file: weights, or their index.
        is_whole: False where files may not have been downloaded yet, which are left out.

    Raises:
        ValueError: a wrong index, also one that names files elsewhere, or files that are not there.
    """
    if file.suffix != ".json":
        return [file]
    if fault := fault_of_file(file):
        raise ValueError(f"{file} is damaged: {fault}")
    index: Any = json.loads(file.read_text(encoding="utf-8"))
    names = index.get("weight_map")
    if not isinstance(names, dict) or not names:
        raise ValueError(f"{file} is damaged: `weight_map` must have the file of every tensor.")
    if not isinstance(index.get("metadata"), dict):
        raise ValueError(f'{file} is damaged: `metadata` must be an object, e.g. {{"total_size": 1000}}.')
    files = sorted({file.parent / str(name) for name in names.values()})
    there = [each for each in files if each.parent == file.parent and is_there(each)]
    if strange := [each for each in files if each not in there and (is_whole or each.parent != file.parent)]:
        raise ValueError(f"{file} names {str(strange[0])[:500]}, which is no file in its folder.")
    return there


def is_there(file: Path) -> bool:
    """Whether this is a file; False for a name that no file can have."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a folder; empty where there are none. Raises a `ValueError` for a wrong index of them."""
    names = names_of_weights(use_safetensors=True)
    return next((files_of_weights(folder / name) for name in names if is_there(folder / name)), [])


def tensors_in(files: list[Path]) -> Iterator[tuple[Path, str, tuple[int, ...]]]:
    """File, name and shape of every tensor; values are not read. Raises a `ValueError` for other files."""
    for file in files:
        try:
            with safe_open(file, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 (it is no dictionary)
                    yield file, name, tuple(weights.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{file} is damaged or no safetensors, e.g. a pickle under its name ({first_line(error)}); "
                f"{way_to_mend(file)}"
            ) from error


def check_tensors_of(file: Path) -> None:
    """Raises a `ValueError` where a file, safetensors or what torch saves, cannot be read or holds other things."""
    if ".safetensors" in file.suffixes:
        for _ in tensors_in([file]):
            pass
        return
    try:
        values = torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # of any kind, as what is damaged may look like any operation of a pickle
        raise ValueError(
            f"{file} is damaged or holds more than tensors; code in it is not run. Save its tensors as {WEIGHTS}, or "
            f"{way_to_mend(file)}"
        ) from error
    items = values.items() if isinstance(values, dict) else [(values, None)]
    if strange := [name for name, value in items if not isinstance(name, str) or not isinstance(value, torch.Tensor)]:
        raise ValueError(
            f"{file} holds {shown(strange[0])} where tensors must be, each with its name: save the model's state dict."
        )


def place_of_weights(name_or_path: Any, options: dict[str, Any]) -> tuple[str, Path | None]:
    """The file that the library takes weights from, as it is named in a message, and where it is; else "" and None."""
    names = names_of_weights(**options)
    name, file = place_of_settings(name_or_path, names, **options)
    return (name, file) if file is not None and Path(name).name in names else ("", None)


def way_to_mend(file: Path) -> str:
    """What to do about a damaged file."""
    try:
        with file.open("rb") as opened:
            if opened.read(len(LFS_POINTER)) == LFS_POINTER:
                return "it is a pointer of Git LFS, not the file itself: run `git lfs pull`."
    except OSError:
        pass
    return "copy or download it again."


def load_weights(load: Callable[..., Any], name_or_path: Any, options: dict[str, Any]) -> Any:
    """
    What the `from_pretrained` of a LOGO-Former gives, or one error with the file whose weights are at fault.

    Args:
        load: the library's `from_pretrained` of this model; takes the options.
        name_or_path: folder, or name on the Hub.
        options: of `from_pretrained`.

    Raises:
        OSError: no such model.
        ValueError: a file that cannot be read or holds other things than tensors, an index that names files
            elsewhere, tensors of other shapes than the configuration says, or none for a part of the model besides
            the classifier. With `output_loading_info=True`, the names of missing ones are returned instead.
    """
    is_folder = Path(str(name_or_path)).is_dir()
    if is_folder and (file := place_of_weights(name_or_path, options)[1]):
        files_of_weights(file)  # an index may name files elsewhere
    try:
        model, found = load(**(options | {"output_loading_info": True}))
    except (ImportError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        _, file = place_of_weights(name_or_path, options)
        if file is None:
            raise
        for each in files_of_weights(file, is_whole=is_folder):
            check_tensors_of(each)
        if MISMATCH in str(error):
            raise ValueError(f"{file}: {other_shapes(load, options)}") from error
        raise
    if options.get("output_loading_info"):
        return model, found
    base, prefix = model.base_model, "" if model.base_model is model else model.base_model_prefix
    needed = {name for name, _ in [*base.named_parameters(prefix), *base.named_buffers(prefix)]}
    missing = {name for name in needed & set(found["missing_keys"]) if not name.endswith("num_batches_tracked")}
    if missing:
        shown_file = place_of_weights(name_or_path, options)[0] or name_or_path
        raise ValueError(
            f"{shown_file}: {len(missing)} tensors of the model are missing, e.g. {min(missing)}; only the classifier "
            "may be. `output_loading_info=True` loads it all the same, with new values for these, and returns their "
            "names."
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
