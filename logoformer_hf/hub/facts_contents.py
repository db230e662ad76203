"""Checks the JSON files of prepared shards, before they are published: settings, and facts about the data set."""

import re
from pathlib import Path

from .._files import read_json_object
from ..data.facts import DataFacts
from ..data.json_fields import check_fields, shown
from ..data.shard_contents import SETTING_RANGES, SETTINGS
from ..data.sources.prepared import facts_in
from ..data.sources.table import SOURCES
from .json_contents import check_is_plain
from .name_contents import MAX_FOLDS, MAX_NAME, MAX_TEXT, check_clip_name, check_range, check_text

_FINGERPRINT = re.compile(r"[0-9]{1,12} clips, [0-9a-f]{16}")
_FACES = re.compile(r"(.*) [0-9a-f]{8}, geometry [0-9a-f]{8}")  # as `data.face_crops` writes it
_SPLITS = ("train", "validation", "test")


def check_settings(file: Path) -> None:
    """Raises a ValueError for settings of shards with fields or values that `logoformer prepare` does not write."""
    values = read_json_object(file)
    check_is_plain(file)
    check_fields(values, SETTINGS)
    for name, (least, most) in SETTING_RANGES.items():
        check_range(values.get(name), least, most, name)
    for split, text in values["clips"].items():
        if not _FINGERPRINT.fullmatch(text):
            raise ValueError(f"`clips.{split}` is {shown(text)}, and not the number and the digest of the clips")
    check_faces(values.get("faces"))


def check_facts(file: Path) -> None:
    """Raises a ValueError for facts about a data set that `logoformer prepare` does not write."""
    check_is_plain(file)
    facts = facts_in(file)
    check_data_set(facts)
    check_range(facts.num_folds, 1, MAX_FOLDS, "num_folds")
    check_faces(facts.faces)
    for number, clip in enumerate(facts.left_out):
        where = f"left_out[{number}]"
        check_field(f"{where}.clip_id", clip.clip_id)
        if clip.split not in _SPLITS:
            raise ValueError(f"`{where}.split` is {shown(clip.split)}; it must be one of {', '.join(_SPLITS)}")
        check_range(clip.fold, 1, MAX_FOLDS, f"{where}.fold")
        check_field(f"{where}.label", clip.label or "")


def check_data_set(facts: DataFacts) -> None:
    """
    Raises a ValueError for a data set that `logoformer prepare` does not know, whose terms would not be known either,
    or for a name or a setup that is no short text.
    """
    known = [name for name, source in SOURCES.items() if source.is_on_disk]
    if facts.dataset not in known:
        raise ValueError(f"`dataset` is {shown(facts.dataset)}; it must be one of {', '.join(known)}")
    check_field("dataset_name", facts.dataset_name)
    if "/" in facts.dataset_name:  # a name of a folder has none
        raise ValueError(f"`dataset_name` is {shown(facts.dataset_name)}, a path and not a name")
    check_field("setup", facts.setup or "", MAX_TEXT)


def check_faces(faces: str | None) -> None:
    """Raises a ValueError for a description of the crops that is not that of this package."""
    match = _FACES.fullmatch(faces or "")
    if faces is not None and match is None:
        raise ValueError(
            f"`faces` is {shown(faces)}; it must be the detector of faces, its digest and that of the geometry"
        )
    check_field("faces", match[1] if match else "")


def check_field(field: str, text: str, max_length: int = MAX_NAME) -> None:
    """Checks a text, or the name of a clip in a field `clip_id`; the error names the field."""
    try:
        if field.endswith("clip_id"):
            check_clip_name(text)
        else:
            check_text(text, max_length)
    except ValueError as error:
        raise ValueError(f"`{field}` is {error}") from error
