"""The handler for Inference Endpoints: footage gives a timeline, a cropped clip scores, what is wrong an error."""

import base64
import gzip
import importlib.util
import json
import math
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from urllib.parse import quote, quote_from_bytes

import pytest
import torch
from errors import check_named, raises_naming
from paths import HUB_CARD
from toys import save_model
from web import serving
from without_package import run_without_package

from logoformer_hf import (
    ExpressionRecognizer,
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
)
from logoformer_hf import safe_reading_logoformer as safe_reading
from logoformer_hf.hub.wheel import write_wheel
from logoformer_hf.reading_limits_logoformer import LIMITS

HANDLER = HUB_CARD / "handler.py"
TWO_PEOPLE = HUB_CARD / "space" / "examples" / "two-people.mp4"
CROPPED = {"faces": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_video) -> Path:
    """A model as its repository has it, with the handler, the wheel and a cropped clip."""
    folder = tmp_path_factory.mktemp("endpoint")
    save_model(folder, LogoFormerConfig.tiny(score_temperature=2.0))
    shutil.copy(HANDLER, folder)
    write_wheel(folder)
    write_video(folder / "clip.mp4", 20)
    return folder


def load_handler(folder: Path, **environment: str):
    """The handler of a folder; with these variables of the endpoint."""
    spec = importlib.util.spec_from_file_location("handler", folder / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return module.EndpointHandler(str(folder))


@pytest.fixture(scope="module")
def handler(folder):
    """Without a face detector, since the tests have no network."""
    return load_handler(folder)


@pytest.fixture(scope="module")
def open_handler(folder):
    """Whose owner allows paths and addresses of this machine."""
    return load_handler(folder, LOGOFORMER_ALLOW_PATHS="1", LOGOFORMER_ALLOW_ADDRESSES="any")


def error_of(handler, data) -> str:
    """
    What is wrong with a request. The server of Inference Endpoints answers HTTP 400 with `{"error": message}` of
    the exception. No folder of this machine is in it.
    """
    with pytest.raises(ValueError) as caught:
        handler(data)
    message = str(caught.value)
    assert type(caught.value).__name__ == "RequestError" and message
    for folder in (tempfile.gettempdir(), str(Path.home()) + "/", str(Path.cwd())):
        assert folder not in message
    return message


def request_of(folder: Path, **parameters) -> dict:
    """A request with the cropped clip."""
    return {"inputs": (folder / "clip.mp4").read_bytes(), "parameters": CROPPED | parameters}


@pytest.fixture(scope="module")
def footage_handler(folder, detector_file, tmp_path_factory):
    """With a face detector beside the model."""
    beside = shutil.copytree(folder, tmp_path_factory.mktemp("with detector") / "model")
    shutil.copy(detector_file, beside / "face_detection_yunet.onnx")
    return load_handler(beside)


@pytest.fixture(scope="module")
def by_hand(folder) -> dict[str, float]:
    """The scores of the clip by the model and the processor themselves, on the CPU."""
    processor = LogoFormerVideoProcessor.from_pretrained(folder)
    model = LogoFormerForVideoClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        scores = model(**processor(str(folder / "clip.mp4"), return_tensors="pt")).logits.softmax(-1)[0]
    return {model.config.id2label[number]: score for number, score in enumerate(scores.tolist())}


def check_scores(answer: list[dict], expected: dict[str, float], top_k: int = 7) -> None:
    """The best scores first, as close to the expected ones as a GPU, which the pipeline takes, is to the CPU."""
    given = [item["score"] for item in answer]
    assert given == sorted(given, reverse=True)
    assert given == pytest.approx(sorted(expected.values(), reverse=True)[:top_k], abs=1e-3)
    for item in answer:
        assert set(item) == {"label", "score"}
        assert item["score"] == pytest.approx(expected[item["label"]], abs=1e-3)


@pytest.fixture(scope="module")
def address(folder):
    with serving(folder) as address:
        yield address


class TestCroppedClip:
    def test_the_same_scores_as_bytes_base64_and_data_url(self, folder, handler, by_hand):
        content = (folder / "clip.mp4").read_bytes()
        assert len(by_hand) == 7
        for clip in (
            content,
            base64.b64encode(content).decode(),
            base64.encodebytes(content).decode(),
            f"data:video/mp4;base64,{base64.b64encode(content).decode()}",
            f"DATA:video/mp4;charset=x; Base64,{quote(base64.b64encode(content).decode(), safe='')}",
            f"data:,{quote_from_bytes(content)}",
            f"Data:,{quote_from_bytes(content)}",
        ):
            check_scores(handler({"inputs": clip, "parameters": CROPPED}), by_hand)

    def test_path_and_address_where_the_owner_allows_them(self, folder, open_handler, by_hand, address):
        for clip in (str(folder / "clip.mp4"), f"{address}/clip.mp4", f"{address}/clip.mp4".replace("http", "HTTP")):
            check_scores(open_handler({"inputs": clip, "parameters": CROPPED}), by_hand)

    def test_without_a_child_process_it_reads_the_same(self, folder, by_hand):
        handler = load_handler(folder, LOGOFORMER_SAFE_DECODE="0")
        assert not handler.classify.video_processor.safe_decode
        check_scores(handler(request_of(folder)), by_hand)

    def test_top_k(self, folder, handler, by_hand):
        check_scores(handler(request_of(folder, top_k=2)), by_hand, top_k=2)
        check_scores(handler(request_of(folder, top_k=70)), by_hand)
        check_scores(handler(request_of(folder, windows=False)), by_hand)

    def test_bytes_leave_no_file_behind(self, folder, handler, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert len(handler({"inputs": (folder / "clip.mp4").read_bytes(), "parameters": CROPPED})) == 7
        error_of(handler, {"inputs": b"not a video", "parameters": CROPPED})
        assert list(tmp_path.iterdir()) == []


class TestNoNumbers:
    def test_a_model_with_weights_of_nan_is_not_served(self, folder, tmp_path):
        spoiled = shutil.copytree(folder, tmp_path / "model")
        model = LogoFormerForVideoClassification.from_pretrained(spoiled)
        model.classifier.bias.data[1] = math.nan
        model.save_pretrained(spoiled)
        with raises_naming(ValueError, spoiled, "classifier.bias", "NaN"):
            load_handler(spoiled)

    def test_a_model_that_names_code_of_others_does_not_start(self, folder, tmp_path):
        changed = shutil.copytree(folder, tmp_path / "model")
        values = json.loads((changed / "config.json").read_text())
        (changed / "config.json").write_text(json.dumps(values | {"_attn_implementation": "someone/kernels"}))
        with raises_naming(ValueError, "someone/kernels", "sdpa"):
            load_handler(changed)

    def test_scores_of_nan_are_an_error(self, folder):
        handler = load_handler(folder)
        handler.classify.model.classifier.bias.data[1] = math.nan
        check_named(error_of(handler, request_of(folder)), "NaN")


class TestFootage:
    def test_people_with_segments_and_summary(self, footage_handler):
        answer = footage_handler({"inputs": TWO_PEOPLE.read_bytes()})
        json.dumps(answer, allow_nan=False)
        assert set(answer) == {"duration_sec", "people", "without_face", "notes"}
        assert answer["duration_sec"] == pytest.approx(12, abs=0.05)
        assert [person["track_id"] for person in answer["people"]] == [1, 2]
        for person in answer["people"]:
            assert set(person) == {"track_id", "segments", "summary"}
            segments = person["segments"]
            assert segments[0]["start_sec"] < 0.5 and segments[-1]["end_sec"] > 11.5
            for segment in segments:
                assert set(segment) == {"start_sec", "end_sec", "label", "mean_score"}
                assert (segment["mean_score"] is None) == (segment["label"] == "unsure")
            seconds = sum(segment["end_sec"] - segment["start_sec"] for segment in segments)
            assert sum(row["seconds"] for row in person["summary"]) == pytest.approx(seconds)
            assert sum(row["episodes"] for row in person["summary"]) == len(segments)

    def test_windows_are_those_of_the_recogniser_with_its_temperature(self, footage_handler, folder, detector_file):
        answer = footage_handler({"inputs": TWO_PEOPLE.read_bytes(), "parameters": {"windows": True}})
        recognizer = ExpressionRecognizer(folder, detector=detector_file)
        assert recognizer.temperature == 2
        expected = recognizer.read(TWO_PEOPLE)
        assert len(expected.windows) == sum(len(person["windows"]) for person in answer["people"])
        for person in answer["people"]:
            ours = [window for window in expected.windows if window.track_id == person["track_id"]]
            for window, other in zip(person["windows"], ours, strict=True):
                assert window["start_sec"] == other.start_sec and window["end_sec"] == other.end_sec
                assert window["scores"] == pytest.approx(dict(other.scores), abs=1e-3)

    def test_nobody_is_a_result(self, footage_handler, folder):
        answer = footage_handler({"inputs": (folder / "clip.mp4").read_bytes()})
        assert answer["people"] == []
        [span] = answer["without_face"]
        assert span["start_sec"] == 0 and span["end_sec"] == pytest.approx(0.8, abs=0.05)
        assert any("No face" in note for note in answer["notes"])
        assert tempfile.gettempdir() not in json.dumps(answer)

    def test_the_detector_can_be_named_by_a_variable(self, folder, detector_file, monkeypatch):
        monkeypatch.setenv("LOGOFORMER_DETECTOR", str(detector_file))
        assert load_handler(folder).recognizer is not None

    def test_without_a_detector_it_says_so_and_reads_cropped_clips(self, folder, by_hand, monkeypatch, caplog):
        monkeypatch.setenv("LOGOFORMER_DETECTOR", str(folder / "none.onnx"))
        handler = load_handler(folder)
        check_named(error_of(handler, {"inputs": b""}), "faces", "detector")
        assert str(folder / "none.onnx") in caplog.text  # for the owner
        check_scores(handler(request_of(folder)), by_hand)

    def test_without_network_the_log_says_where_the_detector_is(self, folder, caplog):
        handler = load_handler(folder)
        if handler.recognizer is not None:
            pytest.skip("the face detector is in the cache of this machine")
        assert "opencv/face_detection_yunet" in caplog.text
        check_named(error_of(handler, {"inputs": b""}), "faces", "detector")

    def test_a_request_has_a_time_limit(self, folder, detector_file):
        handler = load_handler(folder, LOGOFORMER_DETECTOR=str(detector_file), LOGOFORMER_REQUEST_SEC="1")
        handler.request_sec = 0
        check_named(error_of(handler, {"inputs": TWO_PEOPLE.read_bytes()}), "0 seconds")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, ["inputs", "base64"]),
        ({"inputs": 3}, ["inputs", "int", "base64"]),
        ({"inputs": b""}, ["inputs"]),
        ({"inputs": b"not a video" * 100}, ["inputs"]),
        ({"inputs": "bm90IGEgdmlkZW8="}, ["inputs"]),
        ({"inputs": "clips/of me.mp4"}, ["inputs", "'clips/of me.mp4'", "base64"]),
        ({"inputs": "é" * 200}, ["inputs", f"'{'é' * 80}'", "base64"]),
        ({"inputs": "data:video/mp4;base64,***"}, ["inputs", "data:video/mp4", "base64"]),
        ({"inputs": "data:"}, ["inputs"]),
        ({"inputs": "DATA:video/mp4;BASE64,***"}, ["inputs", "DATA:video/mp4", "base64"]),
        ({"inputs": "data:,\ud800"}, ["inputs", "base64"]),
        ({"inputs": "HTTP://127.0.0.1/a.mp4"}, ["inputs", "address", "LOGOFORMER_ALLOW_ADDRESSES"]),
        ({"inputs": "FILE:///etc/passwd"}, ["inputs", "LOGOFORMER_ALLOW_PATHS"]),
        ({"inputs": gzip.compress(b"a video")}, ["inputs", "gzip"]),
        ({"inputs": base64.b64encode(gzip.compress(b"a video")).decode()}, ["inputs", "gzip"]),
        ({"inputs": str(TWO_PEOPLE)}, ["inputs", "base64", "LOGOFORMER_ALLOW_PATHS"]),
        ({"inputs": "/etc/my passwords.txt"}, ["inputs", "LOGOFORMER_ALLOW_PATHS"]),
        ({"inputs": "file:///etc/passwd"}, ["inputs", "LOGOFORMER_ALLOW_PATHS"]),
        ({"inputs": "C:\\Users\\me.mp4"}, ["inputs", "LOGOFORMER_ALLOW_PATHS"]),
        ({"inputs": "/etc/passwd"}, ["inputs"]),
        ({"inputs": "https://example.org/clip.mp4"}, ["inputs", "address", "LOGOFORMER_ALLOW_ADDRESSES"]),
        ({"inputs": " http://example.org/clip.mp4"}, ["inputs", "address", "LOGOFORMER_ALLOW_ADDRESSES"]),
        ({"inputs": "\n/etc/passwd of mine"}, ["inputs", "LOGOFORMER_ALLOW_PATHS"]),
        ({"inputs": " data:video/mp4;base64,***"}, ["inputs", "data:video/mp4", "base64"]),
        ({"inputs": [1, {"a": b""}]}, ["inputs", "list"]),
    ],
)
@pytest.mark.parametrize("parameters", [{}, CROPPED], ids=["footage", "cropped"])
def test_what_is_no_video_comes_as_a_message(footage_handler, data, words, parameters):
    check_named(error_of(footage_handler, data | {"parameters": parameters}), *words)


