"""The page of the Space in a real browser."""

import base64
import io
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from processes import TIMEOUT_SEC, environment_with
from space import AWAY, ONE, SPACE, TWO, loop, save_sure_model, wait_until

from logoformer_hf import ExpressionRecognizer


@pytest.fixture(scope="module")
def model_id(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("model")
    save_sure_model(folder)
    return str(folder)


# Runs the page and writes down every machine that it connects to or asks the address of.
RUN_APP = """
import runpy, sys
machines = open(sys.argv[1], "w", buffering=1)
def note(event, arguments):
    if event == "socket.getaddrinfo":
        print(arguments[0], file=machines)
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        print(arguments[1][0], file=machines)
sys.addaudithook(note)
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def address(model_id, detector_file, tmp_path_factory):
    """Where the page runs, in a process of its own."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("space")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = environment_with(
        MODEL_ID=model_id,
        LOGOFORMER_DETECTOR=str(detector_file),
        GRADIO_SERVER_PORT=str(port),
        GRADIO_TEMP_DIR=str(folder / "uploads"),
        PYTHONPATH=str(SPACE),
        PYTHONDONTWRITEBYTECODE="1",
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN_APP, str(folder / "machines")],
            cwd=SPACE,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: "Running on local URL" in (folder / "log").read_text() or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()[-3000:]
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
    assert set((folder / "machines").read_text().split()) <= {"127.0.0.1", "localhost"}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine; Debian's package is called chromium")
    # No sandbox: Chromium refuses to start as root with one. The camera is a drawn one.
    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("screenshots")
    print(f"screenshots: {folder}")
    return folder


@pytest.fixture
def open_page(browser, address):
    """Function that opens the page; afterwards nothing may have failed in it, or left this machine."""
    contexts, requests, errors = [], [], []

    def open_page(path: str = "/", width: int = 1280, height: int = 900):
        context = browser.new_context(viewport={"width": width, "height": height}, permissions=["camera"])
        context.set_default_timeout(1000 * TIMEOUT_SEC)  # milliseconds, for machines that have other work to do
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address + path)
        page.get_by_text("Drawn examples").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []


def drop(page, path: Path) -> None:
    page.locator("#clip input[type=file]").set_input_files(path)


def wait_until_read(page) -> None:
    page.locator("#status [role=status]").wait_for()


def video_time(page) -> float:
    return page.evaluate("document.querySelector('#clip video').currentTime")


def playhead_share(page, person: int = 0) -> float:
    """Where the playhead of a chart is, 0 to 1."""
    plot = page.locator(".plot").nth(person).bounding_box()
    head = page.locator(".plot").nth(person).locator(".playhead").bounding_box()
    return (head["x"] + head["width"] / 2 - plot["x"]) / plot["width"]


def choose(page, person: int, share: float) -> None:
    """Clicks into a chart, and waits for the frames of the window there."""
    plot = page.locator(".plot").nth(person)
    box = plot.bounding_box()
    plot.click(position={"x": share * box["width"], "y": box["height"] / 2})
    page.locator("#details h2", has_text=f"Person {person + 1}").wait_for()


@pytest.fixture(scope="module")
def expected(model_id, detector_file):
    """The timeline of the two people."""
    return ExpressionRecognizer(model_id, detector=detector_file).read(TWO)


def test_footage_goes_in_and_a_chart_for_each_person_comes_out(open_page, expected, screenshots):
    page = open_page()
    drop(page, TWO)
    wait_until_read(page)
    page.screenshot(path=screenshots / "read.png", full_page=True)
    assert page.locator("#status").inner_text().split("\n")[0] == "0:12.0 read: 2 people."
    assert page.locator(".note").all_inner_texts() == [
        "This model was trained on drawn faces; it does not read people."
    ]
    assert page.locator(".person h3").all_inner_texts() == ["Person 1", "Person 2"]
    for track in (1, 2):
        person = page.locator(f".person[data-track='{track}']")
        labels = [segment.label for segment in expected.segments if segment.track_id == track]
        assert person.locator(".band b").evaluate_all("blocks => blocks.map(block => block.textContent)") == labels
        assert person.locator("header img").get_attribute("alt") == f"Face of person {track}"
        person.locator("summary").click()
        assert person.locator("li").count() == len(labels)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download the timeline as CSV").click()
    assert download.value.suggested_filename == "two-people.csv"
    table = pd.read_csv(download.value.path())
    pd.testing.assert_frame_equal(
        table, expected.frame(), check_dtype=False, check_index_type=False, check_column_type=False, atol=1e-4
    )


