"""Finds stills in folders that are named by split and label, and gives a split to those that have none."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...image_reading_logoformer import IMAGE_SUFFIXES
from ..labels import canonical_expression, check_spellings, describe_matches, match_label_names, nfc
from ..problems import name_some
from ..splits import choose_of_every_class
from .builder import SourcePlan
from .inventory import PlannedClip
from .list_formats import is_number
from .split_folders import (
    SPLITS,
    SYSTEM_FILES,
    count_splits,
    find_archive,
    is_split,
    split_named,
    visible,
    visible_folders,
)

LAYOUT = "<split>/<label>/<still>, in folders below that if you like: train/happy/anna.jpg"
CONTEMPT = "contempt"
_ENDINGS = f"Stills end in {', '.join(IMAGE_SUFFIXES)}."
_TESTED_SHARE = 0.1  # of stills without a split


def find_stills(
    data_dir: Path, meanings: Mapping[str, str | None] | None = None, on_empty: str = "skip"
) -> SourcePlan:
    """
    The stills in `data_dir/<split>/<label>/` and in folders below it: all images.

    Splits are train, validation (val, valid, dev, val_set, ...) and test in any case; without such folders, those in
    `data_dir` are the labels, and all stills are in the split "train".

    Args:
        data_dir: the folder.
        meanings: of a data set whose labels are known, the class of each name or number, None for one that is left
            out; names of expressions need not be in it. None: labels are the names of the folders.
        on_empty: with "stop" a folder of a label without a still is an error, with "skip" it is noted.

    Raises:
        ValueError: no stills, folders on another level, a label that is not known, or fewer than two.
    """
    roots = {folder: split_named(folder.name) or "" for folder in visible_folders(data_dir) if is_split(folder)}
    roots = dict(sorted(roots.items(), key=lambda item: SPLITS.index(item[1])))
    has_splits = bool(roots)
    if not has_splits:
        _check_is_no_split(data_dir)
        roots = {data_dir: "train"}
    folders = {folder: split for root, split in roots.items() for folder in visible_folders(root)}
    others: list[Path] = []
    found = {folder: stills_below(folder, others) for folder in folders}
    stills = {folder: paths for folder, paths in found.items() if paths}
    _check_folders(data_dir, list(roots), stills)
    class_of, notes = _classes_of(data_dir, list(stills), meanings)
    notes += _notes_on_the_rest(data_dir, [folder for folder in found if not found[folder]], others, on_empty)
    clips, left_out = [], Counter[str]()
    for folder, paths in stills.items():
        name = class_of[folder]
        if name is None:
            left_out[folder.name] += len(paths)
            continue
        clips += [PlannedClip(still_id(path, data_dir), folders[folder], path, name) for path in paths]
    names = match_label_names(clip.label for clip in clips)[0]
    if len(names) < 2:
        raise ValueError(
            f"{data_dir} has stills of {' and '.join(names) or 'no class'} alone; two classes are needed, as folders "
            f"in the layout {LAYOUT}."
        )
    if not has_splits:
        notes.append(f"No folder is named train, validation or test; for splits: {LAYOUT}.")
    if unused := sorted(path.name for path in visible(data_dir) if has_splits and path.is_dir() and path not in roots):
        notes.append(f"Not used, as they are no folders of a split: {name_some(unused)}.")
    notes += [f"Left out: {number:,} stills of {name}." for name, number in left_out.items()]
    return SourcePlan(sorted(clips, key=lambda clip: SPLITS.index(clip.split)), names, notes=notes)


def stills_below(folder: Path, others: list[Path]) -> list[Path]:
    """The images in a folder and in those below it, in the order of their names; `others` gets all other files."""
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in SYSTEM_FILES)
        for name in sorted(files):
            if name[0] != "." and name not in SYSTEM_FILES:
                (found if name.lower().endswith(IMAGE_SUFFIXES) else others).append(Path(place, name))
    return found


def _notes_on_the_rest(data_dir: Path, empty: Sequence[Path], others: Sequence[Path], on_empty: str) -> list[str]:
    """Notes on folders without a still and on files that are none, or, with "stop", a ValueError for the folders."""
    notes = []
    if empty:
        names = name_some(still_id(folder, data_dir) for folder in empty)
        if on_empty == "stop":
            raise ValueError(
                f"{data_dir} has folders of labels without a still: {names}. {_ENDINGS} Was an archive unpacked to "
                "its end? `on_problem` skip goes on without these folders."
            )
        notes.append(f"Folders without a still: {names}.")
    if others:
        names = name_some(still_id(path, data_dir) for path in others)
        notes.append(f"Not used, as they are no stills that are read ({len(others):,}): {names}. {_ENDINGS}")
    return notes


def still_id(path: Path, data_dir: Path) -> str:
    """Name of a still: its path in `data_dir`, with its ending."""
    return nfc(path.relative_to(data_dir).as_posix())


def _check_is_no_split(data_dir: Path) -> None:
    """Raises a ValueError for the folder of one split beside those of others."""
    if split_named(data_dir.name) and any(is_split(other) for other in visible(data_dir.parent) if other != data_dir):
        raise ValueError(f"{data_dir} is the folder of one split: `data_dir` is the one above, {data_dir.parent}.")


def _check_folders(data_dir: Path, roots: Sequence[Path], stills: Mapping[Path, Sequence[Path]]) -> None:
    """Raises a ValueError where there is no still in the folder of a label, or one of a split in its place."""
    if inner := next(filter(is_split, (path for folder in stills for path in visible_folders(folder))), None):
        raise ValueError(
            f"{inner} has the name of a split, but is where stills of a label should be: {LAYOUT}. If {inner.parent} "
            "holds the splits, name that as `data_dir`."
        )
    if stills:
        empty = [root for root in roots if not any(folder.parent == root for folder in stills)]
        if not empty:
            return
        lacking = f"{empty[0]} has no stills in folders of labels"
    else:
        lacking = f"{data_dir} has no stills in the layout {LAYOUT}"
    for root in roots:
        if stills_here := [path for path in visible(root) if path.suffix.lower() in IMAGE_SUFFIXES]:
            raise ValueError(
                f"{lacking}: {len(stills_here):,} lie in {root} itself, as {stills_here[0].name}, where nothing says "
                "what they show."
            )
    if archive := find_archive(data_dir):
        raise ValueError(f"{lacking}, and an archive that may hold them: unpack {archive}.")
    contents = name_some(path.name for path in visible(data_dir)) or "nothing"
    raise ValueError(f"{lacking}. {data_dir} contains {contents}. {_ENDINGS}")


def _classes_of(
    data_dir: Path, folders: Sequence[Path], meanings: Mapping[str, str | None] | None
) -> tuple[dict[Path, str | None], list[str]]:
    """The class of each folder, None for one that is left out, and notes on how labels were read."""
    if meanings is not None:
        return {folder: known_class(folder.name, meanings, str(folder)) for folder in folders}, []
    if number := next((folder for folder in folders if is_number(folder.name)), None):
        raise ValueError(
            f"{number}: the meaning of labels that are numbers is not known. Name the folders happy, sad, ..., or "
            "give the data set they come from: `dataset` affectnet, raf_db or fer2013."
        )
    for parent in {folder.parent for folder in folders}:
        check_spellings([folder.name for folder in folders if folder.parent == parent], str(parent))
    class_of = match_label_names(folder.name for folder in folders)[1]
    matches = describe_matches(class_of)
    return {folder: class_of[folder.name] for folder in folders}, [f"Labels: {matches}."] if matches else []


def known_class(label: str, meanings: Mapping[str, str | None], where: str) -> str | None:
    """
    The class of a label of a data set whose labels are known; None where it is left out.

    Args:
        label: a number, a number as 3.0, or the name of an expression.
        meanings: classes by number, as text, and by other names in lower case.
        where: where the label stands, for messages.

    Raises:
        ValueError: it is not among them.
    """
    text = label.strip()
    key = str(int(float(text))) if is_number(text) and "," not in text else text.lower()
    if key in meanings:
        return meanings[key]
    name = canonical_expression(text)
    if name is not None and name in meanings.values():
        return name
    shown = ", ".join(f"{key} {value or 'left out'}" for key, value in meanings.items() if key.isdigit())
    raise ValueError(f"{where}: {label!r} is no label of this data set; they are {shown}, or their names.")


def with_test(plan: SourcePlan, noun: str = "stills") -> SourcePlan:
    """
    The plan with a split "test": where there is none, the validation stills are tested, and where there are only those
    to train on, a tenth of every class, chosen by a digest of their names.
    """
    splits = {clip.split for clip in plan.clips}
    if "train" not in splits:
        there = ", ".join(sorted(splits))
        raise ValueError(f"there are {there} stills and none to train on: train/<label>/ is missing.")
    clips, notes = plan.clips, list(plan.notes)
    if "test" not in splits and "validation" in splits:
        clips = [replace(clip, split="test") if clip.split == "validation" else clip for clip in clips]
        notes.append("There are no test stills: those for validation are tested, and the epoch is chosen on others.")
    elif "test" not in splits:
        tested = set(
            choose_of_every_class(
                [clip.clip_id for clip in clips], [clip.label for clip in clips], _TESTED_SHARE, seed=0
            )
        )
        clips = [replace(clip, split="test") if place in tested else clip for place, clip in enumerate(clips)]
        notes.append(f"There are only stills to train on: a tenth of every class is tested ({len(tested):,}).")
    clips = sorted(clips, key=lambda clip: SPLITS.index(clip.split))
    return replace(plan, clips=clips, notes=[f"{count_splits(clips, noun)}.", *notes])
