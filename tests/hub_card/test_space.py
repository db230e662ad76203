"""The Space without a browser: what it reads in a video, and what it shows of it."""

import json
import re
import shutil
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from packaging.requirements import Requirement
from paths import HUB_CARD, ROOT
from PIL import Image
from processes import TIMEOUT_SEC
from space import AWAY, EXAMPLES, SPACE, TWO, loop, save_sure_model, wait_until
from timelines import made_up_timeline
from toys import save_model
from web import FolderHandler, serving
from without_package import run_without_package

from logoformer_hf import (
    ExpressionRecognizer,
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
)
from logoformer_hf.hub.wheel import write_wheel
from logoformer_hf.reading_limits_logoformer import VideoReadError

README = (SPACE / "README.md").read_text()
MODULES = ("app", "carried", "chart", "convert", "looks", "pictures", "reading", "report", "uploads")


@pytest.fixture(scope="module")
def model_id(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("model")
    save_sure_model(folder)
    return str(folder)


@pytest.fixture
def space(monkeypatch):
    """Lets a test import the Space's files."""
    monkeypatch.syspath_prepend(SPACE)
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def app(space):
    pytest.importorskip("gradio")
    import app

    return app


@pytest.fixture
def reader(space, model_id, detector_file):
    from reading import Reader

    return Reader(model_id, str(detector_file))


def read_all(reader, path: Path):
    """The last state of a reading."""
    return list(reader.read(str(path)))[-1]


def test_attention_is_laid_over_the_grid(space):
    from looks import spread_over_grid

    # A grid of (4, 3, 3) tokens has (2, 2, 2) windows of (2, 2, 2); the sixth has frames 2-3, rows 0-1 and column 2.
    one_layer = torch.zeros(1, 2, 36, 8)
    one_layer[:, :, :, 5] = 1
    other_layer = torch.full((1, 2, 36, 8), 1 / 8)
    shares = spread_over_grid([one_layer, other_layer], (4, 3, 3), (2, 2, 2))
    expected = np.full((4, 3, 3), 0.5)
    expected[2:, :2, 2] = 4.5
    np.testing.assert_allclose(shares, expected)


def test_a_look_is_what_the_model_says_and_sees(space, model_id):
    from looks import Looker

    crops = np.random.default_rng(0).integers(0, 256, (16, 7, 7, 3), dtype=np.uint8).repeat(16, 1).repeat(16, 2)
    look = Looker(model_id).look(crops)
    processor = LogoFormerVideoProcessor.from_pretrained(model_id)
    model = LogoFormerForVideoClassification.from_pretrained(model_id).eval()
    with torch.inference_mode():
        logits = model(**processor(torch.from_numpy(crops), return_tensors="pt")).logits[0]
    assert list(look.scores) == list(model.config.id2label.values())
    np.testing.assert_allclose(list(look.scores.values()), logits.softmax(-1), atol=1e-6)
    assert look.frames.shape == (16, 64, 64, 3)
    for picture, crop in zip(look.frames, crops, strict=True):
        expected = np.asarray(Image.fromarray(crop).resize((64, 64), Image.Resampling.BILINEAR), dtype=int)
        assert abs(picture - expected).max() <= 3
    assert look.shares.shape == (16, 4, 4)
    # One token of each of the (4, 2, 2) windows, where a row and a column of windows have one token left.
    assert look.shares[::4, ::3, ::3].mean() == pytest.approx(1)


def test_a_reading_is_that_of_the_recogniser(reader, model_id, detector_file):
    reading = read_all(reader, AWAY)
    expected = ExpressionRecognizer(model_id, detector=detector_file).read(AWAY)
    ours = reading.timeline
    assert reading.is_done and not reading.is_stopped
    pd.testing.assert_frame_equal(ours.frame(), expected.frame(), atol=1e-4)
    assert [(each.track_id, each.label) for each in ours.segments] == [
        (each.track_id, each.label) for each in expected.segments
    ]
    assert (ours.duration_sec, ours.fps, ours.without_face) == (
        expected.duration_sec,
        expected.fps,
        expected.without_face,
    )
    assert ours.notes == expected.notes == ["This model was trained on drawn faces; it does not read people."]
    assert set(reading.faces) == set(ours.frame()["track_id"])


def test_the_faces_of_every_window_are_kept(reader, model_id, detector_file):
    reading = read_all(reader, AWAY)
    recognizer = ExpressionRecognizer(model_id, detector=detector_file)
    windows = list(recognizer.stream(AWAY, keep_crops=True))
    assert len(windows) > 10
    for window in windows:
        found, crops = reading.window_at(window.track_id, window.center_sec)
        assert found.start_sec == window.start_sec
        if window.frame_times_sec:
            assert abs(crops - window.crops.astype(float)).mean() < 4  # they are kept as JPEG


def test_a_stopped_reading_has_what_was_read_until_then(reader, tmp_path):
    long = loop(TWO, tmp_path / "long.mp4", times=10)
    for reading in reader.read(str(long)):
        reading.is_stopped = reading.read_sec > 3
    assert reading.is_done and reading.is_stopped
    assert 3 < reading.timeline.duration_sec < 110
    assert {window.track_id for window in reading.timeline.windows} >= {1, 2}
    assert reading.timeline.segments


def test_when_nobody_looks_any_more_the_reading_ends(reader, tmp_path):
    states = reader.read(str(loop(TWO, tmp_path / "long.mp4", times=10)))
    next(states)
    assert [thread for thread in threading.enumerate() if thread.name == "reading"]
    states.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "reading"]


