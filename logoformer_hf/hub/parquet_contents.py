"""Checks that Parquet files, before they are published, have the columns and metadata of this package, and no more."""

import filecmp
import json
import re
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import Features

from ..data.identity import CONTENT_ID
from ..data.jpeg_parts import check_is_plain
from ..data.json_fields import check_fields
from ..data.seal import SEAL, seal
from ..data.shard_contents import (
    ROWS_AT_ONCE,
    check_columns,
    check_labels,
    errors_of_parquet,
    first_row_without_frames,
    is_as_written,
    label_names,
    schema_parts,
    shard_writer,
)
from ..data.trained_on import METADATA_KEY
from .name_contents import MAX_FOLDS, MAX_NAME, check_clip_name, check_names_in, check_text

_MAGIC = b"PAR1"
_WRITER = re.compile(r"parquet-cpp-arrow version [0-9][\w.-]{0,40}")
_ARROW = b"ARROW:schema"
_FIELD_ID = b"PARQUET:field_id"
_FEATURES = b"huggingface"
_CHUNKING = b"content_defined_chunking"  # `Dataset.to_parquet` notes its page sizes; it stays behind
_CONTENT_ID = "^[0-9a-f]{32}$"
# Of a column in the description by `datasets`.
_OF_FEATURE: dict[str, Any] = {
    **{name: str | None for name in ("_type", "dtype")},
    **{name: types.NoneType for name in ("mode", "id")},  # texts that `datasets` would keep
    **{"decode": bool, "length": int | None, "num_classes": int | None, "names": list[str] | None},
}
_OF_FEATURE = {**_OF_FEATURE, "feature": {**_OF_FEATURE, "feature": types.NoneType}}
_CHECKED = ("clip_id", "video", "num_frames", "label", CONTENT_ID)  # by other checks than those of names
_KINDS_OF_FEATURES = ("ClassLabel", "Image", "LargeList", "List", "Sequence", "Value")


def check_record(file: Path) -> None:
    """Raises a ValueError for more than columns and metadata of `trained_on.parquet`, whose content is read before."""
    with opened(file) as record:
        check_outside_of_columns(file, record, {METADATA_KEY, _ARROW})


def description_of(shards: Iterable[Path]) -> Mapping[bytes, bytes]:
    """
    What the columns of a data set mean, for a shard that was written again without it.

    Args:
        shards: all of the data set.

    Returns:
        The metadata of the first shard that has features for `datasets`, and its digest if it has one; empty where
        none has them.
    """
    for file in shards:
        with opened(file) as shard:
            metadata = shard.schema_arrow.metadata or {}
        if _FEATURES in metadata:
            return {key: metadata[key] for key in (_FEATURES, SEAL) if key in metadata}
    return {}


def check_shard(
    file: Path, columns: Collection[str], description: Mapping[bytes, bytes], clip_names: dict[str, Path]
) -> None:
    """
    Checks that a Parquet file holds clips with embedded JPEGs, and nothing else.

    Args:
        file: the shard.
        columns: names of the columns that it may have.
        description: of the columns, see `description_of`.
        clip_names: names of the clips in other shards, with their shard; those of this one are added.

    Raises:
        ValueError: other columns or metadata, a frame that is no JPEG or has more than its picture, a label that does
            not exist, or a name that is no name or is there twice; the message names the file.
    """
    with opened(file) as shard:
        schema = described(shard.schema_arrow, description)
        if not shard.metadata.num_rows:
            raise ValueError(f"{file} has no clips; prepare it again.")
        if strange := sorted(set(schema.names) - set(columns)):
            raise ValueError(f"{file} has the column {strange[0][:100]!r}, which shards of this data set do not have.")
        check_columns(schema, file)
        check_outside_of_columns(file, shard, {_FEATURES, SEAL, _ARROW, _CHUNKING})
        num_labels = check_class_names(schema, description, file)
        check_features(file, schema)
        if not is_as_written(schema):
            raise ValueError(f"{file} is damaged (the description of its columns was changed); prepare it again.")
        for batch in shard.iter_batches(batch_size=ROWS_AT_ONCE):
            batch.validate(full=True)  # e.g. texts that are not UTF-8
            check_names(file, batch, clip_names)
            check_rows(file, batch, num_labels)


