"""The picture of a timeline: what is drawn where, readable for seconds and for hours, for anybody's names."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from errors import raises_naming
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image
from timelines import made_up_timeline, made_up_window

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.timeline import plot as module
from logoformer_hf.timeline.colours import expression_colours
from logoformer_hf.timeline.plot import MAX_BANDS, check_picture_path, clock, plot_timeline
from logoformer_hf.timeline.segments import Segment, segments_of
from logoformer_hf.timeline.timeline import Timeline

COLOURS = expression_colours(EXPRESSIONS)


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Function that draws a timeline to a file and returns the figure."""
    figures: list[Figure] = []
    save = module.save_figure
    monkeypatch.setattr(module, "save_figure", lambda figure, path: (figures.append(figure), save(figure, path)))

    def drawn(timeline: Timeline, name: str = "timeline.png", **options) -> Figure:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plot_timeline(timeline, tmp_path / name, **options)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        return figures[-1]

    return drawn


def texts(figure: Figure) -> list[str]:
    legends = [text for legend in figure.legends for text in (*legend.get_texts(), legend.get_title())]
    return [text.get_text() for text in (*figure.texts, *figure.axes[0].texts, *legends)]


def polygons(figure: Figure, colour: str) -> list[np.ndarray]:
    """The corners of the polygons of a colour, as time in seconds and inches from above."""
    found = []
    for collection in figure.axes[0].collections:
        if isinstance(collection, PolyCollection):
            faces = collection.get_facecolor()
            for number, path in enumerate(collection.get_paths()):
                if len(faces) and to_hex(faces[number % len(faces)]) == colour.lower():
                    found.append(path.vertices)
    return found


