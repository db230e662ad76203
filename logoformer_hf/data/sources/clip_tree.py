"""Finds the user's own clips: in folders named by split and label, or through lists."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...image_reading_logoformer import IMAGE_SUFFIXES
from ...video_container_logoformer import VIDEO_SUFFIXES, why_no_video
from ..labels import check_spellings, describe_matches, match_label_names, nfc
from ..problems import name_some
from .builder import SourcePlan
from .inventory import PlannedClip
from .list_formats import is_number
from .list_paths import check_below, reroot
from .lists import ClipList, ListError, read_lists
from .split_folders import SPLITS, SYSTEM_FILES, count_splits, is_split, split_named, visible, visible_folders

LAYOUT = (
    "<split>/<label>/<clip>, a clip being a video file or a folder of its frames, in folders below that if you like: "
    "train/happy/anna.mp4"
)
UNLABELLED = "unlabelled"  # label of all clips of a source without labels
# Files beside clips that are known to be none without a look.
_OTHER_ENDINGS = (
    "7z aac avif csv flac gz heic heif json jsonl m3u m3u8 md mp3 npy npz parquet pkl pt rar srt svg tar tgz tif tiff "
    "txt wav xml yaml zip"
)
_OTHER_SUFFIXES = tuple(f".{ending}" for ending in _OTHER_ENDINGS.split())


def find_clips(data_dir: Path) -> SourcePlan:
    """
    The clips in `data_dir/<split>/<label>/` and in folders below it: video files, and folders that hold frames.

    A file is a video by its ending, or with an ending that no video usually has by its content. A folder with more
    images than videos is a clip; in others, clips are looked for.

    Splits are train, validation (val, valid, dev) and test in any case. If no folder has such a name, the folders in
    `data_dir` are the labels, and all clips are in the split "train".

    Raises:
        ValueError: no clips, folders in another order, labels that are numbers, or two names in a split that would be
            one class.
    """
    splits = {folder: split_named(folder.name) or "" for folder in visible_folders(data_dir) if is_split(folder)}
    roots = sorted(splits, key=lambda folder: SPLITS.index(splits[folder])) or [data_dir]
    left_out = {  # with the reason
        path: "not a split's folder, as others here are" if path.is_dir() else "not in a label's folder"
        for path in visible(data_dir)
        if path not in splits and (splits or path.is_file())
    }
    clips_in = {}  # by folder of the label
    for root in roots:
        if root in splits:
            left_out |= {path: "not in a label's folder" for path in visible(root) if path.is_file()}
        for folder in visible_folders(root):
            clips_in[folder] = _clips_below(folder, left_out)
    _check_folders(data_dir, clips_in)
    for root in roots:
        of_split = [folder.name for folder, paths in clips_in.items() if paths and folder.parent == root]
        check_spellings(of_split, str(root))

    label_names, class_of = match_label_names(folder.name for folder, paths in clips_in.items() if paths)
    clips = [
        PlannedClip(_clip_id(path, data_dir), splits.get(folder.parent, "train"), path, class_of[folder.name])
        for folder, paths in clips_in.items()
        for path in paths
    ]
    notes = [f"{data_dir}: {count_splits(clips)}."]
    if not splits:
        notes.append(f"No folder is named train, validation or test, so all are train clips; for splits: {LAYOUT}.")
    if matches := describe_matches(class_of):
        notes.append(f"Labels: {matches}.")
    if left_out:
        names = name_some(f"{path.relative_to(data_dir).as_posix()} ({why})" for path, why in left_out.items())
        notes.append(f"Left out ({len(left_out):,}): {names}.")
    if empty := [folder.relative_to(data_dir).as_posix() for folder, paths in clips_in.items() if not paths]:
        notes.append(f"Folders without a clip: {name_some(empty)}.")
    return SourcePlan(clips, label_names, notes=notes)


def find_unlabelled(data_dir: Path) -> SourcePlan:
    """
    All clips in `data_dir` and in the folders below it, as `find_clips` tells them from other files, whatever the
    folders are called: in the split "train", with the label `UNLABELLED`.

    Raises:
        ValueError: no clips.
    """
    left_out: dict[Path, str] = {}
    paths = _clips_below(data_dir, left_out)
    if not paths:
        names = name_some(path.name for path in visible(data_dir)) or "nothing"
        raise ValueError(
            f"{data_dir} has no clips, videos or folders of frames, in it or in the folders below. It contains "
            f"{names}."
        )
    clips = [PlannedClip(_clip_id(path, data_dir), "train", path, UNLABELLED) for path in paths]
    notes = [f"{data_dir}: {len(clips):,} clips, without labels."]
    if left_out:
        names = name_some(f"{path.relative_to(data_dir).as_posix()} ({why})" for path, why in left_out.items())
        notes.append(f"Left out ({len(left_out):,}): {names}.")
    return SourcePlan(clips, [UNLABELLED], notes=notes)


def _clips_below(folder: Path, left_out: dict[Path, str], above: frozenset[str] = frozenset()) -> list[Path]:
    """
    The clips in a folder and in those below it.

    Args:
        folder: the folder.
        left_out: what is no clip is added to it, with the reason.
        above: real paths of the folders that it lies in.
    """
    real = os.path.realpath(folder)
    if real in above:
        left_out[folder] = "a link to a folder that it lies in"
        return []
    clips: list[Path] = []
    for path in visible(folder):
        if not path.is_dir():
            if reason := _why_no_clip(path):
                left_out[path] = reason
            else:
                clips.append(path)
            continue
        images, videos, has_others = _contents(path)
        if images > len(videos) or not (videos or has_others):
            clips.append(path)  # nothing in it is reported as the problem of a clip
            left_out |= dict.fromkeys(videos, "a video in a folder of frames")
        else:
            clips += _clips_below(path, left_out, above | {real})
    return clips


def _contents(folder: Path) -> tuple[int, list[Path], bool]:
    """The number of images in a folder, its videos, and whether it has folders, or files that may be videos."""
    images, videos, has_others = 0, [], False
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.lower()
            if name[0] == "." or entry.name in SYSTEM_FILES:
                continue
            if name.endswith(IMAGE_SUFFIXES):
                images += 1
            elif name.endswith(VIDEO_SUFFIXES):
                videos.append(Path(entry.path))
            elif not name.endswith(_OTHER_SUFFIXES):
                has_others = has_others or entry.is_dir() or not _why_no_clip(Path(entry.path))
    return images, sorted(videos), has_others


def _why_no_clip(file: Path) -> str:
    """Why a file is no clip; empty for a video."""
    suffix = file.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return ""
    if suffix in IMAGE_SUFFIXES:
        return "an image, but in no folder of frames"
    if suffix in _OTHER_SUFFIXES or not file.is_file():
        return "no video"
    return why_no_video(file) and "no video by its content"


def _check_folders(data_dir: Path, clips_in: Mapping[Path, list[Path]]) -> None:
    clips = [path for paths in clips_in.values() for path in paths]
    if not clips:
        names = name_some(path.name for path in visible(data_dir)) or "nothing"
        raise ValueError(f"{data_dir} has no clips in the layout {LAYOUT}. It contains {names}.")
    if inner := next(filter(is_split, (path for folder in clips_in for path in visible(folder))), None):
        raise ValueError(
            f"{inner} has the name of a split, but is in the place of a clip: {LAYOUT}. If {inner.parent} holds the "
            "splits, name that as `data_dir`; if the label folders are above the split folders, swap them."
        )
    numbers = [
        folder for folder, paths in clips_in.items() if paths and folder.name[0] not in "+-" and is_number(folder.name)
    ]
    if numbers:
        raise ValueError(
            f"{numbers[0]}: the meaning of labels that are numbers is not known. Name the folders happy, sad, ..., or "
            "list the clips in a CSV with the columns path and label and give the meaning with `label_map`."
        )


def list_clips(
    files: Sequence[str],
    data_dir: Path,
    label_map: Mapping[int, str] | None,
    labels: Sequence[str] | None = None,
    clip_roots: Sequence[str] = (),
) -> SourcePlan:
    """
    The clips of lists, which have a column `split` or are one list per split.

    The split of a list is taken from its name (`my_val.csv`). Otherwise one list is train, two are train and test,
    three are train, validation and test. Clips lie below `data_dir` or one of `clip_roots`.

    Raises:
        ListError: the errors of `read_lists`, `reroot` and `check_below`, or a clip or list of an unknown split.
    """
    lists = read_lists(files, label_map, new_labels=True, labels=labels)
    listed = [clip for part in lists for clip in part.clips]
    paths, moved = reroot([clip.path for clip in listed], data_dir, str(listed[0]))
    check_below(listed, paths, [data_dir, *clip_roots])
    clips = [
        PlannedClip(_clip_id(path, data_dir), split, path, clip.label)
        for clip, path, split in zip(listed, paths, _listed_splits(lists), strict=True)
    ]
    clips.sort(key=lambda clip: SPLITS.index(clip.split))
    notes = [part.description for part in lists] + [f"{count_splits(clips)}."] + ([moved] if moved else [])
    label_names = match_label_names(clip.label for clip in listed)[0]
    return SourcePlan(clips, label_names, [part.file for part in lists], notes)


def _listed_splits(lists: list[ClipList]) -> list[str]:
    """The split of each clip."""
    listed = [clip for part in lists for clip in part.clips]
    if all(clip.split is None for clip in listed):
        names = _splits_of_files([part.file for part in lists])
        return [split for part, split in zip(lists, names, strict=True) for _ in part.clips]
    splits = []
    for clip in listed:
        split = split_named(clip.split or "")
        if split is None:
            raise ListError(
                f"{clip} has the split {clip.split!r}; it must be train, validation (val, valid, dev) or test."
            )
        splits.append(split)
    return splits


def _splits_of_files(files: list[Path]) -> Sequence[str]:
    words = [{split_named(word) for word in re.split(r"[\W\d_]+", file.stem)} - {None} for file in files]
    named = [next(iter(splits)) if len(splits) == 1 else None for splits in words]
    certain = [name for name in named if name is not None]
    if len(set(certain)) == len(named):
        return certain
    in_order: Sequence[str] | None = {1: ("train",), 2: ("train", "test"), 3: SPLITS}.get(len(files))
    if in_order is None or any(name not in (None, split) for name, split in zip(named, in_order, strict=True)):
        raise ListError(
            f"the splits of the lists {', '.join(map(str, files))} are not known. Add a column split, or name the "
            "lists train.csv, validation.csv and test.csv, or give them in this order."
        )
    return in_order


def _clip_id(path: Path, data_dir: Path) -> str:
    """The path in `data_dir` without the ending; for a clip outside `data_dir` the whole path."""
    inner = path.relative_to(data_dir) if path.is_relative_to(data_dir) else path
    return nfc((inner.with_suffix("") if path.suffix.lower() in VIDEO_SUFFIXES else inner).as_posix())
