"""The handler for Inference Endpoints: whatever a clip comes as, the same scores; whatever is wrong, a message."""

import base64
import importlib.util
import json
import shutil
import tempfile
from pathlib import Path

import pytest
import torch
from errors import check_named
from paths import HUB_CARD
from toys import save_model
from web import serving
from without_package import run_without_package

from logoformer_hf import LogoFormerForVideoClassification, LogoFormerVideoProcessor

HANDLER = HUB_CARD / "handler.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_video) -> Path:
    """A model as its repository has it, with the handler and a clip."""
    folder = tmp_path_factory.mktemp("endpoint")
    save_model(folder)
    shutil.copy(HANDLER, folder)
    write_video(folder / "clip.mp4", 20)
    return folder


@pytest.fixture(scope="module")
def handler(folder):
    spec = importlib.util.spec_from_file_location("handler", folder / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EndpointHandler(str(folder))


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


def test_a_clip_gives_the_same_scores_as_bytes_base64_path_and_address(folder, handler, by_hand, address):
    content = (folder / "clip.mp4").read_bytes()
    assert len(by_hand) == 7
    for clip in (
        content,
        base64.b64encode(content).decode(),
        base64.encodebytes(content).decode(),
        str(folder / "clip.mp4"),
        f"{address}/clip.mp4",
    ):
        check_scores(handler({"inputs": clip}), by_hand)


def test_top_k(folder, handler, by_hand):
    clip = str(folder / "clip.mp4")
    check_scores(handler({"inputs": clip, "parameters": {"top_k": 2}}), by_hand, top_k=2)
    check_scores(handler({"inputs": clip, "parameters": {"top_k": 70}}), by_hand)
    check_scores(handler({"inputs": clip, "parameters": {}}), by_hand)
    check_scores(handler({"inputs": clip, "parameters": None}), by_hand)


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
        ({"inputs": b"", "parameters": {"top_k": 0}}, ["top_k", "0", "1"]),
        ({"inputs": b"", "parameters": {"top_k": "3"}}, ["top_k", "'3'"]),
        ({"inputs": b"", "parameters": {"top_k": True}}, ["top_k", "True"]),
        ({"inputs": b"", "parameters": {"topk": 3}}, ["parameters", "{'topk': 3}", "top_k"]),
        ({"inputs": b"", "parameters": [3]}, ["parameters", "[3]", "top_k"]),
    ],
)
def test_what_is_wrong_comes_as_a_message(handler, data, words):
    answer = handler(data)
    assert list(answer) == ["error"]
    check_named(answer["error"], *words)
    assert tempfile.gettempdir() not in answer["error"]  # where bytes are written to for reading


def test_a_file_that_is_no_video_is_named(folder, handler):
    check_named(handler({"inputs": str(folder / "config.json")})["error"], folder / "config.json")


def test_an_address_without_a_clip_gives_a_message(handler, address):
    answer = handler({"inputs": f"{address}/none.mp4"})
    assert "none.mp4" in answer["error"]


def test_bytes_leave_no_file_behind(folder, handler, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert len(handler({"inputs": (folder / "clip.mp4").read_bytes()})) == 7
    assert "error" in handler({"inputs": b"not a video"})
    assert list(tmp_path.iterdir()) == []


def test_it_needs_nothing_of_this_package(folder, tmp_path, by_hand):
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
from handler import EndpointHandler
print(json.dumps(EndpointHandler(sys.argv[1])({"inputs": open(sys.argv[1] + "/clip.mp4", "rb").read()})))
"""
    check_scores(json.loads(run_without_package(code, folder, cwd=tmp_path).splitlines()[-1]), by_hand)