@pytest.mark.parametrize("data", [None, [], "clip", b"clip", 3, [{"inputs": ""}]])
def test_data_that_is_no_dictionary_comes_as_a_message(handler, data):
    check_named(error_of(handler, data), type(data).__name__, "inputs")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"faces": False, "top_k": 0}, ["top_k", "0", "1"]),
        ({"faces": False, "top_k": "3"}, ["top_k", "'3'"]),
        ({"faces": False, "top_k": True}, ["top_k", "True"]),
        ({"top_k": 3}, ["top_k", "faces"]),
        ({"faces": False, "windows": True}, ["windows", "faces"]),
        ({"faces": 1}, ["faces", "1"]),
        ({"windows": "yes"}, ["windows", "'yes'"]),
        ({"topk": 3}, ["parameters", "{'topk': 3}", "top_k", "faces", "windows"]),
        ([3], ["parameters", "[3]", "top_k"]),
        ({"x" * 10_000: 3}, ["parameters", "…"]),
        ({1: 3}, ["parameters", "{1: 3}"]),
    ],
)
def test_parameters_that_are_wrong_come_as_a_message(handler, parameters, words):
    message = error_of(handler, {"inputs": b"", "parameters": parameters})
    check_named(message, *words)
    assert len(message) < 500


def test_a_file_that_is_no_video_is_named(folder, open_handler):
    check_named(error_of(open_handler, {"inputs": str(folder / "config.json"), "parameters": CROPPED}), "config.json")


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/null", "a\0b", "/" * 10_000])
def test_what_is_no_file_is_not_opened(place, open_handler):
    check_named(error_of(open_handler, {"inputs": place, "parameters": CROPPED}), "inputs")


