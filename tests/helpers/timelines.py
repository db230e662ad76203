"""Made-up timelines: people who change their expressions, with the scores that a model could give."""

from dataclasses import replace

import numpy as np

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.timeline.segments import segments_of
from logoformer_hf.timeline.timeline import Timeline
from logoformer_hf.timeline.window import UNSURE, Window

NAN = float("nan")


def made_up_window(
    track_id: int,
    center_sec: float,
    label: str,
    score: float = 0.8,
    label_names=EXPRESSIONS,
    box=(20.0, 10.0, 30.0, 30.0),
    crop: np.ndarray | None = None,
) -> Window:
    """A window of two seconds; the other classes share what is left. "unsure" has no scores."""
    others = (1 - score) / max(len(label_names) - 1, 1)
    scores = {name: NAN if label == UNSURE else score if name == label else others for name in label_names}
    crops = None if crop is None else np.repeat(crop[None], 16, axis=0)
    return Window(track_id, center_sec - 1, center_sec + 1, label, scores, box, 0.9, crops=crops)


def made_up_timeline(
    episodes: dict[int, list[tuple[float, float, str]]],
    duration_sec: float,
    label_names=EXPRESSIONS,
    source: str = "interview.mp4",
    step_sec: float = 0.25,
    seed: int = 0,
    size_px: tuple[int, int] = (64, 48),
    with_crops: bool = False,
    notes=(),
) -> Timeline:
    """
    A timeline of people with known episodes.

    Args:
        episodes: for each track, start, end and label of what is shown, one after the other.
        duration_sec: of the video.
        with_crops: whether windows have crops, plain ones whose grey is ten times the number of the label.
    """
    rng = np.random.default_rng(seed)
    windows = []
    for track, shown in episodes.items():
        for start, end, label in shown:
            for center in np.arange(start + step_sec / 2, end, step_sec):
                grey = 10 * list(label_names).index(label) if label in label_names else 255
                crop = np.full((112, 112, 3), grey, np.uint8) if with_crops else None
                score = float(np.clip(rng.normal(0.75, 0.12), 0.36, 0.99))
                box = (5.0 + 20 * (track - 1), 10.0, 15.0, 20.0)
                window = made_up_window(track, float(center), label, score, label_names, box, crop)
                start_sec, end_sec = max(0.0, window.start_sec), min(duration_sec, window.end_sec)
                windows.append(replace(window, start_sec=start_sec, end_sec=end_sec))
    windows.sort(key=lambda window: window.end_sec)
    seen = [(start, end) for shown in episodes.values() for start, end, _ in shown]
    return Timeline(
        source,
        duration_sec,
        25.0,
        *size_px,
        label_names,
        "someone/logoformer-small",
        list(notes),
        windows,
        segments_of(windows),
        None,
        _free(seen, duration_sec),
        boxes_of(windows),
    )


def boxes_of(windows) -> dict[int, np.ndarray]:
    """Boxes of a timeline in which every face was looked at in the middle of its windows only."""
    tracks = sorted({window.track_id for window in windows})
    rows = {track: [(w.center_sec, *w.box) for w in windows if w.track_id == track] for track in tracks}
    return {track: np.array(sorted(each), dtype=np.float32) for track, each in rows.items()}


def _free(spans: list[tuple[float, float]], duration_sec: float) -> list[tuple[float, float]]:
    """What of the duration is in none of the spans."""
    free, at = [], 0.0
    for start, end in sorted(spans):
        if start > at:
            free.append((at, start))
        at = max(at, end)
    return [*free, (at, duration_sec)] if at < duration_sec else free
