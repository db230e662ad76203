"""The state of a reading that was interrupted, in one file: nested values as JSON, their arrays beside them."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._files import whole_file

_ARRAY = "__array__"  # key of a dictionary that stands for an array, with its number
_VALUES = "values"  # entry of the file with the JSON


def state_file(base: Path) -> Path:
    """The hidden file with the state of work on outputs that are called by `base`."""
    return base.with_name(f".{base.name}.state.npz")


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """
    Writes a state, completely or not at all.

    Args:
        path: file to write.
        state: dictionaries with names as keys, lists, numbers, strings, None and numpy arrays.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_without_arrays(state, arrays))
    entries = {f"array{number}": array for number, array in enumerate(arrays)}
    with whole_file(path) as partial:
        np.savez(partial, allow_pickle=False, **{_VALUES: np.frombuffer(text.encode(), np.uint8)}, **entries)


def load_state(path: Path) -> dict[str, Any] | None:
    """What `save_state` wrote; None where there is no such file, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as entries:
            values = json.loads(entries[_VALUES].tobytes())
            state: dict[str, Any] = _with_arrays(values, entries)
            return state
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _without_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    """The value with a reference in the place of each array, which is added to `arrays`."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_ARRAY: len(arrays) - 1}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError(f"the state has a key that is no string: {list(value)[:3]}")
        return {name: _without_arrays(inner, arrays) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(inner, arrays) for inner in value]
    return value


def _with_arrays(value: Any, entries: Mapping[str, np.ndarray]) -> Any:
    """The inverse of `_without_arrays`."""
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return entries[f"array{value[_ARRAY]}"]
        return {name: _with_arrays(inner, entries) for name, inner in value.items()}
    return [_with_arrays(inner, entries) for inner in value] if isinstance(value, list) else value