def test_an_address_without_a_clip_gives_a_message(open_handler, address):
    clip = f"{address}/none.mp4"
    check_named(error_of(open_handler, {"inputs": clip, "parameters": CROPPED}), clip)


def test_a_download_ends_with_its_request(address, open_handler, monkeypatch):
    monkeypatch.setattr(open_handler, "request_sec", 0)
    check_named(error_of(open_handler, {"inputs": f"{address}/clip.mp4", "parameters": CROPPED}), address, "0 seconds")


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        ("http://①②⑦.0.0.1/", ["http://①②⑦.0.0.1/", "ASCII"]),
        ("http://127.0.0.1:1/é.mp4", ["é.mp4", "ASCII"]),
        ("http://127.0.0.1:1/" + "a" * 100_000, ["http://127.0.0.1:1/aaa", "…"]),
    ],
)
def test_an_address_that_cannot_be_opened_is_named_in_short(open_handler, clip, words):
    message = error_of(open_handler, {"inputs": clip, "parameters": CROPPED})
    check_named(message, *words)
    assert "ordinal" not in message and len(message) < 500


@pytest.mark.parametrize(
    "clip",
    [
        *("http://me:secret@127.0.0.1/", "http://me:se/secret@127.0.0.1/", "\ufeffhttp://me:secret@127.0.0.1/"),
        *("rtsp://me:secret@127.0.0.1/", "'http://me:secret@127.0.0.1/'", "ftp://me:secret@127.0.0.1/"),
    ],
)
def test_a_password_is_in_no_answer(open_handler, clip):
    message = error_of(open_handler, {"inputs": clip, "parameters": CROPPED})
    assert "@127.0.0.1" in message and "secret" not in message


