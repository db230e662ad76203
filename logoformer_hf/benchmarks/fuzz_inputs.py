"""Inputs of every kind that people send, small and intact, and what becomes of them when they are mutated."""

import base64
import io
import json
import random
import shutil
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import datasets
import numpy as np
import torch
from PIL import Image

from ..configuration_logoformer import LogoFormerConfig
from ..data.rows import clip_features
from ..data.shards import prepare_shards
from ..modeling_logoformer import LogoFormerForVideoClassification
from ..video_processing_logoformer import LogoFormerVideoProcessor
from .fuzz_mutations import mutate_bytes, mutate_json, mutate_json_text, mutate_text

_VIDEOS = (
    ("mp4", "libx264"),
    ("mkv", "libx264"),
    ("webm", "libvpx"),
    ("avi", "mpeg4"),
    ("mov", "mpeg4"),
    ("ts", "mpeg2video"),
)
_LISTS = (
    "".join(f"clips/DFEW_Face/{number:05d} {10 + number} {number % 7}\n" for number in range(30)),
    "".join(f"/data/jpg_256/{number:05d} {number % 7}\n" for number in range(30)),
    "".join(f"Action/Happy/{number:04d} Happy\nCrisis/Sad/{number:04d} Sad\n" for number in range(15)),
    "video_name,label\n" + "".join(f"{number},{number % 7 + 1}\n" for number in range(1, 30)),
    "path,label,split\n" + "".join(f'"clips/{n}, {n}.mp4",{"happy" if n % 2 else "sad"},train\n' for n in range(20)),
    "clip;emotion\n" + "".join(f"C:\\clips\\{number}.avi;fear\n" for number in range(10)),
)
_CARD = "---\n{}\n---\n\n# A title\n"
_PUSHED = (".json", ".md", ".parquet", ".png", ".safetensors")  # of the code every byte is compared


