"""The state of a session as plain data, so that the reading of a video can go on in another process."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .assembly import TrackPair, TrackState, WindowPlan
from .pairs import FaceView, view_from, view_state

if TYPE_CHECKING:
    from .session import Session

VERSION = 3

Views = dict[tuple[int, int], FaceView]  # by track and index of the frame


def settings_of(session: "Session") -> dict[str, Any]:
    """What must be the same in the session that goes on; other batches change the scores by rounding only."""
    settings, follower = session.settings, session.reader.follower
    return {
        "label_names": list(settings.label_names),
        "temperature": settings.temperature,
        "min_score": settings.min_score,
        "keep_crops": settings.keep_crops,
        "keep_boxes": settings.keep_boxes,
        "pair_sec": session.reader.grid.pair_sec,
        "num_frames": session.model.num_frames,
        "side_px": session.model.side_px,
        "reuses_tokens": session.model.reuses_tokens,
        "detects": follower.detector is not None,
        "detect_every": follower.detect_every,
        "detection_side_px": follower.detection_side_px,
    }


def session_state(session: "Session", reader: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """
    Args:
        session: the session.
        reader: the state of its reader, where that works ahead in another thread.
    """
    views: Views = {}
    for track_id, track in session.assembly.tracks.items():
        _collect(views, track_id, [*track.pairs, *track.missing])
    for plan in (*session.assembly.waiting, *session._ready):
        _collect(views, plan.track_id, plan.pairs)
    views |= {(track_id, face.frame): face for track_id, face in session._queue}
    return {
        "version": VERSION,
        "settings": settings_of(session),
        "reader": session.reader.state_dict() if reader is None else dict(reader),
        "views": [view_state(track_id, view) for (track_id, _), view in views.items()],
        "tracks": [
            {
                "track_id": track_id,
                "had_window": track.had_window,
                "pairs": [_pair_state(pair) for pair in track.pairs],
                "missing": [_pair_state(pair) for pair in track.missing],
            }
            for track_id, track in session.assembly.tracks.items()
        ],
        "waiting": [_plan_state(plan) for plan in session.assembly.waiting],
        "ready": [_plan_state(plan) for plan in session._ready],
        "queue": [[track_id, face.frame] for track_id, face in session._queue],
        "oldest": session._oldest,
        "last_index": session._last_index,
        "num_pushed": session._num_pushed,
        "pushed_size_px": session._pushed_size_px and list(session._pushed_size_px),
        "without_face": [list(span) for span in session.without_face],
        "ends": [list(end) for end in session.ends],
        "empty_since_sec": session._empty_since_sec,
        "boxes": None if session.boxes is None else session.boxes.state_dict(),
    }


def load_session_state(session: "Session", state: Mapping[str, Any]) -> None:
    """
    Raises:
        ValueError: another version, other settings, or no state of a session.
    """
    if state.get("version") != VERSION or "settings" not in state:
        raise ValueError(f"the saved state has version {state.get('version')!r}; it must have version {VERSION}.")
    now = settings_of(session)
    for name, value in now.items():
        if state["settings"].get(name) != value:
            raise ValueError(
                f"the saved state has {name} {state['settings'].get(name)!r}, and this session has {value!r}; reading "
                "can go on with the same settings only."
            )
    views: Views = {
        (each["track_id"], each["frame"]): view_from(each, session.model.device) for each in state["views"]
    }

    def pairs_from(track_id: int, values: Iterable[list[Any]]) -> list[TrackPair]:
        return [_pair_from(each, lambda frame: views[track_id, frame]) for each in values]

    def plan_from(each: Mapping[str, Any]) -> WindowPlan:
        return WindowPlan(each["track_id"], pairs_from(each["track_id"], each["pairs"]), each["is_short"])

    session.assembly.tracks = {}
    for each in state["tracks"]:
        track_id = each["track_id"]
        track = TrackState(missing=pairs_from(track_id, each["missing"]), had_window=each["had_window"])
        track.pairs.extend(pairs_from(track_id, each["pairs"]))
        session.assembly.tracks[track_id] = track
    session.assembly.waiting = [plan_from(each) for each in state["waiting"]]
    session._ready = [plan_from(each) for each in state["ready"]]
    session._queue = [(track_id, views[track_id, frame]) for track_id, frame in state["queue"]]
    session._oldest, session._last_index = state["oldest"], state["last_index"]
    session._num_pushed = state["num_pushed"]
    session._pushed_size_px = state["pushed_size_px"] and tuple(state["pushed_size_px"])
    session.without_face = [(start_sec, end_sec) for start_sec, end_sec in state["without_face"]]
    session.ends = [(track_id, time_sec) for track_id, time_sec in state["ends"]]
    session._empty_since_sec = state["empty_since_sec"]
    if session.boxes is not None:
        session.boxes.load_state_dict(state["boxes"])
    session._is_closed = False
    session.reader.load_state_dict(state["reader"], views, session.model.device)


def _collect(views: Views, track_id: int, pairs: Iterable[TrackPair]) -> None:
    for pair in pairs:
        views |= {(track_id, view.frame): view for view in (pair.first, pair.second) if view is not None}


def _pair_state(pair: TrackPair) -> list[Any]:
    first, second = (None if view is None else view.frame for view in (pair.first, pair.second))
    return [pair.number, pair.start_sec, pair.end_sec, first, second]


def _pair_from(values: list[Any], view_of: Callable[[int], FaceView]) -> TrackPair:
    number, start_sec, end_sec, first, second = values
    return TrackPair(
        number,
        start_sec,
        end_sec,
        None if first is None else view_of(first),
        None if second is None else view_of(second),
    )


def _plan_state(plan: WindowPlan) -> dict[str, Any]:
    return {"track_id": plan.track_id, "is_short": plan.is_short, "pairs": [_pair_state(pair) for pair in plan.pairs]}
