"""Checks that the texts of a folder, before they are published, are this package's card and report."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..data.json_fields import Kind, check_fields

CARD_FILE, REPORT_FILE = "README.md", "report.md"
_MAX_METADATA = 2**16  # characters; the reader of YAML is slow
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_EXAMPLE = re.compile(r"examples/\w+\.mp4")
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null"))
_COMMON = {"license": str, "license_name": str, "license_link": str, "tags": list[str]}
# The metadata of cards that this package writes, for `json_fields.check_fields`.
MODEL_METADATA: Mapping[str, Kind] = {
    **_COMMON,
    "library_name": str,
    "pipeline_tag": str,
    "metrics": list[str],
    "base_model": str | list[str],
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
    for shown in check_card(file, MODEL_METADATA).get("widget", ()):
        if not _EXAMPLE.fullmatch(shown.get("src", "")):
            raise ValueError(f"its `widget` shows {shown.get('src')!r:.100}, and not an example of this package")


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
    Checks a card. Its text may be anybody's; its metadata, which the Hub acts on, are those that this package writes.

    Args:
        file: the card.
        kinds: `MODEL_METADATA` or `DATASET_METADATA`.

    Returns:
        The metadata.

    Raises:
        ValueError: no metadata, others, or no text with a heading.
    """
    text = read_text(file)
    start, _, rest = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not any(line.startswith("# ") for line in rest.splitlines()):
        raise ValueError("it is no card: metadata between lines of `---`, and a text with a heading")
    metadata = read_metadata(start)
    if strange := [name for name in metadata if name not in kinds]:
        raise ValueError(
            f"its metadata have {str(strange[0])[:100]!r}, which no card of this package has; they have "
            f"{', '.join(sorted(kinds))}. Add others on the page of the repository, after the push"
        )
    check_fields(metadata, dict(kinds))
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
        loader = yaml.SafeLoader(text)
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
