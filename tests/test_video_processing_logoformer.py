import io
import os
import pickle
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as tvf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoVideoProcessor, pipeline

from logoformer_hf import (
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
    VideoReadError,
)
from logoformer_hf import video_processing_logoformer as reader
from logoformer_hf.video_processing_logoformer import sample_frame_indices
from logoformer_hf.video_reading_logoformer import read_encoded_frames, read_frames

RAW = {"do_resize": False, "do_center_crop": False, "do_rescale": False, "do_normalize": False}


@pytest.fixture(params=["torchcodec", "pyav"])
def backend(request, monkeypatch) -> str:
    if request.param == "pyav":
        monkeypatch.setattr(reader, "torchcodec_decoder", lambda: None)
    elif reader.torchcodec_decoder() is None:
        pytest.skip("torchcodec is not installed or does not load (no FFmpeg libraries)")
    return request.param


@pytest.fixture(scope="module")
def processor() -> LogoFormerVideoProcessor:
    return LogoFormerVideoProcessor()


def decode_all(path: Path) -> np.ndarray:
    """Every frame in order, nothing skipped: what the reader has to agree with."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def marked_frames(num_frames: int, height: int = 6, width: int = 8) -> np.ndarray:
    """Channels-last frames that show their number, with different channels."""
    frames = np.empty((num_frames, height, width, 3), dtype=np.uint8)
    frames[:] = np.arange(num_frames, dtype=np.uint8)[:, None, None, None] + np.array([0, 80, 160], dtype=np.uint8)
    frames[:, 0, 0] = 255  # so that turned or mirrored pictures differ
    return frames


def save_frames(folder: Path, frames: np.ndarray) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = [folder / f"frame{number}.png" for number in range(1, len(frames) + 1)]
    for file, frame in zip(files, frames, strict=True):
        Image.fromarray(frame).save(file)
    return files


# --- which frames


@pytest.mark.parametrize(
    ("total", "kwargs", "expected"),
    [
        (16, {}, list(range(16))),
        # 8 segments of 9 frames, 7 possible starts each: the fourth
        (72, {}, [3, 4, 12, 13, 21, 22, 30, 31, 39, 40, 48, 49, 57, 58, 66, 67]),
        (24, {"num_frames": 4, "frames_per_segment": 1}, [2, 8, 14, 20]),
        # 2 + 2 + 2 + 1 out of 14: segments [0, 4), [4, 8), [8, 12), [12, 14)
        (14, {"num_frames": 7, "frames_per_segment": 2}, [1, 2, 5, 6, 9, 10, 12]),
        # 3 + 2 out of 10: segments [0, 6), [6, 10)
        (10, {"num_frames": 5, "frames_per_segment": 3}, [1, 2, 3, 7, 8]),
        (3, {"num_frames": 6}, [0, 0, 1, 1, 2, 2]),
        (1, {}, [0] * 16),
        (9, {}, [0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8]),
    ],
)
def test_sample_frame_indices_by_hand(total, kwargs, expected):
    assert sample_frame_indices(total, **kwargs) == expected


@pytest.mark.parametrize(("num_frames", "per_segment"), [(16, 2), (7, 2), (5, 3), (8, 8), (3, 5)])
def test_sample_frame_indices_for_every_length(num_frames, per_segment):
    for total in range(1, 301):
        generator = torch.Generator().manual_seed(total)
        middle = sample_frame_indices(total, num_frames, per_segment)
        drawn = sample_frame_indices(total, num_frames, per_segment, generator)
        for indices in (middle, drawn):
            assert len(indices) == num_frames
            assert indices == sorted(indices)
            assert min(indices) >= 0
            assert max(indices) < total
        if total < num_frames:
            assert middle == drawn
            assert {middle.count(index) for index in range(total)} <= {num_frames // total, -(-num_frames // total)}
            continue
        assert len(set(middle)) == len(set(drawn)) == num_frames
        for start in range(0, num_frames, per_segment):
            count = min(per_segment, num_frames - start)
            first, end = start * total // num_frames, (start + count) * total // num_frames
            for indices in (middle, drawn):
                chosen = indices[start : start + count]
                assert chosen == list(range(chosen[0], chosen[0] + count))
                assert first <= chosen[0]
                assert chosen[-1] < end
            before, after = middle[start] - first, end - (middle[start] + count)
            assert 0 <= after - before <= 1  # the middle, and where there are two the earlier


def test_random_places_follow_the_generator_and_reach_every_start():
    draws = {
        seed: sample_frame_indices(40, generator=torch.Generator().manual_seed(seed)) for seed in range(60)
    }  # 8 segments of 5 frames: starts 0 to 3
    for seed, indices in draws.items():
        assert sample_frame_indices(40, generator=torch.Generator().manual_seed(seed)) == indices
    for segment in range(8):
        assert {indices[2 * segment] - 5 * segment for indices in draws.values()} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["total_num_frames", "num_frames", "frames_per_segment"])
@pytest.mark.parametrize("value", [0, -3])
def test_impossible_numbers_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` is {value}"):
        sample_frame_indices(**{"total_num_frames": 30, "num_frames": 16, "frames_per_segment": 2} | {name: value})


@given(
    total=st.integers(1, 500),
    num_frames=st.integers(1, 40),
    per_segment=st.integers(1, 10),
    seed=st.none() | st.integers(0, 2**32),
)
@example(total=500, num_frames=16, per_segment=2, seed=0)
@settings(deadline=None)
def test_sampled_frames_are_sorted_in_range_and_evenly_spread(total, num_frames, per_segment, seed):
    check_sampling(total, num_frames, per_segment, seed)


@pytest.mark.parametrize("seed", [None, 0])
def test_sampling_of_every_length_up_to_500(seed):
    for total in range(1, 501):
        check_sampling(total, 16, 2, seed)


def check_sampling(total: int, num_frames: int, per_segment: int, seed: int | None) -> None:
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    indices = sample_frame_indices(total, num_frames, per_segment, generator)
    assert len(indices) == num_frames
    assert indices == sorted(indices)
    assert 0 <= indices[0] <= indices[-1] < total
    counts = np.bincount(indices, minlength=total)
    if total < num_frames:
        assert counts.max() - counts.min() <= 1  # every frame, equally often
        return
    assert counts.max() == 1
    # Wherever the clip is cut, its first part has its share of the frames, to within a segment.
    for length in range(1, total + 1):
        assert abs(counts[:length].sum() - length * num_frames / total) <= min(per_segment, num_frames)


# --- video files

B_FRAMES = {"g": "12", "bf": "2"}
FAST_VP = {"g": "12", "deadline": "realtime", "cpu-used": "8"}
# name: (encoder, options, container, pixel format, whether torchcodec reads it where it loads)
FILES = {
    "h264.mp4": ("libx264", B_FRAMES, None, "yuv420p", True),
    "open_gop.mkv": ("libx264", {"x264-params": "keyint=10:open-gop=1:bframes=3"}, None, "yuv420p", True),
    "mpeg4.mov": ("mpeg4", B_FRAMES, None, "yuv420p", True),
    "vp9.webm": ("libvpx-vp9", FAST_VP, None, "yuv420p", True),
    # frames that are decoded and never shown
    "vp8_hidden.webm": ("libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "20"}, None, "yuv420p", True),
    "animation.gif": ("gif", {}, None, "rgb8", True),
    "mjpeg.avi": ("mjpeg", {}, None, "yuvj420p", False),
    "mpeg4_b_frames.avi": ("mpeg4", B_FRAMES, None, "yuv420p", False),
    "h264_b_frames.avi": ("libx264", B_FRAMES, None, "yuv420p", False),
    "mpeg2.ts": ("mpeg2video", B_FRAMES, "mpegts", "yuv420p", False),
    "h264.ts": ("libx264", B_FRAMES, "mpegts", "yuv420p", False),
    "raw.h264": ("libx264", B_FRAMES, "h264", "yuv420p", False),
    "really_avi.mp4": ("mpeg4", B_FRAMES, "avi", "yuv420p", False),
    "really_ts.MP4": ("libx264", B_FRAMES, "mpegts", "yuv420p", False),
    "ten_bits.mp4": ("libx264", B_FRAMES, None, "yuv420p10le", False),
}
CHOICES = {
    "middle": sample_frame_indices,
    "all": range,
    "last": lambda total: [total - 1],
    "one": lambda total: [total // 2 + 3],
    "two": lambda total: [5, total - 6],
    "ends": lambda total: [0, total // 3, total - 2],
    "repeated": lambda total: [4, 4, 4, 17, 17],
}


@pytest.fixture(scope="module")
def video_files(tmp_path_factory, write_video):
    """Path and all frames of a file of `FILES`, made when first asked for."""
    folder, made = tmp_path_factory.mktemp("videos"), {}

    def get(name: str) -> tuple[Path, np.ndarray]:
        if name not in made:
            codec, options, container, pix_fmt, _ = FILES[name]
            path = write_video(folder / name, 60, codec=codec, pix_fmt=pix_fmt, container_format=container, **options)
            made[name] = path, decode_all(path)
        return made[name]

    return get


@pytest.mark.parametrize("name", FILES)
def test_chosen_frames_are_those_of_a_full_decode(name, backend, video_files):
    path, expected = video_files(name)
    assert len(expected) == 60
    for label, choose in CHOICES.items():
        frames, metadata = read_frames(path, choose)
        indices = list(choose(60))
        assert metadata.total_num_frames == 60, label
        assert list(metadata.frames_indices) == indices, label
        assert metadata.video_backend == ("torchcodec" if backend == "torchcodec" and FILES[name][4] else "pyav")
        wrong = [index for index, frame in zip(indices, frames, strict=True) if (frame != expected[index]).any()]
        assert not wrong, label
    frames, _ = read_frames(str(path), lambda total: [7])
    assert (frames == expected[7:8]).all()


@pytest.mark.parametrize(
    ("name", "num_frames"),
    [("face_frontal.mp4", 72), ("no_face.mp4", 95), ("face_far.mkv", 87), ("two_faces.gif", 56)],
)
def test_real_clips_are_counted_and_read_right(name, num_frames, media, backend):
    expected = {}
    indices = sample_frame_indices(num_frames)
    with av.open(str(media / name)) as container:
        for count, frame in enumerate(container.decode(video=0), start=1):
            if count - 1 in indices:
                expected[count - 1] = frame.to_ndarray(format="rgb24")
    assert count == num_frames
    frames, metadata = read_frames(media / name, sample_frame_indices)
    assert metadata.total_num_frames == num_frames
    assert metadata.frames_indices == indices
    for index, frame in zip(indices, frames, strict=True):
        assert (frame == expected[index]).all(), index


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_are_turned_as_the_file_says(rotation, suffix, tmp_path, write_video, backend):
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a display matrix")
    path = write_video(tmp_path / f"turned.{suffix}", 8, rotation=rotation)
    frames, metadata = read_frames(path, range)
    assert metadata.video_backend == backend
    # The matrix's angle is anticlockwise, as NumPy's; PyAV's own arrays are not turned.
    assert (frames == np.rot90(decode_all(path), k=rotation // 90, axes=(1, 2))).all()


class CountingContainer:
    """A PyAV container that counts the frames it decodes."""

    def __init__(self, container, decoded: list):
        self.container, self.decoded = container, decoded

    def __getattr__(self, name):
        return getattr(self.container, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.container.close()

    def decode(self, *args, **kwargs):
        for frame in self.container.decode(*args, **kwargs):
            self.decoded.append(frame.pts)
            yield frame


@pytest.mark.parametrize("backend", ["pyav"], indirect=True)
def test_only_the_neighbourhood_of_chosen_frames_is_decoded(backend, tmp_path, write_video, monkeypatch):
    path = write_video(tmp_path / "long.mp4", 2000, codec="mpeg4", size=(16, 16), g="25")
    expected = decode_all(path)
    decoded, really_open = [], av.open
    monkeypatch.setattr(av, "open", lambda *args, **kwargs: CountingContainer(really_open(*args, **kwargs), decoded))
    frames, metadata = read_frames(path, sample_frame_indices)
    assert (frames == expected[metadata.frames_indices]).all()
    assert 16 <= len(decoded) <= 8 * (25 + 1)  # at most one group of pictures a segment, and its second frame
    assert len(decoded) == len(set(decoded))
    decoded.clear()
    read_frames(path, lambda total: range(100, 150))  # two whole groups: nothing twice, nothing besides
    assert len(decoded) == 50


def test_memory_does_not_grow_with_the_length(tmp_path, write_video):
    pytest.importorskip("resource", reason="peak memory is measured with the resource module of Unix")
    paths = {}
    for num_frames in (200, 4000):
        # One file by seeking and one from start to end, since AVI with B-frames can't be sought in.
        for name, options in {"seek.mp4": {}, "through.avi": {"bf": "2"}}.items():
            path = tmp_path / f"{num_frames}_{name}"
            paths[path.name] = write_video(path, num_frames, codec="mpeg4", size=(128, 128), g="25", **options)
    program = """