@cache
def videos() -> dict[str, bytes]:
    """Twelve frames of every container, by its ending; a GIF too."""
    found = {}
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = [np.roll(picture, 3 * number, axis=1) for number in range(12)]
    for ending, codec in _VIDEOS:
        file = io.BytesIO()
        with av.open(file, "w", format={"mkv": "matroska", "ts": "mpegts"}.get(ending, ending)) as container:
            stream = container.add_stream(codec, rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        found[ending] = file.getvalue()
    file = io.BytesIO()
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(file, "GIF", save_all=True, append_images=others)
    found["gif"] = file.getvalue()
    return found


@cache
def images() -> list[bytes]:
    """A picture in every format and mode of frames."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    picture = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    found = []
    for format, mode, options in (
        ("JPEG", "RGB", {"exif": exif}),
        ("JPEG", "L", {"progressive": True}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {}),
        ("PNG", "I;16", {}),
        ("WEBP", "RGB", {"exif": exif}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("BMP", "RGB", {}),
        ("GIF", "P", {}),
        ("TIFF", "RGB", {}),
    ):
        file = io.BytesIO()
        shown = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257) if mode == "I;16" else picture.convert(mode)
        shown.save(file, format, **options)
        found.append(file.getvalue())
    return found


@cache
def model_folder(folder: Path) -> Path:
    """A tiny model with its processor, saved in a folder."""
    if not (folder / "model.safetensors").exists():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            config = LogoFormerConfig.tiny(image_size=32, num_frames=4)
            LogoFormerForVideoClassification(config).save_pretrained(folder)
        LogoFormerVideoProcessor.from_config(config).save_pretrained(folder)
    return folder


@cache
def shards_folder(folder: Path) -> Path:
    """Shards of six clips in two files."""
    if not (folder / "prepare_settings.json").exists():
        frames = [[{"bytes": images()[number], "path": None}] * 4 for number in (0, 1, 0, 1, 0, 1)]
        features = clip_features()
        features["video"] = datasets.List(datasets.Image())
        columns = {"clip_id": list("abcdef"), "video": frames, "num_frames": [4] * 6, "label": list(range(6))}
        rows = datasets.DatasetDict(train=datasets.Dataset.from_dict(columns, features))
        prepare_shards(rows, folder, side_px=48, clips_per_shard=3, num_workers=0)
    return folder


@cache
def clips_folder(folder: Path) -> Path:
    """Empty files and folders under the names of the clips in the lists."""
    for number in range(30):
        for place in ("DFEW_Face/{0:05d}", "jpg_256/{0:05d}", "Action/Happy/{0:04d}", "Crisis/Sad/{0:04d}", "{0}"):
            (folder / place.format(number)).mkdir(parents=True, exist_ok=True)
        for name in (f"{number}, {number}.mp4", f"{number}.avi"):
            (folder / name).touch()
    return folder


def mutated_container(folder: Path, rng: random.Random) -> Path:
    """A video file with mutated bytes."""
    ending = rng.choice(list(videos()))
    file = folder / f"clip.{ending}"
    file.write_bytes(mutate_bytes(videos()[ending], list(videos().values()), rng))
    return file


def mutated_images(folder: Path, rng: random.Random) -> Path:
    """A folder of four frames, of which one or two have mutated bytes."""
    frames = folder / "frames"
    frames.mkdir()
    endings = (".jpg", ".png", ".webp", ".bmp")
    for number in range(4):
        content = rng.choice(images())
        content = mutate_bytes(content, images(), rng) if number < 2 else content
        (frames / f"{number}{rng.choice(endings)}").write_bytes(content)
    return frames


def mutated_list(folder: Path, rng: random.Random) -> Path:
    """A list of clips, as text."""
    file = folder / "list.csv"
    file.write_bytes(mutate_text(rng.choice(_LISTS), rng))
    return file


def mutated_shards(folder: Path, rng: random.Random) -> Path:
    """A folder of shards in which a file has mutated bytes or fields."""
    copied = folder / "shards"
    shutil.copytree(shards_folder(folder.parent / "intact_shards"), copied)
    if rng.random() < 0.2:
        file = copied / "prepare_settings.json"
        file.write_bytes(mutate_json_text(json.loads(file.read_text()), rng))
    else:
        file = rng.choice(sorted((copied / "data").iterdir()))
        file.write_bytes(mutate_bytes(file.read_bytes(), [file.read_bytes()], rng))
    return copied


def mutated_configuration(folder: Path, rng: random.Random) -> Path:
    """A folder of a model in which configuration, processor or weights are mutated."""
    copied = folder / "model"
    shutil.copytree(model_folder(folder.parent / "intact_model"), copied)
    name = rng.choice(("config.json", "config.json", "video_preprocessor_config.json", "model.safetensors"))
    content = (copied / name).read_bytes()
    changed = mutate_json_text(json.loads(content), rng) if name.endswith("json") else mutated_weights(content, rng)
    (copied / name).write_bytes(changed)
    return copied


def mutated_push(folder: Path, rng: random.Random) -> Path:
    """A folder to publish, of a model with its results or of shards with their card, in which one file is mutated."""
    if rng.random() < 0.5:
        copied = Path(shutil.copytree(model_folder(folder.parent / "intact_model"), folder / "model"))
        (copied / "eval_results.json").write_text(json.dumps({"test_uar": 0.5, "test_recall": {"sad": None}}))
        (copied / "README.md").write_text(_CARD.format("license: other\nmetrics:\n- f1"))
        (copied / "recalls.png").write_bytes(images()[3])
    else:
        copied = Path(shutil.copytree(shards_folder(folder.parent / "intact_shards"), folder / "shards"))
        (copied / "source.json").write_text(json.dumps({"dataset": "clips", "dataset_name": "own", "left_out": []}))
        (copied / "README.md").write_text(_CARD.format("license: other\nviewer: false"))
    file = rng.choice([path for path in sorted(copied.rglob("*")) if path.suffix in _PUSHED])
    content = file.read_bytes()
    if file.suffix == ".json":
        content = mutate_json_text(json.loads(content), rng)
    elif file.suffix == ".safetensors":
        content = mutated_weights(content, rng)
    elif file.suffix == ".md":
        content = mutate_text(content.decode(), rng)
    else:
        content = mutate_bytes(content, [content], rng)
    file.write_bytes(content)
    return copied


def mutated_weights(content: bytes, rng: random.Random) -> bytes:
    """A file of safetensors whose description, or length of it, is mutated; the values say nothing about safety."""
    size = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + size]
    if rng.random() < 0.5:
        changed = json.dumps(mutate_json(json.loads(header), rng)).encode()
        return len(changed).to_bytes(8, "little") + changed + content[8 + size :]
    return mutate_bytes(content[: 8 + size], [header], rng) + content[8 + size :]


def mutated_payload(folder: Path, rng: random.Random) -> Any:
    """What is sent to an endpoint: fields, and a video in base64 or as bytes."""
    content = mutate_bytes(rng.choice(list(videos().values())), list(videos().values()), rng)
    encoded = base64.b64encode(content).decode()
    clip = rng.choice((content, encoded, encoded[:-3], f"data:video/mp4;base64,{encoded}", "/etc/passwd", "file:///x"))
    clip = rng.choice((clip, clip, "http://127.0.0.1:9/x", "http://[::1]/", "http://169.254.169.254/latest", "\0"))
    payload = {"inputs": clip, "parameters": {"faces": False, "top_k": 3}}
    return payload if rng.random() < 0.4 else mutate_json(payload, rng)


MUTATED: dict[str, Callable[[Path, random.Random], Any]] = {
    "containers": mutated_container,
    "images": mutated_images,
    "lists": mutated_list,
    "shards": mutated_shards,
    "configurations": mutated_configuration,
    "payloads": mutated_payload,
    "pushes": mutated_push,
}


def mutated(kind: str, number: int, folder: Path) -> Any:
    """The mutated input of a kind with this number, the same in every call; its files lie in an empty folder."""
    return MUTATED[kind](folder, random.Random(f"{kind} {number}"))
