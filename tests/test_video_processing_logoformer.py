import json

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as tvf
from errors import raises_naming
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import decode_all, marked_frames, save_frames, save_jpegs, smooth_pictures
from PIL import Image
from toys import toy_config
from transformers import AutoVideoProcessor, pipeline

from logoformer_hf import (
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
    VideoReadError,
)
from logoformer_hf.video_processing_logoformer import sample_frame_indices
from logoformer_hf.video_reading_logoformer import read_frames

RAW = {"do_resize": False, "do_center_crop": False, "do_rescale": False, "do_normalize": False}


@pytest.fixture(scope="module")
def processor() -> LogoFormerVideoProcessor:
    return LogoFormerVideoProcessor()


# --- which frames


@pytest.mark.parametrize(
    ("total", "kwargs", "expected"),
    [
        (16, {}, list(range(16))),
        # 8 segments of 9 frames, 7 possible starts each: the fourth
        (72, {}, [3, 4, 12, 13, 21, 22, 30, 31, 39, 40, 48, 49, 57, 58, 66, 67]),
        # The second and the sixth of the 8 possible starts of each segment.
        (72, {"place": 0.25}, [1, 2, 10, 11, 19, 20, 28, 29, 37, 38, 46, 47, 55, 56, 64, 65]),
        (72, {"place": 0.75}, [5, 6, 14, 15, 23, 24, 32, 33, 41, 42, 50, 51, 59, 60, 68, 69]),
        (16, {"place": 0.75}, list(range(16))),
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
    with raises_naming(ValueError, f"`{name}`", value):
        sample_frame_indices(**{"total_num_frames": 30, "num_frames": 16, "frames_per_segment": 2} | {name: value})


@pytest.mark.parametrize("place", [0.0, 1.0, -0.5, float("nan")])
def test_a_place_outside_of_the_segment_is_named(place):
    with raises_naming(ValueError, "`place`", place):
        sample_frame_indices(30, place=place)


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


def test_do_sample_frames_false_reads_the_whole_file(tmp_path, processor, write_video):
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


def test_a_processor_from_a_configuration_gives_what_the_model_is_made_for():
    processor = LogoFormerVideoProcessor.from_config(toy_config(num_frames=6, image_size=40))
    assert processor(marked_frames(9), return_tensors="pt")["pixel_values"].shape == (1, 6, 3, 40, 40)
    changed = LogoFormerVideoProcessor.from_config(toy_config(), num_frames=3, image_mean=[0.1, 0.2, 0.3])
    assert (changed.num_frames, changed.crop_size["height"], changed.image_mean) == (3, 48, (0.1, 0.2, 0.3))
    usual = LogoFormerVideoProcessor.from_config(LogoFormerConfig())
    assert usual.to_dict() == LogoFormerVideoProcessor().to_dict()


def test_pipeline_gives_the_scores_of_the_model(tiny_folder, tmp_path, write_video):
    model = LogoFormerForVideoClassification.from_pretrained(tiny_folder).eval()
    processor = LogoFormerVideoProcessor.from_pretrained(tiny_folder)
    path = write_video(tmp_path / "short.mp4", 9)
    with torch.no_grad():
        scores = model(**processor(path, return_tensors="pt")).logits[0].softmax(-1)
    classify = pipeline("video-classification", model=str(tiny_folder), device="cpu")
    given = classify(str(path), top_k=7)
    assert given == sorted(given, key=lambda item: -item["score"])
    assert {item["label"]: item["score"] for item in given} == pytest.approx(
        {model.config.id2label[number]: score for number, score in enumerate(scores.tolist())}, abs=1e-6
    )


# --- what is refused


@pytest.mark.parametrize(
    ("videos", "kwargs", "words"),
    [
        ([], {}, ["videos"]),
        ([[]], {}, ["videos"]),
        (None, {}, ["videos", "NoneType"]),
        (np.zeros((5, 5), dtype=np.uint8), {}, ["videos", "(5, 5)"]),
        (torch.zeros((1, 1, 1, 3, 5, 5), dtype=torch.uint8), {}, ["videos", "(1, 1, 1, 3, 5, 5)"]),
        (np.zeros((0, 8, 8, 3), dtype=np.uint8), {}, ["(0, 8, 8, 3)"]),
        (np.zeros((2, 0, 8, 8, 3), dtype=np.uint8), {}, ["(0, 8, 8, 3)"]),
        (np.zeros((4, 8, 8, 3), dtype=np.float32), {}, ["float32", "uint8"]),
        (torch.zeros(4, 3, 8, 8), {}, ["float32", "uint8"]),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], {}, ["(8, 8, 3)", "(8, 9, 3)"]),
        ([Image.new("RGB", (8, 8)), Image.new("RGB", (9, 8))], {}, ["(8, 8, 3)", "(8, 9, 3)"]),
        (np.zeros((4, 8, 8, 3), dtype=np.uint8), {"fps": 5}, ["fps", "5", "num_frames"]),
    ],
)
def test_wrong_frames_in_memory_are_a_value_error(videos, kwargs, words, processor):
    with raises_naming(ValueError, *words) as caught:
        processor(videos, **kwargs)
    assert not isinstance(caught.value, VideoReadError)


@pytest.mark.parametrize("name", ["num_frames", "frames_per_segment"])
def test_impossible_options_are_named(name, processor):
    with raises_naming(Exception, name):
        processor(marked_frames(20), **{name: 0})


# --- settings of others


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_std", [0.2, 0.0, 0.2]),
        ("image_std", 0),
        ("image_std", [-1.0] * 3),
        ("image_std", [1e-300] * 3),
        ("image_mean", [0.5] * 1000),
        ("rescale_factor", 1e300),
        ("resample", 99),
        ("image_mean", [float("nan")] * 3),
        ("image_mean", ["a"] * 3),
        ("rescale_factor", 0),
        ("rescale_factor", float("inf")),
        ("num_frames", 10**9),
        ("num_frames", 0),
        ("frames_per_segment", 0),
        ("size", {"shortest_edge": 10**6}),
        ("crop_size", {"height": 10**6, "width": 10**6}),
        ("crop_size", {"height": 112.5, "width": 112}),
    ],
)
def test_settings_that_give_no_pixels_or_too_many_are_refused(tmp_path, name, value):
    with raises_naming(ValueError, name):
        LogoFormerVideoProcessor(**{name: value})
    LogoFormerVideoProcessor().save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "video_preprocessor_config.json").read_text())
    (tmp_path / "video_preprocessor_config.json").write_text(json.dumps(settings | {name: value}))
    with raises_naming(ValueError, name):
        AutoVideoProcessor.from_pretrained(tmp_path)


def test_frames_and_sides_that_are_too_many_together_are_refused():
    with raises_naming(ValueError, "num_frames", "crop_size"):
        LogoFormerVideoProcessor(num_frames=1_000, crop_size={"height": 2_000, "width": 2_000})


def test_a_deviation_of_zero_is_refused_in_a_call_too(processor):
    with raises_naming(ValueError, "image_std"):
        processor(np.zeros((16, 20, 20, 3), np.uint8), image_std=[0.0] * 3)