import resource, sys
from logoformer_hf import video_processing_logoformer as reader
unit = 1 if sys.platform == "darwin" else 1024
torchcodec_decoder = reader.torchcodec_decoder
def peak(paths):
    for backend in (torchcodec_decoder, lambda: None):
        reader.torchcodec_decoder = backend
        for path in paths:
            reader.read_frames(path, reader.sample_frame_indices)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
short = peak(sys.argv[1:3])
print(peak(sys.argv[3:5]) - short)
"""
    result = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths.values())], capture_output=True, text=True, check=True
    )
    growth = int(result.stdout.split()[-1])
    assert growth < 40e6  # all frames would be 4000 x 128 x 128 x 3 = 197 MB


# --- frames as files


def test_folder_is_read_in_the_order_of_its_numbers(tmp_path, processor):
    frames = marked_frames(12)
    save_frames(tmp_path, frames)  # frame1 ... frame12: by letters, frame10 would follow frame1
    (tmp_path / "notes.txt").write_text("no frame")
    (tmp_path / "._frame1.png").write_bytes(b"what a Mac leaves in archives")
    expected = frames.transpose(0, 3, 1, 2)[sample_frame_indices(12)]
    for folder in (tmp_path, str(tmp_path)):
        pixel_values = processor(folder, **RAW, return_tensors="pt")["pixel_values"]
        assert (pixel_values[0].numpy() == expected).all()


def test_only_sampled_files_are_opened_and_brought_to_one_size(tmp_path):
    files = save_frames(tmp_path, marked_frames(72))
    files[0].write_bytes(b"broken")  # index 0 is not among the sampled ones
    Image.new("RGB", (16, 12), (9, 9, 9)).save(files[12])
    frames, metadata = read_frames(tmp_path, sample_frame_indices)
    assert metadata.total_num_frames == 72
    assert frames.shape == (16, 6, 8, 3)
    assert frames[:, 3, 3, 0].tolist() == [9 if i == 12 else i for i in metadata.frames_indices]
    files[13].write_bytes(b"broken")
    with pytest.raises(VideoReadError, match=r"frame14.png: cannot identify"):
        read_frames(tmp_path, sample_frame_indices)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK"])
def test_frame_files_of_other_modes_become_rgb(mode, tmp_path):
    suffix = "jpg" if mode == "CMYK" else "png"  # neither writes all of them
    for number in range(2):
        Image.new("RGB", (8, 6), (40, 40, 40)).convert(mode).save(tmp_path / f"{number}.{suffix}")
    frames, _ = read_frames(tmp_path, range)
    assert frames.shape == (2, 6, 8, 3)
    assert (frames == 40).all()


def smooth_pictures(num_frames: int, height: int, width: int) -> np.ndarray:
    """Waves of every colour, about as sharp as a face: JPEG keeps them within a few steps."""
    y, x = np.mgrid[:height, :width] * (256 / min(height, width))
    waves = [np.sin(x / 9 + number) + np.cos(y / 7 - number) for number in range(3 * num_frames)]
    pictures = 127.5 + 60 * np.stack(waves).reshape(num_frames, 3, height, width).transpose(0, 2, 3, 1)
    return pictures.round().astype(np.uint8)


def save_jpegs(folder: Path, frames: np.ndarray) -> list[Path]:
    folder.mkdir()
    files = [folder / f"{number}.jpg" for number in range(len(frames))]
    for file, frame in zip(files, frames, strict=True):
        Image.fromarray(frame).save(file, quality=90)
    return files


@pytest.mark.parametrize(
    ("size", "min_side_px", "decoded"),
    [
        ((256, 256), None, (256, 256)),
        ((256, 256), 129, (256, 256)),
        ((256, 256), 128, (128, 128)),
        ((256, 256), 65, (128, 128)),
        ((256, 256), 64, (64, 64)),
        ((256, 256), 32, (32, 32)),
        ((256, 256), 1, (32, 32)),  # a JPEG can be decoded at an eighth of its size, no less
        ((240, 426), 112, (120, 213)),
        ((240, 425), 112, (240, 425)),  # half of 425 would not be the same picture
        ((1080, 1812), 112, (270, 453)),
        ((100, 100), 112, (100, 100)),
    ],
)
def test_jpegs_are_decoded_no_larger_than_needed(size, min_side_px, decoded, tmp_path):
    files = save_jpegs(tmp_path / "clip", smooth_pictures(2, *size))
    contents = [file.read_bytes() for file in files]
    for frames, _ in (
        read_frames(tmp_path / "clip", range, min_side_px),
        read_encoded_frames(files, range, min_side_px),
        read_encoded_frames(contents, range, min_side_px),
    ):
        assert frames.shape == (2, *decoded, 3)
        for frame, file in zip(frames, files, strict=True):
            with Image.open(file) as whole:
                # What libjpeg leaves out is what averaging each block of pixels leaves out.
                expected = np.asarray(whole.resize(decoded[::-1], Image.Resampling.BOX)).astype(int)
            assert np.abs(frame - expected).mean() < 1


@pytest.mark.parametrize(("height", "width"), [(256, 256), (224, 224), (360, 640), (1080, 810), (225, 225)])
def test_reduced_decoding_hardly_changes_the_result(height, width, tmp_path, processor):
    files = save_jpegs(tmp_path / "clip", smooth_pictures(2, height, width))
    whole = np.stack([np.asarray(Image.open(file)) for file in files])
    keep_uint8 = {"do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
    expected = processor(whole, **keep_uint8)["pixel_values"]
    given = processor(tmp_path / "clip", **keep_uint8)["pixel_values"]
    assert given.shape == expected.shape == (1, 16, 3, 112, 112)
    # Of 255 steps: averaging blocks of pixels before resizing blurs a little more than resizing alone.
    difference = (given.int() - expected.int()).abs().float()
    assert difference.mean() < 1.5
    assert difference.max() <= 12
    assert torch.equal(given, processor(tmp_path / "clip", **keep_uint8)["pixel_values"])


def test_what_a_call_needs_decides_how_large_jpegs_are_decoded(tmp_path, processor):
    save_jpegs(tmp_path / "clip", smooth_pictures(1, 256, 256))
    without_crop = {"do_center_crop": False, "do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
    raw = processor(tmp_path / "clip", do_resize=False, **without_crop)["pixel_values"]
    assert raw.shape[-2:] == (256, 256)
    small = LogoFormerVideoProcessor(size={"shortest_edge": 40})
    for size, side_px in {40: 40, (30, 40): 40}.items():
        assert small.min_decoded_side_px(size=size) == side_px
    assert small.min_decoded_side_px() == 40
    assert small.min_decoded_side_px(do_resize=False) is None
    assert small.min_decoded_side_px(size={"shortest_edge": 50, "longest_edge": 90}) == 50
    assert small.min_decoded_side_px(size={"longest_edge": 90}) is None
    for size in ({"shortest_edge": 64}, {"height": 64, "width": 64}, 64):
        pixel_values = small(tmp_path / "clip", size=size, **without_crop)["pixel_values"]
        decoded, _ = read_frames(tmp_path / "clip", sample_frame_indices, 64)
        assert torch.equal(pixel_values[0], torch.from_numpy(decoded).permute(0, 3, 1, 2))  # nothing left to resize


def test_only_jpegs_are_decoded_smaller(tmp_path):
    frames = marked_frames(3, 64, 64)
    save_frames(tmp_path, frames)
    assert (read_frames(tmp_path, range, 8)[0] == frames).all()


# --- what a clip may be


def test_embedded_images_are_a_clip(tmp_path, processor):
    frames = marked_frames(20)
    files = save_frames(tmp_path / "clip", frames)
    contents = [file.read_bytes() for file in files]
    clips = {
        "bytes": contents,
        "with names": [{"bytes": content, "path": f"{number}.png"} for number, content in enumerate(contents)],
        "without names": [{"bytes": content, "path": None} for content in contents],
        "paths alone": [{"bytes": None, "path": str(file)} for file in files],
    }
    expected = torch.from_numpy(frames).permute(0, 3, 1, 2)[sample_frame_indices(20)]
    batch = processor(list(clips.values()), **RAW, return_tensors="pt")["pixel_values"]
    for name, pixel_values in zip(clips, batch, strict=True):
        assert torch.equal(pixel_values, expected), name
        assert torch.equal(processor(clips[name], **RAW, return_tensors="pt")["pixel_values"][0], expected), name


def test_only_sampled_embedded_images_are_decoded(tmp_path, processor):
    contents = [file.read_bytes() for file in save_frames(tmp_path / "clip", marked_frames(72))]
    contents[0] = b"broken"  # index 0 is not among the sampled ones
    processor([contents])
    contents[13] = b"broken"
    with pytest.raises(VideoReadError, match=r"^embedded frame 13: cannot identify the image's format.$"):
        processor([contents])
    named = [{"bytes": content, "path": f"{number}.png"} for number, content in enumerate(contents)]
    with pytest.raises(VideoReadError, match=r"^embedded frame 13 \(13.png\): cannot identify"):
        processor([named])
    truncated = save_jpegs(tmp_path / "jpegs", smooth_pictures(1, 64, 64))[0].read_bytes()[:-200]
    with pytest.raises(VideoReadError, match=r"^embedded frame 0: image file is truncated"):
        processor([[truncated]])
    with pytest.raises(VideoReadError, match=r"gone.jpg: No such file"):
        processor([[{"bytes": None, "path": "gone.jpg"}]])


def test_every_kind_of_clip_gives_the_same_pixels(tmp_path, processor):
    frames = marked_frames(20)
    files = save_frames(tmp_path / "clip", frames)
    first = torch.from_numpy(frames).permute(0, 3, 1, 2)
    clips = {
        "folder": tmp_path / "clip",
        "files": files,
        "names of files": [str(file) for file in files],
        "pil": [Image.fromarray(frame) for frame in frames],
        "array, channels last": frames,
        "array, channels first": first.numpy(),
        "list of arrays": list(frames),
        "tensor, channels first": first,
        "tensor, channels last": torch.from_numpy(frames),
        "list of tensors": list(first),
        "tuple": tuple(Image.fromarray(frame) for frame in frames),
    }
    expected = first[sample_frame_indices(20)]
    batch = processor(list(clips.values()), **RAW, return_tensors="pt")["pixel_values"]
    assert batch.dtype == torch.uint8
    assert batch.shape == (len(clips), 16, 3, 6, 8)
    for name, pixel_values in zip(clips, batch, strict=True):
        assert torch.equal(pixel_values, expected), name
    for name in set(clips) - {"files", "names of files"}:  # alone, a list of paths is a batch
        alone = processor(clips[name], **RAW, return_tensors="pt")["pixel_values"]
        assert torch.equal(alone, expected[None]), name
    stacked = torch.stack([first, first.flip(0)])
    for videos in (stacked, stacked.numpy(), list(stacked)):
        pixel_values = processor(videos, **RAW, return_tensors="pt")["pixel_values"]
        assert torch.equal(pixel_values, stacked[:, sample_frame_indices(20)])


def test_list_of_paths_is_a_batch(tmp_path, processor, write_video):
    paths = [write_video(tmp_path / f"{seed}.mp4", 20, seed=seed) for seed in range(2)]
    batch = processor([str(paths[0]), paths[1]], return_tensors="pt")["pixel_values"]
    assert batch.shape == (2, 16, 3, 112, 112)
    for path, pixel_values in zip(paths, batch, strict=True):
        assert torch.equal(processor(path, return_tensors="pt")["pixel_values"][0], pixel_values)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_pil_frames_of_other_modes_become_rgb(mode, processor):
    frames = [Image.new("RGB", (8, 6), (40, 40, 40)).convert(mode), Image.new("RGB", (8, 6), (40, 40, 40))]
    pixel_values = processor(frames, **RAW, return_tensors="pt")["pixel_values"]
    assert pixel_values.shape == (1, 16, 3, 6, 8)
    assert (pixel_values == 40).all()


def test_floating_frames_pass_without_rescaling(processor):
    frames = torch.full((4, 3, 20, 20), 0.5)
    given = processor(frames, do_rescale=False, return_tensors="pt")["pixel_values"]
    mean, std = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)
    assert torch.allclose(given[0, 0, :, 5, 5], (0.5 - mean) / std)


# --- to pixel_values


def test_defaults_normalise_as_imagenet_does(processor):
    color = np.array([120, 60, 200], dtype=np.uint8)
    pixel_values = processor(np.broadcast_to(color, (20, 90, 70, 3)), return_tensors="pt")["pixel_values"]
    assert pixel_values.shape == (1, 16, 3, 112, 112)
    assert pixel_values.dtype == torch.float32
    # Written out: the library's "standard" constants are 0.5, which a pretrained ResNet was not trained with.
    expected = (torch.tensor([120, 60, 200]) / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225]
    )
    assert torch.allclose(pixel_values, expected.view(3, 1, 1).expand_as(pixel_values), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(240, 320), (320, 240), (50, 50), (97, 131), (40, 400)])
def test_shorter_side_is_resized_and_the_middle_cropped(height, width, processor):
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (1, 3, height // 8 + 1, width // 8 + 1), dtype=torch.uint8, generator=generator)
    frames = tvf.resize(frames, [height, width])
    pixel_values = processor(frames, do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"]
    resized_height, resized_width = (112, 112 * width // height) if height < width else (112 * height // width, 112)
    resized = tvf.resize(frames[0], [resized_height, resized_width], antialias=True).int()
    top, left = (resized_height - 112) // 2, (resized_width - 112) // 2
    expected = resized[:, top : top + 112, left : left + 112]
    assert pixel_values.shape == (1, 16, 3, 112, 112)
    assert (pixel_values[0, 5].int() - expected).abs().max() <= 1


def test_options_of_a_call(processor):
    frames = marked_frames(40)

    def chosen(**kwargs) -> list[int]:
        return processor(frames, **RAW, return_tensors="pt", **kwargs)["pixel_values"][0, :, 0, 3, 3].tolist()

    assert chosen() == sample_frame_indices(40)
    assert chosen(do_sample_frames=False) == list(range(40))
    assert chosen(num_frames=4) == sample_frame_indices(40, num_frames=4)
    assert chosen(frames_per_segment=4) == sample_frame_indices(40, frames_per_segment=4)
    drawn = chosen(generator=torch.Generator().manual_seed(3))
    assert drawn == sample_frame_indices(40, generator=torch.Generator().manual_seed(3))
    assert drawn != chosen() == sample_frame_indices(40)  # the option was for that call alone


def test_do_sample_frames_false_reads_the_whole_file(tmp_path, processor, write_video, backend):
    path = write_video(tmp_path / "clip.mp4", 21)
    pixel_values = processor(path, do_sample_frames=False, **RAW, return_tensors="pt")["pixel_values"]
    assert (pixel_values[0].numpy() == decode_all(path).transpose(0, 3, 1, 2)).all()


def test_save_and_load(tmp_path, write_video):
    saved = LogoFormerVideoProcessor(num_frames=6, frames_per_segment=3, image_mean=[0.1, 0.2, 0.3])
    saved.save_pretrained(tmp_path)
    # AutoVideoProcessor finds the class by the configuration's model type as well as by its name in the file.
    LogoFormerConfig.tiny().save_pretrained(tmp_path)
    path = write_video(tmp_path / "clip.mp4", 30)
    expected = saved(path, return_tensors="pt")["pixel_values"]
    assert expected.shape[1] == 6
    for loaded in (LogoFormerVideoProcessor.from_pretrained(tmp_path), AutoVideoProcessor.from_pretrained(tmp_path)):
        assert type(loaded) is LogoFormerVideoProcessor
        assert (loaded.num_frames, loaded.frames_per_segment) == (6, 3)
        assert torch.equal(loaded(path, return_tensors="pt")["pixel_values"], expected)
    changed = LogoFormerVideoProcessor.from_pretrained(tmp_path, frames_per_segment=2)
    assert changed.frames_per_segment == 2


def test_pipeline_gives_the_scores_of_the_model(tmp_path, write_video):
    torch.manual_seed(0)
    model = LogoFormerForVideoClassification(LogoFormerConfig.tiny()).eval()
    processor = LogoFormerVideoProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    path = write_video(tmp_path / "short.mp4", 9)
    with torch.no_grad():
        scores = model(**processor(path, return_tensors="pt")).logits[0].softmax(-1)
    classify = pipeline("video-classification", model=str(tmp_path), device="cpu")
    given = classify(str(path), top_k=7)
    assert given == sorted(given, key=lambda item: -item["score"])
    assert {item["label"]: item["score"] for item in given} == pytest.approx(
        {model.config.id2label[number]: score for number, score in enumerate(scores.tolist())}, abs=1e-6
    )


# --- what cannot be read


def audio_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def without_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


def truncated_png(path: Path) -> None:
    save_frames(path, np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8))
    file = path / "frame1.png"
    file.write_bytes(file.read_bytes()[:4000])


BAD_FILES = {
    "missing.mp4": (lambda path: None, "there is no such file or folder"),
    "empty.mp4": (lambda path: path.touch(), "the file is empty"),
    "text.mp4": (lambda path: path.write_text("Dear diary"), r"not a readable video \(Invalid data"),
    "noise.mkv": (lambda path: path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 9), "not a readable video"),
    "audio.mp4": (audio_only, "the file has no video stream"),
    "no_frames.mp4": (without_frames, "the file has no video stream"),
    "no_frames.mkv": (without_frames, "not a readable video"),
    "folder": (lambda path: path.mkdir(), r"the folder has no frames \(\.bmp, "),
    "of_folders": (lambda path: (path / "00001").mkdir(parents=True), "the folder has no frames"),
    "of_broken_images": (truncated_png, "image file is truncated|broken PNG"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_unreadable_files_are_named_with_the_reason(name, backend, tmp_path, processor):
    make, reason = BAD_FILES[name]
    path = tmp_path / name
    make(path)
    with pytest.raises(VideoReadError, match=reason) as caught:
        processor(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    for noise in ("\n", "Errno", ".cpp"):
        assert noise not in message
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy)) == (VideoReadError, message)


@pytest.mark.parametrize("index_at", ["end", "start"])
def test_half_a_file_is_an_error_or_fewer_frames(index_at, backend, tmp_path, write_video):
    codec_options = {} if index_at == "end" else {"movflags": "faststart"}
    path = tmp_path / "half.mp4"
    with av.open(str(path), "w", options=codec_options) as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8)
        for frame in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    whole = decode_all(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if index_at == "end":
        with pytest.raises(VideoReadError, match=r"half.mp4: not a readable video"):
            read_frames(path, sample_frame_indices)
    else:  # what is there, though the header promises all
        frames, metadata = read_frames(path, sample_frame_indices)
        assert 20 < metadata.total_num_frames < 40
        assert (frames == whole[metadata.frames_indices]).all()


@contextmanager
def as_another_user(path: Path):
    """Root may read everything, so as root the test steps down to a user that the folder is closed to."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions of this system work in another way")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(0o700)


