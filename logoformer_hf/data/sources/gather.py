"""Loads the clips that arguments name, cropped to faces if they ask for it, and prints what was found."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import DatasetDict

from ...video_container_logoformer import VIDEO_SUFFIXES
from ..clips import keep_labels
from ..facts import DataFacts, LeftOutClip
from ..identity import rows_digest, with_content_ids
from ..problems import ClipProblems, Problem, write_problems
from ..shard_contents import has_embedded_frames
from ..shards import DEFAULT_SIDE_PX
from .arguments import SourceArguments
from .source import Source

if TYPE_CHECKING:
    from ..face_crops import CropFormat, FaceCropper


def load_source(
    args: SourceArguments,
    fold: int | None = None,
    crops: "CropFormat | None" = None,
    num_workers: int | None = None,
    choose_labels: Callable[[list[str]], list[str]] | None = None,
) -> Source:
    """
    Loads the clips that `args` name; of a source with folds those of `fold`. With `args.faces` each frame is a crop of
    the main person's face, computed now or read from the cache. The column `content_id` identifies the clip as it is
    on the disk, also where its faces are cropped.

    Args:
        args: which clips.
        fold: number of the fold, None for a source without folds.
        crops: format of the crops, by default one for training.
        num_workers: processes that crop, by default one per core; 0 for this one.
        choose_labels: gives the classes to use for those of the clips; None uses `args.labels` or all.

    Raises:
        ValueError, FileNotFoundError: an error in the folder, a list or an argument, or no detector of faces.
        ClipProblems: clips that are missing, empty, unreadable or without a usable face, with `on_problem` "stop".
    """
    cropper = None
    if args.faces:  # before the clips are looked at: a missing detector is told first
        from ..face_crops import CropFormat, FaceCropper  # OpenCV, which only this needs

        crops = crops or CropFormat(args.detector, args.face_side_px or DEFAULT_SIDE_PX)
        cropper = FaceCropper(crops, args.cache_dir, num_workers)
    source = args.source.load(args.options, fold, args.cache_dir)
    source.rows = with_content_ids(source.rows)
    source.data_digest = source.data_digest or rows_digest(source.rows)
    labels = args.labels
    if choose_labels is not None:
        labels = choose_labels(next(iter(source.rows.values())).features["label"].names)
    if labels is not None:
        source = with_labels(source, labels)
    if cropper is not None:
        _check_has_files(source)
        return crop_source(source, cropper, args.on_problem)
    if args.source.shows_shoulders and _has_videos(source):
        source.notes.append(
            f"Note: the videos of {source.facts.dataset_name} show head and shoulders, and the model expects a face: "
            "crop them with `--faces`."
        )
    return source


def _check_has_files(source: Source) -> None:
    """Raises a ValueError for pictures of a table, which are faces already."""
    if any(has_embedded_frames(clips) for clips in source.rows.values()):
        raise ValueError(
            f"`faces` crops files, and these pictures of {source.facts.dataset_name} are numbers in a table: leave it "
            "out."
        )


def with_labels(source: Source, labels: list[str]) -> Source:
    """The clips of these classes, in this order. Raises the errors of `data.clips.keep_labels`."""
    facts = source.facts.of_labels(labels)
    others = {clip.clip_id for clip in source.facts.left_out} - {clip.clip_id for clip in facts.left_out}
    problems = [each for each in source.problems if each.clip_id not in others]
    return replace(source, rows=keep_labels(source.rows, labels), facts=facts, problems=problems)


def _has_videos(source: Source) -> bool:
    """Whether the first clips are video files."""
    firsts = [clips[0]["video"] for clips in source.rows.values() if len(clips)]
    return any(isinstance(video, str) and video.lower().endswith(VIDEO_SUFFIXES) for video in firsts)


def crop_source(source: Source, cropper: "FaceCropper", on_problem: str) -> Source:
    """The clips with crops of faces instead of frames. Raises the errors of `FaceCropper.crop`."""
    cropped = cropper.crop(source.rows, on_problem)
    facts = add_left_out(source.facts, source.rows, cropped.problems)
    return replace(
        source,
        rows=cropped.rows,
        facts=replace(facts, faces=cropped.faces),
        notes=source.notes + cropped.notes,
        problems=source.problems + cropped.problems,
    )


def add_left_out(facts: DataFacts, rows: DatasetDict, problems: list[Problem]) -> DataFacts:
    """The facts about a data set, with clips of `rows` added that could not be used."""
    clips_of: dict[str, LeftOutClip] = {}
    for split, clips in rows.items():
        folds = clips["fold"] if "fold" in clips.features else [None] * len(clips)
        labels = map(clips.features["label"].int2str, clips["label"])
        for each in map(LeftOutClip, clips["clip_id"], repeat(split), folds, labels):
            clips_of[each.clip_id] = each
    return replace(facts, left_out=facts.left_out + tuple(clips_of[problem.clip_id] for problem in problems))


def gather_clips(
    args: SourceArguments,
    fold: int | None,
    problems_file: Path | None,
    verbose: bool = True,
    crops: "CropFormat | None" = None,
    num_workers: int | None = None,
    choose_labels: Callable[[list[str]], list[str]] | None = None,
) -> Source:
    """
    `load_source` for a program: also prints what was found, and writes clips with problems to `problems_file`.

    Args:
        args: which clips.
        fold: number of the fold, None for a source without folds.
        problems_file: path of `problems.csv`, which is written if there are problems, also if they stop the program;
            None where they are not written.
        verbose: print and write; True in the main process only.
        crops: as `load_source`.
        num_workers: as `load_source`.
        choose_labels: as `load_source`.
    """
    try:
        source = load_source(args, fold, crops, num_workers, choose_labels)
    except ClipProblems as error:
        if verbose and problems_file is not None:
            list_problems(error.problems, problems_file)
        raise
    if verbose:
        for note in source.notes:
            print(note)
        if source.problems and problems_file is not None:
            list_problems(source.problems, problems_file)
    return source


def list_problems(problems: list[Problem], file: Path) -> None:
    """Writes clips with problems to `file`, and prints how many there are and where."""
    write_problems(problems, file)
    print(f"{len(problems):,} clips that cannot be used, each with the reason: {file}")


def note_unreadable(source: Source, reasons: Mapping[str, str], problems_file: Path) -> DataFacts:
    """
    The facts about the clips of a source, with those left out that could not be read when they were needed. They are
    written to `problems_file` beside those that were known before.

    Args:
        source: the clips.
        reasons: name of each such clip -> why it cannot be read.
        problems_file: path of `problems.csv`; not touched where there are none.
    """
    if not reasons:
        return source.facts
    problems = []
    for clips in source.rows.values():
        stored = clips.with_format("arrow")  # embedded frames would be decoded otherwise
        for place, clip_id in enumerate(clips["clip_id"]):
            if clip_id in reasons:
                video = stored[place].to_pylist()[0]["video"]
                path = video if isinstance(video, str) else "embedded frames"
                problems.append(Problem(clip_id, path, reasons[clip_id].removeprefix(f"{path}: ")))
    list_problems(source.problems + problems, problems_file)
    return add_left_out(source.facts, source.rows, problems)
