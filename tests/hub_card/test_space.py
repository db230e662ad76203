"""The Space: what it reads in a clip, and its page in a real browser."""

import base64
import io
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import yaml
from packaging.requirements import Requirement
from paths import HUB_CARD
from PIL import Image
from processes import TIMEOUT_SEC, environment_with
from toys import save_model
from without_package import run_without_package

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.video_processing_logoformer import sample_frame_indices

SPACE = HUB_CARD / "space"
EXAMPLES = sorted((SPACE / "examples").glob("*.mp4"))
README = (SPACE / "README.md").read_text()


@pytest.fixture(scope="module")
def model_id(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, LogoFormerConfig.tiny(window_size=(4, 3, 3)))  # windows that do not divide the grid
    return str(folder)


@pytest.fixture
def space(monkeypatch):
    """Lets a test import the Space's files."""
    monkeypatch.syspath_prepend(SPACE)
    yield
    for name in ("app", "analyse", "pictures"):
        sys.modules.pop(name, None)


@pytest.fixture
def app(space):
    pytest.importorskip("gradio")
    import app

    return app


def test_attention_is_laid_over_the_grid(space):
    from analyse import spread_over_grid

    # A grid of (4, 3, 3) tokens has (2, 2, 2) windows of (2, 2, 2); the sixth has frames 2-3, rows 0-1 and column 2.
    one_layer = torch.zeros(1, 2, 36, 8)
    one_layer[:, :, :, 5] = 1
    other_layer = torch.full((1, 2, 36, 8), 1 / 8)
    looks = spread_over_grid([one_layer, other_layer], (4, 3, 3), (2, 2, 2))
    expected = np.full((4, 3, 3), 0.5)
    expected[2:, :2, 2] = 4.5
    np.testing.assert_allclose(looks, expected)


def test_a_reading_is_what_the_model_says_and_sees(space, model_id):
    from analyse import ClipReader

    reading = ClipReader(model_id).read(EXAMPLES[0])
    processor = LogoFormerVideoProcessor.from_pretrained(model_id)
    model = LogoFormerForVideoClassification.from_pretrained(model_id).eval()
    with torch.inference_mode():
        logits = model(**processor(EXAMPLES[0], return_tensors="pt")).logits[0]
    assert list(reading.scores) == list(model.config.id2label.values())
    np.testing.assert_allclose(list(reading.scores.values()), logits.softmax(-1), atol=1e-6)
    assert reading.label == model.config.id2label[logits.argmax().item()]

    with av.open(str(EXAMPLES[0])) as container:
        decoded = [frame.to_image() for frame in container.decode(video=0)]
    assert reading.num_frames == len(decoded)
    assert reading.frame_indices == sample_frame_indices(len(decoded))
    assert reading.frames.shape == (16, 64, 64, 3)
    for picture, index in zip(reading.frames, reading.frame_indices, strict=True):
        expected = np.asarray(decoded[index].resize((64, 64), Image.Resampling.BILINEAR), dtype=int)
        assert abs(picture - expected).max() <= 3

    assert reading.looks.shape == (16, 4, 4)
    # One token of each of the (4, 2, 2) windows, where a row and a column of windows have one token left.
    assert reading.looks[::4, ::3, ::3].mean() == pytest.approx(1)


def test_a_model_without_global_attention_is_read_too(app, tmp_path):
    from analyse import ClipReader

    save_model(tmp_path, LogoFormerConfig.tiny(use_global_attention=False))
    reading = ClipReader(tmp_path).read(EXAMPLES[0])
    assert reading.looks is None
    html = app.explain(reading)
    assert html.count("<img") == 16
    assert "This model has no global attention." in html


def test_colour_grows_with_attention(space):
    from pictures import overlay

    frames = np.full((1, 4, 4, 3), 100, dtype=np.uint8)
    looks = np.array([[[0.2, 2.0], [4.0, 9.0]]])
    corners = overlay(frames, looks)[0, ::2, ::2]
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

    looks = np.zeros((4, 4))
    looks[rows, columns] = 1
    assert name_of_place(looks) == words


def test_it_reads_without_this_package(tmp_path, model_id):
    code = """
import sys
sys.path.append(sys.argv[1])
from analyse import ClipReader
print(len(ClipReader(sys.argv[2]).read(sys.argv[3]).scores))
"""
    assert run_without_package(code, SPACE, model_id, EXAMPLES[0], cwd=tmp_path).split()[-1] == "7"


