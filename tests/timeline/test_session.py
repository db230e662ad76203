"""Frames go in, windows come out: the same as the model gives for each window's frames."""

import math

import numpy as np
import pytest
from errors import raises_naming
from scripted_footage import ScriptedDetector, check_scores, face_at, frame_pixels, push_all, same, times_at

from logoformer_hf.faces.frames import MemoryFrame
from logoformer_hf.timeline.segments import segments_of
from logoformer_hf.timeline.window import UNSURE

TWO = (face_at(10), face_at(90))


@pytest.mark.parametrize(
    "times_sec",
    [
        times_at(25, 4),
        times_at(5, 4),  # frames repeat
        list(np.cumsum(np.random.default_rng(0).uniform(0.01, 0.3, 30))),  # variable rate
    ],
    ids=["25 fps", "5 fps", "variable"],
)
@pytest.mark.parametrize("batch_size", [3, 64])
def test_scores_are_those_of_the_model_on_each_windows_crops(recognizer_of, footage_model, times_sec, batch_size):
    recognizer = recognizer_of(ScriptedDetector(always=TWO), batch_size=batch_size)
    windows = push_all(recognizer.open(keep_crops=True, max_delay_sec=2.0), times_sec)
    assert {window.track_id for window in windows} == {1, 2} and len(windows) > 10
    assert all(window.is_classified for window in windows)
    check_scores(windows, footage_model)
    scores = np.array([list(window.scores.values()) for window in windows])
    assert np.ptp(scores, axis=0).max() > 0.01  # or nothing would be seen of a mistake
    ends = [window.end_sec for window in windows]
    assert ends == sorted(ends)


def test_at_two_frames_a_second_frames_repeat(recognizer_of, footage_model):
    windows = push_all(recognizer_of().open(keep_crops=True), times_at(2, 8))
    assert all(len(set(window.frame_times_sec)) in (5, 6) for window in windows[:-2]) and len(windows) > 20
    check_scores(windows, footage_model)


def test_times_are_those_of_the_frames(recognizer_of):
    times = [1.5 + time_sec for time_sec in times_at(30, 3)]
    windows = push_all(recognizer_of().open(), times)
    first = windows[0]
    expected = [max(time for time in times if time <= 1.5 + 0.25 * pair + 0.0005) for pair in range(8)]
    assert first.frame_times_sec[::2] == tuple(expected)
    assert first.frame_times_sec[1::2] == tuple(times[times.index(time) + 1] for time in expected)
    assert (first.start_sec, first.end_sec) == (first.frame_times_sec[0], first.frame_times_sec[-1])
    assert [window.end_sec for window in windows[:3]] == pytest.approx([3.2833, 3.5333, 3.7833], abs=0.02)


def test_windows_come_while_frames_are_pushed_and_batches_change_nothing(recognizer_of):
    times = times_at(10, 6)
    at_once = recognizer_of(ScriptedDetector(always=TWO)).open(max_delay_sec=0)
    early = []
    for number, time_sec in enumerate(times):
        for window in at_once.push(frame_pixels(number), time_sec):
            assert time_sec - window.end_sec <= 0.5
            early.append(window)
    assert len(early) > 20
    early += at_once.close()
    late = push_all(recognizer_of(ScriptedDetector(always=TWO), batch_size=500).open(max_delay_sec=99), times)
    same(early, late)


def test_a_frame_is_encoded_once_per_track(recognizer_of, monkeypatch):
    recognizer = recognizer_of(ScriptedDetector(always=TWO))
    encoded = []
    encode = recognizer.model.encode
    monkeypatch.setattr(
        recognizer.model, "encode", lambda crops, fill_up_to: encoded.extend(crops) or encode(crops, fill_up_to)
    )
    push_all(recognizer.open(), times_at(4, 5))  # 20 frames, 20 pairs that share them
    assert len(encoded) == 2 * 20
    encoded.clear()
    push_all(recognizer.open(), times_at(50, 5))  # two frames at each grid time
    assert len(encoded) == 2 * 2 * 20


def test_a_short_track_gives_one_window(recognizer_of, footage_model):
    windows = push_all(recognizer_of().open(keep_crops=True), times_at(10, 0.9))
    assert [(window.is_short, window.start_sec, window.end_sec) for window in windows] == [(True, 0.0, 0.8)]
    assert len(windows[0].frame_times_sec) == 16 and windows[0].is_classified
    check_scores(windows, footage_model)
    (single,) = push_all(recognizer_of().open(), [0.0])
    assert single.is_short and single.frame_times_sec == (0.0,) * 16


def test_no_frame_gives_no_window(recognizer_of):
    session = recognizer_of().open()
    assert session.close() == [] and session.close() == []
    with raises_naming(ValueError, "closed"):
        session.push(frame_pixels(0), 0.0)