def check_nothing_is_cut_off(figure: Figure) -> None:
    """Every text lies inside of the picture, and no two of those around the bands overlap."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = figure.bbox.size
    renderer = canvas.get_renderer()
    ticks = [tick.label1 for tick in figure.axes[0].xaxis.get_major_ticks() if tick.label1.get_text()]
    inside = [tick for tick in ticks if 0 <= tick.get_position()[0] <= figure.axes[0].get_xlim()[1]]
    labels = [text for legend in figure.legends for text in (*legend.get_texts(), legend.get_title())]
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in (*figure.texts, *figure.axes[0].texts, *inside, *labels)
    ]
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    for number, (text, box) in enumerate(boxes):
        for other, other_box in boxes[:number]:
            assert not box.padded(-2).overlaps(other_box.padded(-2)), (text, other)


def test_segments_are_where_and_as_high_as_they_should_be(draw):
    timeline = made_up_timeline({1: [(0, 4, "happy"), (4, 8, "fear")]}, 10)
    timeline.windows = [made_up_window(1, t, "happy" if t < 4 else "fear", 0.5) for t in np.arange(0.5, 8, 0.5)]
    timeline.segments = [Segment(1, 0.0, 4.0, "happy", 0.5), Segment(1, 4.0, 8.0, "fear", 0.5)]
    figure = draw(timeline)
    (happy,), (fear,) = polygons(figure, COLOURS["happy"]), polygons(figure, COLOURS["fear"])
    assert (happy[:, 0].min(), happy[:, 0].max()) == (0, 4) and (fear[:, 0].min(), fear[:, 0].max()) == (4, 8)
    bottom = happy[:, 1].max()
    reached = (bottom - happy[happy[:, 0] < 3][:, 1].min()) / module._BAND
    assert reached == pytest.approx(0.5)  # half of the band for a score of a half
    assert figure.axes[0].get_xlim() == (0, 10)
    assert {"Person 1", "seen 0:08", "happy", "fear", "interview.mp4", "0:10 · 1 person · model logoformer-small"} <= {
        *texts(figure)
    }
    assert "sad" not in texts(figure)  # the legend has what occurs
    check_nothing_is_cut_off(figure)


def test_unsure_is_hatched_and_has_no_score(draw):
    figure = draw(made_up_timeline({1: [(0, 5, "unsure")]}, 5))
    hatched = [c for c in figure.axes[0].collections if c.get_hatch()]
    assert [len(collection.get_paths()) for collection in hatched] == [1]
    assert all(not polygons(figure, COLOURS[name]) for name in EXPRESSIONS)
    assert not any("score" in text for text in texts(figure))  # nothing is explained that is not there
    check_nothing_is_cut_off(figure)


def test_the_file_shows_the_colours(tmp_path):
    timeline = made_up_timeline({1: [(0, 10, "surprise")]}, 10)
    timeline.segments = [Segment(1, 0.0, 5.0, "surprise", 0.8)]
    plot_timeline(timeline, tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    is_blue = np.abs(pixels - np.round(255 * np.array(to_rgb(COLOURS["surprise"])))).max(axis=-1) <= 1
    columns = np.flatnonzero(is_blue.any(axis=0))
    left, right = (round(150 * x) for x in (module._LEFT, module._LEFT + module._PLOT_WIDTH / 2))
    assert abs(np.flatnonzero(is_blue.sum(axis=0) > 30)[0] - left) <= 2 and abs(columns[-1] - right) <= 2


@pytest.mark.parametrize("ending", ["png", "pdf", "svg", "PNG"])
def test_every_format(tmp_path, ending):
    plot_timeline(made_up_timeline({1: [(0, 5, "sad")]}, 5), tmp_path / f"new/a.{ending}")
    begins = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending.lower()]
    assert (tmp_path / f"new/a.{ending}").read_bytes().startswith(begins)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.txt"])
def test_an_unknown_format(tmp_path, name):
    with raises_naming(ValueError, name, ".png", ".pdf", ".svg"):
        plot_timeline(made_up_timeline({}, 5), tmp_path / name)
    with raises_naming(ValueError, name):
        check_picture_path(name)
    assert list(tmp_path.iterdir()) == []


def test_nobody(draw):
    figure = draw(made_up_timeline({}, 4.0, source="no_face.mp4"))
    assert {"No face was found", "no face", "0:04 · nobody · model logoformer-small"} <= set(texts(figure))
    assert figure.legends == []
    check_nothing_is_cut_off(figure)


@pytest.mark.parametrize("duration_sec", [0.0, 0.04])
def test_a_single_frame(draw, duration_sec):
    timeline = made_up_timeline({}, duration_sec)
    timeline.windows = [made_up_window(1, 0.0, "sad")]
    timeline.segments = [Segment(1, 0.0, 0.0, "sad", 0.8)]
    check_nothing_is_cut_off(draw(timeline))


def test_spans_without_a_face(draw):
    figure = draw(made_up_timeline({1: [(2, 4, "sad")], 2: [(3, 6, "sad")]}, 10))
    spans = [vertices[:, 0] for vertices in polygons(figure, "#5b606d")]
    assert [(span.min(), span.max()) for span in spans] == [(0, 2), (6, 10)]


def test_two_hours(draw):
    rng = np.random.default_rng(0)
    episodes = [(t, t + 9.5, str(rng.choice(EXPRESSIONS))) for t in np.arange(0, 7190, 10)]
    figure = draw(made_up_timeline({1: episodes, 2: [(3600, 3601, "fear")]}, 7200), "long.svg")
    labels = [tick.label1.get_text() for tick in figure.axes[0].xaxis.get_major_ticks()]
    assert "0:00:00" in labels and "1:30:00" in labels and len(labels) < 17
    check_nothing_is_cut_off(figure)


def test_a_second_in_two_hours_stays_visible(tmp_path):
    plot_timeline(made_up_timeline({1: [(3600, 3602, "fear")]}, 7200), tmp_path / "a.png")
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).astype(int)
    middle = pixels[:, round(150 * (module._LEFT + module._PLOT_WIDTH / 2)) - 3 :][:, :7]
    violet = np.round(255 * np.array(to_rgb(COLOURS["fear"])))
    assert (np.abs(middle - violet).max(axis=-1) < 60).any(axis=1).sum() > 30


def test_of_many_people_those_seen_longest(draw):
    episodes = {number: [(0, 1 + number, "happy")] for number in range(1, 31)}
    figure = draw(made_up_timeline(episodes, 40))
    people = [text for text in texts(figure) if text.startswith("Person")]
    assert people == [f"Person {number}" for number in range(31 - MAX_BANDS, 31)]
    assert any(f"{30 - MAX_BANDS} more people" in text for text in texts(figure))
    assert any("30 people" in text for text in texts(figure))
    check_nothing_is_cut_off(figure)


def test_faces_stand_where_episodes_begin_and_never_over_one_another(draw):
    episodes = [(0, 5, "happy"), (5, 5.6, "sad"), (5.6, 10, "fear"), (10, 15, "unsure")]
    figure = draw(made_up_timeline({1: episodes}, 15, with_crops=True))
    images = figure.axes[0].images
    shown = sorted((image.get_extent()[0], int(image.get_array().max())) for image in images)
    assert [grey for _, grey in shown] == [0, 60, 255]  # "sad" is too near to the longer "fear"
    assert [left for left, _ in shown] == pytest.approx([0, 5.6, 10], abs=0.4)
    check_nothing_is_cut_off(figure)


def test_a_face_at_the_end_is_inside_of_the_picture(draw):
    figure = draw(made_up_timeline({1: [(0, 59.4, "happy"), (59.4, 60, "sad")]}, 60, with_crops=True))
    assert max(image.get_extent()[1] for image in figure.axes[0].images) <= figure.axes[0].get_xlim()[1] + 1e-9


def test_names_are_written_as_they_are(draw):
    names = ["грусть", "ÄΩ", "$x_1$", "<b>&", "line\nbreak", "name of a class that is longer than its segment"]
    episodes = {1: [(4.0 * number, 4.0 * number + 4, name) for number, name in enumerate(names)]}
    timeline = made_up_timeline(episodes, 24, names, source="folder/Größe $a$ {b} " + "long " * 60 + ".mp4")
    timeline.notes = ["A note with $mathematics$. " * 20]
    figure = draw(timeline, "names.svg")
    written = texts(figure)
    assert {"грусть", "ÄΩ", "$x_1$", "<b>&", "line break"} <= set(written)
    assert any(text.startswith("Größe $a$ {b} long") and "…" in text for text in written)
    check_nothing_is_cut_off(figure)


def test_letters_that_no_font_has_do_not_stop_it(draw):
    name = "\U0001f98a\U00013000"
    assert name in texts(draw(made_up_timeline({1: [(0, 5, name)]}, 5, [name])))


def test_forty_labels(draw):
    names = [f"class {number}" for number in range(40)]
    episodes = [(number, number + 1, name) for number, name in enumerate(names)]
    timeline = made_up_timeline({1: episodes}, 40, names)
    timeline.segments = [Segment(1, float(start), float(end), name, 0.8) for start, end, name in episodes]
    figure = draw(timeline)
    assert set(names) <= {text.get_text() for text in figure.legends[0].get_texts()}
    check_nothing_is_cut_off(figure)


def test_the_same_timeline_gives_the_same_picture(tmp_path):
    timeline = made_up_timeline({1: [(0, 5, "sad")]}, 5, with_crops=True)
    for name in ("a.png", "b.png"):
        plot_timeline(timeline, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "time_sec, digits, with_hours, text",
    [
        (0, 0, False, "0:00"),
        (65.4, 0, False, "1:05"),
        (59.97, 1, False, "1:00.0"),
        (3.25, 1, False, "0:03.2"),
        (3599.6, 0, False, "1:00:00"),
        (65, 0, True, "0:01:05"),
        (-0.01, 0, False, "0:00"),
        (36000, 0, False, "10:00:00"),
    ],
)
def test_clock(time_sec, digits, with_hours, text):
    assert clock(time_sec, digits, with_hours) == text


def test_a_video_of_one_frame_has_a_band_that_can_be_seen(draw):
    for label in ("happy", "unsure"):
        window = replace(made_up_window(1, 0.0, label), start_sec=0.0, end_sec=0.0)
        timeline = replace(made_up_timeline({}, 0.04), windows=[window], segments=segments_of([window]))
        figure = draw(timeline)
        check_nothing_is_cut_off(figure)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        colour = np.round(255 * np.array(to_rgb(COLOURS.get(label, module.MUTED))))
        axes = figure.axes[0].get_window_extent()
        inside = pixels[int(pixels.shape[0] - axes.y1) : int(pixels.shape[0] - axes.y0), int(axes.x0) : int(axes.x1)]
        assert (abs(inside - colour).max(axis=-1) < 12).sum() > 200


@pytest.mark.filterwarnings("error")
def test_names_of_others_are_drawn_as_they_are_shown(draw):
    names = ("_hidden", "a\nb\u202e", "\ud800", "$\\frac{1}{0}$", "x" * 5000)
    shown = ["_hidden", "a b\ufffd", "\ufffd", r"$\frac{1}{0}$", "x" * 23 + "…"]
    episodes = {1: [(4 * number, 4 * number + 4, name) for number, name in enumerate(names)]}
    figure = draw(made_up_timeline(episodes, 20.0, label_names=names, source="\u202e_a_\n$b$\ud800.mp4"))
    [legend] = figure.legends
    assert [text.get_text().strip() for text in legend.get_texts()] == shown
    assert any(text == "\ufffd_a_ $b$\ufffd.mp4" for text in texts(figure))
    check_nothing_is_cut_off(figure)
