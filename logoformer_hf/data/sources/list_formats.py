"""Reads list files in the formats of this field: the clips, and the label of each clip as it is written."""

import codecs
import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..labels import canonical_expression
from .layouts import on_disk

# pandas writes the whole numbers of some columns as 0.0, with `decimal=","` as 0,0.
_NUMBER = r"[+-]?\d{1,9}(?:[.,]0*)?"

# Of a list; longer ones are those of another kind of file, or are made to keep the program busy.
MAX_FILE_BYTES = 2**30
MAX_LINE_CHARACTERS = 65_536

ACCEPTED = """\
Accepted, one clip a line:
  path count label    Former-DFER style, labels from 0
  path label          VideoMAE style, labels from 0
  path Happy          FERV39K style
or with a header that names the columns:
  video_name,label    DFEW's own lists, labels from 1
  path,label          (or path,id) labels from 0, or names; optionally also a column split
or Parquet with the columns path and label."""

# Usual names of the columns; if a list has several of them, the first one here is used.
_PATH_COLUMNS = ("video_name", "path", "video_path", "clip_path", "file_path", "video", "clip", "file_name", "file")
_LABEL_COLUMNS = ("label", "label_name", "expression", "emotion", "class", "id", "labels")
_SPLIT_COLUMNS = ("split",)
# Longer ones are no path and no label, on any system: a quote that is not closed, or a file of something else.
_MAX_NAME_BYTES, _MAX_PATH, _MAX_LABEL = 255, 4096, 255
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # "Unicode text" of Excel begins with one of them
_EXCEL_LINE = re.compile(r"sep=[,;]?", re.IGNORECASE)  # names what divides the fields; a tab is a blank at the end
_SHOWN = 120  # characters of a line in a message


class ListError(ValueError):
    """A list with an error; the message names the file, the line and how to correct it."""


@dataclass(frozen=True)
class ListedClip:
    """
    A clip of a list.

    Attributes:
        path: path as written in the list; in DFEW's own lists the number of the clip.
        label: class name; in a `RawList` the label as written, a number without sign or point that say nothing.
        line: line in the file, from 1; for Parquet the row.
        file: the list.
        split: value of the column `split`, None without this column.
    """

    path: str
    label: str
    line: int
    file: Path
    split: str | None = None

    def __str__(self) -> str:
        return f"{self.file}, {'row' if _is_parquet(self.file) else 'line'} {self.line}: {self.path}"


@dataclass(frozen=True)
class ListFormat:
    """
    A format of lists.

    Attributes:
        name: name for messages.
        first: number that labels are counted from, None if they are names.
        num_numbers: whole numbers at the end of a line, for lists without a header; the last one is the label.
    """

    name: str
    first: int | None
    num_numbers: int = 0


@dataclass(frozen=True)
class RawList:
    """A list as it is written: the `label` of its clips is not yet a class name."""

    file: Path
    format: ListFormat
    clips: list[ListedClip]


FORMER_DFER = ListFormat("Former-DFER style (path, frame count, label)", 0, num_numbers=2)
VIDEOMAE = ListFormat("VideoMAE style (path, label)", 0, num_numbers=1)
FERV39K = ListFormat("FERV39K style (path, expression)", None)


def read_raw_list(file: Path, names: Collection[str] = ()) -> RawList:
    """
    Reads a list; its format is recognised from its content.

    Args:
        file: the list.
        names: labels, in lower case, that may stand at the end of a line besides the names of the expressions.

    Raises:
        ListError: the list does not exist or is in no accepted format, or a line does not fit the others.
    """
    file = on_disk(file, {})
    if not file.is_file():
        raise ListError(f"{file}: there is no such list.")
    if file.stat().st_size > MAX_FILE_BYTES:
        raise ListError(f"{file}: the list has more than {MAX_FILE_BYTES >> 20:,} MiB; divide it.")
    if _is_parquet(file):
        raw = _read_parquet(file)
    else:
        lines = _text_lines(file)
        first = next((number for number, line in enumerate(lines, start=1) if line), None)
        if first is None:
            raise ListError(f"{file}: the list is empty.\n{ACCEPTED}")
        for delimiter in (",", ";", "\t"):
            header = _split_line(file, first, lines[first - 1], delimiter)
            if columns := _find_columns(header):
                _check_columns(file, header, columns)
                raw = _read_table(file, lines, first, delimiter, header, columns)
                break
        else:
            raw = _read_lines(file, lines, names)
    return raw