def test_a_model_without_global_attention_is_read_too(space, tmp_path, detector_file):
    from reading import Reader
    from report import chosen_window

    save_model(tmp_path, LogoFormerConfig.tiny(use_global_attention=False))
    reader = Reader(str(tmp_path), str(detector_file))
    html = chosen_window(read_all(reader, AWAY), reader.looker, 2, 1.0)
    assert html.count("<img") == 17  # the face, and the frames
    assert "This model has no global attention." in html


def test_the_charts_say_what_the_timeline_has(space):
    from chart import people_charts

    episodes = {1: [(0, 4, "happy"), (4, 6, "unsure"), (6, 10, "sad")], 2: [(3, 9, "fear")]}
    timeline = made_up_timeline(episodes, 10.0)
    faces = {track: np.zeros((8, 8, 3), np.uint8) for track in episodes}
    charts = people_charts(timeline, faces, 10.0, is_done=True)
    people = re.findall(r"<section.*?</section>", charts)
    assert len(people) == 2
    for track, person in zip(episodes, people, strict=True):
        labels = [label for _, _, label in episodes[track]]
        assert re.findall(r"<b[^>]*>(\w+)</b>", person) == labels
        listed = re.findall(r"<li>([\d:.]+) to ([\d:.]+): (\w+)(?:, mean score \d+%)?</li>", person)
        assert [label for _, _, label in listed] == labels
        assert person.count("<path") == 7
        [values] = re.findall(r'class="values"[^>]*>(.*?)</textarea>', person)
        values = json.loads(values.replace("&quot;", '"'))
        windows = [window for window in timeline.windows if window.track_id == track]
        assert [(start, label) for start, _, label, _ in values] == [
            (pytest.approx(window.start_sec, abs=1e-3), window.label) for window in windows
        ]
        assert (None in [score for *_, score in values]) == ("unsure" in labels)
    # Unsure windows without scores are a gap: happy has two areas.
    assert re.search(r'<path d="(.*?)"', people[0])[1].count("M") == 2


def test_a_long_chart_is_not_larger_than_its_picture(space):
    from chart import MAX_POINTS, curve

    timeline = made_up_timeline({1: [(0, 1200, "happy")]}, 1200.0)
    assert len(timeline.windows) > 4 * MAX_POINTS
    assert 0.9 * MAX_POINTS < curve(timeline.windows, "happy", 1200.0, 0).count("L") < MAX_POINTS + 10


def test_names_of_classes_and_files_cannot_write_html(space, reader):
    from chart import people_charts
    from report import charts

    bad = "<img src=x onerror=alert(1)>"
    timeline = made_up_timeline({1: [(0, 4, bad)]}, 4.0, label_names=(bad, "sad"))
    page = people_charts(timeline, {1: np.zeros((8, 8, 3), np.uint8)}, 4.0, is_done=True)
    assert "onerror" in page and "<img src=x" not in page
    reading = replace(read_all(reader, AWAY), path=Path('a\u202e".csv"><img src=x>.mp4'))
    page = charts(reading)
    assert "<img src=x" not in page and "\u202e" not in page


