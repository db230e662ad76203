"""Checks that values of JSON have the fields that this package writes, with values of their kinds, and no others."""

import types
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

# What a value may be: a type, one with another in brackets as `list[int]`, a dataclass, fields with their kinds, or a
# list of one kind, `[kind]`.
Kind = Any
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", types.NoneType: "null"}
_TYPES: dict[Any, tuple[type, ...]] = {float: (int, float)}


def check_fields(value: Any, kind: Kind, where: str = "") -> None:
    """
    Checks a value of JSON. A field that is missing is none of its faults: earlier versions wrote fewer.

    Args:
        value: what `json.loads` gives.
        kind: a type; `list[...]` or another sequence; a mapping from texts; a choice by `|`; a dataclass; a dictionary
            from names of fields to their kinds; or a list with one kind, that of its entries.
        where: path of the field, for the message.

    Raises:
        ValueError: a value of another kind, or a field that is none of these; the message names it.
    """
    inner = fields_of(kind)
    if inner is not None:
        for name, each in of_type(value, dict, where).items():
            if name not in inner:
                place = f"in `{where}`" if where else "in the file"
                raise ValueError(f"the field {name[:100]!r} {place} is none that this package writes there")
            check_fields(each, inner[name], f"{where}.{name}".lstrip("."))
        return
    origin: Any = get_origin(kind)
    arguments = get_args(kind)
    if isinstance(kind, list) or is_sequence(origin):
        [inner_kind, *_] = kind if isinstance(kind, list) else arguments
        for number, each in enumerate(of_type(value, list, where)):
            check_fields(each, inner_kind, f"{where}[{number}]")
    elif origin in (Union, types.UnionType):
        check_choice(value, arguments, where)
    elif origin is not None:  # a mapping
        for name, each in of_type(value, dict, where).items():
            check_fields(each, arguments[1], f"{where}.{name[:100]}")
    else:
        of_type(value, kind, where)


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """
    For `object_pairs_hook` of `json.loads`. Raises a ValueError where a field is there twice: readers see the last one
    alone.
    """
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name, number in Counter(names).items() if number > 1)
        raise ValueError(f"the field {twice[:100]!r} is there twice")
    return dict(pairs)


def check_choice(value: Any, kinds: Sequence[Kind], where: str) -> None:
    """Raises a ValueError for a value that is of none of these kinds: the error of the last one that is not null."""
    if value is None and types.NoneType in kinds:
        return
    *others, last = [kind for kind in kinds if kind is not types.NoneType]
    for kind in others:
        try:
            return check_fields(value, kind, where)
        except ValueError:
            continue
    check_fields(value, last, where)


def of_type(value: Any, kind: Any, where: str) -> Any:
    """The value. Raises a ValueError if it is of another type; true and false are no numbers."""
    if not isinstance(value, _TYPES.get(kind, (kind,))) or (isinstance(value, bool) and kind is not bool):
        expected = _NAMES.get(kind, "fields with values" if kind is dict else "a list")
        raise ValueError(f"{f'`{where}`' if where else 'the file'} is {shown(value)}; it must be {expected}")
    return value


def shown(value: Any) -> str:
    """A value in a message: at most 60 characters of it, and of nested values their type alone."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a number of many digits"
    return text if len(text) <= 60 else f"{text[:60]}..."


def fields_of(kind: Kind) -> Mapping[str, Kind] | None:
    """The fields of a dataclass, or of a dictionary of kinds; None for other kinds."""
    if isinstance(kind, dict):
        return kind
    kind_of_class: Any = kind
    return fields_of_class(kind_of_class) if is_dataclass(kind) else None


@cache
def fields_of_class(kind: Any) -> Mapping[str, Kind]:
    """The fields of a dataclass with their types."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def is_sequence(origin: Any) -> bool:
    """Whether this is a type of sequences, which JSON has as lists."""
    return isinstance(origin, type) and issubclass(origin, Sequence)