def _text_lines(file: Path) -> list[str]:
    """The lines of a list without blanks at their end. A first line `sep=;` for Excel becomes an empty one."""
    try:
        content = file.read_bytes()
        encoding = "UTF-16" if content.startswith(_UTF16_MARKS) else "UTF-8"
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise ListError(f"{file}: the list is not text in {encoding}; save it as UTF-8.") from None
    except OSError as error:
        raise ListError(f"{file}: the list cannot be read ({error.strerror}).") from error
    lines = [line.rstrip() for line in io.StringIO(text, newline=None)]
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise ListError(
                f"{file}, line {number}: the line has {len(line):,} characters; a list has at most "
                f"{MAX_LINE_CHARACTERS:,} in a line."
            )
        if "\0" in line:
            raise ListError(
                f"{file}, line {number}: the line has a NUL character, so the list is not text; save it anew."
            )
    if lines and _EXCEL_LINE.fullmatch(lines[0]):
        lines[0] = ""  # the lines below keep their numbers
    return lines


def _split_line(file: Path, number: int, line: str, delimiter: str) -> list[str]:
    """The fields of a line of a table."""
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error as error:  # a field of more than 131,072 characters; before Python 3.11 also a NUL
        raise ListError(f"{file}, line {number}: {_show(line)} is not a line of a table ({error}).") from None


