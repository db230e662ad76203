"""Names from outside (labels, files) as text that can be stored and shown anywhere."""

import unicodedata
from pathlib import Path


def one_line(text: str) -> str:
    """
    A text in which what UTF-8 and XML cannot store, and line breaks, are replaced.

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
    short = one_line(note.replace(source, name) if name else note).strip()
    is_sentence = not (name and short.startswith(one_line(name)))  # a file keeps its name
    return short[:1].upper() + short[1:] if is_sentence else short


def is_control(character: str) -> bool:
    """Whether a character moves the cursor, separates lines or is none at all, so that it has no picture."""
    return unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character in "\ufffe\uffff"
