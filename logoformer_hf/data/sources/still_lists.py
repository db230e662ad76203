"""Stills that lists or files beside them label: AffectNet's tables and annotations, RAF-DB's list."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...image_reading_logoformer import IMAGE_SUFFIXES
from ..labels import match_label_names, nfc
from ..problems import name_some
from .builder import SourcePlan
from .inventory import PlannedClip
from .lists import ListError
from .split_folders import split_named, visible_folders
from .still_tree import known_class, still_id
from .whole_files import IS_POINTER, is_pointer

_DEPTH = 3  # of folders in which lists and images are looked for
_PATH, _LABEL = "subDirectory_filePath", "expression"  # columns of AffectNet's tables
_PARTITION = re.compile(r"list_parti?tion_label\.txt|list_patition_label\.txt", re.IGNORECASE)
_PARTITION_LINE = re.compile(r"((?:train|test)_\d+)(?:_aligned)?(?:\.jpg)?\s+(\S+)")
ALIGNED, ORIGINAL = "aligned", "original"
_TRIED = 50  # paths of a list that are tried to find the folder of its images


def places_below(folder: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """A folder and the folders below it, those above first."""
    yield folder
    if depth:
        for inner in visible_folders(folder):
            yield from places_below(inner, depth - 1)


def is_affectnet_table(file: Path) -> bool:
    """Whether the header of a CSV is that of AffectNet's tables."""
    return {_PATH, _LABEL} <= set(header_of(file))


def header_of(file: Path) -> list[str]:
    """
    The names of the columns of a CSV, without blanks around them; empty where it is no text. Raises a `ListError` for
    a pointer of Git LFS.
    """
    if is_pointer(file):
        raise ListError(f"{file} {IS_POINTER}.")
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            return [name.strip() for name in next(csv.reader(lines), [])]
    except (UnicodeDecodeError, csv.Error):
        return []


def tables_below(data_dir: Path) -> list[Path]:
    """The CSVs in a folder and in the two levels below it."""
    places = places_below(data_dir, 2)
    return sorted(path for place in places for path in place.glob("*.csv") if path.name[0] != ".")


def list_affectnet(data_dir: Path, files: Sequence[Path], meanings: Mapping[str, str | None]) -> SourcePlan:
    """
    The stills of AffectNet's tables, as `training.csv` and `validation.csv`, whose names say the split.

    Raises:
        ListError: no split in the name of a table, a row that does not fit, or a label that is not AffectNet's.
    """
    return plan_of(
        _stills_of_tables(data_dir, files), meanings, files, [f"Tables of AffectNet: {name_some(map(str, files))}."]
    )


def plan_of(
    found: Iterable[tuple[PlannedClip, str]],
    meanings: Mapping[str, str | None],
    files: Sequence[Path] = (),
    notes: Sequence[str] = (),
) -> SourcePlan:
    """
    The plan of labelled stills.

    Args:
        found: stills with their labels as they are written, and where these stand, for messages.
        meanings: as in `find_stills`.
        files: the lists that name them.
        notes: sentences for the user, before those on what is left out.

    Raises:
        ValueError: a label that is not known.
    """
    clips: list[PlannedClip] = []
    left_out = Counter[str]()
    for still, where in found:
        name = known_class(still.label, meanings, where)
        if name is None:
            left_out[still.label] += 1
        else:
            clips.append(replace(still, label=name))
    said = [f"Left out: {number:,} stills with label {label}." for label, number in sorted(left_out.items())]
    return SourcePlan(clips, match_label_names(clip.label for clip in clips)[0], list(files), [*notes, *said])


def _stills_of_tables(data_dir: Path, files: Sequence[Path]) -> Iterator[tuple[PlannedClip, str]]:
    for file in files:
        splits = {split_named(word) for word in re.split(r"[\W\d_]+", file.stem)} - {None}
        if len(splits) != 1:
            raise ListError(f"{file}: the name does not say a split: call it training.csv or validation.csv.")
        rows = list(_rows_of(file))
        folder = _folder_of([path for path, _, _ in rows], data_dir, file)
        for path, label, line in rows:
            yield PlannedClip(nfc(path), next(iter(splits)) or "", folder / path, label), f"{file}, line {line}"