def test_a_click_on_a_chart_moves_the_video_and_shows_the_window(open_page, expected, screenshots):
    page = open_page()
    drop(page, TWO)
    wait_until_read(page)
    choose(page, 1, 0.5)
    page.locator("#details h2", has_text="Global attention of each window").wait_for()
    page.screenshot(path=screenshots / "chosen.png", full_page=True)
    assert video_time(page) == pytest.approx(6, abs=0.1)
    wait_until(lambda: abs(playhead_share(page, 0) - 0.5) < 0.02 and abs(playhead_share(page, 1) - 0.5) < 0.02)
    assert page.locator(".chosen:visible").count() == 1

    windows = [window for window in expected.windows if window.track_id == 2]
    window = min(windows, key=lambda window: abs(window.center_sec - 6))
    title = page.locator("#details h2").first.inner_text()
    start, end, label = re.fullmatch(r"Person 2, 0:([\d.]+) to 0:([\d.]+): (\w+)", title).groups()
    assert (float(start), float(end)) == (
        pytest.approx(window.start_sec, abs=0.06),
        pytest.approx(window.end_sec, abs=0.06),
    )
    assert label == window.label
    scores = dict(re.findall(r"(\w+) (\d+)%", page.locator("#details p").first.inner_text()))
    assert {name: float(score) for name, score in scores.items()} == pytest.approx(
        {name: 100 * score for name, score in window.scores.items()}, abs=0.6
    )
    face, *words = page.locator("#details img").evaluate_all("images => images.map(image => image.alt)")
    assert face == "Face of person 2"
    frames = [f"Frame at {second:.2f} seconds" for second in window.frame_times_sec]
    assert words[:16] == frames
    for frame, text in zip(frames, words[16:], strict=True):
        assert re.fullmatch(rf"{frame}; highest attention, \d+\.\d times an even share: \w+ \w+", text)
    # The face that the chart names: skin and hair of the second person are darker.
    means = []
    for place in (page.locator(".person header img"), page.locator("#details img")):
        for source in place.evaluate_all("images => images.map(image => image.src)")[:2]:
            picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
            means.append(np.asarray(picture.resize((8, 8)), float))
    one, two, chosen, _ = means
    assert abs(chosen - two).mean() < abs(chosen - one).mean()

    choose(page, 0, 0.2)  # the first face now
    assert page.locator(".person[data-track='1'] .chosen").is_visible()
    assert video_time(page) == pytest.approx(2.4, abs=0.1)
    page.get_by_label("Clear").click()
    page.locator("#timeline .person").first.wait_for(state="detached")
    page.locator("#details h2").first.wait_for(state="detached")


def test_the_playhead_moves_with_the_video(open_page):
    page = open_page()
    drop(page, TWO)
    wait_until_read(page)
    page.evaluate("document.querySelector('#clip video').muted = true")
    page.evaluate("document.querySelector('#clip video').play()")
    page.wait_for_function("document.querySelector('#clip video').currentTime > 1")
    page.evaluate("document.querySelector('#clip video').pause()")
    second = video_time(page)
    wait_until(lambda: abs(playhead_share(page) - second / 12) < 0.02)
    valued = float(page.locator(".plot").first.get_attribute("aria-valuenow"))
    assert valued == pytest.approx(second, abs=0.3)