def as_written(file: Path, folder: Path, description: Mapping[bytes, bytes]) -> Path:
    """
    A shard as this package writes its rows, so that nothing but its rows is published.

    A Parquet file has room for more: unknown fields of its footer and its pages, statistics, values of no row.

    Args:
        file: a shard that was checked.
        folder: for a shard that has to be written again.
        description: of the columns, see `description_of`.

    Returns:
        The file, if it is byte by byte what is written now, and otherwise another one in `folder`.
    """
    new = folder / file.name
    with opened(file) as shard:
        found = described(shard.schema_arrow, description)
        schema = Features.from_arrow_schema(found).arrow_schema
        if SEAL in (found.metadata or {}):
            schema = seal(schema, schema_parts(schema))
        with shard_writer(new, schema) as writer:
            for rows in shard.iter_batches(batch_size=ROWS_AT_ONCE):
                writer.write_table(pa.Table.from_batches([rows]).replace_schema_metadata(schema.metadata))
    if not filecmp.cmp(file, new, shallow=False):
        return new
    new.unlink()
    return file


def described(schema: pa.Schema, description: Mapping[bytes, bytes]) -> pa.Schema:
    """The columns of a shard with their description: its own, or that of the data set where it has none."""
    return schema if _FEATURES in (schema.metadata or {}) else schema.with_metadata(dict(description))


def check_class_names(schema: pa.Schema, description: Mapping[bytes, bytes], file: Path) -> int:
    """Number of the classes. Raises a ValueError where their names are nowhere, differ or are no names."""
    if _FEATURES not in (schema.metadata or {}):
        raise ValueError(
            f"{file} has no names of its classes, and neither has another shard beside it, so its labels mean "
            "nothing; prepare it again."
        )
    names = label_names(schema, file)
    if names != label_names(schema.with_metadata(dict(description)), file):
        raise ValueError(f"{file} has other names of classes than the shards beside it; prepare it again.")
    for name in names:
        try:
            check_text(name, MAX_NAME)
        except ValueError as error:
            raise ValueError(f"{file}: the name of a class is {error}.") from error
    return len(names)


def check_names(file: Path, rows: pa.RecordBatch, clip_names: dict[str, Path]) -> None:
    """
    Checks the texts and the folds of rows.

    Args:
        file: the shard.
        rows: some of its rows.
        clip_names: names of the clips before them, with their shard; those of the rows are added.

    Raises:
        ValueError: a clip whose name is no name or another clip's, a text of another column that is no name, or a
            fold that does not exist.
    """
    names = rows.column("clip_id")
    if names.null_count:
        raise ValueError(f"{file} has a clip without a name.")
    for name in names.to_pylist():
        try:
            check_clip_name(name)
        except ValueError as error:
            raise ValueError(f"{file}: `clip_id` is {error}.") from error
        if name in clip_names:
            other = "" if clip_names[name] == file else f", the first one in {clip_names[name].name}"
            raise ValueError(f"{file}: two clips have the name {name[:100]!r}{other}; keep one of them.")
        clip_names[name] = file
    for field in rows.schema:
        column = rows.column(field.name)
        if field.name == "fold":
            for fold in column.unique().to_pylist():
                if fold is not None and not (type(fold) is int and 1 <= fold <= MAX_FOLDS):
                    raise ValueError(f"{file}: `fold` is {fold!r:.60}; it must be from 1 to {MAX_FOLDS:,}.")
        elif field.name not in _CHECKED:
            try:
                check_names_in(column, f"`{field.name}`")
            except ValueError as error:
                raise ValueError(f"{file}: {error}.") from error


def check_rows(file: Path, rows: pa.RecordBatch, num_labels: int) -> None:
    """Raises a ValueError for a row of a shard that is not as this package writes it."""
    names, videos = rows.column("clip_id"), rows.column("video")
    check_labels(rows.column("label"), names, num_labels, file)
    number = first_row_without_frames(pa.chunked_array([videos]))
    if number is not None:
        raise ValueError(
            f"{file}, clip {names[number].as_py()}: a frame has no content, only a path, or there is no frame."
        )
    is_other = pc.fill_null(pc.not_equal(pc.list_value_length(videos), rows.column("num_frames")), True)
    if (number := pc.index(is_other, True).as_py()) >= 0:
        raise ValueError(f"{file}, clip {names[number].as_py()}: `num_frames` is not the number of its frames.")
    if CONTENT_ID in rows.schema.names:
        is_id = pc.fill_null(pc.match_substring_regex(rows.column(CONTENT_ID), _CONTENT_ID), True)
        if (number := pc.index(is_id, False).as_py()) >= 0:
            raise ValueError(f"{file}, clip {names[number].as_py()}: `{CONTENT_ID}` is no identifier of a clip.")
    frames, clips = videos.flatten(), pc.list_parent_indices(videos)
    for place, content in enumerate(frames.field("bytes")):
        try:
            check_is_plain(content.as_py())
        except ValueError as error:
            clip = names[clips[place].as_py()].as_py()
            raise ValueError(f"{file}, clip {clip}: a frame is {error}; prepare the clips again.") from error
    if frames.field("path").null_count < len(frames):
        raise ValueError(f"{file}: a frame has a path besides its content; prepare the clips again.")


