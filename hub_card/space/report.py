"""What the page shows of a reading, as HTML."""

import html
import io

from chart import NO_FACE, clock, people_charts
from looks import Looker
from pictures import data_uri, looked_at, seen_frames
from reading import Reading

from logoformer_hf._text import shown_name
from logoformer_hf.timeline.window import UNSURE


def progress_line(reading: Reading) -> str:
    """How far a video is read; at the end, what was found."""
    if not reading.is_done:
        share = "" if reading.total_sec is None else f' value="{reading.read_sec:.2f}" max="{reading.total_sec:.2f}"'
        of = "" if reading.total_sec is None else f" of {clock(reading.total_sec)}"
        speed = f", {reading.speed:.1f} times as fast as it plays" if reading.speed else ""
        return (
            f'<p class="progress"><progress{share} aria-label="Part of the video that is read"></progress>'
            f"<span>{clock(reading.read_sec)}{of} read{speed}</span></p>"
        )
    timeline = reading.timeline
    tracks = {window.track_id for window in timeline.windows}
    if reading.is_stopped:
        found = f"Stopped after {clock(timeline.duration_sec)}: "
    else:
        found = f"{clock(timeline.duration_sec)} read: "
    found += {0: "no face was found.", 1: "one person."}.get(len(tracks), f"{len(tracks)} people.")
    if timeline.without_face and tracks:
        spans = [f"{clock(start)} to {clock(end)}" for start, end in timeline.without_face]
        found += f" No face: {', '.join(spans[:10])}{' …' if len(spans) > 10 else ''}."
    notes = "".join(f'<p class="note">{html.escape(shown_name(note, None))}</p>' for note in timeline.notes)
    return f'<p role="status">{found}</p>{notes}'


def charts(reading: Reading) -> str:
    """The charts of all people, and the table of windows as a file."""
    timeline = reading.timeline
    if not timeline.windows:
        return ""
    duration_sec = timeline.duration_sec if reading.is_done else reading.total_sec or timeline.duration_sec
    people = people_charts(timeline, reading.faces, duration_sec, reading.is_done)
    if not reading.is_done:
        return f"<h2>What each face shows</h2>{people}"
    table = io.StringIO()
    timeline.frame().round(6).to_csv(table, index=False, lineterminator="\n")
    name = f"{shown_name(reading.path.stem)}.csv"
    return (
        "<h2>What each face shows</h2>"
        "<p>Choose a moment in a chart: the video goes there, and the frames that the model saw appear below. "
        "Height is the score of an expression.</p>"
        f'{people}<button class="save" data-save="{html.escape(name)}">Download the timeline as CSV</button>'
        f'<textarea class="table" hidden aria-hidden="true">{html.escape(table.getvalue())}</textarea>'
    )


def chosen_window(reading: Reading, looker: Looker, track_id: int, center_sec: float) -> str:
    """Face, scores, frames and attention of the window of a person that is nearest to a time."""
    window, crops = reading.window_at(track_id, center_sec)
    face = reading.faces.get(track_id, NO_FACE) if crops is None else crops[len(crops) // 2]
    title = f"Person {track_id}, {clock(window.start_sec)} to {clock(window.end_sec)}: {window.label}"
    remarks = []
    if window.is_classified:
        scores = sorted(window.scores.items(), key=lambda item: -item[1])
        remarks.append(", ".join(f"{name} {score:.0%}" for name, score in scores))
    if window.label == UNSURE:
        reason = "no score is high enough" if window.is_classified else "the face is too small, blurred or turned away"
        remarks.append(f"Unsure: {reason}.")
    if window.is_short:
        remarks.append("The person is seen for less than two seconds.")
    head = (
        f'<div class="chosen-face"><img src="{data_uri(face)}" alt="Face of person {track_id}"><div>'
        f"<h2>{html.escape(title)}</h2>{''.join(f'<p>{html.escape(remark)}</p>' for remark in remarks)}</div></div>"
    )
    if crops is None:
        return f"{head}<p>The model did not read this window.</p>"
    look = looker.look(crops)
    times_sec = window.frame_times_sec
    seen = (
        f"<h2>The {len(look.frames)} input frames of the model</h2>"
        f"<p>The face, aligned and resized; below each its time in the video.</p>{seen_frames(look, times_sec)}"
    )
    if look.shares is None:
        return f"{head}{seen}<p>This model has no global attention.</p>"
    return (
        f"{head}{seen}<h2>Global attention of each window</h2>"
        "<p>Each block is one window of space and time. Its colour is the share of global attention that the window's "
        "summary gets, averaged over all tokens, heads and layers. It shows which windows the tokens attend to; it "
        "does not explain the scores, and does not show local attention and the frame encoder.</p>"
        f"{looked_at(look, times_sec)}"
        '<p class="scale">an even share or less <span></span> four times that</p>'
    )
