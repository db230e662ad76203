"""Checks what is in prepared shards, which may be from somebody else, before a clip of them is read."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .._files import read_json_object
from ..image_reading_logoformer import first_line
from .json_fields import check_fields
from .seal import is_as_sealed

SETTINGS_FILE = "prepare_settings.json"
# What `prepare_shards` writes into it.
SETTINGS = {
    **{name: int for name in ("version", "side_px", "jpeg_quality", "clips_per_shard")},
    **{"clips": dict[str, str], "faces": str | None, "content_id": bool},
}
SETTINGS_VERSION = 1  # increased whenever the same settings would give other shards
# What numbers among them may be.
SETTING_RANGES = {
    "version": (1, SETTINGS_VERSION),
    "side_px": (1, 65_500),
    "jpeg_quality": (1, 95),
    "clips_per_shard": (1, 10**12),
}
ROWS_AT_ONCE = 50  # rows of a row group, the smallest part that a reader of the shards loads
# Frames are JPEGs, which Parquet cannot make smaller: a file that unpacks to far more holds something else.
MAX_UNPACKED_FACTOR, MAX_UNPACKED_BYTES = 20, 2**27


def shard_files(folder: Path) -> dict[str, list[Path]]:
    """
    The shards of every split.

    Raises:
        FileNotFoundError: the folder has no shards, or some are missing.
        ValueError: its settings are damaged, or a shard is no regular file or not readable as Parquet.
    """
    if not (folder / SETTINGS_FILE).exists():
        raise FileNotFoundError(f"{folder} is not a folder of prepared shards: it has no {SETTINGS_FILE}.")
    splits = read_json_object(folder / SETTINGS_FILE).get("clips")
    if not isinstance(splits, dict) or not splits or not all(re.fullmatch(r"\w{1,100}", split) for split in splits):
        raise ValueError(f"{folder / SETTINGS_FILE}: `clips` must have the names of the splits, which are words.")
    files_of = {}
    for split in splits:
        files = sorted((folder / "data").glob(f"{split}-*-of-*.parquet"))
        expected = [f"{split}-{number:05d}-of-{len(files):05d}.parquet" for number in range(len(files))]
        if not files or [file.name for file in files] != expected:
            raise FileNotFoundError(
                f"{folder}: {len(files)} shards of {split!r} exist, and others are missing. Prepare them again with "
                "the same arguments: only the missing ones are written."
            )
        for file in files:
            check_shard_file(file)
        files_of[split] = files
    return files_of


def check_shard_file(file: Path) -> None:
    """Raises a ValueError for a file that is no Parquet with columns of clips, or unpacks to far more than it has."""
    if not file.is_file():
        raise ValueError(f"{file} is not a file, but a folder, a device or a pipe; shards are files.")
    with errors_of_parquet(file):
        metadata = pq.read_metadata(file)
        columns = metadata.schema.to_arrow_schema()
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    check_columns(columns, file)
    unpacked, size = sum(group.total_byte_size for group in groups), file.stat().st_size
    if unpacked > MAX_UNPACKED_BYTES + MAX_UNPACKED_FACTOR * size:
        raise ValueError(
            f"{file} has {size / 1e6:,.1f} MB and unpacks to {unpacked / 1e6:,.0f} MB; shards of JPEGs do not."
        )


@contextmanager
def errors_of_parquet(file: Path) -> Iterator[None]:
    """What is raised for a damaged Parquet file becomes a ValueError with its name."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last for names of columns
        raise ValueError(f"{file} is not readable as Parquet ({first_line(error)}); prepare it again.") from error


