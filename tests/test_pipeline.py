"""The library's video-classification pipeline on files and on addresses, against the model called by hand."""

import ast
import re
import shutil
import socket

import av
import pytest
import torch
from errors import raises_naming
from paths import DOCS
from transformers import pipeline
from web import FolderHandler, serving

from logoformer_hf import LogoFormerForVideoClassification, LogoFormerVideoProcessor, VideoReadError
from logoformer_hf import downloading_logoformer as downloading


@pytest.fixture(scope="module")
def videos(tmp_path_factory, write_video):
    """One shorter than the model's 16 frames, one longer."""
    folder = tmp_path_factory.mktemp("videos")
    return [write_video(folder / "short.mp4", 5, seed=1), write_video(folder / "long.mkv", 90, seed=2)]


class VideoHandler(FolderHandler):
    """Serves a folder, and breaks some of its files."""

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.end_headers()
        elif self.path == "/cut.mp4":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
        else:
            super().do_GET()


@pytest.fixture(scope="module")
def site(videos):
    """Address of the folder with the videos."""
    with serving(videos[0].parent, VideoHandler) as address:
        yield address


@pytest.fixture(scope="module")
def classify(tiny_folder):
    return pipeline("video-classification", model=str(tiny_folder))


def by_hand(tiny_folder, video) -> dict[str, float]:
    """Score of every label, on the CPU."""
    processor = LogoFormerVideoProcessor.from_pretrained(tiny_folder)
    model = LogoFormerForVideoClassification.from_pretrained(tiny_folder).eval()
    with torch.inference_mode():
        scores = model(**processor(video, return_tensors="pt")).logits[0].softmax(-1).tolist()
    return {model.config.id2label[number]: score for number, score in enumerate(scores)}


def check_scores(guesses: list[dict], expected: dict[str, float]) -> None:
    """As close as a GPU, which the pipeline takes where there is one, is to the CPU."""
    assert {guess["label"]: guess["score"] for guess in guesses} == pytest.approx(expected, abs=1e-3)


def test_files_one_and_several_score_as_by_hand(classify, tiny_folder, videos):
    for video in videos:
        check_scores(classify(str(video), top_k=7), by_hand(tiny_folder, video))
    several = classify([str(video) for video in videos], top_k=7)
    for guesses, video in zip(several, videos, strict=True):
        check_scores(guesses, by_hand(tiny_folder, video))


def test_top_k_best_first(classify, tiny_folder, videos):
    best = sorted(by_hand(tiny_folder, videos[1]).values(), reverse=True)
    for asked, given in ((1, 1), (3, 3), (100, 7)):
        scores = [guess["score"] for guess in classify(str(videos[1]), top_k=asked)]
        assert scores == sorted(scores, reverse=True)
        assert scores == pytest.approx(best[:given], abs=1e-3)
    assert len(classify(str(videos[1]))) == 5  # the library's default


def test_the_whole_clip_counts_not_its_beginning(classify, write_video, tmp_path):
    """Videos that differ in their last third alone, and without losses."""
    parts = [write_video(tmp_path / f"{seed}.mkv", 30, codec="ffv1", seed=seed) for seed in (1, 2, 3)]
    first, second = tmp_path / "first.mkv", tmp_path / "second.mkv"
    join_videos(first, [parts[0], parts[0], parts[1]])
    join_videos(second, [parts[0], parts[0], parts[2]])
    assert classify(str(first), top_k=7) != classify(str(second), top_k=7)


def join_videos(path, parts) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for part in parts:
            with av.open(str(part)) as source:
                for frame in source.decode(video=0):
                    frame.pts = None  # counted on from the part before
                    container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_batch_size_is_refused_by_the_library_and_the_model_takes_batches(classify, tiny_folder, videos):
    paths = [str(video) for video in videos]
    with raises_naming(ValueError, "batching"):  # the library's own words
        classify(paths, batch_size=2)

    processor = LogoFormerVideoProcessor.from_pretrained(tiny_folder)
    model = LogoFormerForVideoClassification.from_pretrained(tiny_folder).eval()
    with torch.inference_mode():
        scores = model(**processor(paths, return_tensors="pt")).logits.softmax(-1)  # (batch, labels)
    one_by_one = [by_hand(tiny_folder, video) for video in videos]
    for row, expected in zip(scores.tolist(), one_by_one, strict=True):
        assert row == pytest.approx(list(expected.values()), abs=1e-6)


