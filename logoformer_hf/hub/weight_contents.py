"""Checks that the weights of a folder, before they are published, are those of its model, and nothing else."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import PreTrainedConfig

from .._files import read_json_object
from ..data.json_fields import check_fields, without_twins
from ..models.files import build_without_values, tensors_by_file
from ..models.finite import describe_tensors, non_finite_tensors
from .json_contents import INDEX_FILE

WEIGHTS_FILE = "model.safetensors"
# The files of weights that `save_pretrained` has divided: number, and how many there are.
PART = re.compile(r"model-([0-9]{5})-of-([0-9]{5})\.safetensors")
_HEADER = {"dtype": str, "shape": list[int], "data_offsets": list[int]}
_METADATA = {"format": "pt"}  # what transformers writes
_FLOATS = ("F16", "BF16", "F32", "F64")
_OTHERS = {torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL"}
# What batch norm keeps besides its weights: the number of batches that it has seen, and variances.
_NUM_BATCHES, _VARIANCE = "num_batches_tracked", "running_var"
_MAX_BATCHES = 10**10


def names_of_weights(folder: Path) -> list[str]:
    """
    Names of the files of weights in a folder, with that of their index where they are divided.

    Raises:
        ValueError: undivided and divided weights beside one another, or parts that are not those of one model.
    """
    parts = {path.name: match for path in folder.glob("model-*") if (match := PART.fullmatch(path.name))}
    has_whole, has_index = ((folder / name).exists() for name in (WEIGHTS_FILE, INDEX_FILE))
    if has_whole and (parts or has_index):
        raise ValueError(
            f"{folder} has {WEIGHTS_FILE} and {min(parts, default=INDEX_FILE)}, which are weights of two models; "
            "delete the files of the other one."
        )
    if not parts:
        return [name for name, is_there in ((WEIGHTS_FILE, has_whole), (INDEX_FILE, has_index)) if is_there]
    if not has_index:
        raise ValueError(f"{folder} has {min(parts)} without {INDEX_FILE}, which says what it is a part of.")
    number = len(parts)
    expected = [f"model-{place:05d}-of-{number:05d}.safetensors" for place in range(1, number + 1)]
    if strange := sorted(set(parts) - set(expected)):
        raise ValueError(
            f"{folder} has {strange[0]}, but {number} files of weights: parts are missing, or of another."
        )
    return [*expected, INDEX_FILE]


def check_weights(file: Path) -> None:
    """
    Checks a file of weights by itself.

    Raises:
        ValueError: something besides tensors in it, a tensor of a type that `save_pretrained` does not write, a value
            that is infinite or NaN, or statistics of batch norm that cannot be.
        SafetensorError: no such file, or one with bytes that belong to no tensor.
    """
    with safe_open(file, framework="pt") as weights:
        header = read_header(file)
        if strange := {name: text for name, text in (weights.metadata() or {}).items() if _METADATA.get(name) != text}:
            name, text = min(strange.items())
            raise ValueError(
                f"its metadata have {name[:100]!r}: {text[:60]!r}, which `save_pretrained` does not write"
            )
        for name, entry in header.items():
            if name != "__metadata__":
                check_fields(entry, _HEADER, name[:100])
                if entry["dtype"] not in (*_FLOATS, *_OTHERS.values()):
                    raise ValueError(
                        f"the tensor {name[:200]!r} has the type {entry['dtype'][:20]}; it must be one of "
                        f"{', '.join((*_FLOATS, *_OTHERS.values()))}"
                    )
        names = weights.keys()
        if faulty := [name for name in names if non_finite_tensors({name: weights.get_tensor(name)})]:
            raise ValueError(f"infinite or NaN in {describe_tensors(faulty)}")
        if faulty := [name for name in names if not are_statistics(name, weights)]:
            raise ValueError(
                f"batch norm cannot have the values of {describe_tensors(faulty)}: below zero, or more than "
                f"{_MAX_BATCHES:,} batches"
            )


def are_statistics(name: str, weights: Any) -> bool:
    """Whether a tensor of an open file, if it is one of these statistics of batch norm, has values that they have."""
    if not name.endswith((_NUM_BATCHES, _VARIANCE)):
        return True
    tensor = weights.get_tensor(name)
    return bool((tensor >= 0).all()) and (name.endswith(_VARIANCE) or bool((tensor <= _MAX_BATCHES).all()))


def read_header(file: Path) -> dict[str, Any]:
    """
    The description of the tensors in safetensors.

    Raises:
        ValueError: a name is there twice, or the description has blanks, another order or another spelling than the
            library writes, which may say something.
    """
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        content = stream.read(size)
    header: dict[str, Any] = json.loads(content, object_pairs_hook=without_twins)
    written = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    places = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
    if content != written + b" " * (-len(written) % 8) or places != sorted(places):
        raise ValueError("its header is not written as safetensors does; load the model and save it again")
    return header


def check_tensors(folder: Path, names: Sequence[str], config: PreTrainedConfig) -> None:
    """
    Checks that weights are exactly the tensors of a model, each once.

    Args:
        folder: of the model.
        names: its files of weights, and their index.
        config: of the model.

    Raises:
        ValueError: a tensor that the model does not have, that is missing or has another shape, or an index that says
            otherwise.
    """
    headers = {folder / name: read_header(folder / name) for name in names if name != INDEX_FILE}
    tensors, _ = tensors_by_file(build_without_values(folder, config), chain(*headers.values()))
    expected = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
    files_of: dict[str, str] = {}
    for file, header in headers.items():
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if name not in expected:
                raise ValueError(
                    f"{file} has the tensor {name[:200]!r}, which the model of config.json does not have."
                )
            if name in files_of:
                raise ValueError(f"{file} has the tensor {name}, which {files_of[name]} has, too.")
            shape, dtype = expected[name]
            kinds = _FLOATS if dtype.is_floating_point else (_OTHERS.get(dtype),)
            if tuple(entry["shape"]) != shape or entry["dtype"] not in kinds:
                raise ValueError(
                    f"{file}: the tensor {name} has the shape {tuple(entry['shape'])} and the type {entry['dtype']}; "
                    f"by config.json it must be {shape} and {'a float' if dtype.is_floating_point else str(dtype)}."
                )
            files_of[name] = file.name
    if missing := sorted(expected.keys() - files_of.keys()):
        raise ValueError(f"{folder}: its weights lack {describe_tensors(missing)} of the model of config.json.")
    if INDEX_FILE in names:
        check_index(folder / INDEX_FILE, files_of, headers.values())


def check_index(file: Path, files_of: dict[str, str], headers: Iterable[dict[str, Any]]) -> None:
    """
    Checks what the index of divided weights says of them.

    Args:
        file: the index.
        files_of: name of the file of each tensor.
        headers: of these files.

    Raises:
        ValueError: another file for a tensor, or other sizes in all than those of the tensors.
    """
    values = read_json_object(file)
    if values.get("weight_map") != files_of:
        raise ValueError(f"{file}: `weight_map` does not name the file of each tensor.")
    entries = [entry for header in headers for name, entry in header.items() if name != "__metadata__"]
    num_bytes = sum(end - start for start, end in (entry["data_offsets"] for entry in entries))
    num_values = sum(math.prod(entry["shape"]) for entry in entries)
    metadata = values.get("metadata", {})
    if metadata.get("total_size", num_bytes) != num_bytes:
        raise ValueError(f"{file}: `metadata.total_size` must be {num_bytes:,}, the bytes of all tensors.")
    if not 0 <= metadata.get("total_parameters", 0) <= num_values:  # without the statistics, which are no parameters
        raise ValueError(
            f"{file}: `metadata.total_parameters` must be at most {num_values:,}, the values of all tensors."
        )
