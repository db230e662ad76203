"""The handler for Inference Endpoints: whatever a clip comes as, the same scores; whatever is wrong, a message."""

import base64
import importlib.util
import json
import shutil
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from paths import HUB_CARD
from stranger import run_as_stranger

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor

HANDLER = HUB_CARD / "handler.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_video) -> Path:
    """A model as it lies in its repository, the handler beside it, and a clip."""
    folder = tmp_path_factory.mktemp("endpoint")
    torch.manual_seed(0)
    LogoFormerForVideoClassification(LogoFormerConfig.tiny()).save_pretrained(folder)
    LogoFormerVideoProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}).save_pretrained(folder)
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
def by_hand(folder) -> list[dict]:
    """The scores of the clip by the model and the processor themselves."""
    processor = LogoFormerVideoProcessor.from_pretrained(folder)
    model = LogoFormerForVideoClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        scores = model(**processor(str(folder / "clip.mp4"), return_tensors="pt")).logits.softmax(-1)[0]
    labelled = [
        {"score": score, "label": model.config.id2label[number]} for number, score in enumerate(scores.tolist())
    ]
    return sorted(labelled, key=lambda item: -item["score"])


@pytest.fixture(scope="module")
def address(folder):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


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
        assert handler({"inputs": clip}) == by_hand


def test_top_k(folder, handler, by_hand):
    clip = str(folder / "clip.mp4")
    assert handler({"inputs": clip, "parameters": {"top_k": 2}}) == by_hand[:2]
    assert handler({"inputs": clip, "parameters": {"top_k": 70}}) == by_hand
    assert handler({"inputs": clip, "parameters": {}}) == by_hand
    assert handler({"inputs": clip, "parameters": None}) == by_hand


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "`inputs` is missing; give the bytes of a video"),
        ({"inputs": 3}, "`inputs` is a int; give the bytes"),
        ({"inputs": b""}, "the clip in `inputs`: the file is empty."),
        ({"inputs": b"not a video" * 100}, "the clip in `inputs`: not a readable video"),
        ({"inputs": "bm90IGEgdmlkZW8="}, "the clip in `inputs`: not a readable video"),
        ({"inputs": "clips/of me.mp4"}, "`inputs` is 'clips/of me.mp4', no file here and no base64; give"),
        ({"inputs": "é" * 200}, f"`inputs` is '{'é' * 80}', no file here and no base64"),
        ({"inputs": b"", "parameters": {"top_k": 0}}, "`top_k` is 0; it must be a whole number of at least 1."),
        ({"inputs": b"", "parameters": {"top_k": "3"}}, "`top_k` is '3'; it must be"),
        ({"inputs": b"", "parameters": {"top_k": True}}, "`top_k` is True; it must be"),
        ({"inputs": b"", "parameters": {"topk": 3}}, "`parameters` is {'topk': 3}; it must be an object, and top_k"),
        ({"inputs": b"", "parameters": [3]}, "`parameters` is [3]; it must be an object"),
    ],
)
def test_what_is_wrong_comes_as_a_message(handler, data, message):
    answer = handler(data)
    assert list(answer) == ["error"]
    assert answer["error"].startswith(message)


def test_a_file_that_is_no_video_is_named(folder, handler):
    assert handler({"inputs": str(folder / "config.json")})["error"].startswith(f"{folder / 'config.json'}: not a")


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
    assert json.loads(run_as_stranger(code, folder, cwd=tmp_path).splitlines()[-1]) == by_hand
