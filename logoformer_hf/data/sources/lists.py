"""Reads lists of clips, and determines and checks the meaning of their labels."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...configuration_logoformer import EXPRESSIONS
from ..labels import canonical_expression, check_spellings, describe_matches, match_label_names, nfc
from .list_formats import FERV39K, ListedClip, ListError, RawList, read_raw_list
from .list_numbers import Knowledge, find_expressions, judge_numbers, show_rows

__all__ = ["ClipList", "ListError", "ListedClip", "read_list", "read_lists"]

_LISTS = "lists "


@dataclass(frozen=True)
class ClipList:
    """
    A list whose labels are class names.

    Attributes:
        file: the list.
        clips: clips in the order of the list, no path twice.
        description: sentences for the user on what was found.
    """

    file: Path
    clips: list[ListedClip]
    description: str


def read_list(
    file: str | Path,
    label_map: Mapping[int, str] | None = None,
    official: bool = False,
    new_labels: bool = False,
    labels: Sequence[str] | None = None,
    label_of: Callable[[ListedClip], str | None] = lambda clip: None,
) -> ClipList:
    """Reads one list; see `read_lists`."""
    return read_lists([file], label_map, official, new_labels, labels, label_of)[0]


def read_lists(
    files: Sequence[str | Path],
    label_map: Mapping[int, str] | None = None,
    official: bool = False,
    new_labels: bool = False,
    labels: Sequence[str] | None = None,
    label_of: Callable[[ListedClip], str | None] = lambda clip: None,
) -> list[ClipList]:
    """
    Reads lists that belong together (train and test, or folds), and interprets their labels together.

    The formats are those of `list_formats.ACCEPTED` and are recognised from the content. Numbers mean happy, sad,
    neutral, angry, surprise, disgust, fear. Frame counts in lists are ignored: they are often wrong.

    Args:
        files: UTF-8 text or Parquet.
        label_map: `{number: class name}`, where the numbers mean something else.
        official: the files are DFEW's official annotation, which counts from 1. In other lists with the header
            `video_name,label`, the labels may also be counted from 0, if their numbers show it.
        new_labels: names that are not an expression are new classes.
        labels: the classes that will be used, None for all: they must be among those that the numbers mean.
        label_of: gives the class of a clip in lists whose labels are known, None for a clip that they don't have.

    Raises:
        ListError: a line that does not fit; a label without a meaning, or with several; numbers that contradict the
            expression in the paths or in other lists, or are off by one; two names in one list that would be one
            class; a clip with two labels.
    """
    raw_lists = [read_raw_list(Path(file)) for file in files]
    class_of: dict[int | None, dict[str, str]] = {}  # by `ListFormat.first`
    remark_on: dict[int | None, str] = {}
    named: dict[str, str] = {}  # classes of clips in lists with names, by path

    def known_label(clip: ListedClip) -> str | None:
        return label_of(clip) or named.get(nfc(clip.path))

    knowledge = Knowledge(label_map, official, labels, known_label)
    for first in (None, 0, 1):
        group = [raw for raw in raw_lists if raw.format.first == first]
        if not group:
            continue
        if first is None:
            class_of[first], remark_on[first] = _judge_names(group, new_labels)
            named |= {nfc(clip.path): class_of[first][clip.label] for raw in group for clip in raw.clips}
        else:
            class_of[first], remark_on[first] = judge_numbers(group, first, knowledge)
    if label_map is not None and class_of.keys() <= {None}:
        raise ListError(f"{raw_lists[0].file}: the labels are names, so `label_map` has no effect; leave it out.")

    lists: list[ClipList] = []
    seen: dict[str, ListedClip] = {}
    for raw in raw_lists:
        names = class_of[raw.format.first]
        clips = [replace(clip, label=names[clip.label]) for clip in raw.clips]
        once = _drop_repetitions(clips, seen)
        sentences = [f"{raw.file}: {len(once):,} clips, {raw.format.name}{remark_on[raw.format.first]}."]
        if len(once) < len(clips):
            sentences.append(f"Repeated lines ({len(clips) - len(once):,}) were left out: each clip counts once.")
        if moved := _moved(once) if raw.format.first is None else []:
            sentences.append(
                f"Clips in the folder of another expression than their label ({len(moved):,}), as {moved[0].path}, "
                f"{moved[0].label}: the label is used."
            )
        lists.append(ClipList(raw.file, once, " ".join(sentences)))
    return lists


def name_lists(files: Sequence[str | Path] | None) -> str | None:
    """The `setup` of a data set that is read from such lists: the names of the files; None without lists."""
    return None if files is None else f"{_LISTS}{', '.join(Path(file).name for file in files)}"


def names_lists(setup: str | None) -> bool:
    """Whether the `setup` of a data set is that of `name_lists`."""
    return setup is not None and setup.startswith(_LISTS)


def _judge_names(group: list[RawList], new_labels: bool) -> tuple[dict[str, str], str]:
    """`{label as listed: class name}` for labels that are names, and a remark on it."""
    clips = [clip for raw in group for clip in raw.clips]
    unknown = [clip for clip in clips if canonical_expression(clip.label) is None]
    if unknown and not new_labels:
        raise ListError(
            f"labels that are not expressions ({len(unknown):,}):\n{show_rows(unknown)}\nThey must be "
            f"{', '.join(EXPRESSIONS)}, or usual synonyms."
        )
    # In FERV39K the folder is the label. In a table with names the names are used, whatever the folders are named.
    moved = _moved([clip for raw in group if raw.format is FERV39K for clip in raw.clips])
    if moved:
        raise ListError(
            f"labels that contradict the expression in the path ({len(moved):,}):\n{show_rows(moved)}\nNo mapping "
            "resolves that: correct these lines or, where the labels are right, write a table with the header "
            "path,label."
        )
    for raw in group:
        labels_in: dict[str | None, set[str]] = defaultdict(set)  # by split
        for clip in raw.clips:
            labels_in[clip.split].add(clip.label)
        for labels in labels_in.values():
            try:
                check_spellings(labels, str(raw.file))
            except ValueError as error:
                raise ListError(str(error)) from None
    class_of = match_label_names({clip.label for clip in clips})[1]
    matched = describe_matches(class_of)
    return class_of, matched and f", {matched}"


def _moved(clips: list[ListedClip]) -> list[ListedClip]:
    """Clips with a name as label that is not the expression in their path, without a folder that all clips share."""
    return [
        witness.clip
        for witness in find_expressions(clips)
        if not witness.is_shared and (canonical_expression(witness.clip.label) or witness.clip.label) != witness.name
    ]


def _drop_repetitions(clips: list[ListedClip], seen: dict[str, ListedClip]) -> list[ListedClip]:
    """Keeps each clip of a list once; `seen` is shared by lists that must not contradict one another."""
    once: dict[tuple[str, str | None], ListedClip] = {}
    for clip in clips:
        before = seen.setdefault(nfc(clip.path), clip)
        if before.label != clip.label:
            raise ListError(
                f"a clip with two labels:\n  {before} is {before.label}\n  {clip} is {clip.label}\nRemove one line."
            )
        once.setdefault((nfc(clip.path), clip.split), clip)  # in two splits it is not a repetition, but an error
    return list(once.values())