def test_only_public_addresses_are_opened_where_those_alone_are_allowed(folder, address):
    handler = load_handler(folder, LOGOFORMER_ALLOW_ADDRESSES="public")
    clip = f"{address}/clip.mp4"
    check_named(error_of(handler, {"inputs": clip, "parameters": CROPPED}), clip, "public")
    with raises_naming(ValueError, "LOGOFORMER_ALLOW_ADDRESSES", "'yes'"):
        load_handler(folder, LOGOFORMER_ALLOW_ADDRESSES="yes")


@pytest.mark.parametrize(
    "failure",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory in /usr/lib/python3/site-packages/torch/cuda.py"),
        KeyError("/secret/place"),
        OSError(28, "No space left on device", "/tmp/secret/clip"),
        RecursionError("maximum recursion depth exceeded"),
        AssertionError(),
        ValueError("no such file: é/secret/a place/clip"),
        OSError("file:///secret/place"),
        RuntimeError("C:\\secret\\place"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_every_failure_comes_as_a_message(failure, folder, monkeypatch):
    handler = load_handler(folder)

    def fail(*arguments, **options):
        raise failure

    monkeypatch.setattr(handler, "classify", fail, raising=True)
    handler.classify.model = load_handler(folder).classify.model
    message = error_of(handler, request_of(folder))
    assert "secret" not in message and "/" not in message and "\\" not in message
    assert "memory" in message or type(failure).__name__ in message


def test_a_crash_of_the_decoder_is_a_message(folder, by_hand):
    handler = load_handler(folder)
    [*children] = safe_reading._idle
    assert children
    for child in children:
        os.kill(child._process.pid, signal.SIGSTOP)  # it has taken the request when it is ended
    killer = threading.Timer(1, lambda: [os.kill(child._process.pid, signal.SIGKILL) for child in children])
    killer.start()
    check_named(error_of(handler, request_of(folder)), "inputs")
    killer.join()
    check_scores(handler(request_of(folder)), by_hand)


def test_a_download_and_an_upload_have_a_size_limit(folder, open_handler, address, monkeypatch):
    monkeypatch.setattr(LIMITS, "max_download_mb", 0)
    for clip in (f"{address}/clip.mp4", (folder / "clip.mp4").read_bytes()):
        check_named(error_of(open_handler, {"inputs": clip, "parameters": CROPPED}), "0 MB")


def test_requirements_and_wheel_are_enough(folder, tmp_path, by_hand, detector_file):
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
from handler import EndpointHandler
import logoformer_hf
print(logoformer_hf.__file__)
handler = EndpointHandler(sys.argv[1])
content = open(sys.argv[1] + "/clip.mp4", "rb").read()
footage = open(sys.argv[2], "rb").read()
print(json.dumps([handler({"inputs": content, "parameters": {"faces": False}}), handler({"inputs": footage})]))
"""
    printed = run_without_package(
        code,
        folder,
        TWO_PEOPLE,
        cwd=tmp_path,
        requirements=HUB_CARD / "requirements.txt",
        LOGOFORMER_DETECTOR=str(detector_file),
    )
    place, answers = printed.splitlines()[-2:]
    assert Path(place).is_relative_to(tempfile.gettempdir())
    assert not Path(place).exists()  # unpacked for this process alone
    cropped, footage = json.loads(answers)
    check_scores(cropped, by_hand)
    assert len(footage["people"]) == 2