def test_the_snippets_of_the_documentation_run(tiny_folder, videos, tmp_path, monkeypatch, capsys):
    shutil.copytree(tiny_folder, tmp_path / "outputs" / "demo")
    shutil.copy(videos[1], tmp_path / "clip.mp4")
    page = (DOCS / "hub.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(snippets) == 2
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec("\n".join(snippets), namespace)
    assert len(ast.literal_eval(capsys.readouterr().out)) == 3
    assert namespace["scores"].shape == (2, 7)


def test_addresses_one_and_several_score_as_the_files(classify, tiny_folder, videos, site):
    for address in (f"{site}/{videos[1].name}", f"{site}/moved/{videos[1].name}", f"\u00a0 {site}/{videos[1].name}\n"):
        check_scores(classify(address, top_k=7), by_hand(tiny_folder, videos[1]))
    several = classify([f"{site}/{video.name}" for video in videos], top_k=7)
    for guesses, video in zip(several, videos, strict=True):
        check_scores(guesses, by_hand(tiny_folder, video))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.webm", "clip.gif"])
def test_an_address_gives_the_frames_of_the_file(name, tiny_folder, videos, site, write_video):
    codecs = {"clip.avi": ("mpeg4", "yuv420p"), "clip.webm": ("libvpx", "yuv420p"), "clip.gif": ("gif", "rgb8")}
    codec, pix_fmt = codecs.get(name, ("libx264", "yuv420p"))
    path = write_video(videos[0].parent / name, 50, codec=codec, pix_fmt=pix_fmt)
    processor = LogoFormerVideoProcessor.from_pretrained(tiny_folder)
    from_file, from_web = processor([path, f"{site}/{name}"], return_tensors="pt")["pixel_values"]
    assert torch.equal(from_file, from_web)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.mp4", "404 (Not Found)"),
        ("cut.mp4", "4 bytes"),
        ("empty.mp4", "empty"),
        ("text.mp4", "Invalid data"),  # FFmpeg's own words
    ],
)
def test_an_address_that_gives_no_video_is_named_with_the_reason(name, reason, videos, site):
    (videos[0].parent / "empty.mp4").touch()
    (videos[0].parent / "text.mp4").write_text("Dear diary")
    with raises_naming(VideoReadError, f"{site}/{name}: ", reason):
        LogoFormerVideoProcessor()(f"{site}/{name}")


def test_an_address_without_an_answer(monkeypatch):
    monkeypatch.setattr(downloading, "DOWNLOAD_TIMEOUT_SEC", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with raises_naming(VideoReadError, f"http://127.0.0.1:{port}/clip.mp4: ", "timed out"):
            LogoFormerVideoProcessor()(f"http://127.0.0.1:{port}/clip.mp4")
    with raises_naming(VideoReadError, f"http://127.0.0.1:{port}/clip.mp4: ", "Connection refused"):
        LogoFormerVideoProcessor()(f"http://127.0.0.1:{port}/clip.mp4")
    with raises_naming(VideoReadError, "http://127.0.0.1:port/clip.mp4: "):
        LogoFormerVideoProcessor()("http://127.0.0.1:port/clip.mp4")


def test_a_download_has_a_limit(videos, site, monkeypatch):
    monkeypatch.setattr(downloading.LIMITS, "max_download_mb", 0)
    with raises_naming(VideoReadError, f"{site}/{videos[0].name}: ", "0 MB"):
        LogoFormerVideoProcessor()(f"{site}/{videos[0].name}")


@pytest.mark.parametrize("playlist", ["ffconcat version 1.0\nfile {}\n", "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"])
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
def test_a_playlist_opens_no_other_file(playlist, name, videos, site):
    """It would show whoever sends one what is beside it, or in the network of whoever reads it."""
    (videos[0].parent / name).write_text(playlist.format(videos[1].name))
    for source in (videos[0].parent / name, f"{site}/{name}"):
        with raises_naming(VideoReadError, source):
            LogoFormerVideoProcessor()(source)


def test_the_content_of_a_video_scores_as_the_file(classify, videos):
    assert classify(videos[0].read_bytes()) == classify(str(videos[0]))
