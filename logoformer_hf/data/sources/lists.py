"""Reads lists of clips, and determines and checks the meaning of their labels."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from ...configuration_logoformer import EXPRESSIONS
from ..labels import (
    canonical_expression,
    describe_matches,
    infer_label_map,
    label_map_argument,
    match_label_names,
    usual_label_map,
)
from .list_formats import FERV39K, ListedClip, ListError, RawList, read_raw_list
from .list_paths import is_absolute, path_parts

__all__ = ["ClipList", "ListError", "ListedClip", "read_list", "read_lists"]

_SHOWN = 5  # rows in a message
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
    file: str | Path, label_map: Mapping[int, str] | None = None, official: bool = False, new_labels: bool = False
) -> ClipList:
    """Reads one list; see `read_lists`."""
    return read_lists([file], label_map, official, new_labels)[0]


def read_lists(
    files: Sequence[str | Path],
    label_map: Mapping[int, str] | None = None,
    official: bool = False,
    new_labels: bool = False,
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

    Raises:
        ListError: a line that does not fit; a label without a meaning; numbers that contradict the expression in the
            paths, or are off by one; a clip with two labels.
    """
    raw_lists = [read_raw_list(Path(file)) for file in files]
    class_of: dict[int | None, dict[str, str]] = {}  # by `ListFormat.first`
    remark_on: dict[int | None, str] = {}
    for first in (0, 1, None):
        group = [raw for raw in raw_lists if raw.format.first == first]
        if not group:
            continue
        if first is None:
            class_of[first], remark_on[first] = _judge_names(group, new_labels)
        else:
            class_of[first], remark_on[first] = _judge_numbers(group, first, label_map, official)
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
            f"labels that are not expressions ({len(unknown):,}):\n{_rows(unknown)}\nThey must be "
            f"{', '.join(EXPRESSIONS)}, or usual synonyms."
        )
    # In FERV39K the folder is the label. In a table with names the names are used, whatever the folders are named.
    moved = _moved([clip for raw in group if raw.format is FERV39K for clip in raw.clips])
    if moved:
        raise ListError(
            f"labels that contradict the expression in the path ({len(moved):,}):\n{_rows(moved)}\nNo mapping "
            "resolves that: correct these lines or, where the labels are right, write a table with the header "
            "path,label."
        )
    class_of = match_label_names({clip.label for clip in clips})[1]
    matched = describe_matches(class_of)
    return class_of, matched and f", {matched}"


def _judge_numbers(
    group: list[RawList], first: int, label_map: Mapping[int, str] | None, official: bool
) -> tuple[dict[str, str], str]:
    """`{label as listed: class name}` for labels that are numbers counted from `first`, and a remark on it."""
    clips = [clip for raw in group for clip in raw.clips]
    evidence = [(int(clip.label), name, clip) for clip, name in _with_expression(clips)]
    numbers = {int(clip.label) for clip in clips}
    if label_map is not None:
        class_of = match_label_names(label_map.values())[1]
        meaning = {number: class_of[name] for number, name in label_map.items()}
        remark = ", labels as in `label_map`"
    elif first == 1 and not official:
        first = _find_first(clips, numbers, evidence)
        meaning = usual_label_map(first)
        remark = f", labels counted from {first}" + (", not from 1 as in DFEW's own lists" if first == 0 else "")
    else:
        meaning, remark = usual_label_map(first), f", labels counted from {first}"
        if first == 0 and numbers == set(range(1, 7)) and not evidence:
            # Either counted from 0 without a clip of "happy", the largest class, or from 1 without one of "fear".
            raise _open_question(clips)
    _check_against_paths(evidence, meaning)
    if numbers - meaning.keys():
        raise _no_meaning(group, numbers, meaning, label_map is not None)
    return {clip.label: meaning[int(clip.label)] for clip in clips}, remark


def _find_first(clips: list[ListedClip], numbers: set[int], evidence: list[tuple[int, str, ListedClip]]) -> int:
    """The number, 0 or 1, from which lists of unknown origin with the header of DFEW's own lists count labels."""
    fitting = []
    for first in (1, 0):
        meaning = usual_label_map(first)
        if numbers <= meaning.keys() and all(meaning[number] == name for number, name, _ in evidence):
            fitting.append(first)
    if len(fitting) == 2:
        raise _open_question(clips)
    return fitting[0] if fitting else 1


def _open_question(clips: list[ListedClip]) -> ListError:
    return ListError(
        f"{clips[0].file}: the labels are {_range(int(clip.label) for clip in clips)}, neither 0 nor 7 is among them, "
        f"so they could be counted from 0 or from 1:\n{_rows(clips)}\nAdd one of these. From 0:\n  "
        f"{label_map_argument(usual_label_map(0))}\nFrom 1, as in DFEW's own lists:\n  "
        f"{label_map_argument(usual_label_map(1))}"
    )