def check_outside_of_columns(file: Path, opened_file: pq.ParquetFile, keys: Collection[bytes]) -> None:
    """
    Checks what a Parquet file has besides the values of its columns.

    Args:
        file: the file.
        opened_file: the same, opened.
        keys: names of the metadata that it may have.

    Raises:
        ValueError: other metadata, or bytes that belong to no column.
    """
    metadata = opened_file.metadata
    if strange := sorted(set(metadata.metadata or ()) - set(keys)):
        raise ValueError(f"{file} has metadata {strange[0][:100]!r}, which this package does not write.")
    if not _WRITER.fullmatch(metadata.created_by or ""):
        raise ValueError(
            f"{file} is written by {metadata.created_by!r:.100}, and not by this package; prepare it again."
        )
    fields = list(opened_file.schema_arrow)
    while fields:
        field = fields.pop()
        if set(field.metadata or ()) - {_FIELD_ID}:
            raise ValueError(
                f"{file} has metadata of the column {field.name[:100]!r}, which this package does not write."
            )
        fields += [field.type.field(number) for number in range(field.type.num_fields)]
    place = len(_MAGIC)
    for start, end in sorted(ranges_of_columns(metadata)):
        if start != place:
            raise ValueError(f"{file} has bytes at {place:,} that belong to no column.")
        place = end
    with file.open("rb") as stream:
        size = stream.seek(-8, 2) + 8
        footer = int.from_bytes(stream.read(4), "little")
        rest = size - 8 - footer - place
        # A page index lies between columns and footer. The library does not say where, and it is never sent.
        if stream.read() != _MAGIC or rest < 0 or (rest and not has_page_index(metadata)):
            raise ValueError(f"{file} has bytes at {place:,} that belong to no column.")


def ranges_of_columns(metadata: pq.FileMetaData) -> Iterator[tuple[int, int]]:
    """First byte of each column in each group of rows, and the one behind it."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            pages = (column.dictionary_page_offset, column.data_page_offset)  # 0 or None without such a page
            if column.total_compressed_size:
                start = min(filter(None, pages), default=0)
                yield start, start + column.total_compressed_size


def has_page_index(metadata: pq.FileMetaData) -> bool:
    """Whether a file has places of its pages and their smallest and largest values, by which readers skip some."""
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    columns = (group.column(place) for group in groups for place in range(group.num_columns))
    return any(column.has_column_index or column.has_offset_index for column in columns)


def check_features(file: Path, schema: pa.Schema) -> None:
    """Raises a ValueError where `datasets` is told of other columns, or more of these, than there are."""
    try:
        description = json.loads(schema.metadata[_FEATURES])
        check_fields(description, {"info": {"features": {name: _OF_FEATURE for name in schema.names}}})
        features = description["info"]["features"]
        inner = [feature["feature"] for feature in features.values() if feature.get("feature") is not None]
        if any(feature["_type"] not in _KINDS_OF_FEATURES for feature in (*features.values(), *inner)):
            raise ValueError("a column of an unknown kind")
        described = Features.from_dict(features).arrow_schema
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"{file}: the description of its columns is not this package's: {error}.") from error
    if described.remove_metadata() != schema.remove_metadata():
        raise ValueError(f"{file}: the description of its columns is not that of the columns that it has.")


@contextmanager
def opened(file: Path) -> Iterator[pq.ParquetFile]:
    """An opened Parquet file; what the library raises for a damaged one becomes a ValueError with its name."""
    with errors_of_parquet(file), pq.ParquetFile(file, page_checksum_verification=True) as parquet:
        yield parquet