def test_charts_can_be_used_by_keyboard(open_page, expected):
    page = open_page()
    drop(page, TWO)
    wait_until_read(page)
    chart = page.get_by_role("slider", name=re.compile("Person 2"))
    chart.focus()
    for key in ("End", "Home", "PageUp", "ArrowRight", "ArrowLeft", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    wait_until(lambda: abs(video_time(page) - 3) < 0.01)  # 2.5 s and two steps of 0.25 s
    assert float(chart.get_attribute("aria-valuenow")) == pytest.approx(3)
    windows = [window for window in expected.windows if window.track_id == 2]
    label = min(windows, key=lambda window: abs(window.center_sec - 3)).label
    assert re.fullmatch(rf"3\.0 s: {label}, score \d+ %", chart.get_attribute("aria-valuetext"))
    page.keyboard.press("Enter")
    page.locator("#details h2", has_text="Person 2").wait_for()
    assert chart.evaluate("chart => chart === document.activeElement")


def test_a_long_video_shows_progress_and_can_be_stopped(open_page, screenshots, tmp_path):
    page = open_page()
    drop(page, loop(TWO, tmp_path / "long.mp4", times=20))
    page.locator("#timeline .person").nth(1).wait_for()
    progress = page.get_by_role("progressbar", name="Part of the video that is read")
    assert 0 < float(progress.get_attribute("value")) < float(progress.get_attribute("max")) <= 240.1
    assert re.search(r"\d:\d\d\.\d of 4:00\.0 read", page.locator("#status").inner_text())
    page.screenshot(path=screenshots / "reading.png", full_page=True)
    page.get_by_role("button", name="Stop reading").click()
    wait_until_read(page)
    page.screenshot(path=screenshots / "stopped.png", full_page=True)
    [minutes, seconds] = re.search(
        r"Stopped after (\d):([\d.]+): 2 people", page.locator("#status").inner_text()
    ).groups()
    assert 0 < 60 * int(minutes) + float(seconds) < 239
    assert not page.get_by_role("button", name="Stop reading").is_visible()
    choose(page, 0, 0.1)  # what was read can be looked at


def test_another_video_ends_the_reading_of_the_one_before(open_page, tmp_path):
    page = open_page()
    drop(page, loop(TWO, tmp_path / "long.mp4", times=20))
    page.locator("#timeline .person").first.wait_for()
    page.get_by_label("Clear").click()
    drop(page, AWAY)
    page.locator("#status", has_text="0:05.0 read").wait_for()


def test_a_broken_file_gives_a_message_and_the_next_video_is_read(open_page, screenshots, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(ONE.read_bytes()[:300])
    page = open_page()
    drop(page, broken)
    page.get_by_role("alert").filter(has_text="Try another video").wait_for()
    page.screenshot(path=screenshots / "broken.png", full_page=True)
    assert re.fullmatch(r"broken\.mp4: .+ Try another video\.", page.locator("#status").inner_text().strip())
    page.get_by_role("button", name="away and back").click()
    wait_until_read(page)
    assert page.locator("#status [role=alert]").count() == 0
    assert page.locator(".person").count() == 3  # who comes back after a long time counts as somebody else


def test_nobody_is_a_result(open_page, media, screenshots):
    page = open_page()
    drop(page, media / "no_face.mp4")
    wait_until_read(page)
    page.screenshot(path=screenshots / "nobody.png", full_page=True)
    assert "no face was found" in page.locator("#status").inner_text()
    assert page.locator(".person").count() == 0


def test_real_people_are_found_too(open_page, media, screenshots):
    page = open_page()
    drop(page, media / "face_frontal.mp4")
    wait_until_read(page)
    assert page.locator(".person").count() == 1
    choose(page, 0, 0.5)
    page.screenshot(path=screenshots / "real.png", full_page=True)
    assert page.locator("#details img").count() == 33


def test_a_gif_is_converted_and_read(open_page, media, screenshots):
    page = open_page()
    page.locator("input[type=file][accept*='.gif']").set_input_files(media / "two_faces.gif")
    wait_until_read(page)
    page.screenshot(path=screenshots / "gif.png", full_page=True)
    assert page.locator(".person").count() == 2
    choose(page, 0, 0.5)
    assert video_time(page) == pytest.approx(
        page.evaluate("document.querySelector('#clip video').duration / 2"), abs=0.2
    )


def record(page, duration_ms: int) -> str:
    """Records with the camera, which Chromium draws; returns what the page says then."""
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("[...document.querySelectorAll('video')].some(video => video.currentTime > 0.2)")
    page.get_by_label("start recording").click()
    page.wait_for_timeout(duration_ms)
    page.get_by_text("Stop", exact=True).click()
    page.locator("#status [role]").wait_for()  # what was found, or a problem
    return page.locator("#status").inner_text()


def test_the_camera_is_read(open_page, screenshots):
    for duration_ms in (1_500, 5_000, 20_000):
        page = open_page()
        said = record(page, duration_ms)
        # On a busy machine Chromium's recording can end before its first frame was encoded: an empty or broken file.
        if "Try another video" not in said:
            break
    page.screenshot(path=screenshots / "camera.png", full_page=True)
    assert "no face was found" in said


def test_it_fits_a_phone_and_dark_mode(open_page, screenshots):
    page = open_page("/?__theme=dark", width=375, height=800)
    page.get_by_role("button", name="away and back").click()
    wait_until_read(page)
    choose(page, 1, 0.5)
    page.screenshot(path=screenshots / "phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    for touched in (".plot", ".save", "#details"):
        box = page.locator(touched).first.bounding_box()
        assert box["height"] >= 44 and box["x"] >= 0 and box["x"] + box["width"] <= 375
    boxes = [page.locator("#details .strip img").nth(number).bounding_box() for number in range(16)]
    assert len({round(box["x"]) for box in boxes}) == 4
    assert all(box["width"] > 70 for box in boxes)
    text = page.locator("#details .strip li").first.evaluate("item => getComputedStyle(item).color")
    assert min(map(int, re.findall(r"\d+", text)[:3])) > 180  # light on dark