def _check_against_paths(evidence: list[tuple[int, str, ListedClip]], meaning: Mapping[int, str]) -> None:
    """Raises a ListError for numbers that do not mean the expression in the path of their clip."""
    conflicts = [(clip, name) for number, name, clip in evidence if meaning.get(number) != name]
    if not conflicts:
        return
    rows = "\n".join(
        f"  {clip} has label {clip.label}, which means {meaning.get(int(clip.label), 'nothing')}, not {name}"
        for clip, name in conflicts[:_SHOWN]
    )
    message = f"labels that contradict the expression in the path ({len(conflicts):,} of {len(evidence):,}):\n{rows}\n"
    resolving = infer_label_map((number, name) for number, name, _ in evidence)
    if resolving is not None:
        raise ListError(f"{message}According to the paths, the numbers mean:\n  {label_map_argument(resolving)}")
    pairs = Counter((number, name) for number, name, _ in evidence)
    found = ", ".join(f"{number} with {name} ({count:,})" for (number, name), count in sorted(pairs.items()))
    raise ListError(
        f"{message}No mapping resolves that, because the paths contradict each other: {found}. Correct the lines, or "
        "write names instead of numbers, in a table with the header path,label."
    )


def _no_meaning(group: list[RawList], numbers: set[int], meaning: Mapping[int, str], is_mapped: bool) -> ListError:
    clips = [clip for raw in group for clip in raw.clips if int(clip.label) not in meaning]
    message = f"labels without a meaning ({len(clips):,}):\n{_rows(clips)}\n"
    if is_mapped:
        missing = " ".join(f"{number}=<name>" for number in sorted(numbers - meaning.keys()))
        return ListError(f"{message}Add them to `label_map`: {missing}.")
    other = usual_label_map(1 - min(meaning))
    message += f"{group[0].format.name}: labels should be {_range(meaning)}, here they are {_range(numbers)}"
    if numbers <= other.keys():
        return ListError(
            f"{message}, off by one. If they are in the usual order, counted from {min(other)}, add:\n  "
            f"{label_map_argument(other)}"
        )
    numbers_in = {raw.file: {int(clip.label) for clip in raw.clips} for raw in group}
    if all(found <= meaning.keys() or found <= other.keys() for found in numbers_in.values()):
        each = ", ".join(f"{_range(found)} in {file}" for file, found in numbers_in.items())
        return ListError(f"{message}: {each}. No mapping fits both; renumber one list to match the other.")
    names = " ".join(f"{number}=<name>" for number in sorted(numbers))
    return ListError(f"{message}. Correct these lines, or give the meaning of the numbers:\n  --label_map {names}")


def _moved(clips: list[ListedClip]) -> list[ListedClip]:
    """Clips with a name as label that is not the expression in their path."""
    return [clip for clip, name in _with_expression(clips) if (canonical_expression(clip.label) or clip.label) != name]


def _with_expression(clips: list[ListedClip]) -> list[tuple[ListedClip, str]]:
    """The clips with an expression among the names of their folders, and that of the innermost such folder."""
    paths = [path_parts(clip.path) for clip in clips]
    num_shared = 0
    if all(map(is_absolute, paths)) and len({clip.label for clip in clips}) > 1:
        # A folder above all clips, as /home/joy, is not the label of a clip.
        pairs = zip(min(paths), max(paths), strict=False)
        num_shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    found = []
    for clip, parts in zip(clips, paths, strict=True):
        name = next(filter(None, map(canonical_expression, reversed(parts[num_shared:-1]))), None)
        if name is not None:
            found.append((clip, name))
    return found


def _drop_repetitions(clips: list[ListedClip], seen: dict[str, ListedClip]) -> list[ListedClip]:
    """Keeps each clip of a list once; `seen` is shared by lists that must not contradict one another."""
    once: dict[tuple[str, str | None], ListedClip] = {}
    for clip in clips:
        before = seen.setdefault(clip.path, clip)
        if before.label != clip.label:
            raise ListError(
                f"a clip with two labels:\n  {before} is {before.label}\n  {clip} is {clip.label}\nRemove one line."
            )
        once.setdefault((clip.path, clip.split), clip)  # in two splits it is not a repetition, but an error
    return list(once.values())


def _rows(clips: list[ListedClip]) -> str:
    return "\n".join(f"  {clip} has label {clip.label}" for clip in clips[:_SHOWN])


def _range(numbers: Iterable[int]) -> str:
    numbers = set(numbers)
    return f"{min(numbers)} to {max(numbers)}"