@pytest.mark.parametrize("closed", ["file", "folder", "parent"])
def test_missing_permission_is_said(closed, tmp_path, write_video):
    path = write_video(tmp_path / "clip.mp4", 3) if closed == "file" else tmp_path / "frames"
    if closed != "file":
        save_frames(path, marked_frames(3))
    video = path / "frame1.png" if closed == "parent" else path
    with as_another_user(path), pytest.raises(VideoReadError, match="Permission denied") as caught:
        read_frames(video, sample_frame_indices)
    assert str(caught.value).startswith(str(video))


@pytest.mark.parametrize(
    ("videos", "kwargs", "reason"),
    [
        ([], {}, "`videos` is empty"),
        ([[]], {}, "`videos` is empty"),
        (None, {}, "`videos` is a NoneType"),
        (np.zeros((5, 5), dtype=np.uint8), {}, r"`videos` has shape \(5, 5\)"),
        (torch.zeros((1, 1, 1, 3, 5, 5), dtype=torch.uint8), {}, r"`videos` has shape \(1, 1, 1, 3, 5, 5\)"),
        (np.zeros((0, 8, 8, 3), dtype=np.uint8), {}, "zero frames"),
        (np.zeros((2, 0, 8, 8, 3), dtype=np.uint8), {}, "zero frames"),
        (np.zeros((4, 8, 8, 3), dtype=np.float32), {}, "float32; they must be uint8"),
        (torch.zeros(4, 3, 8, 8), {}, "float32; they must be uint8"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], {}, "different shapes"),
        ([Image.new("RGB", (8, 8)), Image.new("RGB", (9, 8))], {}, "different shapes"),
        (np.zeros((4, 8, 8, 3), dtype=np.uint8), {"fps": 5}, "`fps` is 5.*give `num_frames`"),
    ],
)
def test_wrong_frames_in_memory_are_a_value_error(videos, kwargs, reason, processor):
    with pytest.raises(ValueError, match=reason) as caught:
        processor(videos, **kwargs)
    assert not isinstance(caught.value, VideoReadError)