def test_faces_that_cannot_be_read_are_left_out(recognizer_of, footage_model):
    bad = face_at(10, score=0.3)
    # From 2 to 4 s, seen but not usable. Detection on every frame: between detections scores are the worse one's.
    script = {number: [bad] for number in range(20, 40)}
    recognizer = recognizer_of(ScriptedDetector(script, always=[face_at(10)]), detect_every=1)
    windows = push_all(recognizer.open(keep_crops=True), times_at(10, 8))
    assert {window.track_id for window in windows} == {1}
    left_out = [window for window in windows if not window.is_classified]
    assert left_out and all(window.label == UNSURE and window.frame_times_sec == () for window in left_out)
    assert all(math.isnan(score) for window in left_out for score in window.scores.values())
    assert all(not 2.0 <= time < 4.0 for window in windows for time in window.frame_times_sec)
    part = [window for window in windows if window.is_classified and len(set(window.frame_times_sec)) < 14]
    assert part and all(len(window.frame_times_sec) == 16 for window in part)
    whole = max(window.quality for window in windows)
    assert any(0.4 * whole < window.quality < 0.9 * whole for window in part)
    check_scores(windows, footage_model)


def test_nobody_is_a_result(recognizer_of):
    script = {number: [] for number in range(30, 60)}
    session = recognizer_of(ScriptedDetector(script, always=[face_at(10)]), detect_every=1).open()
    windows = push_all(session, times_at(10, 9))
    ((start_sec, end_sec),) = session.without_face
    assert 2.9 <= start_sec <= 3.3 and 5.9 <= end_sec <= 6.3
    assert not any(
        window.start_sec < 4 < window.end_sec and window.end_sec - window.start_sec < 2 for window in windows
    )
    session = recognizer_of(ScriptedDetector()).open()
    assert push_all(session, times_at(10, 2)) == [] and session.without_face == [(0.0, 2.0)]


def test_a_frame_that_is_not_later_is_refused_and_nothing_is_lost(recognizer_of):
    times = times_at(10, 4)
    expected = push_all(recognizer_of(ScriptedDetector(always=TWO)).open(), times)
    session = recognizer_of(ScriptedDetector(always=TWO)).open()
    windows = []
    for number, time_sec in enumerate(times):
        windows += session.push(frame_pixels(number), time_sec)
        for wrong in (time_sec, time_sec - 0.05):
            with raises_naming(ValueError, f"{time_sec:.3f}", f"{wrong:.3f}"):
                session.push(frame_pixels(7), wrong)
        for wrong in (math.nan, None, "now"):
            with raises_naming(ValueError, wrong):
                session.push(frame_pixels(7), wrong)
        with raises_naming(ValueError, "(height, width, 3)"):
            session.push(np.zeros((4, 4), np.uint8), time_sec + 0.05)
        with raises_naming(ValueError, "1x1", "160x120"):
            session.push(np.zeros((1, 1, 3), np.uint8), time_sec + 0.05)
        with raises_naming(ValueError, "(height, width, 3)"):
            session.push([[1], [2, 3]], time_sec + 0.05)
    same(windows + session.close(), expected, tolerance=0)


def test_pushed_pixels_may_be_written_over(recognizer_of):
    times = times_at(10, 3)
    expected = push_all(recognizer_of().open(), times)
    session, buffer, windows = recognizer_of().open(), np.empty_like(frame_pixels(0)), []
    for number, time_sec in enumerate(times):
        buffer[:] = frame_pixels(number)
        windows += session.push(buffer, time_sec)
    same(windows + session.close(), expected, tolerance=0)


def test_a_low_best_score_is_unsure_with_its_scores(recognizer_of):
    certain = push_all(recognizer_of(min_score=0.0).open(), times_at(10, 3))
    unsure = push_all(recognizer_of(min_score=1.0).open(), times_at(10, 3))
    assert {window.label for window in unsure} == {UNSURE} and UNSURE not in {window.label for window in certain}
    assert [window.scores for window in unsure] == [window.scores for window in certain]
    assert all(window.label == max(window.scores, key=window.scores.get) for window in certain)


def test_logits_are_divided_by_the_temperature(recognizer_of, footage_model):
    recognizer = recognizer_of()
    recognizer.temperature = 3.0
    check_scores(push_all(recognizer.open(keep_crops=True), times_at(10, 3)), footage_model, temperature=3.0)