def _rows_of(file: Path) -> Iterator[tuple[str, str, int]]:
    """Path, label and line number of the rows of a table."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            path, label = row.get(_PATH), row.get(_LABEL)
            if not path or not label:
                raise ListError(f"{file}, line {reader.line_num}: a row without {_PATH} or {_LABEL}; is it cut off?")
            if Path(path).is_absolute() or ".." in Path(path).parts:
                raise ListError(f"{file}, line {reader.line_num}: {path!r} leads out of the folder of the images.")
            yield path, label, reader.line_num


def _folder_of(paths: Sequence[str], data_dir: Path, file: Path) -> Path:
    """The folder that holds one of the first of these paths."""
    for place in places_below(data_dir):
        if any((place / path).is_file() for path in paths[:_TRIED]):
            return place
    raise FileNotFoundError(
        f"none of the first {min(_TRIED, len(paths))} stills of {file}, as {paths[0]}, is in {data_dir} or in folders "
        "below: unpack the archives of the images there."
        if paths
        else f"{file} names no stills."
    )


def annotation_folders(data_dir: Path) -> dict[Path, str]:
    """Folders with `images` and `annotations`, as `train_set` and `val_set`, with their splits."""
    return {
        folder: split
        for folder in visible_folders(data_dir)
        if (split := split_named(folder.name)) and (folder / "annotations").is_dir() and (folder / "images").is_dir()
    }


def list_annotated(data_dir: Path, folders: Mapping[Path, str], meanings: Mapping[str, str | None]) -> SourcePlan:
    """
    The stills of AffectNet as `train_set/images/17.jpg` with `train_set/annotations/17_exp.npy`.

    Raises:
        ValueError: stills without an annotation or annotations without a still, or a label that is not AffectNet's.
    """
    return plan_of(_annotated_stills(data_dir, folders), meanings)


def _annotated_stills(data_dir: Path, folders: Mapping[Path, str]) -> Iterator[tuple[PlannedClip, str]]:
    for folder, split in folders.items():
        images = {path.stem: path for path in _files_of(folder / "images", IMAGE_SUFFIXES)}
        annotations = _files_of(folder / "annotations", ("_exp.npy",))
        labels = {path.name.removesuffix("_exp.npy"): path for path in annotations}
        if lonely := sorted(images.keys() ^ labels.keys()):
            raise ValueError(
                f"{folder}: {len(images):,} stills and {len(labels):,} annotations of the expression, and "
                f"{len(lonely):,} have no partner, as {name_some(lonely)}: unpack the archive again, to its end."
            )
        for name, image in images.items():
            yield PlannedClip(still_id(image, data_dir), split, image, _read_label(labels[name])), str(labels[name])


def _files_of(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(
            Path(entry.path) for entry in entries if entry.name.lower().endswith(endings) and entry.name[0] != "."
        )


def _read_label(file: Path) -> str:
    """The label in a file of numpy, which runs no code."""
    try:
        return str(np.load(file, allow_pickle=False).item())
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{file} is damaged, or no annotation ({' '.join(str(error).split())[:100]}).") from error


def find_partition(data_dir: Path) -> Path | None:
    """RAF-DB's list, `list_patition_label.txt`, below a folder; None where there is none."""
    for place in places_below(data_dir, 2):
        for path in sorted(place.glob("*.txt")):
            if _PARTITION.fullmatch(path.name):
                return path
    return None


def list_raf_db(data_dir: Path, file: Path, meanings: Mapping[str, str | None]) -> SourcePlan:
    """
    The stills of RAF-DB's list: the aligned ones (`Image/aligned/train_00001_aligned.jpg`) where they are there, else
    the originals (`Image/original/train_00001.jpg`).

    Raises:
        ListError: a line that does not fit, or a label that is not RAF-DB's.
        FileNotFoundError: no folder of images.
    """
    folders = {place.name: place for place in places_below(data_dir, 4) if place.name in (ALIGNED, ORIGINAL)}
    kind = ALIGNED if ALIGNED in folders else ORIGINAL
    if kind not in folders:
        raise FileNotFoundError(
            f"{data_dir} has RAF-DB's list {file}, but neither a folder Image/aligned nor Image/original: unpack the "
            "archive of the images, aligned.zip, there."
        )
    notes = [f"{file}, {kind} images in {folders[kind]}."]
    if kind == ORIGINAL:
        notes.append("Note: the originals show more than a face: crop them with `--faces`, or unpack aligned.zip.")
    plan = plan_of(_stills_of_partition(file, folders[kind], kind), meanings, [file], notes)
    if not plan.clips:
        raise ListError(f"{file}: the list is empty.")
    return plan


def _stills_of_partition(file: Path, folder: Path, kind: str) -> Iterator[tuple[PlannedClip, str]]:
    ending = "_aligned.jpg" if kind == ALIGNED else ".jpg"
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        match = _PARTITION_LINE.fullmatch(line.strip())
        if match is None:
            raise ListError(f"{file}, line {number}: {line!r:.80} is no line of RAF-DB, as 'train_00001.jpg 5'.")
        still = PlannedClip(match[1], match[1].partition("_")[0], folder / f"{match[1]}{ending}", match[2])
        yield still, f"{file}, line {number}"
