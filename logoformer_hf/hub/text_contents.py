"""Checks that the texts of a folder, before they are published, are this package's card and report."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ..data.json_fields import Kind, check_fields

CARD_FILE, REPORT_FILE = "README.md", "report.md"
_MAX_METADATA = 2**16  # characters; the reader of YAML is slow
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_REAL = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
_EXAMPLE = re.compile(r"examples/\w+\.mp4")
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null"))
_START = re.compile(r"---[ \t]*\n")
# An address, or the path of a file in the repository.
_LINK = re.compile(r"https://\S+|(?!\.\.?/)[\w.-]+(?:/(?!\.\.?/)[\w.-]+)*")
_TEXTS = str | list[str] | None
_COMMON: Mapping[str, Kind] = {
    "language": _TEXTS,
    "license": _TEXTS,
    "license_name": str | None,
    "license_link": str | None,
    "tags": str | float | list[str | float] | None,
    "thumbnail": str | None,
}


class Loader(yaml.SafeLoader):
    """Reads YAML 1.2, as the Hub does: `no` is Norwegian, and not false as in YAML 1.1."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (of the library)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":bool")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"])


@dataclass(frozen=True)
class Emissions:
    """The metadata of a card on the CO2 that training emitted, in grams."""

    emissions: float
    source: str
    training_type: str
    geographical_location: str
    hardware_used: str


# The metadata of cards that this package writes, and others that are usual on the Hub, for `json_fields.check_fields`.
MODEL_METADATA: Mapping[str, Kind] = {
    **_COMMON,
    "library_name": str,
    "pipeline_tag": str,
    "metrics": _TEXTS,
    "datasets": _TEXTS,
    "base_model": _TEXTS,
    "base_model_relation": str | None,
    "new_version": str | None,
    "inference": bool | str | dict[str, dict[str, str | float | bool]] | None,
    "co2_eq_emissions": float | Emissions,
    "widget": [{"src": str, "example_title": str}],
    "model-index": [
        {
            "name": str,
            "results": [
                {
                    "task": {"type": str, "name": str},
                    "dataset": {"name": str, "type": str, "split": str},
                    "metrics": [{"type": str, "value": float, "name": str, "args": {"average": str}}],
                }
            ],
        }
    ],
}
DATASET_METADATA: Mapping[str, Kind] = {
    **_COMMON,
    "pretty_name": str,
    "task_categories": list[str],
    "size_categories": list[str],
    "viewer": bool,
    "configs": [{"config_name": str, "data_files": [{"split": str, "path": str}]}],
}


def check_report(file: Path) -> None:
    """Raises a ValueError for a text that is not the report that this package writes."""
    text = read_text(file)
    if not (text.startswith("# ") and "\n## UAR and WAR in percent" in text):
        raise ValueError("it does not begin with the heading of a report, followed by UAR and WAR")


def check_model_card(file: Path) -> None:
    """Raises a ValueError for a text that is not the card of a model, or whose metadata lead elsewhere."""
    metadata = check_card(file, MODEL_METADATA)
    for shown in metadata.get("widget", ()):
        if not _EXAMPLE.fullmatch(shown.get("src", "")):
            raise ValueError(f"its `widget` shows {shown.get('src')!r:.100}, and not an example of this package")
    models = metadata.get("base_model") or ()
    for name in (models,) if isinstance(models, str) else models:
        try:
            validate_repo_id(name)
        except HFValidationError as error:
            raise ValueError(f"its `base_model` is {name!r:.100}, and not the name of a model on the Hub") from error


def check_dataset_card(file: Path) -> None:
    """Raises a ValueError for a text that is not the card of a data set, or whose metadata lead elsewhere."""
    for config in check_card(file, DATASET_METADATA).get("configs", ()):
        for files in config.get("data_files", ()):
            if files.get("path") != f"data/{files.get('split')}-*.parquet":
                raise ValueError(
                    f"its `configs` take the clips from {files.get('path')!r:.100}, and not from the shards"
                )


def check_card(file: Path, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """
    Checks a card. Its text may be anybody's; its metadata, which the Hub acts on, have only the fields of `kinds`.

    Args:
        file: the card.
        kinds: `MODEL_METADATA` or `DATASET_METADATA`.

    Returns:
        The metadata.

    Raises:
        ValueError: no metadata, others, or no text with a heading.
    """
    text = read_text(file).removeprefix("\ufeff")
    opening = _START.match(text)
    start, _, rest = text[opening.end() if opening else 0 :].partition("\n---\n")
    if opening is None or not any(line.startswith("# ") for line in rest.splitlines()):
        raise ValueError("it is no card: metadata between lines of `---`, and a text with a heading")
    metadata = read_metadata(start)
    if strange := [name for name in metadata if name not in kinds]:
        raise ValueError(
            f"its metadata have {str(strange[0])[:100]!r}, which is not accepted; accepted are "
            f"{', '.join(sorted(kinds))}. Add others on the page of the repository, after the push"
        )
    check_fields(metadata, dict(kinds))
    for name in ("license_link", "thumbnail"):
        if (link := metadata.get(name)) and not _LINK.fullmatch(link):
            raise ValueError(
                f"its `{name}` is {link!r:.100}; it must be an https:// address or a file beside the card"
            )
    return metadata


def read_text(file: Path) -> str:
    """A text. Raises a ValueError for other files."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text in UTF-8: byte {error.start} is none") from error
    if "\0" in text:
        raise ValueError("a NUL character, so it is no text")
    return text.replace("\r\n", "\n")


def read_metadata(text: str) -> dict[str, Any]:
    """The metadata of a card. Raises a ValueError for YAML with other values than JSON has, or with references."""
    if len(text) > _MAX_METADATA:
        raise ValueError(f"its metadata have {len(text):,} characters; at most {_MAX_METADATA:,}")
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        check_nodes(node)
        metadata = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(f"its metadata are no YAML: {' '.join(str(error).split())[:300]}") from error
    except RecursionError as error:
        raise ValueError("its metadata are nested too deeply") from error
    if not isinstance(metadata, dict):
        raise ValueError("its metadata are no fields with values")
    return metadata


def check_nodes(node: yaml.Node | None) -> None:
    """Raises a ValueError for YAML with times, tags, a field that is there twice, or the same value in two places."""
    waiting, known = [] if node is None else [node], set()
    while waiting:
        node = waiting.pop()
        place = f"its metadata, line {node.start_mark.line + 2}"
        if node.tag not in _TAGS:
            kind = node.tag.removeprefix("tag:yaml.org,2002:")[:100]
            raise ValueError(f"{place}: a value of the kind {kind!r}; put a text in quotation marks")
        if id(node) in known:
            raise ValueError(f"{place}: a reference to another value (`&` and `*`)")
        known.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
            if len(names) < len(node.value) or len(set(names)) < len(names):
                raise ValueError(f"{place}: a field that is there twice, or whose name is no text")
            waiting += [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif node.tag.endswith(":int") and not _NUMBER.fullmatch(node.value):
            raise ValueError(f"{place}: {node.value[:60]!r}, which is no number of up to 18 digits")
        elif node.tag.endswith(":float") and not _REAL.fullmatch(node.value):
            raise ValueError(f"{place}: {node.value[:60]!r}, which is no finite number")
