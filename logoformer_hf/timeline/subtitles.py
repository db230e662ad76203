"""The segments of a timeline as subtitles: SubRip (srt) and WebVTT (vtt)."""

import html
from collections.abc import Callable
from pathlib import Path

from webvtt import Caption, WebVTT

from .._files import whole_file
from .._text import shown_name
from .cues import Cue, cues_of_people, cues_without_face, person_name
from .timeline import Timeline

# SubRip has no way to write these characters: players take them for markup (`<b>`, `{\an8}`), `-->` for a time.
_SRT_TEXT = str.maketrans("<>{}", "‹›()")  # noqa: RUF001 (characters that look like those they stand for)


def write_srt(timeline: Timeline, path: Path) -> None:
    """Writes a cue "person 1: happy" for each segment, "no face" where none was found; cues may overlap."""
    _write(timeline, path, "srt", lambda text: text.translate(_SRT_TEXT))


def write_vtt(timeline: Timeline, path: Path) -> None:
    """As `write_srt`, for `<track>` of a web page. A comment at the beginning holds model and notes."""
    _write(timeline, path, "vtt", lambda text: html.escape(text, quote=False))


def subtitle_cues(timeline: Timeline) -> list[Cue]:
    """All cues, ordered by their start; at the same start people in the order of their numbers."""
    cues = cues_without_face(timeline)
    for track_id, own in cues_of_people(timeline.segments).items():
        cues += [Cue(cue.start_ms, cue.end_ms, f"{person_name(track_id)}: {cue.text}") for cue in own]
    return sorted(cues, key=lambda cue: cue.start_ms)


def timestamp(time_ms: int) -> str:
    """Milliseconds as hours:minutes:seconds.milliseconds."""
    seconds, milliseconds = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


def _write(timeline: Timeline, path: Path, kind: str, as_text: Callable[[str], str]) -> None:
    subtitles = WebVTT()
    subtitles.captions.extend(
        Caption(timestamp(cue.start_ms), timestamp(cue.end_ms), as_text(cue.text)) for cue in subtitle_cues(timeline)
    )
    comment = " ".join([f"Expressions by {timeline.model}.", *timeline.notes])
    subtitles.header_comments.append(html.escape(shown_name(comment, None), quote=False))  # no "-->" in it
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        subtitles.write(file, format=kind)
