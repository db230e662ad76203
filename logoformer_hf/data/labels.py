"""The meaning of labels: names of expressions and their synonyms, and the usual numberings of expressions."""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from ..configuration_logoformer import EXPRESSIONS

# Synonyms as data sets spell them. "calm" and "contempt" are separate classes where they occur. "terror", "horror" and
# similar words are not synonyms, because scenes have these names.
_SYNONYMS = {
    "happy": ("happiness", "hap", "joy", "joyful", "enjoyment"),
    "sad": ("sadness", "sorrow"),
    "neutral": ("neutrality", "neu"),
    "angry": ("anger", "ang"),
    "surprise": ("surprised", "surprising", "suprise", "suprised", "sur"),
    "disgust": ("disgusted", "disgusting", "dis"),
    "fear": ("fearful", "fearfulness", "afraid", "scared", "fea"),
}
_EXPRESSION_OF = {word: name for name, words in _SYNONYMS.items() for word in (name, *words)}


_SEPARATORS = re.compile(r"(?<=.)[\s_-]+(?=[^\s_-])")


@cache
def canonical_expression(name: str) -> str | None:
    """
    The one of `EXPRESSIONS` that a name means, None if it means none of them.

    Case, a leading number (`3_Happiness`), and blanks, underscores and hyphens between words are ignored.
    """
    return _EXPRESSION_OF.get(re.sub(r"^\d+[\s_.):-]+(?=[a-z])", "", _one_spelling(name)))


def nfc(name: str) -> str:
    """The name with composed accents: some systems decompose those in names of files, and both forms are one name."""
    return unicodedata.normalize("NFC", name)


def _one_spelling(name: str) -> str:
    """
    What all names share that differ in nothing but case, composition, and blanks, underscores and hyphens between
    words. A sign, a dot, or a mark on a letter makes another name: `valence+` and `valence-`, `1.5` and `15`; so does
    another letter that is capitalised alike: `Maße` and `Masse`.
    """
    return _SEPARATORS.sub(_without, nfc(unicodedata.normalize("NFD", name).lower()).strip())


def _without(separators: re.Match[str]) -> str:
    """
    Nothing for separators between letters. Beside a digit a blank or an underscore is a blank, and a hyphen stays, as
    it may be a sign: `level 1`, `level 11`, `level -1`.
    """
    places = separators.start() - 1, separators.end()
    if all(unicodedata.category(separators.string[place])[0] in "LM" for place in places):
        return ""
    return separators[0] if "-" in separators[0] else " "


def match_label_names(names: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """
    Class names for label names: a synonym of an expression is that expression, every other name is a new class.

    New names that differ in nothing but case, and blanks, underscores and hyphens between words, are one class, named
    by the alphabetically first spelling.

    Returns:
        the class names in their order, expressions first in the order of `EXPRESSIONS`, then the new ones
        alphabetically; and `{name as given: class name}`.
    """
    spelling: dict[str, str] = {}
    class_of: dict[str, str] = {}
    for name in sorted(set(names)):
        class_of[name] = canonical_expression(name) or spelling.setdefault(_one_spelling(name), nfc(name.strip()))
    known = [name for name in EXPRESSIONS if name in class_of.values()]
    return known + sorted(set(class_of.values()) - set(known)), class_of


def check_spellings(names: Iterable[str], where: str) -> None:
    """
    Checks the labels of one split: there, each class should have one name.

    Args:
        names: labels as they are written.
        where: which labels they are, for the message: a folder or a list.

    Raises:
        ValueError: two names would be one class although they differ in more than case, blanks, underscores and
            hyphens, as "joy" and "happy".
    """
    first: dict[str, str] = {}  # by class
    for name in sorted(set(names)):
        known = canonical_expression(name)
        other = first.setdefault(known, name) if known else name
        if _one_spelling(other) != _one_spelling(name):
            raise ValueError(
                f"{where}: the labels {other!r} and {name!r} would both be the class {known!r}. If they are one "
                "class, give them one name; if they are two, rename one to a word that is no synonym of the other."
            )


def describe_matches(class_of: Mapping[str, str]) -> str:
    """Describes the result of `match_label_names`; "" if all names are those of expressions in any case."""
    pairs = sorted(class_of.items(), key=lambda pair: (pair[1], pair[0]))
    matched = [f"{name} read as {known}" for name, known in pairs if name.strip().casefold() != known.casefold()]
    new = sorted({known for known in class_of.values() if known not in EXPRESSIONS})
    return ", ".join(matched + [f"{name} as a new class" for name in new])


def parse_label_map(items: Sequence[str]) -> dict[int, str]:
    """
    `["0=angry", "1=disgust", ...]`, the values of `--label_map`, to `{number: class name}`.

    Raises:
        ValueError: an item that is not `number=name`, or a number given twice.
    """
    names = {}
    for item in items:
        match = re.fullmatch(r"\s*(-?\d{1,9})\s*=\s*([^=,]*[^=,\s])\s*", item)
        if match is None:
            raise ValueError(
                f"`label_map` has the item {item!r}; each item must be number=name, with blanks between the items, as "
                "in --label_map 0=angry 1=disgust."
            )
        number = int(match[1])
        if number in names:
            raise ValueError(f"`label_map` gives number {number} twice, the second time as {item!r}.")
        names[number] = match[2]
    check_spellings(names.values(), "`label_map`")
    class_of = match_label_names(names.values())[1]
    return {number: class_of[name] for number, name in names.items()}


def label_map_argument(label_map: Mapping[int, str]) -> str:
    """The command-line argument of a label map: `--label_map 0=angry 1=disgust`."""
    return " ".join(["--label_map", *(shlex.quote(f"{number}={name}") for number, name in sorted(label_map.items()))])


def usual_label_map(first: int) -> dict[int, str]:
    """Happy, sad, neutral, angry, surprise, disgust, fear, counted from 0 (most code) or 1 (DFEW's official lists)."""
    return dict(enumerate(EXPRESSIONS, start=first))


def infer_label_map(evidence: Iterable[tuple[int, str]]) -> dict[int, str] | None:
    """
    Infers the meaning of numbers from observed pairs (number, expression).

    If the pairs fit a well-known order of all expressions, this order is returned, otherwise only the numbers that
    occur.

    Returns:
        `{number: expression}`; None if a number occurs with two expressions, or an expression with two numbers.
    """
    pairs = set(evidence)
    meaning = dict(pairs)
    if len(meaning) < len(pairs) or len(set(meaning.values())) < len(meaning):
        return None
    for order in (EXPRESSIONS, sorted(EXPRESSIONS)):
        for first in (0, 1):
            whole = dict(enumerate(order, start=first))
            if meaning.items() <= whole.items():
                return whole
    return meaning