def _show(text: str) -> str:
    """A text in quotes, its middle left out where it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} … {text[-_SHOWN // 2 :]}")


def _check_clip(clip: ListedClip) -> ListedClip:
    """The clip. Raises a ListError for a path that no file can have, or for a text that is no label."""
    where = f"{clip.file}, {'row' if _is_parquet(clip.file) else 'line'} {clip.line}"
    names = re.split(r"[\\/]", clip.path)
    if "\0" in clip.path or len(clip.path) > _MAX_PATH or any(len(name.encode()) > _MAX_NAME_BYTES for name in names):
        raise ListError(
            f"{where}: {_show(clip.path)} is no path of a file: it has {len(clip.path):,} characters, and may have "
            f"{_MAX_PATH:,}, no NUL among them, and {_MAX_NAME_BYTES} bytes in the name of a file or folder."
        )
    if "\0" in clip.label or len(clip.label) > _MAX_LABEL:
        raise ListError(
            f"{clip}: {_show(clip.label)} is no label: it has {len(clip.label):,} characters, and may have "
            f"{_MAX_LABEL}, no NUL among them."
        )
    return clip


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == ".parquet"


def _read_lines(file: Path, lines: list[str], names: Collection[str]) -> RawList:
    numbers = [number for number, line in enumerate(lines, start=1) if line]
    # The most specific format first: each later pattern also matches lines of the earlier ones.
    for format in (FORMER_DFER, VIDEOMAE, FERV39K):
        matches = {number: _match_line(format, lines[number - 1], names) for number in numbers}
        faulty = [number for number, match in matches.items() if match is None]
        if 2 * len(faulty) < len(numbers):
            break
    if faulty:
        others = f" Most others are {format.name}." if len(faulty) < len(numbers) else ""
        raise ListError(
            f"{file}, line {faulty[0]}: {_show(lines[faulty[0] - 1])} is not a clip with a label.{others}\n{ACCEPTED}"
        )
    clips = [_check_clip(ListedClip(*match, number, file)) for number, match in matches.items() if match]
    return RawList(file, format, clips if format.first is None else _whole_numbers(clips))


def _match_line(format: ListFormat, line: str, names: Collection[str]) -> tuple[str, str] | None:
    """Path and label of a line, None where it is not in this format; from the right, since paths may have blanks."""
    rest, label = line, ""
    for place in range(format.num_numbers or 1):
        parts = _split_last(rest)
        if parts is None or (format.num_numbers and not is_number(parts[1])):
            return None
        rest, label = parts[0], label if place else parts[1]
    label_name = label[:_MAX_LABEL]
    if format.first is None and canonical_expression(label_name) is None and label_name.lower() not in names:
        return None  # otherwise any line with a blank would be read as a path and a name
    return rest.lstrip(), label


def _split_last(line: str) -> tuple[str, str] | None:
    """
    A line without its last field, and that field: blanks, with a comma or a semicolon among them or without, divide
    them. None where there is no field before it. Its time grows with the length of the line, and no faster.
    """
    start = len(line)
    while start and not (line[start - 1] in ",;" or line[start - 1].isspace()):
        start -= 1
    before = line[:start].rstrip()
    if before and before[-1] in ",;":
        before = before[:-1].rstrip()
    if start == len(line) or not before or before[-1] in ",;":
        return None
    return before, line[start:]


def _find_columns(header: Sequence[str]) -> tuple[int, int, int | None] | None:
    """Indices of the columns path, label and split, None if the header does not name path and label."""
    names = [_column_name(name) for name in header]
    path, label, split = (
        next((names.index(name) for name in known if name in names), None)
        for known in (_PATH_COLUMNS, _LABEL_COLUMNS, _SPLIT_COLUMNS)
    )
    return None if path is None or label is None else (path, label, split)


def _check_columns(file: Path, header: Sequence[str], columns: tuple[int, int, int | None]) -> None:
    """Raises a ListError where the header names one of the columns twice, as joined tables do."""
    names = [_column_name(name) for name in header]
    for column in columns:
        if column is not None and names.count(names[column]) > 1:
            twice = ", ".join(repr(name) for name in header if _column_name(name) == names[column])
            raise ListError(f"{file}: the header has more than one column {names[column]!r} ({twice}); leave one.")


def _column_name(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _read_table(
    file: Path,
    lines: list[str],
    first: int,
    delimiter: str,
    header: list[str],
    columns: tuple[int, int, int | None],
) -> RawList:
    """Reads the lines below the header, which is line number `first`."""
    path, label, split = columns
    clips = []
    for line, text in enumerate(lines[first:], start=first + 1):
        if not text:
            continue
        fields = [field.strip() for field in _split_line(file, line, text, delimiter)]
        if len(fields) != len(header) or not fields[path] or not fields[label]:
            raise ListError(
                f"{file}, line {line}: {_show(text)} does not fit the header {_show(lines[first - 1])}: it needs "
                f"{len(header)} fields, path and label among them. A path with a {delimiter!r} in it must be in "
                "double quotes."
            )
        clip = ListedClip(fields[path], fields[label], line, file, None if split is None else fields[split])
        clips.append(_check_clip(clip))
    return _below_header(file, header, header[path], clips)


def _read_parquet(file: Path) -> RawList:
    try:
        names, values = _parquet_columns(file)
    except ListError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: bytes that are no text
        raise ListError(f"{file}: the file is not readable as Parquet ({_show(str(error))}).") from error
    columns = _find_columns(names)
    if columns is None:
        raise ListError(f"{file}: the columns are {_show(', '.join(names))}.\n{ACCEPTED}")
    _check_columns(file, names, columns)
    path_column, label_column, split_column = columns
    paths, labels = values[path_column], values[label_column]
    splits = [None] * len(paths) if split_column is None else values[split_column]
    clips = []
    for row, (path, label, split) in enumerate(zip(paths, labels, splits, strict=True), start=1):
        if not all(isinstance(value, (str, int, float)) and value == value and value != "" for value in (path, label)):
            raise ListError(
                f"{file}, row {row}: the path is {_show(str(path))} and the label {_show(str(label))}; both are "
                "needed, as texts or numbers."
            )
        clips.append(_check_clip(ListedClip(str(path), str(label), row, file, None if split is None else str(split))))
    return _below_header(file, names, names[path_column], clips)


def _parquet_columns(file: Path) -> tuple[list[str], list[list[Any]]]:
    """Names and values of the columns of a Parquet file, of the columns that are no part of a list without values."""
    table = pq.read_table(file, partitioning=None, page_checksum_verification=True)
    known = (*_PATH_COLUMNS, *_LABEL_COLUMNS, *_SPLIT_COLUMNS)
    names = list(table.column_names)
    return names, [table[place].to_pylist() if _column_name(name) in known else [] for place, name in enumerate(names)]


def check_table_size(file: Path) -> None:
    """Raises a ListError for a Parquet file that unpacks to more than a list may have."""
    metadata = pq.read_metadata(file)
    size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if size > MAX_FILE_BYTES or metadata.num_rows > MAX_FILE_BYTES // 64:
        raise ListError(f"{file}: the list has {metadata.num_rows:,} rows, {size:,} bytes unpacked; divide it.")


def _below_header(file: Path, header: list[str], path_column: str, clips: list[ListedClip]) -> RawList:
    if not clips:
        raise ListError(f"{file}: below the header {_show(','.join(header))} there are no clips.")
    numbers: list[ListedClip] = []
    names: list[ListedClip] = []
    for clip in clips:
        (numbers if is_number(clip.label) else names).append(clip)
    if numbers and names:
        odd = min(numbers, names, key=len)[0]
        raise ListError(
            f"{odd} has the label {odd.label!r}, unlike most others; labels must be all whole numbers or all names."
        )
    first = None if names else int(_column_name(path_column) == "video_name")
    format = ListFormat(f"table with the header {_show(','.join(header))}", first)
    return RawList(file, format, clips if first is None else _whole_numbers(clips))


def is_number(label: str) -> bool:
    """Whether a label is a whole number, also one that is written as 0.0 or 0,0."""
    return re.fullmatch(_NUMBER, label) is not None


def _whole_numbers(clips: list[ListedClip]) -> list[ListedClip]:
    return [replace(clip, label=str(int(re.split("[.,]", clip.label)[0]))) for clip in clips]
