"""The overlay video: the source's pictures and times, with boxes, labels and charts where they belong."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from errors import raises_naming
from pictures import save_frames
from scripted_footage import HEIGHT, SIDE, WIDTH, ScriptedDetector, face_at
from timelines import boxes_of, made_up_timeline, made_up_window

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.faces.footage import Footage
from logoformer_hf.image_reading_logoformer import VideoReadError
from logoformer_hf.timeline import overlay, overlay_file, overlay_panel
from logoformer_hf.timeline.colours import expression_colours, rgb_of
from logoformer_hf.timeline.overlay import OverlayPainter, check_overlay, write_overlay
from logoformer_hf.timeline.overlay_person import people_of
from logoformer_hf.timeline.segments import Segment
from logoformer_hf.timeline.timeline import Timeline

COLOURS = {name: rgb_of(colour) for name, colour in expression_colours(EXPRESSIONS).items()}


def read_back(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Times in seconds from the start of the presentation, and pictures."""
    with Footage(path) as footage:
        frames = [(frame.time_sec, frame.pixels) for frame in footage]
    return [time for time, _ in frames], [pixels for _, pixels in frames]


def is_colour(pixels: np.ndarray, colour: tuple[int, int, int], tolerance: int = 2) -> np.ndarray:
    return np.abs(pixels.astype(int) - colour).max(axis=-1) <= tolerance


def nobody(width: int = 64, height: int = 48, duration_sec: float = 2.0) -> Timeline:
    return made_up_timeline({}, duration_sec, size_px=(width, height))


