"""Names and texts from outside (labels, data sets, files, notes) as text that can be stored and shown anywhere."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

# Characters without a picture that letters of some scripts and emoji need, and those that say nothing once a text is
# shown in one line.
_JOINERS = "\u200c\u200d"
_SILENT = dict.fromkeys(map(ord, "\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff"))
_MAX_MARKS = 3  # accents above and below one letter; more cover the lines around it
MAX_NAME = 100  # characters of a name that is shown


def shown_name(text: object, max_length: int | None = MAX_NAME) -> str:
    """
    A name or text of others as it is shown everywhere: in pictures, subtitles, tables, terminals and pages.

    It is one line without blanks at its ends. What has no picture becomes a replacement character: control characters,
    what turns the direction of the text round it, half surrogates; so does an empty text. Marks that have no effect in
    one line are left out, as are more than three accents on a letter. Usual names stay as they are.

    Args:
        text: the name.
        max_length: characters; a longer text is its beginning and an ellipsis. None for any number.
    """
    letters: list[str] = []
    marks = 0
    for letter in " ".join(str(text).translate(_SILENT).split()):
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= _MAX_MARKS:
            letters.append(letter if letter.isprintable() or letter in _JOINERS else "\N{REPLACEMENT CHARACTER}")
    shown = "".join(letters) or "\N{REPLACEMENT CHARACTER}"
    return shown if max_length is None else shortened(shown, max_length)


def shown_names(names: Iterable[object], max_length: int | None = MAX_NAME) -> list[str]:
    """Names as `shown_name` gives them; where several would look the same, the later ones get a number."""
    shown: list[str] = []
    taken: dict[str, int] = {}  # with the number that was given last
    for name in (shown_name(name, max_length) for name in names):
        unique = name
        while unique in taken:
            taken[name] += 1
            unique = f"{name} ({taken[name]})"
        taken[unique] = 1
        shown.append(unique)
    return shown


def one_line(text: str) -> str:
    """
    A text in which what UTF-8 and XML cannot store, and line breaks, are replaced: for paths and links, of which every
    other character counts.

    Half surrogates (a file name that is not UTF-8 has them) become "?", control characters and line separators a
    space.
    """
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if is_control(character) else character for character in encodable)


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis where it has more than so many characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def short_note(note: str, source: str) -> str:
    """A note for a picture: a sentence that begins with a capital, with the name of the source without its folders."""
    name = Path(source).name
    short = shown_name(note.replace(source, name) if name else note, None)
    is_sentence = not (name and short.startswith(shown_name(name, None)))  # a file keeps its name
    return short[:1].upper() + short[1:] if is_sentence else short


def is_control(character: str) -> bool:
    """Whether a character moves the cursor, separates lines or is none at all, so that it has no picture."""
    return unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character in "\ufffe\uffff"