def test_the_examples_are_those_that_the_readme_draws(tmp_path, monkeypatch):
    (snippet,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    drawn = sorted((tmp_path / "examples").iterdir())
    assert [path.name for path in drawn] == [path.name for path in EXAMPLES]
    for ours, theirs in zip(drawn, EXAMPLES, strict=True):
        assert theirs.stat().st_size < 100_000
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


def wait_until(condition, timeout_sec: float = TIMEOUT_SEC) -> None:
    end_sec = time.monotonic() + timeout_sec
    while not condition():
        assert time.monotonic() < end_sec, f"nothing happened in {timeout_sec} s"
        time.sleep(0.05)


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
def address(model_id, tmp_path_factory):
    """Where the page runs, in a process of its own."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("space")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = environment_with(
        MODEL_ID=model_id,
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
    page.locator("input[type=file]").first.set_input_files(path)


def wait_for_reading(page) -> None:
    page.locator("#details h2", has_text="Global attention of each window").wait_for()


def test_a_clip_goes_in_and_scores_frames_and_attention_come_out(open_page, space, model_id, screenshots):
    from analyse import ClipReader

    reading = ClipReader(model_id).read(EXAMPLES[0])
    page = open_page()
    drop(page, EXAMPLES[0])
    wait_for_reading(page)
    page.screenshot(path=screenshots / "read.png", full_page=True)

    assert page.get_by_test_id("label-output-value").inner_text() == reading.label
    chart = page.locator(".confidence-set")
    assert chart.count() == 7
    shown = [" ".join(re.findall(r"[\w%]+", text)) for text in chart.all_inner_texts()]
    assert sorted(shown) == sorted(f"{label} {score:.0%}" for label, score in reading.scores.items())

    words = page.locator("#details img").evaluate_all("images => images.map(image => image.alt)")
    frames = [f"Frame {index + 1} of {reading.num_frames}" for index in reading.frame_indices]
    assert words[:16] == frames
    for frame, text in zip(frames, words[16:], strict=True):
        assert re.fullmatch(rf"{frame}; highest attention, \d+\.\d times an even share: \w+ \w+", text)
    widths = page.locator("#details img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert widths == [64] * 32
    source = page.locator("#details img").nth(5).get_attribute("src")
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))), dtype=int)
    assert abs(picture - reading.frames[5]).mean() < 4

    page.get_by_label("Clear").click()
    page.locator("#details h2").first.wait_for(state="detached")


def test_a_broken_file_gives_a_message_and_the_next_clip_is_read(open_page, screenshots, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(EXAMPLES[0].read_bytes()[:300])
    page = open_page()
    drop(page, broken)
    page.get_by_role("alert").filter(has_text="Try another clip").wait_for()
    page.screenshot(path=screenshots / "broken.png", full_page=True)
    message = page.locator("#details").inner_text()
    assert re.fullmatch(r"broken\.mp4: .+ Try another clip\.", message.strip())
    page.get_by_role("button", name="surprise").click()
    wait_for_reading(page)
    assert page.locator("#details [role=alert]").count() == 0


def test_the_camera_is_read(open_page, screenshots):
    page = open_page()
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    # What is recorded before the picture moves can be empty.
    page.wait_for_function("[...document.querySelectorAll('video')].some(video => video.currentTime > 0.2)")
    page.get_by_label("start recording").click()
    page.wait_for_timeout(1500)
    page.get_by_text("Stop", exact=True).click()
    wait_for_reading(page)
    page.screenshot(path=screenshots / "camera.png", full_page=True)
    assert page.locator("#details img").count() == 32


def test_it_fits_a_phone_and_dark_mode(open_page, screenshots):
    page = open_page("/?__theme=dark", width=375, height=800)
    page.get_by_role("button", name="happy").click()
    wait_for_reading(page)
    page.screenshot(path=screenshots / "phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    boxes = [page.locator("#details img").nth(number).bounding_box() for number in range(16)]
    assert len({round(box["x"]) for box in boxes}) == 4
    assert all(box["width"] > 70 for box in boxes)
    text = page.locator("#details .strip li").first.evaluate("item => getComputedStyle(item).color")
    assert min(map(int, re.findall(r"\d+", text)[:3])) > 180  # light on dark