def test_a_gif_becomes_a_video_with_the_same_times(space, tmp_path):
    from convert import to_mp4

    durations_ms = [100, 300, 50, 200]
    pictures = [Image.new("RGB", (33, 21), (60 * number, 40, 90)) for number in range(4)]
    gif = tmp_path / "four.gif"
    pictures[0].save(gif, save_all=True, append_images=pictures[1:], duration=durations_ms, loop=0)
    with av.open(to_mp4(str(gif))) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.4, 0.45], abs=0.005)
    for frame, number in zip(frames, range(4), strict=True):
        assert (frame.width, frame.height) == (32, 20)
        assert abs(frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) - (60 * number, 40, 90)).max() < 8


def test_every_gif_is_converted(space, tmp_path):
    from convert import to_mp4

    clear = Image.new("RGBA", (33, 21), (200, 0, 0, 0))
    clear.paste((0, 0, 200, 255), (0, 0, 16, 21))
    for name, picture in (
        ("clear", clear),
        ("column", Image.new("L", (1, 20), 90)),
        ("pixel", Image.new("L", (4, 4), 90)),
        ("large", Image.new("L", (2400, 1600), 90)),
    ):
        picture.save(tmp_path / f"{name}.gif")
        if name == "column":  # narrower than what is read
            with pytest.raises(ValueError, match="column"):
                to_mp4(str(tmp_path / f"{name}.gif"))
            assert not list(tmp_path.glob("column.*.mp4"))
            continue
        with av.open(to_mp4(str(tmp_path / f"{name}.gif"))) as container:
            frame = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        if name == "clear":  # a white background
            assert abs(frame[2:-2, 2:12].mean(axis=(0, 1)) - (0, 0, 200)).max() < 8
            assert (frame[2:-2, 22:-2] > 245).all()
        if name == "large":
            assert max(frame.shape) == 1280


def test_converting_has_a_time_limit_and_leaves_nothing(space, tmp_path):
    from convert import to_mp4

    gif = tmp_path / "one.gif"
    Image.new("L", (32, 32)).save(gif)
    with pytest.raises(ValueError, match=r"one\.gif"):
        to_mp4(str(gif), max_sec=-1)
    assert list(tmp_path.iterdir()) == [gif]


def test_a_reading_has_a_time_limit(reader, tmp_path):
    long = loop(TWO, tmp_path / "long.mp4", times=10)
    reading = list(reader.read(str(long), max_sec=0))[-1]
    assert reading.is_done and reading.is_stopped
    assert reading.timeline.duration_sec < 110


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (VideoReadError("/tmp/gradio/abc/clip.mp4: no video."), "clip.mp4: no video."),
        (VideoReadError("é/secret/a place/clip: no video."), "clip.mp4: it could not be read."),
        (ValueError("Expected <object>"), "ValueError"),
        (OSError(28, "No space left", "/tmp/secret/clip"), "OSError"),
        (MemoryError(), "memory"),
        (RuntimeError("out of memory in /usr/lib/python3/torch.py"), "RuntimeError"),
        (KeyError("/secret/place"), "KeyError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_failure_is_a_message_without_folders(failure, said, app, monkeypatch):
    monkeypatch.setattr(app, "check_uploaded", lambda path: None)

    class Failing:
        def read(self, path, max_sec):
            raise failure

    page = app.build_page(Failing(), "a model")
    read = next(function.fn for function in page.fns.values() if function.api_name == "read")
    [(reading, status, *_)] = list(read("/tmp/gradio/abc/clip.mp4"))
    assert reading is None and 'role="alert"' in status and said in status
    for folder in ("/tmp", "/usr", "secret", "gradio/abc", "object"):
        assert folder not in status


def test_several_visitors_are_served_at_the_same_time(app, monkeypatch):
    monkeypatch.setenv("LOGOFORMER_WORKERS", "3")
    page = app.build_page(None, "a model")
    read = next(function for function in page.fns.values() if function.api_name == "read")
    assert read.concurrency_limit == 3
    monkeypatch.setenv("LOGOFORMER_WORKERS", "many")
    with pytest.raises(SystemExit, match="LOGOFORMER_WORKERS"):
        app.build_page(None, "a model")


def test_no_folder_of_the_machine_is_in_the_page_or_its_configuration(app, tmp_path):
    httpx = pytest.importorskip("httpx")
    page = app.build_page(None, str(tmp_path))
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True)
    try:
        for place in ("", "config", "gradio_api/info"):
            text = httpx.get(f"{address}{place}", timeout=TIMEOUT_SEC).text
            assert len(text) > 1000
            for folder in (tmp_path.parent, SPACE, ROOT, tempfile.gettempdir(), Path.home()):
                assert f"{folder}/" not in text, (place, folder)
    finally:
        page.close()


