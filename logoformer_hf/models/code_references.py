"""
References to code in configurations: transformers downloads and runs what they name, where `trust_remote_code` is set.

A model of somebody else may carry some, and whatever is saved from it would carry them on.
"""

import re
from collections.abc import Iterator
from typing import Any

from ..configuration_logoformer import AUTO_MAP, LogoFormerConfig

# Fields of a configuration whose values name code: classes, pipelines, kernels.
CODE_FIELDS = ("auto_map", "custom_pipelines")
# Fields that choose an attention; a name with a slash is a repository on the Hub with kernels.
_IMPLEMENTATIONS = (
    *("attn_implementation", "_attn_implementation", "_attn_implementation_internal"),
    *("experts_implementation", "_experts_implementation", "_experts_implementation_internal"),
)
# `owner/name--file.Class`, code of another repository.
_OTHER_REPOSITORY = re.compile(r"[^\s/]+/[^\s/]+--\S+|\S+--[\w/]+\.\w+")
# Names of classes and of the folder, which people choose and no code is loaded by.
_NAMES = ("id2label", "label2id", "_name_or_path")


def find_code_references(values: Any, where: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """
    The fields of a configuration, nested ones too, that name code: `auto_map`, `custom_pipelines`, kernels, and every
    text with a reference to another repository.

    Yields:
        path of the field, and its value.
    """
    if isinstance(values, dict):
        for name, value in values.items():
            inner = (*where, str(name))
            is_inside = where and where[-1] in CODE_FIELDS
            is_kernel = name in _IMPLEMENTATIONS and "/" in str(value)
            if is_inside or is_kernel or (name in CODE_FIELDS and not isinstance(value, dict)):
                yield inner, value
            elif name not in _NAMES:
                yield from find_code_references(value, inner)
    elif isinstance(values, (list, tuple)):
        for number, value in enumerate(values):
            yield from find_code_references(value, (*where, str(number)))
    elif isinstance(values, str) and _OTHER_REPOSITORY.fullmatch(values):
        yield where, values


def drop_code_references(config: Any) -> None:
    """
    Removes the references to code from a configuration or a processor in place, and from the configurations in it.

    Those of LOGO-Former name the files beside it; its classes write them again.
    """
    for value in list(vars(config).values()):
        if hasattr(value, "to_dict"):
            drop_code_references(value)
    for name in CODE_FIELDS:
        if name in vars(config):
            delattr(config, name)
    if isinstance(config, LogoFormerConfig):
        config.auto_map = dict(AUTO_MAP)
    for name, value in list(vars(config).items()):
        if name in _IMPLEMENTATIONS and "/" in str(value):
            setattr(config, name, None)
        elif not hasattr(value, "to_dict") and name not in _NAMES and any(find_code_references({name: value})):
            delattr(config, name)