def shard_writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Writes shards. The same rows in tables of `ROWS_AT_ONCE` give the same bytes, with one version of pyarrow."""
    return pq.ParquetWriter(file, schema, write_page_checksum=True)


def check_columns(schema: pa.Schema, file: Path) -> None:
    """
    Checks names and types of the columns of a shard.

    Raises:
        ValueError: a column that is missing, there twice, or of another type; the message names it and the file.
    """
    names = schema.names
    if missing := sorted({"clip_id", "video", "num_frames", "label"}.difference(names)):
        raise ValueError(f"{file} has no column {', '.join(missing)}; give shards by `logoformer prepare`.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{file} has the column {twice[0][:100]!r} twice; give shards by `logoformer prepare`.")
    for field in schema:
        if field.name == "video":
            expected, is_right = "a list of images with their bytes", is_list_of_images(field.type)
        elif field.name in ("label", "num_frames"):
            expected, is_right = "a whole number", pa.types.is_integer(field.type)
        elif field.name == "clip_id":
            expected, is_right = "a text", is_text(field.type)
        else:
            expected, is_right = "a text or a number", is_text(field.type) or pa.types.is_primitive(field.type)
        if not is_right:
            kind = str(field.type)[:100]
            raise ValueError(f"{file}: the column {field.name[:100]!r} is {kind}; it must be {expected}.")


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_list_of_images(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists of images as `datasets` stores them: bytes and a path."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        return False
    types = {field.name: field.type for field in kind.value_type}
    if set(types) != {"bytes", "path"} or kind.value_type.num_fields != 2:
        return False
    return (pa.types.is_binary(types["bytes"]) or pa.types.is_large_binary(types["bytes"])) and is_text(types["path"])


def label_names(schema: pa.Schema, file: Path) -> list[str]:
    """The names of the classes, by the description of `datasets` in a shard. Raises a ValueError where it has none."""
    try:
        names = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]["label"]["names"]
        check_fields(names, list[str], "names")
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} has no names of its classes ({type(error).__name__}); prepare it again.") from error
    return list(names)


def schema_parts(schema: pa.Schema) -> list[bytes]:
    """What the rows of a shard mean: the names of the columns, and the features with the names of the classes."""
    return [*(name.encode() for name in schema.names), (schema.metadata or {}).get(b"huggingface", b"")]


def is_as_written(schema: pa.Schema) -> bool:
    """Whether the columns of a shard, and their description, are those that were written."""
    return is_as_sealed(schema.metadata, schema_parts(schema))


def check_rows_of_shards(rows: Mapping[str, datasets.Dataset], where: str | Path) -> None:
    """
    Checks that every row holds its frames and has a label that exists. Pixels are not read.

    An `Image` of `datasets` may be a path instead of bytes, which would be read from this machine's disk and, once
    prepared again, published.

    Raises:
        ValueError: columns of other types, a clip with a path instead of a frame or without frames, or a label that
            is none of the classes; the message names the clip.
    """
    for split, clips in rows.items():
        if not has_embedded_frames(clips) or not isinstance(clips.features.get("label"), datasets.ClassLabel):
            raise ValueError(
                f"{where}: the columns of split {split!r} are not those of shards by `logoformer prepare`: `video` "
                "must be a list of images, and `label` a class."
            )
        if clips.features["clip_id"] != datasets.Value("string") or clips.data.column("clip_id").null_count:
            raise ValueError(f"{where}: `clip_id` must be the name of every clip of split {split!r}.")
        labels, names = clips.data.column("label"), clips.data.column("clip_id")
        check_labels(labels, names, clips.features["label"].num_classes, f"{where}, split {split!r}")
        number = first_row_without_frames(clips.data.column("video"))
        if number is not None:
            raise ValueError(
                f"{where}, split {split!r}, clip {names[number].as_py()}: a frame has no content, only a path, or "
                "there is no frame. Shards hold their frames themselves; nothing else is read from the disk for them."
            )


def has_embedded_frames(rows: datasets.Dataset) -> bool:
    """Whether `video` holds the images themselves, and not paths."""
    feature = rows.features["video"]
    return isinstance(feature, (datasets.List, datasets.LargeList)) and isinstance(feature.feature, datasets.Image)


def check_labels(labels: pa.ChunkedArray, names: pa.ChunkedArray, num_labels: int, where: str | Path) -> None:
    """
    Raises a ValueError for a row whose label is none of the classes.

    Args:
        labels: numbers of classes.
        names: names of the clips.
        num_labels: how many classes there are.
        where: the split or the file, for the message.
    """
    is_wrong = pc.fill_null(pc.or_(pc.less(labels, 0), pc.greater_equal(labels, num_labels)), True)
    number = pc.index(is_wrong, True).as_py()
    if number >= 0:
        raise ValueError(
            f"{where}, clip {names[number].as_py()}: the label is {labels[number].as_py()}; it must be from 0 to "
            f"{num_labels - 1}."
        )


def first_row_without_frames(column: pa.ChunkedArray) -> int | None:
    """Number of the first row that has no frame, or one without bytes; None where all have theirs."""
    before = 0
    for chunk in column.chunks:
        lengths = pc.fill_null(pc.list_value_length(chunk), 0)
        numbers = [pc.index(pc.equal(lengths, 0), True).as_py()]
        frames = chunk.flatten()
        if frames.null_count or frames.field("bytes").null_count:
            is_missing = pc.or_(frames.is_null(), frames.field("bytes").is_null())
            place = pc.index(is_missing, True).as_py()
            numbers.append(pc.list_parent_indices(chunk)[place].as_py())
        if found := [number for number in numbers if number >= 0]:
            return int(before + min(found))
        before += len(chunk)
    return None


def embedded_frames(frames: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """
    Embedded frames of a row without their paths, so that nothing can be read from the disk.

    Raises:
        ValueError: a frame without bytes.
    """
    for number, frame in enumerate(frames):
        if frame is None or frame["bytes"] is None:
            path = None if frame is None else frame["path"]
            raise ValueError(
                f"embedded frame {number} has no content, only the path {path!r}; embedded frames are bytes. A column "
                'of paths has the type `List(Value("string"))`.'
            )
    return [{"bytes": frame["bytes"], "path": None} for frame in frames]