class UnusedReader:
    """Notes what it is asked to read."""

    def __init__(self):
        self.asked = []

    def read(self, path, *arguments):
        self.asked.append(path)
        return iter(())


def test_only_uploaded_files_are_opened(app, tmp_path, monkeypatch):
    """Whatever is asked of the page's functions without the page: an address, a path, a camera."""
    httpx = pytest.importorskip("httpx")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    opened = []
    monkeypatch.setattr(app, "to_mp4", lambda path, *options: opened.append(path) or path)
    served = tmp_path / "served"
    served.mkdir()
    shutil.copy(EXAMPLES[0], served / "clip.gif")
    (tmp_path / "private.gif").write_bytes(EXAMPLES[0].read_bytes())
    asked = []

    class Noting(FolderHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    reader = UnusedReader()
    page = app.build_page(reader, "a model")
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True)
    functions = {getattr(function.fn, "__name__", ""): number for number, function in page.fns.items()}
    read, convert = functions["read"], functions["convert"]

    def call(number: int, file: dict) -> str:
        data = {"fn_index": number, "data": [file], "session_hash": f"session{len(asked)}{number}{file['path']}"}
        httpx.post(f"{address}gradio_api/queue/join", json=data, timeout=TIMEOUT_SEC).raise_for_status()
        events = f"{address}gradio_api/queue/data?session_hash={quote(data['session_hash'], safe='')}"
        return httpx.get(events, timeout=TIMEOUT_SEC).text

    try:
        with serving(served, Noting) as server:
            for number in (read, convert):
                for path in (
                    f"{server}/clip.gif",
                    str(tmp_path / "private.gif"),
                    "/etc/passwd",
                    "0",
                    "../private.gif",
                ):
                    for is_stream in (False, True):
                        file = {"path": path, "is_stream": is_stream, "meta": {"_type": "gradio.FileData"}}
                        answer = call(number, file)
                        assert "process_completed" in answer
                        assert str(SPACE) not in answer and str(Path.cwd()) not in answer
            assert asked == [] and reader.asked == [] and opened == []
        uploaded = httpx.post(
            f"{address}gradio_api/upload", files={"files": ("clip.gif", EXAMPLES[0].read_bytes())}, timeout=TIMEOUT_SEC
        ).json()[0]
        file = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
        call(read, file)
        call(convert, file)
        assert reader.asked == [uploaded] and opened == [uploaded]
    finally:
        page.close()


def test_a_link_out_of_the_uploads_is_not_followed(space, tmp_path, monkeypatch):
    pytest.importorskip("gradio")
    from uploads import check_uploaded

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    folder = tmp_path / "uploads" / "hash"
    folder.mkdir(parents=True)
    (tmp_path / "private.mp4").touch()
    (folder / "link.mp4").symlink_to(tmp_path / "private.mp4")
    (folder / "clip.mp4").touch()
    check_uploaded(str(folder / "clip.mp4"))
    for path in (folder / "link.mp4", folder / "none.mp4", folder, folder / "../../private.mp4"):
        with pytest.raises(ValueError, match="uploaded"):
            check_uploaded(str(path))


