"""What a visitor of a page or a service is told of an error: what is wrong with the video, nothing of the machine."""

import logging

from ._text import shown_name
from .reading_limits_logoformer import VideoReadError

MAX_TOLD = 500  # characters

logger = logging.getLogger(__name__)


def told_to_visitors(error: Exception, path: str, name: str) -> str:
    """
    A sentence about an error. Its own words are told where they are ours, written for people (`VideoReadError`), and
    name no place on this machine. Of every other error the kind is told, and the rest is logged.

    Args:
        error: what reading a video raised.
        path: where the video is, as messages have it.
        name: what the visitor calls it.
    """
    if isinstance(error, MemoryError):
        return f"{name}: reading it takes more memory than there is here."
    if isinstance(error, VideoReadError) and (text := without_place(str(error), path, name)):
        return text
    logger.error("%s could not be read", path, exc_info=error)
    kind = "" if isinstance(error, VideoReadError) else f" ({type(error).__name__})"
    return f"{name}: it could not be read{kind}."


def without_place(text: str, path: str, name: str) -> str | None:
    """
    A text for visitors in which a video has its name instead of its path; None for one that may name another place of
    this machine: it has a slash or a backslash, which no text of ours needs.
    """
    parts = text.split(path) if path else [text]
    if any("/" in part or "\\" in part for part in parts):
        return None
    return shown_name(name.join(parts), MAX_TOLD)
