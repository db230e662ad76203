"""The segments of a timeline as an annotation document of ELAN (eaf), linked to the video."""

import mimetypes
import os
from pathlib import Path

from pympi.Elan import Eaf

from .._files import whole_file
from .._text import one_line, shown_name
from .cues import NO_FACE, cues_of_people, cues_without_face, person_name
from .timeline import Timeline

_UNKNOWN_MIME_TYPE = "unknown"  # ELAN's word for it


def write_elan(timeline: Timeline, path: Path) -> None:
    """
    Writes a tier for each person with the segments as annotations, and a tier "no face".

    The video is linked by its absolute path and by the one relative to the document, so that ELAN finds it when both
    have moved. Times are whole milliseconds; annotations of a tier do not overlap.
    """
    document = Eaf(author="LOGO-Former")
    document.remove_tier("default")
    document.add_property("model", shown_name(timeline.model, None))
    for number, note in enumerate(timeline.notes, start=1):
        document.add_property(f"note {number}", shown_name(note, None))
    link_video(document, str(timeline.source), path)
    tiers = {person_name(track_id): cues for track_id, cues in cues_of_people(timeline.segments).items()}
    for name, cues in {**tiers, NO_FACE: cues_without_face(timeline)}.items():
        document.add_tier(name, part=name if name in tiers else None)
        for cue in cues:
            document.add_annotation(name, cue.start_ms, cue.end_ms, cue.text)
    with whole_file(path) as partial:
        partial.unlink(missing_ok=True)  # pympi would keep one of a killed process under another name
        document.to_file(str(partial))


def link_video(document: Eaf, source: str, path: Path) -> None:
    """
    Adds the video to the document at `path`: a file, or an address. A camera has nothing to link.

    ELAN writes paths into addresses as they are, spaces included, and reads them so.
    """
    mime_type = mimetypes.guess_type(source)[0] or _UNKNOWN_MIME_TYPE
    if "://" in source:
        document.add_linked_file(one_line(source), mimetype=mime_type)
    elif Path(source).is_file():
        video = Path(source).absolute()
        absolute = video.as_posix().removeprefix("/")
        relative = relative_address(video, path.absolute().parent)
        document.add_linked_file(f"file:///{one_line(absolute)}", relative, mime_type)


def relative_address(video: Path, folder: Path) -> str | None:
    """The path from a folder to a video as ELAN writes it, None where none leads there (another drive)."""
    try:
        relative = os.path.relpath(video, folder).replace(os.sep, "/")
    except ValueError:
        return None
    return one_line(relative if relative.startswith("../") else f"./{relative}")