def test_colour_grows_with_attention(space):
    from pictures import overlay

    frames = np.full((1, 4, 4, 3), 100, dtype=np.uint8)
    shares = np.array([[[0.2, 2.0], [4.0, 9.0]]])
    corners = overlay(frames, shares)[0, ::2, ::2]
    np.testing.assert_array_equal(corners[0, 0], [100, 100, 100])  # an even share or less
    np.testing.assert_array_equal(corners[0, 1], [146, 108, 70])
    np.testing.assert_array_equal(corners[1, 0], [193, 117, 40])
    np.testing.assert_array_equal(corners[1, 1], corners[1, 0])  # four times and more


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(0, 2), slice(2, 4), "top right"),
        (slice(2, 4), slice(0, 2), "bottom left"),
        (slice(0, 4), slice(0, 4), "middle centre"),
    ],
)
def test_places_have_names(space, rows, columns, words):
    from pictures import name_of_place

    shares = np.zeros((4, 4))
    shares[rows, columns] = 1
    assert name_of_place(shares) == words


@pytest.mark.slow
def test_requirements_and_wheel_are_enough(tmp_path, model_id, detector_file):
    pytest.importorskip("gradio")
    repository = shutil.copytree(SPACE, tmp_path / "space")
    write_wheel(repository)
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from app import Reader, charts, chosen_window
reader = Reader(sys.argv[2], sys.argv[3])
for reading in reader.read(sys.argv[4]):
    page = charts(reading)
import logoformer_hf
print(logoformer_hf.__file__)
print(page.count("<section"), chosen_window(reading, reader.looker, 2, 1.0).count("<img"))
"""
    printed = run_without_package(
        code, repository, model_id, detector_file, AWAY, cwd=tmp_path, requirements=SPACE / "requirements.txt"
    )
    place, counts = printed.splitlines()[-2:]
    assert not Path(place).is_relative_to(ROOT)
    assert counts == "3 33"  # who comes back after a long time counts as somebody else


@pytest.mark.parametrize("file", [HUB_CARD / "requirements.txt", SPACE / "requirements.txt"], ids=["model", "space"])
def test_requirements_are_those_of_the_package(file):
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = [*package["dependencies"], *package["optional-dependencies"]["test"]]
    known = {Requirement(line).name: Requirement(line).specifier for line in known}
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    for requirement in map(Requirement, lines):
        assert requirement.specifier == known[requirement.name], requirement.name


def test_the_examples_are_those_that_the_readme_draws(tmp_path, monkeypatch):
    (snippet,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    drawn = sorted((tmp_path / "examples").iterdir())
    assert [path.name for path in drawn] == [path.name for path in EXAMPLES]
    for ours, theirs in zip(drawn, EXAMPLES, strict=True):
        assert theirs.stat().st_size < 300_000
        with av.open(str(ours)) as one, av.open(str(theirs)) as other:
            for frame, other_frame in zip(one.decode(video=0), other.decode(video=0), strict=True):
                # Encoders of other FFmpeg versions round in other ways.
                difference = frame.to_ndarray(format="rgb24") - other_frame.to_ndarray(format="rgb24").astype(float)
                assert abs(difference).mean() < 2


def test_the_metadata_of_the_space():
    metadata = yaml.safe_load(README.split("---")[1])
    assert metadata["sdk"] == "gradio"
    assert (SPACE / metadata["app_file"]).is_file()
    assert len(metadata["short_description"]) <= 60  # the Hub refuses longer ones
    lines = (SPACE / "requirements.txt").read_text().splitlines()
    (gradio,) = (Requirement(line) for line in lines if line.startswith("gradio"))
    assert metadata["sdk_version"] in gradio.specifier


def test_without_a_model_it_says_what_to_set(app, monkeypatch):
    monkeypatch.delenv("MODEL_ID", raising=False)
    with pytest.raises(SystemExit, match="MODEL_ID"):
        app.main()


def test_uploads_are_deleted(app, monkeypatch, tmp_path):
    httpx = pytest.importorskip("httpx")
    monkeypatch.setattr(app, "DELETE_EVERY_SEC", 0.1)
    monkeypatch.setattr(app, "DELETE_AFTER_SEC", 0.1)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = app.build_page(None, "a model")
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True)
    try:
        answer = httpx.post(
            f"{address}gradio_api/upload", files={"files": EXAMPLES[0].read_bytes()}, timeout=TIMEOUT_SEC
        )
        upload = Path(answer.json()[0])
        assert tmp_path in upload.parents
        wait_until(lambda: not upload.exists())
    finally:
        page.close()