def write_uneven(path: Path, times_ms: list[int], size: tuple[int, int] = (64, 48), **options) -> Path:
    """A video with frames at these times, whose brightness is their number."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, options.get("pix_fmt", "yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000)
        if "rotation" in options:
            stream.set_display_rotation(options["rotation"])
        for number, time_ms in enumerate(times_ms):
            pixels = np.full((size[1], size[0], 3), 10 + 5 * number, np.uint8)
            pixels[: size[1] // 2, : size[0] // 4] = (255, 0, 0)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def two() -> Timeline:
    """In pictures of 640 by 360 pixels: person 1 moves to the right and is happy, then sad; person 2 is unsure."""
    timeline = made_up_timeline({}, 20.0, size_px=(640, 360))
    one = [
        made_up_window(1, t, "happy" if t < 4 else "sad", 0.7, box=(100 + 40 * t, 120, 80, 100))
        for t in np.arange(1, 8.1, 0.25)
    ]
    other = [made_up_window(2, t, "unsure", box=(500, 150, 60, 80)) for t in np.arange(2, 4.1, 0.25)]
    timeline.windows = sorted(one + other, key=lambda window: window.end_sec)
    timeline.boxes = boxes_of(timeline.windows)
    timeline.segments = [
        Segment(1, 0.0, 4.0, "happy", 0.7),
        Segment(1, 4.0, 9.0, "sad", 0.7),
        Segment(2, 1.0, 5.0, "unsure", float("nan")),
    ]
    return timeline


def draw(timeline: Timeline, time_sec: float) -> np.ndarray:
    painter = OverlayPainter(timeline)
    grey = np.full((timeline.height_px, timeline.width_px, 3), 128, np.uint8)
    return painter.draw(grey, time_sec).copy()


@pytest.mark.parametrize("time_sec, label", [(2.0, "happy"), (3.13, "happy"), (6.5, "sad")])
def test_a_box_is_where_the_face_is_in_the_colour_of_the_label(two, time_sec, label):
    picture = draw(two, time_sec)[:360, :480]
    rows, columns = np.nonzero(is_colour(picture, COLOURS[label]))
    left = 100 + 40 * time_sec
    inside = columns[(rows > 140) & (rows < 200)]
    assert (inside.min(), inside.max()) == pytest.approx((left, left + 80), abs=2.5)
    assert rows.max() == pytest.approx(220, abs=2.5)
    others = [name for name in COLOURS if name != label]
    assert all(is_colour(picture, COLOURS[name]).sum() == 0 for name in others)


def test_a_person_who_is_not_seen_has_no_box(two):
    for time_sec in (9.5, 15.0):
        assert (draw(two, time_sec)[:360] == 128).all()
    assert (draw(two, 0.5)[:360, 490:] == 128).all()
    assert not (draw(two, 2.0)[:360, 490:] == 128).all()


def moving_footage(folder: Path, left_px: np.ndarray) -> ScriptedDetector:
    """A folder of grey frames, 25 a second, with a face in each at this left edge, nobody at NaN; and its detector."""
    frames = np.full((len(left_px), HEIGHT, WIDTH, 3), 128, np.uint8)
    face = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    for number, left in enumerate(left_px):
        frames[number, 0, :2] = [[number // 256, 0, 0], [number % 256, 0, 0]]
        if not np.isnan(left):
            frames[number, 30 : 30 + SIDE, round(left) : round(left) + SIDE] = face
    save_frames(folder, frames)
    return ScriptedDetector({n: [] if np.isnan(left) else [face_at(left)] for n, left in enumerate(left_px)})


def drawn_sides(timeline: Timeline, time_sec: float) -> tuple[float, float] | None:
    """Left and right edge of the boxes in a picture, in pixels of the footage."""
    row = draw(timeline, time_sec)[2 * (30 + SIDE // 2)]
    columns = np.flatnonzero(np.any([is_colour(row, colour) for colour in COLOURS.values()], axis=0))
    return None if not len(columns) else (columns.min() / 2, columns.max() / 2)


def test_a_fast_face_has_its_box_on_it_at_every_frame(recognizer_of, tmp_path):
    """From edge to edge in a second, more than three times its width at the most."""
    times_sec = np.arange(92) / 25  # the last pair of the grid begins 0.14 s before the end
    left_px = 56 + 50 * np.sin(np.pi * times_sec)
    detector = moving_footage(tmp_path / "frames", left_px)
    timeline = recognizer_of(detector, min_score=0.0).read(tmp_path / "frames")
    assert list(timeline.boxes) == [1] and timeline.boxes[1].dtype == np.float32
    assert timeline.boxes[1][-1, 0] == pytest.approx(91 / 25)
    for time_sec, left in zip(times_sec, left_px, strict=True):
        assert drawn_sides(timeline, time_sec) == pytest.approx((left, left + SIDE), abs=SIDE / 10), time_sec


@pytest.mark.parametrize("num_frames", [70, 71, 72, 73])
def test_the_last_frame_of_a_video_has_label_and_box(two, num_frames):
    """Also where its time is rounded down as a number of four bytes."""
    last_sec = 9 + num_frames / 30
    rows = [(9 + number / 30, 100, 120, 80, 100) for number in range(num_frames + 1)]
    two.boxes[1] = np.concatenate([two.boxes[1], np.array(rows, dtype=np.float32)])
    person, _ = people_of(two)
    assert person.label_at(last_sec) == "sad" and person.box_at(last_sec) == pytest.approx((100, 120, 80, 100))


def test_there_is_no_box_where_a_face_is_away(recognizer_of, tmp_path):
    left_px = np.full(150, 40.0)
    left_px[60:85] = np.nan
    detector = moving_footage(tmp_path / "frames", left_px)
    timeline = recognizer_of(detector, min_score=0.0, detect_every=1).read(tmp_path / "frames")
    is_drawn = np.array([drawn_sides(timeline, number / 25) is not None for number in range(150)])
    assert is_drawn[:51].all() and not is_drawn[60:85].any() and is_drawn[90:].all()


def test_boxes_are_not_drawn_across_a_gap_in_a_track(two):
    """Over half a second; a shorter one is bridged."""
    kept = [row for row in two.boxes[1] if not 4.1 < row[0] < 4.9 and not 6.1 < row[0] < 6.4]
    two.boxes[1] = np.array(kept)
    assert (draw(two, 4.5)[:360] == 128).all() and (draw(two, 8.5)[:360] == 128).all()
    for time_sec in (4.0, 5.0, 6.25):
        assert not (draw(two, time_sec)[:360] == 128).all()


def test_a_coarse_grid_has_boxes_between_its_pairs(recognizer_of, tmp_path):
    detector = moving_footage(tmp_path / "frames", np.linspace(10, 100, 101))
    timeline = recognizer_of(detector, min_score=0.0, pair_sec=0.8).read(tmp_path / "frames")
    assert timeline.pair_sec == 0.8 and np.diff(timeline.boxes[1][:, 0]).max() > 0.7
    assert all(drawn_sides(timeline, number / 25) is not None for number in range(101))


def test_nobody_is_said_where_the_timeline_says_it(two, monkeypatch):
    two.without_face = [(12.0, 15.0)]
    painter, said = OverlayPainter(two), []
    monkeypatch.setattr(overlay_panel, "write", lambda pixels, text, *place: said.append(text))
    for time_sec, expected in ((2.0, False), (10.0, False), (12.0, True), (14.99, True), (15.0, False)):
        said.clear()
        painter.draw(np.zeros((360, 640, 3), np.uint8), time_sec)
        assert any("no face" in text for text in said) == expected


def test_unsure_is_dashed(two):
    picture = draw(two, 3.0)
    right_edge = is_colour(picture[155:225, 560], COLOURS["unsure"])
    assert 20 < right_edge.sum() < 60


def test_the_chart_shows_the_last_ten_seconds(two):
    painter = OverlayPainter(two)
    chart = draw(two, 9.0)[360:, painter._panel._chart_left :]
    middle = chart[painter._panel._pad + 30]  # of the first row, at about 43 % of its height
    per_sec = painter._panel._chart_width / 10
    happy, sad = (np.flatnonzero(is_colour(middle, COLOURS[name])) for name in ("happy", "sad"))
    assert (happy[0] / per_sec, happy[-1] / per_sec) == pytest.approx((1.0, 4.9), abs=0.15)  # 0 s is 9 s ago
    assert (sad[0] / per_sec, sad[-1] / per_sec) == pytest.approx((4.9, 10.0), abs=0.15)
    later = draw(two, 12.0)[360:, painter._panel._chart_left :][painter._panel._pad + 30]
    sad = np.flatnonzero(is_colour(later, COLOURS["sad"]))
    assert (sad[0] / per_sec, sad[-1] / per_sec) == pytest.approx((1.9, 7.0), abs=0.15)
    assert not any(is_colour(draw(two, 19.5)[360:460], COLOURS[name]).any() for name in ("happy", "sad"))


def test_the_chart_is_as_high_as_the_scores(two):
    painter = OverlayPainter(two)
    top, height = 360 + painter._panel._pad, painter._panel._row
    column = draw(two, 3.0)[top : top + height, 630]
    assert is_colour(column, COLOURS["happy"]).sum() == pytest.approx(0.7 * height, abs=2)


def test_where_nothing_was_classified_the_chart_has_no_scores(two):
    painter = OverlayPainter(two)
    top = 360 + painter._panel._pad + painter._panel._row + painter._panel._gap
    row = draw(two, 4.0)[top + 2 : top + painter._panel._row - 2, 500:630]
    assert not any(is_colour(row, COLOURS[name]).any() for name in EXPRESSIONS)
    assert 0.3 < is_colour(row, COLOURS["unsure"]).mean() < 0.7


def test_people_one_after_the_other_share_a_row():
    episodes = {number: [(5.0 * number, 5.0 * number + 2, "happy")] for number in range(1, 9)}
    late = OverlayPainter(made_up_timeline(episodes, 50, size_px=(640, 360)))
    assert len(late._panel._rows) == 1 and late._panel._num_left_out == 0


def test_a_crowd_leaves_room_for_the_picture():
    episodes = {number: [(0.0, 3.0 + number, "happy")] for number in range(1, 31)}
    timeline = made_up_timeline(episodes, 50, size_px=(640, 360))
    timeline.windows = [replace(w, box=(20.0 * w.track_id, 100, 18, 18)) for w in timeline.windows]
    timeline.boxes = boxes_of(timeline.windows)
    painter = OverlayPainter(timeline)
    assert {person.track_id for row in painter._panel._rows for person in row} <= set(range(25, 31))
    assert painter._panel._num_left_out == 30 - len(painter._panel._rows)
    assert painter.size[1] < 2 * 360
    boxes = is_colour(draw(timeline, 2.0)[:360], COLOURS["happy"])
    assert all(boxes[110, 20 * number] for number in range(1, 31))  # all have a box


def test_notes_are_short_and_whole(monkeypatch):
    written = []
    monkeypatch.setattr(overlay_panel, "write", lambda pixels, text, *where: written.append(text))
    source = "/a/long/way/to/the/folder/with/interviews/a.mp4"
    notes = ["3 packets could not be decoded.", f"{source}: odd.", f"the header of {source} is wrong."]
    OverlayPainter(made_up_timeline({}, 2.0, source=source, size_px=(640, 360), notes=notes))
    assert " ".join(written) == "3 packets could not be decoded. a.mp4: odd. The header of a.mp4 is wrong."


def test_of_notes_that_do_not_fit_the_end_is_left_out(monkeypatch):
    written = []
    monkeypatch.setattr(overlay_panel, "write", lambda pixels, text, *where: written.append(text))
    words = [f"word{number}" for number in range(200)]
    painter = OverlayPainter(made_up_timeline({}, 2.0, size_px=(320, 240), notes=[" ".join(words)]))
    shown = " ".join(written).split()
    assert len(written) == 3 and shown[-1] == "…" and len(shown) > 10
    assert shown[1:-1] == words[1 : len(shown) - 1] and painter.size[1] < 480


def test_labels_in_any_script():
    names = ["грусть", "ÄΩ$x$", "a name that is much longer than the picture is wide " * 4]
    for name in names:
        timeline = made_up_timeline({1: [(0, 4, name)]}, 4, names, size_px=(320, 240))
        colour = rgb_of(expression_colours(names)[name])
        picture = draw(timeline, 2.0)
        tags = is_colour(picture[:240], colour).sum()
        assert tags > 500
    short, long = (draw(made_up_timeline({1: [(0, 4, n)]}, 4, names, size_px=(320, 240)), 2.0) for n in names[:2])
    assert (short[:240] != long[:240]).any()


def test_tags_do_not_cover_one_another():
    episodes = {1: [(0, 4, "happy")], 2: [(0, 4, "sad")]}
    timeline = made_up_timeline(episodes, 4, size_px=(640, 360))
    timeline.windows = [replace(w, box=(100.0 + 10 * w.track_id, 100.0, 80, 80)) for w in timeline.windows]
    timeline.boxes = boxes_of(timeline.windows)
    picture = draw(timeline, 2.0)[:360]
    happy, sad = (is_colour(picture, COLOURS[name]) for name in ("happy", "sad"))
    assert happy[80:99].sum() > 500 and sad[80:99].sum() == 0  # above
    assert sad[182:202].sum() > 500  # below


@pytest.mark.parametrize("box", [(-50.0, -40.0, 100.0, 90.0), (600.0, 330.0, 100.0, 90.0), (0.0, 0.0, 640.0, 360.0)])
def test_a_face_at_the_edge_keeps_its_tag(box):
    timeline = made_up_timeline({1: [(0, 4, "happy")]}, 4, size_px=(640, 360))
    timeline.windows = [replace(window, box=box) for window in timeline.windows]
    timeline.boxes = boxes_of(timeline.windows)
    assert is_colour(draw(timeline, 2.0)[:360], COLOURS["happy"]).sum() > 800


def test_frames_keep_their_times(tmp_path):
    times_ms = [0, 33, 67, 100, 400, 420, 1000, 1900]
    source = write_uneven(tmp_path / "a.mp4", times_ms)
    seen = []
    timeline = nobody()
    notes = write_overlay(source, timeline, tmp_path / "out.mp4", lambda *done: seen.append(done))
    times, pictures = read_back(tmp_path / "out.mp4")
    before, originals = read_back(source)
    assert notes == [] and times == pytest.approx(before, abs=1e-4)
    assert seen == [(time, 2.0) for time in before]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.mp4", "out.mp4"]
    scale = pictures[0].shape[1] // 64
    for picture, original in zip(pictures, originals, strict=True):
        for y, x in ((8, 4), (40, 50)):  # the red corner and the grey
            assert np.abs(picture[y * scale, x * scale].astype(int) - original[y, x]).max() <= 6
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(container.duration / av.time_base) == pytest.approx(2.0, abs=0.02)


def test_pictures_that_begin_after_the_sound_stay_in_step(tmp_path):
    source = tmp_path / "a.mkv"
    with av.open(str(source), "w") as container:
        video, audio = container.add_stream("libx264", rate=25), container.add_stream("aac", rate=48000, layout="mono")
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = 520 + 40 * number, Fraction(1, 1000)
            container.mux(video.encode(frame))
        for number in range(50):
            sound = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.1, np.float32), format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 48000, 1024 * number, Fraction(1, 48000)
            container.mux(audio.encode(sound))
        container.mux(video.encode())
        container.mux(audio.encode())
    before, _ = read_back(source)
    write_overlay(source, nobody(duration_sec=1.3), tmp_path / "out.mp4")
    times, _ = read_back(tmp_path / "out.mp4")
    assert before[0] > 0.4 and times == pytest.approx(before, abs=1e-3)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(audio=0)).time == pytest.approx(0, abs=0.03)


def test_a_turned_video_is_upright(tmp_path):
    source = write_uneven(tmp_path / "a.mp4", [0, 40, 80], size=(320, 240), rotation=90)
    with Footage(source) as footage:
        size = (footage.info.width_px, footage.info.height_px)
        original = next(iter(footage)).pixels
    assert size == (240, 320)
    write_overlay(source, nobody(*size), tmp_path / "out.mp4")
    _, pictures = read_back(tmp_path / "out.mp4")
    shown = pictures[0][: 2 * 320, : 2 * 240][::2, ::2].astype(int)
    assert np.abs(shown - original).mean() < 4
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_odd_sizes_are_made_even(tmp_path):
    save_frames(tmp_path / "frames", np.full((4, 201, 341, 3), 90, np.uint8))
    write_overlay(tmp_path / "frames", nobody(341, 201, 0.16), tmp_path / "out.mp4")
    times, pictures = read_back(tmp_path / "out.mp4")
    assert len(times) == 4 and pictures[0].shape[1] == 342 and pictures[0].shape[0] % 2 == 0
    assert np.abs(pictures[0][:200].astype(int) - 90).max() <= 3


def test_small_pictures_are_enlarged():
    assert OverlayPainter(nobody(112, 112)).size[0] == 336
    assert OverlayPainter(nobody(320, 240)).size[0] == 320


def test_sizes_that_an_overlay_cannot_have_are_refused_at_once(tmp_path):
    assert OverlayPainter(nobody(20, 1000)).size[0] == 80  # 320 wide, it would be 16000 high
    for width, height in ((1, 16384), (20, 4000)):
        with raises_naming(ValueError, f"{width}x{height}", "too narrow"):
            OverlayPainter(nobody(width, height))
    for width, height in ((20000, 100), (16384, 8192)):
        with raises_naming(ValueError, f"{width}x", "H.264"):
            OverlayPainter(nobody(width, height))
    save_frames(tmp_path / "frames", np.zeros((2, 4000, 20, 3), np.uint8))
    with raises_naming(ValueError, "20x4000"):
        write_overlay(tmp_path / "frames", nobody(20, 4000), tmp_path / "new" / "out.mp4")
    assert not (tmp_path / "new").exists()


def test_a_tag_says_what_the_chart_shows(two, monkeypatch):
    said = []
    monkeypatch.setattr(overlay, "write", lambda pixels, text, *place: said.append(text))
    monkeypatch.setattr(overlay, "shortened_to", lambda text, *size: text)
    two.segments = [Segment(1, 0.0, 9.0, "sad", 0.5)]
    painter = OverlayPainter(two)
    for time_sec in (2.0, 6.0):
        painter.draw(np.zeros((360, 640, 3), np.uint8), time_sec)
    assert said == ["1 sad 5% (now happy 70%)", "1 sad 70%"]


def test_a_broken_file_is_shown_as_far_as_it_goes(tmp_path, write_video):
    whole = write_video(tmp_path / "a.mp4", 60, movflags="faststart")
    source = tmp_path / "b.mkv"
    write_video(source, 200)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    notes = write_overlay(source, nobody(), tmp_path / "out.mp4")
    assert 20 < len(read_back(tmp_path / "out.mp4")[0]) < 200 and whole.exists()
    assert isinstance(notes, list)


def test_what_cannot_be_done_is_said_before_anything_is_written(tmp_path, write_video, monkeypatch):
    source = write_video(tmp_path / "a.mp4", 5)
    out = tmp_path / "new" / "out.mp4"
    with raises_naming(ValueError, "camera 0", "second time"):
        write_overlay("0", nobody(), out)
    with raises_naming(ValueError, "rtsp://camera/1", "second time"):
        write_overlay("rtsp://camera/1", nobody(), out)
    with raises_naming(ValueError, "out.avi", ".mp4"):
        write_overlay(source, nobody(), out.with_suffix(".avi"))
    with raises_naming(ValueError, "a.mp4", "replace"):
        write_overlay(source, nobody(), tmp_path / "new" / ".." / "a.mp4")
    with raises_naming(ValueError, "64x48", "interview.mp4", "640x360"):
        write_overlay(source, nobody(640, 360), out)
    with raises_naming(VideoReadError, "missing.mp4"):
        write_overlay(tmp_path / "missing.mp4", nobody(), out)
    monkeypatch.setattr(overlay_file.av, "codecs_available", {"aac"})
    with raises_naming(ValueError, "libx264", "av"):
        check_overlay(source, out)
    assert not out.parent.exists()


def test_a_pipe_cannot_be_read_twice(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.mp4")
    with raises_naming(ValueError, "pipe.mp4", "second time"):
        check_overlay(tmp_path / "pipe.mp4", tmp_path / "out.mp4")


def test_an_error_leaves_nothing_and_the_old_file_stays(tmp_path, write_video):
    source = write_video(tmp_path / "a.mp4", 5)
    (tmp_path / "out.mp4").write_bytes(b"old")

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_overlay(source, nobody(), tmp_path / "out.mp4", stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["face_frontal.mp4", "face_far.mkv", "two_faces.gif", "no_face.mp4"])
def test_real_clips(media, tmp_path, name):
    with Footage(media / name) as footage:
        info = footage.info
    timeline = made_up_timeline({1: [(0, 2.4, "happy")]}, 2.4, size_px=(info.width_px, info.height_px))
    write_overlay(media / name, timeline, tmp_path / "out.mp4")
    before, times = read_back(media / name)[0], read_back(tmp_path / "out.mp4")[0]
    assert times == pytest.approx(before, abs=0.001)
    with av.open(str(media / name)) as source, av.open(str(tmp_path / "out.mp4")) as written:
        assert len(written.streams.audio) == len(source.streams.audio)
        for one, other in zip(source.streams.audio, written.streams.audio, strict=True):
            assert one.codec_context.name == other.codec_context.name
