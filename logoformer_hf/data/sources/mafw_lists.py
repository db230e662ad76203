"""The lists of MAFW: with names, or with numbers in one of the two orders that are around."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...configuration_logoformer import EXPRESSIONS
from ..labels import canonical_expression, label_map_argument
from .list_formats import ListedClip, ListError, RawList, read_raw_list
from .list_numbers import SHOWN, show_rows
from .lists import ClipList
from .numbered import clip_number

OTHERS = ("contempt", "anxiety", "helplessness", "disappointment")
CLASSES = (*EXPRESSIONS, *OTHERS)
# The orders of numbers: that of MAE-DFER and DFER-CLIP, and the alphabetical one of S4D and S2D.
_LISTED = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", *OTHERS)
_ALPHABETICAL = (
    *("angry", "anxiety", "contempt", "disappointment", "disgust", "fear"),
    *("happy", "helplessness", "neutral", "sad", "surprise"),
)
_NAMES = {"in the order of MAE-DFER and DFER-CLIP": _LISTED, "alphabetically, as in S4D and S2D": _ALPHABETICAL}


def read_mafw_lists(
    files: Sequence[str | Path], label_map: Mapping[int, str] | None, known: Mapping[int, str] | None = None
) -> list[ClipList]:
    """
    Reads lists that belong together.

    Args:
        files: lists, each with names (`00025.mp4 anger`) or numbers (`video_name,labels`, `…/00025 0`).
        label_map: what the numbers mean, as the user says.
        known: classes of clips, by their numbers, in lists with names.

    Raises:
        ListError: a label that is no class, numbers whose order is not known or fits nothing, or a clip with two
            labels.
    """
    raw_lists = [read_raw_list(Path(file), OTHERS) for file in files]
    known = dict(known or {})
    named = {raw.file: _read_names(raw) for raw in raw_lists if raw.format.first is None}
    for clips in named.values():
        known |= {clip_number(clip, "MAFW"): clip.label for clip in clips}
    numbered = [raw for raw in raw_lists if raw.format.first is not None]
    meaning, remark = _find_meaning(numbered, label_map, known) if numbered else ({}, "")
    if label_map is not None and not numbered:
        raise ListError(f"{files[0]}: the labels are names, so `label_map` has no effect; leave it out.")
    lists, seen = [], dict[int, ListedClip]()
    for raw in raw_lists:
        clips = named.get(raw.file) or [replace(clip, label=meaning[int(clip.label)]) for clip in raw.clips]
        once: dict[int, ListedClip] = {}
        for clip in clips:
            number = clip_number(clip, "MAFW")
            before = seen.setdefault(number, clip)
            if before.label != clip.label:
                raise ListError(
                    f"a clip with two labels:\n  {before} is {before.label}\n  {clip} is {clip.label}\n"
                    "Remove one line."
                )
            once.setdefault(number, clip)
        of_numbers = remark if raw.format.first is not None else ""
        lists.append(ClipList(raw.file, list(once.values()), f"{raw.file}: {len(once):,} clips{of_numbers}."))
    return lists


def _read_names(raw: RawList) -> list[ListedClip]:
    clips = []
    for clip in raw.clips:
        name = canonical_expression(clip.label) or clip.label.strip().lower()
        if name not in CLASSES:
            raise ListError(f"{clip} has the label {clip.label!r}; the classes of MAFW are {', '.join(CLASSES)}.")
        clips.append(replace(clip, label=name))
    return clips


def _find_meaning(
    lists: list[RawList], label_map: Mapping[int, str] | None, known: Mapping[int, str]
) -> tuple[dict[int, str], str]:
    """What the numbers mean, and a remark on it."""
    clips = [clip for raw in lists for clip in raw.clips]
    numbers = {int(clip.label) for clip in clips}
    if label_map is not None:
        return _check_map(clips, numbers, label_map), ", labels as in `label_map`"
    counts = Counter((int(clip.label), known.get(clip_number(clip, "MAFW"))) for clip in clips)
    pairs = {pair: count for pair, count in counts.items() if pair[1] is not None}
    possible = {
        f"labels counted from {first} {name}": dict(enumerate(order, start=first))
        for first in (0, 1)
        for name, order in _NAMES.items()
        if numbers <= set(range(first, first + len(order)))
    }
    if not possible:
        odd = [clip for clip in clips if not 0 <= int(clip.label) <= len(CLASSES)]
        raise ListError(
            f"labels without a meaning:\n{show_rows(odd or clips)}\nThe numbers of MAFW are 0 to {len(CLASSES) - 1} "
            f"or 1 to {len(CLASSES)}."
        )
    # Single clips may have been labelled anew: what most clips say counts.
    fits = {
        name: sum(count for (number, label), count in pairs.items() if meaning[number] == label)
        for name, meaning in possible.items()
    }
    best = max(fits, key=lambda name: fits[name])
    if pairs and fits[best] > 0.9 * sum(pairs.values()) and list(fits.values()).count(fits[best]) == 1:
        return possible[best], f", {best}"
    choices = "\n".join(f"{name}:\n  {label_map_argument(meaning)}" for name, meaning in possible.items())
    why = "no list with names tells which" if not pairs else "the lists with names fit none of them"
    raise ListError(
        f"{clips[0].file}: the labels are numbers, of which two orders are around for MAFW, and {why}. Add one of "
        f"these:\n{choices}\nOr name the folder with the official lists, which have names, as `data_dir`."
    )


def _check_map(clips: list[ListedClip], numbers: set[int], label_map: Mapping[int, str]) -> dict[int, str]:
    meaning = {number: canonical_expression(name) or name.strip().lower() for number, name in label_map.items()}
    if strange := [name for name in meaning.values() if name not in CLASSES]:
        raise ListError(f"`label_map` has {strange[0]!r}; the classes of MAFW are {', '.join(CLASSES)}.")
    if numbers - meaning.keys():
        odd = [clip for clip in clips if int(clip.label) not in meaning]
        missing = " ".join(f"{number}=<name>" for number in sorted(numbers - meaning.keys()))
        raise ListError(f"labels without a meaning:\n{show_rows(odd[:SHOWN])}\nAdd them to `label_map`: {missing}.")
    return meaning