def test_what_a_session_keeps_does_not_grow(recognizer_of, monkeypatch):
    """Frames and faces that are alive after each push, over much footage."""
    alive = {"frames": 0, "most": 0}

    class Counted(MemoryFrame):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            alive["frames"] += 1
            alive["most"] = max(alive["most"], alive["frames"])

        def __del__(self):
            alive["frames"] -= 1

    monkeypatch.setattr("logoformer_hf.timeline.session.MemoryFrame", Counted)
    session = recognizer_of(ScriptedDetector(always=TWO)).open(max_delay_sec=1.0)
    sizes = []
    for number in range(400):
        session.push(frame_pixels(number), number / 20)
        views = sum(len(track.pairs) + len(track.missing) for track in session.assembly.tracks.values())
        sizes.append(views + len(session._queue) + len(session._ready) + len(session.assembly.waiting))
    assert alive["most"] <= 8
    assert max(sizes[200:]) <= max(sizes[:200])


GAP_TIMES = [*times_at(30, 0.7), *[3.7 + time_sec for time_sec in times_at(30, 0.7)]]


@pytest.mark.parametrize("has_detector", [True, False])
def test_nothing_is_said_about_a_hole_in_the_times(recognizer_of, footage_model, has_detector):
    """21 frames, three seconds without one, 21 frames."""
    session = recognizer_of(ScriptedDetector(always=[face_at(10)]) if has_detector else None).open(
        keep_crops=True, keep_boxes=True
    )
    windows = push_all(session, GAP_TIMES)
    spans = [(window.start_sec, window.end_sec) for window in windows]
    assert spans == [(0.0, GAP_TIMES[20]), (3.7, GAP_TIMES[-1])]
    assert session.without_face == []
    assert [window.track_id for window in windows] == ([1, 2] if has_detector else [1, 1])
    assert all(window.is_short and len(set(window.frame_times_sec)) >= 6 for window in windows)
    segments = segments_of(windows, ends=session.ends)
    assert [(segment.start_sec, segment.end_sec) for segment in segments] == spans
    last_before = {rows[-1, 0] for rows in session.boxes.arrays().values()}
    assert np.float32(GAP_TIMES[-1]) in last_before and (not has_detector or np.float32(GAP_TIMES[20]) in last_before)
    check_scores(windows, footage_model)


def test_times_before_zero_are_read_as_others(recognizer_of):
    times = times_at(10, 4)
    late = push_all(recognizer_of(ScriptedDetector(always=TWO)).open(), times)
    early = push_all(recognizer_of(ScriptedDetector(always=TWO)).open(), [time_sec - 5 for time_sec in times])
    assert len(early) == len(late) > 10
    assert [window.start_sec for window in early] == pytest.approx([window.start_sec - 5 for window in late])
    assert [window.label for window in early] == [window.label for window in late]


@pytest.mark.parametrize("num_frames", [1, 2])
def test_a_video_of_one_or_two_frames_has_a_window(recognizer_of, num_frames):
    session = recognizer_of(ScriptedDetector(always=[face_at(10)])).open()
    (window,) = push_all(session, times_at(30, num_frames / 30))
    assert window.is_short and window.is_classified and session.without_face == []
    assert (window.start_sec, window.end_sec) == (0.0, (num_frames - 1) / 30)


@pytest.mark.parametrize(("fps", "num_frames"), [(120, 30), (30, 6), (30, 70), (30, 76)])
def test_segments_reach_the_last_frame(recognizer_of, footage_model, fps, num_frames):
    session = recognizer_of(ScriptedDetector(always=[face_at(10)])).open(keep_crops=True)
    times = times_at(fps, num_frames / fps)
    windows = push_all(session, times)
    segments = segments_of(windows, ends=session.ends, switch_cost=99)
    assert [(segment.start_sec, segment.end_sec) for segment in segments] == [(0.0, times[-1])]
    if windows[0].is_short:
        assert windows[-1].end_sec == windows[-1].frame_times_sec[-1] == times[-1]
    check_scores(windows, footage_model)


@pytest.mark.parametrize("cut_at", [55, 60, 68])
def test_segments_reach_the_last_frame_before_a_cut(recognizer_of, footage_model, cut_at):
    session = recognizer_of(ScriptedDetector(always=[face_at(10)])).open(keep_crops=True, keep_boxes=True)
    times, windows = times_at(30, 4), []
    blocks = np.random.default_rng(1).integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
    for number, time_sec in enumerate(times):
        pixels = blocks[int(number >= cut_at)].repeat(20, axis=0).repeat(20, axis=1)
        seen = frame_pixels(number)
        pixels[0], pixels[30:78, 10:58] = seen[0], seen[30:78, 10:58]  # the number and the face
        windows += session.push(pixels, time_sec)
    windows += session.close()
    segments = segments_of(windows, ends=session.ends, switch_cost=99)
    assert [segment.track_id for segment in segments] == [1, 2] and session.without_face == []
    assert [segment.end_sec for segment in segments] == [times[cut_at - 1], times[-1]]
    assert times[cut_at] <= segments[1].start_sec <= times[cut_at] + 0.25
    assert session.boxes.arrays()[1][-1, 0] == np.float32(times[cut_at - 1])
    check_scores(windows, footage_model)