@pytest.mark.parametrize("name", ["num_frames", "frames_per_segment"])
def test_impossible_options_are_named(name, processor):
    with pytest.raises(Exception, match=name):
        processor(marked_frames(20), **{name: 0})


# --- the quick JPEG decoder


def jpeg_bytes(size=(64, 48), mode="RGB", **options) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("min_side_px", [None, 1, 12, 24, 48])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 90},
        {"quality": 40, "subsampling": 0},
        {"quality": 75, "subsampling": 1, "progressive": True},
        {"mode": "L"},
        {"mode": "CMYK"},
        {"size": (67, 53)},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_both_jpeg_decoders_give_the_same_pixels(options, min_side_px):
    pytest.importorskip("simplejpeg")
    content = jpeg_bytes(**options)
    quick = reader.decode_jpeg(content, min_side_px)
    expected = reader.decode_with_pillow(content, "frame", min_side_px)
    if options.get("mode") == "CMYK":
        assert quick is None
    else:
        assert np.array_equal(quick, expected)


@pytest.mark.parametrize("content", [jpeg_bytes()[:-60], b"\xff\xd8", b"", b"no picture"])
def test_what_the_quick_decoder_leaves_alone(content):
    assert reader.decode_jpeg(content, None) is None
    with pytest.raises(VideoReadError, match=r"^frame: "):
        reader.decode_with_pillow(content, "frame", None)


def test_without_the_quick_decoder_frames_are_the_same(tmp_path, monkeypatch):
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_bytes((64, 64), quality=50 + number))
    processor = LogoFormerVideoProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    frames = processor(tmp_path, return_tensors="pt")["pixel_values"]
    monkeypatch.setattr(reader, "simplejpeg_library", lambda: None)
    assert torch.equal(processor(tmp_path, return_tensors="pt")["pixel_values"], frames)
