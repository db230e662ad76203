"""What is shown during a span of time, as text and whole milliseconds: the base of subtitles and annotations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._text import shown_name
from .segments import Segment
from .timeline import Timeline

NO_FACE = "no face"


@dataclass(frozen=True)
class Cue:
    """A text from `start_ms` to `end_ms`, at least a millisecond long."""

    start_ms: int
    end_ms: int
    text: str


def person_name(track_id: int) -> str:
    """How a track is called in outputs."""
    return f"person {track_id}"


def spans_to_cues(spans: Iterable[tuple[float, float, str]]) -> list[Cue]:
    """
    Spans one after the other, as (start in seconds, end in seconds, text), as cues that do not overlap.

    Rounding makes no gap between spans that touch. A span shorter than a millisecond gets one.
    """
    cues: list[Cue] = []
    for start_sec, end_sec, text in sorted(spans):
        earliest_ms = cues[-1].end_ms if cues else 0
        start_ms = max(earliest_ms, round(start_sec * 1000))
        cues.append(Cue(start_ms, max(start_ms + 1, round(end_sec * 1000)), shown_name(text)))
    return cues


def cues_of_people(segments: Sequence[Segment]) -> dict[int, list[Cue]]:
    """The segments of each track as cues, by `track_id` in increasing order."""
    track_ids = sorted({segment.track_id for segment in segments})
    return {
        track_id: spans_to_cues(
            (segment.start_sec, segment.end_sec, segment.label) for segment in segments if segment.track_id == track_id
        )
        for track_id in track_ids
    }


def cues_without_face(timeline: Timeline) -> list[Cue]:
    """The spans in which no face was found."""
    return spans_to_cues((start_sec, end_sec, NO_FACE) for start_sec, end_sec in timeline.without_face)
