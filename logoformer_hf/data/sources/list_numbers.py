"""Determines what the numbers in lists mean, from all that is known of the clips besides their numbers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from ..labels import (
    canonical_expression,
    check_spellings,
    infer_label_map,
    label_map_argument,
    match_label_names,
    usual_label_map,
)
from .list_formats import ListedClip, ListError, RawList
from .list_paths import is_absolute, path_parts

SHOWN = 5  # rows in a message
_FOLDERS_OF_USERS = ("home", "users")


@dataclass(frozen=True)
class Witness:
    """
    A clip whose expression is known without its number.

    Attributes:
        clip: the clip.
        name: its expression.
        is_shared: whether the name is that of a folder which holds all clips, and may say nothing about them.
    """

    clip: ListedClip
    name: str
    is_shared: bool = False

    @property
    def number(self) -> int:
        """The label of the clip in the list."""
        return int(self.clip.label)


@dataclass(frozen=True)
class Knowledge:
    """
    What is known of the clips besides their numbers and paths.

    Attributes:
        label_map: `{number: class name}` as the user gives it, None where numbers have a usual meaning.
        official: whether the lists are DFEW's official annotation, which counts from 1.
        labels: the classes that the user wants to use, None for all.
        label_of: gives the class of a clip in other lists, None for a clip that they don't have.
    """

    label_map: Mapping[int, str] | None = None
    official: bool = False
    labels: Sequence[str] | None = None
    label_of: Callable[[ListedClip], str | None] = lambda clip: None


def judge_numbers(group: list[RawList], first: int, knowledge: Knowledge) -> tuple[dict[str, str], str]:
    """
    `{label as listed: class name}` for labels that are numbers, and a remark on it.

    Args:
        group: lists that belong together.
        first: number that their format usually counts from.
        knowledge: what else is known of the clips.

    Raises:
        ListError: numbers that contradict what is known, or have no meaning, or have several.
    """
    clips = [clip for raw in group for clip in raw.clips]
    numbers = {int(clip.label) for clip in clips}
    in_paths = find_expressions(clips)
    in_lists = _agreed([Witness(clip, name) for clip in clips if (name := knowledge.label_of(clip)) is not None])
    if knowledge.label_map is not None:
        check_spellings(knowledge.label_map.values(), "`label_map`")
        class_of = match_label_names(knowledge.label_map.values())[1]
        meaning = {number: class_of[name] for number, name in knowledge.label_map.items()}
        remark = ", labels as in `label_map`"
        in_paths, in_lists = [witness for witness in in_paths if not witness.is_shared], []
    elif knowledge.official:
        meaning, remark = usual_label_map(1), ", labels counted from 1"
    else:
        first, remark = _find_first(clips, numbers, in_paths + in_lists, first, knowledge.labels)
        meaning = usual_label_map(first)
    _check(in_paths, meaning, "the expression in the path")
    _check(in_lists, meaning, "other lists of these clips", ", or give the meaning of the numbers with `label_map`")
    if numbers - meaning.keys():
        raise _no_meaning(group, numbers, meaning, knowledge.label_map is not None)
    return {clip.label: meaning[int(clip.label)] for clip in clips}, remark


def find_expressions(clips: list[ListedClip]) -> list[Witness]:
    """
    The clips with an expression among the names of their folders, with that of the innermost such folder.

    A folder of a user, as /home/joy, is not looked at: it says nothing about clips.
    """
    paths = [path_parts(clip.path) for clip in clips]
    num_shared = 0
    if paths and all(map(is_absolute, paths)):
        pairs = zip(min(paths), max(paths), strict=False)
        num_shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    found = []
    for clip, parts in zip(clips, paths, strict=True):
        for place in reversed(range(len(parts) - 1)):
            if place > 0 and parts[place - 1].casefold() in _FOLDERS_OF_USERS:
                continue
            if (name := canonical_expression(parts[place])) is not None:
                found.append(Witness(clip, name, is_shared=place < num_shared))
                break
    return found


def show_rows(clips: list[ListedClip]) -> str:
    """The first of these clips with their labels, a line each."""
    return "\n".join(f"  {clip} has label {clip.label}" for clip in clips[:SHOWN])


def _agreed(witnesses: list[Witness]) -> list[Witness]:
    """
    Without those that contradict most clips of their number: single clips may have been labelled anew by somebody.
    """
    names: dict[int, Counter[str]] = defaultdict(Counter)
    for witness in witnesses:
        names[witness.number][witness.name] += 1
    most = {number: counts.most_common(1)[0] for number, counts in names.items()}
    clear = {number: name for number, (name, count) in most.items() if 2 * count > names[number].total()}
    return [witness for witness in witnesses if clear.get(witness.number, witness.name) == witness.name]


def _find_first(
    clips: list[ListedClip],
    numbers: set[int],
    witnesses: list[Witness],
    usual: int,
    labels: Sequence[str] | None,
) -> tuple[int, str]:
    """The number, 0 or 1, from which lists of unknown origin count labels, and a remark on it."""
    meanings = {first: usual_label_map(first) for first in (1, 0)}
    fitting = [
        first
        for first, meaning in meanings.items()
        if numbers <= meaning.keys() and all(meaning[witness.number] == witness.name for witness in witnesses)
    ]
    if len(fitting) == 1 and (usual == 1 or fitting == [0]):
        remark = ", not from 1 as in DFEW's own lists" if usual > fitting[0] else ""
        return fitting[0], f", labels counted from {fitting[0]}{remark}"
    if len(fitting) == 2:
        of_labels = [
            first for first in fitting if set(labels or ()) <= {meanings[first][number] for number in numbers}
        ]
        if len(of_labels) != 1:
            raise _open_question(clips)
        return of_labels[0], f", labels counted from {of_labels[0]}, as those in `labels` need it"
    return usual, f", labels counted from {usual}"  # which the caller will find to contradict the clips


def _open_question(clips: list[ListedClip]) -> ListError:
    return ListError(
        f"{clips[0].file}: the labels are {_range(int(clip.label) for clip in clips)}, neither 0 nor 7 is among them, "
        f"so they could be counted from 0 or from 1:\n{show_rows(clips)}\nAdd one of these. From 0:\n  "
        f"{label_map_argument(usual_label_map(0))}\nFrom 1, as in DFEW's own lists:\n  "
        f"{label_map_argument(usual_label_map(1))}"
    )


def _check(witnesses: list[Witness], meaning: Mapping[int, str], origin: str, otherwise: str = "") -> None:
    """
    Raises a ListError for numbers that do not mean the expression which is known of their clip.

    Args:
        witnesses: what is known.
        meaning: `{number: class name}`.
        origin: what it is known from.
        otherwise: what else resolves a contradiction, for the end of the message.
    """
    conflicts = [witness for witness in witnesses if meaning.get(witness.number) != witness.name]
    if not conflicts:
        return
    rows = "\n".join(
        f"  {witness.clip} has label {witness.number}, which means {meaning.get(witness.number, 'nothing')}, not "
        f"{witness.name}"
        for witness in conflicts[:SHOWN]
    )
    message = f"labels that contradict {origin} ({len(conflicts):,} of {len(witnesses):,}):\n{rows}\n"
    resolving = infer_label_map((witness.number, witness.name) for witness in witnesses)
    if resolving is not None:
        raise ListError(f"{message}According to {origin}, the numbers mean:\n  {label_map_argument(resolving)}")
    if all(witness.is_shared for witness in witnesses):
        raise ListError(
            f"{message}All paths share this folder. Where its name is not the label of the clips, give the meaning of "
            f"the numbers; in the usual order:\n  {label_map_argument(meaning)}"
        )
    pairs = Counter((witness.number, witness.name) for witness in witnesses)
    found = ", ".join(f"{number} with {name} ({count:,})" for (number, name), count in sorted(pairs.items()))
    raise ListError(
        f"{message}No mapping resolves that, because they contradict each other: {found}. Correct the lines, or write "
        f"names instead of numbers, in a table with the header path,label{otherwise}."
    )


def _no_meaning(group: list[RawList], numbers: set[int], meaning: Mapping[int, str], is_mapped: bool) -> ListError:
    clips = [clip for raw in group for clip in raw.clips if int(clip.label) not in meaning]
    message = f"labels without a meaning ({len(clips):,}):\n{show_rows(clips)}\n"
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


def _range(numbers: Iterable[int]) -> str:
    numbers = set(numbers)
    return f"{min(numbers)} to {max(numbers)}"
